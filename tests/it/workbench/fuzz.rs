//! `rule fuzz`.

use serde_json::json;

use super::{Bench, copy_rule, shipped};
use crate::rule_host::guest::{Effect, returning};

#[test]
fn the_shipped_rules_do_not_fault_and_a_seed_repeats_a_search() {
    let bench = Bench::new();
    for rule in [
        "roles-to-claims",
        "extra-scope",
        "email-allow-list",
        "email-allow-list-c",
    ] {
        let rule = shipped(rule);
        let arguments = ["rule", "fuzz", &rule, "--cases", "100", "--seed", "7"];
        let (code, once) = bench.json(&arguments);
        assert_eq!(code, 0, "{rule}: {once:#}");
        assert_eq!(once["tally"]["exchanges"], json!(100));
        let (_, again) = bench.json(&arguments);
        assert_eq!(once, again);
    }
}

#[test]
fn a_scope_outside_the_manifest_is_found_made_small_and_kept_as_a_case_that_fails() {
    let bench = Bench::new();
    copy_rule(&bench, "extra-scope");
    bench.write(
        "extra-scope/rule.wasm",
        returning(&[Effect::AddScope("admin")]),
    );
    let (code, found) = bench.json(&["rule", "fuzz", "extra-scope", "--seed", "1"]);
    assert_eq!(code, 0, "its manifest allows every scope: {found:#}");
    bench.write(
        "extra-scope/rule.toml",
        "name = \"x\"\nversion = \"1\"\nscopes = [\"export\"]",
    );
    let (code, found) = bench.json(&["rule", "fuzz", "extra-scope", "--seed", "1"]);
    assert_eq!(code, 4, "{found:#}");
    let case = bench.path("extra-scope/cases/fuzz-manifest-1/input.json");
    let text = std::fs::read_to_string(&case).unwrap();
    let input: serde_json::Value = serde_json::from_str(&text).unwrap();
    // It faults on everything, so the smallest exchange has next to nothing in it.
    assert!(text.len() < 500, "{text}");
    assert_eq!(input["exchange"]["id"], json!("fuzz"));
    let failing = bench.run(&["rule", "test", "extra-scope"]);
    assert_eq!(failing.code, 1);
    assert!(failing.stdout.contains("fuzz-manifest-1 ... FAILED"));
    assert!(
        failing.stdout.contains("faulted (manifest)"),
        "{}",
        failing.stdout
    );
}
