//! The deliveries of one stream, one after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::message;
use crate::admin::{self, events};
use crate::clock::Timestamp;
use crate::log::{EventType, LogEvent};
use crate::log_stream::{Category, Cursor, Format, LogStream, Status};
use crate::random;
use crate::rule_host::fetch::Received;
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::{Status as TenantStatus, TenantName};

/// How many events are read at once: one has up to 128 KiB, with what rules wrote.
const STEP: usize = 16;

/// How often a tenant that is suspended is looked at.
const UNSERVED: Duration = Duration::from_secs(60);

/// After an error of our own.
const OWN_FAULT: Duration = Duration::from_secs(5);

pub(super) struct Courier {
    pub(super) server: Arc<Server>,
    pub(super) tenant: TenantName,
    /// The stream's identity.
    pub(super) id: String,
    pub(super) turns: Arc<Semaphore>,
    pub(super) lags: Arc<Lags>,
}

enum Step {
    /// There may be more.
    Went,
    /// There is nothing to deliver.
    Idle,
    /// Not before so long.
    Later(Duration),
    /// The stream is not delivered to any more.
    Ended,
}

/// How a delivery failed.
struct Failed {
    reason: String,
    /// When the receiver wants to be asked again.
    retry_after: Option<Duration>,
    /// It says that there is nobody there for good.
    gone: bool,
}

impl Courier {
    pub(super) async fn run(self) {
        let mut follower = self.server.log.listen(&self.tenant);
        loop {
            follower.look();
            match self.step().await {
                Ok(Step::Went) => {}
                Ok(Step::Idle) => {
                    self.lag(Duration::ZERO);
                    follower.news().await;
                }
                Ok(Step::Later(pause)) => tokio::time::sleep(pause).await,
                Ok(Step::Ended) => return,
                Err(error) => {
                    tracing::error!(%error, tenant = %self.tenant, stream = self.id, "events cannot be delivered");
                    tokio::time::sleep(OWN_FAULT).await;
                }
            }
        }
    }

    async fn step(&self) -> Result<Step, admin::Error> {
        let Ok(_turn) = self.turns.acquire().await else {
            return Ok(Step::Ended);
        };
        let (server, tenant) = (&self.server, &self.tenant);
        let parts = [tenant.as_str(), self.id.as_str()];
        let stream: Option<Stored<LogStream>> = server.records.get(&parts).await?;
        let stream = stream.filter(|stream| stream.record.status == Status::Active);
        let cursor: Option<Stored<Cursor>> = server.records.get(&parts).await?;
        let (Some(stream), Some(cursor)) = (stream, cursor) else {
            return Ok(Step::Ended);
        };
        let found = server.tenant(tenant).await?;
        if found.is_none_or(|found| found.status != TenantStatus::Active) {
            return Ok(Step::Later(UNSERVED.min(server.webhooks.longest_pause)));
        }
        let now = server.clock.now();
        let wait = between(now, cursor.record.next_attempt);
        if !wait.is_zero() {
            return Ok(Step::Later(wait.min(server.webhooks.longest_pause)));
        }

        // What is next, as far as it goes into one message.
        let part = server.log.from(tenant, cursor.record.number, STEP).await?;
        let (is_last, end) = (part.is_last, part.next);
        let mut wanted = Vec::new();
        for event in part.events {
            if takes(&stream.record, &event) {
                wanted.push(event);
            }
        }
        let Some(oldest) = wanted.first() else {
            if end != cursor.record.number {
                self.advance(&cursor, end).await?;
            }
            return Ok(if is_last { Step::Idle } else { Step::Went });
        };
        self.lag(between(oldest.date, now));
        let numbers: Vec<u64> = wanted.iter().map(|event| event.number).collect();
        let documents = events::documents(server, tenant, wanted).await?;
        let most = match stream.record.sink.format {
            Format::Object => 1,
            Format::Lines | Format::Array => documents.len(),
        };
        let (body, count) = message::body(stream.record.sink.format, &documents, most);
        let next = match numbers.get(count) {
            Some(next) => *next,
            None => end,
        };

        let first = documents.first().map(message::log_id).unwrap_or_default();
        match self.attempt(&stream.record, &first, body, now).await? {
            Ok(()) => {
                server.metrics.webhook(tenant.as_str(), "delivered");
                self.advance(&cursor, next).await?;
                Ok(Step::Went)
            }
            Err(failed) => self.failed(&stream, &cursor, failed, now).await,
        }
    }

    async fn attempt(
        &self,
        stream: &LogStream,
        first: &str,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Result<Result<(), Failed>, admin::Error> {
        let master = self.server.keyring.master();
        let post = message::sign(master, &self.tenant, stream, first, body, now)?;
        let timeout = self.server.webhooks.timeout;
        let post = crate::rule_host::fetch::Post { timeout, ..post };
        let sent = self.server.rule_host.post(self.tenant.as_str(), post).await;
        let tenant = self.tenant.as_str();
        let failed = match sent {
            Ok(Received { status, .. }) if (200..300).contains(&status) => return Ok(Ok(())),
            Ok(Received {
                status,
                retry_after,
            }) => {
                self.server.metrics.webhook(tenant, "refused");
                Failed {
                    reason: format!("the receiver answered {status}"),
                    retry_after: retry_after.map(Duration::from_secs),
                    gone: status == 410,
                }
            }
            Err(reason) => {
                self.server.metrics.webhook(tenant, "unreachable");
                Failed {
                    reason,
                    retry_after: None,
                    gone: false,
                }
            }
        };
        Ok(Err(failed))
    }

    /// Notes how far it has come. Not at once on disk: what is delivered again after a power cut has
    /// the same `log_id`.
    async fn advance(&self, cursor: &Stored<Cursor>, number: u64) -> Result<(), admin::Error> {
        let new = Cursor {
            number,
            ..Cursor::default()
        };
        self.keep(Batch::relaxed().replace(cursor, &new)).await
    }

    /// Somebody who changed the stream meanwhile counts more: it is read again.
    async fn keep(&self, batch: Batch) -> Result<(), admin::Error> {
        match self.server.records.commit(batch).await {
            Err(store::Error::Conflict) => Ok(()),
            done => Ok(done?),
        }
    }

    async fn failed(
        &self,
        stream: &Stored<LogStream>,
        cursor: &Stored<Cursor>,
        failed: Failed,
        now: Timestamp,
    ) -> Result<Step, admin::Error> {
        let settings = self.server.webhooks;
        let failures = cursor.record.failures.saturating_add(1);
        let since = cursor.record.failing_since.unwrap_or(now);
        tracing::warn!(tenant = %self.tenant, stream = self.id, failures, reason = failed.reason, "events were not delivered");
        let doubled = settings
            .first_pause
            .saturating_mul(1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX))
            .min(settings.longest_pause);
        let asked = failed.retry_after.unwrap_or_default();
        let pause = jittered(doubled).max(asked).min(settings.longest_pause);
        let new = Cursor {
            number: cursor.record.number,
            failures,
            failing_since: Some(since),
            next_attempt: now.plus_millis(millis(pause)),
            last_error: Some(failed.reason.chars().take(500).collect()),
        };
        let batch = Batch::relaxed().replace(cursor, &new);
        if !failed.gone && between(since, now) < settings.give_up_after {
            self.keep(batch).await?;
            return Ok(Step::Later(pause));
        }
        let suspended = LogStream {
            status: Status::Suspended,
            ..stream.record.clone()
        };
        self.keep(batch.replace(stream, &suspended)).await?;
        let event = LogEvent {
            description: Some(format!(
                "the log stream `{}` ({}) was suspended: {}; make its status active again once the receiver is there, and it goes on where it stopped",
                stream.record.name, self.id, failed.reason
            )),
            ..LogEvent::new(EventType::Warning, now)
        };
        self.server.log.note(&self.tenant, event).await;
        Ok(Step::Ended)
    }

    fn lag(&self, lag: Duration) {
        let worst = self.lags.set(self.tenant.as_str(), &self.id, Some(lag));
        self.server.metrics.webhook_lag(self.tenant.as_str(), worst);
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        let worst = self.lags.set(self.tenant.as_str(), &self.id, None);
        self.server.metrics.webhook_lag(self.tenant.as_str(), worst);
    }
}

/// How far behind each stream is, by tenant.
#[derive(Default)]
pub(super) struct Lags(Mutex<HashMap<String, HashMap<String, Duration>>>);

impl Lags {
    /// The tenant's worst, after this.
    fn set(&self, tenant: &str, id: &str, lag: Option<Duration>) -> Duration {
        // Nothing panics while it is held.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = all.entry(tenant.to_owned()).or_default();
        match lag {
            Some(lag) => drop(of.insert(id.to_owned(), lag)),
            None => drop(of.remove(id)),
        }
        let worst = of.values().max().copied().unwrap_or_default();
        if of.is_empty() {
            all.remove(tenant);
        }
        worst
    }
}

fn takes(stream: &LogStream, event: &LogEvent) -> bool {
    stream.filters.is_empty() || stream.filters.contains(&Category::of(event.event_type))
}

/// Between half of it and all: receivers that fail together must not be asked together.
fn jittered(pause: Duration) -> Duration {
    let share = random::bytes::<1>().map_or(u8::MAX, |[byte]| byte);
    pause / 2 + pause / 2 * u32::from(share) / u32::from(u8::MAX)
}

fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::from_millis(later.as_millis().saturating_sub(earlier.as_millis()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
