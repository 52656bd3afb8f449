//! `POST /actions/actions/{id}/test`.

use serde_json::{Value, json};

use super::{TIER, action, id_of, naming};
use crate::support::app::{API, App, EMAIL};

#[tokio::test]
async fn a_draft_is_tested_on_an_event_and_nothing_comes_of_it() {
    let app = App::start().await;
    let manager = app.manager().await;
    let code = "exports.onExecutePostLogin = async (event, api) => {
      const { user, client, request, transaction, connection, authorization, resource_server, stats, secrets } = event;
      console.log(JSON.stringify({
        user: [user.user_id, user.email, user.email_verified, user.name, user.phone_verified, user.created_at, user.app_metadata.plan],
        client: [client.client_id, client.name, client.metadata.region],
        request: [request.ip, request.user_agent, request.body.extra],
        transaction: [transaction.id, transaction.protocol, transaction.requested_scopes],
        rest: [connection.name, authorization.roles, resource_server.identifier, stats.logins_count, secrets.KEY, event.tenant.id],
        methods: event.authentication.methods.map((method) => method.name),
      }));
      api.accessToken.setCustomClaim('https://acme.example/tier', user.app_metadata.plan);
      api.accessToken.addScope('read:orders');
      api.user.setAppMetadata('seen', true);
    };";
    let mut body = action("mine", code);
    body["secrets"] = json!([{ "name": "KEY", "value": "its own" }]);
    let id = id_of(&manager.post("/actions/actions", &body).await.document(201));
    let event = json!({
        "user": {
            "user_id": "auth0|1", "email": EMAIL, "email_verified": true, "name": "Ada", "phone_verified": true,
            "created_at": "2020-01-02T03:04:05.678Z", "app_metadata": { "plan": "gold" }, "identities": [],
        },
        "client": { "client_id": "till", "name": "Till", "metadata": { "region": "north" } },
        "request": { "ip": "203.0.113.9", "user_agent": "curl", "body": { "extra": "1" }, "geoip": {} },
        "transaction": { "id": "t-1", "protocol": "oauth2-refresh-token", "requested_scopes": ["openid"], "locale": "en" },
        "connection": { "name": "users", "strategy": "auth0" },
        "authorization": { "roles": ["editor"] },
        "authentication": { "methods": [{ "name": "pwd", "timestamp": "2026-01-01T00:00:00Z" }, { "name": "mfa" }] },
        "resource_server": { "identifier": API },
        "stats": { "logins_count": 7 },
        "secrets": { "KEY": "another" },
        "organization": { "id": "org_1" },
    });
    // Events of one moment have no order.
    app.later(1);
    let path = format!("/actions/actions/{id}/test");
    let answer = manager
        .post(&path, &json!({ "payload": { "event": event } }))
        .await;
    let payload = answer.document(200)["payload"].clone();
    assert_eq!(payload["outcome"], "allowed", "{payload}");
    let line: Value =
        serde_json::from_str(payload["logs"][0]["message"].as_str().unwrap()).unwrap();
    assert_eq!(
        line,
        json!({
            "user": ["auth0|1", EMAIL, true, "Ada", true, "2020-01-02T03:04:05.678Z", "gold"],
            "client": ["till", "Till", "north"],
            "request": ["203.0.113.9", "curl", "1"],
            "transaction": ["t-1", "oauth2-refresh-token", ["openid"]],
            "rest": ["users", ["editor"], API, 7, "its own", "acme"],
            "methods": ["pwd", "mfa"],
        })
    );
    assert_eq!(payload["after"]["access_claims"][TIER], "gold");
    assert_eq!(payload["after"]["scopes"], json!(["openid", "read:orders"]));
    assert_eq!(
        payload["after"]["app_metadata"],
        json!({ "plan": "gold", "seen": true })
    );
    let effects: Vec<&Value> = payload["effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|effect| &effect["effect"])
        .collect();
    assert_eq!(
        json!(effects),
        json!(["set-access-claim", "add-scope", "merge-app-metadata"])
    );
    assert_eq!(
        payload["ignored"],
        json!([
            "event.connection.strategy",
            "event.organization",
            "event.request.geoip",
            "event.secrets",
            "event.transaction.locale",
            "event.user.identities",
        ]),
        "{payload}"
    );
    assert_eq!(
        (&payload["denial"], &payload["fault"]),
        (&Value::Null, &Value::Null)
    );

    // Nothing but the request itself is in the log, and no version was made.
    let event = app.newest_event().await;
    assert_eq!(
        (&event["type"], &event["rules"]),
        (&json!("sapi"), &Value::Null)
    );
    let versions = manager
        .get(&format!("/actions/actions/{id}/versions"))
        .await;
    assert_eq!(versions.document(200)["total"], 0);
}

#[tokio::test]
async fn a_denial_and_a_fault_are_told_as_they_are() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("mine", &naming("1")).await;
    let test = async |code: &str| {
        let path = format!("/actions/actions/{id}");
        let code = json!({ "code": code });
        manager.patch(&path, &code).await.document(200);
        let path = format!("/actions/actions/{id}/test");
        let answer = manager.post(&path, &json!({ "payload": {} })).await;
        answer.document(200)["payload"].clone()
    };
    let denied = test(
        "exports.onExecutePostLogin = async (event, api) => { api.access.deny('not today'); };",
    )
    .await;
    assert_eq!(
        (&denied["outcome"], &denied["denial"], &denied["after"]),
        (
            &json!("denied"),
            &json!({ "error": "access_denied", "description": "not today" }),
            &Value::Null
        )
    );
    let failed = test(
        "exports.onExecutePostLogin = async () => {\n  throw new TypeError('no such thing');\n};",
    )
    .await;
    assert_eq!(
        (&failed["outcome"], &failed["fault"]["fault"]),
        (&json!("faulted"), &json!("exception"))
    );
    let detail = failed["fault"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("TypeError: no such thing"), "{detail}");
    let endless = test("exports.onExecutePostLogin = async () => { for (;;); };").await;
    assert_eq!(endless["fault"]["fault"], "fuel", "{endless}");
    // The network is not there, even where it may be reached.
    let asks = "exports.onExecutePostLogin = async () => { await fetch('https://api.example/'); };";
    let asks = test(asks).await;
    assert_eq!(asks["outcome"], "faulted", "{asks}");
}

#[tokio::test]
async fn an_action_of_machines_is_tested_as_one() {
    let app = App::start().await;
    let manager = app.manager().await;
    let code = format!(
        "exports.onExecuteCredentialsExchange = async (event, api) => {{
          api.accessToken.setCustomClaim('{TIER}', [event.client.client_id, event.accessToken.scope, event.accessToken.customClaims.a, event.user].join());
        }};"
    );
    let body = json!({
        "name": "machines",
        "supported_triggers": [{ "id": "credentials-exchange" }],
        "code": code,
    });
    let id = id_of(&manager.post("/actions/actions", &body).await.document(201));
    let event = json!({
        "client": { "client_id": "robot" },
        "accessToken": { "customClaims": { "a": 1 }, "scope": ["read:orders"] },
        "user": { "user_id": "auth0|1" },
    });
    let path = format!("/actions/actions/{id}/test");
    let answer = manager
        .post(&path, &json!({ "payload": { "event": event } }))
        .await;
    let payload = answer.document(200)["payload"].clone();
    assert_eq!(
        payload["after"]["access_claims"][TIER], "robot,read:orders,1,",
        "{payload}"
    );
    assert_eq!(payload["ignored"], json!(["event.user"]));
}

#[tokio::test]
async fn an_event_that_is_none_is_refused_with_its_place() {
    let app = App::start().await;
    let manager = app.manager().await;
    let id = manager.make_action("mine", &naming("1")).await;
    let path = format!("/actions/actions/{id}/test");
    for (event, expected) in [
        (
            json!({ "user": 1 }),
            "Expected type object' on property payload.event.user.",
        ),
        (
            json!({ "user": { "email": 1 } }),
            "Expected type string' on property payload.event.user.email.",
        ),
        (
            json!({ "user": { "created_at": "yesterday" } }),
            "Expected a moment as in RFC 3339, since 1970' on property payload.event.user.created_at.",
        ),
        (
            json!({ "authorization": { "roles": [1] } }),
            "Expected an array of strings' on property payload.event.authorization.roles.",
        ),
        (
            json!({ "request": { "body": { "a": {} } } }),
            "Expected an object of strings' on property payload.event.request.body.",
        ),
        (
            json!({ "stats": { "logins_count": -1 } }),
            "Expected a whole number' on property payload.event.stats.logins_count.",
        ),
        (
            json!({ "authentication": { "methods": ["pwd"] } }),
            "Expected array of objects with a name' on property payload.event.authentication.methods.",
        ),
    ] {
        let answer = manager
            .post(&path, &json!({ "payload": { "event": event } }))
            .await;
        assert_eq!(
            answer.refused(),
            format!("400 invalid_body: Payload validation error: '{expected}")
        );
    }
}
