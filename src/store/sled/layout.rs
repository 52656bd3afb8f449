//! How records lie in the one sled tree.
//!
//! ```text
//! 00 | key                        head of the record, then its value if that is small
//! 01 | version | piece number     a piece of a large value
//! 02 | moment  | key              says that the record of this key expires at this moment
//! 03                              the highest version given out
//! ```
//!
//! The head is bound to its key by its own checksum, and to the value by another: so a head can be
//! trusted without reading a large value, and a value that moved to another key is noticed.

use crate::clock::Timestamp;
use crate::store::{Error, Key, Version};

/// Larger values are kept in pieces of this size. A sled leaf holds up to about 20 items and is
/// rewritten whole; at this size it stays far below the size at which sled would move it to a file
/// of its own, which it never syncs.
pub(super) const PIECE_BYTES: usize = 8 * 1024;

/// Where the highest version given out is kept.
pub(super) const VERSIONS: [u8; 1] = [3];

const RECORD: u8 = 0;
const PIECE: u8 = 1;
const EXPIRY: u8 = 2;

/// The first byte of every head, so that a later layout can be told from this one.
const LAYOUT: u8 = 1;

const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// What is known of a record without reading its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) version: Version,
    expires_at: Timestamp,
    length: u32,
    value_crc: u32,
}

impl Head {
    pub(super) fn new(version: Version, expires_at: Option<Timestamp>, value: &[u8]) -> Self {
        Self {
            version,
            expires_at: expires_at.unwrap_or(NEVER),
            // INVARIANT (value size): `Commit::check` has refused values over 64 KiB.
            length: u32::try_from(value.len()).unwrap_or(u32::MAX),
            value_crc: crc32c::crc32c(value),
        }
    }

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Where the order of expiry names this record, if it ever expires.
    pub(super) fn expiry_key(&self, key: &Key) -> Option<Vec<u8>> {
        (self.expires_at != NEVER).then(|| {
            let mut bytes = vec![EXPIRY];
            bytes.extend(self.expires_at.as_millis().to_be_bytes());
            bytes.extend(key.as_bytes());
            bytes
        })
    }

    /// Where the pieces of the value are, in order; none if it lies behind the head.
    pub(super) fn piece_keys(&self) -> impl Iterator<Item = [u8; 13]> + use<> {
        let version = self.version.0.to_be_bytes();
        let length = self.length as usize;
        let pieces = if length > PIECE_BYTES {
            length.div_ceil(PIECE_BYTES)
        } else {
            0
        };
        (0u32..).take(pieces).map(move |index| {
            let mut key = [PIECE; 13];
            key[1..9].copy_from_slice(&version);
            key[9..].copy_from_slice(&index.to_be_bytes());
            key
        })
    }

    /// The item that holds this head, and the value if that is small.
    pub(super) fn encode(&self, key: &Key, value: &[u8]) -> Vec<u8> {
        let mut item = vec![LAYOUT];
        item.extend(self.version.0.to_le_bytes());
        item.extend(self.expires_at.as_millis().to_le_bytes());
        item.extend(self.length.to_le_bytes());
        item.extend(self.value_crc.to_le_bytes());
        item.extend(checksum(key, &item).to_le_bytes());
        if value.len() <= PIECE_BYTES {
            item.extend(value);
        }
        item
    }

    /// The head of an item and what lies behind it.
    pub(super) fn parse<'i>(key: &Key, item: &'i [u8]) -> Result<(Self, &'i [u8]), Error> {
        let mut rest = item;
        let (Some([layout]), Some(version), Some(expires_at), Some(length), Some(value_crc)) = (
            take(&mut rest),
            take(&mut rest).map(u64::from_le_bytes),
            take(&mut rest).map(u64::from_le_bytes),
            take(&mut rest).map(u32::from_le_bytes),
            take(&mut rest).map(u32::from_le_bytes),
        ) else {
            return Err(damaged(key, "it is shorter than a head"));
        };
        let fields = item.get(..item.len() - rest.len()).unwrap_or_default();
        if take(&mut rest).map(u32::from_le_bytes) != Some(checksum(key, fields)) {
            return Err(damaged(key, "the checksum of its head does not match"));
        }
        if layout != LAYOUT {
            return Err(damaged(key, "a newer version of the server wrote it"));
        }
        let head = Self {
            version: Version(version),
            expires_at: Timestamp::from_millis(expires_at),
            length,
            value_crc,
        };
        Ok((head, rest))
    }

    /// Whether `value` is what this head was written for.
    pub(super) fn check(&self, key: &Key, value: &[u8]) -> Result<(), Error> {
        if value.len() == self.length as usize && crc32c::crc32c(value) == self.value_crc {
            Ok(())
        } else {
            Err(damaged(key, "the checksum of its value does not match"))
        }
    }
}

/// Where a record's head lies.
pub(super) fn record_key(key: &Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.as_bytes().len());
    bytes.push(RECORD);
    bytes.extend(key.as_bytes());
    bytes
}

/// The first sled key behind all records.
pub(super) const fn records_end() -> [u8; 1] {
    [PIECE]
}

/// The key of a record from where its head lies.
pub(super) fn key_of_record(bytes: &[u8]) -> Key {
    Key::from_bytes(bytes.get(1..).unwrap_or_default())
}

/// The range of the order of expiry that is over at `now`.
pub(super) fn expired(now: Timestamp) -> (Vec<u8>, Vec<u8>) {
    let mut end = vec![EXPIRY];
    // A record that expires at `now` reads as absent at `now`.
    end.extend(now.as_millis().saturating_add(1).to_be_bytes());
    (vec![EXPIRY], end)
}

/// The record that an entry in the order of expiry names.
pub(super) fn key_of_expiry(bytes: &[u8]) -> Key {
    Key::from_bytes(bytes.get(9..).unwrap_or_default())
}

pub(super) fn damaged(key: &Key, reason: &str) -> Error {
    Error::Corrupt {
        key: key.to_string(),
        reason: reason.to_owned(),
    }
}

fn checksum(key: &Key, fields: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key.as_bytes()), fields)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}
