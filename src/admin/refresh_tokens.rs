//! Users' refresh tokens: listed, and revoked one by one or all at once.

use serde::Serialize;

use super::keys::Moment;
use super::{Error, LIST_LIMIT, require_tenant, users};
use crate::log::{EventType, LogEvent};
use crate::server::Server;
use crate::store::Stored;
use crate::tenant::TenantName;
use crate::token::Confirmation;
use crate::token::refresh::{self, Family, Scope};
use crate::user::User;

/// What may be shown of a refresh token, in the words of Auth0's `refresh-tokens`. Neither the token
/// nor anything that it could be told by: the family is what an administrator can end.
#[derive(Clone, Debug, Serialize)]
pub struct RefreshTokenInfo {
    /// Its name, the same through all rotations. Not a secret.
    pub id: String,
    /// Whose login it came of.
    pub user_id: String,
    /// Whom it was issued to.
    pub client_id: String,
    /// Whether each exchange spends it and gives another.
    pub rotating: bool,
    /// What it is good for; empty if that is /userinfo only.
    pub resource_servers: Vec<ResourceServer>,
    /// The key that must be shown with it.
    #[serde(rename = "cnf", skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    /// When the login was.
    pub created_at: Moment,
    /// The last exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_exchanged_at: Option<Moment>,
    /// The end, whatever happens before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// The end if there is no exchange before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_expires_at: Option<Moment>,
}

/// An API that a refresh token is good for.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceServer {
    /// The API's identifier.
    pub audience: String,
    /// The scopes that the login granted, separated by spaces.
    pub scopes: String,
}

impl From<&Family> for RefreshTokenInfo {
    fn from(family: &Family) -> Self {
        let api = family.audience.clone().map(|audience| ResourceServer {
            audience,
            scopes: family.granted().join(" "),
        });
        Self {
            id: family.id.clone(),
            user_id: family.login().user_id().to_owned(),
            client_id: family.client_id.clone(),
            rotating: family.rotating,
            resource_servers: api.into_iter().collect(),
            confirmation: family.confirmation.clone(),
            created_at: Moment(family.issued_at),
            last_exchanged_at: family.exchanged_at.map(Moment),
            expires_at: family.expires_at.map(Moment),
            idle_expires_at: family.idle_expires_at.map(Moment),
        }
    }
}

/// A user's refresh tokens, with one client or with any, the oldest of each client first; at most
/// [`LIST_LIMIT`].
pub async fn list(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
    client_id: Option<&str>,
) -> Result<Vec<RefreshTokenInfo>, Error> {
    require_tenant(server, tenant).await?;
    let scope = all_of(user_id, client_id);
    let families = refresh::list(&server.records, tenant, scope, LIST_LIMIT).await?;
    if families.is_empty() {
        require_user(server, tenant, user_id).await?;
    }
    Ok(families.iter().map(RefreshTokenInfo::from).collect())
}

/// A refresh token by its `id`.
pub async fn get(
    server: &Server,
    tenant: &TenantName,
    id: &str,
) -> Result<RefreshTokenInfo, Error> {
    let stored = server.records.get(&[tenant.as_str(), id]).await?;
    let stored: Stored<Family> = stored.ok_or_else(Error::missing("refresh token", id))?;
    Ok(RefreshTokenInfo::from(&stored.record))
}

/// Revokes a refresh token by its `id`: from now on neither it nor what it was exchanged for can be
/// exchanged. Access tokens that came with it end too, as far as this server is asked.
pub async fn revoke(
    server: &Server,
    tenant: &TenantName,
    id: &str,
) -> Result<RefreshTokenInfo, Error> {
    require_tenant(server, tenant).await?;
    let stored = server.records.get(&[tenant.as_str(), id]).await?;
    let stored: Stored<Family> = stored.ok_or_else(Error::missing("refresh token", id))?;
    let family = stored.record;
    refresh::revoke(&server.records, tenant, &family, server.clock.now()).await?;
    let event = LogEvent {
        audience: family.audience.clone(),
        ..event(server, family.login().user_id(), Some(&family.client_id), 1)
    };
    server.log.write(tenant, event).await?;
    Ok(RefreshTokenInfo::from(&family))
}

/// Revokes all refresh tokens of a user, with one client or with any, and says how many there were.
/// Works for a user who was deleted, too.
pub async fn revoke_all(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
    client_id: Option<&str>,
) -> Result<usize, Error> {
    require_tenant(server, tenant).await?;
    let scope = all_of(user_id, client_id);
    let ended = refresh::revoke_all(&server.records, tenant, scope, server.clock.now()).await?;
    if ended == 0 {
        require_user(server, tenant, user_id).await?;
        return Ok(0);
    }
    let event = event(server, user_id, client_id, ended);
    server.log.write(tenant, event).await?;
    Ok(ended)
}

fn all_of<'a>(user_id: &'a str, client_id: Option<&'a str>) -> Scope<'a> {
    Scope {
        user_id,
        client_id,
        audience: None,
    }
}

/// Nothing found may mean a mistyped name.
async fn require_user(server: &Server, tenant: &TenantName, user_id: &str) -> Result<(), Error> {
    let user: Result<Stored<User>, Error> = users::get(server, tenant, user_id).await;
    user.map(drop)
}

fn event(server: &Server, user_id: &str, client_id: Option<&str>, ended: usize) -> LogEvent {
    LogEvent {
        description: Some(format!("an administrator revoked {ended}")),
        user_id: Some(user_id.to_owned()),
        client_id: client_id.unwrap_or_default().to_owned(),
        ..LogEvent::new(EventType::RefreshTokenRevoked, server.clock.now())
    }
}
