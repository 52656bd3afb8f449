//! `rule check`.

use serde_json::json;

use super::{Bench, copy_rule, shipped};

#[test]
fn check_prints_interface_imports_size_memory_fuel_digest_and_permissions() {
    let bench = Bench::new();
    let done = bench.run(&["rule", "check", &shipped("extra-scope")]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    for expected in [
        "claimsmith:rules@1.0.0",
        "claimsmith:rules/configuration@1.0.0",
        "1048576 bytes to start with, at most 4194304",
        "at most 50000000",
        "sha256:",
        "extra-scope 1.0.0",
        "may add scopes",
        "EXTRA_SCOPE_CLIENT_ID",
        "may reach hosts",
    ] {
        assert!(
            done.stdout.contains(expected),
            "{expected}: {}",
            done.stdout
        );
    }
    let (code, document) = bench.json(&["rule", "check", &shipped("extra-scope/rule.wasm")]);
    assert_eq!(code, 0);
    assert_eq!(document["manifest"]["scopes"], json!(["*"]));
    assert_eq!(document["remarks"], json!([]));
}

#[test]
fn check_notes_where_the_manifest_and_the_component_do_not_agree() {
    let bench = Bench::new();
    copy_rule(&bench, "extra-scope");
    bench.write(
        "extra-scope/rule.toml",
        "name = \"x\"\nversion = \"1\"\nhosts = [\"api.example\"]",
    );
    let done = bench.run(&["rule", "check", "extra-scope"]);
    assert_eq!(done.code, 0);
    assert!(
        done.stdout
            .contains("note: the component imports `configuration`, and `configuration` is empty")
    );
    assert!(done.stdout.contains("note: `hosts` lists 1"));
}

#[test]
fn a_rule_without_a_manifest_may_do_everything_and_check_says_so() {
    let bench = Bench::new();
    copy_rule(&bench, "extra-scope");
    std::fs::remove_file(bench.path("extra-scope/rule.toml")).unwrap();
    let done = bench.run(&["rule", "check", "extra-scope"]);
    assert!(
        done.stdout.contains("everything the interface offers"),
        "{}",
        done.stdout
    );
}
