//! `/api/v2/log-events`: the log as it is written.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use claimsmith::admin::client_grants;
use claimsmith::client_grant::SubjectType;
use claimsmith::http::accept::{self, ConnectionLimits};
use claimsmith::log::{EventType, LogEvent, StreamLimits};
use claimsmith::rule_host::{Level, LogLine, OnFault, Outcome, Report, RuleReport};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use crate::support::app::App;

/// A server whose streams say often that they are there.
async fn app() -> App {
    start(StreamLimits {
        heartbeat: Duration::from_millis(20),
        ..StreamLimits::default()
    })
    .await
}

async fn start(streams: StreamLimits) -> App {
    App::start_with(|config| {
        config.streams = streams;
        config.limits.deadline = Duration::from_secs(60);
    })
    .await
}

async fn bind(app: &App, name: &str, line: &str) {
    let source = format!(
        "function rule(user, context, callback) {{ console.log('{line}'); callback(null, user, context); }}"
    );
    app.bind_rule(name, source.into_bytes(), OnFault::Deny)
        .await;
}

#[tokio::test]
async fn a_login_is_seen_at_once_with_what_its_rules_wrote() {
    let app = app().await;
    bind(&app, "first", "hello from the first").await;
    bind(&app, "second", "and the second").await;
    let manager = app.manager().await;
    let mut all = manager.follow("", None).await;
    let mut second = manager.follow("?rule=second", None).await;
    let mut wrong = manager.follow("?type=fp,fu", None).await;
    assert_eq!(app.request().send().await.status, 200);
    app.later(1);
    app.request().with("password", "wrong").send().await;

    let event = all.log().await;
    assert_eq!(event.data["data"]["type"], "sepft");
    let path = format!("/logs/{}", event.id);
    assert_eq!(
        manager.get(&path).await.document(200),
        event.data["data"],
        "the same event, with the same names"
    );
    let rules = event.data["rules"].as_array().unwrap();
    let shown = |at: usize| (&rules[at]["rule"], &rules[at]["logs"]);
    assert_eq!(
        shown(0),
        (
            &json!("first"),
            &json!([{ "level": "info", "message": "hello from the first" }])
        )
    );
    assert_eq!(rules[1]["rule"], "second");
    assert_eq!(rules[1]["outcome"], json!({ "kind": "allowed" }));
    assert!(rules[1]["fuel"].as_u64().unwrap() > 0);
    assert_eq!(all.log().await.data["data"]["type"], "fp");

    let event = second.log().await;
    let rules = event.data["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["logs"][0]["message"], "and the second");
    // The first thing that this one is sent is the wrong password.
    assert_eq!(wrong.log().await.data["data"]["type"], "fp");

    let silent = manager.follow("?follow=false", None).await;
    assert_eq!({ silent }.end().await, "caught_up");
    let mut last = manager
        .follow("?last=1&rule=first&follow=false", None)
        .await;
    assert_eq!(last.log().await.id, event.id);
    assert_eq!(last.end().await, "caught_up");
}

#[tokio::test]
async fn what_rules_wrote_is_for_who_may_read_exchanges() {
    let app = app().await;
    bind(&app, "first", "personal").await;
    let manager = app.manager_with(Some(&["read:logs"])).await;
    let mut events = manager.follow("", None).await;
    app.request().send().await;
    let event = events.log().await;
    assert_eq!(event.data.get("rules"), None);
    assert!(!event.data.to_string().contains("personal"));
    let refused = manager.get("/log-events?rule=first").await.refused();
    assert_eq!(
        refused,
        "403 insufficient_scope: Insufficient scope, expected any of: read:exchanges"
    );
    let refused = manager.get("/log-events?type=sepft,xx").await.refused();
    assert!(refused.contains("there is no type `xx`"), "{refused}");
    let refused = manager.get("/log-events?after=x").await.refused();
    assert!(refused.starts_with("400 invalid_query_string"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_cut_off_again_and_again_misses_nothing_and_sees_nothing_twice() {
    const LOGINS: usize = 60;
    let app = app().await;
    let manager = app.manager().await;
    let first = manager.get("/logs").await.document(200)[0]["log_id"].clone();
    let logins = async {
        let mut busy = futures_util::stream::FuturesUnordered::new();
        for number in 0..LOGINS {
            let password = if number % 3 == 0 {
                "wrong"
            } else {
                crate::support::app::PASSWORD
            };
            busy.push(app.request().with("password", password).send());
            if number % 7 == 6 {
                app.clock.set(app.server.clock.now().plus_millis(1));
                while busy.next().await.is_some() {}
            }
        }
        while busy.next().await.is_some() {}
    };
    let reading = async {
        let mut seen = Vec::new();
        let mut last = first.as_str().unwrap().to_owned();
        let mut length = 1;
        while seen.len() < LOGINS {
            let mut events = manager.follow("", Some(&last)).await;
            for _ in 0..length.min(LOGINS - seen.len()) {
                last = events.log().await.id;
                seen.push(last.clone());
            }
            length = length % 5 + 1;
        }
        seen
    };
    let ((), seen) = futures_util::future::join(logins, reading).await;
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(distinct.len(), LOGINS, "none twice");
    let all = manager.get("/logs?per_page=100").await.document(200);
    let written: BTreeSet<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["log_id"].as_str().unwrap())
        .filter(|id| *id != first)
        .collect();
    let distinct: BTreeSet<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(distinct, written);
}

#[tokio::test]
async fn an_exchange_that_took_long_is_behind_those_that_ended_before_it() {
    let app = app().await;
    let manager = app.manager().await;
    let begun = LogEvent::new(EventType::TokenIssued, app.server.clock.now());
    app.later(5);
    let quick = LogEvent::new(EventType::WrongPassword, app.server.clock.now());
    app.server
        .log
        .write(&app.tenant, quick.clone())
        .await
        .unwrap();
    let mut events = manager.follow("", Some(&quick.log_id)).await;
    app.server
        .log
        .write(&app.tenant, begun.clone())
        .await
        .unwrap();
    assert_eq!(events.log().await.id, begun.log_id);
    let page = format!("/logs?from={}&take=5", quick.log_id);
    let page = manager.get(&page).await.document(200);
    assert_eq!(page[0]["log_id"], begun.log_id.as_str());
}

#[tokio::test]
async fn a_stream_ends_with_the_token_and_with_the_right() {
    let app = app().await;
    let (early, late) = (app.manager().await, app.manager().await);
    let mut first = early.follow("", None).await;
    let mut second = late.follow("", None).await;
    // Nobody writes to this log meanwhile; it ends all the same.
    let (client_id, management) = (early.client_id.as_str(), app.management());
    let of = (client_id, SubjectType::Client, management.as_str());
    client_grants::delete(&app.server, &app.tenant, of)
        .await
        .unwrap();
    assert_eq!(first.end().await, "forbidden");
    assert_eq!(second.next_block().await.unwrap().comment, "still here");
    app.later(86_400);
    assert_eq!(second.end().await, "token_expired");
}

#[tokio::test]
async fn as_many_follow_as_may_and_a_place_that_is_left_is_free() {
    let app = start(StreamLimits {
        per_tenant: 2,
        ..StreamLimits::default()
    })
    .await;
    let manager = app.manager().await;
    let one = manager.follow("", None).await;
    let two = manager.follow("", None).await;
    let refused = manager.get("/log-events").await;
    assert_eq!(refused.header("retry-after"), "10");
    assert!(refused.refused().starts_with("429 too_many_requests"));
    drop(one);
    // The server notices when it next writes to it.
    loop {
        app.server
            .log
            .write(
                &app.tenant,
                LogEvent::new(EventType::WrongPassword, app.server.clock.now()),
            )
            .await
            .unwrap();
        if app.server.log.follow(&app.tenant).is_ok() {
            break;
        }
    }
    drop(two);
}

/// An event of about 100 KiB.
fn large(app: &App) -> LogEvent {
    let line = LogLine {
        level: Level::Info,
        message: "x".repeat(1_000),
    };
    let rule = RuleReport {
        rule: "verbose".to_owned(),
        action: None,
        version: 1,
        outcome: Outcome::Allowed,
        effects: Vec::new(),
        logs: vec![line; 100],
        logs_dropped: 0,
        fetches: Vec::new(),
        keys_read: Vec::new(),
        fuel: 0,
        memory_bytes: 0,
        duration_us: 0,
    };
    LogEvent {
        rules: Some(Report {
            rules: vec![rule],
            ..Report::default()
        }),
        ..LogEvent::new(EventType::TokenIssued, app.server.clock.now())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_loses_its_place_and_holds_nobody_up() {
    let app = start(StreamLimits {
        per_tenant: 1,
        ..StreamLimits::default()
    })
    .await;
    let manager = app.manager().await;
    let (address, stop, served) = front_door(
        &app,
        ConnectionLimits {
            write_timeout: Duration::from_millis(200),
            ..ConnectionLimits::default()
        },
    )
    .await;
    let mut idle = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /api/v2/log-events HTTP/1.1\r\nhost: acme.localhost\r\nauthorization: Bearer {}\r\n\r\n",
        manager.token
    );
    idle.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    assert!(app.server.log.follow(&app.tenant).is_err());
    // More than the kernel keeps for two sockets.
    for _ in 0..150 {
        app.server
            .log
            .write(&app.tenant, large(&app))
            .await
            .unwrap();
    }
    assert_eq!(
        app.request().send().await.status,
        200,
        "a login does not wait"
    );
    while app.server.log.follow(&app.tenant).is_err() {
        tokio::task::yield_now().await;
    }
    drop(stop);
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_that_left_what_it_was_sent_is_told_so() {
    // No patience at all: everybody is too slow.
    let app = start(StreamLimits {
        patience: Duration::ZERO,
        ..StreamLimits::default()
    })
    .await;
    let manager = app.manager().await;
    assert_eq!(manager.follow("", None).await.end().await, "too_slow");
}

type Door = (
    std::net::SocketAddr,
    oneshot::Sender<()>,
    tokio::task::JoinHandle<std::io::Result<()>>,
);

/// One more front door to the same server, with limits of its own.
async fn front_door(app: &App, limits: ConnectionLimits) -> Door {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let router = claimsmith::http::router(Arc::clone(&app.server));
    let served = tokio::spawn(accept::serve(listener, router, limits, async {
        let _ = stopped.await;
    }));
    (address, stop, served)
}

#[tokio::test]
async fn a_stream_outlives_the_time_of_a_handler_and_ends_when_the_server_stops() {
    let app = app().await;
    let manager = app.manager().await;
    let limits = ConnectionLimits {
        handler_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(100),
        ..ConnectionLimits::default()
    };
    let (address, stop, served) = front_door(&app, limits).await;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /api/v2/log-events HTTP/1.1\r\nhost: acme.localhost\r\nauthorization: Bearer {}\r\n\r\n",
        manager.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut chunk = [0; 1024];
    while text.matches("still here").count() < 20 {
        let count = stream.read(&mut chunk).await.unwrap();
        assert_ne!(count, 0, "{text}");
        text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
    }
    stop.send(()).unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains(r#""reason":"stopping""#), "{rest}");
    assert!(rest.ends_with("0\r\n\r\n"), "the answer is whole: {rest}");
    served.await.unwrap().unwrap();
}
