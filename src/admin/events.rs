//! The tenant's log, as administrators read it.

mod document;

pub use self::document::{bare, documents};
use super::page::{self, Page, Paged};
use super::{Error, require_tenant};
use crate::client::Client;
use crate::log::{self, LogEvent};
use crate::server::Server;
use crate::store::{KeyRange, Record as _, Stored};
use crate::tenant::TenantName;
use crate::user::User;

/// How many events are read at once.
const STEP: usize = 200;

/// How many events are looked at to find the last ones of a kind.
const LOOKED_AT: usize = 10_000;

/// How far a listing can be followed by number (contract, section 7.1).
const REACH: usize = 1_000;

/// A part of the wanted events, newest first.
pub async fn newest(
    server: &Server,
    tenant: &TenantName,
    page: &Page,
    wanted: impl Fn(&LogEvent) -> bool,
) -> Result<Paged<LogEvent>, Error> {
    require_tenant(server, tenant).await?;
    if let Page::Offset { skip, take, .. } = page
        && skip.saturating_add(*take) > REACH
    {
        let reason = "only the first 1000 events can be reached; follow them with `from`";
        return Err(Error::invalid("the page", reason));
    }
    page::read(server, &[tenant.as_str()], page, wanted).await
}

/// One event.
pub async fn get(server: &Server, tenant: &TenantName, log_id: &str) -> Result<LogEvent, Error> {
    let found = log::find(&server.records, tenant, log_id).await?;
    found.ok_or_else(Error::missing("log", log_id))
}

/// The first events after one, in the order in which they were written; from the beginning if none is
/// named. An event that was forgotten meanwhile has a place all the same.
pub async fn after(
    server: &Server,
    tenant: &TenantName,
    log_id: Option<&str>,
    take: usize,
) -> Result<Vec<LogEvent>, Error> {
    require_tenant(server, tenant).await?;
    let mut number = match log_id {
        None => 0,
        Some(log_id) => behind(server, tenant, log_id).await?,
    };
    loop {
        let part = server.log.from(tenant, number, take).await?;
        // A page is empty at the end only: events may be gone of which the number is not yet.
        if part.is_last || !part.events.is_empty() {
            return Ok(part.events);
        }
        number = part.next;
    }
}

/// Where the log goes on behind an event.
pub async fn behind(server: &Server, tenant: &TenantName, log_id: &str) -> Result<u64, Error> {
    let behind = server.log.behind(tenant, log_id).await?;
    behind.ok_or_else(|| Error::invalid("the cursor", "it is none of this log's"))
}

/// Where the last so many of the wanted events begin, of those that are not too far back.
pub async fn last(
    server: &Server,
    tenant: &TenantName,
    count: usize,
    wanted: impl Fn(&LogEvent) -> bool,
) -> Result<u64, Error> {
    let end = server.log.end().await?;
    let mut rest = KeyRange::prefix(LogEvent::TABLE, &[tenant.as_str()]);
    let (mut found, mut first) = (0, end);
    for _ in 0..LOOKED_AT / STEP {
        let stored: Vec<Stored<LogEvent>> = server.records.list_range(&rest, STEP).await?;
        let Some(oldest) = stored.last() else { break };
        rest = rest.behind(&oldest.key);
        for Stored { record, .. } in stored {
            if found == count {
                return Ok(first);
            }
            if wanted(&record) {
                found += 1;
                first = first.min(record.number);
            }
        }
    }
    Ok(first)
}

/// What a client is called.
pub async fn client_name(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
) -> Result<Option<String>, Error> {
    let found: Option<Stored<Client>> = server.records.get(&[tenant.as_str(), client_id]).await?;
    Ok(found.map(|stored| stored.record.name))
}

/// What a user is called.
pub async fn user_name(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
) -> Result<Option<String>, Error> {
    let found: Option<Stored<User>> = server.records.get(&[tenant.as_str(), user_id]).await?;
    Ok(found.and_then(|stored| stored.record.email.or(stored.record.username)))
}
