//! Refresh tokens (RFC 6749, section 6): opaque, kept as digests, in families.
//!
//! A login begins a *family*. While its tokens rotate, each exchange puts a new token in the place of
//! the one that was shown, in one durable commit that depends on the family being as it was read: of
//! two exchanges of one token one wins, whatever happens in between. Who shows a token of a family
//! that is not its present one has kept a copy: then the family is gone, with the token that is out
//! there (RFC 9700, section 4.14.2).
//!
//! [`check`] verifies what a client shows; [`Live`] is the proof; only the mint exchanges it, with the
//! same commit that keeps what else it minted, so that a request that fails on the way leaves the
//! token as it was.

mod exchange;
mod family;
mod revoke;
mod wire;

use serde::{Deserialize, Serialize};

pub(super) use self::exchange::{begin, exchange};
pub use self::family::Family;
pub(super) use self::family::Origin;
pub use self::revoke::{Scope, list, revoke, revoke_all, revoke_others};
use self::wire::Shown;
pub use self::wire::is_one;
use crate::client::Client;
use crate::clock::Timestamp;
use crate::random::NoRandomness;
use crate::secret::Secret;
use crate::store::{self, Record, Records, Stored, Table};
use crate::tenant::TenantName;

/// The most families of one user and client (Auth0's bound): one more ends the oldest.
pub const MAX_FAMILIES: usize = 200;

/// That a user has a family with a client. Small, so that counting them costs next to nothing.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Membership {}

impl Record for Membership {
    const TABLE: Table = Table::RefreshMembership;
}

/// A refresh token that is good for an exchange by the client that showed it. Only [`check`] makes
/// one.
pub struct Live {
    stored: Stored<Family>,
    shown: Secret,
}

impl Live {
    /// Its family.
    pub fn family(&self) -> &Family {
        &self.stored.record
    }
}

/// Verifies a refresh token that a client shows. A spent one ends its family before this returns.
pub async fn check(
    records: &Records,
    tenant: &TenantName,
    client: &Client,
    token: &Secret,
    now: Timestamp,
) -> Result<Live, RefreshError> {
    let (stored, shown) = find(records, tenant, client, token, now).await?;
    if stored.record.accepts(&shown, client, now) {
        let shown = token.clone();
        return Ok(Live { stored, shown });
    }
    revoke(records, tenant, &stored.record, now).await?;
    Err(RefreshError::Reused)
}

/// The family of a token that [`check`] would accept; looking changes nothing.
pub async fn peek(
    records: &Records,
    tenant: &TenantName,
    client: &Client,
    token: &Secret,
    now: Timestamp,
) -> Result<Option<Family>, RefreshError> {
    match find(records, tenant, client, token, now).await {
        Ok((stored, shown)) => {
            let family = stored.record;
            Ok(family.accepts(&shown, client, now).then_some(family))
        }
        Err(RefreshError::Unknown(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The family of a token that a client hands back, spent or not. None if it is nothing that this
/// client could hand back.
pub async fn family_of(
    records: &Records,
    tenant: &TenantName,
    client: &Client,
    token: &Secret,
    now: Timestamp,
) -> Result<Option<Family>, RefreshError> {
    match find(records, tenant, client, token, now).await {
        Ok((stored, _)) => Ok(Some(stored.record)),
        Err(RefreshError::Unknown(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The family that a token is from, or was: by the mark that only its tokens bear.
async fn find(
    records: &Records,
    tenant: &TenantName,
    client: &Client,
    token: &Secret,
    now: Timestamp,
) -> Result<(Stored<Family>, Shown), RefreshError> {
    let unknown = |reason| Err(RefreshError::Unknown(reason));
    let Some(shown) = Shown::parse(token) else {
        return unknown("it has not the form of one");
    };
    let key = [tenant.as_str(), shown.family.as_str()];
    let Some(stored) = records.get::<Family>(&key).await? else {
        return unknown("its family ended, or never was");
    };
    let family = &stored.record;
    // A guess at the rest of a token must not end the family.
    if !shown.bears(&family.mark) {
        return unknown("it is made up");
    }
    if family.client_id != client.client_id {
        return unknown("it was issued to another client");
    }
    // The store forgets it at about that time; this is exact.
    if family.ends_at().is_some_and(|end| end <= now) {
        return unknown("it expired");
    }
    Ok((stored, shown))
}

/// Why a refresh token is good for nothing. The reasons are for the log.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// There is no such token, or not for this client, or not any more.
    #[error("the refresh token is not valid: {0}")]
    Unknown(&'static str),
    /// It was spent before. Its family is gone.
    #[error("the refresh token was used before; all tokens of its family were revoked")]
    Reused,
    /// The store failed: nothing is known of the token.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is no randomness to make a token of.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}
