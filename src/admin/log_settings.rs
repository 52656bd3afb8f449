//! For how long a tenant's log is kept, and what of it is not written: an administrator's choice.

use std::sync::Arc;
use std::time::Duration;

use super::{Error, require_tenant};
use crate::clock::Timestamp;
use crate::log::{LogSettings, Personal, older_than};
use crate::recording::Recorded;
use crate::server::Server;
use crate::store::{self, Batch, KeyRange, Record as _, Stored};
use crate::tenant::TenantName;

/// For how many days a log may be kept.
pub const DAYS: std::ops::RangeInclusive<u32> = 1..=365;

/// How often what was kept for too long is looked for, besides whenever a tenant keeps its log for less.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// How many records are read and deleted at once: an event has up to 128 KiB.
const STEP: usize = 50;

/// What to change; none leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// For how many days.
    pub days: Option<u32>,
    /// What is not written from now on.
    pub redact: Option<Vec<Personal>>,
}

/// What a tenant chose.
pub async fn get(server: &Server, tenant: &TenantName) -> Result<LogSettings, Error> {
    Ok(stored(server, tenant)
        .await?
        .map_or_else(LogSettings::default, |stored| stored.record))
}

/// Changes it: for what is written from the moment of the commit on, in any process. What is there already is kept
/// as it was written, but not for longer.
pub async fn change(
    server: &Server,
    tenant: &TenantName,
    change: Change,
) -> Result<LogSettings, Error> {
    require_tenant(server, tenant).await?;
    let found = stored(server, tenant).await?;
    let old = found
        .as_ref()
        .map_or_else(LogSettings::default, |stored| stored.record.clone());
    let mut new = LogSettings {
        days: change.days.unwrap_or(old.days),
        redact: change.redact.unwrap_or_else(|| old.redact.clone()),
        sweep_until: old.sweep_until,
    };
    if !DAYS.contains(&new.days) {
        let (least, most) = (DAYS.start(), DAYS.end());
        return Err(Error::invalid("the days", format!("use {least} to {most}")));
    }
    if new.days < old.days {
        let until = old.expiry(server.clock.now());
        new.sweep_until = Some(old.sweep_until.map_or(until, |known| known.max(until)));
    }
    let batch = match &found {
        Some(found) => Batch::durable().replace(found, &new),
        None => Batch::durable().insert(&[tenant.as_str()], &new),
    };
    server.records.commit(batch).await?;
    server.sweepers.notify_one();
    Ok(new)
}

async fn stored(
    server: &Server,
    tenant: &TenantName,
) -> Result<Option<Stored<LogSettings>>, store::Error> {
    server.records.get(&[tenant.as_str()]).await
}

/// Deletes what tenants want to be kept no longer, until it is dropped.
pub async fn sweep_always(server: &Arc<Server>) {
    loop {
        if let Err(error) = sweep(server).await {
            tracing::error!(%error, "what is older than its tenant wants could not be deleted");
        }
        tokio::select! {
            () = server.sweepers.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Deletes it once. New events carry their end with them: only those that were written before a tenant chose fewer
/// days have to be looked for.
pub async fn sweep(server: &Server) -> Result<(), Error> {
    let mut rest = KeyRange::prefix(LogSettings::TABLE, &[]);
    loop {
        let some: Vec<Stored<LogSettings>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = some.last() else {
            return Ok(());
        };
        rest = rest.behind(&last.key);
        for settings in some.iter().filter(|one| one.record.sweep_until.is_some()) {
            let tenant = settings
                .key
                .part(0)
                .and_then(|name| TenantName::parse(&name).ok());
            if let Some(tenant) = tenant {
                sweep_one(server, &tenant, settings).await?;
            }
        }
    }
}

async fn sweep_one(
    server: &Server,
    tenant: &TenantName,
    settings: &Stored<LogSettings>,
) -> Result<(), Error> {
    let now = server.clock.now();
    let kept = u64::from(settings.record.days) * 86_400 * 1_000;
    let oldest = Timestamp::from_millis(now.as_millis().saturating_sub(kept));
    while let Some(batch) = older_than(&server.records, tenant, oldest, STEP).await? {
        server.records.commit(batch).await?;
    }
    let mut rest = KeyRange::prefix(Recorded::TABLE, &[tenant.as_str()]);
    loop {
        let some: Vec<Stored<Recorded>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = some.last() else {
            break;
        };
        rest = rest.behind(&last.key);
        let overdue = some.iter().filter(|one| one.record.at <= oldest);
        let batch = overdue.fold(Batch::durable(), |batch, one| batch.delete(one));
        match server.records.commit(batch).await {
            // A new exchange took the place: that one is young.
            Ok(()) | Err(store::Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if settings
        .record
        .sweep_until
        .is_some_and(|until| until <= now)
    {
        let done = LogSettings {
            sweep_until: None,
            ..settings.record.clone()
        };
        match server
            .records
            .commit(Batch::durable().replace(settings, &done))
            .await
        {
            // Changed just now: looked at again.
            Ok(()) | Err(store::Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
