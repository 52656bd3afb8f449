//! The same exchange and the same sources: the same output, logs and fuel, to the byte.

use std::collections::BTreeMap;

use claimsmith::rule_host::{Report, RuleHost};

use super::super::harness::{Somebody, bind, exchange, host, limits, messages};
use super::{classic, passing};

async fn replay(host: &RuleHost, id: &str, sources: &[String]) -> Report {
    let mut exchange = exchange();
    exchange.id = id.into();
    let sources: Vec<&[u8]> = sources.iter().map(|source| source.as_bytes()).collect();
    let chain = bind(host, &sources);
    let (_, mut report) = host
        .run(&chain, Somebody("ada"), exchange, &BTreeMap::new())
        .await;
    for rule in &mut report.rules {
        rule.duration_us = 0;
    }
    report
}

const NOW: &str =
    "console.log(`${Date.now()} ${new Date().toISOString()} ${Math.random()} ${Math.random()}`);";

#[tokio::test]
async fn two_runs_differ_in_nothing_but_wall_time_even_on_another_engine() {
    let other = RuleHost::new(limits(), None).unwrap();
    for sources in [
        vec![passing(NOW), passing(NOW)],
        vec![passing(
            "context.accessToken['https://acme.example/r'] = Math.random();",
        )],
        vec![passing(
            "console.log(JSON.stringify(user) + Object.keys(context).sort());",
        )],
        vec![passing(NOW), classic("for (;;) {}")],
        vec![classic(
            "setTimeout(() => { console.log(Date.now()); callback(null, user, context); }, 1500);",
        )],
    ] {
        let first = replay(host(), "same", &sources).await;
        assert_eq!(first, replay(host(), "same", &sources).await);
        assert_eq!(first, replay(&other, "same", &sources).await);
        assert!(first.rules[0].fuel > 0);
    }
}

#[tokio::test]
async fn the_time_is_the_exchange_s_and_so_is_randomness() {
    let one = replay(host(), "one", &[passing(NOW)]).await;
    let two = replay(host(), "two", &[passing(NOW)]).await;
    let (one, two) = (messages(&one.rules[0])[0], messages(&two.rules[0])[0]);
    assert!(
        one.starts_with("1700000000123 2023-11-14T22:13:20.123Z "),
        "{one}"
    );
    assert_ne!(one, two);
}
