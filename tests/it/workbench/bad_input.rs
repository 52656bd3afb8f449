//! What is not what it must be: one sentence that names the file, exit code 3 or 64, no panic.

use super::{Bench, copy_rule, shipped};
use crate::rule_host::guest;

const EMPTY: &str = r#"{"exchange": {}}"#;

/// Runs it, and takes the one line of complaint.
#[track_caller]
fn complaint(bench: &Bench, arguments: &[&str], code: i32) -> String {
    let done = bench.run(arguments);
    assert_eq!(
        done.code, code,
        "{arguments:?}: {}{}",
        done.stdout, done.stderr
    );
    assert_eq!(done.stdout, "", "{arguments:?}");
    let line = done.stderr.trim_end_matches('\n');
    assert!(
        line.starts_with("error: ") && !line.contains('\n'),
        "{line}"
    );
    assert!(!line.contains("panicked"), "{line}");
    line.to_owned()
}

#[test]
fn what_is_no_rule_is_refused_by_check_run_and_test_alike() {
    let bench = Bench::new();
    let text = guest::text("empty");
    let other_version = |wit: String| wit.replace("@1.0.0", "@9.0.0");
    let other_world = |wit: String| wit.replace("export decide: func(", "export judge: func(");
    for (name, bytes, sentence) in [
        ("text.wasm", b"hell\xf6".to_vec(), "this is not WebAssembly"),
        ("nothing.wasm", vec![], "it is empty"),
        (
            "core.wasm",
            b"\0asm\x01\0\0\0".to_vec(),
            "a core WebAssembly module",
        ),
        (
            "version.wasm",
            guest::component_of(&text, other_version),
            "version `9.0.0` of `claimsmith:rules`",
        ),
        (
            "world.wasm",
            guest::component_of(&text.replace("decide", "judge"), other_world),
            "does not export `decide`; its exports are: `judge`",
        ),
    ] {
        bench.write(name, bytes);
        bench.write("cases/one/input.json", EMPTY);
        for arguments in [
            &["rule", "check", name][..],
            &["rule", "run", name],
            &["rule", "test", ".", "--rule", name],
        ] {
            let line = complaint(&bench, arguments, 3);
            assert!(line.contains(name) && line.contains(sentence), "{line}");
        }
    }
}

#[test]
fn a_file_of_200_mb_is_refused_without_being_read() {
    let bench = Bench::new();
    let file = std::fs::File::create(bench.path("huge.wasm")).unwrap();
    file.set_len(200 << 20).unwrap();
    let line = complaint(&bench, &["rule", "check", "huge.wasm"], 3);
    assert!(line.contains("`huge.wasm` has 209715200 bytes, and a rule may have at most 33554432"));
}

#[test]
fn a_wrong_key_in_a_case_a_table_or_a_manifest_is_named_with_file_and_line() {
    let bench = Bench::new();
    copy_rule(&bench, "extra-scope");
    let case = "extra-scope/cases/one";
    bench.write(&format!("{case}/input.json"), EMPTY);
    bench.write(
        &format!("{case}/expect.json"),
        "{\n  \"outcome\": \"allowed\",\n  \"scope\": []\n}",
    );
    let test = ["rule", "test", "extra-scope"];
    let line = complaint(&bench, &test, 3);
    assert!(
        line.contains("expect.json`: unknown field `scope`") && line.contains("at line 3"),
        "{line}"
    );

    bench.write(&format!("{case}/expect.json"), "{\"outcome\": \"allowed\"}");
    bench.write(
        &format!("{case}/input.json"),
        "{\"exchange\": {\"usr\": {}}}",
    );
    let line = complaint(&bench, &test, 3);
    assert!(line.contains("input.json`: unknown field `usr`"), "{line}");

    std::fs::remove_dir_all(bench.path(case)).unwrap();
    for (name, table, expected) in [
        (
            "cases.toml",
            "[[cases]]\nname = \"a\"\nexpekt = {}",
            "line 3: unknown field `expekt`",
        ),
        (
            "cases.yaml",
            "cases:\n  - name: a\n    expekt: {}\n",
            "expekt",
        ),
        (
            "cases.json",
            "{\"cases\": [{\"name\": \"a\", \"exchange\": {\"usr\": 1}, \"expect\": {\"outcome\": \"allowed\"}}]}",
            "case `a`: exchange: unknown field `usr`",
        ),
        (
            "cases.txt",
            "",
            "a table of cases is a `.json`, `.toml` or `.yaml` file",
        ),
    ] {
        bench.write(name, table);
        let line = complaint(&bench, &["rule", "test", name], 3);
        assert!(line.contains(name) && line.contains(expected), "{line}");
    }

    bench.write(
        "extra-scope/rule.toml",
        "name = \"x\"\nversion = \"1\"\nclaim = []",
    );
    let line = complaint(&bench, &["rule", "check", "extra-scope"], 3);
    assert!(
        line.contains("rule.toml`: line 3: unknown field `claim`"),
        "{line}"
    );
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_missing() {
    let bench = Bench::new();
    let rule = shipped("extra-scope");
    assert!(
        complaint(&bench, &["rule", "check", "none.wasm"], 3).contains("cannot read `none.wasm`")
    );
    assert!(
        complaint(&bench, &["rule", "run", &rule, "--input", "none.json"], 3).contains("none.json")
    );
    assert!(complaint(&bench, &["rule", "test", "none"], 64).contains("there is no `none`"));
    assert!(complaint(&bench, &["rule", "test", "."], 64).contains("has no cases"));
}

#[test]
fn nonsense_in_options_is_64() {
    let bench = Bench::new();
    let rule = shipped("extra-scope");
    for arguments in [
        &["--user-metadata", "[1]"][..],
        &["--set", "no-equals-sign"],
        &["--grant", "implicit"],
        &["--no-user", "--role", "a"],
        &["--now", "yesterday"],
    ] {
        let done = bench.run(&[&["rule", "run", &rule], arguments].concat());
        assert_eq!(done.code, 64, "{arguments:?}");
        assert!(!done.stderr.contains("panicked"));
    }
}
