//! [`EventLog`]: writes events, numbers them in the order they are written, and wakes who follows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

use super::countable::{Countable, Uncounted};
use super::followers::{Follower, Followers, StreamLimits, TooManyFollowers};
use super::numbers::Numbers;
use super::redaction::redact;
use super::{LogEvent, LogSettings, Personal, countdown, find, time_of};
use crate::clock::Timestamp;
use crate::store::{Batch, Error, Key, KeyRange, MAX_VALUE_BYTES, Record, Records, Stored, Table};
use crate::tenant::TenantName;
use crate::user::User;

/// The logs of all tenants, as one process writes and follows them. Cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    records: Records,
    numbers: Arc<Numbers>,
    followers: Followers,
    uncounted: Arc<Uncounted>,
}

/// Where an event stands: found by its number, and gone with it.
#[derive(Clone, Serialize, Deserialize)]
struct Numbered {
    number: u64,
    log_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counts: Option<Countable>,
}

impl Record for Numbered {
    const TABLE: Table = Table::LogNumber;
}

/// Some events, in the order they were written.
pub struct Part<T = LogEvent> {
    /// The events.
    pub events: Vec<T>,
    /// The number to go on from.
    pub next: u64,
    /// Whether there was room for more: then these are all that there are yet.
    pub is_last: bool,
}

impl EventLog {
    /// The logs in a store.
    pub fn new(records: Records, limits: StreamLimits) -> Self {
        Self {
            records,
            numbers: Arc::default(),
            followers: Followers::new(limits),
            uncounted: Arc::default(),
        }
    }

    /// How it may be followed.
    pub fn limits(&self) -> StreamLimits {
        self.followers.limits()
    }

    /// Writes an event. It may lag by half a second, and is gone after the days that its tenant chose, who also
    /// chose what of it is not written. An event that is too large for a record is made smaller first: no request
    /// and no rule can keep itself out of the log by being verbose.
    pub async fn write(&self, tenant: &TenantName, mut event: LogEvent) -> Result<(), Error> {
        let number = self.numbers.take(&self.records).await?;
        event.number = number.number();
        let settings: Option<Stored<LogSettings>> = self.records.get(&[tenant.as_str()]).await?;
        let settings = settings.map(|stored| stored.record).unwrap_or_default();
        self.redact(tenant, &settings, &mut event).await?;
        event.shrink_to(MAX_VALUE_BYTES);
        let expires_at = settings.expiry(event.date);
        let countdown = countdown(event.date);
        let parts = [tenant.as_str(), &countdown, &event.log_id];
        let place = Numbered {
            number: event.number,
            log_id: event.log_id.clone(),
            counts: Countable::of(&event),
        };
        let counts = place.counts.is_some();
        let batch = Batch::relaxed()
            .put_until(&parts, &event, expires_at)
            .put_until(&[tenant.as_str(), &order(place.number)], &place, expires_at);
        let (records, followers, tenant) =
            (self.records.clone(), self.followers.clone(), tenant.clone());
        let uncounted = Arc::clone(&self.uncounted);
        // On a task of its own: if the caller is dropped in the middle, the commit may happen all the
        // same, and the number has to be in flight until then.
        let writing = async move {
            let done = records.commit(batch).await;
            drop(number);
            followers.wake(&tenant);
            if counts {
                uncounted.add(&tenant);
            }
            done
        };
        match tokio::spawn(writing.in_current_span()).await {
            Ok(done) => done,
            Err(error) => Err(Error::Unavailable(error.to_string())),
        }
    }

    async fn redact(
        &self,
        tenant: &TenantName,
        settings: &LogSettings,
        event: &mut LogEvent,
    ) -> Result<(), Error> {
        if settings.redact.is_empty() {
            return Ok(());
        }
        let user: Option<Stored<User>> = match &event.user_id {
            Some(user_id) if settings.redact.contains(&Personal::UserName) => {
                self.records.get(&[tenant.as_str(), user_id]).await?
            }
            _ => None,
        };
        redact(
            event,
            &settings.redact,
            user.as_ref().map(|user| &user.record),
        );
        Ok(())
    }

    /// The same where what happened is done: a log that cannot be written does not change the answer.
    pub async fn note(&self, tenant: &TenantName, event: LogEvent) {
        if let Err(error) = self.write(tenant, event).await {
            tracing::error!(%error, %tenant, "an event could not be written to the tenant's log");
        }
    }

    /// A place among those who follow a tenant's log.
    ///
    /// # Errors
    /// If it is followed by as many as may.
    pub fn follow(&self, tenant: &TenantName) -> Result<Follower, TooManyFollowers> {
        self.followers.join(tenant)
    }

    /// Waits for events for the server's own purposes.
    pub fn listen(&self, tenant: &TenantName) -> Follower {
        self.followers.listen(tenant)
    }

    /// How many follow one log or another.
    pub fn followers(&self) -> usize {
        self.followers.count()
    }

    /// The number that the next event will have at the least.
    pub async fn end(&self) -> Result<u64, Error> {
        self.numbers.settled(&self.records).await
    }

    /// At most `limit` events from a number on, in the order they were written; only those before
    /// which no other can appear any more.
    pub async fn from(
        &self,
        tenant: &TenantName,
        number: u64,
        limit: usize,
    ) -> Result<Part, Error> {
        let places = self.places(tenant, number, limit).await?;
        let mut part = Part {
            events: Vec::with_capacity(places.events.len()),
            next: places.next,
            is_last: places.is_last,
        };
        for place in places.events {
            part.events
                .extend(find(&self.records, tenant, &place.log_id).await?);
        }
        Ok(part)
    }

    /// The same of what is counted of them.
    pub async fn countable(
        &self,
        tenant: &TenantName,
        number: u64,
        limit: usize,
    ) -> Result<Part<Countable>, Error> {
        let places = self.places(tenant, number, limit).await?;
        let counts = places.events.into_iter().filter_map(|place| place.counts);
        Ok(Part {
            events: counts.collect(),
            next: places.next,
            is_last: places.is_last,
        })
    }

    /// The tenants of whom there is something to count: waits for some, and a little for more.
    pub async fn uncounted(&self, gather: Duration) -> BTreeSet<TenantName> {
        self.uncounted.take(gather).await
    }

    async fn places(
        &self,
        tenant: &TenantName,
        number: u64,
        limit: usize,
    ) -> Result<Part<Numbered>, Error> {
        let end = self.end().await?;
        let at = |number| Key::new(Table::LogNumber, &[tenant.as_str(), &order(number)]);
        let range = KeyRange {
            start: at(number),
            end: Some(at(end.max(number))),
        };
        let found: Vec<Stored<Numbered>> = self.records.list_range(&range, limit).await?;
        let is_last = found.len() < limit;
        let next = found.last().map_or(number, |last| last.record.number + 1);
        let events = found.into_iter().map(|stored| stored.record);
        Ok(Part {
            events: events.collect(),
            next,
            is_last,
        })
    }

    /// The number behind an event; none if this is no event's identity.
    ///
    /// Who followed the log may name an event that is forgotten, or that a power cut took: what comes
    /// then is what came later, by the time in the identity.
    pub async fn behind(&self, tenant: &TenantName, log_id: &str) -> Result<Option<u64>, Error> {
        let Some(at) = time_of(log_id) else {
            return Ok(None);
        };
        if let Some(event) = find(&self.records, tenant, log_id).await? {
            return Ok(Some(event.number + 1));
        }
        let place = Key::new(Table::Log, &[tenant.as_str(), &countdown(at), log_id]);
        let older = KeyRange::prefix(Table::Log, &[tenant.as_str()]).behind(&place);
        let older: Vec<Stored<LogEvent>> = self.records.list_range(&older, 1).await?;
        let older = older.first().map_or(0, |older| older.record.number + 1);
        Ok(Some(older))
    }

    /// The number of the first event that happened at a moment or later.
    pub async fn since(&self, tenant: &TenantName, at: Timestamp) -> Result<u64, Error> {
        let place = Key::new(
            Table::Log,
            &[
                tenant.as_str(),
                &countdown(Timestamp::from_millis(at.as_millis().saturating_sub(1))),
            ],
        );
        let older = KeyRange::prefix(Table::Log, &[tenant.as_str()]).behind(&place);
        let older: Vec<Stored<LogEvent>> = self.records.list_range(&older, 1).await?;
        Ok(older.first().map_or(0, |older| older.record.number + 1))
    }
}

/// A batch that deletes some of the events of a moment and before; none if there are none.
pub async fn older_than(
    records: &Records,
    tenant: &TenantName,
    at: Timestamp,
    limit: usize,
) -> Result<Option<Batch>, Error> {
    let tenant = tenant.as_str();
    let range = KeyRange {
        start: Key::new(Table::Log, &[tenant, &countdown(at)]),
        end: KeyRange::prefix(Table::Log, &[tenant]).end,
    };
    let events: Vec<Stored<LogEvent>> = records.list_range(&range, limit).await?;
    if events.is_empty() {
        return Ok(None);
    }
    let delete = |batch: Batch, event: &Stored<LogEvent>| {
        let number = order(event.record.number);
        batch.delete(event).remove::<Numbered>(&[tenant, &number])
    };
    Ok(Some(dedup(events).iter().fold(Batch::durable(), delete)))
}

/// Events of earlier versions have the same number, none; a commit writes a key once.
fn dedup(mut events: Vec<Stored<LogEvent>>) -> Vec<Stored<LogEvent>> {
    let mut seen = BTreeSet::new();
    events.retain(|event| seen.insert(event.record.number));
    events
}

/// Sorts as numbers do.
fn order(number: u64) -> String {
    format!("{number:016x}")
}
