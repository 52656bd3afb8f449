//! What was recorded is answered again, without a network.

use claimsmith::rule_host::fetch::{
    FetchError, NetworkOptions, RecordedFetch, RecordedOutcome, Recording, Resolve,
};
use claimsmith::rule_host::{Level, Verdict};

use super::super::fetch_guest::{Fetch, get};
use super::super::harness::limits;
use super::*;
use crate::support::upstream::{Reply, Upstream, ok, redirect, with_status};

/// Fails the test that looks a name up.
struct NoNetwork;

impl Resolve for NoNetwork {
    fn resolve(&self, host: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        panic!("a replay looked `{host}` up");
    }
}

pub(super) fn offline() -> RuleHost {
    let network = NetworkOptions {
        resolver: std::sync::Arc::new(NoNetwork),
        ..NetworkOptions::default()
    };
    host_of(limits(), network)
}

/// All of a report but its times.
pub(super) fn timeless(mut report: Report) -> Report {
    for rule in &mut report.rules {
        rule.duration_us = 0;
        rule.fetches
            .iter_mut()
            .for_each(|fetch| fetch.duration_ms = 0);
    }
    report
}

#[tokio::test]
async fn a_replay_gives_the_same_report_down_to_the_lines_of_the_log() {
    let upstream = Upstream::start(|seen| match seen.line() {
        "GET /moved" => redirect(302, "/there"),
        "GET /there" => ok("there"),
        "GET /missing" => with_status("404 Not Found", "x-a: b\r\n", "none"),
        "GET /binary" => Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\xff\0a".into()),
        "POST /twice" => ok(&String::from_utf8_lossy(&seen.body)),
        "GET /broken" => Reply::Raw(b"nonsense".into()),
        _ => Reply::Stall(Vec::new()),
    })
    .await;
    let post = |body: &str| Fetch {
        method: "POST",
        body: body.into(),
        ..get(&upstream.url("/twice"))
    };
    let requests = [
        get(&upstream.url("/moved#fragment")),
        get(&upstream.url("/missing")),
        post("one"),
        post("two"),
        get(&upstream.url("/broken")),
        get(&upstream.url("/slow")).within(50),
        get("https://elsewhere.example/"),
        get("no url"),
        get(&upstream.url("/there")).header("x", "\r\n"),
    ];
    let host = host();
    let allowed = upstream.pattern();
    let (_, recorded) = run(&host, &rule(&host, &requests, &[&allowed])).await;
    assert_eq!(
        answers(&recorded.rules[0])[..6],
        [
            "there",
            "none",
            "one",
            "two",
            "the answer is not HTTP/1.1",
            "timed-out"
        ]
    );
    drop(upstream);

    // As it would lie in a file meanwhile.
    let file = serde_json::to_string(&recorded.recording).unwrap();
    let recording: Recording = serde_json::from_str(&file).unwrap();
    assert_eq!(recording, recorded.recording);
    assert!(
        !file.contains("user-agent"),
        "headers that were sent are not kept"
    );
    let host = offline();
    let mut again = exchange();
    again.tenant = "acme".to_owned();
    let chain = rule(&host, &requests, &[&allowed]);
    let (verdict, replayed) = replay(&host, &chain, recording).await;
    assert!(matches!(verdict, Verdict::Approved(_)));
    let tenantless = timeless(recorded);
    assert_eq!(timeless(replayed), tenantless);
}

#[tokio::test]
async fn what_is_not_in_the_recording_is_unreachable() {
    let host = offline();
    let url = "https://api.upstream.example/";
    let chain = rule(&host, &[get(url), get(url)], &["api.upstream.example"]);
    let once = Recording {
        fetches: vec![RecordedFetch {
            method: "GET".into(),
            url: url.into(),
            body_sha256: None,
            outcome: RecordedOutcome::Failed(FetchError::TooLarge, "it was".into()),
        }],
        order: Vec::new(),
    };
    let (_, report) = replay(&host, &chain, once).await;
    assert_eq!(
        answers(&report.rules[0]),
        ["too-large", "this request is not in the recording"],
        "one answer is for one request"
    );
    let complaint = report.rules[0].logs.last_chunk::<2>().unwrap();
    assert!(
        complaint
            .iter()
            .any(|line| line.level == Level::Warn
                && line.message.contains("a replay has no network"))
    );
}

#[tokio::test]
async fn a_rule_that_changed_gets_its_answers_in_whatever_order_it_asks() {
    let host = offline();
    let url = |path: &str| format!("https://api.upstream.example/{path}");
    let fixture = format!(
        r#"{{"fetches": [{{"url": "{}", "body": "a"}}, {{"url": "{}", "body": "b"}}, {{"url": "{}", "body": "c"}}]}}"#,
        url("a"),
        url("b"),
        url("c")
    );
    let recording: Recording = serde_json::from_str(&fixture).unwrap();
    let requests = ["c", "a"].map(|path| get(&url(path)));
    let chain = rule(&host, &requests, &["api.upstream.example"]);
    let (_, report) = replay(&host, &chain, recording).await;
    assert_eq!(answers(&report.rules[0]), ["c", "a"]);
}

#[tokio::test]
async fn permissions_hold_in_a_replay_as_well() {
    let host = offline();
    let url = "https://api.upstream.example/";
    let recording = serde_json::from_str(&format!(r#"{{"fetches": [{{"url": "{url}"}}]}}"#));
    let chain = rule(&host, &[get(url)], &[]);
    let (_, report) = replay(&host, &chain, recording.unwrap()).await;
    assert_eq!(answers(&report.rules[0]), ["host-not-allowed"]);
}
