//! What everybody may know of the committer.

use std::sync::{Mutex, OnceLock, PoisonError};

use crate::store::Error;

/// Whether the committer accepts commits.
#[derive(Default)]
pub(super) struct Health {
    failed: OnceLock<String>,
    full: Mutex<Option<String>>,
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
