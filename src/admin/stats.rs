//! Statistics, counted from the log once each event is in it.
//!
//! A login writes nothing for them but a few bytes beside its event's number. Who counts reads those, behind a
//! cursor, and stores counts and cursor in one commit: an event that is in the log is counted once, whatever is cut
//! short. What a power cut takes of the log was not counted, or is counted too much, as far as half a second goes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::{Error, require_tenant};
use crate::clock::Timestamp;
use crate::log::Kind;
use crate::server::Server;
use crate::stats::{ACTIVE_DAYS, Counted, DAY_SECS, Daily, KEPT_DAYS, LastSeen, day_of};
use crate::store::{self, Batch, Key, KeyRange, Record as _, Stored};
use crate::tenant::{Tenant, TenantName};

/// How many events are counted in one commit, each of which may be another user's.
const STEP: usize = 100;

/// How many steps a reader waits for at the most; without the counting that goes on by itself there may be many.
const MOST_STEPS: usize = 1_000;

/// How long events gather before they are counted.
const GATHER: Duration = Duration::from_secs(1);

/// How many tenants are read at once.
const TENANTS: usize = 200;

/// How many users logged in within the last 30 days.
pub async fn active_users(server: &Server, tenant: &TenantName) -> Result<u64, Error> {
    require_tenant(server, tenant).await?;
    catch_up(server, tenant).await?;
    let days = of_days(server, tenant, &first_day(server), None).await?;
    Ok(days.iter().map(|(_, daily)| daily.last_seen).sum())
}

/// The days on which something was counted, from one to another, each as `YYYYMMDD`; the last 30 if nothing is said.
pub async fn daily(
    server: &Server,
    tenant: &TenantName,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Vec<(String, Daily)>, Error> {
    require_tenant(server, tenant).await?;
    catch_up(server, tenant).await?;
    let usual = first_day(server);
    of_days(server, tenant, from.unwrap_or(&usual), to).await
}

/// Counts what is written, until it is dropped.
pub async fn count_always(server: &Arc<Server>) {
    if let Err(error) = count_all(server).await {
        tracing::error!(%error, "the logs could not be counted");
    }
    loop {
        for tenant in server.log.uncounted(GATHER).await {
            if let Err(error) = catch_up(server, &tenant).await {
                tracing::error!(%error, %tenant, "the tenant's log could not be counted");
            }
        }
    }
}

/// What was written and not counted when a server ended.
async fn count_all(server: &Server) -> Result<(), Error> {
    let mut rest = KeyRange::prefix(Tenant::TABLE, &[]);
    loop {
        let tenants: Vec<Stored<Tenant>> = server.records.list_range(&rest, TENANTS).await?;
        let Some(last) = tenants.last() else {
            return Ok(());
        };
        rest = rest.behind(&last.key);
        for tenant in &tenants {
            catch_up(server, &tenant.record.name).await?;
        }
    }
}

async fn catch_up(server: &Server, tenant: &TenantName) -> Result<(), Error> {
    for _ in 0..MOST_STEPS {
        match step(server, tenant).await {
            Ok(true) => {}
            Ok(false) => break,
            // Somebody else counts, too: look where that ended.
            Err(store::Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Counts some events; whether there may be more.
async fn step(server: &Server, tenant: &TenantName) -> Result<bool, store::Error> {
    let name = tenant.as_str();
    let cursor: Option<Stored<Counted>> = server.records.get(&[name]).await?;
    let number = cursor.as_ref().map_or(0, |cursor| cursor.record.next);
    let part = server.log.countable(tenant, number, STEP).await?;
    if part.next == number {
        return Ok(false);
    }
    let mut counts = Counts::new(server, tenant);
    for event in part.events {
        let day = counts.day(event.at).await?;
        match event.kind {
            Kind::Login => day.logins += 1,
            Kind::SignUp => day.signups += 1,
        }
        day.created_at = day.created_at.min(event.at);
        day.updated_at = day.updated_at.max(event.at);
        if let (Kind::Login, Some(user_id)) = (event.kind, event.user_id) {
            counts.seen(user_id, event.at).await?;
        }
    }
    let next = Counted { next: part.next };
    let batch = match &cursor {
        None => Batch::relaxed().insert(&[name], &next),
        Some(cursor) => Batch::relaxed().replace(cursor, &next),
    };
    server.records.commit(counts.write(batch)).await?;
    Ok(!part.is_last)
}

/// The counts that some events change. Only who moves the cursor writes them.
struct Counts<'a> {
    server: &'a Server,
    tenant: &'a TenantName,
    days: BTreeMap<String, Daily>,
    seen: HashMap<String, (String, Timestamp)>,
}

impl<'a> Counts<'a> {
    fn new(server: &'a Server, tenant: &'a TenantName) -> Self {
        Self {
            server,
            tenant,
            days: BTreeMap::new(),
            seen: HashMap::new(),
        }
    }

    async fn day(&mut self, at: Timestamp) -> Result<&mut Daily, store::Error> {
        self.named(&day_of(at), at).await
    }

    async fn named(&mut self, day: &str, at: Timestamp) -> Result<&mut Daily, store::Error> {
        if !self.days.contains_key(day) {
            let parts = [self.tenant.as_str(), day];
            let known: Option<Stored<Daily>> = self.server.records.get(&parts).await?;
            let known = known.map_or_else(|| Daily::begun(at), |stored| stored.record);
            self.days.insert(day.to_owned(), known);
        }
        Ok(self
            .days
            .entry(day.to_owned())
            .or_insert_with(|| Daily::begun(at)))
    }

    /// A user is counted on the day of the last login only.
    async fn seen(&mut self, user_id: String, at: Timestamp) -> Result<(), store::Error> {
        let day = day_of(at);
        let before = match self.seen.get(&user_id) {
            Some((day, _)) => Some(day.clone()),
            None => {
                let parts = [self.tenant.as_str(), &user_id];
                let known: Option<Stored<LastSeen>> = self.server.records.get(&parts).await?;
                known.map(|known| known.record.day)
            }
        };
        // The order of the log is not that of the moments at which exchanges began.
        if before.as_ref().is_some_and(|before| *before >= day) {
            return Ok(());
        }
        if let Some(before) = before {
            let before = self.named(&before, at).await?;
            before.last_seen = before.last_seen.saturating_sub(1);
        }
        self.named(&day, at).await?.last_seen += 1;
        self.seen.insert(user_id, (day, at));
        Ok(())
    }

    fn write(self, mut batch: Batch) -> Batch {
        let name = self.tenant.as_str();
        for (day, daily) in &self.days {
            let until = daily.updated_at.plus_secs(KEPT_DAYS * DAY_SECS);
            batch = batch.put_until(&[name, day], daily, until);
        }
        for (user_id, (day, at)) in self.seen {
            let until = at.plus_secs((ACTIVE_DAYS + 1) * DAY_SECS);
            batch = batch.put_until(&[name, &user_id], &LastSeen { day }, until);
        }
        batch
    }
}

fn first_day(server: &Server) -> String {
    let now = server.clock.now().as_millis();
    let ago = (ACTIVE_DAYS - 1) * DAY_SECS * 1_000;
    day_of(Timestamp::from_millis(now.saturating_sub(ago)))
}

async fn of_days(
    server: &Server,
    tenant: &TenantName,
    from: &str,
    to: Option<&str>,
) -> Result<Vec<(String, Daily)>, Error> {
    let all = KeyRange::prefix(Daily::TABLE, &[tenant.as_str()]);
    let range = KeyRange {
        start: Key::new(Daily::TABLE, &[tenant.as_str(), from]),
        end: all.end,
    };
    // There are no more than are kept, and a few that are to come.
    let most = usize::try_from(KEPT_DAYS)
        .unwrap_or(usize::MAX)
        .saturating_add(10);
    let stored: Vec<Stored<Daily>> = server.records.list_range(&range, most).await?;
    let days = stored
        .into_iter()
        .filter_map(|stored| Some((stored.key.part(1)?, stored.record)));
    Ok(days
        .take_while(|(day, _)| to.is_none_or(|to| day.as_str() <= to))
        .collect())
}
