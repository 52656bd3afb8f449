//! The embedded store: sled 0.34.7 with a committer of our own in front, which makes
//! acknowledged writes survive a power cut, and a data directory that repairs what it can.
//!
//! `get` and `scan` read sled on the caller's thread. Nearly every read is served from sled's
//! cache in microseconds, less than a change of threads costs; while a batch is being applied a
//! read waits for it, which the bounds on groups of commits keep to a few milliseconds. What is
//! read may be a moment away from being on disk; but the log is in order, so no commit that
//! depends on it can be on disk without it.

mod committer;
mod directory;
mod draft;
mod health;
mod layout;
mod read;
mod scrub;
mod space;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ::sled::Db;
use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot};

use self::committer::{Committer, Request};
use self::directory::Lock;
use self::health::Health;
pub use self::scrub::Scrub;
use self::space::Space;
use super::{Commit, Entry, Error, Key, KeyRange, Store};
use crate::clock::{Clock, SystemClock};

/// How much memory commits may use while they wait, in KiB. Who finds no room waits for it.
const WAITING_KIB: usize = 64 * 1024;

/// A committer that finishes no turn for once to twice as long is stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a committer that failed may take to end; one that is stuck never does.
const END_TIME: Duration = Duration::from_secs(1);

/// How many records a scan looks at before it lets other tasks run.
const SCAN_STEP: usize = 128;

/// How a store is to behave.
#[derive(Clone, Debug)]
pub struct SledOptions {
    /// Decides what has expired.
    pub clock: Arc<dyn Clock>,
    /// Writes are refused while the file system has fewer bytes free. 256 MiB by default: enough
    /// for sled to start again and for an administrator to work.
    pub reserve_bytes: u64,
    /// How much memory sled may use for pages. 256 MiB by default.
    pub cache_bytes: u64,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            reserve_bytes: 256 * 1024 * 1024,
            cache_bytes: 256 * 1024 * 1024,
        }
    }
}

/// A store in a directory of this machine, which it has for itself.
pub struct SledStore {
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    room: Arc<Semaphore>,
    /// None once it is closed.
    running: RwLock<Option<Running>>,
}

/// What ends when the store is closed. Fields are dropped in this order.
struct Running {
    requests: mpsc::Sender<Request>,
    committer: JoinHandle<()>,
    stop_scrub: Arc<AtomicBool>,
    scrubber: JoinHandle<()>,
    db: Db,
    /// Given up last, when sled has let go of its files.
    lock: Lock,
}

impl SledStore {
    /// Opens the store in a directory, which is made if it does not exist.
    ///
    /// Repairs what a crash may have left; fails with [`Error::Open`] if the directory is in use,
    /// of a newer version, not ours, or damaged beyond that. Reads every record once in the
    /// background and logs what is damaged.
    pub fn open(dir: &Path, options: SledOptions) -> Result<Arc<Self>, Error> {
        let lock = directory::take(dir)?;
        let db = directory::open(dir, options.cache_bytes, options.clock.now())?;
        let health = Arc::<Health>::default();
        let committer = Committer::new(
            db.clone(),
            dir,
            options.clock.clone(),
            health.clone(),
            Space::new(dir, options.reserve_bytes),
        )?;
        let (requests, waiting) = mpsc::channel();
        let committer = spawn("store-commit", move || committer.run(&waiting))?;
        let stop_scrub = Arc::<AtomicBool>::default();
        let scrubber = spawn("store-scrub", {
            let (db, stop) = (db.clone(), stop_scrub.clone());
            move || {
                scrub::run(&db, &stop);
            }
        })?;
        Ok(Arc::new(Self {
            clock: options.clock,
            health,
            room: Arc::new(Semaphore::new(WAITING_KIB)),
            running: RwLock::new(Some(Running {
                requests,
                committer,
                stop_scrub,
                scrubber,
                db,
                lock,
            })),
        }))
    }

    /// Finishes the commits that wait, makes all on disk and gives the directory up. Blocks until
    /// done. Afterwards everything answers [`Error::Unavailable`]. Dropping the store does the same.
    pub fn close(&self) {
        let running = self
            .running
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Running {
            requests,
            committer,
            stop_scrub,
            scrubber,
            db,
            lock,
        }) = running
        else {
            return;
        };
        stop_scrub.store(true, Ordering::Relaxed);
        drop(requests);
        let failed = Instant::now();
        while self.health.has_failed() && !committer.is_finished() && failed.elapsed() < END_TIME {
            thread::sleep(Duration::from_millis(5));
        }
        let stuck = self.health.has_failed() && !committer.is_finished();
        for thread in [(!stuck).then_some(committer), Some(scrubber)] {
            // Both catch their panics and say in `health` or in the log what happened.
            thread.map(JoinHandle::join);
        }
        drop(db);
        if self.health.has_failed() {
            // sled is still in memory and has the files open, see `Committer::run`.
            std::mem::forget(lock);
        }
    }

    /// Reads every record, logs what is damaged and counts it. Blocks; may take long. None if the
    /// store was closed meanwhile or cannot be read at all.
    pub fn scrub(&self) -> Option<Scrub> {
        let (db, stop) = self
            .with_running(|running| (running.db.clone(), running.stop_scrub.clone()))
            .ok()?;
        scrub::run(&db, &stop)
    }

    fn with_running<T>(&self, use_it: impl FnOnce(&Running) -> T) -> Result<T, Error> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running
            .as_ref()
            .map(use_it)
            .ok_or_else(|| self.health.no_answer())
    }
}

#[async_trait]
impl Store for SledStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let now = self.clock.now();
        self.with_running(|running| read::get(&running.db, key, now))?
    }

    async fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Entry>, Error> {
        let now = self.clock.now();
        let mut entries = Vec::new();
        let mut rest = range.clone();
        loop {
            let room = limit - entries.len();
            let (found, last) =
                self.with_running(|running| read::scan(&running.db, &rest, room, SCAN_STEP, now))??;
            entries.extend(found);
            let Some(last) = last.filter(|_| entries.len() < limit) else {
                return Ok(entries);
            };
            rest = rest.behind(&last);
            tokio::task::yield_now().await;
        }
    }

    async fn commit(&self, commit: Commit) -> Result<(), Error> {
        commit.check()?;
        let expected: usize = commit
            .expect
            .iter()
            .map(|(key, _)| key.as_bytes().len())
            .sum();
        // INVARIANT (commit size): `check` bounds this far below `WAITING_KIB`.
        let kib = u32::try_from((commit.bytes() + expected) / 1024 + 1).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(kib).await;
        let (answer, outcome) = oneshot::channel();
        let request = Request {
            commit,
            answer,
            room: room.map_err(|_closed| self.health.no_answer())?,
        };
        self.with_running(|running| running.requests.send(request))?
            .map_err(|_unsent| self.health.no_answer())?;
        self.health.answer(outcome, PATIENCE).await
    }

    fn health(&self) -> Result<(), Error> {
        self.with_running(|_| ())?;
        self.health.check()
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| Error::Open(format!("the thread `{name}` cannot be started: {error}")))
}
