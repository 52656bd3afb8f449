//! `/api/v2/rule-versions/…/{diff,compare,test}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimsmith::admin::recordings;
use claimsmith::recording::RecordingSettings;
use claimsmith::rule_host::OnFault;
use serde_json::{Value, json};

use crate::rule_host::guest::{Effect, guest, returning};
use crate::support::app::{API, App, EMAIL};
use crate::support::manager::Manager;

fn script(body: &str) -> String {
    format!("function (user, context, callback) {{\n  {body}\n  callback(null, user, context);\n}}")
}

fn naming(claim: &str, value: &str) -> String {
    script(&format!(
        "context.accessToken['https://acme.example/{claim}'] = {value};"
    ))
}

async fn upload(manager: &Manager<'_>, rule: &str, script: &str) {
    let body = json!({ "script": script });
    let path = format!("/rule-versions/{rule}");
    manager.post(&path, &body).await.document(201);
}

async fn record(app: &App) {
    let settings = RecordingSettings {
        keep: 10,
        redact: Vec::new(),
    };
    recordings::set(&app.server, &app.tenant, Some(settings))
        .await
        .unwrap();
}

async fn recorded_id(app: &App) -> String {
    let all = recordings::list(&app.server, &app.tenant).await.unwrap();
    all.last().unwrap().exchange.id.clone()
}

#[tokio::test]
async fn two_scripts_are_held_side_by_side_line_by_line() {
    let app = App::start().await;
    let manager = app.manager().await;
    upload(&manager, "r", &naming("tier", "'gold'")).await;
    let body = json!({
        "script": naming("tier", "'tin'"),
        "manifest": { "name": "r", "version": "2", "claims": ["https://acme.example/*"] },
    });
    manager.post("/rule-versions/r", &body).await.document(201);
    let diff = manager.get("/rule-versions/r/1/diff/2").await.document(200);
    let source = diff["source"].as_str().unwrap();
    assert!(
        source.starts_with("--- r@1\n+++ r@2\n@@ -1,4 +1,4 @@\n"),
        "{source}"
    );
    assert!(
        source.contains("\n-  context.accessToken['https://acme.example/tier'] = 'gold';\n+"),
        "{source}"
    );
    assert_eq!(
        (&diff["component"], &diff["same"]),
        (&Value::Null, &json!(false))
    );
    let claims = diff["manifest"].as_array().unwrap();
    let claims = claims.iter().find(|one| one["member"] == "claims").unwrap();
    assert_eq!(
        (&claims["from"], &claims["to"]),
        (&Value::Null, &json!(["https://acme.example/*"]))
    );
    let none = manager.get("/rule-versions/r/2/diff/2").await.document(200);
    assert_eq!(
        (&none["source"], &none["same"], &none["manifest"]),
        (&json!(""), &json!(true), &json!([]))
    );
}

#[tokio::test]
async fn two_components_are_compared_by_what_they_import() {
    let app = App::start().await;
    let manager = app.manager().await;
    for component in [returning(&[]), guest("fetch")] {
        let body = json!({ "component": STANDARD.encode(component) });
        manager.post("/rule-versions/r", &body).await.document(201);
    }
    let diff = manager.get("/rule-versions/r/1/diff/2").await.document(200);
    let added = diff["component"]["imports"]["added"].as_array().unwrap();
    let fetch = |name: &Value| name.as_str().is_some_and(|name| name.contains("/fetch@"));
    assert!(added.iter().any(fetch), "{diff}");
    assert_eq!(diff["component"]["imports"]["removed"], json!([]));
    assert_eq!(diff["source"], Value::Null);
    assert_ne!(diff["from"]["digest"], diff["to"]["digest"]);
}

#[tokio::test]
async fn two_versions_are_compared_on_what_really_happened() {
    let app = App::start().await;
    let manager = app.manager().await;
    upload(&manager, "r", &naming("tier", "'gold'")).await;
    upload(&manager, "r", &naming("tier", "configuration.TIER")).await;
    upload(
        &manager,
        "r",
        &script(
            "if (user.email === 'ada@acme.example') return callback(new UnauthorizedError('no'));",
        ),
    )
    .await;
    manager
        .post("/rule-versions/r/1/deploy", &json!({}))
        .await
        .document(200);
    app.configure("TIER", "gold").await;
    record(&app).await;
    for _ in 0..3 {
        app.request()
            .with("audience", API)
            .send()
            .await
            .access_token();
    }
    let compare = async |other: u32, body: &Value| {
        let path = format!("/rule-versions/r/1/compare/{other}");
        manager.post(&path, body).await.document(200)
    };
    // The other reads the same value out of the configuration.
    let same = compare(2, &json!({})).await;
    assert_eq!(
        (
            &same["exchanges"],
            &same["changed"],
            &same["reproduced"],
            &same["complete"]
        ),
        (&json!(3), &json!([]), &json!(3), &json!(true)),
        "{same}"
    );
    app.configure("TIER", "tin").await;
    let other = compare(2, &json!({ "limit": 2 })).await;
    assert_eq!(other["exchanges"], 2);
    assert_eq!(
        other["claims"]["altered"],
        json!({ "https://acme.example/tier": 2 })
    );
    let denied = compare(3, &json!({})).await;
    assert_eq!(denied["newly"], json!({ "denied": 3 }));
    assert_eq!(denied["changed"][0]["subject"], json!(app.user.user_id));

    let scopes = ["update:rules", "read:rules"];
    let blind = app.manager_with(Some(&scopes)).await;
    let refused = blind
        .post("/rule-versions/r/1/compare/2", &json!({}))
        .await
        .refused();
    assert_eq!(
        refused,
        "403 insufficient_scope: Insufficient scope, expected any of: read:exchanges"
    );
}

#[tokio::test]
async fn a_version_is_tried_alone_or_in_the_chain_and_nothing_comes_of_it() {
    let app = App::start().await;
    let manager = app.manager().await;
    app.configure("TIER", "gold").await;
    app.bind_rule("a-first", naming("first", "1").into_bytes(), OnFault::Deny)
        .await;
    let tried = script(
        "console.log('tried ' + configuration.TIER); context.accessToken['https://acme.example/tier'] = configuration.TIER + context.accessToken['https://acme.example/first']; user.app_metadata = user.app_metadata || {}; user.app_metadata.seen = true;",
    );
    upload(&manager, "r", &tried).await;
    let exchange = json!({
        "client": { "id": "till" },
        "user": { "id": "auth0|1", "email": EMAIL, "email_verified": true },
        "api": { "identifier": API, "scopes": ["read:orders"] },
        "draft": { "scopes": ["openid"], "access_claims": { "sub": "auth0|1" } },
    });
    let test = async |body: Value| {
        manager
            .post("/rule-versions/r/1/test", &body)
            .await
            .document(200)
    };
    let alone = test(json!({ "exchange": exchange })).await;
    assert_eq!(alone["outcome"], "allowed", "{alone}");
    assert_eq!(
        alone["before"]["access_claims"],
        json!({ "sub": "auth0|1" })
    );
    assert_eq!(
        alone["after"]["access_claims"],
        json!({ "sub": "auth0|1", "https://acme.example/tier": "goldundefined" })
    );
    assert_eq!(alone["rules"].as_array().unwrap().len(), 1);
    assert_eq!(alone["rules"][0]["logs"][0]["message"], "tried gold");
    assert!(alone["rules"][0]["fuel"].as_u64().unwrap() > 0);

    let chain =
        test(json!({ "exchange": exchange, "chain": true, "configuration": { "TIER": "tin" } }))
            .await;
    assert_eq!(
        chain["after"]["access_claims"]["https://acme.example/tier"], "tin1",
        "{chain}"
    );
    let ran: Vec<&str> = chain["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["rule"].as_str().unwrap())
        .collect();
    assert_eq!(ran, ["a-first", "r"]);

    // On what was recorded, in which the rule did not run at all.
    record(&app).await;
    app.request()
        .with("audience", API)
        .send()
        .await
        .access_token();
    let id = recorded_id(&app).await;
    let recorded = test(json!({ "exchange_id": id, "chain": true })).await;
    assert_eq!(
        recorded["before"]["access_claims"]["sub"],
        json!(app.user.user_id)
    );
    assert_eq!(
        recorded["after"]["access_claims"]["https://acme.example/tier"],
        "gold1"
    );
    let both = manager
        .post(
            "/rule-versions/r/1/test",
            &json!({ "exchange_id": id, "exchange": {} }),
        )
        .await;
    assert!(
        both.refused()
            .contains("`exchange` does not go with `exchange_id`"),
        "{both:?}"
    );
    let other = manager
        .post("/rule-versions/r/1/test", &json!({ "exchange_id": "x" }))
        .await;
    assert_eq!(
        other.refused(),
        "404 inexistent_exchange: No exchange of this identity is recorded"
    );

    // No metadata, no event, no new recording.
    let user = manager
        .get(&format!("/users/{}", app.user.user_id.replace('|', "%7C")))
        .await
        .document(200);
    assert_eq!(user["app_metadata"].get("seen"), None, "{user}");
    assert_eq!(recorded_id(&app).await, id);
    let exchanges = manager.get("/exchanges?rule=r").await.document(200);
    assert_eq!(exchanges, json!([]));
    assert_eq!(
        manager
            .get("/rules")
            .await
            .document(200)
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_version_that_is_tried_reaches_recorded_answers_and_no_network() {
    let app = App::start().await;
    let manager = app.manager().await;
    let asks = "function (user, context, callback) {
      fetch('https://risk.example/score').then((answer) => answer.text()).then((text) => {
        context.accessToken['https://acme.example/score'] = text;
        callback(null, user, context);
      }, (error) => callback(error));
    }";
    upload(&manager, "asks", asks).await;
    let exchange = json!({ "user": { "id": "auth0|1" } });
    let body = json!({ "exchange": exchange });
    let alone = manager
        .post("/rule-versions/asks/1/test", &body)
        .await
        .document(200);
    assert_eq!(alone["outcome"], "denied", "{alone}");
    assert_eq!(
        alone["denial"]["description"],
        "fetch failed: host-not-allowed"
    );
    let body = json!({
        "exchange": exchange,
        "fetches": [{ "url": "https://risk.example/score", "status": 200, "body": "12" }],
    });
    let told = manager
        .post("/rule-versions/asks/1/test", &body)
        .await
        .document(200);
    assert_eq!(
        told["after"]["access_claims"]["https://acme.example/score"], "12",
        "{told}"
    );
}

#[tokio::test]
async fn a_rule_that_runs_wild_in_a_test_is_a_fault_in_the_answer() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({ "component": STANDARD.encode(guest("endless-loop")) });
    manager
        .post("/rule-versions/loop", &body)
        .await
        .document(201);
    let exchange = json!({ "user": { "id": "auth0|1" } });
    let body = json!({ "exchange": exchange });
    let tried = manager
        .post("/rule-versions/loop/1/test", &body)
        .await
        .document(200);
    assert_eq!(tried["outcome"], "faulted");
    assert_eq!(tried["rules"][0]["outcome"]["fault"], "fuel", "{tried}");
    let wrong = json!({ "exchange": { "strange": 1 } });
    let refused = manager
        .post("/rule-versions/loop/1/test", &wrong)
        .await
        .refused();
    assert!(refused.starts_with("400 invalid_body: "), "{refused}");
    let component = returning(&[Effect::AddScope("extra:orders")]);
    let body = json!({ "component": STANDARD.encode(component) });
    manager
        .post("/rule-versions/loop", &body)
        .await
        .document(201);
    let tried = manager
        .post("/rule-versions/loop/2/test", &json!({}))
        .await
        .document(200);
    assert_eq!(tried["after"]["scopes"], json!(["extra:orders"]));
}
