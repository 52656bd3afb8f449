//! Guessing is stopped, as a client sees it (contract, sections 5 and 1.10; RFC 6749, sections 2.3.1
//! and 4.3.2).

use claimsmith::admin::{clients, protection, tenants, users};
use claimsmith::client::ClientAuthentication;
use claimsmith::clock::Clock as _;
use claimsmith::log::{self, EventType};
use claimsmith::secret::Secret;
use claimsmith::tenant::ErrorProfile;
use serde_json::json;

use crate::support::app::{Answer, App, EMAIL};

const WRONG: &str = "403 invalid_grant: Wrong email or password.";
const BLOCKED: &str = "429 too_many_attempts: Your account has been blocked after multiple consecutive login attempts. We've sent you a notification via your preferred contact method with instructions on how to unblock it.";
const SUSPICIOUS: &str = "429 too_many_attempts: We have detected suspicious login behavior and further attempts will be blocked. Please contact the administrator.";

async fn guess(app: &App, username: &str) -> Answer {
    let request = app.request().with("username", username);
    request.with("password", "wrong").send().await
}

#[tokio::test]
async fn the_eleventh_guess_is_blocked_whether_or_not_the_user_exists() {
    let app = App::start().await;
    let mut answers = Vec::new();
    for username in [EMAIL, "nobody@acme.example"] {
        for _ in 0..10 {
            assert_eq!(guess(&app, username).await.refusal(), WRONG);
        }
        let before = app.server.passwords.evaluations();
        let blocked = guess(&app, username).await;
        assert_eq!(blocked.refusal(), BLOCKED);
        assert_eq!(app.server.passwords.evaluations(), before);
        answers.push(blocked);
    }
    // Not one header differs either, but for the moment.
    let headers = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("date");
        headers
    };
    assert_eq!(headers(&answers[0]), headers(&answers[1]));
    assert_eq!(answers[0].body, answers[1].body);

    let right = app.request().send().await;
    assert_eq!(right.refusal(), BLOCKED, "also with the right password");

    let events = log::newest(&app.server.records, &app.tenant, 100)
        .await
        .unwrap();
    let blocked = events.iter().filter(|e| e.event_type == EventType::Blocked);
    assert_eq!(blocked.count(), 3);
}

#[tokio::test]
async fn an_administrator_lifts_a_block_and_so_does_a_new_password() {
    let app = App::start().await;
    let (server, tenant) = (&app.server, &app.tenant);
    for _ in 0..11 {
        guess(&app, EMAIL).await;
    }
    let blocks = protection::blocks(server, tenant, EMAIL).await.unwrap();
    assert_eq!(
        serde_json::to_value(&blocks).unwrap(),
        json!([{"identifier": EMAIL, "ip": "127.0.0.1", "connection": tenants::FIRST_CONNECTION}])
    );
    // `blocked: false` on the user is another matter.
    users::set_blocked(server, tenant, &app.user.user_id, false)
        .await
        .unwrap();
    assert_eq!(app.request().send().await.refusal(), BLOCKED);

    let elsewhere = Some([198, 51, 100, 1].into());
    let lifted = protection::unblock(server, tenant, EMAIL, elsewhere).await;
    assert_eq!(lifted.unwrap(), 0);
    let lifted = protection::unblock(server, tenant, EMAIL, None).await;
    assert_eq!(lifted.unwrap(), 1);
    app.request().send().await.access_token();
    assert!(
        protection::blocks(server, tenant, EMAIL)
            .await
            .unwrap()
            .is_empty()
    );

    for _ in 0..11 {
        guess(&app, EMAIL).await;
    }
    users::set_password(
        server,
        tenant,
        &app.user.user_id,
        Secret::new("another password"),
    )
    .await
    .unwrap();
    let right = app.request().with("password", "another password");
    right.send().await.access_token();
    let events = log::newest(&server.records, tenant, 100).await.unwrap();
    let lifted = events
        .iter()
        .filter(|e| e.event_type == EventType::BlockLifted);
    assert_eq!(lifted.count(), 2);
}

#[tokio::test]
async fn many_names_from_one_address_are_suspicious() {
    let app = App::start().await;
    let fewer = json!({"suspicious_ip_throttling": {"stage": {"pre-login": {"max_attempts": 5}}}});
    protection::change(&app.server, &app.tenant, fewer.as_object().unwrap())
        .await
        .unwrap();
    for number in 0..5 {
        let answer = guess(&app, &format!("user{number}")).await;
        assert_eq!(answer.refusal(), WRONG);
    }
    let stopped = app.request().send().await;
    assert_eq!(stopped.refusal(), SUSPICIOUS);
    assert_eq!(stopped.header("retry-after"), "864");
    app.clock.set(app.clock.now().plus_secs(864));
    app.request().send().await.access_token();
}

/// It costs an attacker nothing to be stopped: he must not fill the disk with events.
#[tokio::test]
async fn stopped_attempts_do_not_flood_the_log() {
    let app = App::start().await;
    for _ in 0..60 {
        guess(&app, EMAIL).await;
    }
    let events = log::newest(&app.server.records, &app.tenant, 100)
        .await
        .unwrap();
    assert_eq!(events.len(), 10 + 10);
}

#[tokio::test]
async fn rfc_6749_s_profile_has_its_own_code() {
    let app = App::start().await;
    let change = tenants::Change {
        errors: Some(ErrorProfile::Rfc6749),
        ..tenants::Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    for _ in 0..10 {
        guess(&app, EMAIL).await;
    }
    let blocked = guess(&app, EMAIL).await;
    assert_eq!(
        blocked.refusal(),
        BLOCKED.replace("too_many_attempts", "invalid_grant")
    );
}

/// Contract, section 5.2: malformed requests are not counted.
#[tokio::test]
async fn what_is_no_attempt_is_not_counted() {
    let app = App::start().await;
    for _ in 0..12 {
        let answer = app.request().without("password").send().await;
        assert_eq!(answer.status, 400);
        let answer = app
            .request()
            .with("password", "wrong")
            .with("client_secret", "no");
        assert_eq!(answer.send().await.status, 401);
        let answer = app
            .request()
            .with("password", "wrong")
            .with("audience", "urn:none");
        assert_eq!(answer.send().await.status, 403);
    }
    for _ in 0..10 {
        assert_eq!(guess(&app, EMAIL).await.refusal(), WRONG);
    }
    assert_eq!(guess(&app, EMAIL).await.refusal(), BLOCKED);
}

/// authentik CVE-2023-36456 and its like: a header of the attacker's choice for each guess.
#[tokio::test]
async fn no_header_of_a_stranger_gives_a_guess_another_address() {
    let app = App::start().await;
    let headers = [
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-for", "127.0.0.1, 198.51.100.2"),
        ("x-forwarded-for", "garbage"),
        ("x-real-ip", "198.51.100.3"),
        ("forwarded", "for=198.51.100.4"),
        ("true-client-ip", "198.51.100.5"),
        ("auth0-forwarded-for", "198.51.100.6"),
        ("client-ip", "198.51.100.7"),
        ("x-forwarded-for", ""),
        ("x-forwarded-for", "::1"),
    ];
    for (name, value) in headers {
        let request = app.request().with("password", "wrong");
        let answer = request.header(name, value).send().await;
        assert_eq!(answer.refusal(), WRONG, "{name}: {value}");
    }
    let request = app.request().header("x-forwarded-for", "198.51.100.9");
    assert_eq!(request.send().await.refusal(), BLOCKED);
}

#[tokio::test]
async fn a_configured_proxy_says_where_its_clients_are() {
    let app = App::start_with(|config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    // What an attacker wrote himself stands before what the proxy added.
    for number in 0..10 {
        let line = format!("203.0.113.{number}, 198.51.100.1");
        let request = app.request().with("password", "wrong");
        let answer = request.header("x-forwarded-for", &line).send().await;
        assert_eq!(answer.refusal(), WRONG);
    }
    let from = |address: &str| app.request().header("x-forwarded-for", address);
    assert_eq!(from("198.51.100.1").send().await.refusal(), BLOCKED);
    for (said, seen) in [
        ("198.51.100.2", "198.51.100.2"),
        ("no address", "127.0.0.1"),
    ] {
        app.clock.set(app.clock.now().plus_secs(1));
        from(said).send().await.access_token();
        let newest = log::newest(&app.server.records, &app.tenant, 1).await;
        assert_eq!(newest.unwrap()[0].ip, seen);
    }
}

/// Contract, section 5.4.
#[tokio::test]
async fn a_trusted_client_says_where_its_user_is() {
    let app = App::start().await;
    let from = |address: &str| app.request().header("auth0-forwarded-for", address);
    let seen = async || {
        let newest = log::newest(&app.server.records, &app.tenant, 1)
            .await
            .unwrap();
        let event = newest.into_iter().next().unwrap();
        (event.ip, event.client_ip)
    };
    app.clock.set(app.clock.now().plus_secs(1));
    from("198.51.100.1").send().await.access_token();
    assert_eq!(seen().await, ("127.0.0.1".to_owned(), None));

    clients::trust_ip_header(&app.server, &app.tenant, &app.client_id, true)
        .await
        .unwrap();
    for _ in 0..10 {
        let guess = from("198.51.100.1").with("password", "wrong");
        assert_eq!(guess.send().await.refusal(), WRONG);
    }
    assert_eq!(from("198.51.100.1").send().await.refusal(), BLOCKED);
    app.clock.set(app.clock.now().plus_secs(1));
    from("198.51.100.2").send().await.access_token();
    let expected = ("198.51.100.2".to_owned(), Some("127.0.0.1".to_owned()));
    assert_eq!(seen().await, expected);
    // More than one address, or none, is nobody's word.
    from("198.51.100.1, 198.51.100.3")
        .send()
        .await
        .access_token();
    from("nowhere").send().await.access_token();

    let (public, _) = app.add_client(ClientAuthentication::None, true).await;
    let refused = clients::trust_ip_header(&app.server, &app.tenant, &public, true).await;
    assert!(refused.is_err());
}

/// RFC 6749, section 2.3.1: the endpoint must be protected against brute force there too.
#[tokio::test]
async fn wrong_client_secrets_are_throttled_and_the_client_itself_is_not() {
    let app = App::start().await;
    let wrong = || app.request().with("client_secret", "guess");
    for _ in 0..50 {
        let answer = wrong().send().await;
        let expected = "401 invalid_client: Client authentication failed";
        assert_eq!(answer.refusal(), expected);
    }
    let throttled = wrong().send().await;
    let expected = "429 too_many_requests: Rate limit exceeded. Please retry after some time.";
    assert_eq!(throttled.refusal(), expected);
    assert_eq!(throttled.header("retry-after"), "10");
    // A client that does not exist is throttled no differently.
    for _ in 0..50 {
        let answer = wrong().with("client_id", "nobody").send().await;
        assert_eq!(answer.status, 401);
    }
    let answer = wrong().with("client_id", "nobody").send().await;
    assert_eq!(answer.refusal(), expected);

    app.request().send().await.access_token();
    let (other, secret) = app
        .add_client(ClientAuthentication::ClientSecretPost, true)
        .await;
    let request = app.request().with("client_id", &other);
    let answer = request.with("client_secret", &secret.unwrap()).send().await;
    answer.access_token();
    app.clock.set(app.clock.now().plus_secs(10));
    assert_eq!(wrong().send().await.status, 401);
    assert_eq!(wrong().send().await.status, 429);
}
