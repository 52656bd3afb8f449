//! `grant_type=refresh_token` (RFC 6749, section 6; contract, section 1.8).

mod bound;
mod ended;
mod races;
mod revoked;
mod rotation;
mod rules;
mod settings;

use claimsmith::admin::clients;
use claimsmith::api::TokenDialect;
use claimsmith::client::{ClientAuthentication, RefreshSettings, Rotation};
use claimsmith::log::{self, EventType};
use claimsmith::token::SigningAlgorithm;
use serde_json::json;

use crate::support::app::{API, App, TokenForm};

const REFUSED: &str = "403 invalid_grant: Unknown or invalid refresh token.";

/// A login for the API with scopes of it.
fn login(app: &App) -> TokenForm<'_> {
    app.request()
        .with("audience", API)
        .with("scope", "openid read:orders write:orders offline_access")
}

async fn refresh_token(app: &App) -> String {
    login(app).send().await.text("refresh_token").to_owned()
}

/// Gives the app's client rotating tokens.
async fn rotate(app: &App, leeway: u64) {
    let settings = RefreshSettings {
        leeway,
        ..RefreshSettings::default_for(ClientAuthentication::None)
    };
    set(app, settings).await;
}

async fn set(app: &App, settings: RefreshSettings) {
    clients::set_refresh_token(&app.server, &app.tenant, &app.client_id, |_| settings)
        .await
        .unwrap();
}

/// Shows a token that is refused, and returns what the log calls it.
async fn refused(app: &App, token: &str) -> EventType {
    // Events of one millisecond have no order.
    app.clock.set(app.server.clock.now().plus_millis(1));
    assert_eq!(app.refresh(token).send().await.refusal(), REFUSED);
    last_event(app).await
}

async fn last_event(app: &App) -> EventType {
    let newest = log::newest(&app.server.records, &app.tenant, 1).await;
    newest.unwrap()[0].event_type
}

#[tokio::test]
async fn a_refresh_token_becomes_an_access_token_of_the_same_user_api_and_scope() {
    let app = App::start().await;
    let first = login(&app).send().await;
    assert!(first.body.get("scope").is_none(), "as asked: {first:?}");
    let token = first.text("refresh_token");
    app.later(60);
    let answer = app.refresh(token).send().await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "access_token",
            "expires_in",
            "id_token",
            "refresh_token",
            "scope",
            "token_type"
        ]
    );
    assert_eq!(
        answer.text("scope"),
        "openid read:orders write:orders offline_access"
    );
    assert_eq!(answer.text("refresh_token"), token, "it does not rotate");
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["sub"], json!(app.user.user_id));
    assert_eq!(claims["gty"], json!("refresh_token"));
    assert_eq!(claims["azp"], json!(app.client_id));
    // OpenID Connect Core, section 12.2: the same user and client, at a later time.
    let (_, before) = app.verify(first.text("id_token"), &app.client_id).await;
    let (_, after) = app.verify(answer.text("id_token"), &app.client_id).await;
    for claim in ["iss", "sub", "aud"] {
        assert_eq!(before[claim], after[claim]);
    }
    assert!(after["iat"].as_u64() > before["iat"].as_u64());
    let userinfo = app.userinfo(answer.access_token()).await;
    assert_eq!(userinfo.body, json!({"sub": app.user.user_id}));
    assert_eq!(last_event(&app).await, EventType::Refreshed);
}

#[tokio::test]
async fn without_an_api_the_access_token_is_opaque_again() {
    let app = App::start().await;
    let first = app.request().with("scope", "openid email offline_access");
    let first = first.send().await;
    let answer = app.refresh(first.text("refresh_token")).send_json().await;
    assert_eq!(answer.text("scope"), "openid email offline_access");
    assert!(!answer.access_token().contains('.'));
    let userinfo = app.userinfo(answer.access_token()).await;
    assert_eq!(userinfo.body["email"], json!("ada@acme.example"));
}

#[tokio::test]
async fn there_is_none_unless_it_is_asked_and_the_api_and_the_client_allow_it() {
    let app = App::start().await;
    let asked = "read:orders offline_access";
    let unasked = login(&app).with("scope", "read:orders").send().await;
    assert!(unasked.body.get("refresh_token").is_none());

    let only = vec!["password".to_owned()];
    clients::set_grants(&app.server, &app.tenant, &app.client_id, only)
        .await
        .unwrap();
    let answer = login(&app).with("scope", asked).send().await;
    assert!(answer.body.get("refresh_token").is_none());
    assert_eq!(answer.text("scope"), "read:orders");

    let app = App::start().await;
    app.add_api_without_offline_access("https://short.example/")
        .await;
    let answer = login(&app)
        .with("audience", "https://short.example/")
        .with("scope", asked);
    let answer = answer.send().await;
    assert!(answer.body.get("refresh_token").is_none());
    assert_eq!(answer.text("scope"), "read:orders");
}

#[tokio::test]
async fn rfc6749_6_a_request_may_ask_for_less_and_the_next_for_all_again() {
    let app = App::start().await;
    rotate(&app, 0).await;
    let token = refresh_token(&app).await;
    let less = app
        .refresh(&token)
        .with("scope", "read:orders")
        .send()
        .await;
    assert_eq!(less.status, 200, "{less:?}");
    let (_, claims) = app.verify(less.access_token(), API).await;
    assert_eq!(claims["scope"], json!("read:orders"));
    assert!(less.body.get("id_token").is_none());
    let all = app.refresh(less.text("refresh_token")).send().await;
    assert_eq!(
        all.text("scope"),
        "openid read:orders write:orders offline_access"
    );
}

#[tokio::test]
async fn rfc6749_6_a_scope_never_grows_and_asking_spends_nothing() {
    let app = App::start().await;
    rotate(&app, 0).await;
    let token = refresh_token(&app).await;
    for more in ["read:orders export:orders", "email", "made:up"] {
        let answer = app.refresh(&token).with("scope", more).send().await;
        assert_eq!(
            answer.refusal(),
            "400 invalid_scope: The requested scope exceeds the scope of the refresh token."
        );
    }
    assert_eq!(app.refresh(&token).send().await.status, 200);
}

#[tokio::test]
async fn another_audience_is_refused_and_its_own_may_be_named() {
    let app = App::start().await;
    app.add_api(
        "https://other.example/",
        SigningAlgorithm::RS256,
        TokenDialect::AccessToken,
    )
    .await;
    let token = refresh_token(&app).await;
    let other = app
        .refresh(&token)
        .with("audience", "https://other.example/");
    assert_eq!(
        other.send().await.refusal(),
        "403 access_denied: The refresh token was issued for another audience."
    );
    assert_eq!(
        app.refresh(&token)
            .with("audience", API)
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_refresh_token_is_good_for_its_client_only_and_only_if_it_authenticates() {
    let app = App::start().await;
    rotate(&app, 0).await;
    let token = refresh_token(&app).await;
    let (other, secret) = app
        .add_client(ClientAuthentication::ClientSecretPost, true)
        .await;
    let (public, _) = app.add_client(ClientAuthentication::None, true).await;
    let by_other = app.refresh(&token).with("client_id", &other);
    let by_other = by_other.with("client_secret", &secret.unwrap());
    assert_eq!(by_other.send().await.refusal(), REFUSED);
    let by_public = app.refresh(&token).with("client_id", &public);
    let by_public = by_public.without("client_secret");
    assert_eq!(by_public.send().await.refusal(), REFUSED);
    for wrong in [
        app.refresh(&token).without("client_secret"),
        app.refresh(&token).with("client_secret", "wrong"),
    ] {
        assert_eq!(wrong.send().await.status, 401);
    }
    assert_eq!(
        app.refresh(&token).send().await.status,
        200,
        "none of it spent it"
    );
}

#[tokio::test]
async fn what_is_not_the_token_to_the_last_bit_is_refused_and_ends_nothing() {
    let app = App::start().await;
    rotate(&app, 0).await;
    let token = refresh_token(&app).await;
    let mut wrong: Vec<String> = [0, 1, 3, 30, 60, token.len() - 1]
        .map(|end| token[..end].to_owned())
        .to_vec();
    wrong.retain(|text| !text.is_empty());
    wrong.push(format!("{token}A"));
    wrong.push(token.replacen("v1.", "v2.", 1));
    for at in [3, 20, 40, 60, 80, token.len() - 1] {
        let mut text = token.clone();
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        text.replace_range(at..=at, other);
        wrong.push(text);
    }
    wrong.push(login(&app).send().await.access_token().to_owned());
    wrong.push("x".repeat(60_000));
    for text in wrong {
        assert_eq!(app.refresh(&text).send().await.refusal(), REFUSED, "{text}");
    }
    let missing = app.refresh(&token).without("refresh_token").send().await;
    assert_eq!(
        missing.refusal(),
        "400 invalid_request: Missing required parameter: refresh_token"
    );
    let twice = app
        .refresh(&token)
        .again("refresh_token", &token)
        .send()
        .await;
    assert_eq!(
        (twice.status, twice.text("error")),
        (400, "invalid_request")
    );
    assert_eq!(app.refresh(&token).send().await.status, 200);
}

#[tokio::test]
async fn a_refresh_counts_as_no_login() {
    let app = App::start().await;
    let token = refresh_token(&app).await;
    let stats = || async {
        let key = [app.tenant.as_str(), app.user.user_id.as_str()];
        let stored = app.server.records.get::<claimsmith::user::LoginStats>(&key);
        stored.await.unwrap().unwrap().record
    };
    let before = stats().await;
    app.later(60);
    assert_eq!(app.refresh(&token).send().await.status, 200);
    let after = stats().await;
    assert_eq!(after.logins_count, before.logins_count);
    assert_eq!(after.last_login, before.last_login);
}

#[tokio::test]
async fn neither_the_store_nor_the_log_holds_a_refresh_token() {
    let app = App::start().await;
    rotate(&app, 0).await;
    let first = refresh_token(&app).await;
    let second = app.refresh(&first).send().await;
    let second = second.text("refresh_token").to_owned();
    app.refresh(&first).send().await;
    let all = claimsmith::store::KeyRange {
        start: claimsmith::store::Key::from_bytes([0]),
        end: None,
    };
    let entries = app
        .server
        .records
        .store()
        .scan(&all, usize::MAX)
        .await
        .unwrap();
    assert!(entries.len() > 5);
    for token in [&first, &second] {
        // What follows the family's name, which is no secret.
        let secret = &token[23..];
        for entry in &entries {
            let value = String::from_utf8_lossy(&entry.value);
            assert!(!value.contains(secret), "{}", entry.key);
        }
    }
}
