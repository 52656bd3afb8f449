//! Who waits for events, by tenant. A follower is told that there is something, and reads it from the
//! store at its own speed: nothing is kept for it, so it cannot be slow at anybody's expense.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::tenant::TenantName;

/// How many may follow at a time, and how they are kept.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// Of one tenant. The default, 10, is a few people at their terminals and a few machines.
    pub per_tenant: usize,
    /// Of all tenants together: each holds a connection. The default, 100, leaves most of those.
    pub total: usize,
    /// How often one without events says that it is still there; also how long a right that was
    /// taken away may live on. Default 15 s: proxies commonly close what is silent for 30.
    pub heartbeat: std::time::Duration,
    /// How long a reader may leave what it was sent before it is let go. Default 5 s.
    pub patience: std::time::Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            per_tenant: 10,
            total: 100,
            heartbeat: std::time::Duration::from_secs(15),
            patience: std::time::Duration::from_secs(5),
        }
    }
}

/// All followers.
#[derive(Clone)]
pub(super) struct Followers {
    limits: StreamLimits,
    watched: Arc<Mutex<HashMap<TenantName, Watched>>>,
}

#[derive(Default)]
struct Watched {
    followers: usize,
    /// Who waits for the server's own purposes, and is not counted.
    listeners: usize,
    news: watch::Sender<()>,
}

/// A place among the followers of a tenant's log, until it is dropped.
pub struct Follower {
    tenant: TenantName,
    news: watch::Receiver<()>,
    all: Followers,
    counted: bool,
}

/// There are as many followers as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is followed by as many as may at a time")]
pub struct TooManyFollowers;

impl Followers {
    pub(super) fn new(limits: StreamLimits) -> Self {
        Self {
            limits,
            watched: Arc::default(),
        }
    }

    pub(super) fn limits(&self) -> StreamLimits {
        self.limits
    }

    /// Tells those of a tenant that there is something new.
    pub(super) fn wake(&self, tenant: &TenantName) {
        if let Some(watched) = self.lock().get(tenant) {
            watched.news.send_replace(());
        }
    }

    pub(super) fn join(&self, tenant: &TenantName) -> Result<Follower, TooManyFollowers> {
        let mut all = self.lock();
        if count(&all) >= self.limits.total {
            return Err(TooManyFollowers);
        }
        let watched = all.entry(tenant.clone()).or_default();
        if watched.followers >= self.limits.per_tenant {
            return Err(TooManyFollowers);
        }
        watched.followers += 1;
        Ok(self.follower(tenant, watched, true))
    }

    /// For the server's own purposes, of which there are as many as it wants.
    pub(super) fn listen(&self, tenant: &TenantName) -> Follower {
        let mut all = self.lock();
        let watched = all.entry(tenant.clone()).or_default();
        watched.listeners += 1;
        self.follower(tenant, watched, false)
    }

    fn follower(&self, tenant: &TenantName, watched: &Watched, counted: bool) -> Follower {
        Follower {
            tenant: tenant.clone(),
            news: watched.news.subscribe(),
            all: self.clone(),
            counted,
        }
    }

    pub(super) fn count(&self) -> usize {
        count(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantName, Watched>> {
        // Nothing panics while it is held.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(all: &HashMap<TenantName, Watched>) -> usize {
    all.values().map(|watched| watched.followers).sum()
}

impl Follower {
    /// From here on, what happens is news: to be said before the log is read, so that nothing falls
    /// between reading and waiting.
    pub fn look(&mut self) {
        self.news.mark_unchanged();
    }

    /// Returns when something was written since [`Self::look`].
    pub async fn news(&mut self) {
        if self.news.changed().await.is_err() {
            // The sender lives as long as its followers do.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(watched) = all.get_mut(&self.tenant) {
            match self.counted {
                true => watched.followers -= 1,
                false => watched.listeners -= 1,
            }
            if watched.followers + watched.listeners == 0 {
                all.remove(&self.tenant);
            }
        }
    }
}
