//! Guests that misbehave, each with the exact fault it ends in. What they do is in `guests/README.md`.

use claimsmith::rule_host::{Fault, Limits, RuleHost, Verdict};

use super::guest::guest;
use super::harness::{detail, fault, host, limits, messages, report, run, run_on};

/// The fault of a guest, and that the host is as good as before.
async fn fault_of(name: &str) -> Option<Fault> {
    let (verdict, mut reports) = run(&[&guest(name)]).await;
    let last = reports.rules.pop().unwrap();
    if fault(&last).is_some() {
        assert!(matches!(verdict, Verdict::Faulted), "{name}: {verdict:?}");
    }
    let after = report(&guest("empty")).await;
    assert_eq!(fault(&after), None, "the host is hurt by {name}");
    fault(&last)
}

#[tokio::test]
async fn an_endless_loop_ends_with_its_fuel() {
    let report = report(&guest("endless-loop")).await;
    assert_eq!(fault(&report), Some(Fault::Fuel));
    assert_eq!(report.fuel, host().limits().fuel);
    assert!(detail(&report).contains("50000000 units of fuel"));
}

#[tokio::test]
async fn an_endless_start_function_ends_with_the_same_fuel() {
    assert_eq!(fault_of("start-loop").await, Some(Fault::Fuel));
}

#[tokio::test]
async fn an_endless_allocator_and_an_endless_clean_up_end_with_their_fuel() {
    assert_eq!(fault_of("realloc-loop").await, Some(Fault::Fuel));
    assert_eq!(fault_of("post-return-loop").await, Some(Fault::Fuel));
}

#[tokio::test]
async fn an_endless_recursion_ends_with_the_stack() {
    assert_eq!(fault_of("endless-recursion").await, Some(Fault::Trap));
}

#[tokio::test]
async fn growing_memory_or_a_table_without_end_is_a_memory_fault() {
    assert_eq!(fault_of("grow-memory").await, Some(Fault::Memory));
    assert_eq!(fault_of("grow-table").await, Some(Fault::Memory));
}

#[tokio::test]
async fn reading_out_of_bounds_is_a_trap() {
    assert_eq!(fault_of("out-of-bounds").await, Some(Fault::Trap));
}

#[tokio::test]
async fn a_trap_leaves_the_lines_before_it() {
    let report = report(&guest("trap-after-log")).await;
    assert_eq!(fault(&report), Some(Fault::Trap));
    assert_eq!(messages(&report), ["about to fail"]);
    assert!(detail(&report).contains("a panic"));
}

#[tokio::test]
async fn what_is_not_the_interfaces_is_an_output_fault() {
    for name in [
        "invalid-utf8",
        "list-out-of-range",
        "no-such-effect",
        "realloc-out-of-range",
    ] {
        assert_eq!(fault_of(name).await, Some(Fault::Output), "{name}");
    }
}

#[tokio::test]
async fn one_string_returned_many_times_is_not_copied_many_times() {
    let report = report(&guest("one-string-many-times")).await;
    assert_eq!(fault(&report), Some(Fault::Output));
    assert!(detail(&report).contains("1048576 bytes at once"));
}

#[tokio::test]
async fn a_long_line_is_cut_and_one_of_ten_megabytes_is_a_fault() {
    let long = report(&guest("long-line")).await;
    assert_eq!(fault(&long), None);
    assert_eq!(long.logs.len(), 1);
    assert_eq!(long.logs[0].message.len(), host().limits().log_line_bytes);
    assert!(long.logs[0].message.ends_with("x…"));
    let longer = report(&guest("longer-line")).await;
    assert_eq!(fault(&longer), Some(Fault::Output));
}

#[tokio::test]
async fn a_million_lines_leave_the_first_hundred_and_a_number() {
    let report = report(&guest("million-lines")).await;
    assert_eq!(fault(&report), None);
    assert_eq!(report.logs.len(), 100);
    assert_eq!(report.logs_dropped, 999_900);
}

#[tokio::test]
async fn the_deadline_interrupts_what_fuel_would_let_run() {
    let host = RuleHost::new(
        Limits {
            deadline: std::time::Duration::from_millis(20),
            fuel: u64::MAX / 2,
            ..limits()
        },
        None,
    )
    .unwrap();
    for name in ["endless-loop", "bulk-torture", "start-loop"] {
        let (verdict, reports) = run_on(&host, &[&guest(name)]).await;
        assert!(matches!(verdict, Verdict::Faulted));
        assert_eq!(fault(&reports.rules[0]), Some(Fault::Deadline), "{name}");
        assert!(detail(&reports.rules[0]).contains("20 ms"), "{name}");
    }
    let (verdict, _) = run_on(&host, &[&guest("empty")]).await;
    assert!(matches!(verdict, Verdict::Approved(_)), "{verdict:?}");
}

/// A rule that loops shares its one thread with whoever else wants to run there.
#[tokio::test(flavor = "current_thread")]
async fn a_looping_rule_yields_to_its_executor() {
    let ticks = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let seen = std::sync::Arc::clone(&ticks);
    let neighbour = tokio::spawn(async move {
        loop {
            seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let report = report(&guest("endless-loop")).await;
    neighbour.abort();
    assert_eq!(fault(&report), Some(Fault::Fuel));
    assert!(
        ticks.load(std::sync::atomic::Ordering::Relaxed) > 1,
        "the neighbour never ran"
    );
}

#[tokio::test]
async fn bulk_operations_pay_by_length() {
    assert_eq!(fault_of("bulk-torture").await, Some(Fault::Fuel));
}
