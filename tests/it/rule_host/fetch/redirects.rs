//! Redirects are followed by the host, and each hop is checked like the first.

use super::super::fetch_guest::{Fetch, get};
use super::*;
use crate::support::upstream::{HOST, Upstream, ok, redirect};

/// A request with every kind of credential.
fn with_credentials(url: &str) -> Fetch {
    get(url)
        .header("authorization", "Bearer secret")
        .header("cookie", "secret")
        .header("x-api-key", "secret")
        .header("accept", "text/plain")
}

#[tokio::test]
async fn a_redirect_within_the_host_is_followed_with_everything() {
    let upstream = Upstream::start(|seen| match seen.line() {
        "GET /old" => redirect(302, "/new?a=b"),
        _ => ok("arrived"),
    })
    .await;
    let (answers, report) = fetch(&upstream, &[with_credentials(&upstream.url("/old"))]).await;
    assert_eq!(answers, ["arrived"]);
    let seen = &upstream.seen()[1];
    assert_eq!(seen.line(), "GET /new?a=b");
    assert_eq!(seen.header("authorization"), Some("Bearer secret"));
    assert_eq!(report.rules[0].fetches.len(), 1, "one request of the rule");
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_host() {
    let other = Upstream::start(|_| ok("elsewhere")).await;
    let url = format!("https://other.example:{}/", other.port);
    let upstream = Upstream::start(move |_| redirect(307, &url)).await;
    let host = host();
    let allowed = [upstream.pattern(), format!("other.example:{}", other.port)];
    let request = Fetch {
        method: "POST",
        body: b"body".to_vec(),
        ..with_credentials(&upstream.url("/"))
    };
    let chain = rule(&host, &[request], &[&allowed[0], &allowed[1]]);
    let (_, report) = run(&host, &chain).await;
    assert_eq!(answers(&report.rules[0]), ["elsewhere"]);
    let seen = &other.seen()[0];
    assert!(!seen.head.contains("secret"), "{}", seen.head);
    assert_eq!(seen.header("accept"), Some("text/plain"));
    assert_eq!(
        (seen.line(), seen.body.as_slice()),
        ("POST /", &b"body"[..])
    );
}

#[tokio::test]
async fn a_redirect_off_the_list_is_refused_and_never_asked() {
    let other = Upstream::start(|_| ok("")).await;
    for location in [
        format!("https://other.example:{}/", other.port),
        format!("//other.example:{}/", other.port),
        format!("https://127.0.0.1:{}/", other.port),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        format!("http://{HOST}/"),
        "file:///etc/passwd".to_owned(),
    ] {
        let to = location.clone();
        let upstream = Upstream::start(move |_| redirect(302, &to)).await;
        let (answers, report) = fetch(&upstream, &[get(&upstream.url("/"))]).await;
        assert_eq!(answers, ["host-not-allowed"], "{location}");
        assert!(
            complaints(&report.rules[0])[0].contains("may not send requests to"),
            "{report:?}"
        );
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn redirects_obeyed_and_violated() {
    let most = network_limits().redirects;
    for (hops, expected) in [(most, "arrived"), (most + 1, "too many redirects")] {
        let upstream = Upstream::start(move |seen| {
            let path = seen.line().trim_start_matches("GET /");
            match path.parse::<usize>().unwrap() {
                0 => ok("arrived"),
                left => redirect(302, &format!("/{}", left - 1)),
            }
        })
        .await;
        let url = upstream.url(&format!("/{hops}"));
        let (answers, _) = fetch(&upstream, &[get(&url)]).await;
        assert_eq!(answers, [expected]);
        assert_eq!(upstream.seen().len(), most + 1);
    }
}

#[tokio::test]
async fn a_redirect_that_goes_nowhere_is_said_to() {
    for (location, expected) in [
        ("https://", "a redirect leads nowhere"),
        ("http://[", "a redirect leads nowhere"),
    ] {
        let upstream = Upstream::start(move |_| redirect(302, location)).await;
        let (answers, _) = fetch(&upstream, &[get(&upstream.url("/"))]).await;
        assert_eq!(answers, [expected], "{location}");
    }
}

fn network_limits() -> claimsmith::rule_host::fetch::FetchLimits {
    limits().fetch
}
