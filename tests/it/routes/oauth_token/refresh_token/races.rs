//! Exchanges of one token at the same instant: one wins.

use futures_util::future::join_all;

use super::*;

/// Opaque access tokens: nothing is signed, and a thousand races take seconds.
async fn cheap_token(app: &App) -> String {
    let login = app.request().with("scope", "offline_access").send().await;
    login.text("refresh_token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exchanges_of_one_token_exactly_one_wins_in_a_thousand_races_on_each_store() {
    for (store, app) in App::start_on_each_store().await {
        rotate(&app, 0).await;
        let race = async || {
            let token = cheap_token(&app).await;
            let both = [app.refresh(&token), app.refresh(&token)];
            one_wins(&app, store, both).await;
        };
        for _ in 0..100 {
            join_all((0..10).map(|_| race())).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exchanges_at_two_servers_on_one_store_exactly_one_wins() {
    for (store, app) in App::start_on_each_store().await {
        rotate(&app, 0).await;
        let other = app.another_node().await;
        for _ in 0..100 {
            let token = cheap_token(&app).await;
            let both = [app.refresh(&token), app.refresh(&token).at_node(&other)];
            one_wins(&app, store, both).await;
        }
    }
}

async fn one_wins(app: &App, store: &str, both: [TokenForm<'_>; 2]) {
    let both = join_all(both.map(TokenForm::send)).await;
    let won: Vec<_> = both.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{store}: {both:?}");
    let lost = both.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!(lost.refusal(), REFUSED);
    // The loser's was a second use.
    let survivor = won[0].text("refresh_token");
    assert_eq!(app.refresh(survivor).send().await.refusal(), REFUSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_exchanges_of_one_token_exactly_one_wins() {
    let app = App::start().await;
    rotate(&app, 0).await;
    for _ in 0..3 {
        let token = cheap_token(&app).await;
        let all = join_all((0..200).map(|_| app.refresh(&token).send())).await;
        let won = all.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(won, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_of_one_token_that_does_not_rotate_are_all_served() {
    let app = App::start().await;
    let token = cheap_token(&app).await;
    let all = join_all((0..200).map(|_| app.refresh(&token).send())).await;
    assert!(all.iter().all(|answer| answer.status == 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_leeway_two_at_the_same_instant_are_both_served_and_a_third_is_not() {
    let app = App::start().await;
    rotate(&app, 10).await;
    for _ in 0..20 {
        let token = cheap_token(&app).await;
        let both = join_all([app.refresh(&token).send(), app.refresh(&token).send()]).await;
        assert!(both.iter().all(|answer| answer.status == 200), "{both:?}");
        assert_eq!(app.refresh(&token).send().await.refusal(), REFUSED);
        for answer in &both {
            let token = answer.text("refresh_token");
            assert_eq!(app.refresh(token).send().await.refusal(), REFUSED);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_at_the_same_instant_keep_to_the_bound_of_200() {
    let app = App::start().await;
    for _ in 0..5 {
        let logins = (0..50).map(|_| cheap_token(&app));
        assert_eq!(join_all(logins).await.len(), 50);
    }
    let scope = claimsmith::token::refresh::Scope {
        user_id: &app.user.user_id,
        client_id: None,
        audience: None,
    };
    let all = claimsmith::token::refresh::list(&app.server.records, &app.tenant, scope, 999);
    assert_eq!(all.await.unwrap().len(), 200);
}
