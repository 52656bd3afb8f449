//! Connections: the user directories of a tenant.

use serde_json::{Map, Value};

use super::{Error, LIST_LIMIT, keep, page, require_tenant};
use crate::connection::Connection;
use crate::credential::policy::{MAX_DICTIONARY_WORDS, MAX_HISTORY, PasswordPolicy};
use crate::random;
use crate::server::Server;
use crate::store::{Batch, KeyRange, Record as _, Stored};
use crate::tenant::TenantName;
use crate::user::User;

/// Makes a connection. Without `enabled_clients` every client may use it.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    name: &str,
    enabled_clients: Vec<String>,
) -> Result<Connection, Error> {
    let change = Change {
        enabled_clients: (!enabled_clients.is_empty()).then_some(enabled_clients),
        ..Change::default()
    };
    create_with(server, tenant, name, change).await
}

/// The same with settings that are rarely given from the start.
pub async fn create_with(
    server: &Server,
    tenant: &TenantName,
    name: &str,
    change: Change,
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
    let mut connection = Connection {
        id: format!("con_{}", random::id()?),
        name: name.to_owned(),
        enabled_for_all: true,
        created_at: server.clock.now(),
        ..Connection::default()
    };
    change.apply(&mut connection)?;
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
    /// The clients that may use it, and no others.
    pub enabled_clients: Option<Vec<String>>,
    /// Whether every client may use it.
    pub enabled_for_all: Option<bool>,
    /// Further realms that select it.
    pub realms: Option<Vec<String>>,
    /// Documented fields without a meaning here; null takes one away.
    pub kept: Map<String, Value>,
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
    let stored = get(server, tenant, name).await?;
    let mut connection = stored.record.clone();
    change.apply(&mut connection)?;
    let batch = Batch::durable().replace(&stored, &connection);
    server.records.commit(batch).await?;
    Ok(connection)
}

/// A connection, by its identity.
pub async fn find(server: &Server, tenant: &TenantName, id: &str) -> Result<Connection, Error> {
    let of = [tenant.as_str()];
    let found = page::find(server, &of, |connection: &Connection| connection.id() == id).await?;
    let found = found.ok_or_else(Error::missing("connection", id))?;
    Ok(found.record)
}

/// Takes a connection away with its users. Nobody can log in through it from the first moment on;
/// cut short, it is there and shut, and can be taken away again.
pub async fn delete(server: &Server, tenant: &TenantName, name: &str) -> Result<(), Error> {
    let default = super::tenants::get(server, tenant).await?.default_directory;
    if default.as_deref() == Some(name) {
        let reason = "it is the tenant's default directory; choose another first";
        return Err(Error::invalid("the connection", reason));
    }
    let shut = Change {
        enabled_clients: Some(Vec::new()),
        disable_signup: Some(true),
        ..Change::default()
    };
    change(server, tenant, name, shut).await?;
    delete_users(server, tenant, name).await?;
    let stored = get(server, tenant, name).await?;
    Ok(server
        .records
        .commit(Batch::durable().delete(&stored))
        .await?)
}

async fn delete_users(server: &Server, tenant: &TenantName, connection: &str) -> Result<(), Error> {
    const STEP: usize = 100;
    let mut rest = KeyRange::prefix(User::TABLE, &[tenant.as_str()]);
    loop {
        let users: Vec<Stored<User>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = users.last() else {
            return Ok(());
        };
        rest = rest.behind(&last.key);
        for user in users.iter().map(|stored| &stored.record) {
            if user.connection == connection {
                super::users::delete(server, tenant, &user.user_id).await?;
            }
        }
    }
}

async fn get(
    server: &Server,
    tenant: &TenantName,
    name: &str,
) -> Result<Stored<Connection>, Error> {
    let stored = server.records.get(&[tenant.as_str(), name]).await?;
    stored.ok_or_else(Error::missing("connection", name))
}

impl Change {
    fn apply(self, connection: &mut Connection) -> Result<(), Error> {
        if let Some(all) = self.enabled_for_all {
            connection.enabled_for_all = all;
        }
        if let Some(clients) = self.enabled_clients {
            connection.enabled_for_all = false;
            connection.enabled_clients = clients;
        }
        if let Some(realms) = self.realms {
            connection.realms = realms;
        }
        for (setting, value) in [
            (
                &mut connection.brute_force_protection,
                self.brute_force_protection,
            ),
            (&mut connection.disable_signup, self.disable_signup),
            (&mut connection.requires_username, self.requires_username),
            (
                &mut connection.disable_self_service_change_password,
                self.disable_self_service_change_password,
            ),
        ] {
            *setting = value.unwrap_or(*setting);
        }
        if let Some(policy) = self.password_policy {
            check_policy(&policy)?;
            connection.password_policy = policy;
        }
        keep(&mut connection.kept, self.kept);
        Ok(())
    }
}

fn check_policy(policy: &PasswordPolicy) -> Result<(), Error> {
    let words = &policy.dictionary_words;
    let fits = (1..=128).contains(&policy.min_length)
        && policy.history <= MAX_HISTORY
        && words.len() <= MAX_DICTIONARY_WORDS
        && words.iter().all(|word| word.chars().count() <= 50);
    match fits {
        true => Ok(()),
        false => Err(Error::invalid(
            "the password policy",
            "use a length of 1 to 128, a history of at most 24, at most 200 words of 50 characters",
        )),
    }
}
