//! Values too large for one record: kept in parts, named by their SHA-256.
//!
//! The parts are written first, in several commits, and the head that makes them a blob last. A
//! crash in between leaves parts that nothing refers to; storing the same blob again completes it,
//! and repairs it if it was damaged.
//!
//! Owners share a blob without knowing it: each says in a record of its own that it needs it, before
//! anything else, and what the last owner lets go of is deleted ([`release`]).

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{
    Batch, Commit, Durability, Error, Key, KeyRange, Record, Records, Stored, Table, Write,
};

/// The largest blob. A component of a rule is far smaller.
pub const MAX_BLOB_BYTES: usize = 64 * 1024 * 1024;

/// How many parts are written in one commit and read at once: at most 512 KiB.
const PARTS_AT_ONCE: usize = 8;

/// How large each part is. Part of the stored format: the head's count of parts must fit it.
const PART_BYTES: usize = 64 * 1024;

/// What says that all parts of a blob are there.
#[derive(Clone, Serialize, Deserialize)]
struct Head {
    length: usize,
    parts: usize,
    /// Whether all its owners are known. A blob of an earlier version has some that are not, and is
    /// never deleted.
    #[serde(default)]
    counted: bool,
    /// It is being deleted. Who wants it then deletes the rest of it first, and stores it anew.
    #[serde(default)]
    doomed: bool,
}

impl Record for Head {
    const TABLE: Table = Table::Blob;
}

/// That an owner needs a blob, found by the owner.
#[derive(Serialize, Deserialize)]
struct Use {}

impl Record for Use {
    const TABLE: Table = Table::BlobUse;
}

/// The same, found by the blob.
#[derive(Serialize, Deserialize)]
struct User {}

impl Record for User {
    const TABLE: Table = Table::BlobUser;
}

/// Stores bytes for an owner and returns their SHA-256 in lower-case hexadecimal, by which they are
/// found again. Storing the same bytes twice is storing them once. On disk when it returns.
pub async fn put(records: &Records, owner: &str, bytes: &[u8]) -> Result<String, Error> {
    if bytes.len() > MAX_BLOB_BYTES {
        return Err(Error::TooLarge {
            what: "the blob",
            size: bytes.len(),
            limit: MAX_BLOB_BYTES,
        });
    }
    let name = name(bytes);
    // Before the head is looked at: whoever means to delete it looks at its owners afterwards.
    let needed = Batch::durable()
        .put(&[owner, &name], &Use {})
        .put(&["", &name, owner], &User {});
    records.commit(needed).await?;
    loop {
        match once(records, &name, bytes).await {
            Ok(()) => return Ok(name),
            // Somebody stored or deleted it at the same time: look again.
            Err(Error::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
}

async fn once(records: &Records, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let found: Option<Stored<Head>> = records.get(&["", name]).await?;
    match found {
        Some(head) if head.record.doomed => {
            finish(records, name, &head).await?;
            Err(Error::Conflict)
        }
        Some(head) => {
            match get(records, name).await {
                Ok(_) => {}
                Err(Error::Corrupt { .. }) => write_parts(records, name, bytes).await?,
                Err(error) => return Err(error),
            }
            let whole = Head {
                counted: head.record.counted,
                ..Head::of(bytes)
            };
            // Written although it is the same: a deletion that was decided before fails.
            records
                .commit(Batch::durable().replace(&head, &whole))
                .await
        }
        None => {
            write_parts(records, name, bytes).await?;
            let batch = Batch::durable().insert(&["", name], &Head::of(bytes));
            records.commit(batch).await
        }
    }
}

impl Head {
    fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len(),
            parts: bytes.len().div_ceil(PART_BYTES),
            counted: true,
            doomed: false,
        }
    }
}

async fn write_parts(records: &Records, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let parts: Vec<&[u8]> = bytes.chunks(PART_BYTES).collect();
    for (group, chunk) in parts.chunks(PARTS_AT_ONCE).enumerate() {
        let writes = (group * PARTS_AT_ONCE..)
            .zip(chunk)
            .map(|(number, part)| Write::Put {
                key: part_key(name, number),
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
    Ok(())
}

/// The blobs that an owner needs, at most `limit`.
pub async fn needed_by(records: &Records, owner: &str, limit: usize) -> Result<Vec<String>, Error> {
    let found: Vec<Stored<Use>> = records.list(&[owner], limit).await?;
    Ok(found
        .iter()
        .filter_map(|stored| stored.key.part(1))
        .collect())
}

/// An owner needs a blob no more, and does not ask for it again meanwhile. The last one deletes it.
/// Cut short, it can be done again.
pub async fn release(records: &Records, owner: &str, name: &str) -> Result<(), Error> {
    loop {
        let head: Option<Stored<Head>> = records.get(&["", name]).await?;
        // After the head was read: who came later than this list has written the head, too.
        let users: Vec<Stored<User>> = records.list(&["", name], 2).await?;
        let others = users
            .iter()
            .any(|user| user.key.part(2).as_deref() != Some(owner));
        let doomed = match &head {
            Some(head) if !head.record.counted || (others && !head.record.doomed) => break,
            Some(head) if head.record.doomed => Ok(()),
            Some(head) => {
                let doomed = Head {
                    doomed: true,
                    ..head.record.clone()
                };
                let batch = Batch::durable().replace(head, &doomed);
                records.commit(batch).await
            }
            None if others => break,
            // What a crash left of it goes likewise.
            None => {
                let doomed = Head {
                    doomed: true,
                    ..Head::of(&[])
                };
                let batch = Batch::durable().insert(&["", name], &doomed);
                records.commit(batch).await
            }
        };
        let done = match doomed {
            Ok(()) => match records.get::<Head>(&["", name]).await? {
                Some(head) if head.record.doomed => finish(records, name, &head).await,
                _ => Ok(()),
            },
            conflict => conflict,
        };
        match done {
            Ok(()) => break,
            Err(Error::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    let batch = Batch::durable()
        .remove::<Use>(&[owner, name])
        .remove::<User>(&["", name, owner]);
    records.commit(batch).await
}

/// Deletes the parts, as long as the head says that they are to go, and the head at last.
async fn finish(records: &Records, name: &str, doomed: &Stored<Head>) -> Result<(), Error> {
    let range = KeyRange::prefix(Table::BlobPart, &["", name]);
    loop {
        let parts = records.store().scan(&range, PARTS_AT_ONCE).await?;
        let mut commit = Commit {
            expect: vec![(doomed.key.clone(), Some(doomed.version))],
            writes: Vec::new(),
            durability: Durability::Durable,
        };
        let is_last = parts.is_empty();
        for part in parts {
            commit.writes.push(Write::Delete { key: part.key });
        }
        if is_last {
            commit.writes.push(Write::Delete {
                key: doomed.key.clone(),
            });
        }
        records.store().commit(commit).await?;
        if is_last {
            return Ok(());
        }
    }
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
    let Head {
        length,
        parts,
        doomed,
        ..
    } = head.record;
    if doomed {
        return Ok(None);
    }
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
