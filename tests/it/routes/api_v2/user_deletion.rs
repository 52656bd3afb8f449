//! `DELETE /api/v2/users/{id}`: all that was the user's goes, whatever comes in between, and what that costs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use claimsmith::admin::users;
use claimsmith::store::{Entry, Key, KeyRange, Store as _, Table};
use serde_json::json;

use crate::support::app::{API, App, EMAIL, PASSWORD};
use crate::support::failing::{ALWAYS, Failing};

const ID: &str = "auth0|old-1";

/// A user with tokens of all kinds, permissions and counted guesses.
async fn furnish(app: &App) {
    let manager = app.manager().await;
    let new = json!({"connection": "Username-Password-Authentication", "email": "grace@acme.example",
        "user_id": "old-1", "password": "a sentence that nobody guesses"});
    manager.post("/users", &new).await.document(201);
    let permission = json!({"permissions": [
        {"resource_server_identifier": API, "permission_name": "read:orders"}]});
    assert_eq!(
        manager
            .post("/users/auth0%7Cold-1/permissions", &permission)
            .await
            .status,
        201
    );
    let login = app.request().with("username", "grace@acme.example");
    let login = login.with("password", "a sentence that nobody guesses");
    login
        .clone()
        .with("scope", "openid offline_access")
        .send()
        .await
        .access_token();
    login
        .clone()
        .with("audience", API)
        .with("scope", "offline_access")
        .send()
        .await
        .access_token();
    login.with("password", "wrong").send().await;
}

/// What is stored of the user, besides what the log says.
async fn of_user(store: &Failing) -> Vec<Entry> {
    let all = KeyRange {
        start: Key::from_bytes([0]),
        end: None,
    };
    let mut entries = store.scan(&all, usize::MAX).await.unwrap();
    let kept = [
        Table::Log as u8,
        Table::LogNumber as u8,
        Table::RevokedFamily as u8,
    ];
    entries.retain(|entry| {
        let says = |bytes: &[u8]| bytes.windows(5).any(|five| five == b"old-1");
        !kept.contains(&entry.key.as_bytes()[0])
            && (says(entry.key.as_bytes()) || says(&entry.value))
    });
    entries
}

#[tokio::test]
async fn cut_short_wherever_it_may_be_it_goes_on_when_it_is_asked_for_again_or_a_server_starts() {
    let mut cut_short = 0;
    for commits in 0.. {
        let store = Failing::new();
        let app = App::start_on(Arc::clone(&store) as _).await;
        furnish(&app).await;
        assert!(of_user(&store).await.len() > 6);
        store.left.store(commits, Ordering::SeqCst);
        let done = users::delete(&app.server, &app.tenant, ID).await;
        store.left.store(ALWAYS, Ordering::SeqCst);
        if done.is_ok() {
            assert_eq!(of_user(&store).await, []);
            break;
        }
        cut_short += 1;
        if commits == 0 {
            continue;
        }
        let manager = app.manager().await;
        assert_eq!(manager.get("/users/auth0%7Cold-1").await.status, 404);
        match commits % 3 {
            0 => users::finish_deletions(&app.server).await.unwrap(),
            1 => assert_eq!(manager.delete("/users/auth0%7Cold-1").await.status, 204),
            _ => {
                // Whoever comes back under the identity has nothing of what there was.
                let back = json!({"connection": "Username-Password-Authentication",
                    "email": "back@acme.example", "user_id": "old-1", "password": PASSWORD.repeat(2)});
                manager.post("/users", &back).await.document(201);
                let held = manager
                    .get("/users/auth0%7Cold-1/permissions")
                    .await
                    .document(200);
                assert_eq!(held, json!([]));
                let tokens = manager
                    .get("/users/auth0%7Cold-1/refresh-tokens")
                    .await
                    .document(200);
                assert_eq!(tokens["tokens"], json!([]));
                users::delete(&app.server, &app.tenant, ID).await.unwrap();
            }
        }
        assert_eq!(of_user(&store).await, [], "after {commits} commits");
        assert_eq!(manager.delete("/users/auth0%7Cold-1").await.status, 404);
    }
    assert!(cut_short > 4, "{cut_short}");
}

#[tokio::test]
async fn what_it_costs_does_not_grow_with_the_tokens_of_others() {
    let mut costs = Vec::new();
    for others in [1, 60] {
        let store = Failing::new();
        let app = App::start_on(Arc::clone(&store) as _).await;
        furnish(&app).await;
        for _ in 0..others {
            app.request()
                .with("scope", "openid")
                .send()
                .await
                .access_token();
        }
        let tokens = KeyRange::prefix(Table::OpaqueToken, &["acme"]);
        assert_eq!(
            store.inner.scan(&tokens, usize::MAX).await.unwrap().len(),
            others + 1
        );
        let before = store.scanned.load(Ordering::SeqCst);
        users::delete(&app.server, &app.tenant, ID).await.unwrap();
        costs.push(store.scanned.load(Ordering::SeqCst) - before);
        assert_eq!(
            app.request().with("username", EMAIL).send().await.status,
            200
        );
    }
    assert_eq!(costs[0], costs[1], "records read");
}

#[tokio::test]
async fn there_are_no_sessions_no_linked_accounts_and_no_second_factors() {
    let app = App::start().await;
    let manager = app.manager().await;
    let path = format!("/users/{}", app.user.user_id.replace('|', "%7C"));
    let sessions = manager
        .get(&format!("{path}/sessions?take=5"))
        .await
        .document(200);
    assert_eq!(sessions, json!({"sessions": []}));
    assert_eq!(
        manager.delete(&format!("{path}/sessions")).await.status,
        202
    );
    let refused = "400 operation_not_supported: This server does not link accounts: a user is of one connection.";
    let link = json!({"provider": "auth0", "user_id": "other"});
    assert_eq!(
        manager
            .post(&format!("{path}/identities"), &link)
            .await
            .refused(),
        refused
    );
    assert_eq!(
        manager
            .delete(&format!("{path}/identities/auth0/x"))
            .await
            .refused(),
        refused
    );
    assert_eq!(
        manager
            .delete(&format!("{path}/authenticators"))
            .await
            .status,
        204
    );
    assert_eq!(
        manager
            .delete(&format!("{path}/multifactor/duo"))
            .await
            .status,
        204
    );
    for path in [
        "sessions",
        "authenticators",
        "multifactor/duo",
        "identities/auth0/x",
    ] {
        let answer = manager
            .delete(&format!("/users/auth0%7Cnobody/{path}"))
            .await;
        assert_eq!(
            answer.refused(),
            "404 inexistent_user: The user does not exist."
        );
    }
}
