//! A password as it is kept.

use serde::{Deserialize, Serialize};

use super::foreign::{CustomHash, InvalidCustomHash};
use super::hash::{HashSettings, InvalidHash, Phc};
use super::policy::MAX_HISTORY;
use crate::clock::Timestamp;
use crate::store::{Record, Table};

/// A user's password as it is kept. A record of its own, so that nothing that reads a user reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PasswordRecord {
    /// The hash.
    #[serde(flatten)]
    pub hash: StoredHash,
    /// When the password was chosen; a rehash at login leaves it.
    pub set_at: Timestamp,
}

impl Record for PasswordRecord {
    const TABLE: Table = Table::Password;
}

/// A password's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredHash {
    /// Our own.
    Phc(Phc),
    /// Made elsewhere; replaced at the first login.
    Imported(Box<CustomHash>),
}

impl StoredHash {
    /// Whether it can be verified, within the caps.
    pub(super) fn check(&self) -> Result<(), UnusableHash> {
        match self {
            Self::Phc(phc) => Ok(Phc::parse(phc.expose()).map(drop)?),
            Self::Imported(custom) => Ok(custom.check()?),
        }
    }

    /// Whether it is another's, or was made with other settings than these.
    pub fn needs_rehash(&self, settings: &HashSettings) -> bool {
        match self {
            Self::Phc(phc) => phc.needs_rehash(settings),
            Self::Imported(_) => true,
        }
    }
}

/// Why a stored hash cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    /// One of our own.
    #[error(transparent)]
    Phc(#[from] InvalidHash),
    /// One from elsewhere.
    #[error(transparent)]
    Imported(#[from] InvalidCustomHash),
}

/// Hashes of passwords that a user had, the newest last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PasswordHistory {
    hashes: Vec<StoredHash>,
}

impl Record for PasswordHistory {
    const TABLE: Table = Table::PasswordHistory;
}

impl PasswordHistory {
    /// The newest `count`.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = &StoredHash> {
        self.hashes.iter().rev().take(count)
    }

    /// With one more, and no more than can be asked for.
    #[must_use]
    pub fn with(mut self, hash: StoredHash) -> Self {
        self.hashes.push(hash);
        let excess = self.hashes.len().saturating_sub(MAX_HISTORY.into());
        self.hashes.drain(..excess);
        self
    }
}
