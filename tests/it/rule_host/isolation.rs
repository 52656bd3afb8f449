//! Nothing survives a call, and nobody is hurt when a call is given up.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use claimsmith::rule_host::{Limits, RuleHost, Verdict};

use super::guest::guest;
use super::harness::{Somebody, bind, exchange, limits, messages, report, run_on};

/// One slot, so that every call must get the one that was used before.
fn one_slot() -> RuleHost {
    let limits = Limits {
        in_flight: 1,
        ..limits()
    };
    RuleHost::new(limits, None).unwrap()
}

#[tokio::test]
async fn no_data_survives_between_two_calls_of_a_slot() {
    let host = one_slot();
    // Another component with the same memory, as another tenant's would be.
    let neighbour =
        super::guest::component(&super::guest::text("canary").replace("dirty", "filth"));
    for _ in 0..20 {
        for component in [&guest("canary"), &neighbour] {
            let (_, report) = run_on(&host, &[component]).await;
            assert_eq!(messages(&report.rules[0]), ["clean"]);
        }
    }
}

#[tokio::test]
async fn a_slot_is_clean_after_a_trap_too() {
    let host = one_slot();
    let trapping = super::guest::component(
        &super::guest::text("canary").replace("(i32.const 1024))", "(unreachable))"),
    );
    for _ in 0..10 {
        let (verdict, _) = run_on(&host, &[&trapping]).await;
        assert!(matches!(verdict, Verdict::Faulted));
        let (_, report) = run_on(&host, &[&guest("canary")]).await;
        assert_eq!(messages(&report.rules[0]), ["clean"]);
    }
}

#[tokio::test]
async fn a_call_given_up_in_the_middle_frees_its_slot() {
    let host = one_slot();
    let endless = bind(&host, &[&guest("endless-loop")]);
    let configuration = BTreeMap::new();
    for polls in (1..=3).cycle().take(300) {
        let mut call = pin!(host.run(&endless, Somebody("gone"), exchange(), &configuration));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..polls {
            // Each poll runs until the next tick of the epoch.
            if let Poll::Ready((verdict, _)) = call.as_mut().poll(&mut context) {
                assert!(matches!(verdict, Verdict::Faulted));
                break;
            }
        }
    }
    let (verdict, _) = run_on(&host, &[&guest("empty")]).await;
    assert!(matches!(verdict, Verdict::Approved(_)), "{verdict:?}");
}

#[tokio::test]
async fn calls_on_several_threads_do_not_meet() {
    let runs = (0..50).map(|_| tokio::spawn(async { report(&guest("canary")).await }));
    for report in futures_util::future::join_all(runs).await {
        assert_eq!(messages(&report.unwrap()), ["clean"]);
    }
}
