//! A refresh token that an administrator revokes, at whatever moment (RFC 7009, section 2.1: the
//! invalidation takes place immediately).

use claimsmith::admin::refresh_tokens::{self, RefreshTokenInfo};
use claimsmith::admin::rules::{self, NewBinding};
use claimsmith::rule_host::Permissions;
use futures_util::future::join;

use super::*;
use crate::rule_host::fetch_guest::{fetching, get};
use crate::support::upstream::{Upstream, held, network};

async fn list(app: &App) -> Vec<RefreshTokenInfo> {
    let user_id = &app.user.user_id;
    let listed = refresh_tokens::list(&app.server, &app.tenant, user_id, None);
    listed.await.unwrap()
}

async fn revoke_all(app: &App) -> usize {
    let user_id = &app.user.user_id;
    let revoked = refresh_tokens::revoke_all(&app.server, &app.tenant, user_id, None);
    revoked.await.unwrap()
}

#[tokio::test]
async fn one_is_revoked_and_the_log_says_so() {
    let app = App::start().await;
    let (token, other) = (refresh_token(&app).await, refresh_token(&app).await);
    app.later(1);
    assert_eq!(app.refresh(&token).send().await.status, 200);
    let listed = list(&app).await;
    let exchanged = listed.iter().find(|info| info.last_exchanged_at.is_some());
    let id = &exchanged.unwrap().id;
    app.later(1);
    let revoked = refresh_tokens::revoke(&app.server, &app.tenant, id).await;
    assert_eq!(revoked.unwrap().user_id, app.user.user_id);
    let event = app.newest_event().await;
    assert_eq!(
        (&event["type"], &event["user_id"], &event["audience"]),
        (&json!("srrt"), &json!(app.user.user_id), &json!(API))
    );
    assert_eq!(app.refresh(&token).send().await.refusal(), REFUSED);
    assert_eq!(app.refresh(&other).send().await.status, 200);
    // Only its own tenant's administrator.
    let (globex, _) = app.add_tenant("globex").await;
    let id = &list(&app).await[0].id;
    assert!(
        refresh_tokens::revoke(&app.server, &globex, id)
            .await
            .is_err()
    );
    assert_eq!(app.refresh(&other).send().await.status, 200);
}

#[tokio::test]
async fn an_exchange_that_was_under_way_gives_nothing_once_the_revocation_was_answered() {
    for rotating in [true, false] {
        let upstream = Upstream::start(|_| held("7")).await;
        let app = App::start_with(|config| config.network = network()).await;
        if rotating {
            rotate(&app, 0).await;
        }
        let token = refresh_token(&app).await;
        // In this very second the family has noted an exchange already.
        let token = app
            .refresh(&token)
            .send()
            .await
            .text("refresh_token")
            .to_owned();
        let component = fetching(&[get(&upstream.url("/score"))]);
        rules::upload(&app.server, &app.tenant, "score", component, None)
            .await
            .unwrap();
        let binding = NewBinding {
            version: None,
            order: None,
            grants: Vec::new(),
            on_fault: None,
            permissions: Some(Permissions {
                hosts: vec![upstream.pattern().parse().unwrap()],
                allow_http: false,
            }),
        };
        rules::bind(&app.server, &app.tenant, "score", binding)
            .await
            .unwrap();

        let revoke = async {
            while upstream.seen().is_empty() {
                tokio::task::yield_now().await;
            }
            // The token was checked, and rules are running.
            assert_eq!(revoke_all(&app).await, 1);
            upstream.release();
        };
        let (answer, ()) = join(app.refresh(&token).send(), revoke).await;
        assert_eq!(answer.refusal(), REFUSED, "rotating: {rotating}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_of_an_exchange_and_a_revocation_is_first_nothing_is_left() {
    for (store, app) in App::start_on_each_store().await {
        for rotating in [true, false] {
            if rotating {
                rotate(&app, 0).await;
            } else {
                let fixed = RefreshSettings::default_for(ClientAuthentication::ClientSecretPost);
                set(&app, fixed).await;
            }
            let mut exchanged = 0;
            for _ in 0..100 {
                let login = app.request().with("scope", "offline_access").send().await;
                let token = login.text("refresh_token");
                let (answer, revoked) = join(app.refresh(token).send(), revoke_all(&app)).await;
                assert_eq!(revoked, 1, "{store}");
                let mut left = vec![token];
                if answer.status == 200 {
                    exchanged += 1;
                    left.push(answer.text("refresh_token"));
                } else {
                    assert_eq!(answer.refusal(), REFUSED);
                }
                for token in left {
                    assert_eq!(
                        app.refresh(token).send().await.refusal(),
                        REFUSED,
                        "{store}"
                    );
                }
                assert!(list(&app).await.is_empty());
            }
            println!("{store}, rotating {rotating}: {exchanged} of 100 exchanges came first");
        }
    }
}
