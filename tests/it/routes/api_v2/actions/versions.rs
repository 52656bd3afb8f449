//! What was deployed, and going back to it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{id_of, naming, tier};
use crate::support::app::App;

#[tokio::test]
async fn a_deployment_answers_as_recorded() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("Tier", &naming("1")).await;
    let mut version = manager.deploy_action(&id).await;
    for member in ["id", "digest"] {
        assert!(version[member].as_str().unwrap().len() >= 36, "{version}");
        version[member] = json!(member.to_uppercase());
    }
    let at = "2026-11-23T12:00:00.000Z";
    let triggers = json!([{ "id": "post-login", "version": "v3" }]);
    assert_eq!(
        version,
        json!({
            "id": "ID",
            "digest": "DIGEST",
            "action_id": id,
            "number": 1,
            "code": naming("1"),
            "supported_triggers": triggers,
            "dependencies": [],
            "runtime": "node22",
            "secrets": [],
            "deployed": true,
            "status": "built",
            "errors": [],
            "action": {
                "id": id,
                "name": "Tier",
                "supported_triggers": triggers,
                "created_at": at,
                "updated_at": at,
            },
            "author": manager.client_id,
            "created_at": at,
            "updated_at": at,
            "built_at": at,
        })
    );
}

#[tokio::test]
async fn an_earlier_version_is_deployed_again_and_the_draft_stays_or_follows() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("Tier", &naming("'gold'")).await;
    let path = format!("/actions/actions/{id}");
    let first = id_of(&manager.deploy_action(&id).await);
    manager.bind_actions(&["Tier"]).await;
    manager
        .patch(&path, &json!({ "code": naming("'tin'") }))
        .await
        .document(200);
    manager.deploy_action(&id).await;
    assert_eq!(tier(&app).await, "tin");

    let again = format!("{path}/versions/{first}/deploy");
    let third = manager.send(Method::POST, &again, None).await.document(202);
    assert_eq!(
        (&third["number"], &third["code"], &third["deployed"]),
        (&json!(3), &json!(naming("'gold'")), &json!(true))
    );
    assert_ne!(third["id"], json!(first));
    assert_eq!(tier(&app).await, "gold");
    let action = manager.get(&path).await.document(200);
    assert_eq!(
        (&action["code"], &action["all_changes_deployed"]),
        (&json!(naming("'tin'")), &json!(false))
    );

    let body = json!({ "update_draft": true });
    manager.post(&again, &body).await.document(202);
    let action = manager.get(&path).await.document(200);
    assert_eq!(
        (&action["code"], &action["all_changes_deployed"]),
        (&json!(naming("'gold'")), &json!(true))
    );

    let versions = manager.get(&format!("{path}/versions?per_page=3")).await;
    let versions = versions.document(200);
    assert_eq!(
        (&versions["total"], &versions["per_page"]),
        (&json!(4), &json!(3))
    );
    let seen: Vec<(&Value, &Value)> = versions["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| (&version["number"], &version["deployed"]))
        .collect();
    assert_eq!(json!(seen), json!([[4, true], [3, false], [2, false]]));
    let one = manager.get(&format!("{path}/versions/{first}")).await;
    let one = one.document(200);
    assert_eq!(
        (&one["number"], &one["deployed"]),
        (&json!(1), &json!(false))
    );
    let none = manager.get(&format!("{path}/versions/{id}")).await;
    assert_eq!(none.refused(), "404 -: That action version does not exist.");
}

/// The bytes alone do not make a version: what it was made of may be another.
#[tokio::test]
async fn the_same_source_deployed_twice_is_two_versions() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("Tier", &naming("1")).await;
    assert_eq!(manager.deploy_action(&id).await["number"], 1);
    assert_eq!(manager.deploy_action(&id).await["number"], 2);
}

#[tokio::test]
async fn fifty_versions_are_kept_and_the_deployed_one_is_among_them() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("Tier", &naming("'gold'")).await;
    for _ in 0..52 {
        manager.deploy_action(&id).await;
    }
    manager.bind_actions(&["Tier"]).await;
    let path = format!("/actions/actions/{id}/versions?per_page=100");
    let versions = manager.get(&path).await.document(200);
    assert_eq!(versions["total"], 50);
    let newest = &versions["versions"][0];
    assert_eq!(
        (&newest["number"], &newest["deployed"]),
        (&json!(52), &json!(true))
    );
    assert_eq!(versions["versions"][49]["number"], 3);
    assert_eq!(tier(&app).await, "gold");
}

#[tokio::test]
async fn a_version_for_another_trigger_is_not_put_where_the_action_is_bound() {
    let app = App::start().await;
    let manager = app.manager().await;
    let both = "exports.onExecutePostLogin = async () => {}; exports.onExecuteCredentialsExchange = async () => {};";
    let id = manager.make_action("Both", both).await;
    let path = format!("/actions/actions/{id}");
    let for_users = id_of(&manager.deploy_action(&id).await);
    let machines = json!({ "supported_triggers": [{ "id": "credentials-exchange" }] });
    manager.patch(&path, &machines).await.document(200);
    manager.deploy_action(&id).await;
    let bind = json!({ "bindings": [{ "ref": { "type": "action_id", "value": id } }] });
    let to_users = "/actions/triggers/post-login/bindings";
    assert_eq!(
        manager.patch(to_users, &bind).await.refused(),
        "400 invalid_body: Payload validation error: 'the bindings: what is deployed of `Both` is not for `post-login`'."
    );
    let to_machines = "/actions/triggers/credentials-exchange/bindings";
    manager.patch(to_machines, &bind).await.document(200);
    let again = format!("{path}/versions/{for_users}/deploy");
    assert_eq!(
        manager.send(Method::POST, &again, None).await.refused(),
        "409 action_bound: that version is for another trigger: unbind the action first"
    );
    let users = json!({ "supported_triggers": [{ "id": "post-login" }] });
    assert_eq!(
        manager.patch(&path, &users).await.refused(),
        "409 action_bound: unbind the action before it is for another trigger"
    );
}
