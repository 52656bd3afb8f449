//! What a server that is killed in the middle of its work has promised, its successor keeps.

use std::path::Path;
use std::sync::Mutex;

use claimsmith::clock::{Clock as _, SystemClock};
use claimsmith::token::AssertionAlgorithm;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::client_key::ClientKey;
use crate::support::command::{Cli, Serving};

const EMAIL: &str = "ada@acme.example";
const PASSWORD: &str = "correct horse battery";
const API: &str = "https://orders.example/";
const REFUSED: &str = "403 invalid_grant: Unknown or invalid refresh token.";

/// A tenant with a user and an API, on a disk.
struct House {
    cli: Cli,
    user_id: String,
}

impl House {
    fn new() -> Self {
        let cli = Cli::new();
        cli.json(&["init", "--tenant", "acme"]);
        cli.json(&["api", "create", API, "--allow-offline-access"]);
        let user = ["user", "create", "--email", EMAIL, "--password-stdin"];
        assert_eq!(cli.with_input(&user, &format!("{PASSWORD}\n")).code, 0);
        let user = cli.json(&["user", "find", EMAIL]);
        let user_id = user["user_id"].as_str().unwrap().to_owned();
        Self { cli, user_id }
    }

    /// A client whose refresh tokens rotate.
    fn client(&self) -> Client {
        let grants = ["--grant", "password", "--grant", "refresh_token"];
        let create = [&["client", "create", "Till"][..], &grants].concat();
        let client = self.cli.json(&create);
        let text = |name: &str| client[name].as_str().unwrap().to_owned();
        let (id, secret) = (text("client_id"), text("client_secret"));
        let rotate = ["client", "set-refresh-tokens", &id, "--rotation"];
        self.cli.json(&[&rotate[..], &["rotating"]].concat());
        Client { id, secret }
    }
}

#[derive(Clone)]
struct Client {
    id: String,
    secret: String,
}

impl Client {
    fn login<'a>(&'a self, password: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "password"),
            ("username", EMAIL),
            ("password", password),
            ("client_id", &self.id),
            ("client_secret", &self.secret),
            ("audience", API),
            ("scope", "offline_access"),
        ]
    }

    fn refresh<'a>(&'a self, token: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", &self.id),
            ("client_secret", &self.secret),
        ]
    }
}

/// What a server said. Nothing if it was killed before it had said it whole.
struct Said {
    status: StatusCode,
    body: Value,
}

impl Said {
    #[track_caller]
    fn refresh_token(&self) -> String {
        let token = self.body["refresh_token"].as_str();
        token.unwrap_or_else(|| panic!("{}", self.body)).to_owned()
    }

    fn refusal(&self) -> String {
        let text = |name: &str| self.body[name].as_str().unwrap_or_default();
        format!(
            "{} {}: {}",
            self.status.as_u16(),
            text("error"),
            text("error_description")
        )
    }
}

async fn try_ask(url: String, form: &[(&str, &str)]) -> Option<Said> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(url).header("host", "acme.localhost").form(form);
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let body = match answer.bytes().await.ok()? {
        empty if empty.is_empty() => Value::Null,
        body => serde_json::from_slice(&body).unwrap(),
    };
    Some(Said { status, body })
}

async fn ask(serving: &Serving, form: &[(&str, &str)]) -> Said {
    let said = try_ask(serving.url("/oauth/token"), form).await;
    said.expect("a server that nobody killed answers")
}

/// Lets some clients refresh without pause, and kills the server after so many exchanges. What each
/// held last: the token it had shown, and the one it had got for it.
async fn killed_amid_refreshes(
    serving: Serving,
    client: &Client,
    tokens: Vec<String>,
    exchanges: usize,
) -> Vec<(String, String)> {
    let (done, mut counted) = tokio::sync::mpsc::unbounded_channel();
    let mut busy = JoinSet::new();
    for first in tokens {
        let (client, url, done) = (client.clone(), serving.url("/oauth/token"), done.clone());
        busy.spawn(async move {
            let (mut shown, mut token) = (String::new(), first);
            while let Some(said) = try_ask(url.clone(), &client.refresh(&token)).await {
                shown = std::mem::replace(&mut token, said.refresh_token());
                let _ = done.send(());
            }
            (shown, token)
        });
    }
    for _ in 0..exchanges {
        counted.recv().await.unwrap();
    }
    drop(serving);
    busy.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_refresh_token_stays_spent_and_its_successor_good_when_the_server_is_killed() {
    let house = House::new();
    let client = house.client();
    let mut serving = house.cli.serve();
    // Kills at different moments of an exchange: while some are on their way to the disk.
    for exchanges in [8, 13, 21, 34, 55] {
        let mut tokens = Vec::new();
        for _ in 0..6 {
            let login = ask(&serving, &client.login(PASSWORD)).await;
            tokens.push(login.refresh_token());
        }
        // One of them rests: what it got was acknowledged, and nothing was under way.
        let spent = tokens.pop().unwrap();
        let resting = ask(&serving, &client.refresh(&spent)).await.refresh_token();
        let held = killed_amid_refreshes(serving, &client, tokens, exchanges).await;

        serving = house.cli.serve();
        let next = ask(&serving, &client.refresh(&resting)).await;
        assert_eq!(next.status, 200, "{}", next.body);
        let again = ask(&serving, &client.refresh(&spent)).await;
        assert_eq!(again.refusal(), REFUSED);
        for (number, (shown, token)) in held.iter().enumerate() {
            if number % 2 == 0 && !shown.is_empty() {
                let again = ask(&serving, &client.refresh(shown)).await;
                assert_eq!(again.refusal(), REFUSED, "it was spent");
                // That was an alarm: the family is gone with it.
                let last = ask(&serving, &client.refresh(token)).await;
                assert_eq!(last.refusal(), REFUSED);
            } else {
                // An exchange may have been on disk without its answer being heard.
                let last = ask(&serving, &client.refresh(token)).await;
                let lost = last.refusal() == REFUSED;
                assert!(last.status == 200 || lost, "{}", last.body);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7009_2_1_what_was_handed_back_is_gone_though_the_server_is_killed_with_the_answer() {
    let house = House::new();
    let client = house.client();
    let mut serving = house.cli.serve();
    for _ in 0..4 {
        let first = ask(&serving, &client.login(PASSWORD)).await.refresh_token();
        let (busy, url, mut last) = (client.clone(), serving.url("/oauth/token"), first.clone());
        let (exchanged, mut once) = tokio::sync::mpsc::unbounded_channel();
        // Exchanged without pause, until it is refused or nobody answers.
        let busy = tokio::spawn(async move {
            while let Some(said) = try_ask(url.clone(), &busy.refresh(&last)).await {
                if said.status != 200 {
                    assert_eq!(said.refusal(), REFUSED);
                    break;
                }
                last = said.refresh_token();
                let _ = exchanged.send(());
            }
            last
        });
        once.recv().await.unwrap();
        let hand_back = [
            ("token", first.as_str()),
            ("client_id", &client.id),
            ("client_secret", &client.secret),
        ];
        let said = try_ask(serving.url("/oauth/revoke"), &hand_back).await;
        assert_eq!(said.unwrap().status, 200);
        drop(serving);
        let last = busy.await.unwrap();

        serving = house.cli.serve();
        for token in [&first, &last] {
            let again = ask(&serving, &client.refresh(token)).await;
            assert_eq!(again.refusal(), REFUSED);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_a_user_s_refresh_tokens_and_ends_them_for_good() {
    let house = House::new();
    let (till, phone) = (house.client(), house.client());
    let serving = house.cli.serve();
    let mut tokens = Vec::new();
    for client in [&till, &till, &phone, &phone] {
        let login = ask(&serving, &client.login(PASSWORD)).await;
        tokens.push(login.refresh_token());
    }
    tokens[0] = ask(&serving, &till.refresh(&tokens[0]))
        .await
        .refresh_token();
    drop(serving);

    let list = ["refresh-token", "list", &house.user_id];
    let listed = house.cli.json(&list);
    assert_eq!(listed.as_array().unwrap().len(), 4);
    let text = listed.to_string();
    for token in &tokens {
        assert!(!text.contains(token) && !text.contains("mark"), "{text}");
    }
    let of_till = [&list[..], &["--client", &till.id]].concat();
    let of_till = house.cli.json(&of_till);
    let [first, second] = of_till.as_array().unwrap().as_slice() else {
        panic!("{of_till}")
    };
    assert_eq!(first["client_id"], json!(till.id));
    assert_eq!(first["rotating"], json!(true));
    assert_eq!(
        first["resource_servers"],
        json!([{ "audience": API, "scopes": "offline_access" }])
    );
    // The oldest first, and it was the one that was exchanged.
    assert!(first["last_exchanged_at"].is_string() && second.get("last_exchanged_at").is_none());

    let revoke = ["refresh-token", "revoke", first["id"].as_str().unwrap()];
    house.cli.json(&revoke);
    let twice = house.cli.run(&revoke);
    assert_eq!(twice.code, 64, "{}", twice.stdout);
    let all = ["refresh-token", "revoke-all", &house.user_id];
    let of_phone = [&all[..], &["--client", &phone.id]].concat();
    assert_eq!(house.cli.json(&of_phone), json!({ "revoked": 2 }));
    assert_eq!(house.cli.json(&list), json!([second]));
    let log = house.cli.json(&["log"]);
    let types: Vec<&Value> = log.as_array().unwrap().iter().map(|e| &e["type"]).collect();
    assert_eq!(types[..2], ["srrt", "srrt"]);

    let serving = house.cli.serve();
    for (client, token, status) in [
        (&till, &tokens[0], 403),
        (&till, &tokens[1], 200),
        (&phone, &tokens[2], 403),
        (&phone, &tokens[3], 403),
    ] {
        let answer = ask(&serving, &client.refresh(token)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 403 {
            assert_eq!(answer.refusal(), REFUSED);
        }
    }
    drop(serving);
    assert_eq!(house.cli.json(&all), json!({ "revoked": 1 }));
    assert_eq!(house.cli.json(&all), json!({ "revoked": 0 }));
    assert_eq!(house.cli.json(&list), json!([]));
    for nobody in [
        ["refresh-token", "list", "auth0|nobody"],
        ["refresh-token", "revoke-all", "auth0|nobody"],
    ] {
        assert_eq!(house.cli.run(&nobody).code, 64);
    }
}

/// A client that signs assertions, and may have tokens for [`API`].
fn signing_client(cli: &Cli, key: &ClientKey) -> String {
    let create = ["client", "create", "Nightly", "--auth", "private_key_jwt"];
    let client = cli.json(&[&create[..], &["--grant", "client_credentials"]].concat());
    let id = client["client_id"].as_str().unwrap().to_owned();
    let file = cli.folder.path().join("nightly.pem");
    std::fs::write(&file, key.pem()).unwrap();
    add_key(cli, &id, &file);
    cli.json(&["client-grant", "create", &id, API]);
    id
}

fn add_key(cli: &Cli, client_id: &str, file: &Path) {
    let file = file.to_str().unwrap();
    let add = ["client", "credential", "add", client_id, file];
    cli.json(&[&add[..], &["--alg", "ES256"]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7523_3_an_assertion_is_good_once_though_the_server_is_killed_in_between() {
    let house = House::new();
    let key = ClientKey::p256();
    let id = signing_client(&house.cli, &key);
    // Many are shown again: each is to be refused for what it is.
    let patient = r#"{"client_secret_throttling": {"enabled": false}}"#;
    house.cli.json(&["protection", "set", patient]);
    let now = SystemClock.now();
    let assertion = |jti: usize| {
        let claims = json!({
            "iss": id, "sub": id, "aud": "http://acme.localhost:8080/", "jti": jti.to_string(),
            "exp": now.as_secs() + 280,
        });
        key.jwt(AssertionAlgorithm::ES256, &json!({"alg": "ES256"}), &claims)
    };
    let form = |assertion: &str| {
        [
            ("grant_type", "client_credentials"),
            ("audience", API),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion),
        ]
        .map(|(name, value)| (name, value.to_owned()))
    };
    let accepted = Mutex::new(Vec::new());
    let shown = async |url: String, jti: usize| {
        let form = form(&assertion(jti));
        let form: Vec<_> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let said = try_ask(url, &form).await?;
        if said.status == 200 {
            accepted.lock().unwrap().push(jti);
        } else {
            let refusal = said.refusal();
            assert_eq!(refusal, "401 invalid_client: Client authentication failed");
        }
        Some(said.status)
    };
    const FRESH: usize = 30;
    let mut assertions = 0;
    for killed_after in [1, 7, 19] {
        assertions += FRESH;
        let serving = house.cli.serve();
        let url = serving.url("/oauth/token");
        let all = (0..assertions).map(|jti| shown(url.clone(), jti));
        let before = accepted.lock().unwrap().len();
        let kill = async {
            while accepted.lock().unwrap().len() < before + killed_after {
                tokio::task::yield_now().await;
            }
            drop(serving);
        };
        // Beside fresh ones each is shown again in every life of the server, all at once.
        futures_util::future::join(futures_util::future::join_all(all), kill).await;
    }
    let serving = house.cli.serve();
    let url = serving.url("/oauth/token");
    for jti in 0..assertions {
        shown(url.clone(), jti).await.unwrap();
    }
    let mut accepted = accepted.into_inner().unwrap();
    let total = accepted.len();
    accepted.sort_unstable();
    accepted.dedup();
    assert_eq!(
        accepted.len(),
        total,
        "one was accepted twice: {accepted:?}"
    );
    assert!(total >= 1 + 7 + 19);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_counted_across_the_server_s_deaths_ten_and_not_one_more() {
    let house = House::new();
    let client = house.client();
    let mut wrong = 0;
    for answers in [2, 1, 3] {
        let serving = house.cli.serve();
        let mut guesses = JoinSet::new();
        for _ in 0..50 {
            let (client, url) = (client.clone(), serving.url("/oauth/token"));
            guesses.spawn(async move { try_ask(url, &client.login("wrong")).await });
        }
        let mut serving = Some(serving);
        let mut heard = 0;
        while let Some(said) = guesses.join_next().await {
            let Some(said) = said.unwrap() else { continue };
            match said.status.as_u16() {
                403 => {
                    wrong += 1;
                    heard += 1;
                }
                429 => {}
                other => panic!("{other}: {}", said.body),
            }
            if heard == answers {
                // Fifty under way, some of them looked at and not yet answered.
                serving = None;
            }
        }
        drop(serving);
    }
    let serving = house.cli.serve();
    for _ in 0..20 {
        let said = ask(&serving, &client.login("wrong")).await;
        wrong += usize::from(said.status == 403);
    }
    assert!((1..=10).contains(&wrong), "{wrong} passwords looked at");
    let right = ask(&serving, &client.login(PASSWORD)).await;
    assert_eq!(right.status, 429, "{}", right.body);
    drop(serving);
    // And the administrator's word outlives a death, too.
    house.cli.json(&["protection", "unblock", EMAIL]);
    let serving = house.cli.serve();
    let right = ask(&serving, &client.login(PASSWORD)).await;
    assert_eq!(right.status, 200, "{}", right.body);
}

/// How a job stands; none while nobody answers.
async fn job(serving: &Serving, token: &str, path: &str) -> Option<Value> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.get(serving.url(path)).header("host", "acme.localhost");
    let answer = request.bearer_auth(token).send().await.ok()?;
    assert_eq!(answer.status(), 200);
    answer.json().await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_where_it_was_however_often_the_server_is_killed() {
    const USERS: usize = 3_000;
    const MANAGEMENT: &str = "http://acme.localhost:8080/api/v2/";
    let house = House::new();
    let create = ["client", "create", "Robot", "--auth", "client_secret_post"];
    let robot = house
        .cli
        .json(&[&create[..], &["--grant", "client_credentials"]].concat());
    let text = |name: &str| robot[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let grant = ["client-grant", "create", &id, MANAGEMENT, "--all-scopes"];
    house.cli.json(&grant);
    let connection = house.cli.json(&["connection", "list"]);
    let connection = connection[0]["id"].as_str().unwrap().to_owned();

    let mut serving = house.cli.serve();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &id),
        ("client_secret", &secret),
        ("audience", MANAGEMENT),
    ];
    let token = ask(&serving, &form).await.body["access_token"].clone();
    let token = token.as_str().unwrap();
    let users: Vec<Value> = (0..USERS)
        .map(|number| json!({"email": format!("u{number}@acme.example"), "user_id": format!("n{number}")}))
        .collect();
    let part = |name: &str, content: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    };
    let body = part("users", &json!(users).to_string())
        + &part("connection_id", &connection)
        + "--x--\r\n";
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = http
        .post(serving.url("/api/v2/jobs/users-imports"))
        .header("host", "acme.localhost")
        .header("content-type", "multipart/form-data; boundary=x")
        .bearer_auth(token)
        .body(body);
    let made: Value = sent.send().await.unwrap().json().await.unwrap();
    let path = format!("/api/v2/jobs/{}", made["id"].as_str().unwrap());

    // With the answer, and when some of it is done.
    let begun = std::time::Instant::now();
    let in_time = || assert!(begun.elapsed().as_secs() < 120, "it does not go on");
    let mut seen = 0;
    for percentage in [0, 5, 20, 60] {
        while seen < percentage {
            in_time();
            let now = job(&serving, token, &path).await.unwrap();
            seen = now["percentage_done"].as_u64().unwrap();
        }
        drop(serving);
        serving = house.cli.serve();
        // What was seen may not have been on the disk yet: it is done again.
        seen = 0;
    }
    let over = loop {
        in_time();
        let now = job(&serving, token, &path).await.unwrap();
        if now["status"] != "pending" {
            break now;
        }
    };
    assert_eq!(over["status"], "completed", "{over}");
    let summary = json!({"total": USERS, "inserted": USERS, "updated": 0, "failed": 0});
    assert_eq!(over["summary"], summary);
    let all = job(
        &serving,
        token,
        "/api/v2/users?per_page=1&include_totals=true",
    )
    .await
    .unwrap();
    // The administrator, and Ada.
    assert_eq!(all["total"], json!(USERS + 2));
}
