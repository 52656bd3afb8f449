//! What a new version of a rule would have changed, summed up.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Ending, Evaluation};

/// One exchange that would have gone another way.
#[derive(Serialize)]
pub(crate) struct Changed {
    pub(crate) exchange: String,
    pub(crate) subject: String,
    pub(crate) before: Ending,
    pub(crate) after: Ending,
}

/// All of them.
#[derive(Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) exchanges: usize,
    /// Replayed with the very versions that ran: as recorded, to the byte.
    pub(crate) reproduced: usize,
    pub(crate) not_reproduced: Vec<String>,
    /// Recorded without output, because fields are marked.
    pub(crate) without_output: usize,
    pub(crate) changed: Vec<Changed>,
    pub(crate) newly: BTreeMap<&'static str, usize>,
    pub(crate) claims: Names,
    pub(crate) scopes: Names,
    pub(crate) fuel_before: u64,
    pub(crate) fuel_after: u64,
    pub(crate) most_fuel_after: u64,
}

/// How often each name was gained, lost or altered.
#[derive(Default, Serialize)]
pub(crate) struct Names {
    pub(crate) gained: BTreeMap<String, usize>,
    pub(crate) lost: BTreeMap<String, usize>,
    pub(crate) altered: BTreeMap<String, usize>,
}

impl Summary {
    /// Counts one exchange, run before and after.
    pub(crate) fn count(
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
        if before.same_as(after) {
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
}
