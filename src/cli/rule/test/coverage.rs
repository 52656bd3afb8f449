//! Which rules of a chain set and read what, over all cases, and what its manifest lists for nothing.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::cli::output::table;
use crate::rule_host::{BoundRule, Manifest, Outcome, Pattern, Report, RuleReport};

/// What one rule did in all cases of a suite.
#[derive(Default, Serialize)]
pub(super) struct Coverage {
    rule: String,
    ran: usize,
    allowed: usize,
    denied: usize,
    faulted: usize,
    claims: BTreeSet<String>,
    scopes: BTreeSet<String>,
    /// None for a rule in JavaScript, which is handed all keys that its manifest lists.
    configuration: Option<BTreeSet<String>>,
    /// Entries of the manifest that no case needed.
    unused: Vec<String>,
}

impl Coverage {
    /// Nothing yet, for each rule of a chain.
    pub(super) fn none(chain: &[BoundRule]) -> Vec<Self> {
        chain
            .iter()
            .map(|bound| Self {
                rule: bound.name.clone(),
                configuration: reads_one_by_one(bound).then(BTreeSet::new),
                ..Self::default()
            })
            .collect()
    }

    /// Counts one run.
    pub(super) fn count(all: &mut [Self], report: &Report) {
        for (coverage, rule) in all.iter_mut().zip(&report.rules) {
            coverage.count_rule(rule);
        }
    }

    fn count_rule(&mut self, rule: &RuleReport) {
        self.ran += 1;
        match rule.outcome {
            Outcome::Allowed => self.allowed += 1,
            Outcome::Denied(_) => self.denied += 1,
            Outcome::Faulted { .. } => self.faulted += 1,
        }
        if let Some(keys) = &mut self.configuration {
            keys.extend(rule.keys_read.iter().cloned());
        }
        for effect in rule.effects.iter().filter(|e| e.refused.is_none()) {
            let names = effect.name.iter().cloned();
            match effect.effect.as_str() {
                "set-access-claim" | "set-id-claim" | "remove-access-claim" | "remove-id-claim" => {
                    self.claims.extend(names);
                }
                "add-scope" | "remove-scope" => self.scopes.extend(names),
                "replace-scopes" => {
                    let list = effect.value.as_ref().and_then(|value| value.as_array());
                    let scopes = list.into_iter().flatten().filter_map(|s| s.as_str());
                    self.scopes.extend(scopes.map(str::to_owned));
                }
                _ => {}
            }
        }
    }

    /// After the last case: what the manifests list and no case needed.
    pub(super) fn finish(all: &mut [Self], chain: &[BoundRule]) {
        for (coverage, bound) in all.iter_mut().zip(chain) {
            if let Some(manifest) = bound.manifest.as_deref() {
                coverage.unused = coverage.unused(manifest);
            }
        }
    }

    fn unused(&self, manifest: &Manifest) -> Vec<String> {
        let lists = [
            ("claim", &manifest.claims, Some(&self.claims)),
            ("scope", &manifest.scopes, Some(&self.scopes)),
            ("key", &manifest.configuration, self.configuration.as_ref()),
        ];
        let unused = |what: &'static str, patterns: &[Pattern], seen: &BTreeSet<String>| {
            let idle = |pattern: &&Pattern| !seen.iter().any(|name| pattern.matches(name));
            let idle: Vec<&Pattern> = patterns.iter().filter(idle).collect();
            idle.into_iter()
                .map(|pattern| format!("{what} {pattern}"))
                .collect::<Vec<_>>()
        };
        lists
            .into_iter()
            .filter_map(|(what, patterns, seen)| Some(unused(what, patterns, seen?)))
            .flatten()
            .collect()
    }

    /// For people.
    pub(super) fn show(all: &[Self]) -> String {
        let lines = |set: &BTreeSet<String>| {
            let shown: Vec<&str> = set.iter().take(20).map(String::as_str).collect();
            shown.join("\n")
        };
        let rows = all.iter().map(|c| {
            [
                c.rule.clone(),
                format!("{} / {} / {}", c.allowed, c.denied, c.faulted),
                lines(&c.claims),
                lines(&c.scopes),
                match &c.configuration {
                    Some(keys) => lines(keys),
                    None => "(not seen)".to_owned(),
                },
                c.unused.join("\n"),
            ]
        });
        table(
            [
                "RULE",
                "ALLOWED / DENIED / FAULTED",
                "CLAIMS",
                "SCOPES",
                "KEYS READ",
                "LISTED, NEVER USED",
            ],
            rows,
        )
    }
}

/// A component asks for one key after the other; JavaScript has them all in an object, in which nobody sees it
/// look.
fn reads_one_by_one(bound: &BoundRule) -> bool {
    let rule = bound.rule.as_ref();
    rule.is_ok_and(|rule| rule.inspection().dialect.is_none())
}
