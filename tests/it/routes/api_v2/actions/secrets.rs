//! Secrets of actions: each reads its own, and nobody else does.

use claimsmith::admin::recordings;
use claimsmith::recording::RecordingSettings;
use claimsmith::store::{Key, KeyRange};
use reqwest::Method;
use serde_json::{Value, json};

use super::{action, claims, id_of, naming, tier};
use crate::support::app::App;
use crate::support::upstream::{Upstream, network, ok};

const VALUE: &str = "a value that nobody sees";

#[tokio::test]
async fn a_secret_reaches_its_action_and_no_answer() {
    let app = App::start().await;
    let manager = app.manager().await;
    app.configure("KEY", "the tenant's").await;
    app.configure("TENANT", "the tenant's").await;
    let code = naming(
        "[event.secrets.KEY, Object.keys(event.secrets).length, event.configuration.TENANT].join()",
    );
    let mut body = action("mine", &code);
    body["secrets"] = json!([{ "name": "KEY", "value": VALUE }]);
    let made = manager.post("/actions/actions", &body).await.document(201);
    let id = id_of(&made);
    let deployed = manager.deploy_action(&id).await;
    let bound = manager.bind_actions(&["mine"]).await;
    assert_eq!(tier(&app).await, format!("{VALUE},1,"));

    // Neither a rule nor another action has it.
    let other = naming("String(event.secrets.KEY)");
    let other = manager.make_action("other", &other).await;
    manager.deploy_action(&other).await;
    manager.bind_actions(&["other"]).await;
    assert_eq!(tier(&app).await, "undefined");
    manager.bind_actions(&[]).await;
    let rule = "function (user, context, callback) { context.accessToken['https://acme.example/tier'] = configuration.KEY; callback(null, user, context); }";
    let rule = json!({ "name": "rule", "script": rule });
    manager.post("/rules", &rule).await.document(201);
    assert_eq!(tier(&app).await, "the tenant's");
    let keys = manager.get("/rules-configs").await.document(200);
    assert_eq!(keys, json!([{ "key": "KEY" }, { "key": "TENANT" }]));

    let path = format!("/actions/actions/{id}");
    let mut seen = vec![made, deployed, bound];
    for path in [
        path.clone(),
        "/actions/actions".to_owned(),
        format!("{path}/versions"),
        "/actions/triggers/post-login/bindings".to_owned(),
        "/logs".to_owned(),
    ] {
        seen.push(manager.get(&path).await.document(200));
    }
    for document in seen {
        assert!(!document.to_string().contains(VALUE), "{document}");
    }
    // Nor does it stand in the store as it is.
    let all = KeyRange {
        start: Key::from_bytes([0]),
        end: None,
    };
    let store = app.server.records.store();
    for entry in store.scan(&all, usize::MAX).await.unwrap() {
        let is_exchange = String::from_utf8_lossy(&entry.value).contains("exchange_id");
        let holds = entry
            .value
            .windows(VALUE.len())
            .any(|part| part == VALUE.as_bytes());
        assert!(is_exchange || !holds, "{:?}", entry.key);
    }
}

#[tokio::test]
async fn a_version_keeps_the_values_it_was_deployed_with() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut body = action(
        "mine",
        &naming("`${event.secrets.KEY}${event.secrets.OTHER}`"),
    );
    body["secrets"] = json!([{ "name": "KEY", "value": "one" }, { "name": "OTHER", "value": "!" }]);
    let id = id_of(&manager.post("/actions/actions", &body).await.document(201));
    let path = format!("/actions/actions/{id}");
    let first = id_of(&manager.deploy_action(&id).await);
    manager.bind_actions(&["mine"]).await;
    app.later(60);
    // One value anew, and one that stays.
    let change = json!({ "secrets": [{ "name": "KEY", "value": "two" }, { "name": "OTHER" }] });
    let changed = manager.patch(&path, &change).await.document(200);
    assert_eq!(
        changed["secrets"],
        json!([
            { "name": "KEY", "updated_at": "2026-11-23T12:01:00.000Z" },
            { "name": "OTHER", "updated_at": "2026-11-23T12:00:00.000Z" },
        ])
    );
    assert_eq!(changed["all_changes_deployed"], false);
    assert_eq!(
        tier(&app).await,
        "one!",
        "it was the draft that was changed"
    );
    manager.deploy_action(&id).await;
    assert_eq!(tier(&app).await, "two!");
    let again = format!("{path}/versions/{first}/deploy");
    manager.send(Method::POST, &again, None).await.document(202);
    assert_eq!(tier(&app).await, "one!");
    // Without secrets there are none.
    let none = json!({ "secrets": [] });
    manager.patch(&path, &none).await.document(200);
    manager.deploy_action(&id).await;
    assert_eq!(tier(&app).await, Value::from("undefinedundefined"));
}

/// What an action sends to others is recorded without its keys, and a replay has them again.
#[tokio::test]
async fn a_secret_is_in_no_recording_and_a_replay_has_it_again() {
    let upstream = Upstream::start(|_| ok(&format!("{{\"said\":\"{VALUE}\"}}"))).await;
    let app = App::start_with(|config| config.network = network()).await;
    let manager = app.manager().await;
    let settings = RecordingSettings {
        keep: 10,
        redact: Vec::new(),
    };
    recordings::set(&app.server, &app.tenant, Some(settings))
        .await
        .unwrap();
    let code = format!(
        "exports.onExecutePostLogin = async (event, api) => {{
          const answer = await fetch('{}?a=' + encodeURIComponent(event.secrets.KEY));
          const {{ said }} = await answer.json();
          api.accessToken.setCustomClaim('https://acme.example/same', said === event.secrets.KEY);
        }};",
        upstream.url("/ask")
    );
    let mut body = action("asks", &code);
    body["secrets"] = json!([{ "name": "KEY", "value": VALUE }]);
    body["permissions"] = json!({ "hosts": [upstream.pattern()], "allow_http": false });
    body["deploy"] = json!(true);
    let id = id_of(&manager.post("/actions/actions", &body).await.document(201));
    manager.bind_actions(&["asks"]).await;
    assert_eq!(claims(&app).await["https://acme.example/same"], true);
    assert!(upstream.seen()[0].line().contains("a%20value"));

    for path in ["/recordings", "/exchanges", "/logs"] {
        let text = manager.get(path).await.document(200).to_string();
        let forms = [
            VALUE.to_owned(),
            VALUE.replace(' ', "%20"),
            VALUE.replace(' ', "+"),
        ];
        assert!(
            !forms.iter().any(|form| text.contains(form)),
            "{path}: {text}"
        );
    }
    let recordings = manager.get("/recordings").await.document(200).to_string();
    assert!(
        recordings.contains(&format!("~redacted:{id}/KEY~")),
        "{recordings}"
    );
    let path = format!("/rule-versions/{id}/1/compare/1");
    let compared = manager.post(&path, &json!({})).await.document(200);
    assert_eq!(
        (&compared["reproduced"], &compared["not_reproduced"]),
        (&json!(1), &json!([])),
        "{compared}"
    );
}

/// Each value is stored once however often it is deployed, and not longer than anything has it.
#[tokio::test]
async fn values_that_nothing_has_any_more_are_gone() {
    let app = App::start().await;
    let manager = app.manager().await;
    let count = async || {
        use claimsmith::store::Table;
        let range = KeyRange::prefix(Table::ActionSecret, &[app.tenant.as_str()]);
        let store = app.server.records.store();
        store.scan(&range, 1_000).await.unwrap().len()
    };
    let mut body = action("mine", &naming("1"));
    body["secrets"] = json!([{ "name": "KEY", "value": "0" }]);
    let id = id_of(&manager.post("/actions/actions", &body).await.document(201));
    let path = format!("/actions/actions/{id}");
    for value in ["1", "2", "3"] {
        let change = json!({ "secrets": [{ "name": "KEY", "value": value }] });
        manager.patch(&path, &change).await.document(200);
    }
    assert_eq!(
        count().await,
        1,
        "a draft has one value, and no version another"
    );
    for _ in 0..3 {
        manager.deploy_action(&id).await;
    }
    assert_eq!(count().await, 1);
    let change = json!({ "secrets": [] });
    manager.patch(&path, &change).await.document(200);
    assert_eq!(count().await, 1, "versions have it");
    for _ in 0..51 {
        manager.deploy_action(&id).await;
    }
    assert_eq!(count().await, 0, "the versions that had it are gone");
}
