//! Reads every record once in the background after a start, because sled notices a damaged page
//! only when somebody asks for it, which may be months later.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use ::sled::Db;

use super::read;
use crate::clock::Timestamp;
use crate::store::{Error, Key, KeyRange};

/// How many records to read before making room for others.
const STEP: usize = 64;

/// How long to make room: the disk is ours for about half of the time.
const PAUSE: Duration = Duration::from_millis(1);

/// What a full reading of the store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrub {
    /// How many records were read whole.
    pub records: u64,
    /// How many records, or pages of records, cannot be read. Each is in the log with its key.
    pub damaged: u64,
}

/// Reads all records until `stop`, and logs what is damaged.
pub(super) fn run(db: &Db, stop: &AtomicBool) -> Option<Scrub> {
    let found = catch_unwind(AssertUnwindSafe(|| read_all(db, stop)));
    match &found {
        Ok(Some(found)) if found.damaged > 0 => {
            tracing::error!(
                records = found.records,
                damaged = found.damaged,
                "the store holds damaged records; restore them from a backup or write them again"
            );
        }
        Ok(Some(found)) => tracing::info!(records = found.records, "every record was read"),
        Ok(None) => {}
        Err(_panic) => tracing::error!("reading every record of the store made sled panic"),
    }
    found.ok().flatten()
}

fn read_all(db: &Db, stop: &AtomicBool) -> Option<Scrub> {
    let mut found = Scrub::default();
    let mut range = KeyRange {
        start: Key::from_bytes([]),
        end: None,
    };
    // At the beginning of time nothing has expired: records that have are read as well.
    let now = Timestamp::from_millis(0);
    while !stop.load(Ordering::Relaxed) {
        let last = match read::scan(db, &range, STEP, STEP, now) {
            Ok((entries, last)) => {
                found.records += entries.len() as u64;
                last
            }
            Err(_) => step_over_damage(db, &range, &mut found),
        };
        let Some(last) = last else {
            return Some(found);
        };
        range = range.behind(&last);
        sleep(PAUSE);
    }
    None
}

/// Reads a step that holds damage one record at a time. Returns the key to go on behind.
fn step_over_damage(db: &Db, range: &KeyRange, found: &mut Scrub) -> Option<Key> {
    let mut last = None;
    for item in read::items(db, range).take(STEP) {
        let key = match item {
            Ok((key, _)) => key,
            Err(error) => {
                // What lies behind a page that cannot be read cannot be found either.
                found.damaged += 1;
                tracing::error!(%error, "damaged page");
                return None;
            }
        };
        match read::get(db, &key, Timestamp::from_millis(0)) {
            Ok(_) => found.records += 1,
            Err(error @ Error::Corrupt { .. }) => {
                found.damaged += 1;
                tracing::error!(%error, "damaged record");
            }
            Err(error) => {
                tracing::error!(%error, "the store was not read to its end");
                return None;
            }
        }
        last = Some(key);
    }
    last
}
