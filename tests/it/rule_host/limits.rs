//! Each limit obeyed and violated.

use std::collections::BTreeMap;

use claimsmith::rule_host::{Fault, Limits, OnFault, RuleHost, Verdict};

use super::guest::{Effect, denying, guest, returning};
use super::harness::{
    Somebody, bind, changes, detail, exchange, fault, host, limits, report, run, run_on,
};

#[tokio::test]
async fn memory_obeyed() {
    let report = report(&guest("grow-memory-to-limit")).await;
    assert_eq!(fault(&report), None);
    assert_eq!(report.memory_bytes, 16 << 20);
}

#[tokio::test]
async fn memory_violated() {
    let report = report(&guest("grow-memory-past-limit")).await;
    assert_eq!(fault(&report), Some(Fault::Memory));
    assert!(detail(&report).contains("16842752 bytes of memory and may have 16777216"));
    // Only what it held counts.
    assert_eq!(report.memory_bytes, 4 << 16);
}

#[tokio::test]
async fn fuel_obeyed_and_violated_by_one_unit() {
    let needed = report(&guest("empty")).await.fuel;
    assert!(needed > 0);
    for (fuel, expected) in [(needed, None), (needed - 1, Some(Fault::Fuel))] {
        let host = RuleHost::new(Limits { fuel, ..limits() }, None).unwrap();
        let (_, reports) = run_on(&host, &[&guest("empty")]).await;
        assert_eq!(fault(&reports.rules[0]), expected, "{fuel}");
        assert_eq!(reports.rules[0].fuel, fuel);
    }
}

#[tokio::test]
async fn effects_obeyed_and_violated() {
    let limit = host().limits().effects;
    let within = vec![Effect::AddScope("a"); limit];
    assert_eq!(fault(&report(&returning(&within)).await), None);
    let beyond = vec![Effect::AddScope("a"); limit + 1];
    let beyond = report(&returning(&beyond)).await;
    assert_eq!(fault(&beyond), Some(Fault::Output));
    assert!(detail(&beyond).contains("257 effects and may return 256"));
}

#[tokio::test]
async fn output_bytes_obeyed_and_violated() {
    let limit = host().limits().output_bytes;
    let within = "s".repeat(limit);
    assert_eq!(
        fault(&report(&returning(&[Effect::AddScope(&within)])).await),
        None
    );
    let beyond = "s".repeat(limit + 1);
    let beyond = report(&returning(&[Effect::AddScope(&beyond)])).await;
    assert_eq!(fault(&beyond), Some(Fault::Output));
}

#[tokio::test]
async fn custom_claims_of_a_token_obeyed_and_violated() {
    let limit = host().limits().claims_bytes;
    // `"xx…x"` under the name `a`, to the byte.
    let text = |n: usize| format!("\"{}\"", "x".repeat(n - 3));
    let within = text(limit);
    let (verdict, _) = run(&[&returning(&[Effect::SetAccessClaim("a", &within)])]).await;
    assert!(changes(verdict).access_claims.contains_key("a"));
    let beyond = text(limit + 1);
    let (verdict, reports) = run(&[&returning(&[
        Effect::SetAccessClaim("a", &beyond),
        Effect::SetIdClaim("b", "1"),
    ])])
    .await;
    let made = changes(verdict);
    assert!(
        made.access_claims.is_empty(),
        "only the refused one is lost"
    );
    assert!(made.id_claims.contains_key("b"));
    let refused = reports.rules[0].effects[0].refused.as_deref().unwrap();
    assert!(
        refused.contains("100001 bytes here and may have 100000"),
        "{refused}"
    );
}

#[tokio::test]
async fn the_claims_of_all_rules_count_together_and_a_replaced_one_counts_once() {
    let half = format!("\"{}\"", "x".repeat(60_000));
    let first = returning(&[Effect::SetAccessClaim("a", &half)]);
    let again = returning(&[Effect::SetAccessClaim("a", &half)]);
    let other = returning(&[Effect::SetAccessClaim("b", &half)]);
    let (verdict, reports) = run(&[&first, &again, &other]).await;
    assert_eq!(reports.rules[1].effects[0].refused, None);
    assert!(reports.rules[2].effects[0].refused.is_some());
    assert_eq!(changes(verdict).access_claims.len(), 1);
}

#[tokio::test]
async fn log_lines_obeyed_and_violated() {
    let within = report(&guest("hundred-lines")).await;
    assert_eq!((within.logs.len(), within.logs_dropped), (100, 0));
    assert_eq!(within.logs[0].message, "line \\u{1b}[31m");
    let host = RuleHost::new(
        Limits {
            log_lines: 99,
            ..limits()
        },
        None,
    )
    .unwrap();
    let (_, reports) = run_on(&host, &[&guest("hundred-lines")]).await;
    assert_eq!(reports.rules[0].logs.len(), 99);
    assert_eq!(reports.rules[0].logs_dropped, 1);
}

#[tokio::test]
async fn a_denials_description_obeyed_and_violated() {
    let limit = host().limits().description_chars;
    for (length, kept) in [(limit, limit), (limit + 1, limit)] {
        let (verdict, _) = run(&[&denying(None, &"é".repeat(length))]).await;
        let Verdict::Denied(denial) = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(denial.description.chars().count(), kept);
    }
}

#[tokio::test]
async fn a_chains_length_obeyed_and_violated_whatever_its_bindings_say() {
    let limit = host().limits().chain;
    let empty = guest("empty");
    let mut chain = bind(host(), &vec![&empty[..]; limit]);
    let configuration = BTreeMap::new();
    let (verdict, reports) = host()
        .run(&chain, Somebody("ada"), exchange(), &configuration)
        .await;
    assert!(matches!(verdict, Verdict::Approved(_)));
    assert_eq!(reports.rules.len(), limit);
    chain.push(chain[0].clone());
    for bound in &mut chain {
        bound.on_fault = OnFault::Skip;
    }
    let (verdict, reports) = host()
        .run(&chain, Somebody("ada"), exchange(), &configuration)
        .await;
    assert!(matches!(verdict, Verdict::Faulted));
    assert_eq!(fault(&reports.rules[0]), Some(Fault::Load));
    assert_eq!(reports.rules.len(), 1, "no rule ran");
}

#[tokio::test]
async fn more_chains_than_slots_wait_their_turn() {
    let host = RuleHost::new(
        Limits {
            in_flight: 2,
            concurrency: 1,
            ..limits()
        },
        None,
    )
    .unwrap();
    let chain = bind(&host, &[&guest("grow-memory-to-limit"), &guest("empty")]);
    let configuration = BTreeMap::new();
    let runs = (0..20).map(|_| host.run(&chain, Somebody("ada"), exchange(), &configuration));
    for (verdict, _) in futures_util::future::join_all(runs).await {
        assert!(matches!(verdict, Verdict::Approved(_)), "{verdict:?}");
    }
}
