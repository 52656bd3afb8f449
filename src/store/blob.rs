//! Values too large for one record: kept in parts, named by their SHA-256.
//!
//! The parts are written first, in several commits, and the head that makes them a blob last. A
//! crash in between leaves parts that nothing refers to; storing the same blob again completes it,
//! and repairs it if it was damaged.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{Batch, Commit, Durability, Error, Key, KeyRange, Record, Records, Table, Write};

/// The largest blob. A component of a rule is far smaller.
pub const MAX_BLOB_BYTES: usize = 64 * 1024 * 1024;

/// How many parts are written in one commit and read at once: at most 512 KiB.
const PARTS_AT_ONCE: usize = 8;

/// How large each part is. Part of the stored format: the head's count of parts must fit it.
const PART_BYTES: usize = 64 * 1024;

/// What says that all parts of a blob are there.
#[derive(Serialize, Deserialize)]
struct Head {
    length: usize,
    parts: usize,
}

impl Record for Head {
    const TABLE: Table = Table::Blob;
}

/// Stores bytes and returns their SHA-256 in lower-case hexadecimal, by which they are found again.
/// Storing the same bytes twice is storing them once. On disk when it returns.
pub async fn put(records: &Records, bytes: &[u8]) -> Result<String, Error> {
    if bytes.len() > MAX_BLOB_BYTES {
        return Err(Error::TooLarge {
            what: "the blob",
            size: bytes.len(),
            limit: MAX_BLOB_BYTES,
        });
    }
    let name = name(bytes);
    match get(records, &name).await {
        Ok(None) | Err(Error::Corrupt { .. }) => {}
        Ok(Some(_)) => return Ok(name),
        Err(error) => return Err(error),
    }
    let parts: Vec<&[u8]> = bytes.chunks(PART_BYTES).collect();
    for (group, chunk) in parts.chunks(PARTS_AT_ONCE).enumerate() {
        let writes = (group * PARTS_AT_ONCE..)
            .zip(chunk)
            .map(|(number, part)| Write::Put {
                key: part_key(&name, number),
                value: part.to_vec(),
                expires_at: None,
            });
        let commit = Commit {
            expect: Vec::new(),
            writes: writes.collect(),
            durability: Durability::Durable,
        };
        records.store().commit(commit).await?;
    }
    let head = Head {
        length: bytes.len(),
        parts: parts.len(),
    };
    // Whoever stores the same bytes at the same time writes the same.
    let batch = Batch::durable().put(&["", &name], &head);
    records.commit(batch).await?;
    Ok(name)
}

/// The bytes stored under a SHA-256, if there are any. What does not match it is
/// [`Error::Corrupt`], never returned.
pub async fn get(records: &Records, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(head) = records.get::<Head>(&["", name]).await? else {
        return Ok(None);
    };
    let damaged = |reason: &str| Error::Corrupt {
        key: head.key.to_string(),
        reason: reason.to_owned(),
    };
    let Head { length, parts } = head.record;
    if length > MAX_BLOB_BYTES || parts != length.div_ceil(PART_BYTES) {
        return Err(damaged("its length cannot be right"));
    }
    let mut bytes = Vec::with_capacity(length);
    let mut range = KeyRange::prefix(Table::BlobPart, &["", name]);
    while bytes.len() < length {
        let parts = records.store().scan(&range, PARTS_AT_ONCE).await?;
        let Some(last) = parts.last() else {
            return Err(damaged("parts of it are missing"));
        };
        range = range.behind(&last.key);
        for part in parts {
            bytes.extend_from_slice(&part.value);
        }
    }
    if bytes.len() != length || self::name(&bytes) != name {
        return Err(damaged("its parts do not match its SHA-256"));
    }
    Ok(Some(bytes))
}

fn part_key(name: &str, number: usize) -> Key {
    // As many digits for all, so that keys are in the order of the parts.
    Key::new(Table::BlobPart, &["", name, &format!("{number:08}")])
}

fn name(bytes: &[u8]) -> String {
    let sha256 = digest(&SHA256, bytes);
    sha256.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}
