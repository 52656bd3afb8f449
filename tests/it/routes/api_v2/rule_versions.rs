//! `/api/v2/rule-versions`: uploaded, put to use, taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use claimsmith::rule::{Binding, COMMAND_LINE, RuleVersion};
use claimsmith::rule_host::OnFault;
use claimsmith::store::{Batch, Stored};
use serde_json::{Value, json};

use crate::rule_host::guest::{Effect, returning};
use crate::support::app::{API, Answer, App, PASSWORD};

/// Sets `https://acme.example/NAME` in two claims, as two effects.
fn naming(name: &str, tier: &str) -> String {
    format!(
        "function (user, context, callback) {{
          context.accessToken['https://acme.example/{name}'] = '{tier}';
          context.accessToken['https://acme.example/{name}-again'] = '{tier}';
          callback(null, user, context);
        }}"
    )
}

fn claims(answer: &Answer) -> Value {
    let payload = answer.access_token().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn tier(app: &App) -> Value {
    let answer = app.request().with("audience", API).send().await;
    claims(&answer)["https://acme.example/tier"].clone()
}

#[tokio::test]
async fn a_version_runs_when_it_is_deployed_and_one_call_goes_back() {
    let app = App::start().await;
    let manager = app.manager().await;
    let upload = async |tier: &str| {
        let body = json!({ "script": naming("tier", tier), "note": format!("makes them {tier}") });
        manager
            .post("/rule-versions/tiers", &body)
            .await
            .document(201)
    };
    let gold = upload("gold").await;
    assert_eq!(
        (&gold["version"], &gold["author"], &gold["note"]),
        (
            &json!(1),
            &json!(manager.client_id),
            &json!("makes them gold")
        )
    );
    assert_eq!(tier(&app).await, Value::Null);
    let deploy = |version: &str| format!("/rule-versions/tiers/{version}/deploy");
    let bound = manager.post(&deploy("1"), &json!({ "order": 7 })).await;
    let bound = bound.document(200);
    assert_eq!(
        (&bound["name"], &bound["version"], &bound["order"]),
        (&json!("tiers"), &json!(1), &json!(7))
    );
    assert_eq!(tier(&app).await, "gold");

    let tin = upload("tin").await;
    assert_eq!(
        tier(&app).await,
        "gold",
        "nothing but a deployment puts it to use"
    );
    let by_digest = tin["digest"].as_str().unwrap();
    let found = manager
        .get(&format!("/rule-versions/tiers/{by_digest}"))
        .await;
    assert_eq!(found.document(200), tin);
    let bound = manager
        .post(&deploy(by_digest), &json!({}))
        .await
        .document(200);
    assert_eq!(
        (
            &bound["version"],
            &bound["previous_version"],
            &bound["order"]
        ),
        (&json!(2), &json!(1), &json!(7))
    );
    assert_eq!(tier(&app).await, "tin");
    // Again, which changes nothing; and the same bytes again, which are the same version.
    manager.post(&deploy("2"), &json!({})).await.document(200);
    assert_eq!(upload("tin").await, tin);

    let rollback = "/rule-versions/tiers/rollback";
    let back = manager.send(reqwest::Method::POST, rollback, None).await;
    assert_eq!(back.document(200)["version"], 1);
    assert_eq!(tier(&app).await, "gold");
    assert_eq!(
        manager.post(rollback, &json!({})).await.refused(),
        "409 nothing_to_roll_back: nothing ran before what runs of the rule `tiers`: deploy a version instead"
    );
    let all = manager.get("/rule-versions/tiers").await.document(200);
    assert_eq!(all, json!([gold, tin]));
    let source = app
        .http()
        .get(app.url("/api/v2/rule-versions/tiers/1/component"))
        .header("host", "acme.localhost")
        .bearer_auth(&manager.token);
    let source = source.send().await.unwrap().text().await.unwrap();
    assert_eq!(source, naming("tier", "gold"));
}

#[tokio::test]
async fn a_rollback_brings_back_the_failure_policy_and_leaves_the_rest() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut upload = json!({ "script": naming("tier", "a") });
    manager
        .post("/rule-versions/r", &upload)
        .await
        .document(201);
    upload["script"] = json!(naming("tier", "b"));
    upload["manifest"] = json!({ "name": "r", "version": "2", "on_fault": "skip", "claims": ["https://acme.example/*"] });
    manager
        .post("/rule-versions/r", &upload)
        .await
        .document(201);
    let first = json!({ "permissions": { "hosts": ["risk.example"] }, "on_fault": "deny" });
    let first = manager
        .post("/rule-versions/r/1/deploy", &first)
        .await
        .document(200);
    let second = manager
        .post("/rule-versions/r/2/deploy", &json!({}))
        .await
        .document(200);
    assert_eq!(
        (&first["on_fault"], &second["on_fault"]),
        (&json!("deny"), &json!("skip"))
    );
    let off = json!({ "enabled": false });
    let id = first["id"].as_str().unwrap();
    manager
        .patch(&format!("/rules/{id}"), &off)
        .await
        .document(200);
    let back = manager
        .post("/rule-versions/r/rollback", &json!({}))
        .await
        .document(200);
    assert_eq!(
        (
            &back["version"],
            &back["on_fault"],
            &back["enabled"],
            &back["permissions"]["hosts"]
        ),
        (
            &json!(1),
            &json!("deny"),
            &json!(false),
            &json!(["risk.example"])
        )
    );
}

#[tokio::test]
async fn what_is_bound_by_the_command_line_can_be_rolled_back_too() {
    let app = App::start().await;
    let manager = app.manager().await;
    for tier in ["gold", "tin"] {
        app.bind_rule("tiers", naming("tier", tier).into_bytes(), OnFault::Deny)
            .await;
    }
    let versions = manager.get("/rule-versions/tiers").await.document(200);
    assert_eq!(versions[0]["author"], COMMAND_LINE);
    assert_eq!(tier(&app).await, "tin");
    manager
        .post("/rule-versions/tiers/rollback", &json!({}))
        .await
        .document(200);
    assert_eq!(tier(&app).await, "gold");
}

#[tokio::test]
async fn a_component_comes_in_base64_or_as_a_file_of_a_form() {
    let app = App::start().await;
    let manager = app.manager().await;
    let gold = returning(&[Effect::SetAccessClaim(
        "https://acme.example/tier",
        r#""gold""#,
    )]);
    let body = json!({ "component": STANDARD.encode(&gold) });
    let first = manager.post("/rule-versions/a", &body).await.document(201);

    let form = |parts: &[(&str, &[u8])]| {
        let mut body = Vec::new();
        for (name, content) in parts {
            let file = if *name == "component" {
                "; filename=\"rule.wasm\""
            } else {
                ""
            };
            body.extend(
                format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n")
                    .bytes(),
            );
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(b"--limit--\r\n");
        body
    };
    let send = async |method: reqwest::Method, path: &str, body: Vec<u8>| {
        let request = app
            .http()
            .request(method, app.url(&format!("/api/v2{path}")))
            .header("host", "acme.localhost")
            .header("content-type", "multipart/form-data; boundary=limit")
            .bearer_auth(&manager.token)
            .body(body);
        Answer::read(request.send().await.unwrap()).await
    };
    let body = form(&[("component", &gold), ("note", b"as a file")]);
    let second = send(reqwest::Method::POST, "/rule-versions/b", body)
        .await
        .document(201);
    assert_eq!(
        (&first["digest"], &second["note"]),
        (&second["digest"], &json!("as a file"))
    );

    let body = form(&[
        ("name", b"tiers"),
        ("component", &gold),
        ("order", b"4"),
        ("enabled", b"true"),
    ]);
    let rule = send(reqwest::Method::POST, "/rules", body)
        .await
        .document(201);
    assert_eq!(
        (&rule["order"], &rule["digest"]),
        (&json!(4), &first["digest"])
    );
    assert_eq!(tier(&app).await, "gold");
    let body = form(&[("script", naming("tier", "tin").as_bytes())]);
    let path = format!("/rules/{}", rule["id"].as_str().unwrap());
    let changed = send(reqwest::Method::PATCH, &path, body)
        .await
        .document(200);
    assert_eq!(changed["version"], 2);
    assert_eq!(tier(&app).await, "tin");

    let body = form(&[("script", b"x"), ("strange", b"1")]);
    assert_eq!(
        send(reqwest::Method::POST, "/rule-versions/b", body)
            .await
            .refused(),
        "400 invalid_body: Payload validation error: 'Additional properties not allowed: strange'."
    );
    let answer = send(reqwest::Method::POST, "/clients", form(&[("name", b"x")])).await;
    assert_eq!(answer.status, 415, "{answer:?}");
}

#[tokio::test]
async fn what_is_not_there_is_not_deployed() {
    let app = App::start().await;
    let manager = app.manager().await;
    let script = json!({ "script": naming("tier", "gold") });
    manager
        .post("/rule-versions/r", &script)
        .await
        .document(201);
    for path in ["/rule-versions/r/2/deploy", "/rule-versions/x/1/deploy"] {
        let refused = manager.post(path, &json!({})).await.refused();
        assert_eq!(
            refused,
            "404 inexistent_rule_version: The version of the rule does not exist"
        );
    }
    let unbound = manager.post("/rule-versions/r/rollback", &json!({})).await;
    assert_eq!(
        unbound.refused(),
        "404 inexistent_rule: The rule does not exist"
    );
    let note = json!({ "note": "x" });
    let nothing = manager.post("/rule-versions/r", &note).await.refused();
    assert!(
        nothing.contains("a `note` goes with a script or a component"),
        "{nothing}"
    );
}

/// Every exchange sees one version, whole, whatever is deployed meanwhile; and once the answer is there, no
/// exchange on any node sees the old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deployments_under_logins_drop_none_and_show_no_half() {
    let app = App::start().await;
    let node = app.another_node().await;
    let manager = app.manager().await;
    for tier in ["0", "1"] {
        let body = json!({ "script": naming("tier", tier) });
        manager
            .post("/rule-versions/tiers", &body)
            .await
            .document(201);
    }
    manager
        .post("/rule-versions/tiers/1/deploy", &json!({}))
        .await
        .document(200);
    let (rounds, done) = (20, AtomicBool::new(false));
    // Of one user there may be only so many logins in a while.
    const MOST: usize = 90;
    let users = ["a", "b", "c", "d"].map(|name| format!("{name}@acme.example"));
    for user in &users {
        app.add_user(user, PASSWORD).await;
    }
    let login = async |user: usize, here: bool| {
        let form = app.request().with("username", &users[user]);
        let form = form.with("audience", API);
        let form = if here { form } else { form.at_node(&node) };
        let claims = claims(&form.send().await);
        let seen = claims["https://acme.example/tier"].clone();
        let again = &claims["https://acme.example/tier-again"];
        assert_eq!(seen, *again, "half a version");
        seen
    };
    let logins = async |user: usize, here: bool| {
        let mut count = 0;
        while count < MOST && !done.load(Ordering::Relaxed) {
            login(user, here).await;
            count += 1;
        }
        count
    };
    let deployments = async {
        for round in 0..rounds {
            let version = round % 2 + 1;
            let path = format!("/rule-versions/tiers/{version}/deploy");
            manager.post(&path, &json!({})).await.document(200);
            for here in [true, false] {
                assert_eq!(login(0, here).await, (version - 1).to_string());
            }
        }
        done.store(true, Ordering::Relaxed);
    };
    let all = (logins(1, true), logins(2, false), logins(3, true));
    let (_, a, b, c) = tokio::join!(deployments, all.0, all.1, all.2);
    assert!(a > 0 && b > 0 && c > 0, "{a} {b} {c}");
}

/// A commit that changes several bindings is seen whole, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_chain_that_is_replaced_under_logins_is_never_seen_half_replaced() {
    const RULES: [&str; 4] = ["a", "b", "c", "d"];
    let app = App::start().await;
    for rule in RULES {
        for tier in ["old", "new"] {
            app.bind_rule(rule, naming(rule, tier).into_bytes(), OnFault::Deny)
                .await;
        }
    }
    let done = Arc::new(AtomicBool::new(false));
    let (records, tenant, stop) = (
        app.server.records.clone(),
        app.tenant.clone(),
        Arc::clone(&done),
    );
    let switching = tokio::spawn(async move {
        let mut version = 0;
        while !stop.load(Ordering::Relaxed) {
            version = version % 2 + 1;
            let mut batch = Batch::durable();
            let all: Vec<Stored<Binding>> = records.list(&[tenant.as_str()], 10).await.unwrap();
            for stored in all {
                let binding = Binding {
                    version,
                    ..stored.record.clone()
                };
                batch = batch.replace(&stored, &binding);
            }
            records.commit(batch).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..100 {
        let claims = claims(&app.request().with("audience", API).send().await);
        let seen = RULES.map(|rule| claims[format!("https://acme.example/{rule}")].clone());
        assert!(seen.iter().all(|tier| *tier == seen[0]), "{seen:?}");
    }
    done.store(true, Ordering::Relaxed);
    switching.await.unwrap();
}

#[tokio::test]
async fn beyond_a_thousand_versions_the_oldest_that_nothing_needs_goes() {
    let app = App::start().await;
    let manager = app.manager().await;
    let upload = async |tier: &str| {
        let body = json!({ "script": naming("tier", tier) });
        let made = manager.post("/rule-versions/tiers", &body).await;
        made.document(201)["version"].as_u64().unwrap()
    };
    let deployed = |version: u64| format!("/rule-versions/tiers/{version}/deploy");
    assert_eq!(upload("gold").await, 1);
    manager.post(&deployed(1), &json!({})).await.document(200);
    assert_eq!(upload("silver").await, 2);
    manager.post(&deployed(2), &json!({})).await.document(200);
    // The same upload again and again, under the numbers that follow.
    let (records, tenant) = (&app.server.records, app.tenant.as_str());
    let second = RuleVersion::key_part(2);
    let second: Option<Stored<RuleVersion>> =
        records.get(&[tenant, "tiers", &second]).await.unwrap();
    let second = second.unwrap().record;
    for version in 3..=1_000 {
        let another = RuleVersion {
            version,
            ..second.clone()
        };
        let parts = [tenant, "tiers", &RuleVersion::key_part(version)];
        let batch = Batch::relaxed().insert(&parts, &another);
        records.commit(batch).await.unwrap();
    }
    assert_eq!(upload("tin").await, 1_001);
    let is_there = async |version: u64| {
        let one = manager
            .get(&format!("/rule-versions/tiers/{version}"))
            .await;
        one.status == 200
    };
    // The first may be gone back to, the second runs.
    for (version, expected) in [(1, true), (2, true), (3, false), (4, true), (1_001, true)] {
        assert_eq!(is_there(version).await, expected, "version {version}");
    }
    let back = manager
        .post("/rule-versions/tiers/rollback", &json!({}))
        .await;
    assert_eq!(back.document(200)["version"], 1);
    assert_eq!(tier(&app).await, "gold");
}
