//! Connections: the user directories of a tenant.

use super::{Error, LIST_LIMIT, require_tenant};
use crate::connection::Connection;
use crate::credential::policy::{MAX_DICTIONARY_WORDS, MAX_HISTORY, PasswordPolicy};
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;

/// Makes a connection. Without `enabled_clients` every client may use it.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    name: &str,
    enabled_clients: Vec<String>,
) -> Result<Connection, Error> {
    require_tenant(server, tenant).await?;
    let fits = (1..=128).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fits {
        return Err(Error::invalid(
            "the connection's name",
            "use 1 to 128 letters, digits and `-`",
        ));
    }
    let connection = Connection {
        name: name.to_owned(),
        enabled_for_all: enabled_clients.is_empty(),
        enabled_clients,
        created_at: server.clock.now(),
        ..Connection::default()
    };
    let batch = Batch::durable().insert(&[tenant.as_str(), name], &connection);
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken("a connection", name))?;
    Ok(connection)
}

/// All connections of a tenant, by name.
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<Connection>, Error> {
    require_tenant(server, tenant).await?;
    let stored = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}

/// Settings to change; none leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Whether wrong passwords in a row block.
    pub brute_force_protection: Option<bool>,
    /// Whether strangers may not make themselves users.
    pub disable_signup: Option<bool>,
    /// Whether a user needs a user name.
    pub requires_username: Option<bool>,
    /// Whether users may not ask for a link to a new password.
    pub disable_self_service_change_password: Option<bool>,
    /// What new passwords must be like.
    pub password_policy: Option<PasswordPolicy>,
}

/// Changes settings.
pub async fn change(
    server: &Server,
    tenant: &TenantName,
    name: &str,
    change: Change,
) -> Result<Connection, Error> {
    let stored: Option<Stored<Connection>> = server.records.get(&[tenant.as_str(), name]).await?;
    let stored = stored.ok_or_else(Error::missing("connection", name))?;
    let mut connection = stored.record.clone();
    for (setting, value) in [
        (
            &mut connection.brute_force_protection,
            change.brute_force_protection,
        ),
        (&mut connection.disable_signup, change.disable_signup),
        (&mut connection.requires_username, change.requires_username),
        (
            &mut connection.disable_self_service_change_password,
            change.disable_self_service_change_password,
        ),
    ] {
        *setting = value.unwrap_or(*setting);
    }
    if let Some(policy) = change.password_policy {
        let words = &policy.dictionary_words;
        let fits = (1..=128).contains(&policy.min_length)
            && policy.history <= MAX_HISTORY
            && words.len() <= MAX_DICTIONARY_WORDS
            && words.iter().all(|word| word.chars().count() <= 50);
        if !fits {
            return Err(Error::invalid(
                "the password policy",
                "use a length of 1 to 128, a history of at most 24, at most 200 words of 50 characters",
            ));
        }
        connection.password_policy = policy;
    }
    let batch = Batch::durable().replace(&stored, &connection);
    server.records.commit(batch).await?;
    Ok(connection)
}
