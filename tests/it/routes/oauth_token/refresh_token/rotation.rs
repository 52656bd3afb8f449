//! Rotation, reuse and leeway (contract, section 1.8; RFC 9700, section 4.14.2).

use claimsmith::client::ClientAuthentication;
use claimsmith::log::EventType;

use super::*;

async fn next(app: &App, token: &str) -> String {
    let answer = app.refresh(token).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("refresh_token").to_owned()
}

#[tokio::test]
async fn each_exchange_gives_another_token_and_spends_the_old_one() {
    let app = App::start().await;
    rotate(&app, 0).await;
    let mut token = refresh_token(&app).await;
    // Five in one second: nothing of it hangs on the time.
    for _ in 0..5 {
        let newer = next(&app, &token).await;
        assert_ne!(newer, token);
        token = newer;
    }
}

#[tokio::test]
async fn a_spent_token_ends_the_whole_family_whichever_it_is() {
    for generations in 1..4 {
        let app = App::start().await;
        rotate(&app, 0).await;
        let first = refresh_token(&app).await;
        let mut token = first.clone();
        for _ in 0..generations {
            token = next(&app, &token).await;
        }
        let other = refresh_token(&app).await;
        assert_eq!(refused(&app, &first).await, EventType::RefreshTokenReused);
        // The thief's or the client's.
        assert_eq!(refused(&app, &token).await, EventType::RefreshRefused);
        next(&app, &other).await;
    }
}

#[tokio::test]
async fn within_the_leeway_the_previous_token_gives_a_further_one() {
    let app = App::start().await;
    rotate(&app, 10).await;
    let first = refresh_token(&app).await;
    let second = next(&app, &first).await;
    app.later(9);
    let third = next(&app, &first).await;
    assert!(third != second && third != first);
    next(&app, &third).await;
}

#[tokio::test]
async fn the_leeway_ends_to_the_second() {
    let app = App::start().await;
    rotate(&app, 10).await;
    let first = refresh_token(&app).await;
    let second = next(&app, &first).await;
    app.later(10);
    assert_eq!(refused(&app, &first).await, EventType::RefreshTokenReused);
    assert_eq!(app.refresh(&second).send().await.refusal(), REFUSED);
}

#[tokio::test]
async fn the_second_to_last_token_is_an_alarm_even_within_the_leeway() {
    let app = App::start().await;
    rotate(&app, 10).await;
    let first = refresh_token(&app).await;
    let second = next(&app, &first).await;
    let third = next(&app, &second).await;
    assert_eq!(refused(&app, &first).await, EventType::RefreshTokenReused);
    assert_eq!(app.refresh(&third).send().await.refusal(), REFUSED);
}

#[tokio::test]
async fn no_token_is_good_three_times() {
    let app = App::start().await;
    rotate(&app, 10).await;
    let first = refresh_token(&app).await;
    next(&app, &first).await;
    let third = next(&app, &first).await;
    assert_eq!(app.refresh(&first).send().await.refusal(), REFUSED);
    assert_eq!(app.refresh(&third).send().await.refusal(), REFUSED);
}

#[tokio::test]
async fn switching_rotation_on_exchanges_the_token_and_ends_others_of_the_old_kind() {
    let app = App::start().await;
    let fixed = refresh_token(&app).await;
    let other = refresh_token(&app).await;
    let elsewhere = app.request().with("scope", "offline_access").send().await;
    rotate(&app, 0).await;
    let rotating = next(&app, &fixed).await;
    assert_ne!(rotating, fixed);
    assert_eq!(app.refresh(&other).send().await.refusal(), REFUSED);
    // Several may have shared it: no alarm.
    assert_eq!(refused(&app, &fixed).await, EventType::RefreshRefused);
    let rotating = next(&app, &rotating).await;
    // Of another API, or of none, it stays until its own exchange.
    next(&app, elsewhere.text("refresh_token")).await;

    let fixed = RefreshSettings::default_for(ClientAuthentication::ClientSecretPost);
    set(&app, fixed).await;
    let other = refresh_token(&app).await;
    let fixed = next(&app, &rotating).await;
    assert_eq!(next(&app, &fixed).await, fixed);
    assert_eq!(next(&app, &other).await, other, "it is of the new kind");
    assert_eq!(app.refresh(&rotating).send().await.refusal(), REFUSED);
    assert_eq!(next(&app, &fixed).await, fixed);
}
