//! Webhooks of a server that is killed.

use std::collections::BTreeSet;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::command::{Cli, Serving};
use crate::support::upstream::{Upstream, ok, root};

/// As `init` without `--issuer` makes it.
const MANAGEMENT: &str = "http://acme.localhost:8080/api/v2/";

struct Client {
    http: reqwest::Client,
    id: String,
    secret: String,
}

impl Client {
    /// A token for the tenant's management: an event each time.
    async fn token(&self, serving: &Serving) -> Option<String> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.id),
            ("client_secret", &self.secret),
            ("audience", MANAGEMENT),
        ];
        let request = self.http.post(serving.url("/oauth/token")).form(&form);
        let request = request.header("host", "acme.localhost").send();
        let answer: Value = request.await.ok()?.json().await.ok()?;
        Some(answer["access_token"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_of_the_log_is_missing_at_the_receiver_however_often_the_server_is_killed() {
    let receiver = Upstream::start(|_| ok("")).await;
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    let create = ["client", "create", "Robot", "--auth", "client_secret_post"];
    let made = cli.json(&[&create[..], &["--grant", "client_credentials"]].concat());
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let client = Client {
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        id: text("client_id"),
        secret: text("client_secret"),
    };
    let grant = [
        "client-grant",
        "create",
        &client.id,
        MANAGEMENT,
        "--all-scopes",
    ];
    cli.json(&grant);
    let ca = cli.folder.path().join("ca.pem");
    let encoded = base64::engine::general_purpose::STANDARD.encode(root());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    std::fs::write(&ca, pem).unwrap();
    let serve = || {
        let arguments = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--rules-may-reach",
            "127.0.0.1/32",
        ];
        let mut command = cli.command(&arguments);
        command.arg("--rules-ca").arg(&ca);
        Serving::start(command)
    };
    let delivered = || -> BTreeSet<String> {
        let bodies = receiver.seen();
        let text = bodies
            .iter()
            .map(|seen| std::str::from_utf8(&seen.body).unwrap());
        text.flat_map(str::lines)
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["log_id"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    };

    let mut serving = serve();
    let token = client.token(&serving).await.unwrap();
    let stream = json!({
        "name": "ours",
        "type": "http",
        "sink": { "httpEndpoint": format!("https://localhost:{}/", receiver.port) },
    });
    let made = client
        .http
        .post(serving.url("/api/v2/log-streams"))
        .header("host", "acme.localhost")
        .bearer_auth(&token)
        .json(&stream)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 200);
    let first: Value = made.json().await.unwrap();
    assert!(
        first["signing_secret"]
            .as_str()
            .unwrap()
            .starts_with("whsec_")
    );

    for _ in 0..3 {
        let before = delivered().len();
        let ask = async {
            while delivered().len() < before + 5 {
                let some = (0..6).map(|_| client.token(&serving));
                futures_util::future::join_all(some).await;
            }
        };
        ask.await;
        // In the middle of what was written last.
        drop(serving);
        serving = serve();
    }
    let token = client.token(&serving).await.unwrap();
    let mut written = BTreeSet::new();
    for page in 0..10 {
        let path = format!("/api/v2/logs?per_page=100&page={page}");
        let request = client.http.get(serving.url(&path)).bearer_auth(&token);
        let answer = request
            .header("host", "acme.localhost")
            .send()
            .await
            .unwrap();
        let events: Value = answer.json().await.unwrap();
        for event in events.as_array().unwrap() {
            written.insert(event["log_id"].as_str().unwrap().to_owned());
        }
    }
    assert!(written.len() > 15);
    // The one with which the stream was made came before it.
    let begun = std::time::Instant::now();
    loop {
        let delivered = delivered();
        let missing: Vec<&String> = written.difference(&delivered).collect();
        if missing.len() <= 1 {
            if let Some(only) = missing.first() {
                assert_eq!(Some(*only), written.first(), "what was before the stream");
            }
            break;
        }
        assert!(begun.elapsed().as_secs() < 60, "{missing:?}");
        tokio::task::yield_now().await;
    }
}
