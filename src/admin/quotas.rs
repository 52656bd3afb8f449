//! Keeps tenants within their quotas.

use super::{Error, LIST_LIMIT, rules};
use crate::action::Action;
use crate::quota::{Quotas, Tally};
use crate::server::Server;
use crate::store::{self, Batch, KeyRange, Record as _, Stored};
use crate::tenant::TenantName;
use crate::user::User;

/// How many users are read at once to count them.
const STEP: usize = 500;

/// How often it is tried again when somebody else made a user at the same time; each time one of those
/// who try is through.
const ATTEMPTS: usize = 256;

/// Commits a batch that makes a user, if the tenant may have one more.
///
/// The count is a record that the same commit changes, so that no two users get the last place.
///
/// # Errors
/// [`Error::OverQuota`]; and [`store::Error::Conflict`] if the batch itself met one.
pub async fn commit_new_user(
    server: &Server,
    tenant: &TenantName,
    batch: Batch,
) -> Result<(), Error> {
    let most = quotas(server, tenant).await?.users;
    let Some(most) = most else {
        return Ok(server.records.commit(batch).await?);
    };
    commit(server, tenant, batch, |users| match users < most {
        true => Ok(users + 1),
        false => Err(Error::OverQuota {
            what: "users",
            most,
        }),
    })
    .await
}

/// Commits a batch that takes a user away.
pub async fn commit_without_user(
    server: &Server,
    tenant: &TenantName,
    batch: Batch,
) -> Result<(), Error> {
    if quotas(server, tenant).await?.users.is_none() {
        return Ok(server.records.commit(batch).await?);
    }
    commit(server, tenant, batch, |users| Ok(users.saturating_sub(1))).await
}

/// Whether a tenant may have one more rule. An action is one, bound or not.
pub async fn room_for_a_rule(server: &Server, tenant: &TenantName) -> Result<(), Error> {
    let Some(most) = quotas(server, tenant).await?.rules else {
        return Ok(());
    };
    let actions: Vec<Stored<Action>> = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    let has = rules::bindings(server, tenant).await?.len() + actions.len();
    match has as u64 >= u64::from(most) {
        true => Err(Error::OverQuota {
            what: "rules",
            most: most.into(),
        }),
        false => Ok(()),
    }
}

async fn quotas(server: &Server, tenant: &TenantName) -> Result<Quotas, Error> {
    let tenant = server.tenant(tenant).await?;
    Ok(tenant.map(|tenant| tenant.quotas).unwrap_or_default())
}

async fn commit(
    server: &Server,
    tenant: &TenantName,
    batch: Batch,
    counted: impl Fn(u64) -> Result<u64, Error>,
) -> Result<(), Error> {
    let parts = [tenant.as_str()];
    let mut known: Option<Stored<Tally>> = server.records.get(&parts).await?;
    for _ in 0..ATTEMPTS {
        let with_count = match &known {
            Some(stored) => {
                let users = counted(stored.record.users)?;
                batch.clone().replace(stored, &Tally { users })
            }
            None => {
                let users = counted(count(server, tenant).await?)?;
                batch.clone().insert(&parts, &Tally { users })
            }
        };
        match server.records.commit(with_count).await {
            Err(store::Error::Conflict) => {}
            done => return Ok(done?),
        }
        let now: Option<Stored<Tally>> = server.records.get(&parts).await?;
        let version = |tally: &Option<Stored<Tally>>| tally.as_ref().map(|stored| stored.version);
        if version(&now) == version(&known) {
            // Nobody else made a user: it is the batch that cannot be.
            return Err(store::Error::Conflict.into());
        }
        known = now;
    }
    Err(store::Error::Conflict.into())
}

async fn count(server: &Server, tenant: &TenantName) -> Result<u64, Error> {
    let mut rest = KeyRange::prefix(User::TABLE, &[tenant.as_str()]);
    let mut users = 0;
    loop {
        let some = server.records.store().scan(&rest, STEP).await?;
        let Some(last) = some.last() else {
            return Ok(users);
        };
        rest = rest.behind(&last.key);
        users += some.len() as u64;
    }
}
