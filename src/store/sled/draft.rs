//! Turns waiting commits into one sled batch: what they expect is checked against the store and
//! against the commits before them in the same batch, so that the batch as a whole is as if they
//! had run one after the other.

use std::collections::HashMap;

use ::sled::{Batch, Db};

use super::layout::{self, Head};
use super::read;
use crate::clock::Timestamp;
use crate::store::{Commit, Error, Key, Version, Write};

/// What one write adds to the log besides its value: sled writes a page anew after ten changes.
const PAGE_SHARE: usize = 2 * 1024;

/// A batch in the making. Only the committer makes one, one at a time.
pub(super) struct Draft {
    db: Db,
    now: Timestamp,
    batch: Batch,
    /// What the batch leaves behind for the keys it touches.
    heads: HashMap<Key, Option<Head>>,
    last_version: u64,
    /// About how many bytes the batch adds to sled's log.
    pub(super) log_bytes: usize,
}

impl Draft {
    pub(super) fn new(db: Db, now: Timestamp, last_version: u64) -> Self {
        Self {
            db,
            now,
            batch: Batch::default(),
            heads: HashMap::new(),
            last_version,
            log_bytes: 0,
        }
    }

    /// Adds a commit, or changes nothing and says why not.
    pub(super) fn add(&mut self, commit: &Commit) -> Result<(), Error> {
        for (key, expected) in &commit.expect {
            let live = self.head(key)?.filter(|head| head.is_live(self.now));
            if live.map(|head| head.version) != *expected {
                return Err(Error::Conflict);
            }
        }
        let mut old_heads = Vec::with_capacity(commit.writes.len());
        for write in &commit.writes {
            old_heads.push(match self.head(write.key()) {
                // Nobody can expect a damaged record, but writing over it is how it is repaired.
                Err(Error::Corrupt { .. }) => None,
                head => head?,
            });
        }
        for (write, old) in commit.writes.iter().zip(old_heads) {
            match write {
                Write::Put {
                    key,
                    value,
                    expires_at,
                } => self.put(key, value, *expires_at, old),
                Write::Delete { key } => self.delete(key, old),
            }
        }
        Ok(())
    }

    /// Adds the removal of at most `limit` records that have expired; says how many.
    pub(super) fn add_expired(&mut self, limit: usize) -> Result<usize, Error> {
        let (start, end) = layout::expired(self.now);
        let mut found = 0;
        for place in self.db.range(start..end).keys().take(limit) {
            let place = place.map_err(|error| Error::Unavailable(error.to_string()))?;
            found += 1;
            let key = layout::key_of_expiry(&place);
            // A damaged record stays, so that somebody can look at it.
            if let Ok(Some(head)) = self.head(&key)
                && !head.is_live(self.now)
            {
                self.delete(&key, Some(head));
            }
            self.batch.remove(place);
            self.log_bytes += PAGE_SHARE;
        }
        Ok(found)
    }

    /// Applies everything at once. Returns the highest version given out.
    pub(super) fn apply(mut self) -> Result<u64, ::sled::Error> {
        // In the same batch as the versions it covers, so that it never lags behind them.
        self.batch
            .insert(&layout::VERSIONS, &self.last_version.to_be_bytes());
        self.db.apply_batch(self.batch)?;
        Ok(self.last_version)
    }

    fn head(&self, key: &Key) -> Result<Option<Head>, Error> {
        match self.heads.get(key) {
            Some(head) => Ok(*head),
            None => read::head(&self.db, key),
        }
    }

    fn put(&mut self, key: &Key, value: &[u8], expires_at: Option<Timestamp>, old: Option<Head>) {
        self.remove_parts(key, old);
        self.log_bytes += PAGE_SHARE + value.len();
        self.last_version += 1;
        let head = Head::new(Version(self.last_version), expires_at, value);
        self.batch
            .insert(layout::record_key(key), head.encode(key, value));
        for (place, piece) in head.piece_keys().zip(value.chunks(layout::PIECE_BYTES)) {
            self.batch.insert(&place, piece);
        }
        if let Some(place) = head.expiry_key(key) {
            self.batch.insert(place, &[]);
        }
        self.heads.insert(key.clone(), Some(head));
    }

    fn delete(&mut self, key: &Key, old: Option<Head>) {
        self.remove_parts(key, old);
        self.log_bytes += PAGE_SHARE;
        self.batch.remove(layout::record_key(key));
        self.heads.insert(key.clone(), None);
    }

    /// Removes what only the old head knows of.
    fn remove_parts(&mut self, key: &Key, old: Option<Head>) {
        for place in old.iter().flat_map(Head::piece_keys) {
            self.batch.remove(&place);
        }
        if let Some(place) = old.and_then(|head| head.expiry_key(key)) {
            self.batch.remove(place);
        }
    }
}
