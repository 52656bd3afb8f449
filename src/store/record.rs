//! Typed records over the store: JSON values under keys that say what they are.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use super::{Commit, Durability, Entry, Error, Key, KeyRange, Store, Table, Version, Write};
use crate::clock::Timestamp;
use crate::metrics::Metrics;
use crate::trace::span;

/// A struct that is stored as one record.
pub trait Record: Serialize + DeserializeOwned + Send {
    /// The table that holds records of this kind.
    const TABLE: Table;
}

/// A record with the state it was read in.
#[derive(Clone, Debug)]
pub struct Stored<R> {
    /// What was read.
    pub record: R,
    /// Where.
    pub key: Key,
    /// In which state.
    pub version: Version,
}

/// The store as the domain sees it. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    store: Arc<dyn Store>,
    metrics: Option<Arc<Metrics>>,
}

impl Records {
    /// Records in a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            metrics: None,
        }
    }

    /// The same, with commits measured.
    #[must_use]
    pub fn measured(self, metrics: Arc<Metrics>) -> Self {
        Self {
            metrics: Some(metrics),
            ..self
        }
    }

    /// The store itself.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The record of these parts, if there is one.
    pub async fn get<R: Record>(&self, parts: &[&str]) -> Result<Option<Stored<R>>, Error> {
        let entry = self.store.get(&Key::new(R::TABLE, parts)).await?;
        entry.map(decode).transpose()
    }

    /// The first `limit` records whose key begins with `parts`, in the order of their keys.
    pub async fn list<R: Record>(
        &self,
        parts: &[&str],
        limit: usize,
    ) -> Result<Vec<Stored<R>>, Error> {
        self.list_range(&KeyRange::prefix(R::TABLE, parts), limit)
            .await
    }

    /// The first `limit` records of a range; [`KeyRange::behind`] goes on from the last.
    pub async fn list_range<R: Record>(
        &self,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Vec<Stored<R>>, Error> {
        let entries = self.store.scan(range, limit).await?;
        entries.into_iter().map(decode).collect()
    }

    /// Applies a batch, whole or not at all.
    pub async fn commit(&self, batch: Batch) -> Result<(), Error> {
        let commit = batch.into_commit()?;
        let Some(metrics) = &self.metrics else {
            return self.store.commit(commit).await;
        };
        let (durability, begun) = (commit.durability, Instant::now());
        let span = span!(
            "commit",
            otel.kind = "client",
            db.system.name = "sled",
            db.operation.name = "commit",
            claimsmith.durability = word(durability),
        );
        let done = self.store.commit(commit).instrument(span).await;
        metrics.commit(word(durability), outcome(&done), begun.elapsed());
        done
    }
}

/// Changes that happen together or not at all.
#[derive(Clone)]
pub struct Batch {
    commit: Commit,
    failed: Option<Error>,
}

impl Batch {
    /// An empty batch that is on disk before `commit` returns.
    pub fn durable() -> Self {
        Self::new(Durability::Durable)
    }

    /// An empty batch that reaches the disk a little later: for statistics and logs.
    pub fn relaxed() -> Self {
        Self::new(Durability::Relaxed)
    }

    fn new(durability: Durability) -> Self {
        Self {
            commit: Commit {
                expect: Vec::new(),
                writes: Vec::new(),
                durability,
            },
            failed: None,
        }
    }

    /// Stores a record that must not exist yet; otherwise the commit is a conflict.
    #[must_use]
    pub fn insert<R: Record>(mut self, parts: &[&str], record: &R) -> Self {
        let key = Key::new(R::TABLE, parts);
        self.commit.expect.push((key.clone(), None));
        self.write(key, record, None)
    }

    /// Stores a record that must not exist yet, and is gone from `expires_at` on.
    #[must_use]
    pub fn insert_until<R: Record>(
        mut self,
        parts: &[&str],
        record: &R,
        expires_at: Timestamp,
    ) -> Self {
        let key = Key::new(R::TABLE, parts);
        self.commit.expect.push((key.clone(), None));
        self.write(key, record, Some(expires_at))
    }

    /// Stores `record` in the place of `old`, which must not have changed since it was read.
    #[must_use]
    pub fn replace<R: Record>(mut self, old: &Stored<R>, record: &R) -> Self {
        self.commit
            .expect
            .push((old.key.clone(), Some(old.version)));
        self.write(old.key.clone(), record, None)
    }

    /// Likewise, and it is gone from `expires_at` on.
    #[must_use]
    pub fn replace_until<R: Record>(
        mut self,
        old: &Stored<R>,
        record: &R,
        expires_at: Timestamp,
    ) -> Self {
        self.commit
            .expect
            .push((old.key.clone(), Some(old.version)));
        self.write(old.key.clone(), record, Some(expires_at))
    }

    /// Stores a record, whatever was there.
    #[must_use]
    pub fn put<R: Record>(self, parts: &[&str], record: &R) -> Self {
        self.write(Key::new(R::TABLE, parts), record, None)
    }

    /// Stores a record that is gone from `expires_at` on, whatever was there.
    #[must_use]
    pub fn put_until<R: Record>(self, parts: &[&str], record: &R, expires_at: Timestamp) -> Self {
        self.write(Key::new(R::TABLE, parts), record, Some(expires_at))
    }

    /// Stores bytes that are no record, gone from `expires_at` on, whatever was there.
    #[must_use]
    pub fn put_bytes_until(mut self, key: Key, value: Vec<u8>, expires_at: Timestamp) -> Self {
        self.commit.writes.push(Write::Put {
            key,
            value,
            expires_at: Some(expires_at),
        });
        self
    }

    /// Removes what is stored under a key, whatever it was.
    #[must_use]
    pub fn remove_key(mut self, key: Key) -> Self {
        self.commit.writes.push(Write::Delete { key });
        self
    }

    /// Removes a record that must not have changed since it was read.
    #[must_use]
    pub fn delete<R: Record>(mut self, old: &Stored<R>) -> Self {
        self.commit
            .expect
            .push((old.key.clone(), Some(old.version)));
        self.commit.writes.push(Write::Delete {
            key: old.key.clone(),
        });
        self
    }

    /// Removes a record, whatever it was; no error if there is none.
    #[must_use]
    pub fn remove<R: Record>(mut self, parts: &[&str]) -> Self {
        let key = Key::new(R::TABLE, parts);
        self.commit.writes.push(Write::Delete { key });
        self
    }

    /// Makes the commit depend on there being no such record.
    #[must_use]
    pub fn expect_none<R: Record>(mut self, parts: &[&str]) -> Self {
        self.commit.expect.push((Key::new(R::TABLE, parts), None));
        self
    }

    /// Makes the commit depend on a record that it does not write.
    #[must_use]
    pub fn expect<R: Record>(mut self, read: &Stored<R>) -> Self {
        self.commit
            .expect
            .push((read.key.clone(), Some(read.version)));
        self
    }

    fn write<R: Record>(mut self, key: Key, record: &R, expires_at: Option<Timestamp>) -> Self {
        match serde_json::to_vec(record) {
            Ok(value) => self.commit.writes.push(Write::Put {
                key,
                value,
                expires_at,
            }),
            Err(error) => {
                self.failed = Some(Error::Corrupt {
                    key: key.to_string(),
                    reason: error.to_string(),
                });
            }
        }
        self
    }

    fn into_commit(self) -> Result<Commit, Error> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.commit),
        }
    }
}

/// Labels of metrics.
fn word(durability: Durability) -> &'static str {
    match durability {
        Durability::Durable => "durable",
        Durability::Relaxed => "relaxed",
    }
}

fn outcome(done: &Result<(), Error>) -> &'static str {
    match done {
        Ok(()) => "done",
        Err(Error::Conflict) => "conflict",
        Err(Error::TooLarge { .. }) => "too_large",
        Err(Error::Full(_)) => "full",
        Err(Error::Unavailable(_) | Error::Corrupt { .. } | Error::Open(_)) => "failed",
    }
}

fn decode<R: Record>(entry: Entry) -> Result<Stored<R>, Error> {
    let record = serde_json::from_slice(&entry.value).map_err(|error| Error::Corrupt {
        key: entry.key.to_string(),
        // serde's message may quote a value; the position alone is enough to find the damage.
        reason: format!("not a record of this version, byte {}", error.column()),
    })?;
    Ok(Stored {
        record,
        key: entry.key,
        version: entry.version,
    })
}
