//! A store that fails when a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;
use claimsmith::store::{Commit, Entry, Error, Key, KeyRange, Store};

use super::memory::Memory;

/// Fails after so many commits.
pub(crate) struct Failing {
    pub(crate) inner: Arc<Memory>,
    pub(crate) left: AtomicI64,
    /// Whether the first that fails is applied all the same: its outcome is unknown to who asked.
    pub(crate) applies: AtomicBool,
    /// How many entries were read by scans.
    pub(crate) scanned: AtomicUsize,
    /// How many entries a scan gives while it is armed.
    most: usize,
}

/// So many that it never fails.
pub(crate) const ALWAYS: i64 = i64::MAX;

impl Failing {
    /// One that does not fail yet.
    pub(crate) fn new() -> Arc<Self> {
        Self::giving(usize::MAX)
    }

    /// The same, which gives so many entries at a time while it is armed: then there are many places to be cut
    /// short at.
    pub(crate) fn giving(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            scanned: AtomicUsize::new(0),
            inner: Memory::records().0,
            left: AtomicI64::new(ALWAYS),
            applies: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Store for Failing {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        self.inner.get(key).await
    }

    async fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Entry>, Error> {
        let armed = self.left.load(Ordering::SeqCst) < ALWAYS / 2;
        let limit = if armed { limit.min(self.most) } else { limit };
        let found = self.inner.scan(range, limit).await?;
        self.scanned.fetch_add(found.len(), Ordering::SeqCst);
        Ok(found)
    }

    async fn commit(&self, commit: Commit) -> Result<(), Error> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left <= 0 {
            if left == 0 && self.applies.load(Ordering::SeqCst) {
                self.inner.commit(commit).await?;
            }
            return Err(Error::Unavailable("cut short by the test".into()));
        }
        self.inner.commit(commit).await
    }

    fn health(&self) -> Result<(), Error> {
        Ok(())
    }
}
