//! One host for all tests of a process, and the shortest ways to run a rule in it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use claimsmith::clock::Timestamp;
use claimsmith::rule_host::exchange::{Api, Client, User};
use claimsmith::rule_host::{
    BoundRule, Changes, Draft, Exchange, Fault, Limits, OnFault, Outcome, Permissions, Report,
    RuleHost, RuleReport, Subject, Verdict,
};
use serde_json::{Map, Value, json};

/// Who logs in.
#[derive(Debug, PartialEq)]
pub(super) struct Somebody(pub(super) &'static str);

impl Subject for Somebody {}

/// The production limits with time to spare: debug builds are slow, and machines busy. What is
/// asserted is the fuel; the deadline has a test of its own.
pub(super) fn limits() -> Limits {
    Limits {
        deadline: std::time::Duration::from_secs(60),
        ..Limits::default()
    }
}

pub(super) fn host() -> &'static RuleHost {
    static HOST: OnceLock<RuleHost> = OnceLock::new();
    HOST.get_or_init(|| RuleHost::new(limits(), Some(crate::support::compiled())).unwrap())
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub(super) fn exchange() -> Exchange {
    Exchange {
        id: "exchange-1".into(),
        tenant: "acme".into(),
        now: Timestamp::from_millis(1_700_000_000_123),
        client: Client {
            id: "client".into(),
            ..Client::default()
        },
        user: Some(User {
            id: "auth0|1".into(),
            email: Some("ada@example.com".into()),
            user_metadata: object(json!({"colour": "red"})),
            app_metadata: object(json!({"plan": "free"})),
            ..User::default()
        }),
        api: Some(Api {
            identifier: "https://api.example.com".into(),
            scopes: vec!["read".into(), "write".into()],
        }),
        draft: Draft {
            scopes: vec!["openid".into(), "read".into()],
            access_claims: object(json!({"sub": "auth0|1", "tier": "basic"})),
            id_claims: object(json!({"sub": "auth0|1", "nickname": "ada"})),
        },
        ..Exchange::default()
    }
}

/// Binds components in order, named `rule-1`, `rule-2`… in version 1.
pub(super) fn bind(host: &RuleHost, components: &[&[u8]]) -> Vec<BoundRule> {
    components
        .iter()
        .enumerate()
        .map(|(i, bytes)| BoundRule {
            name: format!("rule-{}", i + 1),
            version: 1,
            rule: Ok(host.load(bytes).unwrap_or_else(|e| panic!("{e}"))),
            on_fault: OnFault::Deny,
            manifest: None,
            permissions: Permissions::default(),
            action: None,
        })
        .collect()
}

/// Runs a chain over the fixture.
pub(super) async fn run(components: &[&[u8]]) -> (Verdict<Somebody>, Report) {
    run_on(host(), components).await
}

pub(super) async fn run_on(host: &RuleHost, components: &[&[u8]]) -> (Verdict<Somebody>, Report) {
    let chain = bind(host, components);
    host.run(&chain, Somebody("ada"), exchange(), &BTreeMap::new())
        .await
}

/// Runs one rule, and gives its report.
pub(super) async fn report(component: &[u8]) -> RuleReport {
    let (_, mut report) = run(&[component]).await;
    report.rules.pop().unwrap()
}

pub(super) fn fault(report: &RuleReport) -> Option<Fault> {
    match &report.outcome {
        Outcome::Faulted { fault, .. } => Some(*fault),
        _ => None,
    }
}

pub(super) fn detail(report: &RuleReport) -> &str {
    match &report.outcome {
        Outcome::Faulted { detail, .. } => detail,
        other => panic!("no fault: {other:?}"),
    }
}

/// What an approved chain made of the draft.
pub(super) fn changes(verdict: Verdict<Somebody>) -> Changes {
    match verdict {
        Verdict::Approved(approved) => approved.into_parts().1,
        other => panic!("not approved: {other:?}"),
    }
}

pub(super) fn messages(report: &RuleReport) -> Vec<&str> {
    report.logs.iter().map(|l| l.message.as_str()).collect()
}
