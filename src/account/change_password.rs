//! A new password by e-mail: a link that is good once, and for an hour.

use serde::{Deserialize, Serialize};

use super::{Asker, Error, connection, event};
use crate::admin::protection;
use crate::clock::Timestamp;
use crate::connection::Connection;
use crate::credential::guard::Subject;
use crate::credential::policy::TooWeak;
use crate::credential::{Password, PasswordHistory, PasswordRecord, canonical};
use crate::log::{EventType, LogEvent};
use crate::mail::Message;
use crate::random;
use crate::secret::{Digest, Secret};
use crate::server::Server;
use crate::store::{self, Batch, Record, Stored, Table};
use crate::tenant::Tenant;
use crate::user::{IdentifierRecord, User};

/// How long a link is good.
const TICKET_SECS: u64 = 3_600;

/// Whose password a link may set. Stored under the digest of the link's secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// The user.
    user_id: String,
    /// The password that was there when the link was made: a later one ends it.
    password_set_at: Option<Timestamp>,
}

impl Record for Ticket {
    const TABLE: Table = Table::Ticket;
}

/// Sends a link to who has this address, if anybody has. The answer is the same either way, and
/// does not wait for it: looking and writing happen after the answer, in a task of their own.
pub async fn request(
    server: &std::sync::Arc<Server>,
    asker: &Asker<'_>,
    email: String,
) -> Result<(), Error> {
    let connection = connection(server, asker).await?;
    if connection.disable_self_service_change_password {
        return Err(Error::Invalid(
            "the password cannot be changed here".to_owned(),
        ));
    }
    let now = server.clock.now();
    let tenant = &asker.tenant.name;
    server
        .guard
        .registration(tenant, asker.address, now)
        .await?;
    let event = event(server, EventType::ChangeRequested, asker);
    server.log.note(tenant, event).await;

    let (server, tenant) = (std::sync::Arc::clone(server), asker.tenant.clone());
    tokio::spawn(async move {
        if let Err(error) = send_link(&server, &tenant, &connection, &email, now).await {
            tracing::error!(%error, tenant = %tenant.name, "a link to a new password could not be made");
        }
    });
    Ok(())
}

async fn send_link(
    server: &Server,
    tenant: &Tenant,
    connection: &Connection,
    email: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let Ok(identifier) = canonical(email) else {
        return Ok(());
    };
    let name = tenant.name.as_str();
    let parts = [name, &connection.name, identifier.as_str()];
    let owner: Option<Stored<IdentifierRecord>> = server.records.get(&parts).await?;
    let Some(owner) = owner else {
        return Ok(());
    };
    let user_id = owner.record.user_id;
    let Some(user) = server.records.get::<User>(&[name, &user_id]).await? else {
        return Ok(());
    };
    // The address that is on file, not the one that was typed: what looks alike may be another's.
    let Some(to) = user.record.email.filter(|_| !user.record.blocked) else {
        return Ok(());
    };
    let subject = Subject::User(&user_id);
    let mail = server
        .guard
        .reset_mail(&tenant.name, &connection.name, subject, now);
    if mail.await.is_err() {
        tracing::info!(
            tenant = name,
            "too many links to a new password for one user"
        );
        let event = LogEvent {
            user_id: Some(user_id),
            connection: Some(connection.name.clone()),
            description: Some("too many links to a new password for one user".to_owned()),
            ..LogEvent::new(EventType::ChangeRequestRefused, now)
        };
        server.log.note(&tenant.name, event).await;
        return Ok(());
    }
    let password: Option<Stored<PasswordRecord>> = server.records.get(&[name, &user_id]).await?;
    let ticket = Ticket {
        user_id,
        password_set_at: password.map(|stored| stored.record.set_at),
    };
    let secret = random::token()?;
    let digest = Digest::of(&secret);
    let expires_at = now.plus_secs(TICKET_SECS);
    let batch = Batch::durable().put_until(&[name, digest.as_str()], &ticket, expires_at);
    server.records.commit(batch).await?;
    let link = tenant.issuer.endpoint("dbconnections/reset");
    server.outbox.post(Message {
        to,
        subject: format!("Choose a new password for {}", tenant.friendly_name),
        text: format!(
            "Somebody, hopefully you, asked for a new password.\n\n\
             Choose one here; the link is good for an hour, and once:\n\n{link}?ticket={}\n\n\
             If it was not you, there is nothing to do: your password stays as it is.\n",
            secret.expose()
        ),
    });
    Ok(())
}

/// Sets a new password with a link. The link is used up in the same commit.
pub async fn reset(
    server: &Server,
    tenant: &Tenant,
    ticket: &Secret,
    password: Secret,
) -> Result<(), Error> {
    let now = server.clock.now();
    let name = tenant.name.as_str();
    let digest = Digest::of(ticket);
    let found: Option<Stored<Ticket>> = server.records.get(&[name, digest.as_str()]).await?;
    let found = found.ok_or(Error::InvalidTicket)?;
    let parts = [name, found.record.user_id.as_str()];
    let user: Option<Stored<User>> = server.records.get(&parts).await?;
    let user = user
        .filter(|user| !user.record.blocked)
        .ok_or(Error::InvalidTicket)?;
    let old: Option<Stored<PasswordRecord>> = server.records.get(&parts).await?;
    let set_at = old.as_ref().map(|old| old.record.set_at);
    if set_at != found.record.password_set_at {
        return Err(Error::InvalidTicket);
    }
    let connection: Option<Stored<Connection>> =
        server.records.get(&[name, &user.record.connection]).await?;
    let policy = connection
        .map(|stored| stored.record.password_policy)
        .unwrap_or_default();
    let User {
        email,
        username,
        name: full_name,
        nickname,
        ..
    } = &user.record;
    let personal = [email, username, full_name, nickname];
    let personal: Vec<&str> = personal.into_iter().flatten().map(String::as_str).collect();
    let refused = async |weak: TooWeak| {
        let event = LogEvent {
            user_id: Some(user.record.user_id.clone()),
            connection: Some(user.record.connection.clone()),
            description: Some(weak.to_string()),
            ..LogEvent::new(EventType::PasswordChangeRefused, now)
        };
        server.log.note(&tenant.name, event).await;
        Error::from(weak)
    };
    if let Err(weak) = policy.check(password.expose(), &personal) {
        return Err(refused(weak).await);
    }

    let history: Option<Stored<PasswordHistory>> = server.records.get(&parts).await?;
    let former = history
        .as_ref()
        .map(|stored| stored.record.clone())
        .unwrap_or_default();
    let now_in_use = old.as_ref().map(|old| &old.record.hash);
    let known = former
        .newest(policy.history.into())
        .chain(now_in_use.filter(|_| policy.history > 0));
    for hash in known {
        let again = Password::new(password.clone())?;
        if server.passwords.matches(&tenant.name, hash, again).await? {
            return Err(refused(TooWeak::History).await);
        }
    }
    let hashed = Password::new(password)?;
    let hashed = server.passwords.hash(&tenant.name, hashed, now).await?;

    let mut batch = Batch::durable()
        .delete(&found)
        .expect(&user)
        .put(&parts, &hashed);
    if let Some(old) = old.filter(|_| policy.history > 0) {
        batch = batch.put(&parts, &former.with(old.record.hash));
    }
    match server.records.commit(batch).await {
        Ok(()) => {}
        // Somebody else used the link meanwhile.
        Err(store::Error::Conflict) => return Err(Error::InvalidTicket),
        Err(error) => return Err(error.into()),
    }
    let event = LogEvent {
        user_id: Some(user.record.user_id.clone()),
        connection: Some(user.record.connection.clone()),
        ..LogEvent::new(EventType::PasswordChanged, now)
    };
    server.log.note(&tenant.name, event).await;
    if let Err(error) = protection::password_changed(server, &tenant.name, &user.record).await {
        // The password is changed; the block ends by itself or by the administrator.
        tracing::error!(%error, "a block could not be lifted");
    }
    Ok(())
}
