//! `POST /dbconnections/…` (contract, section 6.5).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use claimsmith::admin::connections::{self, Change};
use claimsmith::admin::protection;
use claimsmith::admin::tenants::FIRST_CONNECTION;
use claimsmith::clock::Clock as _;
use claimsmith::credential::policy::{Level, PasswordPolicy};
use claimsmith::mail::{MailError, Mailer, Message};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::app::{Answer, App, EMAIL, PASSWORD};

const GOOD: &str = "plinth umbrage kazoo 9";
const SENT: &str = "We've just sent you an email to reset your password.";

/// A mail server that the test reads.
#[derive(Debug)]
struct Recorder(mpsc::UnboundedSender<(String, String)>);

#[async_trait]
impl Mailer for Recorder {
    async fn send(&self, message: Message) -> Result<(), MailError> {
        self.0.send((message.to, message.text)).unwrap();
        Ok(())
    }
}

struct Place {
    app: App,
    mail: Mutex<mpsc::UnboundedReceiver<(String, String)>>,
}

impl Place {
    async fn new() -> Self {
        let (sent, mail) = mpsc::unbounded_channel();
        let app = App::start_with(|config| config.mailer = Arc::new(Recorder(sent))).await;
        Self {
            app,
            mail: Mutex::new(mail),
        }
    }

    async fn post(&self, path: &str, document: &Value) -> Response {
        let url = self.app.url(&format!("/dbconnections/{path}"));
        let request = self.app.http().post(url).header("host", "acme.localhost");
        request.json(document).send().await.unwrap()
    }

    async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let url = self.app.url(&format!("/dbconnections/{path}"));
        let request = self.app.http().post(url).header("host", "acme.localhost");
        request.form(fields).send().await.unwrap()
    }

    fn sign_up(&self, email: &str, password: &str) -> Value {
        json!({
            "client_id": self.app.client_id, "connection": FIRST_CONNECTION,
            "email": email, "password": password,
        })
    }

    async fn ask_for_link(&self, email: &str) -> Response {
        let document = json!({
            "client_id": self.app.client_id, "connection": FIRST_CONNECTION, "email": email,
        });
        self.post("change_password", &document).await
    }

    /// The ticket of the next message, and to whom it went.
    async fn ticket(&self) -> (String, String) {
        let mut mail =
            std::mem::replace(&mut *self.mail.lock().unwrap(), mpsc::unbounded_channel().1);
        let (to, text) = mail.recv().await.unwrap();
        *self.mail.lock().unwrap() = mail;
        let ticket = text.split("?ticket=").nth(1).unwrap();
        (to, ticket.split_whitespace().next().unwrap().to_owned())
    }

    async fn reset(&self, ticket: &str, password: &str) -> Response {
        let document = json!({"ticket": ticket, "new_password": password});
        self.post("reset", &document).await
    }

    async fn set(&self, change: Change) {
        connections::change(&self.app.server, &self.app.tenant, FIRST_CONNECTION, change)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn who_signs_up_can_log_in() {
    let place = Place::new().await;
    let mut document = place.sign_up("Grace@acme.example", GOOD);
    document["given_name"] = json!("Grace");
    document["user_metadata"] = json!({"plan": "basic"});
    let answer = Answer::read(place.post("signup", &document).await).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.text("_id").to_owned();
    assert_eq!(
        answer.body,
        json!({"_id": id, "email": "Grace@acme.example", "email_verified": false,
               "given_name": "Grace", "name": "Grace@acme.example", "nickname": "Grace",
               "user_metadata": {"plan": "basic"}})
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let login = place.app.request().with("username", "grace@acme.example");
    login.with("password", GOOD).send().await.access_token();
}

#[tokio::test]
async fn sign_up_by_form_works_too() {
    let place = Place::new().await;
    let fields = [
        ("client_id", place.app.client_id.as_str()),
        ("connection", FIRST_CONNECTION),
        ("email", "grace@acme.example"),
        ("password", GOOD),
    ];
    assert_eq!(place.post_form("signup", &fields).await.status(), 200);
}

/// The answer to a name that is taken says no more than that to one that cannot be, and costs as
/// much.
#[tokio::test]
async fn a_taken_name_is_an_invalid_sign_up() {
    let place = Place::new().await;
    let invalid = json!({"name": "BadRequestError", "code": "invalid_signup",
                         "description": "Invalid sign up", "statusCode": 400});
    let before = place.app.server.passwords.evaluations();
    for email in [EMAIL, "ADA@acme.example"] {
        let document = place.sign_up(email, GOOD);
        let answer = Answer::read(place.post("signup", &document).await).await;
        assert_eq!((answer.status, &answer.body), (400, &invalid), "{email}");
    }
    assert_eq!(place.app.server.passwords.evaluations() - before, 2);
    let document = place.sign_up("no address", GOOD);
    let answer = Answer::read(place.post("signup", &document).await).await;
    assert_eq!(answer.body, invalid);
    place
        .app
        .request()
        .with("password", PASSWORD)
        .send()
        .await
        .access_token();
}

#[tokio::test]
async fn what_a_connection_asks_for_is_asked_for() {
    let place = Place::new().await;
    place
        .set(Change {
            requires_username: Some(true),
            password_policy: Some(PasswordPolicy {
                level: Level::Excellent,
                min_length: 10,
                ..PasswordPolicy::default()
            }),
            ..Change::default()
        })
        .await;
    let refused = async |document: Value| {
        let answer = Answer::read(place.post("signup", &document).await).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        answer.body
    };
    let missing = refused(place.sign_up("grace@acme.example", GOOD)).await;
    assert_eq!(
        missing["error_description"],
        "Missing required parameter: username"
    );

    let mut document = place.sign_up("grace@acme.example", "aaa");
    document["username"] = json!("grace");
    let kind = |code: &str, message: &str, verified: bool| json!({"code": code, "message": message, "verified": verified});
    assert_eq!(
        refused(document.clone()).await,
        json!({"code": "invalid_password", "name": "PasswordStrengthError", "statusCode": 400,
            "message": "Password is too weak",
            "description": {"verified": false, "rules": [
                {"code": "lengthAtLeast", "format": [10], "message": "At least %d characters in length", "verified": false},
                {"code": "containsAtLeast", "format": [3, 4], "message": "Contain at least %d of the following %d types of characters:", "verified": false, "items": [
                    kind("lowerCase", "lower case letters (a-z)", true),
                    kind("upperCase", "upper case letters (A-Z)", false),
                    kind("numbers", "numbers (i.e. 0-9)", false),
                    kind("specialCharacters", "special characters (e.g. !@#$%^&*)", false)]},
                {"code": "identicalChars", "format": [2, "aaa"], "message": "No more than %d identical characters in a row (e.g., \"%s\" not allowed)", "verified": false}]}})
    );
    for (password, name) in [
        ("Password123!", "PasswordDictionaryError"),
        ("Grace Kazoo 77 !", "PasswordNoUserInfoError"),
    ] {
        document["password"] = json!(password);
        assert_eq!(refused(document.clone()).await["name"], name);
    }

    place
        .set(Change {
            disable_signup: Some(true),
            ..Change::default()
        })
        .await;
    document["password"] = json!("Umbrage plinth 9!");
    assert_eq!(refused(document).await["code"], "public_signup_disabled");
}

#[tokio::test]
async fn what_strangers_may_write_is_bounded() {
    let place = Place::new().await;
    let many: serde_json::Map<String, Value> = (0..11)
        .map(|number| (number.to_string(), json!("x")))
        .collect();
    for metadata in [
        Value::Object(many),
        json!({"a": "x".repeat(501)}),
        json!({"x".repeat(101): "a"}),
        json!({"a": 1}),
        json!({"a": {"b": "c"}}),
        json!("text"),
    ] {
        let mut document = place.sign_up("grace@acme.example", GOOD);
        document["user_metadata"] = metadata;
        let answer = place.post("signup", &document).await;
        assert_eq!(answer.status(), 400, "{document}");
    }
    let mut document = place.sign_up("grace@acme.example", GOOD);
    document["client_id"] = json!("nobody");
    assert_eq!(place.post("signup", &document).await.status(), 401);
    let mut document = place.sign_up("grace@acme.example", GOOD);
    document["connection"] = json!("nowhere");
    assert_eq!(place.post("signup", &document).await.status(), 400);
}

#[tokio::test]
async fn sign_ups_from_one_address_are_throttled() {
    let place = Place::new().await;
    for number in 0..50 {
        let document = place.sign_up(&format!("no address {number}"), GOOD);
        assert_eq!(place.post("signup", &document).await.status(), 400);
    }
    let document = place.sign_up("grace@acme.example", GOOD);
    let answer = Answer::read(place.post("signup", &document).await).await;
    let expected = "429 too_many_requests: Rate limit exceeded. Please retry after some time.";
    assert_eq!(answer.refusal(), expected);
    assert_eq!(answer.header("retry-after"), "2");
}

#[tokio::test]
async fn a_link_sets_a_new_password_once() {
    let place = Place::new().await;
    let app = &place.app;
    let later = app.clock.now().plus_secs(60);
    app.clock.set(later);
    let answer = place.ask_for_link("ADA@acme.example").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), SENT);
    let (to, ticket) = place.ticket().await;
    assert_eq!(to, EMAIL, "the address on file");

    // A password that does not fit does not use the link up.
    assert_eq!(place.reset(&ticket, "short").await.status(), 400);
    app.request().send().await.access_token();

    let answer = place.reset(&ticket, GOOD).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "Your password was changed.");
    let old = app.request().send().await;
    assert_eq!(old.refusal(), "403 invalid_grant: Wrong email or password.");
    app.request()
        .with("password", GOOD)
        .send()
        .await
        .access_token();
    let stored: Option<claimsmith::store::Stored<claimsmith::credential::PasswordRecord>> = app
        .server
        .records
        .get(&[app.tenant.as_str(), &app.user.user_id])
        .await
        .unwrap();
    assert_eq!(
        stored.unwrap().record.set_at,
        later,
        "what refresh tokens compare with"
    );

    let again = Answer::read(place.reset(&ticket, "another plinth umbrage").await).await;
    let used = "400 invalid_request: The link is not valid, was used or has expired.";
    assert_eq!(again.refusal(), used);
}

#[tokio::test]
async fn of_two_uses_at_once_one_wins() {
    let place = Place::new().await;
    place.ask_for_link(EMAIL).await;
    let (_, ticket) = place.ticket().await;
    let (one, two) = tokio::join!(
        place.reset(&ticket, "first umbrage plinth 1"),
        place.reset(&ticket, "second umbrage plinth 2")
    );
    let mut statuses = [one.status().as_u16(), two.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_link_ends_by_time_and_by_a_later_password() {
    let place = Place::new().await;
    let app = &place.app;
    place.ask_for_link(EMAIL).await;
    let (_, expired) = place.ticket().await;
    app.clock.set(app.clock.now().plus_secs(3_600));
    assert_eq!(place.reset(&expired, GOOD).await.status(), 400);

    place.ask_for_link(EMAIL).await;
    let (_, first) = place.ticket().await;
    place.ask_for_link(EMAIL).await;
    let (_, second) = place.ticket().await;
    assert_eq!(place.reset(&second, GOOD).await.status(), 200);
    assert_eq!(
        place.reset(&first, "another plinth umbrage").await.status(),
        400
    );
    for made_up in ["", "x", &"A".repeat(43)] {
        assert_eq!(place.reset(made_up, GOOD).await.status(), 400, "{made_up}");
    }
}

/// Nobody learns whether an address has an account, and nobody's mailbox is filled.
#[tokio::test]
async fn an_unknown_address_reads_the_same_and_gets_nothing() {
    let place = Place::new().await;
    for email in ["nobody@acme.example", "no address", EMAIL] {
        let answer = place.ask_for_link(email).await;
        assert_eq!(answer.status(), 200, "{email}");
        assert_eq!(answer.text().await.unwrap(), SENT, "{email}");
    }
    let (to, _) = place.ticket().await;
    assert_eq!(to, EMAIL, "the only message");
    for _ in 0..4 {
        place.ask_for_link(EMAIL).await;
        place.ticket().await;
    }
    // The sixth within the hour is not sent. A message to another user, asked for later, is next.
    place.ask_for_link(EMAIL).await;
    place.app.add_user("grace@acme.example", GOOD).await;
    place.ask_for_link("grace@acme.example").await;
    let (to, _) = place.ticket().await;
    assert_eq!(to, "grace@acme.example");
}

#[tokio::test]
async fn a_former_password_is_refused_if_the_connection_says_so() {
    let place = Place::new().await;
    let password_policy = PasswordPolicy {
        history: 2,
        dictionary: false,
        ..PasswordPolicy::default()
    };
    place
        .set(Change {
            password_policy: Some(password_policy),
            ..Change::default()
        })
        .await;
    let mut clock = place.app.clock.now();
    for (password, status) in [
        (PASSWORD, 400),
        ("umbrage one plinth", 200),
        (PASSWORD, 400),
        ("umbrage two plinth", 200),
        ("umbrage one plinth", 400),
        ("umbrage three plinth", 200),
        (PASSWORD, 200),
    ] {
        clock = clock.plus_secs(3_600);
        place.app.clock.set(clock);
        place.ask_for_link(EMAIL).await;
        let (_, ticket) = place.ticket().await;
        let answer = place.reset(&ticket, password).await;
        assert_eq!(answer.status(), status, "{password}");
        if status == 400 {
            let body: Value = answer.json().await.unwrap();
            assert_eq!(body["name"], "PasswordHistoryError");
        }
    }
}

/// Guesses until the user is blocked, and one more.
async fn block(place: &Place) {
    for _ in 0..11 {
        place.app.request().with("password", "wrong").send().await;
    }
    assert_eq!(place.app.request().send().await.status, 429);
}

#[tokio::test]
async fn a_new_password_lifts_a_block() {
    let place = Place::new().await;
    block(&place).await;
    // A link that only lifts the block.
    place.ticket().await;
    place.ask_for_link(EMAIL).await;
    let (_, ticket) = place.ticket().await;
    assert_eq!(place.reset(&ticket, GOOD).await.status(), 200);
    place
        .app
        .request()
        .with("password", GOOD)
        .send()
        .await
        .access_token();
}

#[tokio::test]
async fn who_is_blocked_gets_one_message_with_a_link_that_lifts_the_block_once() {
    let place = Place::new().await;
    block(&place).await;
    let (to, ticket) = place.ticket().await;
    assert_eq!(to, EMAIL);
    let lift = async |ticket: &str| {
        let lifted = place.post_form("unblock", &[("ticket", ticket)]).await;
        (lifted.status().as_u16(), lifted.text().await.unwrap())
    };
    let bad = |(status, text): (u16, String)| status == 400 && text.contains("was used or has");
    assert!(bad(lift("wrong").await));
    // Each kind of link is good for its own purpose.
    let reset = Answer::read(place.reset(&ticket, GOOD).await).await;
    assert_eq!(reset.text("error"), "invalid_request");
    assert_eq!(place.app.request().send().await.status, 429);

    assert_eq!(
        lift(&ticket).await,
        (200, "You can log in again.".to_owned())
    );
    // Events of one millisecond have no order.
    place.app.later(1);
    place.app.request().send().await.access_token();
    assert_eq!(place.app.newest_event().await["type"], json!("sepft"));
    block(&place).await;
    assert!(bad(lift(&ticket).await), "it was used");
    // One message for each block, however many attempts came after it.
    let (_, second) = place.ticket().await;
    assert_ne!(second, ticket);
    assert!(place.mail.lock().unwrap().try_recv().is_err());
    // And it is gone with the block.
    let days = claimsmith::credential::guard::BLOCK_SECS;
    place.app.later(days + 1);
    assert!(bad(lift(&second).await));
}

#[tokio::test]
async fn nobody_gets_mail_for_a_name_that_nobody_has_or_where_the_tenant_wants_none() {
    let place = Place::new().await;
    for _ in 0..11 {
        let guess = place.app.request().with("username", "nobody@acme.example");
        guess.with("password", "wrong").send().await;
    }
    let quiet = json!({"brute_force_protection": {"shields": ["block"]}});
    let (server, tenant) = (&place.app.server, &place.app.tenant);
    protection::change(server, tenant, quiet.as_object().unwrap())
        .await
        .unwrap();
    block(&place).await;
    protection::unblock(server, tenant, EMAIL, None)
        .await
        .unwrap();
    let loud = json!({"brute_force_protection": {"shields": ["block", "user_notification"]}});
    protection::change(server, tenant, loud.as_object().unwrap())
        .await
        .unwrap();
    block(&place).await;
    // The first message there is is that of the third block.
    let (to, ticket) = place.ticket().await;
    assert_eq!(to, EMAIL);
    assert!(place.mail.lock().unwrap().try_recv().is_err());
    let lifted = place.post_form("unblock", &[("ticket", &ticket)]).await;
    assert_eq!(lifted.status(), 200);
}

#[tokio::test]
async fn blocks_at_many_addresses_do_not_fill_a_mailbox() {
    let (sent, mail) = mpsc::unbounded_channel();
    let app = App::start_with(|config| {
        config.mailer = Arc::new(Recorder(sent));
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let place = Place {
        app,
        mail: Mutex::new(mail),
    };
    let url = place.app.url("/oauth/token");
    for address in 1..=8 {
        for _ in 0..10 {
            let fields = [
                ("grant_type", "password"),
                ("username", EMAIL),
                ("password", "wrong"),
                ("client_id", &place.app.client_id),
                ("client_secret", &place.app.client_secret),
            ];
            let request = place.app.http().post(&url).header("host", "acme.localhost");
            let request = request.header("x-forwarded-for", format!("192.0.2.{address}"));
            let answer = request.form(&fields).send().await.unwrap();
            assert_eq!(answer.status(), 403);
        }
    }
    let mut tickets = Vec::new();
    for _ in 0..5 {
        tickets.push(place.ticket().await.1);
    }
    // A link lifts the block of one address.
    let (server, tenant) = (&place.app.server, &place.app.tenant);
    assert_eq!(
        protection::blocks(server, tenant, EMAIL)
            .await
            .unwrap()
            .len(),
        8
    );
    let lifted = place.post_form("unblock", &[("ticket", &tickets[2])]).await;
    assert_eq!(lifted.status(), 200);
    let left = protection::blocks(server, tenant, EMAIL).await.unwrap();
    assert_eq!(left.len(), 7);
    // The three others would have been written by now: what a link to a new password says comes last.
    place.ask_for_link(EMAIL).await;
    let (_, ticket) = place.ticket().await;
    assert_eq!(place.reset(&ticket, GOOD).await.status(), 200);
}

#[tokio::test]
async fn the_forms_pages_take_a_ticket_and_nothing_else() {
    for page in ["reset", "unblock"] {
        takes_a_ticket_and_nothing_else(page).await;
    }
}

async fn takes_a_ticket_and_nothing_else(page: &str) {
    let place = Place::new().await;
    let get = async |query: &str| {
        let url = place.app.url(&format!("/dbconnections/{page}{query}"));
        let request = place.app.http().get(url).header("host", "acme.localhost");
        request.send().await.unwrap()
    };
    let page = get("?ticket=abc_DEF-1").await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["referrer-policy"], "no-referrer");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; form-action 'self'"));
    assert!(page.text().await.unwrap().contains("value=\"abc_DEF-1\""));
    for query in ["", "?ticket=", "?ticket=%22%3E%3Cscript%3E", "?other=1"] {
        assert_eq!(get(query).await.status(), 400, "{query}");
    }
}
