//! `rule test`.

use serde_json::{Value, json};

use super::{Bench, copy_rule, shipped};

const INPUT: &str = r#"{"exchange": {"user": {"id": "u", "roles": ["a"]}, "draft": {"scopes": ["x"]}},
    "configuration": {"CLAIMS_NAMESPACE": "https://acme.example"}}"#;

#[test]
fn the_shipped_rules_pass_their_cases_and_coverage_says_what_they_set_and_read() {
    let bench = Bench::new();
    let done = bench.run(&[
        "rule",
        "test",
        &shipped(""),
        "--coverage",
        "--junit",
        "results.xml",
    ]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    assert!(
        done.stdout
            .contains("case the-client-gets-the-scope ... ok")
    );
    assert!(done.stdout.contains("0 failed"));
    let junit = std::fs::read_to_string(bench.path("results.xml")).unwrap();
    assert!(junit.contains("<testsuite name=\"extra-scope\"") && junit.contains("failures=\"0\""));

    let (_, document) = bench.json(&["rule", "test", &shipped("extra-scope")]);
    let coverage = &document["suites"][0]["coverage"][0];
    assert_eq!(
        coverage["configuration"],
        json!(["EXTRA_SCOPE", "EXTRA_SCOPE_CLIENT_ID"])
    );
    assert_eq!(
        (&coverage["ran"], &coverage["unused"]),
        (&json!(8), &json!([]))
    );
    assert_eq!(coverage["scopes"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_case_that_differs_fails_with_what_was_expected_and_what_came_and_blessing_settles_it() {
    let bench = Bench::new();
    copy_rule(&bench, "roles-to-claims");
    bench.write("roles-to-claims/cases/one/input.json", INPUT);
    bench.write(
        "roles-to-claims/cases/one/expect.json",
        r#"{"outcome": "denied", "scopes": ["x"], "access_claims": {}}"#,
    );
    bench.write("roles-to-claims/cases/two/input.json", INPUT);
    let failed = bench.run(&["rule", "test", "roles-to-claims", "--junit", "results.xml"]);
    assert_eq!(failed.code, 1, "{}{}", failed.stdout, failed.stderr);
    for line in [
        "case one ... FAILED",
        "outcome: expected \"denied\", got \"allowed\"",
        "access_claims: expected {}, got {\"https://acme.example/roles\":[\"a\"]}",
        "there is no expect.json; `--bless` writes one",
        "result: FAILED. 0 passed; 2 failed",
    ] {
        assert!(failed.stdout.contains(line), "{line}: {}", failed.stdout);
    }
    let junit = std::fs::read_to_string(bench.path("results.xml")).unwrap();
    assert!(junit.contains("failures=\"2\""), "{junit}");

    let blessed = bench.run(&["rule", "test", "roles-to-claims", "--bless"]);
    assert_eq!(blessed.code, 0);
    assert!(blessed.stdout.contains("case two ... blessed"));
    let text =
        std::fs::read_to_string(bench.path("roles-to-claims/cases/two/expect.json")).unwrap();
    let expectation: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        expectation["access_claims"],
        json!({"https://acme.example/roles": ["a"]})
    );
    assert_eq!(bench.run(&["rule", "test", "roles-to-claims"]).code, 0);
    assert_eq!(
        bench
            .run(&["rule", "test", "roles-to-claims", "--filter", "tw"])
            .code,
        0
    );
}

/// The same table three times.
const TABLES: [(&str, &str); 3] = [
    (
        "cases.json",
        r#"{"rules": ["roles-to-claims", "extra-scope"],
            "exchange": {"client": {"id": "till"}, "api": {"scopes": ["export"]},
                         "user": {"id": "u", "roles": ["a"]}, "draft": {"scopes": ["x"]}},
            "configuration": {"EXTRA_SCOPE": "export", "EXTRA_SCOPE_CLIENT_ID": "till"},
            "cases": [
              {"name": "both", "expect": {"outcome": "allowed", "includes": {"scopes": ["export"]},
                                          "absent": {"scopes": ["admin"], "access_claims": ["tier"]}}},
              {"name": "machine", "exchange": {"user": null, "client": {"id": "other"}},
               "expect": {"outcome": "allowed", "scopes": ["x"], "access_claims": {}}}]}"#,
    ),
    (
        "cases.toml",
        r#"rules = ["roles-to-claims", "extra-scope"]
            [exchange]
            client = { id = "till" }
            api = { scopes = ["export"] }
            user = { id = "u", roles = ["a"] }
            draft = { scopes = ["x"] }
            [configuration]
            EXTRA_SCOPE = "export"
            EXTRA_SCOPE_CLIENT_ID = "till"
            [[cases]]
            name = "both"
            [cases.expect]
            outcome = "allowed"
            includes = { scopes = ["export"] }
            absent = { scopes = ["admin"], access_claims = ["tier"] }
            [[cases]]
            name = "another client"
            exchange = { client = { id = "other" } }
            expect = { outcome = "allowed", scopes = ["x"] }"#,
    ),
    (
        "cases.yaml",
        r#"
rules: [roles-to-claims, extra-scope]
exchange:
  client: { id: till }
  api: { scopes: [export] }
  user: { id: u, roles: [a] }
  draft: { scopes: [x] }
configuration: { EXTRA_SCOPE: export, EXTRA_SCOPE_CLIENT_ID: till }
cases:
  - name: both
    expect:
      outcome: allowed
      includes: { scopes: [export] }
      absent: { scopes: [admin], access_claims: [tier] }
  - name: another client
    exchange: { client: { id: other } }
    expect: { outcome: allowed, scopes: [x] }
"#,
    ),
];

#[test]
fn a_table_in_json_toml_or_yaml_tests_a_chain() {
    let bench = Bench::new();
    copy_rule(&bench, "roles-to-claims");
    copy_rule(&bench, "extra-scope");
    for (name, table) in TABLES {
        bench.write(name, table);
        let (code, document) = bench.json(&["rule", "test", name]);
        assert_eq!(code, 0, "{name}: {document:#}");
        assert_eq!(
            document["suites"][0]["cases"].as_array().map(Vec::len),
            Some(2)
        );
        let chain = &document["suites"][0]["coverage"];
        assert_eq!(chain[1]["scopes"], json!(["export"]), "{name}");
    }
}

#[test]
fn includes_and_absent_find_what_is_missing_and_what_should_be() {
    let bench = Bench::new();
    copy_rule(&bench, "roles-to-claims");
    bench.write("roles-to-claims/cases/one/input.json", INPUT);
    bench.write(
        "roles-to-claims/cases/one/expect.json",
        r#"{"outcome": "allowed",
            "includes": {"scopes": ["y"], "access_claims": {"https://acme.example/roles": ["b"]}, "logs": ["hello"]},
            "absent": {"scopes": ["x"], "id_claims": ["https://acme.example/roles"]}}"#,
    );
    let (code, document) = bench.json(&["rule", "test", "roles-to-claims"]);
    assert_eq!(code, 1);
    assert_eq!(
        document["suites"][0]["cases"][0]["differences"],
        json!([
            "includes.scopes: `y` is not granted",
            "includes.access_claims.https://acme.example/roles: expected [\"b\"], got [\"a\"]",
            "includes.logs: no line contains `hello`",
            "absent.scopes: `x` is granted",
            "absent.id_claims: `https://acme.example/roles` is [\"a\"]",
        ])
    );
}

#[test]
fn coverage_says_what_it_cannot_see() {
    let bench = Bench::new();
    let rule = shipped("plan-action");
    let (_, document) = bench.json(&["rule", "test", &rule, "--coverage"]);
    let coverage = &document["suites"][0]["coverage"][0];
    assert_eq!(
        (&coverage["configuration"], &coverage["unused"]),
        (&json!(null), &json!(["claim http://*"])),
        "a key is not said to be unused where nobody saw"
    );
    let shown = bench.run(&["rule", "test", &rule, "--coverage"]).stdout;
    assert!(shown.contains("(not seen)"), "{shown}");
    assert!(shown.contains("(what a rule reads of an exchange cannot be seen"));
}
