//! What actions came to in exchanges.

use serde_json::{Value, json};

use super::naming;
use crate::support::app::{App, NOW};

#[tokio::test]
async fn an_execution_is_the_actions_of_an_exchange() {
    let app = App::start().await;
    let manager = app.manager().await;
    let fine = manager.make_action("fine", &naming("1")).await;
    let broken = "exports.onExecutePostLogin = async () => { throw new Error('no'); };";
    let broken = manager.make_action("broken", broken).await;
    for id in [&fine, &broken] {
        manager.deploy_action(id).await;
    }
    let script = "function (user, context, callback) { callback(null, user, context); }";
    let rule = json!({ "name": "rule", "script": script });
    manager.post("/rules", &rule).await.document(201);
    // Events of one moment have no order.
    app.later(1);
    app.request().send().await.access_token();
    let without = app.newest_event().await["exchange_id"].clone();
    manager.bind_actions(&["fine", "broken"]).await;
    assert_eq!(app.request().send().await.status, 403);

    // The failure is an event of its own, and says where it belongs.
    let logs = manager.get("/logs?q=type:actions_execution_failed").await;
    let logs = logs.document(200);
    let failed = &logs[0];
    assert_eq!(logs.as_array().unwrap().len(), 1, "{logs}");
    let description = failed["description"].as_str().unwrap();
    assert!(
        description.starts_with("broken@1: exception: Error: no"),
        "{description}"
    );
    assert_eq!(failed["client_id"], json!(app.client_id));
    let id = failed["details"]["execution_id"].as_str().unwrap();

    let mut execution = manager
        .get(&format!("/actions/executions/{id}"))
        .await
        .document(200);
    for result in execution["results"].as_array_mut().unwrap() {
        assert!(result["fuel"].as_u64().unwrap() > 0);
        let members = result.as_object_mut().unwrap();
        members.remove("fuel");
        members.remove("duration_us");
    }
    let msg = execution["results"][1]["error"]["msg"].clone();
    assert!(msg.as_str().unwrap().starts_with("Error: no"), "{msg}");
    let at = claimsmith::clock::Timestamp::from_millis(NOW + 1_000).to_string();
    assert_eq!(
        execution,
        json!({
            "id": id,
            "trigger_id": "post-login",
            "status": "final",
            "results": [
                { "action_name": "fine", "action_id": fine, "version": 1, "outcome": "allowed", "error": null },
                { "action_name": "broken", "action_id": broken, "version": 1, "outcome": "faulted", "error": { "id": "exception", "msg": msg } },
            ],
            "created_at": at,
            "updated_at": at,
        })
    );
    // The exchange is the same one, and its report has the names too.
    let exchange = manager.get(&format!("/exchanges/{id}")).await.document(200);
    assert_eq!(exchange["rules"][1]["action"], "fine");
    let listed = manager.get("/exchanges").await.document(200);
    let same = |one: &&Value| one["id"] == json!(id);
    assert_eq!(listed.as_array().unwrap().iter().filter(same).count(), 1);

    let without = without.as_str().unwrap();
    for none in [without, "x", &fine] {
        assert_eq!(
            manager
                .get(&format!("/actions/executions/{none}"))
                .await
                .refused(),
            "404 -: That execution does not exist."
        );
    }
    // A failure that is skipped is told as well.
    let path = format!("/actions/actions/{broken}");
    manager
        .patch(&path, &json!({ "on_fault": "skip" }))
        .await
        .document(200);
    app.request().send().await.access_token();
    let logs = manager.get("/logs?q=type:actions_execution_failed").await;
    assert_eq!(logs.document(200).as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_deleted_action_is_still_known_by_name_to_the_exchanges_it_ran_in() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("gone", &naming("1")).await;
    manager.deploy_action(&id).await;
    manager.bind_actions(&["gone"]).await;
    app.later(1);
    app.request().send().await.access_token();
    let exchange = app.newest_event().await["exchange_id"].clone();
    manager
        .delete(&format!("/actions/actions/{id}?force=true"))
        .await
        .document(204);
    let path = format!("/actions/executions/{}", exchange.as_str().unwrap());
    let execution = manager.get(&path).await.document(200);
    assert_eq!(execution["results"][0]["action_name"], "gone");
}
