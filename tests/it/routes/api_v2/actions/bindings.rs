//! Which actions run, and in which order.

use claimsmith::client_grant::SubjectType;
use claimsmith::rule_host::OnFault;
use serde_json::{Value, json};

use super::{claims, naming};
use crate::support::app::{API, App};

const BINDINGS: &str = "/actions/triggers/post-login/bindings";
const SEEN: &str = "https://acme.example/seen";

/// An action that adds a word to the metadata which those behind it see.
fn adding(word: &str) -> String {
    format!(
        "exports.onExecutePostLogin = async (event, api) => {{
          const seen = (event.user.app_metadata.seen || '') + '{word}';
          api.user.setAppMetadata('seen', seen);
          api.accessToken.setCustomClaim('{SEEN}', seen);
        }};"
    )
}

fn by(kind: &str, value: &Value) -> Value {
    json!({ "ref": { "type": kind, "value": value } })
}

#[tokio::test]
async fn actions_run_in_the_order_they_are_bound_in() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut ids = Vec::new();
    for word in ["a", "b", "c"] {
        let id = manager.make_action(word, &ran(word)).await;
        manager.deploy_action(&id).await;
        ids.push(json!(id));
    }
    let bound = manager.bind_actions(&["c", "a"]).await;
    assert_eq!(order(&app).await, ["c", "a"]);
    let first = &bound[0];
    assert_eq!(
        (
            &first["trigger_id"],
            &first["display_name"],
            &first["action"]["id"]
        ),
        (&json!("post-login"), &json!("c"), &ids[2])
    );
    // By each of the three names; what is not named is not bound any more.
    let mut last = by("binding_id", &bound[0]["id"]);
    last["display_name"] = json!("The last one");
    let body =
        json!({ "bindings": [by("action_id", &ids[1]), by("action_name", &json!("a")), last] });
    app.later(60);
    let set = manager.patch(BINDINGS, &body).await.document(200);
    assert_eq!(order(&app).await, ["b", "a", "c"]);
    let last = &set["bindings"][2];
    assert_eq!(last["id"], bound[0]["id"]);
    assert_eq!(last["display_name"], "The last one");
    assert_eq!(
        (&last["created_at"], &last["updated_at"]),
        (
            &json!("2026-11-23T12:00:00.000Z"),
            &json!("2026-11-23T12:01:01.000Z")
        )
    );
    let listed = manager.get(BINDINGS).await.document(200);
    assert_eq!(listed["bindings"], set["bindings"]);
    assert_eq!(
        (&listed["total"], &listed["per_page"]),
        (&json!(3), &json!(50))
    );
    let second = manager.get(&format!("{BINDINGS}?per_page=2&page=1")).await;
    assert_eq!(second.document(200)["bindings"][0], set["bindings"][2]);

    // Said once more, nothing is changed.
    app.later(60);
    let again = manager.patch(BINDINGS, &body).await.document(200);
    assert_eq!(again, set);
}

/// An action that leaves its name in the log.
fn ran(word: &str) -> String {
    format!("exports.onExecutePostLogin = async () => {{ console.log('{word}'); }};")
}

/// The actions that a login ran.
async fn order(app: &App) -> Vec<String> {
    // Events of one moment have no order.
    app.later(1);
    app.request().send().await.access_token();
    let event = app.newest_event().await;
    let rules = event["rules"]["rules"].as_array().unwrap();
    let named = |rule: &Value| rule["action"].as_str().unwrap().to_owned();
    rules.iter().map(named).collect()
}

#[tokio::test]
async fn rules_run_before_actions_whatever_their_order() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("seen", &adding("action")).await;
    manager.deploy_action(&id).await;
    manager.bind_actions(&["seen"]).await;
    let rule = "function (user, context, callback) {
      user.app_metadata = user.app_metadata || {};
      user.app_metadata.seen = 'rule ';
      auth0.users.updateAppMetadata(user.user_id, user.app_metadata).then(() => callback(null, user, context));
    }";
    for order in [5, 6] {
        let body = json!({ "name": format!("rule {order}"), "script": rule, "order": order });
        manager.post("/rules", &body).await.document(201);
    }
    app.later(1);
    assert_eq!(claims(&app).await[SEEN], "rule action");
    let event = app.newest_event().await;
    let ran: Vec<(&Value, &Value)> = event["rules"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| (&rule["rule"], &rule["action"]))
        .collect();
    assert_eq!(
        json!(ran),
        json!([["rule 5", null], ["rule 6", null], [id, "seen"]])
    );
    // The first place is free for a rule, although an action is the first of its trigger.
    let body = json!({ "name": "rule 1", "script": rule, "order": 1 });
    manager.post("/rules", &body).await.document(201);
}

#[tokio::test]
async fn each_trigger_has_its_actions() {
    let app = App::start().await;
    let manager = app.manager().await;
    let code = format!(
        "exports.onExecuteCredentialsExchange = async (event, api) => {{ api.accessToken.setCustomClaim('{SEEN}', 'machine'); }};"
    );
    let body = json!({
        "name": "machines",
        "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
        "code": code,
        "deploy": true,
    });
    manager.post("/actions/actions", &body).await.document(201);
    let id = manager.make_action("users", &adding("user")).await;
    manager.deploy_action(&id).await;
    manager.bind_actions(&["users"]).await;
    let machines = "/actions/triggers/credentials-exchange/bindings";
    let body = json!({ "bindings": [by("action_name", &json!("machines"))] });
    manager.patch(machines, &body).await.document(200);
    assert_eq!(claims(&app).await[SEEN], "user");
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let token = app.machine_request().send().await;
    let claims_of_machine = app.verify(token.access_token(), API).await.1;
    assert_eq!(claims_of_machine[SEEN], "machine");
    // Taking one trigger's away leaves the other's.
    manager
        .patch(machines, &json!({ "bindings": [] }))
        .await
        .document(200);
    let token = app.machine_request().send().await;
    assert_eq!(
        app.verify(token.access_token(), API).await.1.get(SEEN),
        None
    );
    assert_eq!(claims(&app).await[SEEN], "useruser");
}

#[tokio::test]
async fn triggers_are_listed_and_others_refused_by_name() {
    let app = App::start().await;
    let manager = app.manager().await;
    let all = manager.get("/actions/triggers").await.document(200);
    let seen: Vec<String> = all["triggers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            [text("id"), text("version"), text("status")].join(" ")
        })
        .collect();
    assert_eq!(
        seen,
        [
            "post-login v3 CURRENT",
            "post-login v2 DEPRECATED",
            "post-login v1 DEPRECATED",
            "credentials-exchange v2 CURRENT",
            "credentials-exchange v1 DEPRECATED",
        ]
    );
    let body = json!({ "bindings": [] });
    let elsewhere = "/actions/triggers/custom-email-provider/bindings";
    let refused = "400 operation_not_supported: Nothing on this server sets the trigger `custom-email-provider` off; there are post-login and credentials-exchange.";
    assert_eq!(manager.get(elsewhere).await.refused(), refused);
    assert_eq!(manager.patch(elsewhere, &body).await.refused(), refused);
    let unknown = "/actions/triggers/post-coffee/bindings";
    let refused = "404 -: That trigger does not exist.";
    assert_eq!(manager.get(unknown).await.refused(), refused);
    assert_eq!(manager.patch(unknown, &body).await.refused(), refused);
}

#[tokio::test]
async fn what_cannot_be_bound_is_refused_and_nothing_is_changed() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("bound", &adding("x")).await;
    manager.deploy_action(&id).await;
    let draft = manager.make_action("draft", &adding("x")).await;
    let bound = manager.bind_actions(&["bound"]).await;
    let named = by("action_name", &json!("bound"));
    let mut secretive = named.clone();
    secretive["secrets"] = json!([{ "name": "K", "value": "v" }]);
    let invalid = "400 invalid_body: Payload validation error: 'the bindings:";
    for (bindings, expected) in [
        (json!([named, by("action_id", &json!(id))]), format!("{invalid} `bound` stands there twice'.")),
        (
            json!([by("action_id", &json!(draft))]),
            format!("{invalid} deploy `draft` before it is bound'."),
        ),
        (
            json!([by("action_name", &json!("nobody"))]),
            format!("{invalid} there is no action `nobody`'."),
        ),
        (
            json!([by("action_id", &json!("nobody"))]),
            format!("{invalid} there is no action `nobody`'."),
        ),
        (
            json!([by("binding_id", &json!(id))]),
            format!("{invalid} there is no binding of this trigger `{id}`'."),
        ),
        (
            json!([secretive]),
            "400 operation_not_supported: A binding has no secrets of its own: set them of the action.".to_owned(),
        ),
        (
            json!([{ "ref": { "type": "name", "value": "x" } }]),
            "400 invalid_body: Payload validation error: 'No enum match for: name' on property bindings[0].ref.type (By what it is named).".to_owned(),
        ),
    ] {
        let body = json!({ "bindings": bindings });
        let answer = manager.patch(BINDINGS, &body).await;
        assert_eq!(answer.refused(), expected);
    }
    let listed = manager.get(BINDINGS).await.document(200);
    assert_eq!(listed["bindings"], bound);
}

#[tokio::test]
async fn no_more_is_bound_than_a_chain_may_have() {
    let app = App::start().await;
    let manager = app.manager().await;
    let most = app.server.rule_host.limits().chain;
    let script = b"function (user, context, callback) { callback(null, user, context); }";
    for number in 1..most {
        app.bind_rule(&format!("rule {number}"), script.to_vec(), OnFault::Deny)
            .await;
    }
    for name in ["one", "two"] {
        let id = manager.make_action(name, &adding("x")).await;
        manager.deploy_action(&id).await;
    }
    let names = ["one", "two"].map(|name| by("action_name", &json!(name)));
    let body = json!({ "bindings": names });
    let refused = manager.patch(BINDINGS, &body).await.refused();
    assert!(refused.contains("more than a chain's 32"), "{refused}");
    manager.bind_actions(&["one"]).await;
    // Nor is there room for a rule then.
    let script = std::str::from_utf8(script).unwrap();
    let rule = json!({ "name": "one more", "script": script });
    let refused = manager.post("/rules", &rule).await.refused();
    assert!(
        refused.contains("with the actions of a trigger"),
        "{refused}"
    );
    claims(&app).await;
}

#[tokio::test]
async fn of_two_who_bind_at_the_same_time_one_is_told() {
    let app = App::start().await;
    let manager = app.manager().await;
    for name in ["one", "two"] {
        let id = manager.make_action(name, &naming("1")).await;
        manager.deploy_action(&id).await;
    }
    let [one, two] =
        ["one", "two"].map(|name| json!({ "bindings": [by("action_name", &json!(name))] }));
    for _ in 0..10 {
        let (first, second) =
            tokio::join!(manager.patch(BINDINGS, &one), manager.patch(BINDINGS, &two));
        for answer in [&first, &second] {
            assert!(matches!(answer.status, 200 | 409), "{answer:?}");
        }
        // Whoever was through last, or alone: it is what it said, and no union of both.
        let listed = manager.get(BINDINGS).await.document(200);
        assert_eq!(listed["total"], 1, "{listed}");
        manager
            .patch(BINDINGS, &json!({ "bindings": [] }))
            .await
            .document(200);
    }
}
