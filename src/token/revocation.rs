//! Access tokens that end before their time (RFC 7009). A JWT cannot be called back from the APIs that
//! verify it by themselves; introspection and /userinfo refuse it from the moment of the commit.

use serde::{Deserialize, Serialize};

use super::Keyring;
use super::access_token::{AccessToken, LookupError, OpaqueToken};
use crate::api::Api;
use crate::client::Client;
use crate::clock::Timestamp;
use crate::secret::{Digest, Secret};
use crate::store::{self, Batch, Record, Records, Table};
use crate::tenant::{Tenant, TenantName};

/// What is known of an access token besides itself; found by its digest, for as long as it is good.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AccessTokenState {
    /// It came with a refresh token of this family, and ends when that is revoked (RFC 7009,
    /// section 2.1).
    OfFamily(String),
    /// It was handed back.
    Revoked,
}

impl Record for AccessTokenState {
    const TABLE: Table = Table::AccessTokenState;
}

/// That a family was revoked. One that expired, or had to give way to others, leaves its access
/// tokens their time.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct RevokedFamily {}

impl Record for RevokedFamily {
    const TABLE: Table = Table::RevokedFamily;
}

/// Notes with which family an access token is issued.
pub(super) fn of_family(
    batch: Batch,
    tenant: &TenantName,
    token: &Digest,
    family: &str,
    expires_at: Timestamp,
) -> Batch {
    let state = AccessTokenState::OfFamily(family.to_owned());
    batch.put_until(&[tenant.as_str(), token.as_str()], &state, expires_at)
}

/// Notes that a family is revoked at `now`, for as long as one of its access tokens may be about.
pub(super) fn revoke_family(
    batch: Batch,
    tenant: &TenantName,
    family: &str,
    now: Timestamp,
) -> Batch {
    let until = now.plus_secs(Api::MAX_TOKEN_LIFETIME);
    batch.put_until(&[tenant.as_str(), family], &RevokedFamily {}, until)
}

/// Whether an access token that is otherwise good was revoked, by itself or with its family.
pub(super) async fn is_revoked(
    records: &Records,
    tenant: &TenantName,
    token: &Secret,
) -> Result<bool, store::Error> {
    let (tenant, digest) = (tenant.as_str(), Digest::of(token));
    let key = [tenant, digest.as_str()];
    let state = records.get::<AccessTokenState>(&key).await?;
    match state.map(|stored| stored.record) {
        None => Ok(false),
        Some(AccessTokenState::Revoked) => Ok(true),
        Some(AccessTokenState::OfFamily(family)) => {
            let revoked = records.get::<RevokedFamily>(&[tenant, &family]).await?;
            Ok(revoked.is_some())
        }
    }
}

/// Ends an access token that a client hands back; nothing, if it is not this client's.
pub async fn hand_back(
    records: &Records,
    keyring: &Keyring,
    tenant: &Tenant,
    client: &Client,
    token: &Secret,
    now: Timestamp,
) -> Result<(), LookupError> {
    let access = AccessToken::find(records, keyring, tenant, token, now).await?;
    let Some(access) = access.filter(|access| access.client_id == client.client_id) else {
        return Ok(());
    };
    let digest = Digest::of(token);
    let key = [tenant.name.as_str(), digest.as_str()];
    let revoked = AccessTokenState::Revoked;
    let batch =
        Batch::durable()
            .remove::<OpaqueToken>(&key)
            .put_until(&key, &revoked, access.expires_at);
    Ok(records.commit(batch).await?)
}
