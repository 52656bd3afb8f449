//! Which API a token is for: the parameter, the tenant's default, or none (contract, section 1.5).

use claimsmith::admin::tenants::{self, Change};
use serde_json::json;

use crate::support::app::{API, App};

#[tokio::test]
async fn without_any_audience_the_token_is_opaque_and_good_for_userinfo_only() {
    let app = App::start().await;
    let answer = app.request().send().await;
    assert_eq!(answer.text("scope"), "openid profile email address phone");
    assert_eq!(answer.body["expires_in"], json!(86400));
    assert_eq!(answer.access_token().split('.').count(), 1);
    let userinfo = app.userinfo(answer.access_token()).await;
    assert_eq!(userinfo.body["sub"], json!(app.user.user_id));
}

#[tokio::test]
async fn the_tenants_default_audience_is_used_when_none_is_asked() {
    let app = App::start().await;
    let change = Change {
        default_audience: Some(API.to_owned()),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    let answer = app.request().with("scope", "read:orders").send().await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["aud"], json!(API));
}

#[tokio::test]
async fn an_unknown_audience_is_refused_before_the_password_is_looked_at() {
    let app = App::start().await;
    let before = app.server.passwords.evaluations();
    let answer = app
        .request()
        .with("audience", "https://nowhere.example/")
        .send()
        .await;
    assert_eq!(
        answer.refusal(),
        "403 access_denied: Service not enabled within domain: https://nowhere.example/"
    );
    assert_eq!(app.server.passwords.evaluations(), before);
}

#[tokio::test]
async fn what_a_refusal_reflects_keeps_to_printable_ascii() {
    let app = App::start().await;
    let answer = app
        .request()
        .with("audience", "https://ä\"\\.example/")
        .send()
        .await;
    assert_eq!(
        answer.refusal(),
        "403 access_denied: Service not enabled within domain: https://?'/.example/"
    );
}
