//! Wrong client secrets, counted by client and address (RFC 6749, section 2.3.1).
//!
//! Secrets are 256 random bits, so no number of guesses finds one; what must be stopped is the
//! noise. So this count is in memory, and a right secret is always accepted: whoever shares the
//! address of a client cannot shut the client out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::budget::{Budget, Exhausted, Rule};
use crate::clock::Timestamp;

/// Pairs of client and address that are remembered: some megabytes.
const MOST: usize = 20_000;

#[derive(Default)]
pub(super) struct WrongSecrets(Mutex<HashMap<String, Budget>>);

impl WrongSecrets {
    /// Counts a wrong secret.
    pub(super) fn count(&self, name: String, rule: Rule, now: Timestamp) -> Result<(), Exhausted> {
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
    fn more_addresses_than_fit_do_not_make_the_count_grow() {
        let secrets = WrongSecrets::default();
        let rule = Rule::Bucket {
            capacity: 1,
            regain_ms: 1_000_000,
            successes_count: true,
        };
        let now = Timestamp::from_millis(1_700_000_000_000);
        for number in 0..MOST + 10 {
            secrets.count(number.to_string(), rule, now).unwrap();
        }
        assert_eq!(secrets.0.lock().unwrap().len(), 10);
        assert!(secrets.count((MOST + 5).to_string(), rule, now).is_err());
    }
}
