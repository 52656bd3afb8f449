//! Several rules in a row.

use std::collections::BTreeMap;

use claimsmith::rule_host::{Fault, OnFault, Outcome, Verdict};
use claimsmith::secret::Secret;

use super::guest::{Effect, denying, guest, returning};
use super::harness::{Somebody, bind, changes, exchange, fault, host, messages, run};

#[tokio::test]
async fn no_rules_approve_the_draft_as_it_is() {
    let (verdict, report) = run(&[]).await;
    let Verdict::Approved(approved) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(approved.subject(), &Somebody("ada"));
    assert_eq!(approved.changes().scopes, ["openid", "read"]);
    assert!(approved.changes().access_claims.is_empty());
    assert!(report.rules.is_empty());
}

#[tokio::test]
async fn a_rule_sees_the_draft_as_the_rules_before_it_left_it() {
    let first = returning(&[
        Effect::SetAccessClaim("tier", "\"gold\""),
        Effect::SetAccessClaim("new", "1"),
        Effect::RemoveIdClaim("nickname"),
        Effect::AddScope("extra"),
        Effect::MergeUserMetadata(r#"{"size": 3}"#),
        Effect::MergeAppMetadata(r#"{"plan": null}"#),
        Effect::Share("score", "{\"risk\": 7}"),
    ]);
    let (verdict, report) = run(&[&guest("echo"), &first, &guest("echo")]).await;
    assert!(matches!(verdict, Verdict::Approved(_)));
    assert_eq!(
        messages(&report.rules[0]),
        [
            r#"{"sub":"auth0|1","tier":"basic"}"#,
            r#"{"nickname":"ada","sub":"auth0|1"}"#,
            r#"{"colour":"red"}"#,
            r#"{"plan":"free"}"#,
            "openid",
            "read",
            "(none)",
        ]
    );
    assert_eq!(
        messages(&report.rules[2]),
        [
            r#"{"sub":"auth0|1","new":1,"tier":"gold"}"#,
            r#"{"sub":"auth0|1"}"#,
            r#"{"colour":"red","size":3}"#,
            "{}",
            "openid",
            "read",
            "extra",
            "score",
            r#"{"risk":7}"#,
            "(none)",
        ]
    );
}

#[tokio::test]
async fn without_a_user_nothing_of_one_is_shown_or_merged() {
    let mut machine = exchange();
    machine.user = None;
    let merge = returning(&[Effect::MergeUserMetadata("{\"a\": 1}")]);
    let chain = bind(host(), &[&guest("echo"), &merge]);
    let (verdict, report) = host()
        .run(&chain, Somebody("machine"), machine, &BTreeMap::new())
        .await;
    assert_eq!(messages(&report.rules[0]).len(), 5);
    let refused = report.rules[1].effects[0].refused.as_deref();
    assert_eq!(refused, Some("there is no user in this exchange"));
    assert!(changes(verdict).user_metadata.is_empty());
}

#[tokio::test]
async fn a_rule_reads_the_configuration_and_no_report_shows_it() {
    let configuration = BTreeMap::from([
        ("colour".to_owned(), Secret::new("teal")),
        ("api_key".to_owned(), Secret::new("hunter2")),
    ]);
    let chain = bind(host(), &[&guest("echo")]);
    let (_, report) = host()
        .run(&chain, Somebody("ada"), exchange(), &configuration)
        .await;
    assert_eq!(messages(&report.rules[0]).last(), Some(&"teal"));
    assert!(!format!("{report:?}").contains("hunter2"));
}

#[tokio::test]
async fn no_host_on_the_network_is_allowed_unless_a_binding_says_so() {
    let (_, report) = run(&[&guest("fetch")]).await;
    assert_eq!(messages(&report.rules[0])[1..], ["refused"]);
}

#[tokio::test]
async fn the_last_rule_to_set_a_claim_wins_and_is_named() {
    let (verdict, report) = run(&[
        &returning(&[
            Effect::SetAccessClaim("a", "1"),
            Effect::SetAccessClaim("b", "1"),
        ]),
        &returning(&[Effect::SetAccessClaim("a", "2")]),
    ])
    .await;
    assert_eq!(changes(verdict).access_claims["a"], Some(2.into()));
    let who: Vec<(&str, &str)> = report
        .provenance
        .iter()
        .map(|p| (p.name.as_str(), p.rule.as_str()))
        .collect();
    assert_eq!(who, [("b", "rule-1"), ("a", "rule-2")]);
}

#[tokio::test]
async fn a_denial_ends_the_chain() {
    let (verdict, report) = run(&[
        &returning(&[Effect::RequireMfa("any", true)]),
        &denying(Some("access_denied"), "no"),
        &guest("endless-loop"),
    ])
    .await;
    assert!(matches!(verdict, Verdict::Denied(d) if d.description == "no"));
    assert_eq!(report.rules.len(), 2);
    assert!(matches!(report.rules[1].outcome, Outcome::Denied(_)));
}

#[tokio::test]
async fn a_demand_for_a_second_factor_is_answered_when_the_chain_is_through() {
    let (verdict, report) = run(&[
        &returning(&[Effect::RequireMfa("guardian", false)]),
        &returning(&[Effect::AddScope("late")]),
    ])
    .await;
    let Verdict::MfaRequired {
        provider,
        allow_remember,
    } = verdict
    else {
        panic!("{verdict:?}");
    };
    assert_eq!((provider.as_str(), allow_remember), ("guardian", false));
    assert_eq!(report.rules.len(), 2);
}

#[tokio::test]
async fn a_fault_ends_the_login_unless_its_binding_says_skip() {
    let before = returning(&[Effect::AddScope("before")]);
    let after = returning(&[Effect::AddScope("after")]);
    let mut chain = bind(host(), &[&before, &guest("trap-after-log"), &after]);
    let configuration = BTreeMap::new();
    let (verdict, report) = host()
        .run(&chain, Somebody("ada"), exchange(), &configuration)
        .await;
    assert!(matches!(verdict, Verdict::Faulted));
    assert_eq!(report.rules.len(), 2);

    chain[1].on_fault = OnFault::Skip;
    let (verdict, report) = host()
        .run(&chain, Somebody("ada"), exchange(), &configuration)
        .await;
    assert_eq!(
        changes(verdict).scopes,
        ["openid", "read", "before", "after"]
    );
    assert!(matches!(
        report.rules[1].outcome,
        Outcome::Faulted {
            fault: Fault::Trap,
            skipped: true,
            ..
        }
    ));
}

#[tokio::test]
async fn a_rule_that_could_not_be_loaded_is_a_fault_in_its_place() {
    let mut chain = bind(host(), &[&guest("empty")]);
    chain[0].rule = Err("its bytes are gone".into());
    let configuration = BTreeMap::new();
    let (verdict, report) = host()
        .run(&chain, Somebody("ada"), exchange(), &configuration)
        .await;
    assert!(matches!(verdict, Verdict::Faulted));
    assert_eq!(fault(&report.rules[0]), Some(Fault::Load));
    chain[0].on_fault = OnFault::Skip;
    let (verdict, _) = host()
        .run(&chain, Somebody("ada"), exchange(), &configuration)
        .await;
    assert!(matches!(verdict, Verdict::Approved(_)));
}
