//! Hashing on threads of its own, behind a queue that is bounded and fair.
//!
//! A hash takes tens of milliseconds and 19 MiB. So it is admitted, not merely called: as many run
//! as there are threads, the rest wait in one queue per tenant, served in turn, and what does not
//! fit is refused at once with a time to come back. A flood on one tenant fills that tenant's queue
//! and costs the others one turn.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Span;

use super::hash::{HashError, HashSettings, Phc, Workspace};
use super::password::Password;
use super::stored::StoredHash;
use crate::metrics::Metrics;
use crate::trace::span;

/// How much hashing may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Passwords hashed at the same time; at least 1. Each holds the memory of one hash.
    pub threads: usize,
    /// Passwords that wait, of all tenants together. At 20 ms each, two threads need 20 seconds for
    /// 2048: more would outlast the clients' patience.
    pub waiting: usize,
    /// Passwords that wait, of one tenant: half, so that no tenant can fill the queue alone.
    pub waiting_per_tenant: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            threads: thread::available_parallelism().map_or(1, usize::from),
            waiting: 2048,
            waiting_per_tenant: 1024,
        }
    }
}

/// What one turn of a thread does.
pub(super) enum Work {
    /// Hash a new password.
    Hash(Password),
    /// Compare a password with a hash; if it matches and `renew` is set, hash it anew.
    Verify {
        hash: StoredHash,
        password: Password,
        renew: bool,
    },
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    Hashed(Phc),
    Verified { matches: bool, renewed: Option<Phc> },
}

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDone {
    #[error("too many passwords are being checked")]
    Busy { retry_after_secs: u64 },
    #[error(transparent)]
    Failed(#[from] HashError),
}

/// The threads. Dropping the pool lets a running hash finish, refuses what waits and joins them.
pub(super) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    hashing: HashSettings,
    limits: PoolSettings,
    evaluations: AtomicU64,
    /// How long the last job took, in microseconds.
    last_job_us: AtomicU64,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Queue {
    /// Never holds an empty queue, so it has at most as many entries as there are jobs.
    tenants: HashMap<String, VecDeque<Job>>,
    /// Tenants with waiting jobs, the next first.
    turns: VecDeque<String>,
    waiting: usize,
    closed: bool,
}

struct Job {
    work: Work,
    since: Instant,
    /// Of the wait; its parent is that of the work.
    waiting: Span,
    parent: Span,
    answer: oneshot::Sender<Result<Answer, HashError>>,
}

impl Pool {
    pub(super) fn start(
        hashing: HashSettings,
        limits: PoolSettings,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            filled: Condvar::new(),
            hashing,
            limits,
            evaluations: AtomicU64::new(0),
            last_job_us: AtomicU64::new(0),
            metrics,
        });
        let mut pool = Self {
            shared,
            threads: Vec::new(),
        };
        for number in 0..limits.threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new().name(format!("password-{number}"));
            pool.threads.push(thread.spawn(move || shared.work())?);
        }
        Ok(pool)
    }

    /// Does one job in its tenant's turn. A caller that goes away takes its waiting job with it.
    pub(super) async fn run(&self, tenant: &str, work: Work) -> Result<Answer, NotDone> {
        let (answer, answered) = oneshot::channel();
        let since = Instant::now();
        let job = Job {
            work,
            since,
            waiting: span!("wait for a hashing thread"),
            parent: Span::current(),
            answer,
        };
        let refused = |_: &NotDone| self.shared.metrics.password_refused(tenant);
        self.shared.enqueue(tenant, job).inspect_err(refused)?;
        match answered.await {
            Ok(result) => Ok(result?),
            // The pool was stopped: another process may be taking over this moment.
            Err(_) => Err(NotDone::Busy {
                retry_after_secs: 1,
            }),
        }
    }

    /// How many jobs wait.
    pub(super) fn waiting(&self) -> usize {
        self.shared.lock().waiting
    }

    /// How often Argon2 ran since the start.
    pub(super) fn evaluations(&self) -> u64 {
        self.shared.evaluations.load(Ordering::Relaxed)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        {
            let mut queue = self.shared.lock();
            queue.closed = true;
            queue.tenants.clear();
            queue.turns.clear();
        }
        self.shared.filled.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to wait for.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn enqueue(&self, tenant: &str, job: Job) -> Result<(), NotDone> {
        let mut queue = self.lock();
        if self.is_full(&queue, tenant) {
            // Callers that gave up must not keep others out.
            queue.forget_abandoned();
        }
        if queue.closed || self.is_full(&queue, tenant) {
            return Err(NotDone::Busy {
                retry_after_secs: self.wait_secs(queue.waiting),
            });
        }
        queue.push(tenant, job);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    fn is_full(&self, queue: &Queue, tenant: &str) -> bool {
        let own = queue.tenants.get(tenant).map_or(0, VecDeque::len);
        queue.waiting >= self.limits.waiting || own >= self.limits.waiting_per_tenant
    }

    /// How long it takes to work off `waiting` jobs at the present speed, rounded up.
    fn wait_secs(&self, waiting: usize) -> u64 {
        let job = Duration::from_micros(self.last_job_us.load(Ordering::Relaxed));
        let jobs = u32::try_from(waiting / self.limits.threads.max(1)).unwrap_or(u32::MAX);
        job.saturating_mul(jobs).as_secs().saturating_add(1).min(60)
    }

    fn work(&self) {
        let mut workspace = Workspace::default();
        while let Some(job) = self.next() {
            let Job {
                work,
                since,
                waiting,
                parent,
                answer,
            } = job;
            drop(waiting);
            if answer.is_closed() {
                continue;
            }
            let started = Instant::now();
            self.metrics.password_waited(started - since);
            let hashing = span!(parent: &parent, "hash").entered();
            let result = self.evaluate(&mut workspace, work);
            drop(hashing);
            drop(parent);
            let took = started.elapsed();
            self.metrics.password_hashed(took);
            let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            self.last_job_us.store(took, Ordering::Relaxed);
            workspace.trim(&self.hashing);
            // Nobody is left to tell if this fails.
            let _ = answer.send(result);
        }
    }

    /// The next job in turn; waits for one. None when the pool stops.
    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.pop() {
                return Some(job);
            }
            queue = self
                .filled
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn evaluate(&self, workspace: &mut Workspace, work: Work) -> Result<Answer, HashError> {
        let count = || self.evaluations.fetch_add(1, Ordering::Relaxed);
        match work {
            Work::Hash(password) => {
                count();
                Ok(Answer::Hashed(workspace.hash(&self.hashing, &password)?))
            }
            Work::Verify {
                hash: StoredHash::Imported(custom),
                password,
                renew,
            } => {
                // Our own hash is computed whether or not the password matches: otherwise a quick
                // hash would tell by the time that its user exists, and is from elsewhere.
                count();
                let matches = custom.verify(workspace, &password)?;
                let phc = workspace.hash(&self.hashing, &password)?;
                Ok(Answer::Verified {
                    matches,
                    renewed: (matches && renew).then_some(phc),
                })
            }
            Work::Verify {
                hash: StoredHash::Phc(phc),
                password,
                renew,
            } => {
                count();
                let matches = workspace.verify(&phc, &password)?;
                let renewed = (matches && renew).then(|| {
                    count();
                    workspace.hash(&self.hashing, &password)
                });
                Ok(Answer::Verified {
                    matches,
                    renewed: renewed.transpose()?,
                })
            }
        }
    }

    /// No code panics while it holds this lock; if it ever did, the queue would still be whole.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, tenant: &str, job: Job) {
        self.waiting += 1;
        if let Some(jobs) = self.tenants.get_mut(tenant) {
            jobs.push_back(job);
            return;
        }
        self.turns.push_back(tenant.to_owned());
        self.tenants.insert(tenant.to_owned(), [job].into());
    }

    fn pop(&mut self) -> Option<Job> {
        let tenant = self.turns.pop_front()?;
        let jobs = self.tenants.get_mut(&tenant)?;
        let job = jobs.pop_front();
        if jobs.is_empty() {
            self.tenants.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        self.waiting = self.waiting.saturating_sub(1);
        job
    }

    fn forget_abandoned(&mut self) {
        for jobs in self.tenants.values_mut() {
            jobs.retain(|job| !job.answer.is_closed());
        }
        self.tenants.retain(|_, jobs| !jobs.is_empty());
        self.turns
            .retain(|tenant| self.tenants.contains_key(tenant));
        self.waiting = self.tenants.values().map(VecDeque::len).sum();
    }
}
