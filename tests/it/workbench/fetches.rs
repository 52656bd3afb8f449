//! What rules fetched, recorded and replayed without a network and without keys.

use std::collections::BTreeMap;

use claimsmith::recording::{RecordedRule, RecordingSettings};
use claimsmith::rule_host::{BoundRule, Exchange, Limits, OnFault, Permissions, RuleHost, Subject};
use claimsmith::secret::Secret;
use serde_json::{Value, json};

use super::{Bench, shipped};

struct Somebody;

impl Subject for Somebody {}

/// A key in the URL, a token of one response in the next request, and a part of an answer in a claim.
const SCRIPT: &str = r#"
exports.onExecutePostLogin = async (event, api) => {
  const base = "https://api.example";
  const granted = await fetch(base + "/token?api_key=" + event.secrets.KEY, { method: "POST", body: "grant=" + event.secrets.KEY });
  const { access_token } = await granted.json();
  const plan = await fetch(base + "/" + event.secrets.KEY + "/plan?who=" + event.user.email, {
    method: "POST", body: access_token, headers: { authorization: "Bearer " + access_token } });
  const body = await plan.text();
  api.idToken.setCustomClaim("https://acme.example/plan", JSON.parse(body).plan);
  api.idToken.setCustomClaim("https://acme.example/length", body.length);
};"#;

const KEY: &str = "k3y-9f/71";
const TOKEN: &str = "tokentokentoken";

fn exchange() -> Exchange {
    serde_json::from_value(json!({
        "id": "00001", "tenant": "acme", "now": 1_700_000_000_000_u64, "client": {"id": "web"},
        "user": {"id": "auth0|1", "email": "ada@acme.example"},
        "draft": {"scopes": ["openid"], "id_claims": {"sub": "auth0|1"}}
    }))
    .unwrap()
}

fn network() -> Value {
    let plan = format!("https://api.example/{KEY}/plan?who=ada@acme.example");
    json!({ "fetches": [
        {"url": format!("https://api.example/token?api_key={KEY}"), "method": "POST",
            "headers": [["set-cookie", "sid=cookiecookie"]],
            "body": format!("{{\"access_token\": \"{TOKEN}\", \"token_type\": \"Bearer\"}}")},
        {"url": plan, "method": "POST", "body": format!("{{\"plan\": \"gold\", \"echo\": \"{KEY}\"}}")},
    ]})
}

/// Records one exchange as the server does, and says what is in the file.
async fn record(bench: &Bench) -> String {
    let limits = Limits {
        deadline: std::time::Duration::from_secs(60),
        ..Limits::default()
    };
    let host = RuleHost::new(limits, None).unwrap();
    let chain = [BoundRule {
        name: "plan".into(),
        version: 1,
        rule: Ok(host.load(SCRIPT.as_bytes()).unwrap()),
        on_fault: OnFault::Deny,
        manifest: None,
        action: None,
        permissions: Permissions {
            hosts: vec!["api.example".parse().unwrap()],
            ..Permissions::default()
        },
    }];
    bench.write("pulled/rules/plan@1/rule.wasm", SCRIPT);
    let configuration = BTreeMap::from([("KEY".to_owned(), Secret::new(KEY))]);
    let network = serde_json::from_value(network()).unwrap();
    let (verdict, report) = host
        .replay(&chain, Somebody, exchange(), &configuration, network)
        .await;
    let settings = RecordingSettings {
        keep: 1,
        redact: Vec::new(),
    };
    let rules = RecordedRule::of(&chain);
    let recorded = settings.record(exchange(), rules, &verdict, &report);
    let text = serde_json::to_string_pretty(&recorded.unwrap()).unwrap();
    bench.write("pulled/exchanges/00001.json", &text);
    text
}

#[tokio::test]
async fn keys_are_in_no_recording_and_the_same_version_is_reproduced_all_the_same() {
    let bench = Bench::new();
    let text = record(&bench).await;
    for secret in [KEY, "9f", TOKEN, "cookiecookie"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(
        text.contains("gold") && text.contains("\"allowed\""),
        "{text}"
    );
    let set = format!("KEY={KEY}");
    let (code, document) = bench.json(&["rule", "replay", "pulled", "--set", &set]);
    assert_eq!(
        (code, &document["reproduced"]),
        (0, &json!(1)),
        "{document:#}"
    );
}

#[tokio::test]
async fn a_recorded_exchange_is_run_as_it_is_with_the_answers_of_then() {
    let bench = Bench::new();
    record(&bench).await;
    bench.write("plan/rule.js", SCRIPT);
    let run = |options: &[&str]| {
        let recorded = [
            "rule",
            "run",
            "plan",
            "--input",
            "pulled/exchanges/00001.json",
        ];
        bench.json(&[&recorded[..], options].concat())
    };
    let set = format!("KEY={KEY}");
    let (code, document) = run(&["--set", &set]);
    assert_eq!(code, 0, "{document:#}");
    let claims = &document["after"]["id_claims"];
    assert_eq!(claims["https://acme.example/plan"], json!("gold"));
    assert_eq!(claims["https://acme.example/length"], json!(37));
    // Another user is another request, which nobody answered then.
    let (code, document) = run(&["--set", &set, "--user-email", "eve@acme.example"]);
    assert_eq!(code, 4, "{document:#}");
    assert!(
        document.to_string().contains("is not in the recording"),
        "{document:#}"
    );

    let newer = std::fs::read_to_string(bench.path("pulled/exchanges/00001.json")).unwrap();
    bench.write(
        "newer.json",
        newer.replace("\"format\": 1", "\"format\": 2"),
    );
    let roles = shipped("roles-to-claims");
    let done = bench.run(&["rule", "run", &roles, "--input", "newer.json"]);
    assert_eq!(done.code, 3);
    assert!(
        done.stderr
            .contains("`newer.json`: it was recorded by a newer version")
    );
}
