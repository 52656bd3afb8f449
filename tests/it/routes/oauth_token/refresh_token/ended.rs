//! What ends a family besides time (contract, sections 1.8 and 1.10).

use claimsmith::admin::tenants::{self, Change};
use claimsmith::admin::{client_grants, users};
use claimsmith::api::{Api, UserPolicy};
use claimsmith::client_grant::SubjectType;
use claimsmith::secret::Secret;
use claimsmith::store::Batch;
use claimsmith::token::refresh::{self, Scope};
use claimsmith::user::User;

use super::*;

async fn families(app: &App) -> usize {
    let scope = Scope {
        user_id: &app.user.user_id,
        client_id: None,
        audience: None,
    };
    let all = refresh::list(&app.server.records, &app.tenant, scope, 10).await;
    all.unwrap().len()
}

async fn set_password(app: &App) {
    app.later(1);
    let password = Secret::new("another fine password");
    users::set_password(&app.server, &app.tenant, &app.user.user_id, password)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_blocked_user_is_refused_for_good() {
    let app = App::start().await;
    let token = refresh_token(&app).await;
    let block = |blocked| users::set_blocked(&app.server, &app.tenant, &app.user.user_id, blocked);
    block(true).await.unwrap();
    assert_eq!(
        app.refresh(&token).send().await.refusal(),
        "403 unauthorized: user is blocked"
    );
    assert_eq!(families(&app).await, 0);
    block(false).await.unwrap();
    assert_eq!(app.refresh(&token).send().await.refusal(), REFUSED);
}

#[tokio::test]
async fn a_deleted_user_is_said_to_be_gone() {
    let app = App::start().await;
    let token = refresh_token(&app).await;
    let key = [app.tenant.as_str(), app.user.user_id.as_str()];
    let user = app.server.records.get::<User>(&key).await.unwrap().unwrap();
    let batch = Batch::durable().delete(&user);
    app.server.records.commit(batch).await.unwrap();
    assert_eq!(
        app.refresh(&token).send().await.refusal(),
        "403 invalid_grant: The refresh_token was generated for a user who doesn't exist anymore."
    );
    assert_eq!(families(&app).await, 0);
}

#[tokio::test]
async fn a_changed_password_ends_the_family() {
    let app = App::start().await;
    let token = refresh_token(&app).await;
    set_password(&app).await;
    assert_eq!(app.refresh(&token).send().await.refusal(), REFUSED);
    assert_eq!(families(&app).await, 0);
}

#[tokio::test]
async fn a_tenant_may_let_refresh_tokens_outlive_a_password() {
    let app = App::start().await;
    let change = Change {
        refresh_tokens_outlive_password: Some(true),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    let token = refresh_token(&app).await;
    set_password(&app).await;
    assert_eq!(app.refresh(&token).send().await.status, 200);
}

#[tokio::test]
async fn a_client_from_which_the_grant_was_taken_is_refused() {
    let app = App::start().await;
    let token = refresh_token(&app).await;
    let only = vec!["password".to_owned()];
    clients::set_grants(&app.server, &app.tenant, &app.client_id, only)
        .await
        .unwrap();
    assert_eq!(
        app.refresh(&token).send().await.refusal(),
        "403 unauthorized_client: Grant type 'refresh_token' not allowed for the client."
    );
}

#[tokio::test]
async fn a_client_whose_grant_for_the_api_was_taken_needs_a_new_login() {
    let app = App::start().await;
    let key = [app.tenant.as_str(), API];
    let api = app.server.records.get::<Api>(&key).await.unwrap().unwrap();
    let mut held = api.record.clone();
    held.subject_type_authorization.user.policy = UserPolicy::RequireClientGrant;
    let batch = Batch::durable().replace(&api, &held);
    app.server.records.commit(batch).await.unwrap();
    app.grant_client(SubjectType::User, &["read:orders"]).await;
    let login = app.request().with("audience", API);
    let login = login.with("scope", "read:orders offline_access");
    let token = login.send().await.text("refresh_token").to_owned();
    assert_eq!(app.refresh(&token).send().await.status, 200);

    let (server, tenant) = (&app.server, &app.tenant);
    let grant = (app.client_id.as_str(), SubjectType::User, API);
    client_grants::delete(server, tenant, grant).await.unwrap();
    let refused = app.refresh(&token).send().await;
    assert_eq!(
        (refused.status, refused.text("error")),
        (403, "access_denied")
    );
    assert_eq!(families(&app).await, 0);
    app.grant_client(SubjectType::User, &["read:orders"]).await;
    assert_eq!(app.refresh(&token).send().await.refusal(), REFUSED);
}

#[tokio::test]
async fn a_token_of_one_tenant_is_none_of_another() {
    let app = App::start().await;
    let token = refresh_token(&app).await;
    let other = claimsmith::tenant::TenantName::parse("globex").unwrap();
    let issuer = claimsmith::tenant::Issuer::parse("http://globex.localhost/").unwrap();
    tenants::create(&app.server, other.clone(), issuer)
        .await
        .unwrap();
    // The very same client record there.
    let key = [app.tenant.as_str(), app.client_id.as_str()];
    let client = app.server.records.get::<claimsmith::client::Client>(&key);
    let client = client.await.unwrap().unwrap().record;
    let batch = Batch::durable().put(&[other.as_str(), &app.client_id], &client);
    app.server.records.commit(batch).await.unwrap();
    let answer = app.refresh(&token).at("globex.localhost").send().await;
    assert_eq!(answer.refusal(), REFUSED);
    assert_eq!(app.refresh(&token).send().await.status, 200);
}

#[tokio::test]
async fn a_scope_that_the_api_no_longer_defines_is_not_granted_again() {
    let app = App::start().await;
    let token = refresh_token(&app).await;
    let key = [app.tenant.as_str(), API];
    let api = app.server.records.get::<claimsmith::api::Api>(&key);
    let stored = api.await.unwrap().unwrap();
    let mut api = stored.record.clone();
    api.scopes.retain(|scope| scope.value != "write:orders");
    let batch = Batch::durable().replace(&stored, &api);
    app.server.records.commit(batch).await.unwrap();
    let answer = app.refresh(&token).send().await;
    assert_eq!(answer.text("scope"), "openid read:orders offline_access");

    let stored = app.server.records.get::<claimsmith::api::Api>(&key).await;
    let stored = stored.unwrap().unwrap();
    api.allow_offline_access = false;
    let batch = Batch::durable().replace(&stored, &api);
    app.server.records.commit(batch).await.unwrap();
    assert_eq!(app.refresh(&token).send().await.refusal(), REFUSED);
}
