//! Every refused request is a JSON error from the catalogue (contract, section 1.10), and changes
//! nothing but the tenant's log.

use claimsmith::admin::tenants::{self, Change};
use claimsmith::admin::users;
use claimsmith::log::{self, EventType};
use claimsmith::tenant::ErrorProfile;
use serde_json::json;

use crate::support::app::{API, Answer, App};

const WRONG: &str = "403 invalid_grant: Wrong email or password.";

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_read_the_same_byte_for_byte() {
    let app = App::start().await;
    let wrong = app.request().with("password", "wrong").send().await;
    let before = app.server.passwords.evaluations();
    let unknown = app
        .request()
        .with("username", "nobody@acme.example")
        .send()
        .await;
    assert_eq!(
        app.server.passwords.evaluations() - before,
        1,
        "an unknown user costs one hash too"
    );
    assert_eq!(wrong.refusal(), WRONG);
    assert_eq!(wrong.body, unknown.body);
    let names = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("date");
        format!("{headers:?}")
    };
    assert_eq!(names(&wrong), names(&unknown));

    let events = log::newest(&app.server.records, &app.tenant, 2)
        .await
        .unwrap();
    let mut types: Vec<_> = events.iter().map(|event| event.event_type).collect();
    types.sort_by_key(|event_type| *event_type as u8);
    assert_eq!(
        types,
        [EventType::WrongPassword, EventType::UnknownUser],
        "the log knows the difference"
    );
}

#[tokio::test]
async fn what_cannot_be_a_password_or_a_name_is_wrong_in_the_same_way() {
    let app = App::start().await;
    let long = "x".repeat(1025);
    for (name, value) in [
        ("password", long.as_str()),
        ("username", &long),
        ("username", "a\u{202e}b"),
    ] {
        let before = app.server.passwords.evaluations();
        assert_eq!(
            app.request().with(name, value).send().await.refusal(),
            WRONG,
            "{name}"
        );
        assert_eq!(app.server.passwords.evaluations() - before, 1, "{name}");
    }
}

#[tokio::test]
async fn a_name_too_long_to_exist_is_a_name_that_does_not_exist() {
    let app = App::start().await;
    let long = "x".repeat(5_000);
    let client = app.request().with("client_id", &long).send().await;
    assert_eq!(
        client.refusal(),
        "401 invalid_client: Client authentication failed"
    );
    let realm = app.request().with("realm", &long).send().await;
    assert_eq!(
        realm.refusal(),
        "400 invalid_request: the connection was not found"
    );
    let audience = app.request().with("audience", &long).send().await;
    assert_eq!(
        (audience.status, audience.text("error")),
        (403, "access_denied")
    );
    assert!(
        audience.text("error_description").len() < 300,
        "and not all of it is reflected"
    );
}

#[tokio::test]
async fn a_missing_or_empty_parameter_is_named() {
    let app = App::start().await;
    for name in ["grant_type", "username", "password"] {
        let missing = format!("400 invalid_request: Missing required parameter: {name}");
        assert_eq!(app.request().without(name).send().await.refusal(), missing);
        assert_eq!(app.request().with(name, "").send().await.refusal(), missing);
    }
}

#[tokio::test]
async fn rfc6749_3_2_a_parameter_sent_twice_is_refused_known_or_not() {
    let app = App::start().await;
    for (name, value) in [("username", "eve"), ("scope", "openid"), ("extra", "1")] {
        let answer = app
            .request()
            .with(name, value)
            .again(name, value)
            .send()
            .await;
        assert_eq!(
            (answer.status, answer.text("error")),
            (400, "invalid_request"),
            "{name}"
        );
    }
    assert_eq!(
        app.request().with("extra", "1").send().await.status,
        200,
        "once, it is ignored"
    );
}

#[tokio::test]
async fn an_unknown_grant_type_is_refused() {
    let app = App::start().await;
    for grant_type in ["authorization_code", "PASSWORD", "password "] {
        let answer = app.request().with("grant_type", grant_type).send().await;
        assert_eq!(
            answer.refusal(),
            "400 unsupported_grant_type: Grant type not supported"
        );
    }
}

#[tokio::test]
async fn a_body_is_what_its_content_type_says() {
    let app = App::start().await;
    let form = "application/x-www-form-urlencoded";
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(33), "]".repeat(33));
    let bodies = [
        ("application/json", "grant_type=password"),
        ("application/json", "{\"grant_type\":"),
        ("application/json", "[]"),
        (
            "application/json",
            r#"{"grant_type":"password","grant_type":"password"}"#,
        ),
        ("application/json", deep.as_str()),
        ("text/plain", "grant_type=password"),
        ("multipart/form-data; boundary=x", "--x--"),
        (form, "grant_type=password&username=%00"),
        (form, "grant_type=password&username=%ff%fe"),
        (form, "grant_type=password&username=%zz"),
    ];
    for (content_type, body) in bodies {
        let answer = app.request().send_raw(content_type, body.to_owned()).await;
        assert_eq!(
            (answer.status, answer.text("error")),
            (400, "invalid_request"),
            "{content_type} {body}"
        );
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_413() {
    let app = App::start().await;
    let answer = app
        .request()
        .with("extra", &"x".repeat(65_536))
        .send()
        .await;
    assert_eq!(
        answer.refusal(),
        "413 invalid_request: the request body is too large"
    );
    let fits = app
        .request()
        .with("extra", &"x".repeat(64_000))
        .send()
        .await;
    assert_eq!(fits.status, 200);
}

#[tokio::test]
async fn rfc6749_3_2_other_methods_than_post_are_405() {
    let app = App::start().await;
    let answer = app.get("/oauth/token").await;
    assert_eq!(
        (answer.status, answer.text("error")),
        (405, "method_not_allowed")
    );
    assert_eq!(answer.header("allow"), "POST");
}

#[tokio::test]
async fn a_blocked_user_is_told_so_only_with_the_right_password() {
    let app = App::start().await;
    users::set_blocked(&app.server, &app.tenant, &app.user.user_id, true)
        .await
        .unwrap();
    assert_eq!(
        app.request().send().await.refusal(),
        "403 unauthorized: user is blocked"
    );
    assert_eq!(
        app.request()
            .with("password", "wrong")
            .send()
            .await
            .refusal(),
        WRONG
    );
}

#[tokio::test]
async fn the_plain_grant_needs_a_default_directory() {
    let app = App::start().await;
    let change = Change {
        default_directory: Some(String::new()),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    assert_eq!(
        app.request().send().await.refusal(),
        "500 server_error: Authorization server not configured with default connection."
    );
    let realm = claimsmith::admin::tenants::FIRST_CONNECTION;
    assert_eq!(
        app.request().with("realm", realm).send().await.status,
        200,
        "SDKs send a realm with it"
    );
}

#[tokio::test]
async fn a_connection_may_be_closed_to_a_client() {
    let app = App::start().await;
    let only = vec!["another-client".to_owned()];
    claimsmith::admin::connections::create(&app.server, &app.tenant, "Staff", only)
        .await
        .unwrap();
    assert_eq!(
        app.request().with("realm", "Staff").send().await.refusal(),
        "400 invalid_request: the connection was disabled"
    );
}

#[tokio::test]
async fn a_tenant_may_choose_the_codes_and_statuses_of_rfc6749() {
    let app = App::start().await;
    let change = Change {
        errors: Some(ErrorProfile::Rfc6749),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    let wrong = app.request().with("password", "wrong").send().await;
    assert_eq!(
        wrong.refusal(),
        "400 invalid_grant: Wrong email or password."
    );
    let audience = app.request().with("audience", "nowhere").send().await;
    assert_eq!(
        (audience.status, audience.text("error")),
        (400, "invalid_target")
    );
    let client = app.request().with("client_secret", "wrong").send().await;
    assert_eq!(
        client.refusal(),
        "401 invalid_client: Client authentication failed"
    );
}

#[tokio::test]
async fn a_stopped_store_is_503_and_nothing_is_said_to_have_happened() {
    let app = App::start().await;
    app.server.close();
    let answer = app.request().with("audience", API).send().await;
    assert_eq!(
        (answer.status, answer.text("error")),
        (503, "temporarily_unavailable")
    );
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    let health = app.get("/health").await;
    assert_eq!(
        (health.status, &health.body["status"]),
        (503, &json!("unavailable"))
    );
}
