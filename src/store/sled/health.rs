//! What everybody may know of the committer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::store::Error;

/// Whether the committer accepts commits.
#[derive(Default)]
pub(super) struct Health {
    failed: OnceLock<String>,
    full: Mutex<Option<String>>,
    /// How many turns the committer has finished.
    turns: AtomicU64,
}

impl Health {
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(reason) = self.failed.get() {
            return Err(Error::Unavailable(reason.clone()));
        }
        match &*self.full.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(reason) => Err(Error::Full(reason.clone())),
            None => Ok(()),
        }
    }

    /// What to tell somebody whose commit got no answer.
    pub(super) fn no_answer(&self) -> Error {
        let reason = self.failed.get().map_or("it was closed", String::as_str);
        Error::Unavailable(reason.to_owned())
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.get().is_some()
    }

    /// The committer has finished a turn.
    pub(super) fn turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for the committer's answer, for as long as it finishes a turn now and then.
    ///
    /// A write that fails does not always end sled's `flush`: it may miss the one time that it is woken, and then
    /// waits for ever, and so would everybody (seen in `tests/faults`: a full disk in some hundred).
    pub(super) async fn answer(
        &self,
        mut outcome: oneshot::Receiver<Result<(), Error>>,
        patience: Duration,
    ) -> Result<(), Error> {
        let mut turns = None;
        loop {
            let failed = self.has_failed();
            // An answer that is there already counts, even so.
            let patience = if failed { Duration::ZERO } else { patience };
            if let Ok(answer) = timeout(patience, &mut outcome).await {
                return answer.unwrap_or_else(|_| Err(self.no_answer()));
            }
            if failed {
                return Err(self.no_answer());
            }
            let now = Some(self.turns.load(Ordering::Relaxed));
            if std::mem::replace(&mut turns, now) == now {
                self.fail("the disk does not answer any more");
            }
        }
    }

    /// From here on nothing is acknowledged. There is no way back: after a failed fsync the kernel
    /// may have dropped the very pages, and a second fsync would report success.
    pub(super) fn fail(&self, reason: &str) {
        tracing::error!(reason, "the store has stopped; restart the server");
        // The first reason is the one that matters.
        self.failed.set(reason.to_owned()).ok();
    }

    pub(super) fn set_full(&self, reason: Option<&String>) {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if full.as_ref() != reason {
            *full = reason.cloned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_committer_that_is_stuck_is_given_up_and_nobody_waits_for_it_again() {
        let health = Health::default();
        let (answer, outcome) = oneshot::channel();
        let waited = health.answer(outcome, PATIENCE).await;
        assert!(matches!(waited, Err(Error::Unavailable(_))), "{waited:?}");
        assert!(health.has_failed());
        assert!(
            answer.send(Ok(())).is_err(),
            "an answer that comes late reaches nobody"
        );
        let (_answer, outcome) = oneshot::channel();
        let waited = health.answer(outcome, Duration::MAX).await;
        assert!(matches!(waited, Err(Error::Unavailable(_))), "{waited:?}");
    }

    #[tokio::test]
    async fn a_committer_that_is_slow_is_waited_for() {
        let health = Health::default();
        let (answer, outcome) = oneshot::channel();
        let slow = async {
            for _ in 0..50 {
                health.turn();
                tokio::time::sleep(PATIENCE / 10).await;
            }
            answer.send(Ok(())).ok();
        };
        let (waited, ()) = tokio::join!(health.answer(outcome, PATIENCE), slow);
        assert_eq!(waited.ok(), Some(()));
        assert!(!health.has_failed());
    }
}
