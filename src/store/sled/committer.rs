//! The one thread that writes.
//!
//! It takes all commits that wait, checks them one after the other, applies those that hold as one
//! sled batch, syncs once, and answers. So preconditions are plain reads, nobody interleaves, and
//! all who wait share one fsync. sled's own `flush` does not call fsync on Linux, and its
//! `flush_async` deadlocks; hence `flush` and then `fdatasync` on a handle of our own.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use ::sled::Db;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::draft::Draft;
use super::health::Health;
use super::layout;
use super::space::Space;
use crate::clock::Clock;
use crate::store::{Commit, Durability, Error};

/// A relaxed commit is on disk after this time. The trait promises half a second.
const RELAXED_TIME: Duration = Duration::from_millis(400);

/// Relaxed commits are synced at once when the log has grown by this much since the last sync.
///
/// When sled has copied the records of a segment elsewhere it writes over the segment, as soon as
/// two more segments (4 MiB) are written. Were the copies not synced by then, a power cut could
/// take records that were on disk long ago: without this bound, half of the `torn` power cuts of
/// `tests/faults` lost the whole store. It is far below 4 MiB because the growth is an estimate,
/// and pages full of large records can make a small write cost six times as much.
const RELAXED_BYTES: usize = 128 * 1024;

/// No more than this is applied at once, so that nobody waits long behind others.
const GROUP_COMMITS: usize = 256;
const GROUP_BYTES: usize = 512 * 1024;

/// How often to look for expired records, and how many to remove then.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
const SWEEP_RECORDS: usize = 256;

/// A version may have been read by somebody and then lost with the last half second. Nobody writes
/// as many in that time, so behind this gap every version is new.
const VERSION_GAP: u64 = 1 << 20;

/// A commit that waits.
pub(super) struct Request {
    pub(super) commit: Commit,
    pub(super) answer: oneshot::Sender<Result<(), Error>>,
    /// Its share of the memory that waiting commits may use.
    #[expect(dead_code, reason = "held, not read")]
    pub(super) room: OwnedSemaphorePermit,
}

impl Request {
    fn answer(self, outcome: Result<(), Error>) {
        // Who does not wait any more does not miss the answer.
        self.answer.send(outcome).ok();
    }
}

pub(super) struct Committer {
    db: Db,
    /// Our own handle of sled's log, for fdatasync.
    log: File,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    space: Space,
    last_version: u64,
    /// What is being committed. Here and not on the stack, so that if anything fails or panics the
    /// failure is known to all before those who wait find out that they get no answer.
    group: Vec<Request>,
    /// Since when something is applied that is not yet synced, and how much.
    unsynced: Option<Instant>,
    unsynced_bytes: usize,
    swept: Instant,
}

impl Committer {
    pub(super) fn new(
        db: Db,
        dir: &Path,
        clock: Arc<dyn Clock>,
        health: Arc<Health>,
        space: Space,
    ) -> Result<Self, Error> {
        let open = |error: &dyn std::fmt::Display| {
            Error::Open(format!(
                "the store in `{}` cannot be opened: {error}",
                dir.display()
            ))
        };
        let last_version = match db.get(layout::VERSIONS).map_err(|error| open(&error))? {
            None => 0,
            Some(bytes) => {
                let bytes = <[u8; 8]>::try_from(bytes.as_ref())
                    .map_err(|_| open(&"its count of versions is damaged; restore a backup"))?;
                u64::from_be_bytes(bytes) + VERSION_GAP
            }
        };
        let log = File::options()
            .read(true)
            .write(true)
            .open(dir.join("db"))
            .map_err(|error| open(&error))?;
        let mut committer = Self {
            db,
            log,
            clock,
            health,
            space,
            last_version,
            group: Vec::new(),
            unsynced: None,
            unsynced_bytes: 0,
            swept: Instant::now(),
        };
        // What sled writes when it makes or repairs its files.
        committer.sync().map_err(|error| open(&error))?;
        Ok(committer)
    }

    /// Works until all senders of requests are gone or something fails.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.work(requests)));
        match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => self.health.fail(&error.to_string()),
            Err(_panic) => self.health.fail("the committer panicked"),
        }
        // Dropping the last handle would flush what may be half a batch.
        std::mem::forget(self.db.clone());
    }

    fn work(&mut self, requests: &Receiver<Request>) -> Result<(), Failure> {
        loop {
            self.health.turn();
            match requests.recv_timeout(self.time_to_next_duty()) {
                Ok(first) => {
                    self.group = gather(first, requests);
                    self.commit()?;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.sync(),
            }
            if self.swept.elapsed() >= SWEEP_EVERY {
                self.sweep()?;
            }
            if self.unsynced_bytes > RELAXED_BYTES || self.relaxed_time_left().is_zero() {
                self.sync()?;
            }
        }
    }

    fn commit(&mut self) -> Result<(), Failure> {
        if let Some(reason) = self.full() {
            for request in self.group.drain(..) {
                request.answer(Err(Error::Full(reason.clone())));
            }
            return Ok(());
        }

        let mut draft = self.draft();
        let add = |request: &Request| draft.add(&request.commit);
        let outcomes: Vec<_> = self.group.iter().map(add).collect();
        if outcomes.iter().any(Result::is_ok) {
            self.apply(draft)?;
        }
        let group = std::mem::take(&mut self.group);
        for (request, outcome) in group.into_iter().zip(outcomes) {
            if outcome.is_ok() && request.commit.durability == Durability::Durable {
                self.group.push(request);
            } else {
                request.answer(outcome);
            }
        }
        if !self.group.is_empty() {
            self.sync()?;
        }
        for request in self.group.drain(..) {
            request.answer(Ok(()));
        }
        Ok(())
    }

    /// Removes some of what has expired. It reads as absent anyway; this is for the space.
    fn sweep(&mut self) -> Result<(), Failure> {
        self.swept = Instant::now();
        if self.full().is_some() {
            return Ok(());
        }
        let mut draft = self.draft();
        match draft.add_expired(SWEEP_RECORDS) {
            Ok(0) => Ok(()),
            Ok(_) => self.apply(draft),
            Err(error) => {
                tracing::error!(%error, "expired records cannot be removed");
                Ok(())
            }
        }
    }

    fn full(&mut self) -> Option<String> {
        let full = self.space.full(Instant::now());
        self.health.set_full(full);
        full.cloned()
    }

    fn draft(&self) -> Draft {
        Draft::new(self.db.clone(), self.clock.now(), self.last_version)
    }

    fn apply(&mut self, draft: Draft) -> Result<(), Failure> {
        self.unsynced_bytes += draft.log_bytes;
        self.unsynced.get_or_insert_with(Instant::now);
        self.last_version = draft.apply().map_err(Failure::Sled)?;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.db.flush().map_err(Failure::Sled)?;
        self.log.sync_data().map_err(Failure::Sync)?;
        if self.health.has_failed() {
            return Err(Failure::TooLate);
        }
        self.unsynced = None;
        self.unsynced_bytes = 0;
        Ok(())
    }

    fn time_to_next_duty(&self) -> Duration {
        self.relaxed_time_left()
            .min(SWEEP_EVERY.saturating_sub(self.swept.elapsed()))
    }

    fn relaxed_time_left(&self) -> Duration {
        self.unsynced.map_or(Duration::MAX, |since| {
            RELAXED_TIME.saturating_sub(since.elapsed())
        })
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("writing failed: {0}")]
    Sled(::sled::Error),
    #[error("fdatasync failed: {0}")]
    Sync(io::Error),
    /// Who waited was told that it failed.
    #[error("the disk answered when nobody waited any more")]
    TooLate,
}

fn gather(first: Request, requests: &Receiver<Request>) -> Vec<Request> {
    let mut bytes = first.commit.bytes();
    let mut group = vec![first];
    while bytes < GROUP_BYTES && group.len() < GROUP_COMMITS {
        let Ok(next) = requests.try_recv() else { break };
        bytes += next.commit.bytes();
        group.push(next);
    }
    group
}
