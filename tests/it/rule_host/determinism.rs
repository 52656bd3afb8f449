//! The same exchange and the same rules: the same fuel, the same logs, the same verdict.

use std::collections::BTreeMap;

use claimsmith::rule_host::{Report, RuleHost};

use super::guest::{Effect, guest, returning};
use super::harness::{Somebody, bind, exchange, host, limits, messages};

async fn replay(host: &RuleHost, id: &str, component: &[u8]) -> Report {
    let mut exchange = exchange();
    exchange.id = id.into();
    let chain = bind(host, &[component]);
    let (_, mut report) = host
        .run(&chain, Somebody("ada"), exchange, &BTreeMap::new())
        .await;
    for rule in &mut report.rules {
        rule.duration_us = 0;
    }
    report
}

#[tokio::test]
async fn two_runs_differ_in_nothing_but_wall_time_even_on_another_engine() {
    let other = RuleHost::new(limits(), None).unwrap();
    let effects = returning(&[
        Effect::SetAccessClaim("a", "{\"b\": [1.5]}"),
        Effect::AddScope("x"),
    ]);
    let mut components = vec![effects];
    for name in [
        "empty",
        "echo",
        "wasi",
        "trap-after-log",
        "grow-memory-to-limit",
        "grow-memory-past-limit",
        "endless-loop",
        "one-string-many-times",
        "hundred-lines",
        "start-loop",
    ] {
        components.push(guest(name));
    }
    for component in &components {
        let first = replay(host(), "same", component).await;
        assert_eq!(first, replay(host(), "same", component).await);
        assert_eq!(first, replay(&other, "same", component).await);
        assert!(first.rules[0].fuel > 0);
    }
}

#[tokio::test]
async fn another_exchange_has_other_randomness_and_the_same_fuel() {
    let one = replay(host(), "one", &guest("wasi")).await;
    let two = replay(host(), "two", &guest("wasi")).await;
    assert_ne!(messages(&one.rules[0])[0], messages(&two.rules[0])[0]);
    assert_eq!(one.rules[0].fuel, two.rules[0].fuel);
}

#[tokio::test]
async fn another_rule_has_other_randomness_in_the_same_exchange() {
    let text = super::guest::text("wasi");
    let other = text.replace("unfinished", "incomplete");
    let one = replay(host(), "same", &super::guest::component(&text)).await;
    let two = replay(host(), "same", &super::guest::component(&other)).await;
    assert_ne!(messages(&one.rules[0])[0], messages(&two.rules[0])[0]);
}
