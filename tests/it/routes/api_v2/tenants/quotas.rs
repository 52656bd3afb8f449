//! What a tenant may have and use.

use claimsmith::admin::rules;
use claimsmith::admin::tenants::{self, QuotaChange};
use claimsmith::admin::users::{self, NewUser};
use claimsmith::admin::{Error, tenants::FIRST_CONNECTION};
use claimsmith::secret::Secret;
use serde_json::{Value, json};

use crate::rule_host::guest::returning;
use crate::support::app::App;

async fn set(app: &App, change: QuotaChange) {
    tenants::set_quotas(&app.server, &app.tenant, change)
        .await
        .unwrap();
}

#[tokio::test]
async fn requests_for_tokens_beyond_the_quota_wait() {
    let app = App::start().await;
    app.add_tenant("beta").await;
    set(
        &app,
        QuotaChange {
            exchanges_per_second: Some(Some(2)),
            ..QuotaChange::default()
        },
    )
    .await;
    // Who is no client uses nothing up.
    for _ in 0..5 {
        let stranger = app.request().with("client_secret", "wrong").send().await;
        assert_eq!(stranger.status, 401);
    }
    assert_eq!(app.request().send().await.status, 200);
    // A wrong password is an exchange, too.
    assert_eq!(
        app.request().with("password", "wrong").send().await.status,
        403
    );
    let refused = app.request().send().await;
    assert_eq!(
        refused.refusal(),
        "429 too_many_requests: Rate limit exceeded. Please retry after some time."
    );
    assert_eq!(refused.header("retry-after"), "1");
    // The log says it once, however often it happens.
    assert_eq!(app.request().send().await.status, 429);
    let events = claimsmith::log::newest(&app.server.records, &app.tenant, 100).await;
    let limits = events.unwrap();
    let limits = limits
        .iter()
        .filter(|event| serde_json::to_value(event.event_type).unwrap() == "api_limit");
    assert_eq!(limits.count(), 1);
    app.later(1);
    assert_eq!(app.request().send().await.status, 200);
    assert_eq!(app.request().send().await.status, 200);
    assert_eq!(app.request().send().await.status, 429);
    set(
        &app,
        QuotaChange {
            exchanges_per_second: Some(None),
            ..QuotaChange::default()
        },
    )
    .await;
    assert_eq!(app.request().send().await.status, 200);
}

#[tokio::test]
async fn one_tenant_s_quota_is_not_another_s() {
    let app = App::start().await;
    let (_, of_beta) = app.add_tenant("beta").await;
    set(
        &app,
        QuotaChange {
            exchanges_per_second: Some(Some(0)),
            ..QuotaChange::default()
        },
    )
    .await;
    assert_eq!(app.request().send().await.status, 429);
    assert_eq!(of_beta.send().await.status, 200);
}

#[tokio::test]
async fn fuel_that_rules_used_is_paid_off_before_the_next_exchange() {
    let app = App::start().await;
    app.bind_rule("works", returning(&[]), Default::default())
        .await;
    assert_eq!(app.request().send().await.status, 200);
    let event = app.newest_event().await;
    let fuel = event["rules"]["rules"][0]["fuel"].as_u64().unwrap();
    assert!(fuel > 0);
    // One exchange uses what comes in ten seconds.
    let per_second = fuel.div_ceil(10);
    set(
        &app,
        QuotaChange {
            fuel_per_second: Some(Some(per_second)),
            ..QuotaChange::default()
        },
    )
    .await;
    assert_eq!(app.request().send().await.status, 200);
    let refused = app.request().send().await;
    assert_eq!(refused.status, 429, "{refused:?}");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((9..=10).contains(&wait), "{wait}");
    app.later(wait - 1);
    assert_eq!(app.request().send().await.status, 429);
    app.later(1);
    assert_eq!(app.request().send().await.status, 200);
}

#[tokio::test]
async fn users_beyond_the_quota_are_refused_and_a_deleted_one_makes_room() {
    let app = App::start().await;
    set(
        &app,
        QuotaChange {
            users: Some(Some(3)),
            ..QuotaChange::default()
        },
    )
    .await;
    let manager = app.manager().await;
    let user = |number: u32| {
        json!({
            "connection": FIRST_CONNECTION, "email": format!("{number}@acme.example"),
            "password": "an unusual sentence, 1 long",
        })
    };
    let first = manager.post("/users", &user(1)).await.document(201);
    assert_eq!(manager.post("/users", &user(1)).await.status, 409);
    manager.post("/users", &user(2)).await.document(201);
    assert_eq!(
        manager.post("/users", &user(3)).await.refused(),
        "403 too_many_entities: You reached the limit of entities of this type for this tenant: its quota is 3 users."
    );
    let signup = app
        .request()
        .to("/dbconnections/signup")
        .without("username")
        .with("connection", FIRST_CONNECTION)
        .with("email", "4@acme.example")
        .with("password", "an unusual sentence, 1 long");
    let refused = signup.clone().send().await;
    assert_eq!(refused.body["code"], "invalid_signup");
    let id = first["user_id"].as_str().unwrap().replace('|', "%7C");
    manager.delete(&format!("/users/{id}")).await.document(204);
    assert_eq!(signup.send().await.status, 200);
    assert_eq!(manager.post("/users", &user(3)).await.status, 403);
}

#[tokio::test]
async fn of_many_users_at_once_as_many_are_made_as_there_is_room_for() {
    let app = App::start().await;
    set(
        &app,
        QuotaChange {
            users: Some(Some(8)),
            ..QuotaChange::default()
        },
    )
    .await;
    let made = (0..20).map(async |number| {
        let new = NewUser {
            connection: FIRST_CONNECTION.to_owned(),
            email: Some(format!("{number}@acme.example")),
            ..NewUser::default()
        };
        let password = Secret::new("correct horse battery");
        users::create(&app.server, &app.tenant, new, password).await
    });
    let made = futures_util::future::join_all(made).await;
    let over = |result: &&Result<_, Error>| matches!(result, Err(Error::OverQuota { .. }));
    assert_eq!(made.iter().filter(over).count(), 13, "{made:?}");
    let all = users::list(&app.server, &app.tenant).await.unwrap();
    assert_eq!(all.len(), 8);
}

#[tokio::test]
async fn rules_beyond_the_quota_are_refused() {
    let app = App::start().await;
    set(
        &app,
        QuotaChange {
            rules: Some(Some(1)),
            ..QuotaChange::default()
        },
    )
    .await;
    let manager = app.manager().await;
    let script = "function (user, context, callback) { callback(null, user, context); }";
    let rule = |name: &str| json!({ "name": name, "script": script });
    let made: Value = manager.post("/rules", &rule("one")).await.document(201);
    assert_eq!(
        manager.post("/rules", &rule("two")).await.refused(),
        "403 too_many_entities: You reached the limit of entities of this type for this tenant: its quota is 1 rules."
    );
    rules::upload(&app.server, &app.tenant, "two", returning(&[]), None)
        .await
        .unwrap();
    let binding = rules::NewBinding {
        version: None,
        order: None,
        grants: Vec::new(),
        on_fault: None,
        permissions: None,
    };
    let bound = rules::bind(&app.server, &app.tenant, "two", binding.clone()).await;
    assert!(matches!(bound, Err(Error::OverQuota { .. })), "{bound:?}");
    // What is there can be changed all the same.
    rules::bind(&app.server, &app.tenant, "one", binding)
        .await
        .unwrap();
    manager
        .delete(&format!("/rules/{}", made["id"].as_str().unwrap()))
        .await
        .document(204);
    manager.post("/rules", &rule("two")).await.document(201);
}
