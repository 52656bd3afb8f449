//! Permissions: scopes of APIs that roles and users hold.

use super::{Error, LIST_LIMIT, apis, roles, users};
use crate::role::{Holder, Permissions};
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;
use crate::user::User;

/// Gives a role or a user permissions on an API; those it has stay.
pub async fn grant(
    server: &Server,
    tenant: &TenantName,
    holder: Holder<'_>,
    audience: &str,
    scopes: &[String],
) -> Result<Permissions, Error> {
    let api = apis::get(server, tenant, audience).await?;
    if let Some(unknown) = scopes.iter().find(|scope| !api.record.defines(scope)) {
        let reason = format!("the API does not define `{}`", unknown.escape_debug());
        return Err(Error::invalid("the permissions", reason));
    }
    // Neither the API nor the holder may vanish in between.
    let batch = expect_holder(server, tenant, holder, Batch::durable().expect(&api)).await?;
    let stored = get(server, tenant, holder, audience).await?;
    let mut permissions = match &stored {
        Some(stored) => stored.record.clone(),
        None => Permissions {
            audience: audience.to_owned(),
            scopes: Vec::new(),
        },
    };
    let before = permissions.scopes.len();
    for scope in scopes {
        if !permissions.scopes.contains(scope) {
            permissions.scopes.push(scope.clone());
        }
    }
    let held = list(server, tenant, holder).await?;
    let total: usize = held.iter().map(|held| held.scopes.len()).sum();
    if total + permissions.scopes.len() - before > Permissions::MAX {
        let reason = format!("at most {} for one role or user", Permissions::MAX);
        return Err(Error::invalid("the permissions", reason));
    }
    let batch = match &stored {
        Some(stored) => batch.replace(stored, &permissions),
        None => batch.insert(
            &Permissions::on(tenant.as_str(), holder, audience),
            &permissions,
        ),
    };
    server.records.commit(batch).await?;
    Ok(permissions)
}

/// Takes permissions back: these, or all on the API if none is named. Tokens that are out keep what
/// they say.
pub async fn revoke(
    server: &Server,
    tenant: &TenantName,
    holder: Holder<'_>,
    audience: &str,
    scopes: &[String],
) -> Result<Permissions, Error> {
    let stored = get(server, tenant, holder, audience).await?;
    let stored = stored.ok_or_else(Error::missing("permission on", audience))?;
    let mut permissions = stored.record.clone();
    if let Some(unknown) = scopes
        .iter()
        .find(|scope| !permissions.scopes.contains(scope))
    {
        return Err(Error::missing("permission", unknown)());
    }
    permissions
        .scopes
        .retain(|scope| !scopes.is_empty() && !scopes.contains(scope));
    let batch = match permissions.scopes.is_empty() {
        true => Batch::durable().delete(&stored),
        false => Batch::durable().replace(&stored, &permissions),
    };
    server.records.commit(batch).await?;
    Ok(permissions)
}

/// What a role or a user holds itself, by API.
pub async fn list(
    server: &Server,
    tenant: &TenantName,
    holder: Holder<'_>,
) -> Result<Vec<Permissions>, Error> {
    let of = Permissions::of(tenant.as_str(), holder);
    let stored = server.records.list(&of, LIST_LIMIT).await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}

/// One permission of a user, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct UserPermission {
    /// The API.
    pub audience: String,
    /// The scope.
    pub scope: String,
    /// The role that brings it; none if it is the user's own.
    pub role: Option<String>,
}

/// Everything a user holds: its own permissions, then those of its roles.
pub async fn of_user(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
) -> Result<Vec<UserPermission>, Error> {
    let user: Stored<User> = users::get(server, tenant, user_id).await?;
    let roles = user.record.roles.iter().map(|role| Holder::Role(role));
    let mut all = Vec::new();
    for holder in [Holder::User(user_id)].into_iter().chain(roles) {
        let role = match holder {
            Holder::Role(name) => Some(name.to_owned()),
            Holder::User(_) => None,
        };
        for Permissions { audience, scopes } in list(server, tenant, holder).await? {
            all.extend(scopes.into_iter().map(|scope| UserPermission {
                audience: audience.clone(),
                scope,
                role: role.clone(),
            }));
        }
    }
    Ok(all)
}

async fn get(
    server: &Server,
    tenant: &TenantName,
    holder: Holder<'_>,
    audience: &str,
) -> Result<Option<Stored<Permissions>>, Error> {
    let parts = Permissions::on(tenant.as_str(), holder, audience);
    Ok(server.records.get(&parts).await?)
}

async fn expect_holder(
    server: &Server,
    tenant: &TenantName,
    holder: Holder<'_>,
    batch: Batch,
) -> Result<Batch, Error> {
    Ok(match holder {
        Holder::Role(name) => batch.expect(&roles::get(server, tenant, name).await?),
        Holder::User(user_id) => {
            let user: Stored<User> = users::get(server, tenant, user_id).await?;
            batch.expect(&user)
        }
    })
}
