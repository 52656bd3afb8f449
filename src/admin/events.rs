//! The tenant's log, as administrators read it.

use std::collections::VecDeque;

use super::page::{self, Page, Paged};
use super::{Error, require_tenant};
use crate::client::Client;
use crate::log::{self, LogEvent};
use crate::server::Server;
use crate::store::{Record as _, Stored};
use crate::tenant::TenantName;
use crate::user::User;

/// How many events are read at once.
const STEP: usize = 200;

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

/// The first events after one, oldest first; from the beginning if none is named. An event that was
/// forgotten meanwhile has a place all the same.
pub async fn after(
    server: &Server,
    tenant: &TenantName,
    log_id: Option<&str>,
    take: usize,
) -> Result<Vec<LogEvent>, Error> {
    require_tenant(server, tenant).await?;
    // They are stored newest first, so what is wanted stands last before the place.
    let mut rest = match log_id {
        None => crate::store::KeyRange::prefix(LogEvent::TABLE, &[tenant.as_str()]),
        Some(log_id) => log::newer_than(tenant, log_id)
            .ok_or_else(|| Error::invalid("the cursor", "it is none of this log's"))?,
    };
    let mut last = VecDeque::with_capacity(take);
    loop {
        let stored: Vec<Stored<LogEvent>> = server.records.list_range(&rest, STEP).await?;
        let Some(end) = stored.last() else {
            return Ok(last.into_iter().rev().collect());
        };
        rest = rest.behind(&end.key);
        for event in stored {
            if last.len() == take {
                last.pop_front();
            }
            last.push_back(event.record);
        }
    }
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
