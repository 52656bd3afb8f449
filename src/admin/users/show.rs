//! A user as administrators see it: the record, and what is stored beside it.

use serde_json::{Map, Value, json};

use super::get;
use crate::admin::Error;
use crate::credential::PasswordRecord;
use crate::server::Server;
use crate::store::{self, Stored};
use crate::tenant::TenantName;
use crate::user::{IdentifierRecord, LoginStats, User};

/// A user, as the management API shows it.
pub async fn shown(server: &Server, tenant: &TenantName, user_id: &str) -> Result<Value, Error> {
    let user: Stored<User> = get(server, tenant, user_id).await?;
    Ok(document(server, tenant, &user.record).await?)
}

/// A user.
pub async fn find_by_id(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
) -> Result<User, Error> {
    let user: Stored<User> = get(server, tenant, user_id).await?;
    Ok(user.record)
}

/// The users whose address is written exactly so, one of each connection at most.
pub async fn with_email(
    server: &Server,
    tenant: &TenantName,
    email: &str,
) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    let Ok(canonical) = super::canonical_form(email) else {
        return Ok(found);
    };
    for connection in crate::admin::connections::list(server, tenant).await? {
        let parts = [tenant.as_str(), &connection.name, &canonical];
        let owner: Option<Stored<IdentifierRecord>> = server.records.get(&parts).await?;
        let Some(owner) = owner else {
            continue;
        };
        let parts = [tenant.as_str(), &owner.record.user_id];
        let user: Option<Stored<User>> = server.records.get(&parts).await?;
        if let Some(user) = user
            && user.record.email.as_deref() == Some(email)
        {
            found.push(document(server, tenant, &user.record).await?);
        }
    }
    Ok(found)
}

/// The document of contract, section 7.6: what was never set has no member.
pub(in crate::admin) async fn document(
    server: &Server,
    tenant: &TenantName,
    user: &User,
) -> Result<Value, store::Error> {
    let parts = [tenant.as_str(), user.user_id.as_str()];
    let stats: Option<Stored<LoginStats>> = server.records.get(&parts).await?;
    let password: Option<Stored<PasswordRecord>> = server.records.get(&parts).await?;
    let mut document = bare(user);
    if let Some(stats) = stats.map(|stored| stored.record) {
        document.insert("logins_count".to_owned(), stats.logins_count.into());
        if let Some(at) = stats.last_login {
            document.insert("last_login".to_owned(), at.to_string().into());
        }
        if let Some(ip) = stats.last_ip {
            document.insert("last_ip".to_owned(), ip.into());
        }
    }
    // The first is no reset.
    if let Some(at) = password.map(|stored| stored.record.set_at)
        && at > user.created_at
    {
        document.insert("last_password_reset".to_owned(), at.to_string().into());
    }
    Ok(document.into())
}

/// The members that the record itself has.
pub(super) fn bare(user: &User) -> Map<String, Value> {
    let (_, id) = user.user_id.split_once('|').unwrap_or(("", &user.user_id));
    let members = json!({
        "user_id": user.user_id,
        "identities": [{
            "user_id": id, "connection": user.connection, "provider": "auth0", "isSocial": false,
        }],
        "email": user.email,
        "email_verified": user.email.as_ref().map(|_| user.email_verified),
        "username": user.username,
        "phone_number": user.phone_number,
        "phone_verified": user.phone_number.as_ref().map(|_| user.phone_verified),
        "name": user.name,
        "nickname": user.nickname,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "picture": user.picture,
        "user_metadata": user.user_metadata,
        "app_metadata": user.app_metadata,
        "blocked": user.blocked.then_some(true),
        "created_at": user.created_at.to_string(),
        "updated_at": user.updated_at.to_string(),
    });
    match members {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
        _ => Map::new(),
    }
}
