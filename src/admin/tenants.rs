//! Tenants: made with their signing keys and a first connection, changed, and ended.

mod domains;
mod life;
mod quotas;

use serde_json::{Map, Value};

pub use self::domains::{add_domain, remove_domain};
pub use self::life::{administrator, delete, finish_deletions, set_operator, set_suspended};
pub use self::quotas::{QuotaChange, set_quotas};

use super::page::{self, Page, Paged};
use super::{Error, LIST_LIMIT, check_text, keep};
use crate::api::Api;
use crate::connection::Connection;
use crate::quota::Quotas;
use crate::random;
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::{Denials, ErrorProfile, HostBinding, Issuer, Status, Tenant, TenantName};

/// The connection that every tenant starts with: the name is Auth0's own.
pub const FIRST_CONNECTION: &str = "Username-Password-Authentication";

/// A tenant to make.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its name, which is no other's.
    pub name: TenantName,
    /// What its tokens name as `iss`; its host name leads to the tenant.
    pub issuer: Issuer,
    /// A name for people; the same if none.
    pub friendly_name: Option<String>,
    /// How much it may have and use.
    pub quotas: Quotas,
}

/// Makes a tenant: its record, its signing keys, its host name and its first connection, at once.
pub async fn create(server: &Server, name: TenantName, issuer: Issuer) -> Result<Tenant, Error> {
    let new = NewTenant {
        name,
        issuer,
        friendly_name: None,
        quotas: Quotas::default(),
    };
    create_with(server, new).await
}

/// The same with further settings.
pub async fn create_with(server: &Server, new: NewTenant) -> Result<Tenant, Error> {
    let now = server.clock.now();
    let mut tenant = Tenant {
        default_directory: Some(FIRST_CONNECTION.to_owned()),
        quotas: new.quotas,
        ..Tenant::new(new.name, new.issuer, now)
    };
    if let Some(friendly_name) = new.friendly_name {
        check_text("the friendly name", &friendly_name, 200)?;
        tenant.friendly_name = friendly_name;
    }
    // `/api/v2/tenants/settings` is every tenant's own.
    if tenant.name.as_str() == "settings" {
        let reason =
            "`settings` cannot be a tenant's name: the management API has another use for it";
        return Err(Error::invalid("the tenant", reason));
    }
    let connection = Connection {
        id: format!("con_{}", random::id()?),
        name: FIRST_CONNECTION.to_owned(),
        enabled_for_all: true,
        created_at: now,
        ..Connection::default()
    };
    life::bury(server, &tenant.name).await?;
    let name = tenant.name.as_str();
    let mut batch = Batch::durable()
        .insert(&[name], &tenant)
        .insert(&[name, FIRST_CONNECTION], &connection);
    for key in server
        .keyring
        .generate_for_tenant(&tenant.name, now)
        .await?
    {
        batch = batch.insert(&[name, &key.kid], &key);
    }
    batch = claim_host(batch, &tenant)?;
    server.records.commit(batch).await.map_err(Error::taken(
        "a tenant with the name or the host name of",
        name,
    ))?;
    Ok(tenant)
}

/// The tenant of a name.
pub async fn get(server: &Server, name: &TenantName) -> Result<Tenant, Error> {
    let tenant = server.tenant(name).await?;
    tenant.ok_or_else(Error::missing("tenant", name.as_str()))
}

/// All tenants, by name.
pub async fn list(server: &Server) -> Result<Vec<Tenant>, Error> {
    let stored = server.records.list::<Tenant>(&[], LIST_LIMIT).await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}

/// A part of all tenants, by name.
pub async fn paged(server: &Server, page: &Page) -> Result<Paged<Tenant>, Error> {
    page::read(server, &[], page, |_| true).await
}

/// Settings to change; none leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// A name for people.
    pub friendly_name: Option<String>,
    /// What new tokens name as `iss`.
    pub issuer: Option<Issuer>,
    /// The API of requests that name none; empty text removes it.
    pub default_audience: Option<String>,
    /// The connection of requests that name no realm; empty text removes it.
    pub default_directory: Option<String>,
    /// How errors look.
    pub errors: Option<ErrorProfile>,
    /// What a client learns of a denial.
    pub denials: Option<Denials>,
    /// Whether handing back one refresh token ends all of its user, client and API.
    pub revoke_refresh_token_grant: Option<bool>,
    /// Whether refresh tokens stay good when their user's password is changed.
    pub refresh_tokens_outlive_password: Option<bool>,
    /// After how many days signing keys are rotated; 0 leaves that to the administrator.
    pub key_rotation_days: Option<u32>,
    /// Whether a DPoP proof must hold a nonce of this server.
    pub require_dpop_nonce: Option<bool>,
    /// Documented settings without a meaning here; null takes one away.
    pub kept: Map<String, Value>,
}

/// The shortest schedule: at one a week, as many previous keys wait for the last of their tokens as
/// the server is willing to publish.
const KEY_ROTATION_DAYS: std::ops::RangeInclusive<u32> = 7..=3_650;

/// Changes settings.
pub async fn change(server: &Server, name: &TenantName, change: Change) -> Result<Tenant, Error> {
    let stored = stored(server, name).await?;
    let mut tenant = stored.record.clone();

    if let Some(friendly_name) = change.friendly_name {
        check_text("the friendly name", &friendly_name, 200)?;
        tenant.friendly_name = friendly_name;
    }
    if let Some(audience) = change.default_audience {
        tenant.default_audience = none_if_empty(audience);
    }
    if let Some(directory) = change.default_directory {
        tenant.default_directory = none_if_empty(directory);
    }
    tenant.errors = change.errors.unwrap_or(tenant.errors);
    tenant.denials = change.denials.unwrap_or(tenant.denials);
    tenant.require_dpop_nonce = change
        .require_dpop_nonce
        .unwrap_or(tenant.require_dpop_nonce);
    keep(&mut tenant.kept, change.kept);
    if let Some(whole) = change.revoke_refresh_token_grant {
        tenant.revoke_refresh_token_grant = whole;
    }
    if let Some(outlive) = change.refresh_tokens_outlive_password {
        tenant.refresh_tokens_outlive_password = outlive;
    }
    if let Some(days) = change.key_rotation_days {
        if days != 0 && !KEY_ROTATION_DAYS.contains(&days) {
            return Err(Error::invalid(
                "the schedule of key rotation",
                "it must be 7 to 3650 days, or 0 for none",
            ));
        }
        tenant.key_rotation_days = (days != 0).then_some(days);
    }
    if let Some(audience) = &tenant.default_audience {
        let api: Option<Stored<Api>> = server.records.get(&[name.as_str(), audience]).await?;
        api.ok_or_else(Error::missing("API", audience))?;
    }
    if let Some(directory) = &tenant.default_directory {
        let connection: Option<Stored<Connection>> =
            server.records.get(&[name.as_str(), directory]).await?;
        connection.ok_or_else(Error::missing("connection", directory))?;
    }

    let mut batch = Batch::durable().replace(&stored, &tenant);
    if let Some(issuer) = change.issuer
        && issuer != tenant.issuer
    {
        let (old, new) = (tenant.issuer.host(), issuer.host());
        tenant.issuer = issuer;
        batch = Batch::durable().replace(&stored, &tenant);
        if new != old {
            batch = claim_host(batch, &tenant)?;
            if let Some(binding) = server.records.get::<HostBinding>(&[&old]).await?
                && binding.record.tenant == *name
            {
                batch = batch.delete(&binding);
            }
        }
    }
    server.records.commit(batch).await.map_err(Error::taken(
        "a tenant with the host name of",
        tenant.issuer.as_str(),
    ))?;
    Ok(tenant)
}

/// A tenant that is there and not being deleted, to change it.
async fn stored(server: &Server, name: &TenantName) -> Result<Stored<Tenant>, Error> {
    let stored: Option<Stored<Tenant>> = server.records.get(&[name.as_str()]).await?;
    let stored = stored.filter(|stored| stored.record.status != Status::Deleting);
    stored.ok_or_else(Error::missing("tenant", name.as_str()))
}

/// A host name belongs to one tenant at most. `NAME.localhost` is every tenant's own anyway.
fn claim_host(batch: Batch, tenant: &Tenant) -> Result<Batch, Error> {
    let host = tenant.issuer.host();
    if host == format!("{}.localhost", tenant.name) {
        return Ok(batch);
    }
    // The bare name is no tenant's by itself.
    if host != "localhost" {
        domains::check_not_local(&host)?;
    }
    let binding = HostBinding {
        tenant: tenant.name.clone(),
        issuer: None,
    };
    Ok(batch.insert(&[&host], &binding))
}

fn none_if_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
