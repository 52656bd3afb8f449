//! A user's end. The first commit takes the user away and says so in a mark; what was its own goes after that, and the
//! mark last. What is cut short goes on when a server starts, when it is asked for again, or before the
//! identity is used again: an import may bring it back, and nothing of what it had then waits for it.

use super::change::{identifiers_of, record};
use crate::admin::sweep::sweep;
use crate::admin::{Error, quotas};
use crate::credential::guard::Subject;
use crate::credential::{PasswordHistory, PasswordRecord};
use crate::log::EventType;
use crate::role::{Holder, Permissions};
use crate::server::Server;
use crate::stats::LastSeen;
use crate::store::{Batch, KeyRange, Record as _, Stored};
use crate::tenant::TenantName;
use crate::token::access::forget_user;
use crate::token::refresh::{self, Scope};
use crate::user::{Deletion, IdentifierRecord, LoginStats, User};

/// How many marks are read at once.
const STEP: usize = 100;

/// Takes a user away with all that is its own.
pub async fn delete(server: &Server, tenant: &TenantName, user_id: &str) -> Result<(), Error> {
    let (name, parts) = (tenant.as_str(), [tenant.as_str(), user_id]);
    let stored: Option<Stored<User>> = server.records.get(&parts).await?;
    let Some(stored) = stored else {
        return match mark_of(server, tenant, user_id).await? {
            Some(mark) => finish(server, tenant, mark).await,
            None => Err(Error::missing("user", user_id)()),
        };
    };
    let user = &stored.record;
    let mark = Deletion {
        user_id: user_id.to_owned(),
        connection: user.connection.clone(),
    };
    let mut batch = Batch::durable()
        .delete(&stored)
        .put(&parts, &mark)
        .remove::<PasswordRecord>(&parts)
        .remove::<PasswordHistory>(&parts)
        .remove::<LastSeen>(&parts)
        .remove::<LoginStats>(&parts);
    for identifier in identifiers_of(user)? {
        batch = batch.remove::<IdentifierRecord>(&[name, &user.connection, &identifier]);
    }
    quotas::commit_without_user(server, tenant, batch).await?;
    finish(server, tenant, mark).await
}

/// Lets an identity be used again: what a deletion that was cut short left of it goes first.
pub(super) async fn make_way(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
) -> Result<(), Error> {
    match mark_of(server, tenant, user_id).await? {
        Some(mark) => finish(server, tenant, mark).await,
        None => Ok(()),
    }
}

/// Goes on with what was cut short.
pub async fn finish_deletions(server: &Server) -> Result<(), Error> {
    let mut rest = KeyRange::prefix(Deletion::TABLE, &[]);
    loop {
        let marks: Vec<Stored<Deletion>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = marks.last() else {
            return Ok(());
        };
        rest = rest.behind(&last.key);
        for mark in marks {
            let tenant = mark
                .key
                .part(0)
                .and_then(|name| TenantName::parse(&name).ok());
            if let Some(tenant) = tenant {
                finish(server, &tenant, mark.record).await?;
            }
        }
    }
}

async fn mark_of(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
) -> Result<Option<Deletion>, Error> {
    let mark: Option<Stored<Deletion>> = server.records.get(&[tenant.as_str(), user_id]).await?;
    Ok(mark.map(|stored| stored.record))
}

/// Every step can be done again.
async fn finish(server: &Server, tenant: &TenantName, mark: Deletion) -> Result<(), Error> {
    let (name, user_id) = (tenant.as_str(), mark.user_id.as_str());
    let held = Permissions::of(name, Holder::User(user_id));
    sweep(server, &held, |_: &Permissions| true).await?;
    let everything = Scope {
        user_id,
        client_id: None,
        audience: None,
    };
    let now = server.clock.now();
    refresh::revoke_all(&server.records, tenant, everything, now).await?;
    forget_user(&server.records, tenant, user_id).await?;
    let (guard, subject) = (&server.guard, Subject::User(user_id));
    guard
        .forgive(tenant, &mark.connection, subject, None)
        .await?;
    let user = User {
        user_id: mark.user_id.clone(),
        connection: mark.connection,
        ..User::default()
    };
    record(server, tenant, EventType::UserDeleted, &user).await;
    let batch = Batch::durable().remove::<Deletion>(&[name, user_id]);
    server.records.commit(batch).await?;
    Ok(())
}
