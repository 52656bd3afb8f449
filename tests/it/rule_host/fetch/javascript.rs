//! Rules in JavaScript: several requests at a time, timers beside them, and the same again in a replay.

use std::sync::OnceLock;

use claimsmith::rule_host::Verdict;

use super::super::harness::messages;
use super::replay::{offline, timeless};
use super::waiting::arrived;
use super::*;
use crate::support::upstream::{Reply, Upstream, held, ok, redirect, with_status};

/// One host for all: each has to compile the engine of JavaScript.
fn online() -> &'static RuleHost {
    static HOST: OnceLock<RuleHost> = OnceLock::new();
    HOST.get_or_init(host)
}

fn without_network() -> &'static RuleHost {
    static HOST: OnceLock<RuleHost> = OnceLock::new();
    HOST.get_or_init(offline)
}

/// An Action that runs `body`, in which `base` is the upstream.
fn action(upstream: &Upstream, body: &str) -> String {
    let base = upstream.url("");
    format!(
        "exports.onExecutePostLogin = async (event, api) => {{ const base = '{base}'; {body} }};"
    )
}

fn chain_of(host: &RuleHost, sources: &[String], allowed: &str) -> Vec<BoundRule> {
    let bind = |(i, source): (usize, &String)| BoundRule {
        name: format!("rule-{i}"),
        version: 1,
        rule: Ok(host
            .load(source.as_bytes())
            .unwrap_or_else(|e| panic!("{e}"))),
        on_fault: OnFault::Deny,
        permissions: permissions(&[allowed], false),
        manifest: None,
        action: None,
    };
    sources.iter().enumerate().map(bind).collect()
}

/// Runs sources, and again without a network: the two reports are the same.
async fn run_and_replay(upstream: Upstream, sources: &[String]) -> Report {
    let (host, allowed) = (online(), upstream.pattern());
    let chain = chain_of(host, sources, &allowed);
    let (verdict, report) = run(host, &chain).await;
    assert!(matches!(verdict, Verdict::Approved(_)), "{report:?}");
    drop(upstream);
    same_again(sources, &allowed, &report).await;
    report
}

async fn same_again(sources: &[String], allowed: &str, report: &Report) {
    let host = without_network();
    let chain = chain_of(host, sources, allowed);
    let (_, again) = replay(host, &chain, report.recording.clone()).await;
    assert_eq!(timeless(again), timeless(report.clone()));
}

/// The paths that the first rule asked for.
fn paths_asked(report: &Report) -> Vec<String> {
    let path = |url: &String| {
        url.split('/')
            .skip(3)
            .map(|part| format!("/{part}"))
            .collect()
    };
    report.rules[0]
        .fetches
        .iter()
        .map(|fetch| path(&fetch.url))
        .collect()
}

#[tokio::test]
async fn fetch_sends_what_it_is_given_and_shows_what_comes() {
    let upstream = Upstream::start(|seen| match seen.line() {
        "POST /echo" => with_status(
            "201 Created",
            "x-a: b\r\n",
            &format!(
                "{}|{}",
                seen.header("x-key").unwrap(),
                String::from_utf8_lossy(&seen.body)
            ),
        ),
        "GET /old" => redirect(302, "/json"),
        _ => ok(r#"{"score": 7}"#),
    })
    .await;
    let source = action(
        &upstream,
        r#"
        const made = await fetch(base + "/echo", { method: "POST", body: "q", headers: { "X-Key": "k" } });
        console.log(made.status, made.statusText, made.ok, made.headers.get("x-a"), made.redirected, await made.text());
        const moved = await fetch(base + "/old");
        console.log(moved.redirected, moved.url === base + "/json", (await moved.json()).score);
        const kept = await fetch(base + "/old", { redirect: "manual" });
        console.log(kept.status, kept.headers.get("location"));
        const refused = await fetch(base + "/old", { redirect: "error" }).catch((error) => error);
        console.log(refused.name, refused.message);
        "#,
    );
    let report = run_and_replay(upstream, &[source]).await;
    assert_eq!(
        answers(&report.rules[0]),
        [
            "201 Created true b false k|q",
            "true true 7",
            "302 /json",
            "TypeError fetch failed: unreachable: the response is a redirect"
        ]
    );
    let asked = paths_asked(&report);
    assert_eq!(asked, ["/echo", "/old", "/old", "/old"]);
}

#[tokio::test]
async fn all_of_promise_all_are_under_way_at_once() {
    let upstream = Upstream::start(|seen| held(seen.line())).await;
    let source = action(
        &upstream,
        r#"
        const all = await Promise.all(["/a", "/b", "/c", "/d"].map((path) => fetch(base + path)));
        console.log((await Promise.all(all.map((each) => each.text()))).join());
        "#,
    );
    let (host, allowed) = (online(), upstream.pattern());
    let chain = chain_of(host, std::slice::from_ref(&source), &allowed);
    // Nobody is answered before all four have come.
    let released = async {
        arrived(&upstream, 4).await;
        upstream.release();
    };
    let ((_, report), ()) = tokio::join!(run(host, &chain), released);
    assert_eq!(messages(&report.rules[0]), ["GET /a,GET /b,GET /c,GET /d"]);
    same_again(&[source], &allowed, &report).await;
}

#[tokio::test]
async fn answers_come_in_the_order_they_are_done_and_a_replay_keeps_it() {
    let upstream = Upstream::start(|seen| match seen.line() {
        "GET /slow" => held("slow"),
        line => ok(line),
    })
    .await;
    let source = action(
        &upstream,
        r#"
        const order = [];
        const get = (path) => fetch(base + path).then((answer) => answer.text()).then((text) => order.push(text));
        await Promise.all([get("/slow"), get("/fast").then(() => get("/after"))]);
        console.log(order.join());
        "#,
    );
    let (host, allowed) = (online(), upstream.pattern());
    let chain = chain_of(host, std::slice::from_ref(&source), &allowed);
    let released = async {
        arrived(&upstream, 3).await;
        upstream.release();
    };
    let ((_, report), ()) = tokio::join!(run(host, &chain), released);
    let order = messages(&report.rules[0])[0];
    assert!(order.starts_with("GET /fast,"), "{order}");
    drop(upstream);
    same_again(&[source], &allowed, &report).await;
}

#[tokio::test]
async fn a_timer_that_ends_first_wins_the_race_in_the_replay_too() {
    let upstream = Upstream::start(|_| Reply::Stall(Vec::new())).await;
    let source = action(
        &upstream,
        r#"
        const timer = new Promise((resolve) => setTimeout(resolve, 30, "timer"));
        console.log(await Promise.race([fetch(base + "/"), timer]));
        "#,
    );
    let report = run_and_replay(upstream, &[source]).await;
    assert_eq!(messages(&report.rules[0]), ["timer"]);
    assert_eq!(report.rules[0].fetches[0].status, None);
}

#[tokio::test]
async fn errors_have_the_codes_that_rules_look_for() {
    let upstream = Upstream::start(|_| Reply::Stall(Vec::new())).await;
    let source = action(
        &upstream,
        r#"
        for (const [url, options] of [["https://elsewhere.example/"], [base + "/", { timeout: 50 }], ["no url"]]) {
            try { await fetch(url, options); } catch (error) { console.log(error.cause.code, error.message); }
        }
        "#,
    );
    let report = run_and_replay(upstream, &[source]).await;
    let lines = answers(&report.rules[0]);
    assert_eq!(
        lines,
        [
            "EACCES fetch failed: host-not-allowed",
            "ETIMEDOUT fetch failed: timed-out",
            "EHOSTUNREACH fetch failed: unreachable: `no url` is not a URL: relative URL without a base",
        ]
    );
    assert!(complaints(&report.rules[0])[0].contains("--allow-host elsewhere.example"));
}

#[tokio::test]
async fn the_libraries_that_rules_use_go_the_same_way() {
    let upstream = Upstream::start(|seen| ok(&format!(r#"{{"asked": "{}"}}"#, seen.line()))).await;
    let classic = format!(
        r#"function (user, context, callback) {{
            const base = "{}";
            require("request")({{ url: base + "/request", json: true }}, (error, response, body) => {{
                if (error) return callback(error);
                console.log(response.statusCode, body.asked);
                require("axios").get(base + "/axios").then((answer) => {{
                    console.log(answer.status, answer.data.asked);
                    return require("node-fetch")(base + "/node-fetch");
                }}).then((answer) => answer.json()).then((body) => {{
                    console.log(body.asked);
                    callback(null, user, context);
                }}).catch(callback);
            }});
        }}"#,
        upstream.url("")
    );
    let report = run_and_replay(upstream, &[classic]).await;
    assert_eq!(
        messages(&report.rules[0]),
        ["200 GET /request", "200 GET /axios", "GET /node-fetch"]
    );
}

#[tokio::test]
async fn a_request_that_one_rule_left_behind_does_not_trip_the_next() {
    let upstream = Upstream::start(|seen| match seen.line() {
        "GET /forgotten" => Reply::Stall(Vec::new()),
        line => ok(line),
    })
    .await;
    let classic = |path: &str, wait: bool| {
        let url = upstream.url(path);
        let then = match wait {
            true => {
                ".then((a) => a.text()).then((t) => { console.log(t); callback(null, user, context); })"
            }
            false => "; callback(null, user, context)",
        };
        format!("function (user, context, callback) {{ fetch('{url}'){then}; }}")
    };
    let sources = [classic("/forgotten", false), classic("/asked", true)];
    let report = run_and_replay(upstream, &sources).await;
    assert_eq!(messages(&report.rules[1]), ["GET /asked"]);
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_is_sent_all_the_same() {
    let upstream = Upstream::start(|seen| ok(seen.line())).await;
    let told = format!(
        "function (user, context, callback) {{
            require('request')({{ method: 'POST', url: '{}', body: 'hello' }});
            callback(CALLED);
        }}",
        upstream.url("/told")
    );
    let (host, allowed) = (online(), upstream.pattern());
    for (number, called) in ["null, user, context", "new Error('no')"]
        .iter()
        .enumerate()
    {
        let chain = chain_of(host, &[told.replace("CALLED", called)], &allowed);
        let (_, report) = run(host, &chain).await;
        assert_eq!(report.rules[0].fetches[0].status, None, "{report:?}");
        arrived(&upstream, number + 1).await;
        assert_eq!(upstream.seen()[number].line(), "POST /told");
    }
}

#[tokio::test]
async fn what_a_failed_rule_left_behind_is_given_up() {
    let upstream = Upstream::start(|seen| ok(seen.line())).await;
    let source = |body: &str| {
        let url = upstream.url("/told");
        format!(
            "function (user, context, callback) {{ {body} fetch('{url}'); callback(null, user, context); }}"
        )
    };
    let failing = source("fetch(URL); throw new Error('no');")
        .replace("URL", &format!("'{}'", upstream.url("/never")));
    let (host, allowed) = (online(), upstream.pattern());
    let _ = run(host, &chain_of(host, &[failing], &allowed)).await;
    let _ = run(host, &chain_of(host, &[source("")], &allowed)).await;
    arrived(&upstream, 1).await;
    let lines: Vec<String> = upstream
        .seen()
        .iter()
        .map(|seen| seen.line().to_owned())
        .collect();
    assert_eq!(lines, ["GET /told"]);
}
