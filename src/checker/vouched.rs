//! Which components a child has been through, with this compiler: kept as empty files beside the compiled
//! code, so that a server that starts again does not check them all again.
//!
//! Whoever can write there can run code as the server anyway. Deleted, they are checked again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

type Waiting = Mutex<HashMap<String, Arc<AsyncMutex<()>>>>;

pub(super) struct Vouched {
    folder: PathBuf,
    /// One lock for each digest that is being checked.
    waiting: Waiting,
}

/// Held by the one that checks.
pub(super) struct OnlyOne<'v> {
    waiting: &'v Waiting,
    digest: String,
    lock: Option<OwnedMutexGuard<()>>,
}

impl Vouched {
    pub(super) fn new(compiled: &Path, compiler: &str) -> Self {
        Self {
            folder: compiled.join("checked").join(compiler),
            waiting: Mutex::default(),
        }
    }

    pub(super) async fn has(&self, digest: &str) -> bool {
        let path = self.folder.join(digest);
        let found = tokio::task::spawn_blocking(move || path.is_file()).await;
        found.unwrap_or(false)
    }

    /// If it cannot be written down, it is checked once more some time.
    pub(super) async fn note(&self, digest: String) {
        let folder = self.folder.clone();
        let noted = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            std::fs::File::create(folder.join(digest)).map(drop)
        });
        if let Ok(Err(error)) = noted.await {
            tracing::warn!(%error, "that a component was checked cannot be written down");
        }
    }

    /// Waits for whoever checks the same.
    pub(super) async fn only_one(&self, digest: &str) -> OnlyOne<'_> {
        let lock = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(waiting.entry(digest.to_owned()).or_default())
        };
        OnlyOne {
            waiting: &self.waiting,
            digest: digest.to_owned(),
            lock: Some(lock.lock_owned().await),
        }
    }
}

impl Drop for OnlyOne<'_> {
    fn drop(&mut self) {
        self.lock = None;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own is the last: nobody waits.
        if let Some(lock) = waiting.get(&self.digest)
            && Arc::strong_count(lock) == 1
        {
            waiting.remove(&self.digest);
        }
    }
}
