//! Rules in JavaScript from outside: what they decide, how they fail, what they share and what they cannot do.

mod determinism;
mod faults;
mod groups;
mod tricks;
mod uploads;
mod values;

use claimsmith::rule_host::{BoundRule, OnFault, Report, RuleReport, Verdict};
use serde_json::{Value, json};

use super::harness::{Somebody, bind, exchange, host, report};

/// A classic rule with this body.
fn classic(body: &str) -> String {
    format!("function (user, context, callback) {{\n{body}\n}}")
}

/// A classic rule that runs `body` and lets the user in.
fn passing(body: &str) -> String {
    classic(&format!("{body}\ncallback(null, user, context);"))
}

/// The report of one rule, run alone.
async fn alone(source: &str) -> RuleReport {
    report(source.as_bytes()).await
}

fn bound(sources: &[&str]) -> Vec<BoundRule> {
    let sources: Vec<&[u8]> = sources.iter().map(|source| source.as_bytes()).collect();
    bind(host(), &sources)
}

/// The same, faults skipped.
fn skipping(sources: &[&str]) -> Vec<BoundRule> {
    let mut chain = bound(sources);
    for rule in &mut chain {
        rule.on_fault = OnFault::Skip;
    }
    chain
}

async fn run(chain: &[BoundRule]) -> (Verdict<Somebody>, Report) {
    let configuration = std::collections::BTreeMap::new();
    host()
        .run(chain, Somebody("ada"), exchange(), &configuration)
        .await
}

/// The claims of the access token that a chain set.
fn access_claims(verdict: Verdict<Somebody>) -> Value {
    let claims = super::harness::changes(verdict).access_claims;
    let claims = claims.into_iter().map(|(name, value)| (name, json!(value)));
    Value::Object(claims.collect())
}
