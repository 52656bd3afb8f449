//! Recording of exchanges: who may see it is an administrator's right.

use super::{Error, LIST_LIMIT, require_tenant};
use crate::recording::{Recorded, RecordingCursor, RecordingSettings};
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;

/// The most exchanges that a tenant keeps.
pub const MAX_KEPT: u32 = 1_000;

/// Turns recording on or off. What was recorded before is deleted: it was recorded under other terms.
pub async fn set(
    server: &Server,
    tenant: &TenantName,
    settings: Option<RecordingSettings>,
) -> Result<(), Error> {
    require_tenant(server, tenant).await?;
    if let Some(settings) = &settings {
        check(settings)?;
    }
    let name = [tenant.as_str()];
    let mut batch = Batch::durable();
    let old: Option<Stored<RecordingSettings>> = server.records.get(&name).await?;
    batch = match (&old, &settings) {
        (_, Some(settings)) => batch.put(&name, settings),
        (Some(old), None) => batch.delete(old),
        (None, None) => batch,
    };
    server.records.commit(batch).await?;
    forget(server, tenant).await
}

/// Whether and how a tenant records.
pub async fn get(server: &Server, tenant: &TenantName) -> Result<Option<RecordingSettings>, Error> {
    let stored: Option<Stored<RecordingSettings>> = server.records.get(&[tenant.as_str()]).await?;
    Ok(stored.map(|stored| stored.record))
}

/// What is recorded, oldest first.
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<Recorded>, Error> {
    let stored = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    let mut all: Vec<Recorded> = stored.into_iter().map(|stored| stored.record).collect();
    all.sort_by(|a, b| (a.at, &a.exchange.id).cmp(&(b.at, &b.exchange.id)));
    Ok(all)
}

/// The recorded exchanges one after another, the newest first.
pub(crate) struct NewestFirst {
    tenant: TenantName,
    keep: u64,
    /// The place of the next one, counted over all recordings.
    place: u64,
    left: u64,
}

/// Begins at the newest.
pub(crate) async fn newest_first(
    server: &Server,
    tenant: &TenantName,
) -> Result<NewestFirst, Error> {
    let settings = get(server, tenant).await?;
    let keep = settings.map_or(0, |settings| u64::from(settings.keep));
    let cursor: Option<Stored<RecordingCursor>> = server.records.get(&[tenant.as_str()]).await?;
    let place = cursor.map_or(0, |stored| stored.record.next);
    Ok(NewestFirst {
        tenant: tenant.clone(),
        keep,
        place,
        left: keep.min(place),
    })
}

impl NewestFirst {
    pub(crate) async fn next(&mut self, server: &Server) -> Result<Option<Recorded>, Error> {
        while self.left > 0 {
            self.left -= 1;
            self.place = self.place.wrapping_sub(1);
            let slot = Recorded::slot(self.place, self.keep);
            let parts = [self.tenant.as_str(), slot.as_str()];
            let stored: Option<Stored<Recorded>> = server.records.get(&parts).await?;
            if let Some(stored) = stored {
                return Ok(Some(stored.record));
            }
        }
        Ok(None)
    }
}

async fn forget(server: &Server, tenant: &TenantName) -> Result<(), Error> {
    let name = [tenant.as_str()];
    loop {
        let some: Vec<Stored<Recorded>> = server.records.list(&name, 100).await?;
        let cursor: Option<Stored<RecordingCursor>> = server.records.get(&name).await?;
        if some.is_empty() && cursor.is_none() {
            return Ok(());
        }
        let mut batch = Batch::durable();
        for stored in &some {
            batch = batch.delete(stored);
        }
        if let Some(cursor) = &cursor {
            batch = batch.delete(cursor);
        }
        match server.records.commit(batch).await {
            Ok(()) | Err(crate::store::Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn check(settings: &RecordingSettings) -> Result<(), Error> {
    if settings.keep == 0 || settings.keep > MAX_KEPT {
        return Err(Error::invalid(
            "the number of exchanges",
            format!("keep 1 to {MAX_KEPT}"),
        ));
    }
    let fits = |pointer: &String| pointer.starts_with('/') && pointer.len() <= 200;
    match settings.redact.len() <= 50 && settings.redact.iter().all(fits) {
        true => Ok(()),
        false => Err(Error::invalid(
            "a field to redact",
            "at most 50 JSON pointers into the exchange, such as `/user/email`",
        )),
    }
}
