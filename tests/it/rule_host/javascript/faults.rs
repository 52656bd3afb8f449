//! Each ends one login, with its name in the tenant's log, and leaves the host as good as before.

use std::time::Duration;

use claimsmith::rule_host::{Fault, Limits, RuleHost, RuleReport};

use super::super::harness::{detail, fault, limits, messages, run_on};
use super::{alone, classic, passing};

/// How a rule fails, and that the next one does not.
async fn failing(body: &str) -> RuleReport {
    let report = alone(&classic(body)).await;
    let after = alone(&passing("")).await;
    assert_eq!(fault(&after), None, "the host is hurt by {body}");
    report
}

#[tokio::test]
async fn an_endless_loop_ends_with_its_fuel() {
    let report = failing("for (;;) {}").await;
    assert_eq!(fault(&report), Some(Fault::Fuel));
    assert_eq!(report.fuel, limits().javascript_fuel);
    assert!(detail(&report).contains("a loop that does not end"));
}

#[tokio::test]
async fn an_endless_loop_in_a_promise_s_callback_ends_with_its_fuel() {
    let report = failing("Promise.resolve().then(() => { while (true); });").await;
    assert_eq!(fault(&report), Some(Fault::Fuel));
}

#[tokio::test]
async fn promises_that_make_promises_without_end_do_so_too() {
    let report = failing("const again = () => Promise.resolve().then(again); again();").await;
    assert_eq!(fault(&report), Some(Fault::Fuel));
}

#[tokio::test]
async fn what_takes_too_long_ends_at_its_deadline() {
    let host = RuleHost::new(
        Limits {
            javascript_fuel: u64::MAX / 2,
            deadline: Duration::from_millis(50),
            ..Limits::default()
        },
        None,
    )
    .unwrap();
    let source = classic("for (;;) {}");
    let (_, reports) = run_on(&host, &[source.as_bytes()]).await;
    assert_eq!(fault(&reports.rules[0]), Some(Fault::Deadline));
    assert!(detail(&reports.rules[0]).contains("50 ms"));
}

#[tokio::test]
async fn memory_without_end_ends_in_a_memory_fault() {
    let report = failing("const all = []; for (;;) all.push(new Uint8Array(1 << 20));").await;
    assert_eq!(fault(&report), Some(Fault::Memory));
    let most = limits().javascript_memory_bytes.to_string();
    assert!(detail(&report).contains(&most), "{}", detail(&report));
}

#[tokio::test]
async fn a_string_of_16_mb_is_no_fault_and_as_a_claim_it_is_one() {
    let body = "let s = 'x'; while (s.length < 10 << 20) s += s;";
    let held = alone(&passing(&format!("{body} console.log(`${{s.length}}`);"))).await;
    assert_eq!(fault(&held), None, "{:?}", held.outcome);
    assert_eq!(messages(&held), ["16777216"]);

    let claim = "context.accessToken['https://acme.example/s'] = s;";
    let told = alone(&passing(&format!("{body} {claim}"))).await;
    let named = fault(&told);
    assert!(
        matches!(named, Some(Fault::Output | Fault::Fuel)),
        "{named:?}"
    );
}

#[tokio::test]
async fn a_recursion_without_end_is_an_error_with_its_place() {
    let report = failing("function deeper() { return deeper() + 1; }\ndeeper();").await;
    assert_eq!(fault(&report), Some(Fault::Exception));
    assert!(detail(&report).contains("stack"), "{}", detail(&report));
    assert!(
        detail(&report).contains("rule.js:2:"),
        "{}",
        detail(&report)
    );
}

#[tokio::test]
async fn a_recursion_that_is_caught_is_no_fault() {
    let body = "function deeper() { return deeper() + 1; }
        let caught; try { deeper(); } catch (e) { caught = e.name; } console.log(caught);";
    let report = alone(&passing(body)).await;
    assert_eq!(fault(&report), None, "{:?}", report.outcome);
    assert_eq!(messages(&report), ["RangeError"]);
}

#[tokio::test]
async fn deep_json_neither_parses_nor_leaves_the_rule() {
    let parsed = failing("JSON.parse('['.repeat(100000));").await;
    assert_eq!(fault(&parsed), Some(Fault::Exception));

    let nested = "let deep = 1; for (let i = 0; i < 40; i++) deep = [deep];
        context.accessToken['https://acme.example/deep'] = deep;";
    let report = alone(&passing(nested)).await;
    assert_eq!(fault(&report), None);
    let refused = report.effects[0].refused.as_deref();
    assert_eq!(refused, Some("its JSON nests 40 deep and may nest 32"));
}

#[tokio::test]
async fn a_flood_of_lines_is_cut_and_counted() {
    let report = alone(&passing(
        "for (let i = 0; i < 300; i++) console.log(`line ${i}`);",
    ))
    .await;
    assert_eq!(fault(&report), None);
    assert_eq!(report.logs.len(), limits().log_lines);
    assert_eq!(report.logs_dropped, 300 - limits().log_lines as u64);
    assert_eq!(report.logs[1].message, "line 1");
}

#[tokio::test]
async fn a_flood_of_claims_is_an_output_fault() {
    let body =
        "for (let i = 0; i < 1000; i++) context.accessToken['https://acme.example/' + i] = i;";
    let report = alone(&passing(body)).await;
    assert_eq!(fault(&report), Some(Fault::Output));
    assert!(
        detail(&report).contains("may return 256"),
        "{}",
        detail(&report)
    );
}

#[tokio::test]
async fn what_is_thrown_is_named_with_the_author_s_own_line_and_column() {
    let report = failing("const roles = user.nothing;\n  roles.forEach(console.log);").await;
    assert_eq!(fault(&report), Some(Fault::Exception));
    assert!(
        detail(&report).starts_with("TypeError: "),
        "{}",
        detail(&report)
    );
    assert!(
        detail(&report).contains("rule.js:3:"),
        "{}",
        detail(&report)
    );
    assert!(
        messages(&report)
            .iter()
            .any(|line| line.contains("rule.js:3:")),
        "{:?}",
        report.logs
    );
    assert!(
        !messages(&report)
            .iter()
            .any(|line| line.contains("driver.js")),
        "{:?}",
        report.logs
    );
}

#[tokio::test]
async fn keys_that_are_derived_again_and_again_end_with_the_fuel() {
    let derive = "require('crypto').pbkdf2Sync('p', 's', 200000, 64, 'sha512');";
    let once = alone(&passing(derive)).await;
    assert_eq!(fault(&once), None, "{:?}", once.outcome);
    assert!(once.fuel > limits().javascript_fuel / 2, "{}", once.fuel);
    let report = failing(&format!("for (;;) {derive}")).await;
    assert_eq!(fault(&report), Some(Fault::Fuel));
}
