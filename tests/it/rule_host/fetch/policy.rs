//! Who may be asked, and how.

use claimsmith::rule_host::Verdict;
use claimsmith::rule_host::fetch::{FetchError, NetworkOptions};

use super::super::fetch_guest::{Fetch, get};
use super::super::harness::limits;
use super::*;
use crate::support::upstream::{HOST, Names, network_of, ok, with_status};

#[tokio::test]
async fn an_allowed_host_answers_and_the_report_says_so() {
    let upstream = Upstream::start(|_| with_status("201 Created", "x-a: b\r\n", "hello")).await;
    let request = Fetch {
        method: "POST",
        body: b"question".to_vec(),
        ..get(&upstream.url("/path?key=secret")).header("x-custom", "value")
    };
    let (answers, report) = fetch(&upstream, &[request]).await;
    assert_eq!(answers, ["hello"]);
    let seen = &upstream.seen()[0];
    assert_eq!(seen.line(), "POST /path?key=secret");
    assert_eq!(seen.header("host"), Some(upstream.pattern().as_str()));
    assert_eq!(seen.header("x-custom"), Some("value"));
    assert_eq!(seen.header("content-length"), Some("8"));
    assert!(
        seen.header("user-agent")
            .unwrap()
            .starts_with("claimsmith/")
    );
    assert_eq!(seen.header("accept-encoding"), None);
    assert_eq!(seen.body, b"question");
    let fetched = &report.rules[0].fetches[0];
    assert_eq!(
        (fetched.method.as_str(), fetched.url.as_str()),
        ("POST", upstream.url("/path").as_str()),
        "no query in a log"
    );
    assert_eq!((fetched.status, &fetched.error), (Some(201), &None));
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_asked_and_the_log_says_what_to_add() {
    let upstream = Upstream::start(|_| ok("")).await;
    let host = host();
    for allowed in [&[][..], &["other.example"], &[HOST]] {
        let chain = rule(&host, &[get(&upstream.url("/"))], allowed);
        let (verdict, report) = run(&host, &chain).await;
        assert!(matches!(verdict, Verdict::Approved(_)), "{verdict:?}");
        assert_eq!(answers(&report.rules[0]), ["host-not-allowed"]);
        let option = format!("--allow-host {}", upstream.pattern());
        assert!(
            complaints(&report.rules[0])[0].contains(&option),
            "{report:?}"
        );
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn http_is_a_choice_of_the_binding() {
    let upstream = Upstream::plain(|_| ok("in the clear")).await;
    let host = host();
    let url = upstream.url("/").replace("https", "http");
    for (allow_http, expected) in [(false, "host-not-allowed"), (true, "in the clear")] {
        let allowed = permissions(&[&upstream.pattern()], allow_http);
        let (_, report) = run(&host, &rule_with(&host, &[get(&url)], allowed)).await;
        assert_eq!(answers(&report.rules[0]), [expected]);
    }
}

#[tokio::test]
async fn a_name_that_leads_into_the_private_network_is_refused_unless_the_operator_opened_it() {
    let upstream = Upstream::start(|_| ok("inside")).await;
    let closed = |addresses: &[&str]| NetworkOptions {
        may_reach: Vec::new(),
        ..network_of(Names::default().then(HOST, addresses))
    };
    for address in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "fe80::1",
    ] {
        let host = host_of(limits(), closed(&[address]));
        let chain = rule(&host, &[get(&upstream.url("/"))], &[&upstream.pattern()]);
        let (_, report) = run(&host, &chain).await;
        assert_eq!(answers(&report.rules[0]), ["host-not-allowed"], "{address}");
        let complaint = complaints(&report.rules[0])[0];
        assert!(complaint.contains("--rules-may-reach"), "{complaint}");
    }
    assert!(upstream.seen().is_empty());
    let (answers, _) = fetch(&upstream, &[get(&upstream.url("/"))]).await;
    assert_eq!(answers, ["inside"]);
}

#[tokio::test]
async fn addresses_in_the_url_are_checked_like_those_of_names() {
    let upstream = Upstream::start(|_| ok("")).await;
    let closed = NetworkOptions {
        may_reach: Vec::new(),
        ..network_of(Names::default())
    };
    let host = host_of(limits(), closed);
    let port = upstream.port;
    for name in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "[::1]",
        "[::ffff:7f00:1]",
    ] {
        let pattern = format!("{name}:{port}");
        let url = format!("https://{name}:{port}/");
        let (_, report) = run(&host, &rule(&host, &[get(&url)], &[&pattern])).await;
        assert_eq!(answers(&report.rules[0]), ["host-not-allowed"], "{name}");
    }
    assert!(upstream.seen().is_empty());
}

/// The name is looked up once for each connection, and the address that was checked is the one that is
/// connected to: a second look-up, with another answer, would find the upstream.
#[tokio::test]
async fn a_name_that_changes_its_mind_is_not_looked_up_again() {
    let upstream = Upstream::start(|_| ok("rebound")).await;
    // 192.0.2.0/24 is for documentation; nobody is there. Only its refusal is certain.
    let names = Names::default()
        .then(HOST, &["192.0.2.1"])
        .then(HOST, &["127.0.0.1"]);
    let host = host_of(limits(), network_of(names));
    let chain = rule(
        &host,
        &[get(&upstream.url("/")), get(&upstream.url("/"))],
        &[&upstream.pattern()],
    );
    let (_, report) = run(&host, &chain).await;
    assert_eq!(
        answers(&report.rules[0]),
        ["host-not-allowed", "rebound"],
        "each request had one look-up of its own"
    );
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_reached_are_tried() {
    let upstream = Upstream::start(|_| ok("found")).await;
    let names = Names::default().then(HOST, &["10.0.0.1", "fd00::1", "127.0.0.1"]);
    let host = host_of(limits(), network_of(names));
    let chain = rule(&host, &[get(&upstream.url("/"))], &[&upstream.pattern()]);
    let (_, report) = run(&host, &chain).await;
    assert_eq!(answers(&report.rules[0]), ["found"]);
}

#[tokio::test]
async fn what_is_not_there_is_unreachable() {
    let upstream = Upstream::start(|_| ok("")).await;
    let host = host();
    let gone = format!("https://{HOST}:1/");
    let unknown = format!("https://nowhere.example:{}/", upstream.port);
    let chain = rule(
        &host,
        &[
            get(&gone),
            get(&unknown),
            get("no url"),
            get("ftp://x.example/"),
        ],
        &[
            "api.upstream.example:1",
            &format!("nowhere.example:{}", upstream.port),
        ],
    );
    let (_, report) = run(&host, &chain).await;
    assert_eq!(
        answers(&report.rules[0]),
        [
            "the connection failed",
            "the name was not found",
            "`no url` is not a URL: relative URL without a base",
            "host-not-allowed"
        ]
    );
    assert_eq!(
        report.rules[0].fetches.len(),
        2,
        "the others were never sent"
    );
    assert!(matches!(
        report.rules[0].fetches[0].error,
        Some(FetchError::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_header_cannot_smuggle_and_cannot_frame() {
    let upstream = Upstream::start(|_| ok("fine")).await;
    let url = upstream.url("/");
    let requests = [
        get(&url).header("x", "a\r\nhost: evil.example"),
        get(&url).header("x\r\nhost", "evil.example"),
        get(&url)
            .header("Host", "evil.example")
            .header("Content-Length", "100")
            .header("Transfer-Encoding", "chunked")
            .header("Connection", "upgrade"),
    ];
    let (answers, _) = fetch(&upstream, &requests).await;
    assert_eq!(answers[2], "fine");
    assert!(answers[0].contains("is not allowed there") && answers[1].contains("is not allowed"));
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("host"), Some(upstream.pattern().as_str()));
    assert_eq!(seen[0].header("transfer-encoding"), None);
    assert_eq!(seen[0].header("connection"), None);
    assert_ne!(seen[0].header("content-length"), Some("100"));
}

#[tokio::test]
async fn no_proxy_and_no_cookie_come_in_from_elsewhere() {
    let upstream = Upstream::start(|_| with_status("200 OK", "set-cookie: a=b\r\n", "")).await;
    let url = upstream.url("/");
    let (_, _) = fetch(&upstream, &[get(&url), get(&url)]).await;
    let seen = upstream.seen();
    assert_eq!((seen.len(), seen[1].header("cookie")), (2, None));
    assert_eq!(seen[1].line(), "GET /", "not the form that proxies get");
}

#[tokio::test]
async fn a_rule_that_starts_with_a_request_does_not_get_one_at_its_upload() {
    let upstream = Upstream::start(|_| ok("")).await;
    let wat = super::super::guest::text("fetch").replace(
        "(i32.const 1024))\n)",
        "(i32.const 1024))\n(func $start (drop (call $decide (i32.const 0))))\n(start $start))",
    );
    let wat = wat.replace(
        "(func (export \"decide\")",
        "(func $decide (export \"decide\")",
    );
    let host = host();
    // In a start function no memory is ready for the answer yet: what matters is that nothing hangs.
    let _ = host.inspect(&super::super::guest::component(&wat));
    assert!(upstream.seen().is_empty());
}
