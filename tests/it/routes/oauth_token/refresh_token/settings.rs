//! How long refresh tokens live, and how many there may be (contract, section 1.8).

use claimsmith::client::Expiration;

use super::*;

fn expiring(lifetime: u64, idle: u64) -> RefreshSettings {
    RefreshSettings {
        rotation_type: Rotation::NonRotating,
        expiration_type: Expiration::Expiring,
        token_lifetime: lifetime,
        infinite_token_lifetime: false,
        idle_token_lifetime: idle,
        infinite_idle_token_lifetime: false,
        leeway: 0,
    }
}

#[tokio::test]
async fn a_token_ends_when_it_was_idle_too_long_and_an_exchange_begins_the_time_anew() {
    for rotation_type in [Rotation::NonRotating, Rotation::Rotating] {
        let app = App::start().await;
        set(
            &app,
            RefreshSettings {
                rotation_type,
                ..expiring(1_000, 100)
            },
        )
        .await;
        let mut token = refresh_token(&app).await;
        for _ in 0..3 {
            app.later(99);
            let answer = app.refresh(&token).send().await;
            token = answer.text("refresh_token").to_owned();
        }
        app.later(100);
        assert_eq!(app.refresh(&token).send().await.refusal(), REFUSED);
    }
}

#[tokio::test]
async fn a_token_ends_a_fixed_time_after_the_login_however_it_is_used() {
    for rotation_type in [Rotation::NonRotating, Rotation::Rotating] {
        let app = App::start().await;
        set(
            &app,
            RefreshSettings {
                rotation_type,
                ..expiring(250, 100)
            },
        )
        .await;
        let mut token = refresh_token(&app).await;
        for step in [90, 90, 69] {
            app.later(step);
            let answer = app.refresh(&token).send().await;
            token = answer.text("refresh_token").to_owned();
        }
        app.later(1);
        assert_eq!(app.refresh(&token).send().await.refusal(), REFUSED);
    }
}

#[tokio::test]
async fn a_lifetime_that_comes_later_binds_from_the_next_exchange_and_for_good() {
    let app = App::start().await;
    let token = refresh_token(&app).await;
    app.later(10_000_000);
    set(&app, expiring(500, 400)).await;
    assert_eq!(app.refresh(&token).send().await.status, 200);
    set(
        &app,
        RefreshSettings::default_for(ClientAuthentication::ClientSecretPost),
    )
    .await;
    app.later(300);
    assert_eq!(app.refresh(&token).send().await.status, 200);
    app.later(199);
    assert_eq!(app.refresh(&token).send().await.status, 200);
    app.later(1);
    assert_eq!(app.refresh(&token).send().await.refusal(), REFUSED);
}

#[tokio::test]
async fn a_public_client_s_tokens_rotate_unless_it_is_told_otherwise() {
    let app = App::start().await;
    let (public, _) = app.add_client(ClientAuthentication::None, true).await;
    let login = login(&app)
        .with("client_id", &public)
        .without("client_secret");
    let token = login.send().await.text("refresh_token").to_owned();
    let refresh = |token: &str| {
        app.refresh(token)
            .with("client_id", &public)
            .without("client_secret")
    };
    let newer = refresh(&token).send().await;
    assert_ne!(newer.text("refresh_token"), token);
    assert_eq!(refresh(&token).send().await.refusal(), REFUSED);
    assert_eq!(
        refresh(newer.text("refresh_token")).send().await.refusal(),
        REFUSED
    );
}

#[tokio::test]
async fn of_more_than_200_tokens_of_a_user_and_a_client_the_oldest_end() {
    let app = App::start().await;
    let (other, secret) = app
        .add_client(ClientAuthentication::ClientSecretPost, true)
        .await;
    let secret = secret.unwrap();
    let login = || app.request().with("scope", "offline_access");
    let elsewhere = login()
        .with("client_id", &other)
        .with("client_secret", &secret);
    let elsewhere = elsewhere.send().await;
    let mut tokens = Vec::new();
    for _ in 0..202 {
        app.clock.set(app.server.clock.now().plus_millis(1));
        tokens.push(login().send().await.text("refresh_token").to_owned());
    }
    for (token, status) in [(0, 403), (1, 403), (2, 200), (3, 200), (201, 200)] {
        let answer = app.refresh(&tokens[token]).send().await;
        assert_eq!(answer.status, status, "token {token}");
    }
    let elsewhere = app
        .refresh(elsewhere.text("refresh_token"))
        .with("client_id", &other)
        .with("client_secret", &secret);
    assert_eq!(
        elsewhere.send().await.status,
        200,
        "each client has its own 200"
    );
}
