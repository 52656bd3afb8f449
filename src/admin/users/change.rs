//! A user changed, and its end.

use serde_json::{Map, Value};

use super::{canonical_form, get, new_password};
use crate::admin::{Error, protection};
use crate::log::{EventType, LogEvent};
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::TenantName;
use crate::user::{IdentifierRecord, User};

/// What to change; none leaves it as it is, and none within takes it away.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its e-mail address. A new one is not verified unless that is said too.
    pub email: Option<String>,
    /// Whether the address was shown to be the user's.
    pub email_verified: Option<bool>,
    /// Its user name.
    pub username: Option<String>,
    /// In the form of E.164.
    pub phone_number: Option<Option<String>>,
    /// Whether the number was shown to be the user's.
    pub phone_verified: Option<bool>,
    /// The full name.
    pub name: Option<Option<String>>,
    /// The short name.
    pub nickname: Option<Option<String>>,
    /// The given name.
    pub given_name: Option<Option<String>>,
    /// The family name.
    pub family_name: Option<Option<String>>,
    /// The URL of a picture.
    pub picture: Option<Option<String>>,
    /// Whether it is shut out.
    pub blocked: Option<bool>,
    /// To merge, first level only; null takes one away.
    pub user_metadata: Map<String, Value>,
    /// Likewise.
    pub app_metadata: Map<String, Value>,
    /// A new password, which the connection's policy allows.
    pub password: Option<Secret>,
}

/// Changes a user: all that is named, or nothing.
pub async fn update(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
    change: Change,
) -> Result<User, Error> {
    let stored: Stored<User> = get(server, tenant, user_id).await?;
    let mut user = stored.record.clone();
    let password = change.password.clone();
    change.check()?;
    change.write_to(&mut user);
    user.updated_at = server.clock.now();
    let mut batch = Batch::durable().replace(&stored, &user);

    // Identifiers that are not the user's any more are free, and new ones must have been.
    let (before, after) = (identifiers_of(&stored.record)?, identifiers_of(&user)?);
    if after.is_empty() {
        let reason = "it needs an e-mail address or a user name";
        return Err(Error::invalid("the user", reason));
    }
    for gone in before.iter().filter(|known| !after.contains(known)) {
        batch = batch.remove::<IdentifierRecord>(&[tenant.as_str(), &user.connection, gone]);
    }
    for new in after.iter().filter(|known| !before.contains(known)) {
        let owner = IdentifierRecord {
            user_id: user.user_id.clone(),
        };
        batch = batch.insert(&[tenant.as_str(), &user.connection, new], &owner);
    }
    let changes_password = password.is_some();
    if let Some(password) = password {
        super::policy::check(server, tenant, &user, &password).await?;
        let password = new_password(password)?;
        let hashed = server
            .passwords
            .hash(tenant, password, user.updated_at)
            .await?;
        batch = batch.put(&[tenant.as_str(), user_id], &hashed);
    }
    match server.records.commit(batch).await {
        Err(store::Error::Conflict) if before != after => {
            let name = after.join("` or `");
            return Err(Error::AlreadyExists {
                what: "a user",
                name,
            });
        }
        done => done?,
    }
    if changes_password {
        protection::password_changed(server, tenant, &user).await?;
    }
    if user.email != stored.record.email {
        record(server, tenant, EventType::EmailChanged, &user).await;
    }
    Ok(user)
}

/// Names that belong to the record itself, and that Auth0 refuses in `app_metadata`.
const RESERVED: [&str; 18] = [
    "__tenant",
    "_id",
    "blocked",
    "clientID",
    "created_at",
    "email_verified",
    "email",
    "globalClientID",
    "global_client_id",
    "identities",
    "lastIP",
    "lastLogin",
    "loginsCount",
    "metadata",
    "multifactor_last_modified",
    "multifactor",
    "updated_at",
    "user_id",
];

impl Change {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self
            .email
            .as_ref()
            .is_some_and(|email| !email.contains('@'))
        {
            return Err(Error::invalid("the e-mail address", "it has no `@`"));
        }
        let reserved = |name: &&String| RESERVED.contains(&name.as_str());
        if let Some(name) = self.app_metadata.keys().find(reserved) {
            let reason = format!("`{name}` is a name of the user's own");
            return Err(Error::invalid("the app_metadata", reason));
        }
        if let Some(Some(number)) = &self.phone_number {
            let digits = number.strip_prefix('+').unwrap_or_default();
            let fits =
                (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            if !fits {
                return Err(Error::invalid(
                    "the phone number",
                    "use `+` and 1 to 15 digits",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn write_to(self, user: &mut User) {
        if let Some(email) = self.email {
            let same = user.email.as_ref() == Some(&email);
            user.email_verified &= same;
            user.email = Some(email);
        }
        user.email_verified = self.email_verified.unwrap_or(user.email_verified);
        user.username = self.username.or_else(|| user.username.take());
        for (text, change) in [
            (&mut user.phone_number, self.phone_number),
            (&mut user.name, self.name),
            (&mut user.nickname, self.nickname),
            (&mut user.given_name, self.given_name),
            (&mut user.family_name, self.family_name),
            (&mut user.picture, self.picture),
        ] {
            if let Some(change) = change {
                *text = change;
            }
        }
        user.phone_verified = self.phone_verified.unwrap_or(user.phone_verified);
        user.blocked = self.blocked.unwrap_or(user.blocked);
        user.merge_metadata(&self.user_metadata, &self.app_metadata);
    }
}

/// A user's identifiers in canonical form.
pub(super) fn identifiers_of(user: &User) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    for identifier in [&user.email, &user.username].into_iter().flatten() {
        let canonical = canonical_form(identifier)?;
        if !all.contains(&canonical) {
            all.push(canonical);
        }
    }
    Ok(all)
}

/// Writes what happened to a user into the tenant's log; what is done is done if that fails.
pub(super) async fn record(
    server: &Server,
    tenant: &TenantName,
    event_type: EventType,
    user: &User,
) {
    let event = LogEvent {
        user_id: Some(user.user_id.clone()),
        connection: Some(user.connection.clone()),
        ..LogEvent::new(event_type, server.clock.now())
    };
    server.log.note(tenant, event).await;
}
