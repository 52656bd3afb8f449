//! Delivers events to the tenants' log streams: each at least once, in the order they were written, from
//! a cursor in the store, so that neither a receiver that is away nor a restart loses any.

mod courier;
mod message;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use self::courier::{Courier, Lags};
use crate::log_stream::{LogStream, Status};
use crate::server::Server;
use crate::store::{Error, Key, KeyRange, Record as _, Stored, Version};
use crate::tenant::TenantName;

/// How deliveries are made, and how long failing ones are tried.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSettings {
    /// For a delivery as a whole. Default 10 s.
    pub timeout: Duration,
    /// After the first failure; doubled after each further one. Default 5 s.
    pub first_pause: Duration,
    /// At most. Default an hour.
    pub longest_pause: Duration,
    /// A stream that has failed for so long is suspended. Default three days: a receiver that is
    /// forgotten must not be knocked at for ever, and one that broke on a Friday is mended on Monday.
    pub give_up_after: Duration,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(3_600),
            give_up_after: Duration::from_secs(3 * 86_400),
        }
    }
}

/// Deliveries at a time, of all tenants: each holds some events in memory.
const AT_ONCE: usize = 16;

/// How often all streams are looked at, besides whenever one is changed.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How many streams are read at once.
const STEP: usize = 200;

/// Delivers until it is dropped.
pub async fn deliver_always(server: &Arc<Server>) {
    let (turns, lags) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::<Lags>::default());
    let mut couriers: HashMap<Key, (Version, Task)> = HashMap::new();
    loop {
        match active(server).await {
            Err(error) => tracing::error!(%error, "the log streams cannot be read"),
            Ok(streams) => {
                let live: HashMap<&Key, Version> = streams
                    .iter()
                    .map(|stored| (&stored.key, stored.version))
                    .collect();
                couriers.retain(|key, (version, _)| live.get(key) == Some(version));
                for stored in streams {
                    let place = (stored.version, stored.key.clone());
                    let tenant = stored.key.part(0);
                    let tenant = tenant.and_then(|name| TenantName::parse(&name).ok());
                    let Some(tenant) = tenant else { continue };
                    couriers.entry(place.1).or_insert_with(|| {
                        let courier = Courier {
                            server: Arc::clone(server),
                            tenant,
                            id: stored.record.id,
                            turns: Arc::clone(&turns),
                            lags: Arc::clone(&lags),
                        };
                        (place.0, Task(tokio::spawn(courier.run())))
                    });
                }
            }
        }
        tokio::select! {
            () = server.couriers.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Ends when it is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn active(server: &Server) -> Result<Vec<Stored<LogStream>>, Error> {
    let mut rest = KeyRange::prefix(LogStream::TABLE, &[]);
    let mut all = Vec::new();
    loop {
        let stored: Vec<Stored<LogStream>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = stored.last() else {
            return Ok(all);
        };
        rest = rest.behind(&last.key);
        let active = |stored: &Stored<LogStream>| stored.record.status == Status::Active;
        all.extend(stored.into_iter().filter(active));
    }
}
