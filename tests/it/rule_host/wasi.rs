//! The locked-down WASI.

use claimsmith::rule_host::{Fault, Level};

use super::guest::guest;
use super::harness::{detail, fault, messages, report};

#[tokio::test]
async fn stdout_and_stderr_become_log_lines_and_time_is_the_exchanges() {
    let report = report(&guest("wasi")).await;
    assert_eq!(fault(&report), None, "{report:?}");
    let lines = messages(&report);
    assert_eq!(lines.len(), 5);
    assert_ne!(lines[0], "0000000000000000", "a random number");
    assert_eq!(lines[1], "0000000000000000", "the first reading");
    assert_eq!(lines[2], "00000000000003e8", "a microsecond later");
    assert_eq!(
        lines[3],
        format!("{:016x}", 1_700_000_000),
        "the exchange's time"
    );
    assert_eq!(lines[4], "unfinished");
    assert!(report.logs[..4].iter().all(|l| l.level == Level::Info));
    assert_eq!(report.logs[4].level, Level::Warn);
}

#[tokio::test]
async fn there_are_no_files_and_there_is_no_environment() {
    assert_eq!(fault(&report(&guest("files")).await), None);
    assert_eq!(fault(&report(&guest("environment")).await), None);
}

#[tokio::test]
async fn exit_is_a_trap_that_says_what_to_do() {
    let report = report(&guest("exit")).await;
    assert_eq!(fault(&report), Some(Fault::Trap));
    assert_eq!(
        detail(&report),
        "the rule called `exit`; return from `decide` instead"
    );
}

#[tokio::test]
async fn a_sleep_moves_the_clock_and_does_not_wait() {
    let report = report(&guest("sleep")).await;
    assert_eq!(fault(&report), None);
    assert!(report.duration_us < 60_000_000);
}

#[tokio::test]
async fn hoards_of_handles_and_of_random_bytes_are_refused() {
    let handles = report(&guest("handle-hoard")).await;
    assert_eq!(fault(&handles), Some(Fault::Trap), "{handles:?}");
    assert!(handles.fuel < 1_000_000);
    let random = report(&guest("random-hoard")).await;
    assert_eq!(fault(&random), Some(Fault::Trap));
    assert!(detail(&random).contains("64 KiB of random bytes"));
}
