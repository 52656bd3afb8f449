//! Users: made with a password, listed, blocked.

mod change;
mod deletion;
pub mod documents;
pub mod import;
mod policy;
pub mod search;
mod show;

use serde_json::{Map, Value};

pub use self::change::{Change, update};
pub use self::deletion::{delete, finish_deletions};
pub(super) use self::show::document;
pub use self::show::{find_by_id, shown, with_email};
use super::{Error, LIST_LIMIT, check_text, quotas, roles};
use crate::connection::Connection;
use crate::credential::{Password, canonical};
use crate::random;
use crate::role::Role;
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{Batch, Record, Stored};
use crate::tenant::TenantName;
use crate::user::{Deletion, IdentifierRecord, User};

/// A user to make. At least one of `email` and `username` is needed.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// The connection it belongs to.
    pub connection: String,
    /// Its identity, behind `auth0|`; a random one if none.
    pub user_id: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// Whether the address was shown to be the user's.
    pub email_verified: bool,
    /// Its user name.
    pub username: Option<String>,
    /// Its full name.
    pub name: Option<String>,
    /// Names of roles.
    pub roles: Vec<String>,
    /// What the user may have written.
    pub user_metadata: Option<Map<String, Value>>,
    /// What only the tenant writes.
    pub app_metadata: Option<Map<String, Value>>,
}

/// Makes a user. Its identifiers, compared in their canonical form, must not be another's.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    new: NewUser,
    password: Secret,
) -> Result<User, Error> {
    require_connection(server, tenant, &new.connection).await?;
    let user = unstored(server, new)?;
    store(server, tenant, user, new_password(password)?).await
}

/// The same with further settings, and a password that the connection's policy allows.
pub async fn create_with(
    server: &Server,
    tenant: &TenantName,
    new: NewUser,
    password: Secret,
    change: Change,
) -> Result<User, Error> {
    require_connection(server, tenant, &new.connection).await?;
    let mut user = unstored(server, new)?;
    change.check()?;
    change.write_to(&mut user);
    user.picture = user
        .picture
        .take()
        .or_else(|| user.email.as_deref().map(gravatar));
    policy::check(server, tenant, &user, &password).await?;
    let password = Password::new(password)
        .map_err(|error| Error::invalid("the password", error.to_string()))?;
    store(server, tenant, user, password).await
}

/// The recorded default: the picture that people chose for their address, or one with its initials.
fn gravatar(email: &str) -> String {
    use md5::Digest as _;
    let email = email.trim().to_lowercase();
    let digest = md5::Md5::digest(email.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let initials: String = email
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(2)
        .collect();
    format!(
        "https://s.gravatar.com/avatar/{digest}?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F{initials}.png"
    )
}

async fn require_connection(server: &Server, tenant: &TenantName, name: &str) -> Result<(), Error> {
    let found: Option<Stored<Connection>> = server.records.get(&[tenant.as_str(), name]).await?;
    found
        .map(drop)
        .ok_or_else(Error::missing("connection", name))
}

/// A user that is not stored yet.
fn unstored(server: &Server, new: NewUser) -> Result<User, Error> {
    check_identifiers(&new)?;
    if new.roles.len() > Role::MAX_OF_USER {
        let reason = format!("a user has at most {}", Role::MAX_OF_USER);
        return Err(Error::invalid("the roles", reason));
    }
    for role in &new.roles {
        roles::check_name(role)?;
    }
    let id = match &new.user_id {
        None => random::id()?,
        // Exports have the prefix; nobody means it twice.
        Some(id) => id.strip_prefix("auth0|").unwrap_or(id).to_owned(),
    };
    check_text("the identity", &id, 255)?;
    let now = server.clock.now();
    let nickname = new.username.clone().or_else(|| {
        let email = new.email.as_deref()?;
        Some(email.split('@').next()?.to_owned())
    });
    Ok(User {
        user_id: format!("auth0|{id}"),
        connection: new.connection,
        name: new
            .name
            .or_else(|| new.email.clone())
            .or_else(|| new.username.clone()),
        nickname,
        username: new.username,
        email: new.email,
        email_verified: new.email_verified,
        user_metadata: new.user_metadata,
        app_metadata: new.app_metadata,
        roles: new.roles,
        created_at: now,
        updated_at: now,
        ..User::default()
    })
}

async fn store(
    server: &Server,
    tenant: &TenantName,
    user: User,
    password: Password,
) -> Result<User, Error> {
    let identifiers = change::identifiers_of(&user)?;
    let hashed = server
        .passwords
        .hash(tenant, password, user.created_at)
        .await?;
    deletion::make_way(server, tenant, &user.user_id).await?;
    let parts = [tenant.as_str(), &user.user_id];
    let mut batch = Batch::durable()
        .expect_none::<Deletion>(&parts)
        .insert(&parts, &user)
        .insert(&parts, &hashed);
    for identifier in &identifiers {
        let owner = IdentifierRecord {
            user_id: user.user_id.clone(),
        };
        batch = batch.insert(&[tenant.as_str(), &user.connection, identifier], &owner);
    }
    match quotas::commit_new_user(server, tenant, batch).await {
        Ok(()) => Ok(user),
        Err(Error::Store(error)) => Err(Error::taken("a user", &identifiers.join("` or `"))(error)),
        Err(error) => Err(error),
    }
}

/// Sets a user's password.
pub async fn set_password(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
    password: Secret,
) -> Result<(), Error> {
    let user: Stored<User> = get(server, tenant, user_id).await?;
    let password = new_password(password)?;
    let hashed = server
        .passwords
        .hash(tenant, password, server.clock.now())
        .await?;
    let batch = Batch::durable()
        .expect(&user)
        .put(&[tenant.as_str(), user_id], &hashed);
    server.records.commit(batch).await?;
    super::protection::password_changed(server, tenant, &user.record).await
}

/// Shuts a user out, or lets it in again.
pub async fn set_blocked(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
    blocked: bool,
) -> Result<User, Error> {
    let stored: Stored<User> = get(server, tenant, user_id).await?;
    let user = User {
        blocked,
        updated_at: server.clock.now(),
        ..stored.record.clone()
    };
    let batch = Batch::durable().replace(&stored, &user);
    server.records.commit(batch).await?;
    Ok(user)
}

/// The users of a tenant, by `user_id`; at most [`LIST_LIMIT`].
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<User>, Error> {
    super::require_tenant(server, tenant).await?;
    let stored = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}

/// The user that an identifier of a connection belongs to.
pub async fn find(
    server: &Server,
    tenant: &TenantName,
    connection: &str,
    identifier: &str,
) -> Result<Option<User>, Error> {
    let canonical = canonical_form(identifier)?;
    let parts = [tenant.as_str(), connection, &canonical];
    let Some(owner) = server.records.get::<IdentifierRecord>(&parts).await? else {
        return Ok(None);
    };
    let parts = [tenant.as_str(), &owner.record.user_id];
    let user = server.records.get::<User>(&parts).await?;
    Ok(user.map(|stored| stored.record))
}

pub(super) async fn get<R: Record>(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
) -> Result<Stored<R>, Error> {
    let stored = server.records.get(&[tenant.as_str(), user_id]).await?;
    stored.ok_or_else(Error::missing("user", user_id))
}

fn check_identifiers(new: &NewUser) -> Result<(), Error> {
    if let Some(email) = &new.email
        && !email.contains('@')
    {
        return Err(Error::invalid("the e-mail address", "it has no `@`"));
    }
    if new.email.is_none() && new.username.is_none() {
        return Err(Error::invalid(
            "the user",
            "give it an e-mail address or a user name",
        ));
    }
    Ok(())
}

fn canonical_form(identifier: &str) -> Result<String, Error> {
    match canonical(identifier) {
        Ok(canonical) => Ok(canonical.as_str().to_owned()),
        Err(error) => Err(Error::invalid("the identifier", error.to_string())),
    }
}

/// At least 8 characters. Strength, history and dictionaries are a policy of the connection and
/// come with it; this is the floor below which NIST SP 800-63B allows no password at all.
fn new_password(password: Secret) -> Result<Password, Error> {
    if password.expose().chars().count() < 8 {
        return Err(Error::invalid("the password", "use at least 8 characters"));
    }
    Password::new(password).map_err(|error| Error::invalid("the password", error.to_string()))
}
