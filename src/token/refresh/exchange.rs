//! Issues and exchanges refresh tokens, each in one commit with whatever else the mint writes.

use super::family::Origin;
use super::revoke::{Scope, end_those_that};
use super::{Family, Live, MAX_FAMILIES, Membership, RefreshError, check};
use crate::client::Client;
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::store::{self, Batch, Records};
use crate::tenant::TenantName;

/// How often an exchange is decided again because somebody else changed the family. Each time one
/// of those who contend is done, so that a crowd of this size is served.
const ATTEMPTS: usize = 300;

/// Begins a family, with what `batch` writes besides for a family of that name. Returns its first
/// token.
pub(in crate::token) async fn begin(
    records: &Records,
    tenant: &TenantName,
    origin: Origin<'_>,
    now: Timestamp,
    batch: impl FnOnce(&str) -> Batch,
) -> Result<Secret, RefreshError> {
    let (family, token) = Family::begin(origin, now)?;
    let batch = batch(&family.id);
    records.commit(family.store(batch, tenant, None)).await?;
    keep_to_the_bound(records, tenant, &family).await?;
    Ok(token)
}

/// Exchanges a token that was checked, with what `batch` writes besides. Returns the token that is
/// good from now on. If the family changed since the check, the token is checked again: what a
/// concurrent exchange spent is an alarm, and what a revocation took stays gone.
pub(in crate::token) async fn exchange(
    records: &Records,
    tenant: &TenantName,
    client: &Client,
    live: &Live,
    now: Timestamp,
    batch: impl Fn(&str) -> Batch,
) -> Result<Secret, RefreshError> {
    let mut again: Option<Live> = None;
    for _ in 0..ATTEMPTS {
        let live = again.as_ref().unwrap_or(live);
        match attempt(records, tenant, client, live, now, batch(&live.family().id)).await {
            Err(RefreshError::Store(store::Error::Conflict)) => {}
            done => return done,
        }
        again = Some(check(records, tenant, client, &live.shown, now).await?);
    }
    Err(store::Error::Conflict.into())
}

async fn attempt(
    records: &Records,
    tenant: &TenantName,
    client: &Client,
    live: &Live,
    now: Timestamp,
    batch: Batch,
) -> Result<Secret, RefreshError> {
    let settings = client.refresh_settings();
    let (old, family) = (&live.stored, live.family());
    let (next, token) = match (family.rotating, settings.rotates()) {
        (true, true) => family.rotated(&settings, now)?,
        (false, false) if family.exchanged_at.is_some_and(|at| at >= now) => {
            // A concurrent exchange noted it already. It depends on the family all the same, which
            // may have been revoked in between.
            records.commit(batch.expect(old)).await?;
            return Ok(live.shown.clone());
        }
        (false, false) => (family.kept(&settings, now), live.shown.clone()),
        (false, true) | (true, false) => family.switched(&settings, now)?,
    };
    records.commit(next.store(batch, tenant, Some(old))).await?;
    if next.rotating != family.rotating {
        // With the switch, tokens of the kind that the client had before end.
        let scope = Scope {
            user_id: family.login.user_id(),
            client_id: Some(&client.client_id),
            audience: Some(family.audience.as_deref()),
        };
        end_those_that(records, tenant, scope, now, |other| {
            other.rotating == family.rotating
        })
        .await?;
    }
    Ok(token)
}

/// Ends the user's oldest families with the client beyond [`MAX_FAMILIES`]. The new one is counted
/// when it is there, so that of many logins at once the last to count sees them all.
async fn keep_to_the_bound(
    records: &Records,
    tenant: &TenantName,
    newest: &Family,
) -> Result<(), store::Error> {
    const STEP: usize = 100;
    let of_both = [tenant.as_str(), newest.login.user_id(), &newest.client_id];
    loop {
        let known = records
            .list::<Membership>(&of_both, MAX_FAMILIES + STEP)
            .await?;
        let over = known.len().saturating_sub(MAX_FAMILIES);
        if over == 0 {
            return Ok(());
        }
        let mut batch = Batch::durable();
        for oldest in known.iter().take(over) {
            if let Some(id) = oldest.key.part(3) {
                batch = batch
                    .remove::<Family>(&[tenant.as_str(), &id])
                    .remove::<Membership>(&[of_both[0], of_both[1], of_both[2], &id]);
            }
        }
        records.commit(batch).await?;
        if over < STEP {
            return Ok(());
        }
    }
}
