//! `/userinfo` (OpenID Connect Core, section 5.3; RFC 6750).

use claimsmith::admin::users;
use claimsmith::clock::Timestamp;
use serde_json::json;

use crate::support::app::{API, Answer, App, EMAIL, NOW};

async fn token(app: &App, scope: &str) -> String {
    let answer = app
        .request()
        .with("audience", API)
        .with("scope", scope)
        .send()
        .await;
    answer.access_token().to_owned()
}

#[tokio::test]
async fn answers_with_the_claims_of_the_granted_scopes() {
    let app = App::start().await;
    let answer = app
        .userinfo(&token(&app, "openid email read:orders").await)
        .await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        answer.body,
        json!({"sub": app.user.user_id, "email": EMAIL, "email_verified": true})
    );
}

#[tokio::test]
async fn post_takes_the_token_in_the_header_or_in_the_form_but_not_in_both() {
    let app = App::start().await;
    let token = token(&app, "openid read:orders").await;
    let post = || {
        app.http()
            .post(app.url("/userinfo"))
            .header("host", "acme.localhost")
    };
    let form = [("access_token", token.as_str())];
    assert_eq!(
        post().bearer_auth(&token).send().await.unwrap().status(),
        200
    );
    assert_eq!(post().form(&form).send().await.unwrap().status(), 200);
    let both = Answer::read(post().bearer_auth(&token).form(&form).send().await.unwrap()).await;
    assert_eq!((both.status, both.text("error")), (400, "invalid_request"));
}

#[tokio::test]
async fn rfc6750_3_a_refusal_carries_a_challenge() {
    let app = App::start().await;
    let none = app.get("/userinfo").await;
    assert_eq!(
        (none.status, none.header("www-authenticate")),
        (401, "Bearer")
    );
    let garbage = app.userinfo("garbage").await;
    assert_eq!(
        garbage.refusal(),
        "401 invalid_token: The access token is invalid or has expired"
    );
    assert!(
        garbage
            .header("www-authenticate")
            .starts_with("Bearer error=\"invalid_token\"")
    );
}

#[tokio::test]
async fn a_token_in_the_query_is_not_read() {
    let app = App::start().await;
    let token = token(&app, "openid read:orders").await;
    assert_eq!(
        app.get(&format!("/userinfo?access_token={token}"))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn refuses_a_token_without_openid_and_an_id_token() {
    let app = App::start().await;
    assert_eq!(
        app.userinfo(&token(&app, "read:orders").await).await.status,
        401
    );
    let answer = app
        .request()
        .with("audience", API)
        .with("scope", "openid")
        .send()
        .await;
    assert_eq!(app.userinfo(answer.text("id_token")).await.status, 401);
}

#[tokio::test]
async fn refuses_an_expired_token() {
    let app = App::start().await;
    let jwt = token(&app, "openid read:orders").await;
    let opaque = app.request().send().await.access_token().to_owned();
    let at = |seconds: u64| Timestamp::from_millis(NOW).plus_secs(seconds);
    app.clock.set(at(86_399));
    for token in [&jwt, &opaque] {
        assert_eq!(app.userinfo(token).await.status, 200);
    }
    app.clock.set(at(86_400));
    for token in [&jwt, &opaque] {
        assert_eq!(app.userinfo(token).await.status, 401);
    }
}

#[tokio::test]
async fn a_blocked_user_is_shut_out_at_once() {
    let app = App::start().await;
    let token = token(&app, "openid read:orders").await;
    assert_eq!(app.userinfo(&token).await.status, 200);
    users::set_blocked(&app.server, &app.tenant, &app.user.user_id, true)
        .await
        .unwrap();
    assert_eq!(app.userinfo(&token).await.status, 401);
}
