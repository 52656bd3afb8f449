//! What rules fetch: against a real server, over real TLS.

use std::collections::BTreeMap;

use claimsmith::rule_host::fetch::{NetworkOptions, Recording};
use claimsmith::rule_host::{
    BoundRule, Limits, OnFault, Permissions, Report, RuleHost, RuleReport, Verdict,
};

use super::fetch_guest::{Fetch, fetching};
use super::harness::{Somebody, exchange, limits, messages};
use crate::support::upstream::{Upstream, network};

mod bounds;
mod javascript;
mod policy;
mod redirects;
mod replay;
mod tls;
mod waiting;

fn host_of(limits: Limits, network: NetworkOptions) -> RuleHost {
    RuleHost::with_network(limits, None, network).unwrap()
}

fn host() -> RuleHost {
    host_of(limits(), network())
}

fn permissions(hosts: &[&str], allow_http: bool) -> Permissions {
    Permissions {
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        allow_http,
    }
}

/// A chain of one rule that may reach `hosts`.
fn rule(host: &RuleHost, requests: &[Fetch], hosts: &[&str]) -> Vec<BoundRule> {
    rule_with(host, requests, permissions(hosts, false))
}

fn rule_with(host: &RuleHost, requests: &[Fetch], permissions: Permissions) -> Vec<BoundRule> {
    vec![BoundRule {
        name: "fetching".into(),
        version: 1,
        rule: Ok(host.load(&fetching(requests)).unwrap()),
        on_fault: OnFault::Deny,
        permissions,
        manifest: None,
        action: None,
    }]
}

async fn run(host: &RuleHost, chain: &[BoundRule]) -> (Verdict<Somebody>, Report) {
    run_as(host, chain, "acme").await
}

async fn run_as(host: &RuleHost, chain: &[BoundRule], tenant: &str) -> (Verdict<Somebody>, Report) {
    let mut exchange = exchange();
    exchange.tenant = tenant.to_owned();
    host.run(chain, Somebody("ada"), exchange, &BTreeMap::new())
        .await
}

async fn replay(
    host: &RuleHost,
    chain: &[BoundRule],
    recording: Recording,
) -> (Verdict<Somebody>, Report) {
    let configuration = BTreeMap::new();
    host.replay(
        chain,
        Somebody("ada"),
        exchange(),
        &configuration,
        recording,
    )
    .await
}

/// What the rule logged of its requests, those of the host beside it left out.
fn answers(report: &RuleReport) -> Vec<&str> {
    let mut lines = messages(report);
    lines.retain(|line| !line.starts_with("fetch: "));
    lines
}

/// The lines that the host wrote into the tenant's log.
fn complaints(report: &RuleReport) -> Vec<&str> {
    let mut lines = messages(report);
    lines.retain(|line| line.starts_with("fetch: "));
    lines
}

/// Sends requests to an upstream that the rule may reach; what came of each, and the rest.
async fn fetch(upstream: &Upstream, requests: &[Fetch]) -> (Vec<String>, Report) {
    let host = host();
    let chain = rule(&host, requests, &[&upstream.pattern()]);
    let (_, report) = run(&host, &chain).await;
    let answers = answers(&report.rules[0]);
    (answers.into_iter().map(str::to_owned).collect(), report)
}
