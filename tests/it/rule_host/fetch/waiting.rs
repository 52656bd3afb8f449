//! A rule that waits holds no thread, uses up none of its time, and keeps nobody else from logging in.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use claimsmith::rule_host::fetch::FetchLimits;
use claimsmith::rule_host::{Fault, Verdict};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::super::fetch_guest::{Fetch, get};
use super::super::guest::guest;
use super::super::harness::{bind, fault};
use super::*;
use crate::support::upstream::{Reply, Upstream, held, network, ok};

/// Until so many requests have arrived.
pub(super) async fn arrived(upstream: &Upstream, count: usize) {
    while upstream.seen().len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn waiting_is_not_computing() {
    let upstream = Upstream::start(|_| Reply::Stall(Vec::new())).await;
    let limits = Limits {
        deadline: Duration::from_millis(50),
        fuel: u64::MAX / 2,
        ..limits()
    };
    let host = host_of(limits, network());
    let slow = get(&upstream.url("/")).within(300);
    let (verdict, report) = run(
        &host,
        &rule(&host, std::slice::from_ref(&slow), &[&upstream.pattern()]),
    )
    .await;
    assert!(matches!(verdict, Verdict::Approved(_)), "{report:?}");
    assert_eq!(answers(&report.rules[0]), ["timed-out"]);
    assert!(
        report.rules[0].duration_us >= 300_000,
        "wall time, all the same"
    );

    // What it computes before and after its waiting is added up.
    let spinning = Fetch {
        spins: u32::MAX / 2,
        ..slow
    };
    let (_, report) = run(&host, &rule(&host, &[spinning], &[&upstream.pattern()])).await;
    assert_eq!(fault(&report.rules[0]), Some(Fault::Deadline));
}

/// One thread, two hundred logins that wait for one tenant's slow server, and another tenant's user.
#[tokio::test(flavor = "current_thread")]
async fn two_hundred_logins_that_wait_do_not_keep_another_tenant_s_user_out() {
    const WAITING: usize = 200;
    let upstream = Upstream::start(|_| held("at last")).await;
    let host = host();
    let slow = rule(&host, &[get(&upstream.url("/"))], &[&upstream.pattern()]);
    let mut waiting: FuturesUnordered<_> =
        (0..WAITING).map(|_| run_as(&host, &slow, "slow")).collect();
    let quick = bind(&host, &[&guest("empty")]);
    let neighbour = async {
        arrived(&upstream, WAITING).await;
        run_as(&host, &quick, "quick").await
    };
    tokio::select! {
        (verdict, _) = neighbour => assert!(matches!(verdict, Verdict::Approved(_))),
        early = waiting.next() => panic!("nobody answered yet: {early:?}"),
    }
    upstream.release();
    let mut done = 0;
    while let Some((verdict, report)) = waiting.next().await {
        assert!(matches!(verdict, Verdict::Approved(_)), "{report:?}");
        assert_eq!(answers(&report.rules[0]), ["at last"]);
        done += 1;
    }
    assert_eq!(done, WAITING);
}

#[tokio::test]
async fn a_tenant_whose_logins_all_wait_is_told_to_come_back_and_the_others_are_not() {
    let upstream = Upstream::start(|_| held("")).await;
    let limits = Limits {
        in_flight: 8,
        queueing: Duration::from_millis(50),
        ..limits()
    };
    let host = host_of(limits, network());
    let slow = rule(&host, &[get(&upstream.url("/"))], &[&upstream.pattern()]);
    let mut waiting: FuturesUnordered<_> = (0..5).map(|_| run_as(&host, &slow, "slow")).collect();
    let (verdict, report) = waiting.next().await.unwrap();
    assert!(matches!(verdict, Verdict::Busy), "the fifth: {verdict:?}");
    assert!(report.rules.is_empty());
    let quick = bind(&host, &[&guest("empty")]);
    let (verdict, _) = run_as(&host, &quick, "quick").await;
    assert!(matches!(verdict, Verdict::Approved(_)), "{verdict:?}");
    upstream.release();
    while let Some((verdict, _)) = waiting.next().await {
        assert!(matches!(verdict, Verdict::Approved(_)), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_rule_that_waits_gives_its_turn_to_compute_away() {
    let upstream = Upstream::start(|_| held("at last")).await;
    let limits = Limits {
        concurrency: 1,
        ..limits()
    };
    let host = host_of(limits, network());
    let slow = rule(&host, &[get(&upstream.url("/"))], &[&upstream.pattern()]);
    let quick = bind(&host, &[&guest("empty")]);
    let waiting = run(&host, &slow);
    let other = async {
        arrived(&upstream, 1).await;
        let (verdict, _) = run(&host, &quick).await;
        upstream.release();
        verdict
    };
    let ((first, report), second) = tokio::join!(waiting, other);
    assert!(matches!(second, Verdict::Approved(_)));
    assert!(matches!(first, Verdict::Approved(_)));
    assert_eq!(answers(&report.rules[0]), ["at last"]);
}

#[tokio::test]
async fn connections_of_a_tenant_are_bounded_and_another_s_are_not_taken_by_them() {
    let upstream = Upstream::start(|seen| match seen.line() {
        "GET /quick" => ok("quick"),
        _ => held(""),
    })
    .await;
    let fetch = FetchLimits {
        connections: 4,
        ..FetchLimits::default()
    };
    let host = host_of(Limits { fetch, ..limits() }, network());
    let slow = rule(
        &host,
        &[get(&upstream.url("/slow"))],
        &[&upstream.pattern()],
    );
    let quick = rule(
        &host,
        &[get(&upstream.url("/quick"))],
        &[&upstream.pattern()],
    );
    let mut waiting: FuturesUnordered<_> = (0..10).map(|_| run_as(&host, &slow, "slow")).collect();
    let neighbour = async {
        arrived(&upstream, 2).await;
        run_as(&host, &quick, "quick").await
    };
    tokio::select! {
        (_, report) = neighbour => assert_eq!(answers(&report.rules[0]), ["quick"]),
        early = waiting.next() => panic!("{early:?}"),
    }
    assert_eq!(
        upstream.seen().len(),
        3,
        "two of the slow tenant, half of four"
    );
    upstream.release();
    while let Some((verdict, _)) = waiting.next().await {
        assert!(matches!(verdict, Verdict::Approved(_)));
    }
    assert_eq!(upstream.seen().len(), 11);
}

#[tokio::test]
async fn the_memory_of_rules_that_wait_is_bounded() {
    let upstream = Upstream::start(|_| held("at last")).await;
    let fetch = FetchLimits {
        // The guest holds 1.6 MiB, which counts as 2; a tenant alone may have half.
        waiting_mib: 8,
        ..FetchLimits::default()
    };
    let host = host_of(Limits { fetch, ..limits() }, network());
    let slow = rule(&host, &[get(&upstream.url("/"))], &[&upstream.pattern()]);
    let mut waiting: FuturesUnordered<_> = (0..3).map(|_| run_as(&host, &slow, "slow")).collect();
    let (_, report) = waiting.next().await.unwrap();
    assert_eq!(answers(&report.rules[0]), ["too many rules wait"]);
    upstream.release();
    while let Some((_, report)) = waiting.next().await {
        assert_eq!(answers(&report.rules[0]), ["at last"]);
    }
}

#[tokio::test]
async fn a_login_given_up_in_the_middle_of_a_request_frees_everything() {
    let upstream = Upstream::start(|_| held("")).await;
    let limits = Limits {
        in_flight: 1,
        concurrency: 1,
        fetch: FetchLimits {
            connections: 1,
            lookups: 1,
            ..FetchLimits::default()
        },
        ..limits()
    };
    let host = host_of(limits, network());
    let slow = rule(&host, &[get(&upstream.url("/"))], &[&upstream.pattern()]);
    for round in 1..=20 {
        let mut call = pin!(run(&host, &slow));
        while upstream.seen().len() < round {
            let mut context = Context::from_waker(Waker::noop());
            let poll = call.as_mut().poll(&mut context);
            assert!(matches!(poll, Poll::Pending));
            tokio::task::yield_now().await;
        }
    }
    upstream.release();
    let (verdict, _) = run(&host, &slow).await;
    assert!(matches!(verdict, Verdict::Approved(_)), "{verdict:?}");
}
