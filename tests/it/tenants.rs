//! Tenants by the command line.

use serde_json::json;

use crate::support::command::Cli;

#[test]
fn a_tenant_is_suspended_resumed_bounded_and_deleted_by_hand() {
    let cli = Cli::new();
    cli.json(&["init", "--tenant", "acme"]);
    cli.json(&["tenant", "create", "beta"]);
    let set = ["--users", "5", "--exchanges-per-second", "10"];
    let quotas = cli.json(&[&["tenant", "set-quota", "beta"][..], &set].concat());
    assert_eq!(
        quotas["quotas"],
        json!({ "rules": null, "users": 5, "fuel_per_second": null, "exchanges_per_second": 10 })
    );
    let quotas = cli.json(&["tenant", "set-quota", "beta", "--users", "none"]);
    assert_eq!(quotas["quotas"]["users"], json!(null));
    assert_eq!(quotas["quotas"]["exchanges_per_second"], 10);
    let domain = ["tenant", "domain", "add", "beta", "login.beta.example"];
    assert_eq!(cli.json(&domain)["domains"], json!(["login.beta.example"]));
    let shown = cli.run(&["tenant", "show", "beta"]).stdout;
    assert!(
        shown.contains("login.beta.example") && shown.contains("10 exchanges/s"),
        "{shown}"
    );
    let domain = ["tenant", "domain", "remove", "beta", "login.beta.example"];
    assert_eq!(cli.json(&domain)["domains"], json!([]));
    assert_eq!(
        cli.json(&["tenant", "suspend", "beta"])["status"],
        "suspended"
    );
    assert_eq!(cli.json(&["tenant", "resume", "beta"])["status"], "active");

    let shown = cli.json(&["tenant", "set", "acme", "--operator", "true"]);
    assert_eq!(shown["is_operator"], true);
    for (arguments, sentence) in [
        (
            vec!["tenant", "delete", "acme", "--yes"],
            "the operator's tenant is not deleted",
        ),
        (
            vec!["tenant", "delete", "beta"],
            "say --yes if that is meant",
        ),
        (
            vec!["tenant", "set-quota", "beta", "--users", "many"],
            "neither a whole number nor `none`",
        ),
        (
            vec!["tenant", "domain", "add", "beta", "acme.localhost"],
            "names under `localhost`",
        ),
    ] {
        let done = cli.run(&arguments);
        assert!(
            done.code != 0 && done.stderr.contains(sentence),
            "{}",
            done.stderr
        );
    }
    cli.json(&["tenant", "delete", "beta", "--yes"]);
    let left = cli.json(&["tenant", "list"]);
    assert_eq!(left.as_array().unwrap().len(), 1);
    let gone = cli.run(&["tenant", "delete", "beta", "--yes"]);
    assert_eq!(gone.code, 64, "{}", gone.stderr);
}
