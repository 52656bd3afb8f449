//! What one pass found wrong: everything, each once, and never without end.

use crate::rule_host::Rejection;

/// More than this nobody mends in one go.
const MOST: usize = 50;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Rejection>);

impl Findings {
    pub(super) fn add(&mut self, found: Rejection) {
        if self.0.len() < MOST {
            if !self.0.contains(&found) {
                self.0.push(found);
            }
        } else if self.0.len() == MOST {
            self.0.push(Rejection::More);
        }
    }

    /// Notes what is more than `limit`; of one thing that is so several times, the worst.
    pub(super) fn at_most(
        &mut self,
        what: &'static str,
        found: u64,
        limit: u64,
        advice: &'static str,
    ) {
        self.at_most_at(None, what, found, limit, advice);
    }

    /// The same of what is at one place.
    pub(super) fn at_most_at(
        &mut self,
        place: impl Into<Option<usize>>,
        what: &'static str,
        found: u64,
        limit: u64,
        advice: &'static str,
    ) {
        if found <= limit {
            return;
        }
        let place = place.into().map(|place| place as u64);
        for known in &mut self.0 {
            if let Rejection::TooComplex {
                what: same,
                found: worst,
                offset,
                ..
            } = known
                && *same == what
            {
                if found > *worst {
                    (*worst, *offset) = (found, place);
                }
                return;
            }
        }
        self.add(Rejection::TooComplex {
            what,
            found,
            limit,
            advice,
            offset: place,
        });
    }

    /// What the pass came to.
    pub(super) fn or<T>(self, good: T) -> Result<T, Vec<Rejection>> {
        match self.0.is_empty() {
            true => Ok(good),
            false => Err(self.0),
        }
    }
}
