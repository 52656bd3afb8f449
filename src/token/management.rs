//! Access tokens as the management API receives them.

use super::Keyring;
use super::access::{AccessError, Presented, confirm};
use super::access_token::AccessToken;
use crate::clock::Timestamp;
use crate::store::Records;
use crate::tenant::Tenant;

/// That a client of the tenant asks, and what its token says it may. Only [`verify_management_token`]
/// makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementAccess {
    client_id: String,
    scopes: Vec<String>,
    expires_at: Timestamp,
}

impl ManagementAccess {
    /// Who asks.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// When the token ends.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What the token grants.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }
}

/// Verifies an access token that was presented to a tenant's management API, in a request to `uri`.
///
/// # Errors
/// [`AccessError::Invalid`] for whatever is not a live access token of this tenant, for `audience`,
/// and about a client itself; [`AccessError::Unconfirmed`] and [`AccessError::Proof`] if the sender
/// does not show the key that the token is bound to.
pub async fn verify_management_token(
    (records, keyring): (&Records, &Keyring),
    tenant: &Tenant,
    presented: Presented<'_>,
    (audience, uri): (&str, &str),
    now: Timestamp,
) -> Result<ManagementAccess, AccessError> {
    let AccessToken {
        sub,
        client_id,
        scopes,
        audience: audiences,
        confirmation,
        is_by_tenant,
        expires_at,
        ..
    } = AccessToken::read(records, keyring, tenant, presented.token, now).await?;
    if !is_by_tenant || audiences != [audience] {
        return Err(AccessError::Invalid("not for the management API"));
    }
    // The API's policy keeps users out. Were it ever loosened, whoever may log in would administer.
    if sub != format!("{client_id}@clients") {
        return Err(AccessError::Invalid("not about a client"));
    }
    let at = (records, keyring, tenant);
    confirm(at, presented, uri, confirmation, now).await?;
    Ok(ManagementAccess {
        client_id,
        scopes,
        expires_at,
    })
}
