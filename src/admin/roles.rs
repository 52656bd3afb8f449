//! Roles: made, listed, given to users.

use super::{Error, check_text, page, require_tenant, users};
use crate::random;
use crate::role::{Holder, Permissions, Role};
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;
use crate::user::User;

/// Makes a role. It holds nothing yet; users that have its name already have it from now on.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    name: &str,
    description: &str,
) -> Result<Role, Error> {
    require_tenant(server, tenant).await?;
    check_name(name)?;
    check_description(description)?;
    if list(server, tenant).await?.len() >= Role::MAX {
        let reason = format!("a tenant has at most {}", Role::MAX);
        return Err(Error::invalid("the role", reason));
    }
    let role = Role {
        id: format!("rol_{}", random::id()?),
        name: name.to_owned(),
        description: description.to_owned(),
        created_at: server.clock.now(),
    };
    let batch = Batch::durable().insert(&[tenant.as_str(), name], &role);
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken("a role", name))?;
    Ok(role)
}

/// All roles of a tenant, by name.
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<Role>, Error> {
    require_tenant(server, tenant).await?;
    let stored = server.records.list(&[tenant.as_str()], Role::MAX).await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}

/// Takes a role and its permissions away. Users keep its name, which rules may go on reading.
pub async fn delete(server: &Server, tenant: &TenantName, name: &str) -> Result<(), Error> {
    let role = get(server, tenant, name).await?;
    let of = Permissions::of(tenant.as_str(), Holder::Role(name));
    // What it holds goes first: cut off in between, the role is there and holds less.
    loop {
        let held: Vec<Stored<Permissions>> = server.records.list(&of, 100).await?;
        if held.is_empty() {
            break;
        }
        let batch = held
            .iter()
            .fold(Batch::durable(), |batch, held| batch.delete(held));
        server.records.commit(batch).await?;
    }
    let batch = Batch::durable().delete(&role);
    Ok(server.records.commit(batch).await?)
}

/// Takes a role away from its users too: rules do not see its name any more.
pub async fn delete_everywhere(
    server: &Server,
    tenant: &TenantName,
    name: &str,
) -> Result<(), Error> {
    delete(server, tenant, name).await?;
    let has = |user: &User| user.roles.iter().any(|role| role == name);
    while let Some(user) = page::find(server, &[tenant.as_str()], has).await? {
        unassign(server, tenant, &user.record.user_id, name).await?;
    }
    Ok(())
}

/// Describes a role anew.
pub async fn describe(
    server: &Server,
    tenant: &TenantName,
    name: &str,
    description: &str,
) -> Result<Role, Error> {
    check_description(description)?;
    let stored = get(server, tenant, name).await?;
    let role = Role {
        description: description.to_owned(),
        ..stored.record.clone()
    };
    let batch = Batch::durable().replace(&stored, &role);
    server.records.commit(batch).await?;
    Ok(role)
}

/// A role, by its identity.
pub async fn find(server: &Server, tenant: &TenantName, id: &str) -> Result<Role, Error> {
    let found = page::find(server, &[tenant.as_str()], |role: &Role| role.id == id).await?;
    let found = found.ok_or_else(Error::missing("role", id))?;
    Ok(found.record)
}

/// Gives a user a role.
pub async fn assign(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
    name: &str,
) -> Result<User, Error> {
    let role = get(server, tenant, name).await?;
    let stored: Stored<User> = users::get(server, tenant, user_id).await?;
    let mut user = stored.record.clone();
    if user.roles.iter().any(|known| known == name) {
        return Ok(user);
    }
    if user.roles.len() >= Role::MAX_OF_USER {
        let reason = format!("a user has at most {}", Role::MAX_OF_USER);
        return Err(Error::invalid("the roles", reason));
    }
    user.roles.push(name.to_owned());
    user.updated_at = server.clock.now();
    let batch = Batch::durable().expect(&role).replace(&stored, &user);
    server.records.commit(batch).await?;
    Ok(user)
}

/// Takes a role from a user, or a name that is none.
pub async fn unassign(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
    name: &str,
) -> Result<User, Error> {
    let stored: Stored<User> = users::get(server, tenant, user_id).await?;
    let mut user = stored.record.clone();
    let before = user.roles.len();
    user.roles.retain(|known| known != name);
    if user.roles.len() == before {
        return Err(Error::missing("role of the user", name)());
    }
    user.updated_at = server.clock.now();
    let batch = Batch::durable().replace(&stored, &user);
    server.records.commit(batch).await?;
    Ok(user)
}

/// A role, as it is stored.
pub(super) async fn get(
    server: &Server,
    tenant: &TenantName,
    name: &str,
) -> Result<Stored<Role>, Error> {
    let stored = server.records.get(&[tenant.as_str(), name]).await?;
    stored.ok_or_else(Error::missing("role", name))
}

fn check_description(description: &str) -> Result<(), Error> {
    match description {
        "" => Ok(()),
        text => check_text("the description", text, 1_000),
    }
}

/// What a role may be called, on a user's record too.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    check_text("a role", name, 200)
}
