//! Access tokens as /userinfo receives them: verified from nothing but our own keys and records.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claims::{self, Overlay};
use super::dpop::{self, DpopError};
use super::jws::Unverified;
use super::{Confirmation, KeyError, Keyring};
use crate::client::Client;
use crate::clock::Timestamp;
use crate::secret::{Digest, Secret};
use crate::store::{self, Record, Records, Table};
use crate::tenant::Tenant;
use crate::user::User;

/// The longest opaque token worth a look-up, in bytes; ours have 43.
const MAX_OPAQUE_BYTES: usize = 128;

/// What an opaque access token stands for; found by the token's digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpaqueToken {
    pub(super) user_id: String,
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    #[serde(default)]
    pub(super) confirmation: Option<Confirmation>,
    pub(super) expires_at: Timestamp,
}

impl Record for OpaqueToken {
    const TABLE: Table = Table::OpaqueToken;
}

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
    let (access, confirmation) = if token.expose().contains('.') {
        verify_jwt(records, keyring, tenant, token, now).await?
    } else {
        find_opaque(records, tenant, token, now).await?
    };
    // The proof last, which is used up by being looked at.
    if !claims::grants(&access.scopes, "openid") {
        return Err(AccessError::InsufficientScope);
    }
    let shown = match presented.dpop {
        None => presented
            .certificate
            .map(str::to_owned)
            .map(Confirmation::Certificate),
        Some((proof, method)) => {
            let target = dpop::Target {
                method,
                uri: &tenant.issuer.endpoint("userinfo"),
                access_token: Some(token),
            };
            Some(dpop::verify(records, keyring, tenant, proof, target, now).await?)
        }
    };
    match (confirmation, shown) {
        // A certificate that the token does not ask for does no harm.
        (None, None | Some(Confirmation::Certificate(_))) => Ok(access),
        (Some(bound), Some(shown)) if bound == shown => Ok(access),
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

/// The claims that matter here. A claim of another type, or one of these twice, is refused; numbers
/// are whole, as ours are.
#[derive(Deserialize)]
struct AccessClaims {
    iss: String,
    sub: String,
    aud: Audience,
    iat: u64,
    exp: u64,
    nbf: Option<u64>,
    azp: Option<String>,
    client_id: Option<String>,
    scope: Option<String>,
    cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(only) => only == wanted,
            Self::Many(all) => all.iter().any(|one| one == wanted),
        }
    }
}

/// What a token is good for, and for whom: not an access before the key was shown.
type Bound = (UserinfoAccess, Option<Confirmation>);

async fn verify_jwt(
    records: &Records,
    keyring: &Keyring,
    tenant: &Tenant,
    token: &Secret,
    now: Timestamp,
) -> Result<Bound, AccessError> {
    let invalid = |reason| Err(AccessError::Invalid(reason));

    // 1. The signature, by a key of this tenant: HS256 secrets are no keys of a tenant.
    let unverified =
        Unverified::parse(token.expose()).map_err(|error| AccessError::Invalid(error.0))?;
    let Some(kid) = unverified.kid() else {
        return invalid("it names no key");
    };
    let key = keyring.verifying_key(records, &tenant.name, kid).await?;
    let Some(key) = key else {
        return invalid("no key of this tenant has this `kid`");
    };
    let verified = unverified
        .verify(&key)
        .map_err(|error| AccessError::Invalid(error.0))?;

    // 2. The kind (RFC 8725, section 3.11).
    if !matches!(verified.typ.as_deref(), Some("JWT" | "at+jwt")) {
        return invalid("the type is not an access token's");
    }
    let Ok(claims) = serde_json::from_slice::<AccessClaims>(&verified.payload) else {
        return invalid("a claim is missing, twice, or of the wrong type");
    };

    // 3. Whose it is, for whom, and when.
    if claims.iss != tenant.issuer.as_str() {
        return invalid("another issuer");
    }
    if !claims.aud.contains(&tenant.issuer.endpoint("userinfo")) {
        return invalid("not for /userinfo");
    }
    let now = now.as_secs();
    if claims.exp <= now || claims.nbf.is_some_and(|from| from > now) || claims.iat >= claims.exp {
        return invalid("not valid at this time");
    }

    // 4. An ID token names its client only as its audience.
    let Some(client_id) = claims.azp.xor(claims.client_id) else {
        return invalid("not an access token: it names no client");
    };
    let scopes = claims.scope.unwrap_or_default();
    let access = UserinfoAccess {
        user_id: claims.sub,
        client_id,
        scopes: scopes.split(' ').map(str::to_owned).collect(),
    };
    Ok((access, claims.cnf))
}

async fn find_opaque(
    records: &Records,
    tenant: &Tenant,
    token: &Secret,
    now: Timestamp,
) -> Result<Bound, AccessError> {
    if token.expose().len() > MAX_OPAQUE_BYTES {
        return Err(AccessError::Invalid("too long for an opaque token"));
    }
    // By digest: the store never sees the token, and a look-up by it leaks no prefix through time.
    let digest = Digest::of(token);
    let key = [tenant.name.as_str(), digest.as_str()];
    let Some(found) = records.get::<OpaqueToken>(&key).await? else {
        return Err(AccessError::Invalid("an unknown opaque token"));
    };
    let OpaqueToken {
        user_id,
        client_id,
        scopes,
        confirmation,
        expires_at,
    } = found.record;
    // The store forgets it at about that time; this is exact.
    if expires_at <= now {
        return Err(AccessError::Invalid("not valid at this time"));
    }
    let access = UserinfoAccess {
        user_id,
        client_id,
        scopes,
    };
    Ok((access, confirmation))
}

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
