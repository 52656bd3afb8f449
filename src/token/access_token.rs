//! Access tokens that come back, verified from nothing but our own keys and records.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::access::AccessError;
use super::jws::Unverified;
use super::revocation;
use super::{Confirmation, KeyError, Keyring, OPAQUE_TOKEN_LIFETIME, VerifyingKey};
use crate::api::Api;
use crate::clock::Timestamp;
use crate::secret::{Digest, Secret};
use crate::store::{self, Record, Records, Table};
use crate::tenant::Tenant;

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

/// That a user has an opaque token: so that the user's end finds it without looking through all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpaqueOfUser {}

impl Record for OpaqueOfUser {
    const TABLE: Table = Table::OpaqueOfUser;
}

/// A live access token of a tenant: signed by it or kept by it, of its time, not revoked. Whether it
/// is good for whoever holds it is not said.
pub(super) struct AccessToken {
    /// Whom it is about.
    pub(super) sub: String,
    /// To whom it was issued.
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    pub(super) audience: Vec<String>,
    /// The key that it is bound to.
    pub(super) confirmation: Option<Confirmation>,
    /// Whether nobody else could have made it: an HS256 API knows the secret too.
    pub(super) is_by_tenant: bool,
    pub(super) expires_at: Timestamp,
    /// All that it says.
    pub(super) claims: Map<String, Value>,
}

impl AccessToken {
    /// Verifies a token that somebody shows.
    ///
    /// # Errors
    /// [`AccessError::Invalid`] for whatever is not a live access token of this tenant: ID tokens,
    /// other tenants' tokens, forgeries, what was revoked.
    pub(super) async fn read(
        records: &Records,
        keyring: &Keyring,
        tenant: &Tenant,
        token: &Secret,
        now: Timestamp,
    ) -> Result<Self, AccessError> {
        let access = if token.expose().contains('.') {
            verify_jwt(records, keyring, tenant, token, now).await?
        } else {
            find_opaque(records, tenant, token, now).await?
        };
        if revocation::is_revoked(records, &tenant.name, token).await? {
            return Err(AccessError::Invalid("it was revoked"));
        }
        Ok(access)
    }

    /// The same, where any other token is no error.
    pub(super) async fn find(
        records: &Records,
        keyring: &Keyring,
        tenant: &Tenant,
        token: &Secret,
        now: Timestamp,
    ) -> Result<Option<Self>, LookupError> {
        match Self::read(records, keyring, tenant, token, now).await {
            Ok(access) => Ok(Some(access)),
            Err(AccessError::Store(error)) => Err(error.into()),
            Err(AccessError::Key(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }
}

/// Why nothing can be said of a token.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What is known could not be signed.
    #[error("an answer could not be signed: {0}")]
    Signature(#[from] jsonwebtoken::errors::Error),
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
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(only) => vec![only],
            Self::Many(all) => all,
        }
    }
}

async fn verify_jwt(
    records: &Records,
    keyring: &Keyring,
    tenant: &Tenant,
    token: &Secret,
    now: Timestamp,
) -> Result<AccessToken, AccessError> {
    let invalid = |reason| Err(AccessError::Invalid(reason));

    // 1. The signature, by a key of this tenant, or with the secret of one of its APIs.
    let unverified =
        Unverified::parse(token.expose()).map_err(|error| AccessError::Invalid(error.0))?;
    let is_by_tenant = unverified.kid().is_some();
    let key = match unverified.kid() {
        Some(kid) => keyring.verifying_key(records, &tenant.name, kid).await?,
        None => shared_key(records, keyring, tenant, &unverified).await?,
    };
    let Some(key) = key else {
        return invalid("no key of this tenant or its APIs is the token's");
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
    let Ok(all) = serde_json::from_slice(&verified.payload) else {
        return invalid("its claims are no object");
    };

    // 3. Whose it is, and when.
    if claims.iss != tenant.issuer.as_str() {
        return invalid("another issuer");
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
    Ok(AccessToken {
        sub: claims.sub,
        client_id,
        scopes: scopes.split(' ').map(str::to_owned).collect(),
        audience: claims.aud.into_vec(),
        confirmation: claims.cnf,
        is_by_tenant,
        expires_at: Timestamp::from_millis(claims.exp.saturating_mul(1_000)),
        claims: all,
    })
}

/// The secret of the API that the token says it is for. A token so signed vouches for that API alone,
/// which is the only one that its `aud` may name besides /userinfo.
async fn shared_key(
    records: &Records,
    keyring: &Keyring,
    tenant: &Tenant,
    unverified: &Unverified<'_>,
) -> Result<Option<VerifyingKey>, AccessError> {
    #[derive(Deserialize)]
    struct For {
        aud: Audience,
    }
    let payload = unverified.payload();
    let payload = payload.map_err(|error| AccessError::Invalid(error.0))?;
    let Ok(For { aud }) = serde_json::from_slice::<For>(&payload) else {
        return Ok(None);
    };
    let userinfo = tenant.issuer.endpoint("userinfo");
    let mut apis = aud.into_vec();
    apis.retain(|audience| *audience != userinfo);
    let [api] = apis.as_slice() else {
        return Ok(None);
    };
    let stored = records.get::<Api>(&[tenant.name.as_str(), api]).await?;
    match stored {
        Some(api) => Ok(keyring.shared_key(&tenant.name, &api.record)?),
        None => Ok(None),
    }
}

async fn find_opaque(
    records: &Records,
    tenant: &Tenant,
    token: &Secret,
    now: Timestamp,
) -> Result<AccessToken, AccessError> {
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
    let audience = tenant.issuer.endpoint("userinfo");
    let mut claims = Map::new();
    claims.insert("iss".into(), tenant.issuer.as_str().into());
    claims.insert("sub".into(), user_id.as_str().into());
    claims.insert("aud".into(), audience.as_str().into());
    let exp = expires_at.as_secs();
    claims.insert(
        "iat".into(),
        (exp.saturating_sub(OPAQUE_TOKEN_LIFETIME)).into(),
    );
    claims.insert("exp".into(), exp.into());
    claims.insert("scope".into(), scopes.join(" ").into());
    if let Some(confirmation) = &confirmation {
        claims.insert("cnf".into(), json!(confirmation));
    }
    Ok(AccessToken {
        sub: user_id,
        client_id,
        scopes,
        audience: vec![audience],
        confirmation,
        is_by_tenant: true,
        expires_at,
        claims,
    })
}
