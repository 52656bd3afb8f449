//! The places that a tenant's jobs take: so many at a time, counted in the store, so that no two requests get the
//! last one. A place counts until a moment that is known from the start: none is lost with a server that dies.

use crate::admin::Error;
use crate::clock::Timestamp;
use crate::job::{AT_A_TIME, Place, Places};
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::TenantName;

/// Takes a place, or says how many have them.
pub(super) async fn take(server: &Server, tenant: &TenantName, place: Place) -> Result<(), Error> {
    loop {
        let found = find(server, tenant).await?;
        let batch = taken(
            Batch::durable(),
            &found,
            tenant,
            place.clone(),
            server.clock.now(),
        )?;
        match server.records.commit(batch).await {
            Err(store::Error::Conflict) => {}
            done => return Ok(done?),
        }
    }
}

/// The same within a batch.
pub(super) fn taken(
    batch: Batch,
    found: &Option<Stored<Places>>,
    tenant: &TenantName,
    place: Place,
    now: Timestamp,
) -> Result<Batch, Error> {
    let mut places = others(found, &place.id, now);
    if places.taken.len() >= AT_A_TIME {
        let imports = places.taken.iter().filter(|place| place.imports).count();
        return Err(Error::TooManyJobs {
            active: places.taken.len(),
            what: match imports {
                0 => "export users",
                imports if imports == places.taken.len() => "import users",
                _ => "users",
            },
        });
    }
    places.taken.push(place);
    Ok(write(batch, found, tenant, &places))
}

/// Gives a place back, within a batch.
pub(super) fn free(
    batch: Batch,
    found: &Option<Stored<Places>>,
    tenant: &TenantName,
    id: &str,
    now: Timestamp,
) -> Batch {
    write(batch, found, tenant, &others(found, id, now))
}

/// Who has places.
pub(super) async fn find(
    server: &Server,
    tenant: &TenantName,
) -> Result<Option<Stored<Places>>, store::Error> {
    server.records.get(&[tenant.as_str()]).await
}

fn others(found: &Option<Stored<Places>>, id: &str, now: Timestamp) -> Places {
    let mut places = found
        .as_ref()
        .map(|found| found.record.clone())
        .unwrap_or_default();
    places
        .taken
        .retain(|place| place.id != id && place.until > now);
    places
}

fn write(batch: Batch, found: &Option<Stored<Places>>, tenant: &TenantName, new: &Places) -> Batch {
    match found {
        Some(found) if new.taken.is_empty() => batch.delete(found),
        Some(found) => batch.replace(found, new),
        None if new.taken.is_empty() => batch,
        None => batch.insert(&[tenant.as_str()], new),
    }
}
