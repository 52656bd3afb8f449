//! How a client proves who it is (RFC 6749, section 2.3; contract, section 1.2).

use claimsmith::admin::clients;
use claimsmith::admin::tenants::{self, Change};
use claimsmith::client::{Client, ClientAuthentication};
use claimsmith::clock::Timestamp;
use claimsmith::store::Batch;
use claimsmith::tenant::ErrorProfile;

use crate::support::app::{App, NOW};

const FAILED: &str = "401 invalid_client: Client authentication failed";

#[tokio::test]
async fn a_secret_in_the_body_or_in_a_basic_header() {
    let app = App::start().await;
    assert_eq!(app.request().send().await.status, 200);
    let (id, secret) = (app.client_id.as_str(), app.client_secret.as_str());
    let basic = || {
        app.request()
            .without("client_id")
            .without("client_secret")
            .basic(id, secret)
    };
    assert_eq!(basic().send().await.status, 200);
    assert_eq!(
        basic().with("client_id", id).send().await.status,
        200,
        "the same id again is no second way"
    );
}

#[tokio::test]
async fn a_public_client_has_its_id_only() {
    let app = App::start().await;
    let (id, secret) = app.add_client(ClientAuthentication::None, true).await;
    assert_eq!(secret, None);
    let public = || app.request().with("client_id", &id);
    assert_eq!(public().without("client_secret").send().await.status, 200);
    assert_eq!(
        public().with("client_secret", "").send().await.status,
        200,
        "empty is as if absent"
    );
    assert_eq!(
        public()
            .with("client_secret", "guess")
            .send()
            .await
            .refusal(),
        FAILED
    );
}

#[tokio::test]
async fn rfc6749_5_2_a_failure_is_401_with_a_challenge_and_hashes_no_password() {
    let app = App::start().await;
    let before = app.server.passwords.evaluations();
    let wrong_secret = app.request().with("client_secret", "wrong").send().await;
    let no_secret = app.request().without("client_secret").send().await;
    let unknown = app.request().with("client_id", "nobody").send().await;
    let by_header = app.request().without("client_id").without("client_secret");
    let by_header = by_header.basic(&app.client_id, "wrong").send().await;
    for answer in [wrong_secret, no_secret, unknown, by_header] {
        assert_eq!(answer.refusal(), FAILED);
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("Basic realm=")
        );
    }
    assert_eq!(app.server.passwords.evaluations(), before);
}

#[tokio::test]
async fn no_client_id_at_all() {
    let app = App::start().await;
    let answer = app
        .request()
        .without("client_id")
        .without("client_secret")
        .send()
        .await;
    assert_eq!(answer.refusal(), "401 invalid_client: Missing client_id");
}

#[tokio::test]
async fn rfc6749_2_3_two_ways_at_once_are_refused_even_if_both_are_right() {
    let app = App::start().await;
    let (id, secret) = (app.client_id.as_str(), app.client_secret.as_str());
    let both = app.request().basic(id, secret).send().await;
    let other = app
        .request()
        .without("client_secret")
        .with("client_id", "other")
        .basic(id, secret);
    for answer in [both, other.send().await] {
        assert_eq!(
            answer.refusal(),
            "400 invalid_request: The client must authenticate in one way only."
        );
    }
}

#[tokio::test]
async fn rfc6749_2_3_1_credentials_in_the_uri_are_not_read() {
    let app = App::start().await;
    let query = format!(
        "/oauth/token?client_id={}&client_secret={}",
        app.client_id, app.client_secret
    );
    let form = [
        ("grant_type", "password"),
        ("username", "u"),
        ("password", "p"),
    ];
    let post = |path: &str| {
        app.http()
            .post(app.url(path))
            .header("host", "acme.localhost")
            .form(&form)
    };
    let answer = crate::support::app::Answer::read(post(&query).send().await.unwrap()).await;
    assert_eq!(answer.refusal(), "401 invalid_client: Missing client_id");
    let answer = post("/oauth/token?password=secret").send().await.unwrap();
    let answer = crate::support::app::Answer::read(answer).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.text("error"), "invalid_request");
}

#[tokio::test]
async fn the_grant_is_off_until_switched_on_and_never_for_third_parties() {
    let app = App::start().await;
    let refused = "403 unauthorized_client: Grant type 'password' not allowed for the client.";
    let (id, secret) = app
        .add_client(ClientAuthentication::ClientSecretPost, false)
        .await;
    let request = || {
        app.request()
            .with("client_id", &id)
            .with("client_secret", secret.as_deref().unwrap())
    };
    let before = app.server.passwords.evaluations();
    assert_eq!(request().send().await.refusal(), refused);
    assert_eq!(
        app.server.passwords.evaluations(),
        before,
        "refused before any hashing"
    );
    clients::set_grants(&app.server, &app.tenant, &id, vec!["password".to_owned()])
        .await
        .unwrap();
    assert_eq!(request().send().await.status, 200);

    let third_party = clients::NewClient {
        name: "Somebody else's".to_owned(),
        authentication: ClientAuthentication::ClientSecretPost,
        grant_types: vec!["password".to_owned()],
        is_first_party: false,
        metadata: Default::default(),
    };
    assert!(
        clients::create(&app.server, &app.tenant, third_party)
            .await
            .is_err()
    );

    // However such a record came to be, the grant itself refuses it too.
    let key = [app.tenant.as_str(), app.client_id.as_str()];
    let stored = app
        .server
        .records
        .get::<Client>(&key)
        .await
        .unwrap()
        .unwrap();
    let client = Client {
        is_first_party: false,
        ..stored.record.clone()
    };
    let batch = Batch::durable().replace(&stored, &client);
    app.server.records.commit(batch).await.unwrap();
    assert_eq!(app.request().send().await.refusal(), refused);
}

#[tokio::test]
async fn a_tenant_may_answer_as_fielded_auth0_tenants_do() {
    let app = App::start().await;
    let change = Change {
        errors: Some(ErrorProfile::Auth0),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    let answer = app.request().with("client_secret", "wrong").send().await;
    assert_eq!(answer.refusal(), "401 access_denied: Unauthorized");
}

#[tokio::test]
async fn two_secrets_are_good_while_a_client_changes_over() {
    let app = App::start().await;
    let (first, id) = (app.client_secret.as_str(), app.client_id.as_str());
    let works = async |secret: &str| {
        let answer = app.request().with("client_secret", secret).send().await;
        if answer.status != 200 {
            assert_eq!(answer.refusal(), FAILED);
        }
        answer.status == 200
    };
    let rotate = async |grace: u64| {
        let rotated = clients::rotate_secret(&app.server, &app.tenant, id, grace).await;
        rotated.unwrap().1
    };
    let second = rotate(3_600).await;
    assert!(works(first).await && works(second.expose()).await);
    app.clock.set(Timestamp::from_millis(NOW + 3_599_999));
    assert!(works(first).await);
    app.clock.set(Timestamp::from_millis(NOW + 3_600_000));
    assert!(!works(first).await, "its time is over");

    let third = rotate(3_600).await;
    let fourth = rotate(3_600).await;
    assert!(!works(second.expose()).await, "two at most");
    assert!(works(third.expose()).await && works(fourth.expose()).await);
    clients::revoke_previous_secret(&app.server, &app.tenant, id)
        .await
        .unwrap();
    assert!(!works(third.expose()).await && works(fourth.expose()).await);
    let fifth = rotate(0).await;
    assert!(!works(fourth.expose()).await && works(fifth.expose()).await);
    let too_long = clients::MAX_GRACE_SECS + 1;
    let refused = clients::rotate_secret(&app.server, &app.tenant, id, too_long).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn no_secret_is_ever_stored() {
    let app = App::start().await;
    let (_, second) = clients::rotate_secret(&app.server, &app.tenant, &app.client_id, 3_600)
        .await
        .unwrap();
    let key = [app.tenant.as_str(), app.client_id.as_str()];
    let stored = app.server.records.get::<Client>(&key).await.unwrap();
    let record = serde_json::to_string(&stored.unwrap().record).unwrap();
    assert!(record.contains("previous_secret"));
    for secret in [app.client_secret.as_str(), second.expose()] {
        assert!(!record.contains(secret));
    }
}

#[tokio::test]
async fn a_client_of_the_version_before_is_still_read() {
    let app = App::start().await;
    let key = [app.tenant.as_str(), app.client_id.as_str()];
    let stored = app.server.records.get::<Client>(&key).await.unwrap();
    let mut old = serde_json::to_value(&stored.unwrap().record).unwrap();
    for new in ["previous_secret", "credentials"] {
        old.as_object_mut().unwrap().remove(new).unwrap();
    }
    let client: Client = serde_json::from_value(old).unwrap();
    assert!(client.credentials.is_empty() && client.previous_secret.is_none());
}
