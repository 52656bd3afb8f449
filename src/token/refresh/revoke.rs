//! Lists and ends families.

use super::{Family, Membership};
use crate::clock::Timestamp;
use crate::store::{Batch, Error, KeyRange, Record as _, Records};
use crate::tenant::TenantName;

/// How many families one commit ends; three writes each.
const STEP: usize = 100;

/// Which families are meant.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Those of this user,
    pub user_id: &'a str,
    /// with this client; with any if none,
    pub client_id: Option<&'a str>,
    /// for this API, or for none; for any if this is not given.
    pub audience: Option<Option<&'a str>>,
}

impl Scope<'_> {
    fn covers(&self, family: &Family) -> bool {
        self.audience
            .is_none_or(|audience| family.audience.as_deref() == audience)
    }
}

/// Families in scope, the oldest of each client first: at most `limit`.
pub async fn list(
    records: &Records,
    tenant: &TenantName,
    scope: Scope<'_>,
    limit: usize,
) -> Result<Vec<Family>, Error> {
    let mut parts = vec![tenant.as_str(), scope.user_id];
    parts.extend(scope.client_id);
    let mut rest = KeyRange::prefix(Membership::TABLE, &parts);
    let mut families = Vec::new();
    loop {
        let members = records.list_range::<Membership>(&rest, STEP).await?;
        let Some(last) = members.last() else {
            return Ok(families);
        };
        rest = rest.behind(&last.key);
        for member in &members {
            let id = member.key.part(3).unwrap_or_default();
            let family = records.get::<Family>(&[tenant.as_str(), &id]).await?;
            if let Some(family) = family.map(|stored| stored.record)
                && scope.covers(&family)
            {
                families.push(family);
            }
            if families.len() == limit {
                return Ok(families);
            }
        }
    }
}

/// Ends one family: when this returns no token of it is good any more, not even one that an exchange
/// is about to return; nor any access token that came with one, as far as this server is asked.
pub async fn revoke(
    records: &Records,
    tenant: &TenantName,
    family: &Family,
    now: Timestamp,
) -> Result<(), Error> {
    let batch = family.revoke(Batch::durable(), tenant, now);
    records.commit(batch).await
}

/// Ends all families in scope, and says how many there were.
pub async fn revoke_all(
    records: &Records,
    tenant: &TenantName,
    scope: Scope<'_>,
    now: Timestamp,
) -> Result<usize, Error> {
    end_those_that(records, tenant, scope, now, |_| true).await
}

/// Ends the other families of a family's user, client and API.
pub async fn revoke_others(
    records: &Records,
    tenant: &TenantName,
    family: &Family,
    now: Timestamp,
) -> Result<usize, Error> {
    let scope = Scope {
        user_id: family.login().user_id(),
        client_id: Some(&family.client_id),
        audience: Some(family.audience.as_deref()),
    };
    end_those_that(records, tenant, scope, now, |other| other.id != family.id).await
}

/// Ends the families in scope that are meant, and says how many there were.
pub(super) async fn end_those_that(
    records: &Records,
    tenant: &TenantName,
    scope: Scope<'_>,
    now: Timestamp,
    meant: impl Fn(&Family) -> bool,
) -> Result<usize, Error> {
    let mut families = list(records, tenant, scope, usize::MAX).await?;
    families.retain(meant);
    for some in families.chunks(STEP) {
        let revoke = |batch, family: &Family| family.revoke(batch, tenant, now);
        let batch = some.iter().fold(Batch::durable(), revoke);
        records.commit(batch).await?;
    }
    Ok(families.len())
}
