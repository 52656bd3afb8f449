//! `POST /oauth/revoke` (RFC 7009; contract, section 6.1).

use claimsmith::admin::tenants::{self, Change};
use claimsmith::api::TokenDialect;
use claimsmith::client::ClientAuthentication;
use claimsmith::tenant::ErrorProfile;
use claimsmith::token::SigningAlgorithm;
use serde_json::{Value, json};

use crate::support::app::{API, Answer, App, TokenForm};

const REFUSED: &str = "403 invalid_grant: Unknown or invalid refresh token.";
const OTHER_API: &str = "https://bills.example/";

async fn login(app: &App) -> Answer {
    login_for(app, API).await
}

async fn login_for(app: &App, api: &str) -> Answer {
    app.request()
        .with("audience", api)
        .with("scope", "openid read:orders offline_access")
        .send()
        .await
}

/// An empty 200 that nobody keeps: what every revocation is answered with.
async fn revoked(request: TokenForm<'_>) {
    let answer = request.send().await;
    assert_eq!((answer.status, &answer.body), (200, &Value::Null));
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn is_good(app: &App, refresh_token: &str) -> bool {
    let answer = app.refresh(refresh_token).send().await;
    if answer.status != 200 {
        assert_eq!(answer.refusal(), REFUSED);
    }
    answer.status == 200
}

async fn is_active(app: &App, token: &str) -> bool {
    app.introspect(token).send().await.body["active"] == json!(true)
}

#[tokio::test]
async fn a_refresh_token_that_was_handed_back_is_good_for_nothing_and_the_log_says_so() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let token = tokens.text("refresh_token");
    app.later(1);
    revoked(app.revoke(token)).await;
    let event = app.newest_event().await;
    assert_eq!(event["type"], json!("srrt"));
    assert_eq!(event["user_id"], json!(app.user.user_id));
    assert_eq!(event["client_id"], json!(app.client_id));
    assert_eq!(event["audience"], json!(API));
    app.later(1);
    assert!(!is_good(&app, token).await);
}

#[tokio::test]
async fn the_request_may_be_json_as_well() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let answer = app.revoke(tokens.text("refresh_token")).send_json().await;
    assert_eq!((answer.status, &answer.body), (200, &Value::Null));
    assert!(!is_good(&app, tokens.text("refresh_token")).await);
}

/// RFC 7009, section 2.1: the hint is a hint, also when it is wrong or unknown.
#[tokio::test]
async fn the_hint_changes_nothing() {
    let app = App::start().await;
    for hint in ["refresh_token", "access_token", "saml_token", ""] {
        let tokens = login(&app).await;
        revoked(
            app.revoke(tokens.text("refresh_token"))
                .with("token_type_hint", hint),
        )
        .await;
        assert!(!is_good(&app, tokens.text("refresh_token")).await, "{hint}");
    }
}

/// RFC 7009, section 2.2: what never was, or is not any more, is as good as revoked.
#[tokio::test]
async fn unknown_and_revoked_tokens_are_answered_alike() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let token = tokens.text("refresh_token");
    for _ in 0..2 {
        revoked(app.revoke(token)).await;
    }
    let long = "x".repeat(20_000);
    let made_up = format!("{}A", &token[..token.len() - 1]);
    for unknown in ["nothing", "v1.nothing", "a.b.c", "..", &long, &made_up] {
        revoked(app.revoke(unknown)).await;
    }
}

#[tokio::test]
async fn another_clients_tokens_stay_as_they_are() {
    let app = App::start().await;
    let (id, secret) = app
        .add_client(ClientAuthentication::ClientSecretPost, true)
        .await;
    let tokens = login(&app).await;
    let secret = secret.unwrap();
    for token in [tokens.text("refresh_token"), tokens.access_token()] {
        let request = app.revoke(token);
        revoked(
            request
                .with("client_id", &id)
                .with("client_secret", &secret),
        )
        .await;
        assert!(is_active(&app, token).await);
    }
    assert!(is_good(&app, tokens.text("refresh_token")).await);
}

#[tokio::test]
async fn another_tenants_client_reaches_nothing() {
    let app = App::start().await;
    let (_, foreign) = app.add_tenant("bolt").await;
    let tokens = login(&app).await;
    let token = tokens.text("refresh_token");
    let here = app.revoke(token);
    revoked(foreign.with("token", token).to("/oauth/revoke")).await;
    assert!(is_good(&app, token).await);
    assert_eq!(here.at("bolt.localhost").send().await.status, 401);
}

/// RFC 7009, section 2.1: "the authorization server SHOULD also invalidate all access tokens based
/// on the same authorization grant".
#[tokio::test]
async fn access_tokens_that_came_with_it_end_with_it_and_others_do_not() {
    let app = App::start().await;
    let first = login(&app).await;
    // A JWT of the same second would be the same.
    app.later(1);
    let other = login(&app).await;
    let refreshed = app.refresh(first.text("refresh_token")).send().await;
    app.later(1);
    revoked(app.revoke(first.text("refresh_token"))).await;
    for ended in [first.access_token(), refreshed.access_token()] {
        assert!(!is_active(&app, ended).await);
        assert_eq!(app.userinfo(ended).await.status, 401);
    }
    assert!(is_active(&app, other.access_token()).await);
    assert_eq!(app.userinfo(other.access_token()).await.status, 200);
    assert!(is_good(&app, other.text("refresh_token")).await);
}

#[tokio::test]
async fn the_tenants_flag_ends_the_whole_grant() {
    let app = App::start().await;
    app.add_api(
        OTHER_API,
        SigningAlgorithm::RS256,
        TokenDialect::AccessToken,
    )
    .await;
    let change = Change {
        revoke_refresh_token_grant: Some(true),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    let (one, two) = (login(&app).await, login(&app).await);
    let elsewhere = login_for(&app, OTHER_API).await;
    revoked(app.revoke(one.text("refresh_token"))).await;
    assert!(!is_good(&app, one.text("refresh_token")).await);
    assert!(!is_good(&app, two.text("refresh_token")).await);
    assert!(!is_active(&app, two.access_token()).await);
    assert!(is_good(&app, elsewhere.text("refresh_token")).await);
}

/// RFC 9700, section 4.14.2: whoever hands back a spent token means the login all the same.
#[tokio::test]
async fn a_spent_token_ends_its_family() {
    let app = App::start().await;
    let (id, _) = app.add_client(ClientAuthentication::None, true).await;
    let form = app
        .request()
        .without("client_secret")
        .with("client_id", &id)
        .with("audience", API)
        .with("scope", "offline_access");
    let spent = form.send().await.text("refresh_token").to_owned();
    let refresh = |token: &str| {
        let form = app.refresh(token).without("client_secret");
        form.with("client_id", &id).send()
    };
    let live = refresh(&spent).await.text("refresh_token").to_owned();
    let request = app.revoke(&spent).without("client_secret");
    revoked(request.with("client_id", &id)).await;
    assert_eq!(refresh(&live).await.refusal(), REFUSED);
}

#[tokio::test]
async fn access_tokens_can_be_handed_back_too() {
    let app = App::start().await;
    let for_api = login(&app).await;
    let opaque = app.request().with("scope", "openid").send().await;
    for token in [for_api.access_token(), opaque.access_token()] {
        assert!(is_active(&app, token).await);
        assert_eq!(app.userinfo(token).await.status, 200);
        revoked(app.revoke(token)).await;
        assert!(!is_active(&app, token).await);
        assert_eq!(app.userinfo(token).await.status, 401);
    }
    assert!(is_good(&app, for_api.text("refresh_token")).await);
}

/// RFC 7009, section 2.1: the client authenticates as at the token endpoint.
#[tokio::test]
async fn who_is_no_client_is_refused_and_revokes_nothing() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let request = || app.revoke(tokens.text("refresh_token"));
    let nothing = request().without("client_secret").without("client_id");
    let twice = request().basic(&app.client_id, &app.client_secret);
    for (request, refusal) in [
        (
            request().with("client_secret", "wrong"),
            "401 invalid_client: Client authentication failed",
        ),
        (
            request().without("client_secret"),
            "401 invalid_client: Client authentication failed",
        ),
        (
            request().with("client_id", "nobody"),
            "401 invalid_client: Client authentication failed",
        ),
        (nothing, "401 invalid_client: Missing client_id"),
        (
            twice,
            "400 invalid_request: The client must authenticate in one way only.",
        ),
    ] {
        assert_eq!(request.send().await.refusal(), refusal);
    }
    app.answer_errors_as(ErrorProfile::Auth0).await;
    assert_eq!(
        request()
            .with("client_secret", "wrong")
            .send()
            .await
            .refusal(),
        "401 invalid_client: Client authentication failed"
    );
    assert!(is_good(&app, tokens.text("refresh_token")).await);
}

#[tokio::test]
async fn a_request_that_breaks_the_protocol_is_refused() {
    let app = App::start().await;
    for (request, refusal) in [
        (
            app.revoke("").without("token"),
            "400 invalid_request: Missing required parameter: token",
        ),
        (
            app.revoke(""),
            "400 invalid_request: Missing required parameter: token",
        ),
    ] {
        assert_eq!(request.send().await.refusal(), refusal);
    }
    // RFC 6749, section 3.2: no parameter twice.
    let twice = app.revoke("one").again("token", "two").send().await;
    assert_eq!(
        (twice.status, twice.text("error")),
        (400, "invalid_request")
    );
    let in_the_uri = app.revoke("one").to("/oauth/revoke?token=one").send().await;
    assert_eq!(in_the_uri.status, 400);
    assert_eq!(app.get("/oauth/revoke").await.status, 405);
}

/// Keycloak #51312: a refresh that runs beside a revocation either comes first, or fails; what it
/// returned in the first case is dead too once the revocation is answered.
#[tokio::test]
async fn nothing_of_a_family_is_left_however_a_refresh_runs_beside_its_revocation() {
    let app = App::start().await;
    for _ in 0..50 {
        let tokens = login(&app).await;
        let token = tokens.text("refresh_token");
        let refreshes: Vec<_> = (0..4).map(|_| app.refresh(token).send()).collect();
        let refreshes = futures_util::future::join_all(refreshes);
        let (answers, ()) = tokio::join!(refreshes, revoked(app.revoke(token)));
        assert!(!is_good(&app, token).await);
        for answer in answers {
            if answer.status == 200 {
                assert!(!is_active(&app, answer.access_token()).await);
                assert!(!is_good(&app, answer.text("refresh_token")).await);
            } else {
                assert_eq!(answer.refusal(), REFUSED);
            }
        }
    }
}

/// fosite CVE-2020-15223: a store that fails must not look like a revocation (RFC 7009, section
/// 2.2.1).
#[tokio::test]
async fn a_stopped_store_answers_503() {
    let app = App::start().await;
    let tokens = login(&app).await;
    app.server.close();
    for token in [tokens.text("refresh_token"), tokens.access_token(), "none"] {
        let answer = app.revoke(token).send().await;
        let refusal = (answer.status, answer.text("error"));
        assert_eq!(refusal, (503, "temporarily_unavailable"));
    }
}
