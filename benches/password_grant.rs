//! What a password grant costs besides Argon2: `cargo bench --bench password_grant`.
//!
//! One run, interleaved: a grant over HTTP with the five shipped rules bound, and the same hash
//! alone. Prints medians, and the share of the grant that is not the hash. Absolute times say as
//! much about the machine as about the server; the share is what to compare.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot go on has nothing to print"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use claimsmith::admin::clients::NewClient;
use claimsmith::admin::rules::NewBinding;
use claimsmith::admin::tenants::FIRST_CONNECTION;
use claimsmith::admin::users::NewUser;
use claimsmith::admin::{clients, rules, tenants, users};
use claimsmith::client::ClientAuthentication;
use claimsmith::config::Config;
use claimsmith::credential::HashSettings;
use claimsmith::http::accept::{self, ConnectionLimits};
use claimsmith::rule_host::OnFault;
use claimsmith::secret::Secret;
use claimsmith::server::Server;
use claimsmith::tenant::{Issuer, TenantName};

const ROUNDS: usize = 200;
const EMAIL: &str = "ada@acme.example";
const PASSWORD: &str = "correct horse battery";
const RULES: [&str; 5] = [
    "email-allow-list",
    "email-allow-list-c",
    "office-hours",
    "roles-to-claims",
    "extra-scope",
];

#[tokio::main]
async fn main() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut config = Config::new(data.path().join("data"));
    config.uploads.program = Some(env!("CARGO_BIN_EXE_claimsmith").into());
    let server = Server::open(&config).await.expect("a server");
    let (server, form) = seed(Arc::new(server)).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!(
        "http://{}/oauth/token",
        listener.local_addr().expect("an address")
    );
    let router = claimsmith::http::router(server);
    tokio::spawn(accept::serve(
        listener,
        router,
        ConnectionLimits::default(),
        std::future::pending(),
    ));
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");

    let mut grants = Vec::with_capacity(ROUNDS);
    let mut hashes = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + 10 {
        let start = Instant::now();
        let response = client
            .post(&url)
            .form(&form)
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        let body = response.bytes().await.expect("a body");
        let grant = start.elapsed();
        assert!(
            status.is_success(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        let hash = tokio::task::spawn_blocking(hash).await.expect("a hash");
        // The first rounds warm caches and connections.
        if round >= 10 {
            grants.push(grant);
            hashes.push(hash);
        }
    }
    let (grant, hash) = (median(&mut grants), median(&mut hashes));
    let rest = grant.saturating_sub(hash);
    println!(
        "password grant over HTTP, five rules: p50 {grant:?}, p99 {:?}",
        percentile(&grants, 99)
    );
    println!(
        "Argon2id alone, 19 MiB, 2 passes:     p50 {hash:?}, p99 {:?}",
        percentile(&hashes, 99)
    );
    println!(
        "not Argon2:                           {rest:?}, {:.1} % of the grant",
        100.0 * rest.as_secs_f64() / grant.as_secs_f64()
    );
}

/// The hash alone, with memory that is there already, as the server's threads have it.
fn hash() -> Duration {
    thread_local! {
        static MEMORY: std::cell::RefCell<Vec<argon2::Block>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    let settings = HashSettings::default();
    let params = Params::new(
        settings.memory_kib,
        settings.passes,
        settings.lanes,
        Some(32),
    );
    let params = params.expect("the default parameters");
    MEMORY.with_borrow_mut(|memory| {
        memory.resize(params.block_count(), argon2::Block::default());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut out = [0; 32];
        let start = Instant::now();
        argon2
            .hash_password_into_with_memory(
                PASSWORD.as_bytes(),
                b"sixteen bytes ok",
                &mut out,
                memory,
            )
            .expect("a hash");
        std::hint::black_box(out);
        start.elapsed()
    })
}

async fn seed(server: Arc<Server>) -> (Arc<Server>, Vec<(&'static str, String)>) {
    let tenant = TenantName::parse("bench").expect("a name");
    let issuer = Issuer::parse("http://bench.localhost/").expect("an issuer");
    tenants::create(&server, tenant.clone(), issuer)
        .await
        .expect("a tenant");
    let client = NewClient {
        name: "bench".to_owned(),
        authentication: ClientAuthentication::ClientSecretPost,
        grant_types: vec!["password".to_owned()],
        is_first_party: true,
        metadata: Default::default(),
    };
    let (client, secret) = clients::create(&server, &tenant, client)
        .await
        .expect("a client");
    let user = NewUser {
        connection: FIRST_CONNECTION.to_owned(),
        email: Some(EMAIL.to_owned()),
        email_verified: true,
        roles: vec!["editor".to_owned()],
        ..NewUser::default()
    };
    users::create(&server, &tenant, user, Secret::new(PASSWORD))
        .await
        .expect("a user");
    for (key, value) in [
        ("ALLOWED_EMAIL_DOMAINS", "acme.example"),
        ("TIME_ZONE", "Europe/Berlin"),
        ("OFFICE_HOURS", "Mon-Sun 00:00-24:00"),
    ] {
        rules::configure(&server, &tenant, key, &Secret::new(value))
            .await
            .expect("a setting");
    }
    for name in RULES {
        let path = format!("{}/rules/{name}/rule.wasm", env!("CARGO_MANIFEST_DIR"));
        let component = std::fs::read(path).expect("a component");
        rules::upload(&server, &tenant, name, component, None)
            .await
            .expect("a rule");
        let binding = NewBinding {
            version: None,
            order: None,
            grants: Vec::new(),
            on_fault: Some(OnFault::Deny),
            permissions: None,
        };
        rules::bind(&server, &tenant, name, binding)
            .await
            .expect("a binding");
    }
    let secret = secret.expect("a secret").expose().to_owned();
    let form = vec![
        ("grant_type", "password".to_owned()),
        ("username", EMAIL.to_owned()),
        ("password", PASSWORD.to_owned()),
        ("client_id", client.client_id),
        ("client_secret", secret),
        ("scope", "openid profile email".to_owned()),
    ];
    (server, form)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    percentile(times, 50)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
