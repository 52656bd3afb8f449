//! How many attempts somebody has left: the arithmetic alone, without a store and without a clock.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A block ends by itself after 30 days (contract, section 5.2).
pub const BLOCK_SECS: u64 = 30 * 86_400;

/// Failures below the limit are forgotten a week after the last. So guesses at names that nobody
/// has do not stay in the store for good, and names that somebody has are counted no differently.
pub const COUNT_SECS: u64 = 7 * 86_400;

/// What an attempt is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// So many failures in a row; a success begins anew.
    InARow {
        /// How many.
        limit: u32,
    },
    /// A token bucket.
    Bucket {
        /// How many attempts at once.
        capacity: u32,
        /// Milliseconds until one is regained.
        regain_ms: u64,
        /// Whether a success uses the attempt up too.
        successes_count: bool,
    },
}

impl Rule {
    /// Whether an attempt that is under way may yet leave the budget as it was.
    pub fn gives_back(self) -> bool {
        let Self::Bucket {
            successes_count, ..
        } = self
        else {
            return true;
        };
        !successes_count
    }
}

/// What was used of one budget, attempts that are under way included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Failures in a row.
    used: u32,
    /// From then on it is as if nothing had been used. For a bucket this is the whole state (the
    /// "theoretical arrival time" of the generic cell rate algorithm): a bucket that regains one
    /// attempt a second and is whole in seven seconds lacks seven.
    whole_at: Timestamp,
}

/// There is no attempt left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// When there will be one; none for a block, which somebody lifts.
    pub retry_after_secs: Option<u64>,
}

impl Budget {
    /// Whether one more attempt is left.
    pub fn check(&self, rule: Rule, now: Timestamp) -> Result<(), Exhausted> {
        match rule {
            Rule::InARow { limit } if self.used(now) >= limit => Err(Exhausted {
                retry_after_secs: None,
            }),
            Rule::InARow { .. } => Ok(()),
            Rule::Bucket {
                capacity,
                regain_ms,
                ..
            } => {
                let most = now.plus_millis(regain_ms.saturating_mul(capacity.into()));
                let with_this = self.level(rule, now).plus_millis(regain_ms);
                let wait_ms = with_this.as_millis().saturating_sub(most.as_millis());
                if wait_ms == 0 {
                    return Ok(());
                }
                Err(Exhausted {
                    retry_after_secs: Some(wait_ms.div_ceil(1000)),
                })
            }
        }
    }

    /// Uses one attempt up.
    pub fn take(&mut self, rule: Rule, now: Timestamp) {
        match rule {
            Rule::InARow { limit } => {
                self.used = self.used(now).saturating_add(1);
                let blocked = self.used >= limit;
                self.whole_at = now.plus_secs(if blocked { BLOCK_SECS } else { COUNT_SECS });
            }
            Rule::Bucket { regain_ms, .. } => {
                self.whole_at = self.level(rule, now).plus_millis(regain_ms);
            }
        }
    }

    /// The attempt was not made after all.
    pub fn give_back(&mut self, rule: Rule) {
        match rule {
            Rule::InARow { .. } => self.set_used(self.used.saturating_sub(1)),
            Rule::Bucket { regain_ms, .. } => {
                let whole_at = self.whole_at.as_millis().saturating_sub(regain_ms);
                self.whole_at = Timestamp::from_millis(whole_at);
            }
        }
    }

    /// The attempt succeeded while `under_way` others are not decided.
    pub fn succeed(&mut self, rule: Rule, under_way: u32) {
        match rule {
            Rule::InARow { .. } => self.set_used(under_way),
            Rule::Bucket {
                successes_count: true,
                ..
            } => {}
            Rule::Bucket { .. } => self.give_back(rule),
        }
    }

    /// All is forgiven, save `under_way` attempts that are not decided.
    pub fn forgive(&mut self, under_way: u32) {
        self.set_used(under_way);
    }

    /// When the budget is whole again and its record may go.
    pub fn whole_at(&self) -> Timestamp {
        self.whole_at
    }

    /// When a bucket is whole, never before `now`. One that lacks more than it holds was used by
    /// a clock that was ahead: it is whole, so that a wrong clock locks nobody out for long.
    fn level(&self, rule: Rule, now: Timestamp) -> Timestamp {
        const SLACK_MS: u64 = 60_000;
        let most_ms = match rule {
            Rule::InARow { .. } => 0,
            Rule::Bucket {
                capacity,
                regain_ms,
                ..
            } => regain_ms.saturating_mul(capacity.into()),
        };
        let most = now.plus_millis(most_ms).plus_millis(SLACK_MS);
        match self.whole_at > most {
            true => now,
            false => self.whole_at.max(now),
        }
    }

    /// Failures in a row, those under way included.
    pub fn used(&self, now: Timestamp) -> u32 {
        if now < self.whole_at { self.used } else { 0 }
    }

    fn set_used(&mut self, used: u32) {
        self.used = used;
        if used == 0 {
            self.whole_at = Timestamp::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn bucket(capacity: u32, regain_ms: u64) -> Rule {
        Rule::Bucket {
            capacity,
            regain_ms,
            successes_count: false,
        }
    }

    fn take_all(budget: &mut Budget, rule: Rule, now: Timestamp) -> u32 {
        let mut taken = 0;
        while budget.check(rule, now).is_ok() {
            budget.take(rule, now);
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_block_ends_after_thirty_days_and_lesser_counts_after_seven() {
        let rule = Rule::InARow { limit: 10 };
        let mut budget = Budget::default();
        assert_eq!(take_all(&mut budget, rule, NOW), 10);
        assert!(budget.check(rule, NOW.plus_secs(BLOCK_SECS - 1)).is_err());
        assert!(budget.check(rule, NOW.plus_secs(BLOCK_SECS)).is_ok());

        let mut budget = Budget::default();
        budget.take(rule, NOW);
        assert_eq!(budget.used(NOW.plus_secs(COUNT_SECS - 1)), 1);
        assert_eq!(budget.used(NOW.plus_secs(COUNT_SECS)), 0);
    }

    #[test]
    fn a_raised_threshold_lifts_a_block() {
        let mut budget = Budget::default();
        take_all(&mut budget, Rule::InARow { limit: 10 }, NOW);
        assert_eq!(take_all(&mut budget, Rule::InARow { limit: 15 }, NOW), 5);
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_while_locks_nobody_out_for_good() {
        let rule = bucket(3, 1_000);
        let mut budget = Budget::default();
        take_all(&mut budget, rule, NOW.plus_secs(BLOCK_SECS));
        assert_eq!(take_all(&mut budget, rule, NOW), 3);
    }

    #[test]
    fn the_documented_bucket_gives_a_hundred_and_then_one_every_864_seconds() {
        let rule = bucket(100, 864_000);
        let mut budget = Budget::default();
        assert_eq!(take_all(&mut budget, rule, NOW), 100);
        let exhausted = budget.check(rule, NOW).unwrap_err();
        assert_eq!(exhausted.retry_after_secs, Some(864));
        assert_eq!(take_all(&mut budget, rule, NOW.plus_secs(863)), 0);
        assert_eq!(take_all(&mut budget, rule, NOW.plus_secs(864)), 1);
        assert_eq!(take_all(&mut budget, rule, NOW.plus_secs(86_400)), 99);
        assert_eq!(
            take_all(&mut budget, rule, NOW.plus_secs(400 * 86_400)),
            100
        );
    }

    proptest! {
        /// Whatever was used, an attempt that is given back leaves as many as there were.
        #[test]
        fn what_is_given_back_is_there_again(
            used in 0..40_u32,
            capacity in 1..40_u32,
            regain_ms in 1..1_000_000_u64,
            later in 0..10_000_000_u64,
        ) {
            for rule in [bucket(capacity, regain_ms), Rule::InARow { limit: capacity }] {
                let mut budget = Budget::default();
                for _ in 0..used.min(capacity) {
                    budget.take(rule, NOW);
                }
                let now = NOW.plus_millis(later);
                let left = take_all(&mut budget.clone(), rule, now);
                if left > 0 {
                    budget.take(rule, now);
                    budget.give_back(rule);
                    prop_assert_eq!(take_all(&mut budget, rule, now), left);
                }
            }
        }

        /// In any window a bucket gives its capacity and what it regained, never more.
        #[test]
        fn a_bucket_never_gives_more_than_it_regained(
            capacity in 1..20_u32,
            regain_ms in 1..10_000_u64,
            steps in proptest::collection::vec(0..20_000_u64, 1..50),
        ) {
            let rule = bucket(capacity, regain_ms);
            let (mut budget, mut now, mut taken) = (Budget::default(), NOW, 0_u64);
            for step in steps {
                now = now.plus_millis(step);
                taken += u64::from(take_all(&mut budget, rule, now));
                let regained = (now.as_millis() - NOW.as_millis()) / regain_ms;
                prop_assert!(taken <= u64::from(capacity) + regained);
            }
        }
    }
}
