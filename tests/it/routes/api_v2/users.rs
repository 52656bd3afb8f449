//! `/api/v2/users` (contract, section 7.6).

use serde_json::{Value, json};

use crate::support::app::{App, EMAIL, PASSWORD};

const CONNECTION: &str = "Username-Password-Authentication";
const GOOD: &str = "a sentence that nobody guesses";

fn of(user: &Value) -> String {
    let id = user["user_id"].as_str().unwrap().replace('|', "%7C");
    format!("/users/{id}")
}

#[tokio::test]
async fn a_user_is_made_as_recorded_and_can_log_in() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({
        "connection": CONNECTION, "email": "testaccuser@acceptance.test.com",
        "username": "testaccuser", "user_id": "testaccuser", "password": GOOD,
    });
    let made = manager.post("/users", &body).await.document(201);
    assert_eq!(
        made,
        json!({
            "created_at": "2026-11-23T12:00:00.000Z", "updated_at": "2026-11-23T12:00:00.000Z",
            "email": "testaccuser@acceptance.test.com", "email_verified": false,
            "identities": [{
                "user_id": "testaccuser", "connection": CONNECTION, "provider": "auth0", "isSocial": false,
            }],
            "name": "testaccuser@acceptance.test.com", "nickname": "testaccuser",
            "picture": "https://s.gravatar.com/avatar/324ad113b0ef6dabbb2c2c4cf8a8d108?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fte.png",
            "user_id": "auth0|testaccuser", "username": "testaccuser",
        })
    );
    assert_eq!(
        manager.post("/users", &body).await.refused(),
        "409 auth0_idp_error: The user already exists."
    );
    let login = app
        .request()
        .with("username", "TestAccUser")
        .with("password", GOOD);
    login.send().await.access_token();
    let shown = manager.get(&of(&made)).await.document(200);
    assert_eq!(
        (&shown["logins_count"], &shown["last_ip"]),
        (&json!(1), &json!("127.0.0.1"))
    );
    let some = manager
        .get(&format!("{}?fields=email,user_id", of(&made)))
        .await
        .document(200);
    assert_eq!(some.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn metadata_are_merged_one_level_deep_and_null_takes_a_key_away() {
    let app = App::start().await;
    let manager = app.manager().await;
    let path = of(&json!({ "user_id": app.user.user_id }));
    let patch = async |body: Value| manager.patch(&path, &body).await.document(200);
    let first = patch(json!({ "user_metadata": { "a": { "x": 1, "y": 2 }, "b": 1 }, "app_metadata": { "plan": "gold" } })).await;
    assert_eq!(
        first["user_metadata"],
        json!({ "a": { "x": 1, "y": 2 }, "b": 1 })
    );
    let second = patch(json!({ "user_metadata": { "a": { "x": 3 }, "b": null } })).await;
    assert_eq!(second["user_metadata"], json!({ "a": { "x": 3 } }));
    assert_eq!(second["app_metadata"], json!({ "plan": "gold" }));
    assert_eq!(
        patch(json!({ "user_metadata": {} })).await["user_metadata"],
        json!({ "a": { "x": 3 } })
    );
    let reserved = manager
        .patch(&path, &json!({ "app_metadata": { "user_id": "x" } }))
        .await;
    assert_eq!(
        reserved.refused(),
        "400 invalid_body: Payload validation error: 'the app_metadata: `user_id` is a name of the user's own'."
    );
}

#[tokio::test]
async fn who_may_write_app_metadata_only_writes_nothing_else() {
    let app = App::start().await;
    let manager = app.manager_with(Some(&["update:users_app_metadata"])).await;
    let path = of(&json!({ "user_id": app.user.user_id }));
    manager
        .patch(&path, &json!({ "app_metadata": { "plan": "gold" } }))
        .await
        .document(200);
    let more = manager
        .patch(&path, &json!({ "app_metadata": {}, "blocked": true }))
        .await;
    assert_eq!(
        more.refused(),
        "403 insufficient_scope: Insufficient scope, expected any of: update:users"
    );
    assert_eq!(manager.get(&path).await.status, 403);
}

#[tokio::test]
async fn a_blocked_user_a_new_address_and_a_new_password_count_at_once() {
    let app = App::start().await;
    let manager = app.manager().await;
    let path = of(&json!({ "user_id": app.user.user_id }));
    let patch = async |body: Value| manager.patch(&path, &body).await.document(200);
    assert_eq!(patch(json!({ "blocked": true })).await["blocked"], true);
    assert_eq!(
        app.request().send().await.text("error_description"),
        "user is blocked"
    );
    assert_eq!(
        patch(json!({ "blocked": false })).await.get("blocked"),
        None
    );
    app.request().send().await.access_token();

    let moved = patch(json!({ "email": "Ada@New.example" })).await;
    assert_eq!(
        (&moved["email"], &moved["email_verified"]),
        (&json!("Ada@New.example"), &json!(false))
    );
    assert_eq!(app.request().send().await.text("error"), "invalid_grant");
    app.request()
        .with("username", "ada@new.example")
        .send()
        .await
        .access_token();
    // The old address is free again.
    app.add_user(EMAIL, PASSWORD).await;
    let taken = manager.patch(&path, &json!({ "email": EMAIL })).await;
    assert_eq!(
        taken.refused(),
        "409 auth0_idp_error: The user already exists."
    );

    app.later(60);
    let changed = patch(json!({ "password": GOOD, "connection": CONNECTION })).await;
    assert_eq!(changed["last_password_reset"], "2026-11-23T12:01:00.000Z");
    let login = |password: &str| {
        let request = app.request().with("username", "ada@new.example");
        request.with("password", password).send()
    };
    assert_eq!(login(PASSWORD).await.text("error"), "invalid_grant");
    login(GOOD).await.access_token();
    let weak = manager.patch(&path, &json!({ "password": "short" })).await;
    assert_eq!(
        weak.refused(),
        "400 invalid_body: PasswordStrengthError: Password is too weak"
    );
    let other = manager
        .patch(&path, &json!({ "name": "x", "connection": "other" }))
        .await;
    assert!(other.refused().contains("of another connection"));
    let cleared = patch(json!({ "given_name": "Ada", "name": null })).await;
    assert_eq!(
        (cleared.get("name"), &cleared["given_name"]),
        (None, &json!("Ada"))
    );
}

#[tokio::test]
async fn a_user_that_was_taken_away_is_gone_with_all_that_was_its_own() {
    let app = App::start().await;
    let manager = app.manager().await;
    let path = of(&json!({ "user_id": app.user.user_id }));
    let scope = "openid offline_access";
    let answer = app
        .request()
        .with("scope", scope)
        .with("audience", crate::support::app::API)
        .send()
        .await;
    let refresh = answer.text("refresh_token").to_owned();
    let opaque = app.request().with("scope", "openid").send().await;
    assert_eq!(app.userinfo(opaque.access_token()).await.status, 200);
    manager.delete(&path).await.document(204);
    assert_eq!(
        manager.get(&path).await.refused(),
        "404 inexistent_user: The user does not exist."
    );
    assert_eq!(app.request().send().await.text("error"), "invalid_grant");
    assert_eq!(
        app.refresh(&refresh).send().await.text("error"),
        "invalid_grant"
    );
    assert_eq!(app.userinfo(opaque.access_token()).await.status, 401);
    // Whoever gets the identity again gets nothing of what it had.
    let body = json!({
        "connection": CONNECTION, "email": EMAIL, "password": GOOD,
        "user_id": app.user.user_id,
    });
    let again = manager.post("/users", &body).await.document(201);
    assert_eq!(again["user_id"], json!(app.user.user_id));
    assert_eq!(again.get("logins_count"), None);
    assert_eq!(app.userinfo(opaque.access_token()).await.status, 401);
    assert_eq!(
        app.refresh(&refresh).send().await.text("error"),
        "invalid_grant"
    );
}

#[tokio::test]
async fn users_are_searched_sorted_and_found_by_address() {
    let app = App::start().await;
    let manager = app.manager().await;
    for (name, plan) in [("bob", "gold"), ("cy", "tin"), ("dee", "gold")] {
        app.later(1);
        let body = json!({
            "connection": CONNECTION, "email": format!("{name}@acme.example"), "password": GOOD,
            "app_metadata": { "plan": plan },
        });
        manager.post("/users", &body).await.document(201);
    }
    let names = async |query: &str| {
        let list = manager.get(&format!("/users?{query}")).await.document(200);
        let list = list.get("users").cloned().unwrap_or(list);
        let nickname = |user: &Value| user["nickname"].as_str().unwrap().to_owned();
        list.as_array()
            .unwrap()
            .iter()
            .map(nickname)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names("q=app_metadata.plan:gold&sort=created_at:-1&search_engine=v3").await,
        ["dee", "bob"]
    );
    assert_eq!(names("sort=email:1&per_page=2&page=1").await, ["cy", "dee"]);
    assert_eq!(
        names("q=email:BOB*%20OR%20nickname:cy&sort=email:1").await,
        ["bob", "cy"]
    );
    assert_eq!(names("q=NOT%20_exists_:app_metadata.plan").await, ["ada"]);
    assert_eq!(names("connection=other").await, Vec::<String>::new());
    let page = manager
        .get("/users?per_page=1&include_totals=true&q=app_metadata.plan:gold")
        .await;
    assert_eq!(page.document(200)["total"], 2);
    let exact = manager
        .get("/users-by-email?email=ada%40acme.example")
        .await
        .document(200);
    assert_eq!(exact[0]["user_id"], json!(app.user.user_id));
    let other_case = manager
        .get("/users-by-email?email=Ada%40acme.example")
        .await
        .document(200);
    assert_eq!(other_case, json!([]));
    for (query, expected) in [
        (
            "q=email:*da",
            "400 invalid_query_string: Query validation error: 'the query: a `*` may not stand at the beginning'.",
        ),
        (
            "sort=email",
            "400 invalid_query_string: Query validation error: 'the order: use `field:1` or `field:-1`'.",
        ),
        (
            "page=11&per_page=100",
            "400 invalid_query_string: Query validation error: 'the page: only the first 1000 results can be reached; ask for less at once'.",
        ),
    ] {
        assert_eq!(
            manager.get(&format!("/users?{query}")).await.refused(),
            expected
        );
    }
}
