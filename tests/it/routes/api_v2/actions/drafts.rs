//! Actions as they are made, changed and deleted.

use claimsmith::admin::tenants::{self, QuotaChange};
use reqwest::Method;
use serde_json::{Value, json};

use super::{action, id_of, naming, tier};
use crate::support::app::App;

/// As recorded (contract, section 3.6), with what is this server's own.
#[tokio::test]
async fn an_action_is_made_as_recorded() {
    let app = App::start().await;
    let manager = app.manager().await;
    let code = "exports.onExecutePostLogin = async (event, api) => {};";
    let body = json!({
        "name": "Test Action TestAccAction",
        "supported_triggers": [{ "id": "post-login", "version": "v3" }],
        "code": code,
        "dependencies": [{ "name": "lodash", "version": "latest" }],
        "runtime": "node22",
        "secrets": [{ "name": "KEY", "value": "unseen" }],
    });
    let mut made = manager.post("/actions/actions", &body).await.document(201);
    let id = id_of(&made);
    assert_eq!(
        manager
            .get(&format!("/actions/actions/{id}"))
            .await
            .document(200),
        made
    );
    made["id"] = json!("ID");
    assert_eq!(
        made,
        json!({
            "id": "ID",
            "name": "Test Action TestAccAction",
            "supported_triggers": [{ "id": "post-login", "version": "v3" }],
            "created_at": "2026-11-23T12:00:00.000Z",
            "updated_at": "2026-11-23T12:00:00.000Z",
            "built_at": "2026-11-23T12:00:00.000Z",
            "code": code,
            "dependencies": [{ "name": "lodash", "version": "latest" }],
            "runtime": "node22",
            "status": "built",
            "secrets": [{ "name": "KEY", "updated_at": "2026-11-23T12:00:00.000Z" }],
            "all_changes_deployed": false,
            "on_fault": "deny",
            "permissions": { "hosts": [], "allow_http": false },
        })
    );
    // It is no rule, and runs nowhere.
    assert_eq!(manager.get("/rules").await.document(200), json!([]));
    assert_eq!(tier(&app).await, Value::Null);
}

#[tokio::test]
async fn an_action_lives_from_draft_to_login_to_its_end() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("Tier", &naming("'gold'")).await;
    let path = format!("/actions/actions/{id}");
    manager.deploy_action(&id).await;
    assert_eq!(tier(&app).await, Value::Null, "it is not bound");
    manager.bind_actions(&["Tier"]).await;
    assert_eq!(tier(&app).await, "gold");

    // What is changed is the draft.
    app.later(60);
    let change = json!({ "name": "Tier of the user", "code": naming("'tin'") });
    let changed = manager.patch(&path, &change).await.document(200);
    assert_eq!(changed["all_changes_deployed"], false);
    assert_eq!(changed["updated_at"], "2026-11-23T12:01:00.000Z");
    assert_eq!(changed["deployed_version"]["number"], 1);
    assert_eq!(changed["deployed_version"]["code"], naming("'gold'"));
    assert_eq!(tier(&app).await, "gold");
    manager.deploy_action(&id).await;
    assert_eq!(tier(&app).await, "tin");
    let deployed = manager.get(&path).await.document(200);
    assert_eq!(deployed["all_changes_deployed"], true);
    assert_eq!(deployed["deployed_version"]["deployed"], true);

    let refused = manager.delete(&path).await.refused();
    assert_eq!(
        refused,
        "409 action_bound: the action is bound to a trigger: unbind it, or delete it with `force`"
    );
    assert_eq!(tier(&app).await, "tin");
    manager
        .delete(&format!("{path}?force=true"))
        .await
        .document(204);
    assert_eq!(tier(&app).await, Value::Null);
    assert_eq!(
        manager.get(&path).await.refused(),
        "404 -: That action does not exist."
    );
    let bound = manager.get("/actions/triggers/post-login/bindings").await;
    assert_eq!(
        bound.document(200),
        json!({ "bindings": [], "total": 0, "per_page": 50 })
    );
    // Both names are free again.
    manager.make_action("Tier", &naming("1")).await;
    manager.make_action("Tier of the user", &naming("1")).await;
}

#[tokio::test]
async fn a_deleted_action_leaves_nothing_behind() {
    let app = App::start().await;
    let manager = app.manager().await;
    let before = of_actions(&app).await;
    let mut body = action("Short", &naming("event.secrets.KEY"));
    body["secrets"] = json!([{ "name": "KEY", "value": "one" }]);
    body["deploy"] = json!(true);
    let made = manager.post("/actions/actions", &body).await.document(201);
    assert_eq!(made["all_changes_deployed"], true);
    let id = id_of(&made);
    for value in ["two", "three"] {
        let change = json!({ "secrets": [{ "name": "KEY", "value": value }] });
        let path = format!("/actions/actions/{id}");
        manager.patch(&path, &change).await.document(200);
        manager.deploy_action(&id).await;
    }
    manager.bind_actions(&["Short"]).await;
    assert!(of_actions(&app).await > before + 8);
    let path = format!("/actions/actions/{id}?force=true");
    manager.delete(&path).await.document(204);
    // That the bindings of the trigger were set, and no more.
    assert_eq!(of_actions(&app).await, before + 1);
}

/// How many records there are of actions, versions and bindings.
async fn of_actions(app: &App) -> usize {
    use claimsmith::store::{KeyRange, Table};
    let mut count = 0;
    for table in [
        Table::Action,
        Table::ActionName,
        Table::ActionSecret,
        Table::TriggerBindings,
        Table::RuleVersion,
        Table::Binding,
    ] {
        let range = KeyRange::prefix(table, &[app.tenant.as_str()]);
        let store = app.server.records.store();
        count += store.scan(&range, 1_000).await.unwrap().len();
    }
    count
}

#[tokio::test]
async fn what_an_action_cannot_be_is_refused_by_name() {
    let app = App::start().await;
    let manager = app.manager().await;
    let usual = action("Usual", &naming("1"));
    manager.post("/actions/actions", &usual).await.document(201);
    let with = |name: &str, value: Value| {
        let mut body = action("Other", &naming("1"));
        body[name] = value;
        body
    };
    let dependency = |name: &str| json!([{ "name": name, "version": "1" }]);
    let trigger = |id: &str, version: &str| json!([{ "id": id, "version": version }]);
    let twice = json!([{ "name": "K", "value": "1" }, { "name": "K", "value": "2" }]);
    for (body, expected) in [
        (usual, "409 conflict: there already is an action `Usual`"),
        (
            with("supported_triggers", trigger("pre-user-registration", "v2")),
            "400 operation_not_supported: Nothing on this server sets the trigger `pre-user-registration` off; there are post-login and credentials-exchange.",
        ),
        (
            with(
                "supported_triggers",
                trigger("password-reset-post-challenge", "v1"),
            ),
            "400 operation_not_supported: Nothing on this server sets the trigger `password-reset-post-challenge` off; there are post-login and credentials-exchange.",
        ),
        (
            with("supported_triggers", trigger("post-coffee", "v1")),
            "400 invalid_body: Payload validation error: 'No enum match for: post-coffee' on property supported_triggers[0].id.",
        ),
        (
            with("supported_triggers", trigger("post-login", "v4")),
            "400 invalid_body: Payload validation error: 'the trigger: `post-login` has no version `v4`; there are v1, v2, v3'.",
        ),
        (
            with("supported_triggers", json!([])),
            "400 invalid_body: Payload validation error: 'An action is for one trigger' on property supported_triggers.",
        ),
        (
            with("supported_triggers", trigger("credentials-exchange", "v2")),
            "400 invalid_body: Payload validation error: 'the code: it is for `credentials-exchange`, and does not export `onExecuteCredentialsExchange`'.",
        ),
        (
            with("dependencies", dependency("aws-sdk")),
            "400 invalid_body: Payload validation error: 'the dependencies: the module `aws-sdk` is not there; those that are: async, auth0, axios, buffer, crypto, ipaddr.js, jsonwebtoken, lodash, moment, moment-timezone, node-fetch, q, querystring, request, request-promise, request-promise-native, timers, url, util, uuid, xtend'.",
        ),
        (
            with("runtime", json!("deno")),
            "400 invalid_body: Payload validation error: 'No enum match for: deno' on property runtime (Kept and returned; all actions run in this server's engine).",
        ),
        (
            with("secrets", twice),
            "400 invalid_body: Payload validation error: 'the secrets: `K` is named twice'.",
        ),
        (
            with("secrets", json!([{ "name": "K" }])),
            "400 invalid_body: Payload validation error: 'the secrets: `K` has no value yet, and is given none'.",
        ),
        (
            with("modules", json!([])),
            "400 invalid_body: Payload validation error: 'Additional properties not allowed: modules'.",
        ),
        (
            with("name", json!(" Other")),
            "400 invalid_body: Payload validation error: 'the action's name: it begins or ends with a space'.",
        ),
        (
            json!({ "name": "Other", "supported_triggers": [{ "id": "post-login" }], "deploy": true }),
            "400 invalid_body: Payload validation error: 'there is no code to deploy' on property deploy.",
        ),
    ] {
        let answer = manager.post("/actions/actions", &body).await;
        assert_eq!(answer.refused(), expected);
    }
    for (code, expected) in [
        (
            "function (user, context, callback) { callback(null, user, context); }",
            "it is for `post-login`, and does not export `onExecutePostLogin`",
        ),
        (
            "exports.onExecutePostLogin = async (event, api) => {",
            "line 1",
        ),
        (
            "exports.onExecutePostLogin = async () => { require('mysql'); };",
            "the module `mysql` is not there",
        ),
        ("", "this is not WebAssembly"),
    ] {
        let refused = manager
            .post("/actions/actions", &action("Other", code))
            .await
            .refused();
        assert!(refused.starts_with("400 invalid_body: "), "{refused}");
        assert!(refused.contains(expected), "{refused}");
    }
    let all = manager.get("/actions/actions").await.document(200);
    assert_eq!((&all["total"], all.get("page")), (&json!(1), None));
}

#[tokio::test]
async fn a_draft_without_code_is_pending_and_is_not_deployed() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({ "name": "Idea", "supported_triggers": [{ "id": "post-login" }] });
    let made = manager.post("/actions/actions", &body).await.document(201);
    assert_eq!(
        (&made["status"], &made["supported_triggers"][0]["version"]),
        (&json!("pending"), &json!("v3"))
    );
    let path = format!("/actions/actions/{}", id_of(&made));
    for verb in ["deploy", "test"] {
        let answer = manager
            .post(&format!("{path}/{verb}"), &json!({ "payload": {} }))
            .await;
        assert_eq!(
            answer.refused(),
            format!(
                "400 invalid_body: Payload validation error: 'the action: it has no code to {verb}'."
            )
        );
    }
    // It may become one for the other trigger as long as it has no code that is for this one.
    let machines = json!({ "supported_triggers": [{ "id": "credentials-exchange" }] });
    manager.patch(&path, &machines).await.document(200);
    let refused = manager
        .patch(&path, &json!({ "code": naming("1") }))
        .await
        .refused();
    assert!(refused.contains("does not export"), "{refused}");
}

#[tokio::test]
async fn an_action_is_renamed_to_a_name_that_is_free() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("One", &naming("1")).await;
    manager.make_action("Two", &naming("2")).await;
    let path = format!("/actions/actions/{id}");
    let taken = manager.patch(&path, &json!({ "name": "Two" })).await;
    assert_eq!(
        taken.refused(),
        "409 conflict: there already is an action `Two`"
    );
    manager
        .patch(&path, &json!({ "name": "Three" }))
        .await
        .document(200);
    let found = manager.get("/actions/actions?actionName=Three").await;
    assert_eq!(found.document(200)["actions"][0]["id"], json!(id));
    let found = manager.get("/actions/actions?actionName=One").await;
    assert_eq!(found.document(200)["actions"], json!([]));
    manager.make_action("One", &naming("1")).await;
}

#[tokio::test]
async fn actions_are_listed_by_what_they_are() {
    let app = App::start().await;
    let manager = app.manager().await;
    let deployed = manager.make_action("A", &naming("1")).await;
    manager.deploy_action(&deployed).await;
    manager.make_action("B", &naming("1")).await;
    let machines = json!({
        "name": "C",
        "supported_triggers": [{ "id": "credentials-exchange", "version": "v2" }],
        "code": "exports.onExecuteCredentialsExchange = async () => {};",
    });
    manager
        .post("/actions/actions", &machines)
        .await
        .document(201);
    let names = async |query: &str| {
        let all = manager.get(&format!("/actions/actions?{query}")).await;
        let all = all.document(200);
        let names = all["actions"].as_array().unwrap().iter();
        let names: Vec<String> = names
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect();
        (names.concat(), all["total"].as_u64().unwrap())
    };
    for (query, expected) in [
        ("", ("ABC", 3)),
        ("deployed=true", ("A", 1)),
        ("deployed=false", ("BC", 2)),
        ("triggerId=credentials-exchange", ("C", 1)),
        ("triggerId=post-login&deployed=false", ("B", 1)),
        ("installed=true", ("", 0)),
        ("installed=false", ("ABC", 3)),
        ("per_page=2", ("AB", 3)),
        ("per_page=2&page=1", ("C", 3)),
        ("per_page=2&page=9", ("", 3)),
    ] {
        let (names, total) = names(query).await;
        assert_eq!((names.as_str(), total), expected, "{query}");
    }
    let page = manager.get("/actions/actions?per_page=2&page=1").await;
    let page = page.document(200);
    assert_eq!((&page["page"], &page["per_page"]), (&json!(1), &json!(2)));
    let unknown = manager.get("/actions/actions?triggerId=coffee").await;
    assert_eq!(
        unknown.refused(),
        "400 invalid_query_string: Query validation error: 'No enum match for: coffee' on property triggerId."
    );
    let elsewhere = manager.get("/actions/actions?triggerId=mcp-tool").await;
    assert!(
        elsewhere
            .refused()
            .starts_with("400 operation_not_supported")
    );
}

#[tokio::test]
async fn an_action_counts_as_a_rule() {
    let app = App::start().await;
    let manager = app.manager().await;
    let change = QuotaChange {
        rules: Some(Some(2)),
        ..QuotaChange::default()
    };
    tenants::set_quotas(&app.server, &app.tenant, change)
        .await
        .unwrap();
    let script = "function (user, context, callback) { callback(null, user, context); }";
    let rule = |name: &str| json!({ "name": name, "script": script });
    manager.post("/rules", &rule("one")).await.document(201);
    manager.make_action("two", &naming("1")).await;
    let over = "403 too_many_entities: You reached the limit of entities of this type for this tenant: its quota is 2 rules.";
    let third = manager
        .post("/actions/actions", &action("three", &naming("1")))
        .await;
    assert_eq!(third.refused(), over);
    assert_eq!(manager.post("/rules", &rule("three")).await.refused(), over);
}

/// Whoever may change rules must not change actions by their other name.
#[tokio::test]
async fn what_is_behind_an_action_is_not_a_rule_to_be_changed() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("Tier", &naming("'gold'")).await;
    let script = "function (user, context, callback) { callback(new Error('mine')); }";
    let body = json!({ "script": script });
    let upload = format!("/rule-versions/{id}");
    let refused =
        "400 invalid_body: Payload validation error: 'the rule: it is an action: change that'.";
    assert_eq!(manager.post(&upload, &body).await.refused(), refused);
    let rule = json!({ "name": id, "script": script });
    assert_eq!(manager.post("/rules", &rule).await.refused(), refused);
    manager.deploy_action(&id).await;
    manager.bind_actions(&["Tier"]).await;
    assert_eq!(manager.post(&upload, &body).await.refused(), refused);
    assert_eq!(
        manager
            .post(&format!("{upload}/1/deploy"), &json!({}))
            .await
            .refused(),
        "400 invalid_body: Payload validation error: 'the rule: it is an action: deploy that'."
    );
    assert_eq!(
        manager
            .send(Method::POST, &format!("{upload}/rollback"), None)
            .await
            .refused(),
        "404 inexistent_rule: The rule does not exist"
    );
    for listed in ["/rules", "/rules?enabled=true"] {
        assert_eq!(manager.get(listed).await.document(200), json!([]));
    }
    // Who may read rules alone does not read actions.
    let blind = app.manager_with(Some(&["read:rules"])).await;
    for path in [
        upload.clone(),
        format!("{upload}/1"),
        format!("{upload}/1/component"),
    ] {
        assert_eq!(
            blind.get(&path).await.refused(),
            "403 insufficient_scope: Insufficient scope, expected any of: read:actions",
            "{path}"
        );
    }
    assert_eq!(tier(&app).await, "gold");
}

#[tokio::test]
async fn what_an_action_may_do_holds_at_once() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager
        .make_action(
            "Broken",
            "exports.onExecutePostLogin = async () => { throw new Error('x'); };",
        )
        .await;
    manager.deploy_action(&id).await;
    manager.bind_actions(&["Broken"]).await;
    assert_eq!(app.request().send().await.status, 403);
    let path = format!("/actions/actions/{id}");
    let change = json!({
        "on_fault": "skip",
        "permissions": { "hosts": ["api.example"], "allow_http": false },
    });
    let changed = manager.patch(&path, &change).await.document(200);
    assert_eq!(changed["all_changes_deployed"], true);
    assert_eq!(changed["permissions"], change["permissions"]);
    assert_eq!(app.request().send().await.status, 200);
}
