//! Rules decide at each exchange, on the user as it is then.

use claimsmith::admin::rules as admin;
use claimsmith::rule_host::OnFault;
use claimsmith::store::Batch;
use claimsmith::user::User;

use super::*;

fn shipped(name: &str) -> Vec<u8> {
    let path = format!("{}/rules/{name}/rule.wasm", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

async fn change_user(app: &App, change: impl FnOnce(&mut User)) {
    let key = [app.tenant.as_str(), app.user.user_id.as_str()];
    let stored = app.server.records.get::<User>(&key).await.unwrap().unwrap();
    let mut user = stored.record.clone();
    change(&mut user);
    let batch = Batch::durable().replace(&stored, &user);
    app.server.records.commit(batch).await.unwrap();
}

#[tokio::test]
async fn claims_follow_the_user_s_roles_of_today_in_the_token_and_at_userinfo() {
    let app = App::start().await;
    app.configure("CLAIMS_NAMESPACE", "https://acme.example")
        .await;
    app.bind_rule("roles-to-claims", shipped("roles-to-claims"), OnFault::Deny)
        .await;
    let token = refresh_token(&app).await;
    change_user(&app, |user| user.roles = vec!["auditor".to_owned()]).await;
    let answer = app.refresh(&token).send().await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["https://acme.example/roles"], json!(["auditor"]));
    let (_, id) = app.verify(answer.text("id_token"), &app.client_id).await;
    assert_eq!(id["https://acme.example/roles"], json!(["auditor"]));
    let userinfo = app.userinfo(answer.access_token()).await;
    assert_eq!(
        userinfo.body["https://acme.example/roles"],
        json!(["auditor"])
    );
}

#[tokio::test]
async fn a_scope_that_a_rule_gave_is_given_while_the_rule_gives_it() {
    let app = App::start().await;
    app.configure("EXTRA_SCOPE", "export:orders").await;
    app.configure("EXTRA_SCOPE_CLIENT_ID", &app.client_id).await;
    app.bind_rule("extra-scope", shipped("extra-scope"), OnFault::Deny)
        .await;
    let token = refresh_token(&app).await;
    let given = app
        .refresh(&token)
        .with("scope", "export:orders")
        .send()
        .await;
    assert_eq!(given.text("scope"), "export:orders");
    admin::unbind(&app.server, &app.tenant, "extra-scope")
        .await
        .unwrap();
    let answer = app.refresh(&token).send().await;
    assert_eq!(
        answer.text("scope"),
        "openid read:orders write:orders offline_access"
    );
}

#[tokio::test]
async fn a_denial_spends_nothing() {
    let app = App::start().await;
    rotate(&app, 0).await;
    let token = refresh_token(&app).await;
    app.configure("ALLOWED_EMAIL_DOMAINS", "globex.example")
        .await;
    app.bind_rule(
        "email-allow-list",
        shipped("email-allow-list"),
        OnFault::Deny,
    )
    .await;
    for _ in 0..2 {
        app.later(1);
        let denied = app.refresh(&token).send().await;
        assert_eq!((denied.status, denied.text("error")), (401, "unauthorized"));
    }
    assert_eq!(last_event(&app).await, EventType::RefreshRefused);
    app.configure("ALLOWED_EMAIL_DOMAINS", "acme.example").await;
    assert_eq!(app.refresh(&token).send().await.status, 200);
}

#[tokio::test]
async fn a_second_factor_that_a_rule_demands_is_answered_with_403_and_spends_nothing() {
    use crate::rule_host::guest::{Effect, returning};
    let app = App::start().await;
    rotate(&app, 0).await;
    let token = refresh_token(&app).await;
    let demand = returning(&[Effect::RequireMfa("any", true)]);
    app.bind_rule("demanding", demand, OnFault::Deny).await;
    let answer = app.refresh(&token).send().await;
    assert_eq!(
        answer.refusal(),
        "403 mfa_required: Multifactor authentication required"
    );
    admin::unbind(&app.server, &app.tenant, "demanding")
        .await
        .unwrap();
    assert_eq!(app.refresh(&token).send().await.status, 200);
}

#[tokio::test]
async fn a_mint_that_fails_spends_nothing() {
    let app = App::start().await;
    rotate(&app, 0).await;
    let token = refresh_token(&app).await;
    let keys = app
        .server
        .records
        .list::<claimsmith::token::SigningKey>(&[app.tenant.as_str()], 50)
        .await
        .unwrap();
    for key in &keys {
        let batch = Batch::durable().delete(key);
        app.server.records.commit(batch).await.unwrap();
    }
    let failed = app.refresh(&token).send().await;
    assert_eq!((failed.status, failed.text("error")), (500, "server_error"));
    for key in &keys {
        let parts = [app.tenant.as_str(), key.record.kid.as_str()];
        let batch = Batch::durable().put(&parts, &key.record);
        app.server.records.commit(batch).await.unwrap();
    }
    assert_eq!(app.refresh(&token).send().await.status, 200);
}
