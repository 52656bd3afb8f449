//! `/api/v2/log-streams`, and what receivers get.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimsmith::log::{EventType, LogEvent};
use claimsmith::webhook::{self, WebhookSettings};
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::manager::Manager;
use crate::support::upstream::{HOST, Reply, Seen, Upstream, network, ok, redirect, with_status};

/// Deliveries that fail are tried again soon.
const SETTINGS: WebhookSettings = WebhookSettings {
    timeout: Duration::from_secs(20),
    first_pause: Duration::from_millis(4),
    longest_pause: Duration::from_millis(16),
    give_up_after: Duration::from_secs(3 * 86_400),
};

async fn app(settings: WebhookSettings) -> App {
    App::start_with(|config| {
        config.webhooks = settings;
        config.network = network();
    })
    .await
}

/// Delivers until it is dropped, as a running server does.
struct Delivering(tokio::task::JoinHandle<()>);

impl Drop for Delivering {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn deliver(app: &App) -> Delivering {
    let server = Arc::clone(&app.server);
    Delivering(tokio::spawn(async move {
        webhook::deliver_always(&server).await;
    }))
}

fn stream(receiver: &Upstream) -> Value {
    json!({
        "name": "ours",
        "type": "http",
        "sink": {
            "httpEndpoint": format!("https://{HOST}:{}/events?a=b", receiver.port),
            "httpContentFormat": "JSONLINES",
            "httpContentType": "application/x-ndjson",
            "httpAuthorization": "Bearer of-the-receiver",
            "httpCustomHeaders": [{ "header": "x-team", "value": "blue" }],
        },
    })
}

async fn create(manager: &Manager<'_>, stream: &Value) -> (String, String) {
    let made = manager.post("/log-streams", stream).await.document(200);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("signing_secret"))
}

async fn write(app: &App, event_type: EventType) -> String {
    app.clock.set(app.server.clock.now().plus_millis(1));
    let event = LogEvent::new(event_type, app.server.clock.now());
    let id = event.log_id.clone();
    app.server.log.write(&app.tenant, event).await.unwrap();
    id
}

/// The `log_id`s of a delivery.
fn ids(seen: &Seen) -> Vec<String> {
    let text = std::str::from_utf8(&seen.body).unwrap();
    text.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["log_id"], line["data"]["log_id"]);
            line["log_id"].as_str().unwrap().to_owned()
        })
        .collect()
}

/// Waits until something is so, moving the clock, so that what is to be tried later is.
async fn until(app: &App, mut so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !so().await {
        assert!(begun.elapsed().as_secs() < 60, "it comes about");
        app.clock.set(app.server.clock.now().plus_millis(20));
        tokio::task::yield_now().await;
    }
}

/// As a receiver checks it, with what it was given.
fn check(secret: &str, seen: &Seen) {
    let header = |name| seen.header(name).unwrap();
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = [
        header("webhook-id").as_bytes(),
        header("webhook-timestamp").as_bytes(),
        &seen.body,
    ]
    .join(&b'.');
    let signature = header("webhook-signature").strip_prefix("v1,").unwrap();
    hmac::verify(&key, &signed, &STANDARD.decode(signature).unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_delivered_signed_and_in_order() {
    let app = app(SETTINGS).await;
    let receiver = Upstream::start(|_| ok("thanks")).await;
    let manager = app.manager().await;
    let (id, secret) = create(&manager, &stream(&receiver)).await;
    let _delivering = deliver(&app);
    let shown = manager
        .get(&format!("/log-streams/{id}"))
        .await
        .document(200);
    assert!(!shown.to_string().contains("of-the-receiver"), "{shown}");
    assert_eq!(shown.get("signing_secret"), None);
    assert_eq!(app.request().send().await.status, 200);
    let mut written = Vec::new();
    for _ in 0..40 {
        written.push(write(&app, EventType::WrongPassword).await);
    }
    let delivered = || receiver.seen().iter().flat_map(ids).collect::<Vec<_>>();
    until(&app, async || delivered().last() == written.last()).await;
    let delivered = delivered();
    // Before them: that the stream was made, and the login.
    assert_eq!(delivered.len(), written.len() + 2);
    assert_eq!(delivered[2..], written);
    assert!(receiver.seen().len() < written.len(), "in batches");
    for seen in receiver.seen() {
        assert_eq!(seen.line(), "POST /events?a=b");
        assert_eq!(seen.header("authorization"), Some("Bearer of-the-receiver"));
        assert_eq!(seen.header("content-type"), Some("application/x-ndjson"));
        assert_eq!(seen.header("x-team"), Some("blue"));
        check(&secret, &seen);
    }
    let first = receiver.seen()[0].clone();
    let login = std::str::from_utf8(&first.body).unwrap().lines().nth(1);
    if let Some(login) = login {
        let login: Value = serde_json::from_str(login).unwrap();
        assert_eq!(login["data"]["type"], "sepft");
        assert_eq!(login["data"]["client_name"], "Till");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_redirects_or_hangs_up_gets_every_event_in_the_end() {
    let app = app(SETTINGS).await;
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let elsewhere = Upstream::start(|_| ok("")).await;
    let port = elsewhere.port;
    let receiver = Upstream::start(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => with_status("500 Internal Server Error", "", "oh"),
        1 => redirect(307, &format!("https://{HOST}:{port}/")),
        2 => Reply::Raw(Vec::new()),
        3 => with_status("429 Too Many Requests", "retry-after: 0\r\n", ""),
        _ => ok(""),
    })
    .await;
    let manager = app.manager().await;
    let (id, secret) = create(&manager, &stream(&receiver)).await;
    let written = [
        write(&app, EventType::TokenIssued).await,
        write(&app, EventType::WrongPassword).await,
    ];
    let _delivering = deliver(&app);
    until(&app, async || tries.load(Ordering::SeqCst) >= 5).await;
    let path = format!("/log-streams/{id}");
    until(&app, async || {
        manager.get(&path).await.body["failures"] == 0
    })
    .await;
    let seen = receiver.seen();
    // The same message each time, but for when it was sent and what that signs.
    for attempt in &seen {
        assert_eq!(attempt.body, seen[0].body);
        assert_eq!(attempt.header("webhook-id"), seen[0].header("webhook-id"));
        check(&secret, attempt);
    }
    assert_eq!(ids(&seen[4])[1..], written);
    assert!(
        elsewhere.seen().is_empty(),
        "what is signed for one goes to no other"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_is_given_up_after_its_time_and_asked_again() {
    let app = app(WebhookSettings {
        timeout: Duration::from_millis(300),
        ..SETTINGS
    })
    .await;
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let receiver = Upstream::start(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Reply::Stall(b"HTTP/1.1 200 OK\r\n".to_vec()),
        _ => ok(""),
    })
    .await;
    let manager = app.manager().await;
    let (id, _) = create(&manager, &stream(&receiver)).await;
    let _delivering = deliver(&app);
    let path = format!("/log-streams/{id}");
    until(&app, async || {
        let shown = manager.get(&path).await.document(200);
        shown["last_error"]
            .as_str()
            .is_some_and(|error| error.contains("no answer within"))
    })
    .await;
    until(&app, async || {
        tries.load(Ordering::SeqCst) >= 3 && manager.get(&path).await.body["failures"] == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_days_it_is_suspended_and_goes_on_where_it_stopped_once_it_is_made_active() {
    let app = app(SETTINGS).await;
    let works = Arc::new(AtomicUsize::new(0));
    let answers = Arc::clone(&works);
    let receiver = Upstream::start(move |_| match answers.load(Ordering::SeqCst) {
        0 => with_status("503 Service Unavailable", "", ""),
        _ => ok(""),
    })
    .await;
    let manager = app.manager().await;
    let (id, _) = create(&manager, &stream(&receiver)).await;
    let _delivering = deliver(&app);
    let path = format!("/log-streams/{id}");
    until(&app, async || !receiver.seen().is_empty()).await;
    // The token lives for a day: another administrator comes later.
    app.later(3 * 86_400);
    let manager = app.manager().await;
    until(&app, async || {
        manager.get(&path).await.body["status"] == "suspended"
    })
    .await;
    let shown = manager.get(&path).await.document(200);
    assert_eq!(shown["last_error"], "the receiver answered 503");
    let warned = manager.get("/logs?q=type:w").await.document(200);
    let said = warned[0]["description"].as_str().unwrap();
    assert!(
        said.contains("`ours`") && said.contains("answered 503"),
        "{said}"
    );
    let before = receiver.seen().len();
    let missed = write(&app, EventType::TokenIssued).await;
    works.store(1, Ordering::SeqCst);
    let changed = manager.patch(&path, &json!({ "status": "active" })).await;
    assert_eq!(changed.document(200)["failures"], 0);
    until(&app, async || {
        let seen = receiver.seen();
        seen[before..].iter().flat_map(ids).any(|id| id == missed)
    })
    .await;
    let again = ids(&receiver.seen()[before]);
    assert_eq!(
        again[0],
        ids(&receiver.seen()[0])[0],
        "from the first that it did not get"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_delivers_next_goes_on_from_the_cursor() {
    let app = app(SETTINGS).await;
    let receiver = Upstream::start(|_| ok("")).await;
    let manager = app.manager().await;
    create(&manager, &stream(&receiver)).await;
    let mut written = Vec::new();
    for round in 0..6 {
        let delivering = deliver(&app);
        for _ in 0..10 {
            written.push(write(&app, EventType::TokenIssued).await);
        }
        let delivered = || receiver.seen().iter().flat_map(ids).collect::<Vec<_>>();
        // Cut off in the middle of it.
        until(&app, async || delivered().len() > round * 10 + 3).await;
        drop(delivering);
    }
    let _delivering = deliver(&app);
    let count = || {
        let mut counts = BTreeMap::new();
        for id in receiver.seen().iter().flat_map(ids) {
            *counts.entry(id).or_insert(0) += 1;
        }
        counts
    };
    until(&app, async || {
        let counts = count();
        written.iter().all(|id| counts.contains_key(id))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_pauses_and_starts_in_the_past_are_kept() {
    let app = app(SETTINGS).await;
    let receiver = Upstream::start(|_| ok("")).await;
    let manager = app.manager().await;
    let early = write(&app, EventType::WrongPassword).await;
    write(&app, EventType::TokenIssued).await;
    let mut new = stream(&receiver);
    new["filters"] = json!([{ "type": "category", "name": "auth.login.fail" }]);
    new["startFrom"] = json!("2026-11-23T12:00:00.000Z");
    let (id, _) = create(&manager, &new).await;
    let _delivering = deliver(&app);
    let delivered = || receiver.seen().iter().flat_map(ids).collect::<Vec<_>>();
    until(&app, async || delivered() == [early.clone()]).await;
    let path = format!("/log-streams/{id}");
    let paused = manager.patch(&path, &json!({ "status": "paused" })).await;
    assert_eq!(paused.document(200)["status"], "paused");
    let late = write(&app, EventType::UnknownUser).await;
    write(&app, EventType::TokenIssued).await;
    let listed = manager.get("/log-streams").await.document(200);
    assert_eq!(listed[0]["filters"], new["filters"]);
    assert_eq!(delivered().len(), 1);
    let active = json!({ "status": "active", "sink": { "httpContentFormat": "JSONOBJECT" } });
    let active = manager.patch(&path, &active).await.document(200);
    assert_eq!(active["sink"]["httpContentType"], "application/x-ndjson");
    until(&app, async || delivered().contains(&late)).await;
    // At least once: the pause may have come before it was noted that the first had arrived.
    let mut once = delivered();
    once.dedup();
    assert_eq!(once, [early, late]);
    manager.delete(&path).await.document(204);
    assert_eq!(manager.get(&path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_inside_is_not_reached_unless_the_operator_opened_it() {
    // The same network, and nothing opened.
    let app = App::start_with(|config| {
        config.webhooks = SETTINGS;
        config.network = network();
        config.network.may_reach = Vec::new();
    })
    .await;
    let receiver = Upstream::start(|_| ok("")).await;
    let manager = app.manager().await;
    let (id, _) = create(&manager, &stream(&receiver)).await;
    let _delivering = deliver(&app);
    let path = format!("/log-streams/{id}");
    until(&app, async || {
        manager.get(&path).await.body["failures"].as_u64() > Some(1)
    })
    .await;
    let shown = manager.get(&path).await.document(200);
    let error = shown["last_error"].as_str().unwrap();
    assert!(error.contains("loopback"), "{error}");
    assert!(receiver.seen().is_empty());
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused_by_name() {
    let app = App::start().await;
    let manager = app.manager().await;
    let receiver = Upstream::start(|_| ok("")).await;
    let good = stream(&receiver);
    for (member, value, said) in [
        ("httpEndpoint", json!("http://hooks.example/"), "use https"),
        ("httpEndpoint", json!("hooks.example"), "no absolute URL"),
        (
            "httpEndpoint",
            json!("https://a:b@hooks.example/"),
            "httpAuthorization",
        ),
        ("httpAuthorization", json!("a\r\nb: c"), "value of a header"),
        (
            "httpCustomHeaders",
            json!([{ "header": "webhook-signature", "value": "x" }]),
            "not for you to set",
        ),
        ("httpContentFormat", json!("XML"), "No enum match for: XML"),
    ] {
        let mut bad = good.clone();
        bad["sink"][member] = value;
        let refused = manager.post("/log-streams", &bad).await.refused();
        assert!(
            refused.starts_with("400 ") && refused.contains(said),
            "{refused}"
        );
    }
    let mut bad = good.clone();
    bad["startFrom"] = json!("yesterday");
    let refused = manager.post("/log-streams", &bad).await.refused();
    assert!(refused.contains("startFrom"), "{refused}");
    for _ in 0..10 {
        manager.post("/log-streams", &good).await.document(200);
    }
    let refused = manager.post("/log-streams", &good).await.refused();
    assert!(refused.contains("at most 10"), "{refused}");
}
