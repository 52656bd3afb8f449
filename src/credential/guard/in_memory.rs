//! Budgets whose loss does no harm: in memory, bounded, gone at a restart.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::budget::{Budget, Exhausted, Rule};
use crate::clock::Timestamp;

/// Budgets that are remembered: some megabytes.
const MOST: usize = 20_000;

#[derive(Default)]
pub(super) struct InMemory(Mutex<HashMap<String, Budget>>);

impl InMemory {
    /// Takes one attempt, if one is left.
    pub(super) fn take(&self, name: String, rule: Rule, now: Timestamp) -> Result<(), Exhausted> {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if budgets.len() >= MOST && !budgets.contains_key(&name) {
            budgets.retain(|_, budget| budget.whole_at() > now);
            // Somebody with very many addresses: start over rather than grow.
            if budgets.len() >= MOST {
                budgets.clear();
            }
        }
        let budget = budgets.entry(name).or_default();
        budget.check(rule, now)?;
        budget.take(rule, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_names_than_fit_do_not_make_it_grow() {
        let budgets = InMemory::default();
        let rule = Rule::Bucket {
            capacity: 1,
            regain_ms: 1_000_000,
            successes_count: true,
        };
        let now = Timestamp::from_millis(1_700_000_000_000);
        for number in 0..MOST + 10 {
            budgets.take(number.to_string(), rule, now).unwrap();
        }
        assert_eq!(budgets.0.lock().unwrap().len(), 10);
        assert!(budgets.take((MOST + 5).to_string(), rule, now).is_err());
    }
}
