//! What every backend must do, as a program. A backend's own test is a [`Backend`] and one call of
//! [`run`]; a failed promise is a panic that says which.

mod durability;
mod races;
mod records;

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Commit, Durability, Entry, Error, Key, KeyRange, MAX_COMMIT_BYTES, MAX_COMMIT_EXPECTATIONS,
    MAX_COMMIT_WRITES, MAX_KEY_BYTES, MAX_VALUE_BYTES, Records, Store, Table, Version, Write, blob,
};
use crate::clock::{Clock, FixedClock, Timestamp};

/// Makes stores for the suite.
#[async_trait]
pub trait Backend: Sync {
    /// Opens the store of this name: a fresh one the first time, later the same one again, which
    /// the suite has closed in between by dropping it.
    async fn open(&self, name: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, Error>;
}

/// Runs the whole suite. Needs a tokio runtime of several threads for its races to be races.
pub async fn run(backend: &impl Backend) -> Result<(), Error> {
    let suite = Suite { backend };
    suite.reads_what_was_written().await?;
    suite.commits_whole_or_not_at_all().await?;
    suite.scans_in_order().await?;
    suite.expires().await?;
    suite.never_repeats_a_version().await?;
    suite.keeps_to_the_limits().await?;
    suite.reads_large_values_whole_while_they_change().await?;
    suite.counts_exactly_under_contention().await?;
    suite.lets_one_of_two_win().await?;
    suite.keeps_what_it_acknowledged().await?;
    suite.keeps_blobs().await?;
    suite.deletes_blobs_that_nobody_needs().await
}

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

struct Suite<'b, B> {
    backend: &'b B,
}

impl<B: Backend> Suite<'_, B> {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, Error> {
        self.backend.open(name, Arc::new(FixedClock::at(NOW))).await
    }
}

fn user(id: &str) -> Key {
    Key::new(Table::User, &["t", id])
}

fn write(key: &Key, value: &[u8]) -> Write {
    Write::Put {
        key: key.clone(),
        value: value.to_vec(),
        expires_at: None,
    }
}

fn delete_of(key: &Key) -> Write {
    Write::Delete { key: key.clone() }
}

fn durable(write: Write) -> Commit {
    Commit {
        expect: Vec::new(),
        writes: vec![write],
        durability: Durability::Durable,
    }
}

fn put(key: &Key, value: &[u8]) -> Commit {
    durable(write(key, value))
}

fn delete(key: &Key) -> Commit {
    durable(delete_of(key))
}

fn relaxed(commit: Commit) -> Commit {
    Commit {
        durability: Durability::Relaxed,
        ..commit
    }
}

fn value_of(entry: Option<Entry>) -> Option<Vec<u8>> {
    entry.map(|entry| entry.value)
}

fn version_of(entry: Option<Entry>) -> Option<Version> {
    entry.map(|entry| entry.version)
}
