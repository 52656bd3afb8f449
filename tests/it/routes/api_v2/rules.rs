//! `/api/v2/rules` and `/api/v2/rules-configs` (contract, section 7.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::rule_host::guest::denying;
use crate::support::app::{API, App};

const SCRIPT: &str = "function (user, context, callback) { callback(null, user, context); }";

fn naming(tier: &str) -> String {
    format!(
        "function (user, context, callback) {{ context.accessToken['https://acme.example/tier'] = '{tier}'; callback(null, user, context); }}"
    )
}

async fn tier(app: &App) -> Value {
    let answer = app.request().with("audience", API).send().await;
    app.verify(answer.access_token(), API).await.1["https://acme.example/tier"].clone()
}

#[tokio::test]
async fn a_rule_is_made_as_recorded_and_runs() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({ "name": "acceptance-test-TestAccRule", "script": SCRIPT, "enabled": true });
    let made = manager.post("/rules", &body).await.document(201);
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("rul_"));
    for (name, value) in [
        ("enabled", json!(true)),
        ("script", json!(SCRIPT)),
        ("name", json!("acceptance-test-TestAccRule")),
        ("order", json!(1)),
        ("stage", json!("login_success")),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    let path = format!("/rules/{id}");
    assert_eq!(manager.get(&path).await.document(200), made);

    let gold = manager
        .patch(&path, &json!({ "script": naming("gold") }))
        .await
        .document(200);
    assert_eq!((&gold["version"], &gold["order"]), (&json!(2), &json!(1)));
    assert_eq!(tier(&app).await, "gold");
    manager
        .patch(&path, &json!({ "enabled": false }))
        .await
        .document(200);
    assert_eq!(tier(&app).await, Value::Null);
    assert_eq!(
        manager.get("/rules?enabled=true").await.document(200),
        json!([])
    );

    let renamed = manager
        .patch(&path, &json!({ "name": "Named anew", "enabled": true }))
        .await;
    assert_eq!(renamed.document(200)["name"], "Named anew");
    assert_eq!(tier(&app).await, "gold");
    assert_eq!(
        manager
            .get("/rule-versions/Named%20anew")
            .await
            .document(200)
            .as_array()
            .unwrap()
            .len(),
        2
    );
    manager.delete(&path).await.document(204);
    assert_eq!(tier(&app).await, Value::Null);
    assert_eq!(
        manager.get(&path).await.refused(),
        "404 inexistent_rule: The rule does not exist"
    );
}

#[tokio::test]
async fn a_component_is_a_rule_too() {
    let app = App::start().await;
    let manager = app.manager().await;
    let component = STANDARD.encode(denying(Some("access_denied"), "not today"));
    let body = json!({ "name": "wall", "component": component, "on_fault": "skip" });
    let made = manager.post("/rules", &body).await.document(201);
    assert_eq!(
        (made.get("script"), &made["on_fault"]),
        (None, &json!("skip"))
    );
    assert_eq!(
        app.request().send().await.text("error_description"),
        "not today"
    );
}

/// A rule in Rust has a few hundred kilobytes; the bound is the component's, not the body's.
#[tokio::test]
async fn a_component_of_megabytes_gets_through_and_one_beyond_the_bound_is_told_so() {
    let app = App::start().await;
    let manager = app.manager().await;
    let upload = async |name: &str, padding: u32| {
        let mut component = denying(Some("access_denied"), "not today");
        // A custom section: its number, its length, its name `x`, and nothing that matters.
        component.push(0);
        let mut length = padding + 2;
        while length >= 0x80 {
            component.push((length & 0x7f | 0x80) as u8);
            length >>= 7;
        }
        component.push(length as u8);
        component.extend([1, b'x']);
        component.resize(component.len() + padding as usize, 0);
        let body = json!({ "name": name, "component": STANDARD.encode(component) });
        manager.post("/rules", &body).await
    };
    upload("large", 3 << 20).await.document(201);
    assert_eq!(
        app.request().send().await.text("error_description"),
        "not today"
    );
    let refused = upload("larger", 4 << 20).await.refused();
    assert!(refused.contains("4194304"), "{refused}");
}

#[tokio::test]
async fn names_and_places_are_each_one_rule_s() {
    let app = App::start().await;
    let manager = app.manager().await;
    let make = async |name: &str, order: Option<u32>| {
        let mut body = json!({ "name": name, "script": naming(name) });
        if let Some(order) = order {
            body["order"] = json!(order);
        }
        manager.post("/rules", &body).await
    };
    make("b", Some(7)).await.document(201);
    assert_eq!(make("c", None).await.document(201)["order"], 8);
    assert_eq!(make("a", Some(2)).await.document(201)["order"], 2);
    assert_eq!(tier(&app).await, "c", "the last one has the last word");
    assert_eq!(
        make("b", None).await.refused(),
        "409 conflict: there already is a rule `b`"
    );
    assert_eq!(make("d", Some(7)).await.status, 409);
    let list = manager
        .get("/rules?include_totals=true&per_page=2")
        .await
        .document(200);
    let names: Vec<&str> = list["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["name"].as_str().unwrap())
        .collect();
    assert_eq!((names, &list["total"]), (vec!["a", "b"], &json!(3)));
    let id = list["rules"][0]["id"].as_str().unwrap();
    let taken = manager
        .patch(&format!("/rules/{id}"), &json!({ "name": "b" }))
        .await;
    assert_eq!(taken.status, 409, "{taken:?}");
}

#[tokio::test]
async fn what_is_no_rule_is_refused_with_the_reason_and_nothing_runs() {
    let app = App::start().await;
    let manager = app.manager().await;
    for (body, expected) in [
        (
            json!({ "name": "x" }),
            "'Missing required property: script'.",
        ),
        (
            json!({ "name": "x", "script": SCRIPT, "component": "" }),
            "'a rule has a `script` or a `component`, not both'.",
        ),
        (
            json!({ "name": "x", "component": "?" }),
            "'the component is not base64'.",
        ),
        (
            json!({ "name": "../x", "script": SCRIPT }),
            "'the rule's name: use letters, digits",
        ),
        (
            json!({ "name": "x", "script": "function (" }),
            "'this is not a rule in JavaScript: ",
        ),
        (json!({ "name": "x", "component": "AGFzbQ==" }), "'"),
        (
            json!({ "name": "x", "script": SCRIPT, "stage": "pre_authorize" }),
            "'No enum match for: pre_authorize' on property stage",
        ),
    ] {
        let refused = manager.post("/rules", &body).await.refused();
        let expected = format!("400 invalid_body: Payload validation error: {expected}");
        assert!(refused.starts_with(&expected), "{refused}");
    }
    assert_eq!(manager.get("/rules").await.document(200), json!([]));
}

#[tokio::test]
async fn the_values_of_the_configuration_are_told_once_and_never_listed() {
    let app = App::start().await;
    let manager = app.manager().await;
    let set = manager
        .put("/rules-configs/SLACK_HOOK_URL", &json!({ "value": "bar" }))
        .await;
    assert_eq!(
        set.document(200),
        json!({ "key": "SLACK_HOOK_URL", "value": "bar" })
    );
    let list = manager
        .get("/rules-configs?include_totals=true")
        .await
        .document(200);
    assert_eq!(list, json!([{ "key": "SLACK_HOOK_URL" }]));
    let script = "function (user, context, callback) { context.accessToken['https://acme.example/tier'] = configuration.SLACK_HOOK_URL; callback(null, user, context); }";
    manager
        .post("/rules", &json!({ "name": "reads", "script": script }))
        .await
        .document(201);
    assert_eq!(tier(&app).await, "bar");
    manager
        .delete("/rules-configs/SLACK_HOOK_URL")
        .await
        .document(204);
    assert_eq!(
        manager.delete("/rules-configs/SLACK_HOOK_URL").await.status,
        404
    );
    let strange = manager
        .put("/rules-configs/a%20b", &json!({ "value": "x" }))
        .await;
    assert_eq!(
        strange.refused(),
        "400 invalid_body: Payload validation error: 'the key: use 1 to 128 letters, digits, `_` and `-`'."
    );
}
