//! Attack protection: its settings, who is blocked, and lifting a block.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Error, require_tenant};
use crate::connection::Connection;
use crate::credential::canonical;
use crate::credential::guard::{Protection, Subject};
use crate::log::{EventType, LogEvent};
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;
use crate::user::{IdentifierRecord, User};

/// A block, in the words of Auth0's `user-blocks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// The identifier that was asked about.
    pub identifier: String,
    /// Where it is blocked; `*` for everywhere, a /64 for IPv6.
    pub ip: String,
    /// In which connection.
    pub connection: String,
}

/// A tenant's settings.
pub async fn get(server: &Server, tenant: &TenantName) -> Result<Protection, Error> {
    require_tenant(server, tenant).await?;
    Ok(server.guard.settings(tenant).await?)
}

/// Changes some settings: `changes` has the form of [`Protection`] and only what changes. A raised
/// number of attempts frees those who are below it.
pub async fn change(
    server: &Server,
    tenant: &TenantName,
    changes: &Map<String, Value>,
) -> Result<Protection, Error> {
    let invalid = |reason: String| Error::invalid("the settings", reason);
    require_tenant(server, tenant).await?;
    let parts = [tenant.as_str()];
    let stored: Option<Stored<Protection>> = server.records.get(&parts).await?;
    let old = stored.as_ref().map(|stored| stored.record.clone());
    let mut settings = serde_json::to_value(old.unwrap_or_default())
        .map_err(|error| invalid(error.to_string()))?;
    merge(&mut settings, changes).map_err(invalid)?;
    let settings: Protection =
        serde_json::from_value(settings).map_err(|error| invalid(error.to_string()))?;
    settings
        .check()
        .map_err(|error| invalid(error.to_string()))?;
    let batch = match &stored {
        Some(stored) => Batch::durable().replace(stored, &settings),
        None => Batch::durable().insert(&parts, &settings),
    };
    server.records.commit(batch).await?;
    Ok(settings)
}

fn merge(target: &mut Value, changes: &Map<String, Value>) -> Result<(), String> {
    for (name, change) in changes {
        let known = target.get_mut(name);
        let known = known.ok_or_else(|| format!("there is no setting `{name}`"))?;
        match change {
            Value::Object(changes) if known.is_object() => merge(known, changes)?,
            other => *known = other.clone(),
        }
    }
    Ok(())
}

/// Where somebody is blocked, in all connections of the tenant.
pub async fn blocks(
    server: &Server,
    tenant: &TenantName,
    identifier: &str,
) -> Result<Vec<Block>, Error> {
    let now = server.clock.now();
    let mut blocks = Vec::new();
    for connection in super::connections::list(server, tenant).await? {
        let owner = owner(server, tenant, &connection, identifier).await?;
        let places = server
            .guard
            .blocked_at(tenant, &connection.name, owner.subject(), now);
        blocks.extend(places.await?.into_iter().map(|ip| Block {
            identifier: identifier.to_owned(),
            ip,
            connection: connection.name.clone(),
        }));
    }
    Ok(blocks)
}

/// Lifts somebody's blocks and forgives the counts below, in all connections, at one address or at
/// all; says how many there were.
pub async fn unblock(
    server: &Server,
    tenant: &TenantName,
    identifier: &str,
    address: Option<IpAddr>,
) -> Result<usize, Error> {
    let mut lifted = 0;
    for connection in super::connections::list(server, tenant).await? {
        let owner = owner(server, tenant, &connection, identifier).await?;
        let forgiven = server
            .guard
            .forgive(tenant, &connection.name, owner.subject(), address)
            .await?;
        if forgiven > 0 {
            let user_id = match owner {
                Owner::User(user_id) => Some(user_id),
                Owner::Nobody(_) => None,
            };
            record_lifted(server, tenant, &connection.name, user_id).await?;
        }
        lifted += forgiven;
    }
    Ok(lifted)
}

/// Lifts the blocks of a user whose password was changed: guesses at the old one are history.
pub(crate) async fn password_changed(
    server: &Server,
    tenant: &TenantName,
    user: &User,
) -> Result<(), Error> {
    lift(server, tenant, &user.connection, &user.user_id, None).await
}

/// Lifts a user's blocks, at one address or at all.
pub(crate) async fn lift(
    server: &Server,
    tenant: &TenantName,
    connection: &str,
    user_id: &str,
    address: Option<IpAddr>,
) -> Result<(), Error> {
    let subject = Subject::User(user_id);
    let forgiven = server
        .guard
        .forgive(tenant, connection, subject, address)
        .await?;
    if forgiven > 0 {
        record_lifted(server, tenant, connection, Some(user_id.to_owned())).await?;
    }
    Ok(())
}

async fn record_lifted(
    server: &Server,
    tenant: &TenantName,
    connection: &str,
    user_id: Option<String>,
) -> Result<(), Error> {
    let event = LogEvent {
        user_id,
        connection: Some(connection.to_owned()),
        ..LogEvent::new(EventType::BlockLifted, server.clock.now())
    };
    Ok(server.log.write(tenant, event).await?)
}

/// Whom an identifier belongs to, as the guard counts.
enum Owner {
    User(String),
    Nobody(String),
}

impl Owner {
    fn subject(&self) -> Subject<'_> {
        match self {
            Self::User(user_id) => Subject::User(user_id),
            Self::Nobody(identifier) => Subject::Nobody(identifier),
        }
    }
}

async fn owner(
    server: &Server,
    tenant: &TenantName,
    connection: &Connection,
    identifier: &str,
) -> Result<Owner, Error> {
    let Ok(canonical) = canonical(identifier) else {
        return Ok(Owner::Nobody(identifier.to_owned()));
    };
    let parts = [tenant.as_str(), &connection.name, canonical.as_str()];
    let owner: Option<Stored<IdentifierRecord>> = server.records.get(&parts).await?;
    Ok(match owner {
        Some(owner) => Owner::User(owner.record.user_id),
        None => Owner::Nobody(canonical.as_str().to_owned()),
    })
}
