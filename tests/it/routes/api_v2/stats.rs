//! `/api/v2/stats` (contract, section 7.8).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use claimsmith::admin::stats;
use claimsmith::admin::tenants::FIRST_CONNECTION;
use claimsmith::admin::users;
use claimsmith::store::{Durability, Key, KeyRange, Table, Write};
use claimsmith::tenant::TenantName;
use serde_json::{Value, json};

use crate::support::app::{App, NOW, PASSWORD};
use crate::support::failing::{ALWAYS, Failing};

const DAY: u64 = 86_400;

async fn login(app: &App, email: &str) {
    app.request()
        .with("username", email)
        .send()
        .await
        .access_token();
}

async fn active(app: &App) -> Value {
    app.manager()
        .await
        .get("/stats/active-users")
        .await
        .document(200)
}

async fn days(app: &App, query: &str) -> Vec<(String, u64, u64)> {
    let path = format!("/stats/daily{query}");
    let answer = app.manager().await.get(&path).await.document(200);
    let days = answer.as_array().unwrap().iter().map(|day| {
        assert_eq!(day["leaked_passwords"], 0);
        assert!(day["created_at"].as_str() <= day["updated_at"].as_str());
        let count = |name: &str| day[name].as_u64().unwrap();
        (
            day["date"].as_str().unwrap().to_owned(),
            count("logins"),
            count("signups"),
        )
    });
    days.collect()
}

fn date(day: u64) -> String {
    let at = claimsmith::clock::Timestamp::from_millis(NOW).plus_secs(day * DAY);
    format!("{}T00:00:00.000Z", &at.to_string()[..10])
}

#[tokio::test]
async fn each_day_has_its_logins_and_sign_ups_and_nothing_else_counts() {
    for (store, app) in App::start_on_each_store().await {
        assert_eq!(active(&app).await, json!(0), "{store}");
        assert_eq!(days(&app, "").await, [], "{store}");
        login(&app, "ada@acme.example").await;
        login(&app, "ada@acme.example").await;
        app.request().with("password", "wrong").send().await;
        let sign_up = json!({"client_id": app.client_id, "email": "grace@acme.example",
            "password": "a sentence that nobody guesses", "connection": FIRST_CONNECTION});
        let request = app.http().post(app.url("/dbconnections/signup"));
        let signed_up = request
            .header("host", "acme.localhost")
            .json(&sign_up)
            .send()
            .await;
        assert_eq!(signed_up.unwrap().status(), 200);
        assert_eq!(days(&app, "").await, [(date(0), 2, 1)], "{store}");
        app.later(DAY);
        login(&app, "ada@acme.example").await;
        let offline = app
            .request()
            .with("scope", "offline_access")
            .with("audience", "https://orders.example/");
        let refresh = offline.send().await;
        let refresh = refresh.text("refresh_token").to_owned();
        app.refresh(&refresh).send().await.access_token();
        let both = [(date(0), 2, 1), (date(1), 2, 0)];
        assert_eq!(days(&app, "").await, both, "{store}");
        assert_eq!(days(&app, "?from=20261123&to=20261124").await, both);
        assert_eq!(days(&app, "?to=20261123").await, both[..1]);
        assert_eq!(days(&app, "?from=20261124").await, both[1..]);
        assert_eq!(days(&app, "?from=20261125").await, []);
        app.later(29 * DAY);
        assert_eq!(days(&app, "").await, both[1..], "the last 30 days");
        assert_eq!(days(&app, "?from=20200101").await, both);
        if store == "sled" {
            app.later(731 * DAY);
            assert_eq!(
                days(&app, "?from=20200101").await,
                [],
                "two years are enough"
            );
        }
    }
}

#[tokio::test]
async fn a_user_is_active_for_thirty_days_after_the_last_login_and_counts_once() {
    let app = App::start().await;
    for name in ["grace", "alan"] {
        app.add_user(&format!("{name}@acme.example"), PASSWORD)
            .await;
    }
    for _ in 0..3 {
        login(&app, "ada@acme.example").await;
    }
    login(&app, "grace@acme.example").await;
    assert_eq!(active(&app).await, json!(2));
    app.later(10 * DAY);
    login(&app, "alan@acme.example").await;
    login(&app, "ada@acme.example").await;
    assert_eq!(active(&app).await, json!(3));
    app.later(20 * DAY);
    assert_eq!(active(&app).await, json!(2), "not grace any more");
    app.later(10 * DAY);
    assert_eq!(active(&app).await, json!(0));
    login(&app, "ada@acme.example").await;
    assert_eq!(active(&app).await, json!(1));
    users::delete(&app.server, &app.tenant, &app.user.user_id)
        .await
        .unwrap();
    let seen = Key::new(Table::LastSeen, &["acme", &app.user.user_id]);
    assert_eq!(app.server.records.store().get(&seen).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_day_is_refused_by_name() {
    let app = App::start().await;
    let manager = app.manager().await;
    for text in ["2026-1-1", "20261301", "today"] {
        let answer = manager.get(&format!("/stats/daily?from={text}")).await;
        let expected = "400 invalid_query_string: Query validation error: 'Not a day, such as 20261231' on property from.";
        assert_eq!(answer.refused(), expected, "{text}");
    }
}

/// Removes what was counted of the tenant, as if it had never been.
async fn forget(app: &App) {
    for table in [Table::StatsCursor, Table::DailyStats, Table::LastSeen] {
        let range = KeyRange::prefix(table, &["acme"]);
        for entry in app
            .server
            .records
            .store()
            .scan(&range, 1_000)
            .await
            .unwrap()
        {
            let commit = claimsmith::store::Commit {
                expect: Vec::new(),
                writes: vec![Write::Delete { key: entry.key }],
                durability: Durability::Durable,
            };
            app.server.records.store().commit(commit).await.unwrap();
        }
    }
}

#[tokio::test]
async fn cut_short_wherever_it_may_be_each_event_is_counted_once() {
    let store = Failing::new();
    let app = App::start_on(Arc::clone(&store) as _).await;
    for number in 0..130 {
        if number % 65 == 0 {
            app.later(DAY);
        }
        login(&app, "ada@acme.example").await;
    }
    for applies in [false, true] {
        store.applies.store(applies, Ordering::SeqCst);
        for commits in 0..2 {
            forget(&app).await;
            store.left.store(commits, Ordering::SeqCst);
            let cut_short = stats::active_users(&app.server, &app.tenant).await;
            assert!(cut_short.is_err(), "{commits}");
            store.left.store(ALWAYS, Ordering::SeqCst);
            assert_eq!(active(&app).await, json!(1), "{commits} {applies}");
            assert_eq!(
                days(&app, "").await,
                [(date(1), 65, 0), (date(2), 65, 0)],
                "{commits} {applies}"
            );
        }
    }
}

#[tokio::test]
async fn two_who_count_at_once_count_each_event_once() {
    let app = App::start().await;
    for _ in 0..120 {
        login(&app, "ada@acme.example").await;
    }
    let count = || stats::daily(&app.server, &app.tenant, None, None);
    let (one, other, third) = tokio::join!(count(), count(), count());
    for counted in [one, other, third] {
        let counted = counted.unwrap();
        assert_eq!((counted[0].1.logins, counted[0].1.last_seen), (120, 1));
    }
}

#[tokio::test]
async fn a_request_reads_counts_and_not_the_log() {
    let app = App::start().await;
    login(&app, "ada@acme.example").await;
    assert_eq!(active(&app).await, json!(1));
    // Forgotten, as after the days for which the log is kept: the count stays.
    let log = KeyRange::prefix(Table::Log, &["acme"]);
    let numbers = KeyRange::prefix(Table::LogNumber, &["acme"]);
    let mut keys: Vec<Key> = Vec::new();
    for range in [log, numbers] {
        let found = app
            .server
            .records
            .store()
            .scan(&range, 1_000)
            .await
            .unwrap();
        keys.extend(found.into_iter().map(|entry| entry.key));
    }
    assert!(keys.len() > 2);
    let commit = claimsmith::store::Commit {
        expect: Vec::new(),
        writes: keys.into_iter().map(|key| Write::Delete { key }).collect(),
        durability: Durability::Durable,
    };
    app.server.records.store().commit(commit).await.unwrap();
    assert_eq!(active(&app).await, json!(1));
    assert_eq!(days(&app, "").await, [(date(0), 1, 0)]);
}

#[tokio::test]
async fn nobody_sees_another_tenant_s_counts() {
    let app = App::start().await;
    let (_, request) = app.add_tenant("beta").await;
    request.send().await.access_token();
    assert_eq!(active(&app).await, json!(0));
    let beta = TenantName::parse("beta").unwrap();
    assert_eq!(stats::active_users(&app.server, &beta).await.unwrap(), 1);
}
