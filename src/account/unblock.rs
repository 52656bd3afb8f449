//! A link that lifts a block after too many wrong passwords in a row (contract, section 5.2): good
//! once, and for as long as the block.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::admin::protection;
use crate::clock::Timestamp;
use crate::connection::Connection;
use crate::credential::canonical;
use crate::credential::guard::{BLOCK_SECS, Guard, Mode, Shield, Subject};
use crate::mail::{Message, Outbox};
use crate::random;
use crate::secret::{Digest, Secret};
use crate::server::Server;
use crate::store::{self, Batch, Record, Records, Stored, Table};
use crate::tenant::Tenant;
use crate::user::{IdentifierRecord, User};

/// Whose block a link lifts. Stored under the digest of the link's secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lift {
    user_id: String,
    connection: String,
    /// Only the block at this address: somebody else's elsewhere stays.
    address: Option<IpAddr>,
}

impl Record for Lift {
    const TABLE: Table = Table::Ticket;
}

/// Beside the tickets for new passwords, which have two parts: none passes for one of the others.
fn place<'a>(tenant: &'a Tenant, digest: &'a Digest) -> [&'a str; 3] {
    [tenant.name.as_str(), "unblock", digest.as_str()]
}

/// What is needed to write to a user after the answer: by how long a refusal takes, it would tell
/// whether anybody has the name.
struct Writer {
    records: Records,
    guard: Guard,
    outbox: Outbox,
    tenant: Tenant,
    connection: String,
    identifier: String,
    address: IpAddr,
    now: Timestamp,
}

/// Writes to who was just blocked, if the identifier is anybody's and the tenant wants it. The caller
/// does not wait for it.
pub fn tell_blocked(
    server: &Server,
    tenant: &Tenant,
    connection: &Connection,
    identifier: &str,
    address: IpAddr,
) {
    let writer = Writer {
        records: server.records.clone(),
        guard: server.guard.clone(),
        outbox: server.outbox.clone(),
        tenant: tenant.clone(),
        connection: connection.name.clone(),
        identifier: identifier.to_owned(),
        address,
        now: server.clock.now(),
    };
    tokio::spawn(async move {
        if let Err(error) = writer.write().await {
            let tenant = writer.tenant.name.as_str();
            tracing::error!(%error, tenant, "a link that lifts a block could not be made");
        }
    });
}

impl Writer {
    async fn write(&self) -> Result<(), Error> {
        let (tenant, name) = (&self.tenant, &self.tenant.name);
        let settings = self.guard.settings(name).await?.brute_force_protection;
        if !settings.shields.contains(&Shield::UserNotification) {
            return Ok(());
        }
        let Ok(identifier) = canonical(&self.identifier) else {
            return Ok(());
        };
        let parts = [name.as_str(), &self.connection, identifier.as_str()];
        let owner: Option<Stored<IdentifierRecord>> = self.records.get(&parts).await?;
        let Some(user_id) = owner.map(|owner| owner.record.user_id) else {
            return Ok(());
        };
        let user: Option<Stored<User>> = self.records.get(&[name.as_str(), &user_id]).await?;
        let user = user.map(|stored| stored.record);
        let Some(to) = user
            .filter(|user| !user.blocked)
            .and_then(|user| user.email)
        else {
            return Ok(());
        };
        let subject = Subject::User(&user_id);
        let mail = self
            .guard
            .block_mail(name, &self.connection, subject, self.now);
        if mail.await.is_err() {
            tracing::info!(
                tenant = name.as_str(),
                "too many blocks of one user to write of each"
            );
            return Ok(());
        }
        let secret = random::token()?;
        let digest = Digest::of(&secret);
        let lift = Lift {
            user_id,
            connection: self.connection.clone(),
            address: match settings.mode {
                Mode::CountPerIdentifierAndIp => Some(self.address),
                Mode::CountPerIdentifier => None,
            },
        };
        let expires_at = self.now.plus_secs(BLOCK_SECS);
        let batch = Batch::durable().put_until(&place(tenant, &digest), &lift, expires_at);
        self.records.commit(batch).await?;
        let link = tenant.issuer.endpoint("dbconnections/unblock");
        self.outbox.post(Message {
            to,
            subject: format!("Your account at {} is blocked", tenant.friendly_name),
            text: format!(
                "Somebody typed a wrong password for your account too often, from the address {}. \
                 Nobody can log in from there now, not even with the right password.\n\n\
                 If it was you, lift the block here; the link is good once:\n\n{link}?ticket={}\n\n\
                 If it was not you, there is nothing to do.\n",
                self.address,
                secret.expose()
            ),
        });
        Ok(())
    }
}

/// Lifts a block with a link.
pub async fn unblock(server: &Server, tenant: &Tenant, ticket: &Secret) -> Result<(), Error> {
    let digest = Digest::of(ticket);
    let found: Option<Stored<Lift>> = server.records.get(&place(tenant, &digest)).await?;
    let found = found.ok_or(Error::InvalidTicket)?;
    // Used up before it has an effect: ten more guesses for each link that was sent, and no more.
    match server.records.commit(Batch::durable().delete(&found)).await {
        Ok(()) => {}
        Err(store::Error::Conflict) => return Err(Error::InvalidTicket),
        Err(error) => return Err(error.into()),
    }
    let Lift {
        user_id,
        connection,
        address,
    } = found.record;
    protection::lift(server, &tenant.name, &connection, &user_id, address)
        .await
        .map_err(|error| Error::Internal(error.to_string()))
}
