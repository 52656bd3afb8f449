//! `rule run`.

use serde_json::json;

use super::{Bench, copy_rule, shipped};

#[test]
fn options_make_an_exchange_and_two_rules_run_on_it_in_order() {
    let bench = Bench::new();
    let (code, document) = bench.json(&[
        "rule",
        "run",
        &shipped("roles-to-claims"),
        &shipped("extra-scope"),
        "--user-email",
        "ada@acme.example",
        "--role",
        "editor",
        "--client",
        "till",
        "--scope",
        "openid read",
        "--audience",
        "https://orders.example/",
        "--api-scope",
        "export",
        "--set",
        "CLAIMS_NAMESPACE=https://acme.example",
        "--set",
        "EXTRA_SCOPE=export",
        "--set",
        "EXTRA_SCOPE_CLIENT_ID=till",
    ]);
    assert_eq!(code, 0);
    assert_eq!(document["outcome"], json!("allowed"));
    assert_eq!(document["before"]["scopes"], json!(["openid", "read"]));
    assert_eq!(
        document["after"]["scopes"],
        json!(["openid", "read", "export"])
    );
    let claims = &document["after"]["access_claims"];
    assert_eq!(claims["https://acme.example/roles"], json!(["editor"]));
    assert_eq!(
        (&claims["azp"], &claims["aud"]),
        (&json!("till"), &json!("https://orders.example/"))
    );
    assert_eq!(
        document["rules"][0]["keys_read"],
        json!(["CLAIMS_NAMESPACE"])
    );
    assert_eq!(
        document["limits"][0]["memory_bytes"],
        json!(4 << 20),
        "lowered by the manifest"
    );
    assert_eq!(document["provenance"][2]["rule"], json!("extra-scope"));
}

#[test]
fn people_read_effects_a_diff_the_log_and_what_was_used_of_each_limit() {
    let bench = Bench::new();
    let arguments = [
        "rule",
        "run",
        &shipped("roles-to-claims"),
        "--role",
        "editor",
    ];
    let done = bench.run(&arguments);
    assert_eq!(done.code, 0, "{}", done.stderr);
    for expected in [
        "roles-to-claims: allowed",
        "  set-access-claim ",
        "+     \"https://",
        "% of 50000000), memory 1024 KiB (25 % of 4096 KiB)",
        "% of 250 ms)",
        "outcome: allowed",
    ] {
        assert!(
            done.stdout.contains(expected),
            "{expected}: {}",
            done.stdout
        );
    }
    assert!(!done.stdout.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn colours_come_when_forced_and_never_against_no_color() {
    let bench = Bench::new();
    let arguments = [
        "rule",
        "run",
        &shipped("roles-to-claims"),
        "--role",
        "editor",
    ];
    let coloured = |no_color: bool| {
        let mut command = bench.command(&arguments);
        command.env("CLICOLOR_FORCE", "1");
        if no_color {
            command.env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1");
        }
        let output = command.output().unwrap().stdout;
        String::from_utf8(output).unwrap().contains("\u{1b}[32m+ ")
    };
    assert!(coloured(false));
    assert!(!coloured(true));
}

#[test]
fn the_exit_code_tells_allow_deny_and_fault_apart() {
    let bench = Bench::new();
    let list = shipped("email-allow-list");
    let domains = "ALLOWED_EMAIL_DOMAINS=acme.example";
    let run = |email: &str| {
        bench.run(&[
            "rule",
            "run",
            &list,
            "--user-email",
            email,
            "--set",
            domains,
        ])
    };
    assert_eq!(run("ada@acme.example").code, 0);
    let denied = run("eve@evil.example");
    assert_eq!(denied.code, 2);
    assert!(denied.stdout.contains("denied: a verified e-mail address"));
    // Under a manifest that does not list the key.
    copy_rule(&bench, "email-allow-list");
    bench.write(
        "email-allow-list/rule.toml",
        "name = \"x\"\nversion = \"1\"",
    );
    let faulted = bench.run(&["rule", "run", "email-allow-list", "--set", domains]);
    assert_eq!(faulted.code, 4);
    assert!(
        faulted
            .stdout
            .contains("faulted (manifest): the rule read the configuration key")
    );
    let skipped = bench.run(&["rule", "run", "email-allow-list", "--on-fault", "skip"]);
    assert_eq!(skipped.code, 0, "{}", skipped.stdout);
}

#[test]
fn a_file_s_exchange_is_changed_by_options_and_a_machine_has_no_user() {
    let bench = Bench::new();
    bench.write(
        "exchange.json",
        r#"{"exchange": {"user": {"id": "auth0|1", "roles": ["a"]}, "draft": {"scopes": ["x"]}}}"#,
    );
    let rule = shipped("roles-to-claims");
    let arguments = [
        "rule",
        "run",
        &rule,
        "--input",
        "exchange.json",
        "--role",
        "b",
    ];
    let (_, document) = bench.json(&arguments);
    let effect = &document["rules"][0]["effects"][0];
    assert_eq!(effect["value"], json!(["a", "b"]));
    assert_eq!(
        document["after"]["access_claims"].get("sub"),
        None,
        "the file's draft has none"
    );
    let (code, document) = bench.json(&["rule", "run", &rule, "--no-user"]);
    assert_eq!((code, &document["rules"][0]["effects"]), (0, &json!([])));
    assert_eq!(
        document["before"]["access_claims"]["sub"],
        json!("client-1@clients")
    );
}
