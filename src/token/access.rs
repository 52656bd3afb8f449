//! Access tokens as /userinfo receives them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::access_token::{AccessToken, OpaqueOfUser, OpaqueToken};
use super::claims::{self, Overlay};
use super::dpop::{self, DpopError};
use super::{Confirmation, KeyError, Keyring};
use crate::client::Client;
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::store::{self, Batch, Record, Records, Stored, Table};
use crate::tenant::{Tenant, TenantName};
use crate::user::User;

/// What rules last made of a user's ID claims for a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UserinfoClaims {
    pub(super) claims: Overlay,
}

impl Record for UserinfoClaims {
    const TABLE: Table = Table::UserinfoClaims;
}

/// An access token as a request presents it.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The token.
    pub token: &'a Secret,
    /// The proof that the scheme `DPoP` needs, and the method of the request to /userinfo that it
    /// must be for; none with the scheme `Bearer`.
    pub dpop: Option<(&'a str, &'a str)>,
    /// The SHA-256 of the certificate whose key took part in the TLS handshake.
    pub certificate: Option<&'a str>,
}

impl<'a> Presented<'a> {
    /// A token that is shown and nothing else.
    pub fn bearer(token: &'a Secret) -> Self {
        Self {
            token,
            dpop: None,
            certificate: None,
        }
    }
}

/// What a valid access token lets its bearer ask /userinfo. Only [`verify_access_token`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserinfoAccess {
    user_id: String,
    client_id: String,
    scopes: Vec<String>,
}

impl UserinfoAccess {
    /// Whom the token is about.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The client it was issued to.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// What it grants.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }
}

/// Verifies an access token that was presented to a tenant's /userinfo, and that its sender holds the
/// key that it is bound to.
///
/// # Errors
/// [`AccessError::Invalid`] for whatever is not a live access token of this tenant with /userinfo in
/// its audience: ID tokens, tokens of an HS256 API, other tenants' tokens, forgeries.
/// [`AccessError::Unconfirmed`] if the sender does not show the key, [`AccessError::Proof`] if the
/// proof of it is wrong. [`AccessError::InsufficientScope`] for a token that lacks `openid`.
pub async fn verify_access_token(
    records: &Records,
    keyring: &Keyring,
    tenant: &Tenant,
    presented: Presented<'_>,
    now: Timestamp,
) -> Result<UserinfoAccess, AccessError> {
    let token = presented.token;
    let AccessToken {
        sub,
        client_id,
        scopes,
        audience,
        confirmation,
        is_by_tenant,
        ..
    } = AccessToken::read(records, keyring, tenant, token, now).await?;
    // Whoever shares a secret with an API must not read about its users (contract, section 6.3).
    if !is_by_tenant || !audience.contains(&tenant.issuer.endpoint("userinfo")) {
        return Err(AccessError::Invalid("not for /userinfo"));
    }
    let access = UserinfoAccess {
        user_id: sub,
        client_id,
        scopes,
    };
    // The proof last, which is used up by being looked at.
    if !claims::grants(&access.scopes, "openid") {
        return Err(AccessError::InsufficientScope);
    }
    let uri = tenant.issuer.endpoint("userinfo");
    let at = (records, keyring, tenant);
    confirm(at, presented, &uri, confirmation, now).await?;
    Ok(access)
}

/// That the sender of a request to `uri` holds the key that its token is bound to.
pub(super) async fn confirm(
    (records, keyring, tenant): (&Records, &Keyring, &Tenant),
    presented: Presented<'_>,
    uri: &str,
    bound: Option<Confirmation>,
    now: Timestamp,
) -> Result<(), AccessError> {
    let shown = match presented.dpop {
        None => presented
            .certificate
            .map(str::to_owned)
            .map(Confirmation::Certificate),
        Some((proof, method)) => {
            let target = dpop::Target {
                method,
                uri,
                access_token: Some(presented.token),
            };
            Some(dpop::verify(records, keyring, tenant, proof, target, now).await?)
        }
    };
    match (bound, shown) {
        // A certificate that the token does not ask for does no harm.
        (None, None | Some(Confirmation::Certificate(_))) => Ok(()),
        (Some(bound), Some(shown)) if bound == shown => Ok(()),
        // RFC 9449, sections 7.1 and 7.2; RFC 8705, section 3.
        (None | Some(_), _) => Err(AccessError::Unconfirmed),
    }
}

/// What the token's bearer may read of the user: `sub`, the claims of the granted scopes, and what
/// rules last said of the user to this client.
pub async fn userinfo(
    records: &Records,
    tenant: &Tenant,
    access: &UserinfoAccess,
) -> Result<Map<String, Value>, AccessError> {
    let tenant = tenant.name.as_str();
    let (user_id, client_id) = (access.user_id.as_str(), access.client_id.as_str());
    // A token outlives neither its user nor its client (ASVS 5.0, 7.4.2).
    let user = records.get::<User>(&[tenant, user_id]).await?;
    let user = user
        .ok_or(AccessError::Invalid("the user was deleted"))?
        .record;
    if user.blocked {
        return Err(AccessError::Invalid("the user is blocked"));
    }
    if records.get::<Client>(&[tenant, client_id]).await?.is_none() {
        return Err(AccessError::Invalid("the client was deleted"));
    }
    let key = [tenant, user_id, client_id];
    let custom = records.get::<UserinfoClaims>(&key).await?;
    let custom = custom
        .map(|stored| stored.record.claims)
        .unwrap_or_default();
    Ok(claims::userinfo_claims(&user, &access.scopes, &custom))
}

/// Forgets what /userinfo knows of a user: its opaque tokens, and what rules said of it to clients.
pub async fn forget_user(
    records: &Records,
    tenant: &TenantName,
    user_id: &str,
) -> Result<(), store::Error> {
    let theirs = [tenant.as_str(), user_id];
    loop {
        let tokens: Vec<Stored<OpaqueOfUser>> = records.list(&theirs, FORGOTTEN_AT_ONCE).await?;
        if tokens.is_empty() {
            break;
        }
        let batch = tokens.iter().fold(Batch::durable(), |batch, token| {
            let digest = token.key.part(2).unwrap_or_default();
            batch
                .delete(token)
                .remove::<OpaqueToken>(&[tenant.as_str(), &digest])
        });
        records.commit(batch).await?;
    }
    loop {
        let parts = [tenant.as_str(), user_id];
        let claims: Vec<Stored<UserinfoClaims>> = records.list(&parts, FORGOTTEN_AT_ONCE).await?;
        if claims.is_empty() {
            return Ok(());
        }
        let batch = claims
            .iter()
            .fold(Batch::durable(), |batch, one| batch.delete(one));
        records.commit(batch).await?;
    }
}

/// Records in one commit.
const FORGOTTEN_AT_ONCE: usize = 100;

/// Why an access token gives no access.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// `invalid_token` (RFC 6750, section 3.1). The reason is for the log.
    #[error("invalid access token: {0}")]
    Invalid(&'static str),
    /// `invalid_token`: it is bound to a key, and the request does not show that key; or it is bound
    /// to none, and the request shows one.
    #[error("the access token is not bound to the key that its sender shows")]
    Unconfirmed,
    /// The proof that came with the token is wrong.
    #[error(transparent)]
    Proof(DpopError),
    /// `insufficient_scope`: the token is good, and does not grant `openid`.
    #[error("the access token does not grant `openid`")]
    InsufficientScope,
    /// The store failed: nothing is known of the token.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The tenant's own key cannot be used: nothing is known of the token.
    #[error(transparent)]
    Key(KeyError),
}

impl From<DpopError> for AccessError {
    fn from(error: DpopError) -> Self {
        match error {
            DpopError::Store(error) => Self::Store(error),
            other => Self::Proof(other),
        }
    }
}

impl From<KeyError> for AccessError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => Self::Store(error),
            other => Self::Key(other),
        }
    }
}
