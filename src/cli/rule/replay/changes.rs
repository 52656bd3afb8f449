//! What a new version of a rule would have changed, summed up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::rule::evaluate::{Ending, Evaluation};

/// One exchange that would have gone another way.
#[derive(Serialize)]
pub(super) struct Changed {
    exchange: String,
    subject: String,
    before: Ending,
    after: Ending,
}

/// All of them.
#[derive(Default, Serialize)]
pub(super) struct Summary {
    pub(super) exchanges: usize,
    /// Replayed with the very versions that ran: as recorded, to the byte.
    pub(super) reproduced: usize,
    pub(super) not_reproduced: Vec<String>,
    /// Recorded without output, because fields are marked.
    pub(super) without_output: usize,
    pub(super) changed: Vec<Changed>,
    newly: BTreeMap<&'static str, usize>,
    claims: Names,
    scopes: Names,
    fuel_before: u64,
    fuel_after: u64,
    most_fuel_after: u64,
}

/// How often each name was gained, lost or altered.
#[derive(Default, Serialize)]
struct Names {
    gained: BTreeMap<String, usize>,
    lost: BTreeMap<String, usize>,
    altered: BTreeMap<String, usize>,
}

impl Summary {
    /// Counts one exchange, run before and after.
    pub(super) fn count(
        &mut self,
        id: &str,
        subject: &str,
        before: &Evaluation,
        after: &Evaluation,
    ) {
        let fuel = |seen: &Evaluation| seen.report.rules.iter().map(|rule| rule.fuel).sum::<u64>();
        self.fuel_before += fuel(before);
        self.fuel_after += fuel(after);
        self.most_fuel_after = self.most_fuel_after.max(fuel(after));
        if before.ending == after.ending
            && before.denial == after.denial
            && before.changes == after.changes
        {
            return;
        }
        self.changed.push(Changed {
            exchange: id.to_owned(),
            subject: subject.to_owned(),
            before: before.ending,
            after: after.ending,
        });
        if before.ending != after.ending {
            let newly = match after.ending {
                Ending::Allowed => "allowed",
                Ending::Denied => "denied",
                Ending::Faulted => "faulted",
                Ending::MfaRequired => "asked for a second factor",
            };
            *self.newly.entry(newly).or_default() += 1;
        }
        // Who gets no token any more loses no single claim.
        let (Some(before), Some(after)) = (before.after(), after.after()) else {
            return;
        };
        self.claims
            .compare(&before.access_claims, &after.access_claims);
        self.claims.compare(&before.id_claims, &after.id_claims);
        let set = |scopes: Vec<String>| scopes.into_iter().map(|s| (s, Value::Null)).collect();
        self.scopes.compare(&set(before.scopes), &set(after.scopes));
    }

    /// For people.
    pub(super) fn describe(&self, compared: bool) -> String {
        let mut text = format!("{} exchanges", self.exchanges);
        // Writing to a string cannot fail.
        let _ = write!(text, "; {} reproduced to the byte", self.reproduced);
        if self.without_output > 0 {
            let _ = write!(
                text,
                ", {} were recorded without output",
                self.without_output
            );
        }
        if !self.not_reproduced.is_empty() {
            let shown: Vec<&str> = self
                .not_reproduced
                .iter()
                .take(5)
                .map(String::as_str)
                .collect();
            let _ = write!(
                text,
                "; NOT reproduced: {} ({}); are all values of the configuration given with --set?",
                self.not_reproduced.len(),
                shown.join(", ")
            );
        }
        text.push('\n');
        if !compared {
            return text;
        }
        let _ = writeln!(text, "{} would change", self.changed.len());
        for (newly, count) in &self.newly {
            let _ = writeln!(text, "  newly {newly}: {count}");
        }
        self.claims.describe("claim", &mut text);
        self.scopes.describe("scope", &mut text);
        let _ = writeln!(
            text,
            "  fuel in all: {} before, {} after; at most {} for one",
            self.fuel_before, self.fuel_after, self.most_fuel_after
        );
        for changed in self.changed.iter().take(20) {
            let _ = writeln!(
                text,
                "  {} {}: {} -> {}",
                changed.exchange,
                changed.subject,
                word(changed.before),
                word(changed.after)
            );
        }
        if self.changed.len() > 20 {
            let _ = writeln!(
                text,
                "  and {} more; --json lists all",
                self.changed.len() - 20
            );
        }
        text
    }
}

impl Names {
    fn compare(&mut self, before: &Map<String, Value>, after: &Map<String, Value>) {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let counts = match (before.get(name), after.get(name)) {
                (None, Some(_)) => &mut self.gained,
                (Some(_), None) => &mut self.lost,
                (old, new) if old != new => &mut self.altered,
                _ => continue,
            };
            *counts.entry(name.clone()).or_default() += 1;
        }
    }

    fn describe(&self, what: &str, text: &mut String) {
        for (verb, names) in [
            ("gained", &self.gained),
            ("lost", &self.lost),
            ("altered", &self.altered),
        ] {
            for (name, count) in names {
                let _ = writeln!(
                    text,
                    "  {what} {verb}: {} ({count} times)",
                    name.escape_debug()
                );
            }
        }
    }
}

fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Allowed => "allowed",
        Ending::Denied => "denied",
        Ending::Faulted => "faulted",
        Ending::MfaRequired => "mfa_required",
    }
}
