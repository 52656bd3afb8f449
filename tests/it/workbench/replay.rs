//! `rule record`, `rule pull-exchanges` and `rule replay`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use claimsmith::recording::{RecordedRule, RecordingSettings};
use claimsmith::rule_host::{
    BoundRule, Exchange, Limits, Manifest, OnFault, Permissions, RuleHost, Subject,
};
use claimsmith::secret::Secret;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::{Bench, shipped};
use crate::rule_host::guest::{Effect, denying, returning};

struct Somebody;

impl Subject for Somebody {}

/// In every language that rules are shipped in: Rust, C, and the three dialects of JavaScript. One more in
/// JavaScript comes behind them, and the one in the folder [`PYTHON`] where its tools were there to build it, as
/// `just workbench` does.
const CHAIN: [&str; 7] = [
    "partner-scope-exchange",
    "email-allow-list",
    "email-allow-list-c",
    "roles-to-claims",
    "extra-scope",
    "department-classic",
    "plan-action",
];

/// Names the folder of a rule in Python, made by `rule new` and `rule build`.
const PYTHON: &str = "CLAIMSMITH_PYTHON_RULE";

const VALUES: [(&str, &str); 5] = [
    ("NAMESPACE", "https://acme.example/staff/"),
    ("ALLOWED_EMAIL_DOMAINS", "acme.example"),
    ("CLAIMS_NAMESPACE", "https://acme.example"),
    ("EXTRA_SCOPE", "export"),
    ("EXTRA_SCOPE_CLIENT_ID", "till"),
];

const SET: [&str; 10] = [
    "--set",
    "NAMESPACE=https://acme.example/staff/",
    "--set",
    "ALLOWED_EMAIL_DOMAINS=acme.example",
    "--set",
    "CLAIMS_NAMESPACE=https://acme.example",
    "--set",
    "EXTRA_SCOPE=export",
    "--set",
    "EXTRA_SCOPE_CLIENT_ID=till",
];

/// Exchanges of users of two domains, with text of every kind in names, roles and metadata.
fn exchanges(count: usize) -> Vec<Exchange> {
    let mut runner = TestRunner::deterministic();
    let strategy = (
        "[a-z]{1,8}@(acme|evil)\\.example",
        proptest::collection::vec("\\PC{0,12}", 0..5),
        proptest::collection::btree_map("[a-z]{1,6}", "\\PC{0,12}", 0..5),
        proptest::sample::select(vec!["till", "web"]),
    );
    (0..count)
        .map(|i| {
            let (email, roles, mut metadata, client) =
                strategy.new_tree(&mut runner).unwrap().current();
            metadata.insert("department".to_owned(), "sales".to_owned());
            serde_json::from_value(json!({
                "id": format!("{i:05}"),
                "tenant": "acme",
                "now": 1_700_000_000_000_u64 + i as u64,
                "client": {"id": client},
                "user": {"id": format!("auth0|{i}"), "email": email, "email_verified": true,
                    "roles": roles, "app_metadata": metadata, "logins_count": i % 3},
                "api": {"identifier": "https://api.example/", "scopes": ["read", "export"]},
                "draft": {"scopes": ["openid", "read"], "access_claims": {"sub": format!("auth0|{i}")},
                    "id_claims": {"sub": format!("auth0|{i}")}}
            }))
            .unwrap()
        })
        .collect()
}

/// A partner's machine asks instead of a user: what the rule for that form of exchange runs on.
fn machine(exchange: Exchange) -> Exchange {
    let mut document = serde_json::to_value(exchange).unwrap();
    document["user"] = json!(null);
    document["grant"] = json!("client-credentials");
    document["client"]["metadata"] = json!([["partner", "42"]]);
    serde_json::from_value(document).unwrap()
}

/// Random numbers and the time are those of the exchange, so they are the same again.
const SCRIPT: &str = r#"
exports.onExecutePostLogin = async (event, api) => {
  api.idToken.setCustomClaim("https://acme.example/luck", [Math.random(), Date.now(), new Date().toISOString()]);
};"#;

fn bind_script(host: &RuleHost, bench: &Bench) -> BoundRule {
    bench.write("pulled/rules/luck@1/rule.wasm", SCRIPT);
    BoundRule {
        name: "luck".into(),
        version: 1,
        rule: Ok(host.load(SCRIPT.as_bytes()).unwrap()),
        on_fault: OnFault::Deny,
        manifest: None,
        permissions: Permissions::default(),
        action: None,
    }
}

fn bind(host: &RuleHost, bench: &Bench, rule: &str, folder: &Path) -> BoundRule {
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let script = folder.join("rule.js").exists();
    let component = read(if script { "rule.js" } else { "rule.wasm" });
    let manifest = read("rule.toml");
    let manifest = Manifest::parse(std::str::from_utf8(&manifest).unwrap()).unwrap();
    bench.write(&format!("pulled/rules/{rule}@1/rule.wasm"), &component);
    let text = serde_json::to_string(&manifest).unwrap();
    bench.write(&format!("pulled/rules/{rule}@1/manifest.json"), text);
    BoundRule {
        name: rule.into(),
        version: 1,
        rule: Ok(host.load(&component).unwrap()),
        on_fault: OnFault::Deny,
        manifest: Some(Arc::new(manifest)),
        permissions: Permissions::default(),
        action: None,
    }
}

/// Runs and records exchanges as the server does, in this process; the command replays in another.
async fn record(bench: &Bench, count: usize, settings: &RecordingSettings) {
    let limits = Limits {
        deadline: std::time::Duration::from_secs(60),
        component_bytes: Limits::MOST_COMPONENT_BYTES,
        ..Limits::default()
    };
    let host = RuleHost::new(limits, Some(crate::support::compiled())).unwrap();
    let shipped = |rule: &&str| bind(&host, bench, rule, shipped(rule).as_ref());
    let mut chain: Vec<BoundRule> = CHAIN.iter().map(shipped).collect();
    chain.push(bind_script(&host, bench));
    if let Some(folder) = std::env::var_os(PYTHON) {
        chain.push(bind(&host, bench, "python", Path::new(&folder)));
    }
    let configuration: BTreeMap<String, Secret> = VALUES
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Secret::new(*value)))
        .collect();
    for (i, exchange) in exchanges(count).into_iter().enumerate() {
        // Enough of each kind where there are many.
        let exchange = if count >= 1000 && i % 4 == 0 {
            machine(exchange)
        } else {
            exchange
        };
        let id = exchange.id.clone();
        let (verdict, report) = host
            .run(&chain, Somebody, exchange.clone(), &configuration)
            .await;
        let recorded = settings
            .record(exchange, RecordedRule::of(&chain), &verdict, &report)
            .unwrap();
        let text = serde_json::to_string(&recorded).unwrap();
        bench.write(&format!("pulled/exchanges/{id}.json"), text);
    }
}

fn settings(redact: &[&str]) -> RecordingSettings {
    RecordingSettings {
        keep: 1000,
        redact: redact.iter().map(|pointer| (*pointer).to_owned()).collect(),
    }
}

#[tokio::test]
async fn a_thousand_exchanges_are_reproduced_to_the_byte_in_another_process() {
    let bench = Bench::new();
    record(&bench, 1000, &settings(&[])).await;
    let (code, document) = bench.json(&[&["rule", "replay", "pulled"], &SET[..]].concat());
    assert_eq!(
        (
            &document["exchanges"],
            &document["reproduced"],
            &document["not_reproduced"]
        ),
        (&json!(1000), &json!(1000), &json!([]))
    );
    assert_eq!(code, 0);
    // Both outcomes were among them, and every language and dialect had something to say.
    let denied = "\"denied\"";
    let files = std::fs::read_dir(bench.path("pulled/exchanges")).unwrap();
    let denials = files
        .filter(|file| {
            let path = file.as_ref().unwrap().path();
            std::fs::read_to_string(path).unwrap().contains(denied)
        })
        .count();
    assert!((100..900).contains(&denials), "{denials}");
    let all: String = std::fs::read_dir(bench.path("pulled/exchanges"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let python = std::env::var_os(PYTHON).map(|_| "https://example.com/roles");
    let always = [
        "/roles",
        "export",
        "last_department",
        "/plan",
        "/partner",
        "/luck",
    ];
    for said in always.into_iter().chain(python) {
        assert!(all.contains(said), "{said}");
    }
}

#[tokio::test]
async fn a_new_version_is_told_by_what_it_would_change() {
    let bench = Bench::new();
    record(&bench, 40, &settings(&[])).await;
    let replay = |rule: &str, name: &str| {
        let arguments = ["rule", "replay", "pulled", "--rule", rule, "--name", name];
        bench.json(&[&arguments[..], &SET[..]].concat())
    };
    let same = shipped("roles-to-claims");
    let (code, document) = replay(&same, "roles-to-claims");
    assert_eq!((code, &document["changed"]), (0, &json!([])));
    assert_eq!(document["fuel_before"], document["fuel_after"]);

    bench.write("strict/rule.wasm", denying(None, "nobody"));
    let (code, document) = replay("strict", "roles-to-claims");
    assert_eq!(code, 1);
    let newly = document["newly"]["denied"].as_u64().unwrap();
    assert!(
        0 < newly && newly < 40,
        "those that were denied before are not new: {newly}"
    );

    let effects = [
        Effect::SetAccessClaim("tier", "1"),
        Effect::AddScope("admin"),
    ];
    bench.write("generous/rule.wasm", returning(&effects));
    let (_, document) = replay("generous", "roles-to-claims");
    assert_eq!(document["newly"], json!({}));
    let (claims, scopes) = (&document["claims"], &document["scopes"]);
    assert_eq!(claims["gained"]["tier"], json!(newly));
    assert_eq!(
        claims["lost"]["https://acme.example/roles"],
        json!(2 * newly),
        "of both tokens"
    );
    assert_eq!(scopes["gained"]["admin"], json!(newly));
    let text = bench.run(
        &[
            &[
                "rule",
                "replay",
                "pulled",
                "--rule",
                "strict",
                "--name",
                "roles-to-claims",
            ],
            &SET[..],
        ]
        .concat(),
    );
    assert!(
        text.stdout.contains(&format!("newly denied: {newly}")),
        "{}",
        text.stdout
    );
}

#[tokio::test]
async fn marked_fields_are_in_no_file_and_recordings_without_output_replay_all_the_same() {
    let bench = Bench::new();
    record(&bench, 5, &settings(&["/user/email", "/user/app_metadata"])).await;
    for file in std::fs::read_dir(bench.path("pulled/exchanges")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(
            !text.contains(".example\"") || !text.contains('@'),
            "{text}"
        );
    }
    let (code, document) = bench.json(&["rule", "replay", "pulled"]);
    assert_eq!((code, &document["without_output"]), (0, &json!(5)));
}

#[tokio::test]
async fn a_recording_that_cannot_be_replayed_is_3_or_64_and_one_sentence() {
    let bench = Bench::new();
    let complaint = |arguments: &[&str], code: i32, expected: &str| {
        let done = bench.run(arguments);
        assert_eq!(done.code, code, "{}{}", done.stdout, done.stderr);
        assert!(done.stderr.contains(expected), "{}", done.stderr);
        assert_eq!(done.stderr.trim_end().lines().count(), 1, "{}", done.stderr);
    };
    complaint(&["rule", "replay", "nowhere"], 64, "pull-exchanges");
    record(&bench, 1, &settings(&[])).await;
    let rule = shipped("office-hours");
    complaint(
        &["rule", "replay", "pulled", "--rule", &rule],
        64,
        "no recorded exchange ran a rule `office-hours`",
    );
    let file = bench.path("pulled/exchanges/00000.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let write = |text: String| std::fs::write(Path::new(&file), text).unwrap();
    write(text.replace("\"format\":1", "\"format\":2"));
    complaint(
        &["rule", "replay", "pulled"],
        3,
        "recorded by a newer version of claimsmith (its format is 2, this one reads 1)",
    );
    write(text.replace("\"rules\":[", "\"rulez\":["));
    complaint(&["rule", "replay", "pulled"], 3, "unknown field `rulez`");
    write(text.replace("\"rule\":\"extra-scope\"", "\"rule\":\"../../etc\""));
    complaint(&["rule", "replay", "pulled"], 3, "is no name of a rule");
    write("[]".to_owned());
    complaint(&["rule", "replay", "pulled"], 3, "00000.json");
}

/// From a server's login to a replay, on one data directory.
#[test]
fn what_a_server_recorded_is_pulled_and_reproduced_and_no_credential_is_in_it() {
    let bench = Bench::new();
    let data = |arguments: &[&str]| {
        let store = ["--data", "data", "--reserve-mib", "0"];
        let cheap = ["--argon2-memory-kib", "8", "--argon2-passes", "1"];
        bench.json(&[arguments, &store[..], &cheap[..]].concat())
    };
    let demo = ["demo", "--once", "--listen", "127.0.0.1:0"];
    assert_eq!(data(&demo).0, 0);
    let (code, _) = data(&["rule", "pull-exchanges", "before"]);
    assert_eq!(code, 0);
    assert_eq!(
        std::fs::read_dir(bench.path("before/exchanges"))
            .unwrap()
            .count(),
        0,
        "off by default"
    );
    assert_eq!(data(&["rule", "record", "--keep", "2"]).0, 0);
    let (_, shown) = data(&demo);
    assert_eq!(
        data(&["rule", "pull-exchanges", "pulled"]).1["exchanges"],
        json!(1)
    );
    let password = shown["request"]["password"].as_str().unwrap();
    let secret = shown["request"]["client_secret"].as_str().unwrap();
    for file in std::fs::read_dir(bench.path("pulled/exchanges")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(password) && !text.contains(secret));
    }
    let client = format!(
        "EXTRA_SCOPE_CLIENT_ID={}",
        shown["request"]["client_id"].as_str().unwrap()
    );
    let audience = format!(
        "CLAIMS_NAMESPACE={}",
        shown["request"]["audience"].as_str().unwrap()
    );
    let (code, document) = bench.json(&[
        "rule",
        "replay",
        "pulled",
        "--set",
        "ALLOWED_EMAIL_DOMAINS=acme.example",
        "--set",
        "TIME_ZONE=Europe/Berlin",
        "--set",
        "OFFICE_HOURS=Mon-Sun 00:00-24:00",
        "--set",
        "EXTRA_SCOPE=export:orders",
        "--set",
        &client,
        "--set",
        &audience,
    ]);
    assert_eq!(
        (code, &document["reproduced"]),
        (0, &json!(1)),
        "{document:#}"
    );
    // The ring keeps two, and turning it off forgets them.
    data(&demo);
    data(&demo);
    assert_eq!(
        data(&["rule", "pull-exchanges", "two"]).1["exchanges"],
        json!(2)
    );
    assert_eq!(data(&["rule", "record", "--off"]).0, 0);
    assert_eq!(
        data(&["rule", "pull-exchanges", "none"]).1["exchanges"],
        json!(0)
    );
    let nothing = bench.run(&[
        "rule",
        "record",
        "--keep",
        "0",
        "--data",
        "data",
        "--reserve-mib",
        "0",
    ]);
    assert_eq!(nothing.code, 64, "{}", nothing.stderr);
}
