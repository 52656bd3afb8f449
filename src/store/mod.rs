//! Durable records behind one small trait.
//!
//! The trait is as small as a distributed engine's own contract: read a key, scan a range, and
//! commit a set of writes at once if nothing they depend on has changed. Everything above it is
//! written once, in [`record`] (typed records) and [`blob`] (values too large for one record).

pub mod blob;
pub mod conformance;
pub mod key;
pub mod record;
pub mod sled;

use std::collections::HashSet;

use async_trait::async_trait;

pub use self::key::{Key, KeyRange, Table};
pub use self::record::{Batch, Record, Records, Stored};
use crate::clock::Timestamp;

/// The largest value of one key: room for the 100 KB of custom claims that a token may carry.
/// Larger things are stored in parts, see [`blob`].
pub const MAX_VALUE_BYTES: usize = 128 * 1024;

/// The longest key, in bytes of [`Key::as_bytes`].
pub const MAX_KEY_BYTES: usize = 1024;

/// The most writes one commit may carry, so that no commit holds up the others for long.
pub const MAX_COMMIT_WRITES: usize = 256;

/// The most states one commit may expect.
pub const MAX_COMMIT_EXPECTATIONS: usize = 512;

/// The most bytes of keys and values one commit may carry.
pub const MAX_COMMIT_BYTES: usize = 1024 * 1024;

/// Names one state of one key: every write of a key gives it a version it never had before, even
/// after it was deleted and made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// A key's value, as it stood when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is stored.
    pub key: Key,
    /// What is stored there; opaque to the store.
    pub value: Vec<u8>,
    /// The state that was read.
    pub version: Version,
}

/// One change of one key.
#[derive(Clone, Debug)]
pub enum Write {
    /// Stores a value, over the old one if there is one.
    Put {
        /// Where to store it; at most [`MAX_KEY_BYTES`].
        key: Key,
        /// At most [`MAX_VALUE_BYTES`].
        value: Vec<u8>,
        /// From this moment on the key reads as absent.
        expires_at: Option<Timestamp>,
    },
    /// Removes a key; no error if it is absent.
    Delete {
        /// What to remove.
        key: Key,
    },
}

impl Write {
    /// The key that changes.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }

    /// The value that is stored; empty if one is removed.
    pub fn value(&self) -> &[u8] {
        match self {
            Self::Put { value, .. } => value,
            Self::Delete { .. } => &[],
        }
    }
}

/// When the answer to a commit may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On disk before `commit` returns: for everything that somebody is told has happened.
    Durable,
    /// Visible at once, on disk within half a second: for statistics and logs.
    Relaxed,
}

/// Writes that happen together or not at all.
#[derive(Clone, Debug)]
pub struct Commit {
    /// States that must still hold: this version of this key, or its absence. At most
    /// [`MAX_COMMIT_EXPECTATIONS`].
    pub expect: Vec<(Key, Option<Version>)>,
    /// At most [`MAX_COMMIT_WRITES`] and [`MAX_COMMIT_BYTES`], each key at most once.
    pub writes: Vec<Write>,
    /// When to answer.
    pub durability: Durability,
}

impl Commit {
    /// The bytes of all keys and values that are written.
    pub fn bytes(&self) -> usize {
        let size = |write: &Write| write.key().as_bytes().len() + write.value().len();
        self.writes.iter().map(size).sum()
    }

    /// Whether the commit keeps to the limits of this module; [`Error::TooLarge`] if not. Every
    /// backend asks first, so that all refuse the same.
    pub fn check(&self) -> Result<(), Error> {
        let mut keys = HashSet::new();
        for write in &self.writes {
            limit("the key", write.key().as_bytes().len(), MAX_KEY_BYTES)?;
            limit("the value", write.value().len(), MAX_VALUE_BYTES)?;
            // The order of two writes of one key would be anybody's guess.
            limit(
                "the number of writes to one key in a commit",
                if keys.insert(write.key()) { 1 } else { 2 },
                1,
            )?;
        }
        limit(
            "the number of writes in a commit",
            self.writes.len(),
            MAX_COMMIT_WRITES,
        )?;
        limit(
            "the number of expectations of a commit",
            self.expect.len(),
            MAX_COMMIT_EXPECTATIONS,
        )?;
        limit("the commit", self.bytes(), MAX_COMMIT_BYTES)
    }
}

fn limit(what: &'static str, size: usize, limit: usize) -> Result<(), Error> {
    if size > limit {
        return Err(Error::TooLarge { what, size, limit });
    }
    Ok(())
}

/// A place for keys and values. Every backend passes [`conformance`].
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The value of a key, if it has one that has not expired. Reads its own process's commits.
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error>;

    /// At most `limit` entries of a range, in the order of their keys' bytes, expired ones left
    /// out. Each entry is read whole; the range as a whole is not a snapshot.
    async fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Entry>, Error>;

    /// Applies all writes, or none: if any expectation does not hold, [`Error::Conflict`] and
    /// nothing has changed. Two commits never interleave. After [`Error::Unavailable`] the outcome
    /// is unknown: the caller must not claim either.
    async fn commit(&self, commit: Commit) -> Result<(), Error>;

    /// Whether writes are being accepted; says why not.
    fn health(&self) -> Result<(), Error>;
}

/// What a store can answer instead of what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else changed what this commit depends on. Read again and decide again.
    #[error("the record was changed by someone else in the meantime")]
    Conflict,
    /// The value or the commit is over a limit of this module.
    #[error("{what} is {size} and may be at most {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The disk is so full that writes are refused before the file system refuses them.
    #[error("the disk that holds the store is full: {0}")]
    Full(String),
    /// A read or write failed, or the store was stopped. Nothing is acknowledged any more.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// A record's checksum or form is wrong.
    #[error("the record `{key}` is damaged: {reason}")]
    Corrupt {
        /// Where it is stored.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store cannot be opened; the sentence says why and what to do.
    #[error("{0}")]
    Open(String),
}
