//! Each bound obeyed and violated: time, size, number.

use std::time::{Duration, Instant};

use claimsmith::rule_host::fetch::{FetchError, FetchLimits};

use super::super::fetch_guest::{Fetch, get};
use super::*;
use crate::support::upstream::{Reply, ok};

fn host_with(fetch: FetchLimits) -> RuleHost {
    host_of(Limits { fetch, ..limits() }, network())
}

/// Sends requests under changed limits; what came of each.
async fn fetch_within(limits: FetchLimits, upstream: &Upstream, requests: &[Fetch]) -> Vec<String> {
    let host = host_with(limits);
    let chain = rule(&host, requests, &[&upstream.pattern()]);
    let (_, report) = run(&host, &chain).await;
    let answers = answers(&report.rules[0]);
    answers.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    for stalled in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"] {
        let upstream = Upstream::start(|_| Reply::Stall(stalled.into())).await;
        let (answers, report) = fetch(&upstream, &[get(&upstream.url("/")).within(100)]).await;
        assert_eq!(answers, ["timed-out"]);
        let fetched = &report.rules[0].fetches[0];
        assert_eq!(fetched.error, Some(FetchError::TimedOut));
        assert!(fetched.duration_ms >= 100, "{fetched:?}");
    }
}

#[tokio::test]
async fn a_rule_gets_no_more_time_than_there_is() {
    let upstream = Upstream::start(|_| Reply::Stall(Vec::new())).await;
    let limits = FetchLimits {
        timeout: Duration::from_millis(100),
        ..FetchLimits::default()
    };
    let request = get(&upstream.url("/")).within(3_600_000);
    assert_eq!(
        fetch_within(limits, &upstream, &[request]).await,
        ["timed-out"]
    );
}

#[tokio::test]
async fn the_waiting_of_all_requests_together_is_bounded() {
    let upstream = Upstream::start(|_| Reply::Stall(Vec::new())).await;
    let limits = FetchLimits {
        waiting: Duration::from_millis(200),
        ..FetchLimits::default()
    };
    let start = Instant::now();
    let requests = vec![get(&upstream.url("/")).within(60_000); 10];
    let answers = fetch_within(limits, &upstream, &requests).await;
    assert_eq!(answers, ["timed-out"; 10]);
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "not ten times over"
    );
    assert_eq!(upstream.seen().len(), 1, "the others had no time at all");
}

/// A response of exactly this many bytes of headers and body.
fn sized(bytes: usize) -> Reply {
    let body = "x".repeat(bytes - "content-length".len() - 6);
    assert_eq!(body.len().to_string().len(), 6);
    ok(&body)
}

#[tokio::test]
async fn response_bytes_obeyed_and_violated() {
    let limits = || FetchLimits {
        response_bytes: 200_000,
        ..FetchLimits::default()
    };
    let upstream = Upstream::start(|seen| match seen.line() {
        "GET /within" => sized(200_000),
        _ => sized(200_001),
    })
    .await;
    let requests = [get(&upstream.url("/within")), get(&upstream.url("/beyond"))];
    let answers = fetch_within(limits(), &upstream, &requests).await;
    assert!(answers[0].starts_with("xxx"));
    assert_eq!(answers[1], "too-large");
}

#[tokio::test]
async fn an_endless_body_is_cut_off_however_it_is_framed() {
    for (head, more) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(4096)),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            format!("1000\r\n{}\r\n", "x".repeat(4096)),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "x".repeat(4096),
        ),
    ] {
        let more = more.into_bytes();
        let upstream = Upstream::start(move |_| Reply::Endless(head.into(), more.clone())).await;
        let (answers, _) = fetch(&upstream, &[get(&upstream.url("/"))]).await;
        assert_eq!(answers, ["too-large"], "{head}");
    }
}

#[tokio::test]
async fn endless_headers_are_cut_off() {
    for more in ["a: b\r\n", "a", "a: b\r\n c\r\n"] {
        let upstream = Upstream::start(move |_| {
            Reply::Endless("HTTP/1.1 200 OK\r\n".into(), more.repeat(100).into())
        })
        .await;
        let (answers, report) = fetch(&upstream, &[get(&upstream.url("/"))]).await;
        // Continued lines are no HTTP any more (RFC 9112, section 5.2).
        let expected = match more.contains(" c") {
            true => "the answer is not HTTP/1.1",
            false => "too-large",
        };
        assert_eq!(answers, [expected], "{report:?}");
    }
}

#[tokio::test]
async fn headers_of_a_response_obeyed_and_violated() {
    let most = FetchLimits::default().headers;
    let upstream = Upstream::start(move |seen| {
        let count = match seen.line() {
            "GET /within" => most,
            _ => most + 1,
        };
        let headers = "a: b\r\n".repeat(count - 1);
        let text = format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\nok");
        Reply::Raw(text.into_bytes())
    })
    .await;
    let requests = [get(&upstream.url("/within")), get(&upstream.url("/beyond"))];
    let (answers, _) = fetch(&upstream, &requests).await;
    assert_eq!(answers, ["ok", "too-large"]);
}

#[tokio::test]
async fn what_is_not_http_is_said_to_be_none() {
    for (raw, expected) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP/1.1"),
        ("HTTP/1.1 2", "the connection broke"),
        ("", "the connection broke"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
            "the connection broke",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
            "the answer is not HTTP/1.1",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "the connection broke",
        ),
    ] {
        let upstream = Upstream::start(move |_| Reply::Raw(raw.into())).await;
        let (answers, _) = fetch(&upstream, &[get(&upstream.url("/"))]).await;
        assert_eq!(answers, [expected], "{raw:?}");
    }
}

#[tokio::test]
async fn requests_of_an_exchange_obeyed_and_violated() {
    let limits = FetchLimits {
        requests: 3,
        ..FetchLimits::default()
    };
    let upstream = Upstream::start(|_| ok("ok")).await;
    let requests = vec![get(&upstream.url("/")); 4];
    let answers = fetch_within(limits, &upstream, &requests).await;
    assert_eq!(
        answers,
        [
            "ok",
            "ok",
            "ok",
            "the rules of one exchange may send 3 requests"
        ]
    );
    assert_eq!(upstream.seen().len(), 3);
}

#[tokio::test]
async fn the_rules_of_a_chain_share_their_number_of_requests() {
    let host = host_with(FetchLimits {
        requests: 3,
        ..FetchLimits::default()
    });
    let upstream = Upstream::start(|_| ok("ok")).await;
    let requests = vec![get(&upstream.url("/")); 2];
    let mut chain = rule(&host, &requests, &[&upstream.pattern()]);
    chain.extend(chain.clone());
    let (_, report) = run(&host, &chain).await;
    assert_eq!(answers(&report.rules[0]), ["ok", "ok"]);
    assert_eq!(answers(&report.rules[1])[0], "ok");
    assert!(answers(&report.rules[1])[1].contains("may send 3 requests"));
}

#[tokio::test]
async fn responses_of_an_exchange_obeyed_and_violated() {
    let limits = FetchLimits {
        responses_bytes: 400_000,
        ..FetchLimits::default()
    };
    let upstream = Upstream::start(|_| sized(200_000)).await;
    let requests = vec![get(&upstream.url("/")); 3];
    let answers = fetch_within(limits, &upstream, &requests).await;
    assert!(answers[0].starts_with('x') && answers[1].starts_with('x'));
    assert_eq!(answers[2], "too-large");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_not_sent() {
    let upstream = Upstream::start(|_| ok("ok")).await;
    let most = FetchLimits::default().request_bytes;
    let sized = |more: usize| Fetch {
        method: "PUT",
        body: vec![b'x'; most - upstream.url("/").len() + more],
        ..get(&upstream.url("/"))
    };
    let (answers, _) = fetch(&upstream, &[sized(0), sized(1)]).await;
    assert_eq!(answers, ["ok", "too-large"]);
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn permissions_end_with_their_rule() {
    let upstream = Upstream::start(|_| ok("ok")).await;
    let host = host();
    let requests = [get(&upstream.url("/"))];
    let mut chain = rule(&host, &requests, &[&upstream.pattern()]);
    chain.extend(rule(&host, &requests, &[]));
    let (_, report) = run(&host, &chain).await;
    assert_eq!(answers(&report.rules[0]), ["ok"]);
    assert_eq!(answers(&report.rules[1]), ["host-not-allowed"]);
}
