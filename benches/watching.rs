//! What it costs a login to be watched: the metrics of one login with two rules, and a span that nobody
//! takes, each in nanoseconds.
//!
//! ```text
//! cargo bench --bench watching
//! ```
//!
//! A password grant takes 20 ms and more with the default settings; `--bench password_grant` has the rest.

use std::hint::black_box;
use std::time::{Duration, Instant};

use claimsmith::metrics::{Metrics, RuleCall};

const ROUNDS: u32 = 200_000;

fn main() {
    let metrics = Metrics::default();
    let took = Duration::from_micros(500);
    let call = |rule| RuleCall {
        tenant: "acme",
        rule,
        version: 3,
        outcome: "allowed",
        duration: took,
        instantiate: Some(took),
        fuel: 12_345,
    };
    let login = || {
        metrics.http_request("/oauth/token", "POST", 200, took);
        metrics.password_waited(took);
        metrics.password_hashed(took);
        metrics.rule_call(call("first"));
        metrics.rule_call(call("second"));
        metrics.minted("acme", took);
        metrics.commit("relaxed", "done", took);
        metrics.commit("relaxed", "done", took);
        metrics.token_request("acme", "password", "issued", took);
    };
    report("the metrics of a login with two rules", login);
    let span = || {
        let span = tracing::trace_span!(target: claimsmith::trace::TARGET, "rule", otel.name = "x");
        drop(black_box(span));
    };
    report("a span that nobody takes", span);
    let text = || drop(black_box(metrics.text()));
    let begun = Instant::now();
    text();
    println!("a scrape: {:?}", begun.elapsed());
}

fn report(what: &str, work: impl Fn()) {
    for _ in 0..ROUNDS / 10 {
        work();
    }
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        work();
    }
    println!(
        "{what}: {} ns",
        begun.elapsed().as_nanos() / u128::from(ROUNDS)
    );
}
