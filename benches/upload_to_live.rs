//! From an upload to the first login that runs it, over HTTP, on a server with its store on disk:
//! `cargo bench --bench upload_to_live`.
//!
//! One run, interleaved: a change of a rule's order (what any change costs: a token is verified, and a write
//! reaches the disk), a new source in JavaScript of 2 KB, and a new component of 60 KB. Behind each come two
//! logins. The first must have run what was uploaded; what it took longer than the second is part of what the
//! upload costs. Absolute times say as much about the machine as about the server; read the ratios.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot go on has nothing to print"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claimsmith::admin::client_grants::NewClientGrant;
use claimsmith::admin::clients::NewClient;
use claimsmith::admin::tenants::FIRST_CONNECTION;
use claimsmith::admin::users::NewUser;
use claimsmith::admin::{client_grants, clients, tenants, users};
use claimsmith::client::ClientAuthentication;
use claimsmith::config::Config;
use claimsmith::credential::HashSettings;
use claimsmith::http::accept::{self, ConnectionLimits};
use claimsmith::secret::Secret;
use claimsmith::server::Server;
use claimsmith::tenant::{Issuer, TenantName};
use reqwest::Method;
use serde_json::{Value, json};

const ROUNDS: usize = 300;
const WARM_UP: usize = 10;
const EMAIL: &str = "ada@bench.example";
const PASSWORD: &str = "correct horse battery";
const ISSUER: &str = "http://bench.localhost/";
const SCRIPT: &str = include_str!("node/rule.js");
const COMPONENT: &[u8] = include_bytes!("../rules/roles-to-claims/rule.wasm");

/// What is asked for, and what was measured.
struct Candidate {
    name: &'static str,
    body: fn(usize) -> Value,
    /// From the request to its answer.
    answer: Vec<Duration>,
    /// From the request to the answer of the first login behind it, less what a login takes.
    live: Vec<Duration>,
}

type Form = Vec<(&'static str, String)>;

struct Bench {
    http: reqwest::Client,
    url: String,
    token: String,
    login: Form,
    rule: String,
}

#[tokio::main]
async fn main() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut config = Config::new(data.path().join("data"));
    // A login is measured for the rule in it, not for its hash.
    config.hashing = HashSettings {
        memory_kib: 8,
        passes: 1,
        ..HashSettings::default()
    };
    // As `serve` checks uploads.
    config.uploads.program = Some(env!("CARGO_BIN_EXE_claimsmith").into());
    config.uploads.spare = true;
    config.uploads.program = Some(env!("CARGO_BIN_EXE_claimsmith").into());
    let server = Server::open(&config).await.expect("a server");
    let bench = Bench::start(Arc::new(server)).await;
    let mut candidates = [
        Candidate::new(
            "a change without an upload",
            |number| json!({ "order": number + 1 }),
        ),
        Candidate::new(
            "JavaScript, 2 KB",
            |number| json!({ "script": format!("{SCRIPT}\n// {number}\n") }),
        ),
        Candidate::new(
            "a component, 60 KB",
            |number| json!({ "component": BASE64_STANDARD.encode(component(number)) }),
        ),
    ];
    for round in 0..WARM_UP + ROUNDS {
        for candidate in &mut candidates {
            candidate.measure(&bench, round).await;
        }
    }
    println!("{ROUNDS} rounds, in ms");
    println!(
        "{:>9} {:>9} {:>7} {:>9} {:>9}",
        "answered", "p99", "ratio", "live p50", "p99"
    );
    let base = percentile(&mut candidates[0].answer, 50);
    for candidate in &mut candidates {
        candidate.print(base);
    }
}

impl Candidate {
    fn new(name: &'static str, body: fn(usize) -> Value) -> Self {
        Self {
            name,
            body,
            answer: Vec::new(),
            live: Vec::new(),
        }
    }

    async fn measure(&mut self, bench: &Bench, round: usize) {
        let body = (self.body)(round);
        let start = Instant::now();
        let rule = bench
            .manage(Method::PATCH, &format!("rules/{}", bench.rule), &body)
            .await;
        let answer = start.elapsed();
        bench.log_in().await;
        let first = start.elapsed();
        let second = Instant::now();
        bench.log_in().await;
        let login = second.elapsed();
        let exchanges = bench
            .manage(Method::GET, "exchanges?per_page=2", &Value::Null)
            .await;
        for exchange in exchanges.as_array().expect("a list") {
            assert_eq!(exchange["rules"][0]["version"], rule["version"]);
        }
        if round >= WARM_UP {
            self.answer.push(answer);
            self.live.push(first.saturating_sub(login));
        }
    }

    fn print(&mut self, base: f64) {
        let answer = percentile(&mut self.answer, 50);
        println!(
            "{answer:>9.2} {:>9.2} {:>7.1} {:>9.2} {:>9.2}  {}",
            percentile(&mut self.answer, 99),
            answer / base,
            percentile(&mut self.live, 50),
            percentile(&mut self.live, 99),
            self.name
        );
    }
}

impl Bench {
    async fn start(server: Arc<Server>) -> Self {
        let (login, robot) = seed(&server).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let router = claimsmith::http::router(server);
        tokio::spawn(accept::serve(
            listener,
            router,
            ConnectionLimits::default(),
            std::future::pending(),
        ));
        let http = reqwest::Client::builder().no_proxy().build();
        let mut bench = Self {
            http: http.expect("a client"),
            url,
            token: String::new(),
            login,
            rule: String::new(),
        };
        bench.token = bench.issue(&robot).await;
        let rule = json!({ "name": "rule", "script": SCRIPT });
        let rule = bench.manage(Method::POST, "rules", &rule).await;
        bench.rule = rule["id"].as_str().expect("an id").to_owned();
        bench
    }

    async fn manage(&self, method: Method, path: &str, body: &Value) -> Value {
        let mut request = self
            .http
            .request(method, format!("{}api/v2/{path}", self.url))
            .bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(body);
        }
        answer(request).await
    }

    async fn log_in(&self) {
        self.issue(&self.login).await;
    }

    async fn issue(&self, form: &[(&str, String)]) -> String {
        let request = self.http.post(format!("{}oauth/token", self.url));
        let issued = answer(request.form(form)).await;
        issued["access_token"].as_str().expect("a token").to_owned()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let body: Value = response.json().await.expect("a document");
    assert!(status.is_success(), "{status}: {body}");
    body
}

/// The same code as another upload: with a custom section, which nothing reads.
fn component(number: usize) -> Vec<u8> {
    let text = format!("{number:08}");
    let mut component = COMPONENT.to_vec();
    let payload = 1 + 1 + text.len();
    component.extend([0, payload as u8, 1, b'n']);
    component.extend(text.bytes());
    component
}

/// The forms of a login, and of a client that may do everything.
async fn seed(server: &Server) -> (Form, Form) {
    let tenant = TenantName::parse("bench").expect("a name");
    let issuer = Issuer::parse(ISSUER).expect("an issuer");
    tenants::create(server, tenant.clone(), issuer)
        .await
        .expect("a tenant");
    let user = NewUser {
        connection: FIRST_CONNECTION.to_owned(),
        email: Some(EMAIL.to_owned()),
        ..NewUser::default()
    };
    users::create(server, &tenant, user, Secret::new(PASSWORD))
        .await
        .expect("a user");
    let mut login = client(server, &tenant, "password").await;
    login.push(("username", EMAIL.to_owned()));
    login.push(("password", PASSWORD.to_owned()));
    let mut robot = client(server, &tenant, "client_credentials").await;
    let audience = format!("{ISSUER}api/v2/");
    let grant = NewClientGrant {
        client_id: robot[1].1.clone(),
        audience: audience.clone(),
        allow_all_scopes: true,
        ..NewClientGrant::default()
    };
    client_grants::create(server, &tenant, grant)
        .await
        .expect("a client grant");
    robot.push(("audience", audience));
    (login, robot)
}

async fn client(server: &Server, tenant: &TenantName, grant_type: &'static str) -> Form {
    let new = NewClient {
        name: grant_type.to_owned(),
        authentication: ClientAuthentication::ClientSecretPost,
        grant_types: vec![grant_type.to_owned()],
        is_first_party: true,
        metadata: Default::default(),
    };
    let made = clients::create(server, tenant, new).await;
    let (client, secret) = made.expect("a client");
    let secret = secret.expect("a secret").expose().to_owned();
    vec![
        ("grant_type", grant_type.to_owned()),
        ("client_id", client.client_id),
        ("client_secret", secret),
    ]
}

/// In milliseconds.
fn percentile(samples: &mut [Duration], percent: usize) -> f64 {
    samples.sort_unstable();
    let at = (samples.len() * percent / 100).min(samples.len() - 1);
    samples[at].as_secs_f64() * 1e3
}
