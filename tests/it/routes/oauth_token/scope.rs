//! Scopes over the wire; the rules themselves are tested beside `grant::GrantedScopes`.

use serde_json::json;

use crate::support::app::{API, App};

#[tokio::test]
async fn scope_is_echoed_when_it_differs_from_what_was_asked() {
    let app = App::start().await;
    let ask = |scope: &'static str| {
        app.request()
            .with("audience", API)
            .with("scope", scope)
            .send()
    };
    assert_eq!(
        ask("read:orders write:orders").await.body.get("scope"),
        None
    );
    assert_eq!(
        ask("write:orders read:orders").await.body.get("scope"),
        None,
        "order does not matter"
    );
    assert_eq!(
        ask("read:orders read:invoices").await.text("scope"),
        "read:orders"
    );
    assert_eq!(
        ask("openid").await.text("scope"),
        "openid profile email address phone read:orders write:orders export:orders"
    );
    assert_eq!(
        app.request()
            .with("audience", API)
            .send()
            .await
            .text("scope"),
        "read:orders write:orders export:orders"
    );
}

#[tokio::test]
async fn an_unknown_scope_alone_gets_a_token_without_scope() {
    // Recorded: `password, scope=extra-scope` → 200 without a `scope` member.
    let app = App::start().await;
    let answer = app.request().with("scope", "extra-scope").send().await;
    assert_eq!(answer.body.get("scope"), None);
    assert_eq!(answer.body.get("id_token"), None);
    assert_eq!(app.userinfo(answer.access_token()).await.status, 403);
}

#[tokio::test]
async fn scope_may_be_an_array_in_json_and_nothing_else() {
    let app = App::start().await;
    let body = |scope: serde_json::Value| {
        json!({
            "grant_type": "password", "username": crate::support::app::EMAIL,
            "password": crate::support::app::PASSWORD, "client_id": app.client_id,
            "client_secret": app.client_secret, "audience": API, "scope": scope,
        })
        .to_string()
    };
    let json = "application/json";
    let answer = app
        .request()
        .send_raw(json, body(json!(["read:orders", "write:orders"])))
        .await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["scope"], json!("read:orders write:orders"));
    for wrong in [json!(7), json!({"read": true}), json!(["read:orders", 7])] {
        let answer = app.request().send_raw(json, body(wrong)).await;
        assert_eq!(
            answer.refusal(),
            "400 invalid_scope: Scope must be an array or a string"
        );
    }
}

#[tokio::test]
async fn rfc6749_3_3_a_scope_has_printable_ascii_only() {
    let app = App::start().await;
    for scope in ["openid \"x", "openid back\\slash", "openid é"] {
        let answer = app.request().with("scope", scope).send().await;
        assert_eq!(
            answer.refusal(),
            "400 invalid_scope: Scope contains a character that is not allowed"
        );
    }
}

#[tokio::test]
async fn an_api_with_as_many_scopes_as_one_may_have_grants_them_all() {
    let app = App::start().await;
    let scopes: Vec<_> = (0..1_000)
        .map(|number| claimsmith::api::ApiScope {
            value: format!("read:shelf-{number}"),
            description: String::new(),
        })
        .collect();
    let new = claimsmith::admin::apis::NewApi {
        identifier: "https://library.example/".to_owned(),
        name: None,
        scopes,
        signing_alg: Default::default(),
        token_dialect: Default::default(),
        token_lifetime: 60,
        allow_offline_access: false,
    };
    claimsmith::admin::apis::create(&app.server, &app.tenant, new)
        .await
        .unwrap();
    let rule = crate::rule_host::guest::returning(&[]);
    app.bind_rule("silent", rule, claimsmith::rule_host::OnFault::Deny)
        .await;
    let answer = app
        .request()
        .with("audience", "https://library.example/")
        .send()
        .await;
    assert_eq!(answer.text("scope").split(' ').count(), 1_000);
}
