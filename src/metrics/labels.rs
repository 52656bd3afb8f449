//! Which names may become labels. Each is a series that is kept for as long as the process lives, and
//! tenants choose theirs: there is room for so many, and the rest is `other`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Tenants that are told apart: the first that are seen.
pub const MOST_TENANTS: usize = 100;

/// Versions of rules that are told apart, of each tenant. A tenant uses up its own room only.
pub const MOST_RULES: usize = 20;

/// A version that has not been called while its tenant made so many calls gives its place to another:
/// else those of last month would keep those of today out.
const IDLE_CALLS: u64 = 10_000;

/// What stands for all that have no label of their own.
pub const OTHER: &str = "other";

/// The longest name of a rule in a label, in characters.
const MOST_CHARS: usize = 100;

/// The names that have a label.
#[derive(Default)]
pub(super) struct Labels {
    tenants: Mutex<HashMap<String, Rules>>,
}

#[derive(Default)]
struct Rules {
    calls: u64,
    /// Name and version, and the last call.
    known: Vec<(String, u32, u64)>,
}

/// The labels of a call.
pub(super) struct OfRule {
    pub(super) tenant: String,
    pub(super) rule: String,
    pub(super) version: String,
    /// Rule and version of whose place this is now.
    pub(super) gone: Option<(String, String)>,
}

impl Labels {
    pub(super) fn tenant(&self, name: &str) -> String {
        self.with(name, |_| ())
            .map_or_else(|| OTHER.to_owned(), |()| name.to_owned())
    }

    pub(super) fn rule(&self, tenant: &str, rule: &str, version: u32) -> OfRule {
        let place = self.with(tenant, |rules| rules.place(rule, version));
        let (tenant, place) = match place {
            None => (OTHER, Place::None),
            Some(place) => (tenant, place),
        };
        let tenant = tenant.to_owned();
        let shown: String = rule.chars().take(MOST_CHARS).collect();
        match place {
            Place::None => OfRule {
                tenant,
                rule: OTHER.to_owned(),
                version: OTHER.to_owned(),
                gone: None,
            },
            Place::Has { gone } => OfRule {
                tenant,
                rule: shown,
                version: version.to_string(),
                gone: gone.map(|(name, version)| {
                    (name.chars().take(MOST_CHARS).collect(), version.to_string())
                }),
            },
        }
    }

    fn with<T>(&self, tenant: &str, find: impl FnOnce(&mut Rules) -> T) -> Option<T> {
        // Nothing panics while it is held.
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = tenants.get_mut(tenant) {
            return Some(find(rules));
        }
        if tenants.len() >= MOST_TENANTS {
            return None;
        }
        Some(find(tenants.entry(tenant.to_owned()).or_default()))
    }
}

enum Place {
    None,
    Has { gone: Option<(String, u32)> },
}

impl Rules {
    fn place(&mut self, rule: &str, version: u32) -> Place {
        self.calls += 1;
        let now = self.calls;
        let known = self
            .known
            .iter_mut()
            .find(|(name, number, _)| *number == version && name == rule);
        if let Some((.., last)) = known {
            *last = now;
            return Place::Has { gone: None };
        }
        let new = (rule.to_owned(), version, now);
        if self.known.len() < MOST_RULES {
            self.known.push(new);
            return Place::Has { gone: None };
        }
        let idle = self.known.iter_mut().min_by_key(|(.., last)| *last);
        match idle {
            Some(idle) if now - idle.2 > IDLE_CALLS => {
                let (name, number, _) = std::mem::replace(idle, new);
                Place::Has {
                    gone: Some((name, number)),
                }
            }
            _ => Place::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_tenants_have_a_label_and_the_rest_share_one() {
        let labels = Labels::default();
        for number in 0..MOST_TENANTS + 50 {
            let name = format!("t{number}");
            let label = labels.tenant(&name);
            assert_eq!(label == name, number < MOST_TENANTS, "{label}");
        }
        assert_eq!(labels.tenant("t0"), "t0");
        assert_eq!(labels.rule("t149", "r", 1).tenant, OTHER);
    }

    #[test]
    fn who_uploads_versions_all_day_runs_out_of_its_own_labels() {
        let labels = Labels::default();
        let mut seen = std::collections::HashSet::new();
        for version in 0..5_000 {
            let of = labels.rule("busy", "r", version);
            seen.insert((of.rule, of.version));
        }
        assert_eq!(seen.len(), MOST_RULES + 1, "and one for the others");
        assert_eq!(labels.rule("quiet", "r", 4_999).version, "4999");
    }

    #[test]
    fn a_version_that_is_not_used_any_more_gives_up_its_place() {
        let labels = Labels::default();
        for version in 0..MOST_RULES as u32 {
            labels.rule("t", "r", version);
        }
        assert_eq!(labels.rule("t", "new", 1).rule, OTHER);
        for _ in 0..=IDLE_CALLS {
            labels.rule("t", "r", 7);
        }
        let of = labels.rule("t", "new", 1);
        assert_eq!((of.rule.as_str(), of.version.as_str()), ("new", "1"));
        assert_eq!(of.gone, Some(("r".to_owned(), "0".to_owned())));
        assert_eq!(labels.rule("t", "r", 7).version, "7");
    }
}
