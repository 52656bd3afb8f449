//! The one place that signs tokens.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::access::UserinfoClaims;
use super::access_token::{OpaqueOfUser, OpaqueToken};
use super::claims::{Parties, Validity, access_claims, grants, id_claims};
use super::refresh::{self, Live, RefreshError};
use super::revocation;
use super::{Confirmation, KeyError, Keyring, OFFLINE_ACCESS, SigningAlgorithm};
use crate::api::Api;
use crate::client::Client;
use crate::clock::Timestamp;
use crate::credential::EarlierLogin;
use crate::random::{self, NoRandomness};
use crate::rule_host::{ApprovedClaims, Changes, Subject};
use crate::secret::{Digest, Secret};
use crate::store::{self, Batch, Records};
use crate::tenant::{Tenant, TenantName};
use crate::user::User;

/// How long an access token that is good for /userinfo only is valid, in seconds: Auth0's default.
pub const OPAQUE_TOKEN_LIFETIME: u64 = 86_400;

/// What minting needs besides what the rules approved.
#[derive(Clone, Copy)]
pub struct Mint<'a> {
    /// Where keys are read and opaque tokens are written.
    pub records: &'a Records,
    /// What opens the keys.
    pub keyring: &'a Keyring,
    /// Who issues the tokens.
    pub tenant: &'a Tenant,
    /// Who asked for them.
    pub client: &'a Client,
    /// Whom the access token is for; none when it is good for /userinfo only.
    pub api: Option<&'a Api>,
    /// The claim `gty`.
    pub gty: &'static str,
    /// The claim `jti`: the exchange's identity, by which the tenant's log has what rules did.
    pub jti: &'a str,
    /// The scopes as the client asked for them; empty if it did not.
    pub requested_scopes: &'a [String],
    /// All that the subject holds on the API.
    pub permissions: &'a [String],
    /// What the tokens are bound to.
    pub confirmation: Option<&'a Confirmation>,
    /// Whether the client stays, and how.
    pub offline: Offline<'a>,
    /// The time of the exchange.
    pub now: Timestamp,
}

/// What a client may do when the access token has expired.
#[derive(Clone, Copy)]
pub enum Offline<'a> {
    /// Nothing.
    No,
    /// Exchange a refresh token, if the rules grant offline access. Its exchanges begin with these
    /// scopes.
    Begin(&'a [String]),
    /// Go on exchanging the one that it showed.
    Exchange(&'a Live),
}

/// Signs what the rules approved, for whom authenticated: an access token, and for a user an ID token
/// if `openid` is granted, and a refresh token if offline access is. What must outlive the answer is
/// on disk when this returns; if it fails, a refresh token that was shown is as good as before.
pub async fn mint<S: TokenSubject>(
    mint: Mint<'_>,
    approved: ApprovedClaims<S>,
) -> Result<TokenResponse, MintError> {
    let (subject, mut changes) = approved.into_parts();
    if subject.user().is_none() {
        // Nothing of a user is behind /userinfo for a machine, even if a rule adds the scope.
        changes.scopes.retain(|scope| scope != "openid");
    }
    let (sub, login) = (subject.sub(), subject.login());
    mint.issue(&sub, subject.user(), login, &changes).await
}

/// Whom a token is about. Only types that prove an authentication implement it.
pub trait TokenSubject: Subject {
    /// The claim `sub`.
    fn sub(&self) -> Cow<'_, str>;

    /// The user, if it is one and not a machine.
    fn user(&self) -> Option<&User>;

    /// What a refresh token would keep of the login.
    fn login(&self) -> Option<EarlierLogin>;
}

impl Mint<'_> {
    async fn issue(
        &self,
        sub: &str,
        user: Option<&User>,
        login: Option<EarlierLogin>,
        changes: &Changes,
    ) -> Result<TokenResponse, MintError> {
        let mut writes = Writes::default();

        // 1. The access token: a JWT for an API, a reference for /userinfo alone.
        let (access_token, expires_in) = match (self.api, user) {
            (Some(api), _) => (self.jwt(api, sub, changes).await?, api.token_lifetime),
            (None, Some(user)) => (
                self.opaque(user, changes, &mut writes)?,
                OPAQUE_TOKEN_LIFETIME,
            ),
            (None, None) => return Err(MintError::NothingToGrant),
        };

        writes.access = Some((Digest::of(&access_token), self.now.plus_secs(expires_in)));

        // 2. The ID token, and the claims that /userinfo will repeat.
        let mut id_token = None;
        if let (Some(user), true) = (user, grants(&changes.scopes, "openid")) {
            id_token = Some(self.id_token(user, changes, &access_token).await?);
            self.remember_custom_claims(user, changes, &mut writes)
                .await?;
        }

        // 3. On disk before the answer leaves.
        let refresh_token = self.keep(writes, login, changes).await?;
        Ok(TokenResponse {
            access_token,
            token_type: Confirmation::token_type(self.confirmation),
            expires_in,
            scope: self.echoed_scope(&changes.scopes),
            id_token,
            refresh_token,
        })
    }

    /// One commit for all that is written, the refresh token's family included.
    async fn keep(
        &self,
        writes: Writes,
        login: Option<EarlierLogin>,
        changes: &Changes,
    ) -> Result<Option<Secret>, MintError> {
        let Self {
            records,
            client,
            now,
            ..
        } = *self;
        let tenant = &self.tenant.name;
        match (self.offline, login) {
            (Offline::Exchange(live), _) => {
                let batch = |family: &str| writes.batch(tenant, Some(family));
                let token = refresh::exchange(records, tenant, client, live, now, batch).await?;
                Ok(Some(token))
            }
            (Offline::Begin(scopes), Some(login)) if grants(&changes.scopes, OFFLINE_ACCESS) => {
                let origin = refresh::Origin {
                    client,
                    audience: self.api.map(|api| api.identifier.as_str()),
                    scopes,
                    granted: &changes.scopes,
                    login,
                    confirmation: self.confirmation,
                };
                let batch = |family: &str| writes.batch(tenant, Some(family));
                let token = refresh::begin(records, tenant, origin, now, batch).await?;
                Ok(Some(token))
            }
            _ => {
                if !writes.is_empty() {
                    records.commit(writes.batch(tenant, None)).await?;
                }
                Ok(None)
            }
        }
    }

    async fn jwt(&self, api: &Api, sub: &str, changes: &Changes) -> Result<Secret, MintError> {
        let validity = Validity {
            from: self.now,
            seconds: api.token_lifetime,
        };
        // RFC 9068, section 2.1, so that no ID token passes for an access token.
        let typ = match api.token_dialect.is_rfc9068() {
            true => "at+jwt",
            false => "JWT",
        };
        let (parties, bound) = (self.parties(), self.confirmation);
        let claims = access_claims(&parties, sub, changes, validity, self.jti, bound);
        let tenant = &self.tenant.name;
        let signer = self.keyring.api_signer(self.records, tenant, api).await?;
        Ok(signer.sign(typ, &claims)?)
    }

    fn opaque(
        &self,
        user: &User,
        changes: &Changes,
        writes: &mut Writes,
    ) -> Result<Secret, MintError> {
        let token = random::token()?;
        let record = OpaqueToken {
            user_id: user.user_id.clone(),
            client_id: self.client.client_id.clone(),
            scopes: changes.scopes.clone(),
            confirmation: self.confirmation.cloned(),
            expires_at: self.now.plus_secs(OPAQUE_TOKEN_LIFETIME),
        };
        writes.opaque = Some((Digest::of(&token), record));
        Ok(token)
    }

    async fn id_token(
        &self,
        user: &User,
        changes: &Changes,
        access_token: &Secret,
    ) -> Result<Secret, MintError> {
        let validity = Validity {
            from: self.now,
            seconds: self.client.id_token_lifetime,
        };
        let at_hash = at_hash(access_token);
        let claims = id_claims(&self.parties(), user, changes, validity, &at_hash);
        let alg = SigningAlgorithm::RS256;
        let signer = self
            .keyring
            .signer(self.records, &self.tenant.name, alg)
            .await?;
        Ok(signer.sign("JWT", &claims)?)
    }

    /// Keeps what rules said of the user for /userinfo, if it is not what is kept already: most
    /// logins say what the last one said, and then cost no write.
    async fn remember_custom_claims(
        &self,
        user: &User,
        changes: &Changes,
        writes: &mut Writes,
    ) -> Result<(), MintError> {
        let key = [
            self.tenant.name.as_str(),
            user.user_id.as_str(),
            self.client.client_id.as_str(),
        ];
        let kept = self.records.get::<UserinfoClaims>(&key).await?;
        let kept = kept.map(|stored| stored.record.claims).unwrap_or_default();
        if kept != changes.id_claims {
            let claims = changes.id_claims.clone();
            writes.claims = Some((key.map(str::to_owned), UserinfoClaims { claims }));
        }
        Ok(())
    }

    /// The granted scopes, if they are not what was asked for (RFC 6749, section 5.1).
    fn echoed_scope(&self, granted: &[String]) -> Option<String> {
        let within =
            |one: &[String], other: &[String]| one.iter().all(|scope| other.contains(scope));
        let asked = self.requested_scopes;
        let same = within(granted, asked) && within(asked, granted);
        (!same && !granted.is_empty()).then(|| granted.join(" "))
    }

    fn parties(&self) -> Parties<'_> {
        Parties {
            tenant: self.tenant,
            client: self.client,
            api: self.api,
            gty: self.gty,
            permissions: self.permissions,
        }
    }
}

/// What is written besides a refresh token's family.
#[derive(Default)]
struct Writes {
    /// The access token and its end, for the family that it comes with.
    access: Option<(Digest, Timestamp)>,
    opaque: Option<(Digest, OpaqueToken)>,
    claims: Option<([String; 3], UserinfoClaims)>,
}

impl Writes {
    fn is_empty(&self) -> bool {
        self.opaque.is_none() && self.claims.is_none()
    }

    fn batch(&self, tenant: &TenantName, family: Option<&str>) -> Batch {
        let mut batch = Batch::durable();
        if let (Some((digest, end)), Some(family)) = (&self.access, family) {
            batch = revocation::of_family(batch, tenant, digest, family, *end);
        }
        if let Some((digest, record)) = &self.opaque {
            let key = [tenant.as_str(), digest.as_str()];
            let of_user = [tenant.as_str(), &record.user_id, digest.as_str()];
            batch = batch.put_until(&key, record, record.expires_at).put_until(
                &of_user,
                &OpaqueOfUser {},
                record.expires_at,
            );
        }
        if let Some((key, record)) = &self.claims {
            batch = batch.put(&key.each_ref().map(String::as_str), record);
        }
        batch
    }
}

/// The left half of the access token's SHA-256 (OpenID Connect Core, section 3.1.3.6): ties the two
/// tokens together. SHA-256 because ID tokens are signed with RS256.
fn at_hash(access_token: &Secret) -> String {
    let hash = digest(&SHA256, access_token.expose().as_bytes());
    let half = hash.as_ref().get(..16).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(half)
}

/// The answer of the token endpoint (RFC 6749, section 5.1).
#[derive(Debug)]
pub struct TokenResponse {
    /// A JWT, or an opaque reference.
    pub access_token: Secret,
    /// `Bearer`, or `DPoP` for a token that is bound to such a key.
    pub token_type: &'static str,
    /// How long the access token is valid, in seconds.
    pub expires_in: u64,
    /// The granted scopes, if they differ from those asked for and are not none.
    pub scope: Option<String>,
    /// Present if `openid` is granted.
    pub id_token: Option<Secret>,
    /// Present if `offline_access` is granted.
    pub refresh_token: Option<Secret>,
}

impl TokenResponse {
    /// The body as it goes to the client. The one place where tokens leave the server.
    pub fn to_wire(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("access_token".into(), self.access_token.expose().into());
        body.insert("token_type".into(), self.token_type.into());
        body.insert("expires_in".into(), self.expires_in.into());
        if let Some(scope) = &self.scope {
            body.insert("scope".into(), json!(scope));
        }
        if let Some(id_token) = &self.id_token {
            body.insert("id_token".into(), id_token.expose().into());
        }
        if let Some(refresh_token) = &self.refresh_token {
            body.insert("refresh_token".into(), refresh_token.expose().into());
        }
        body
    }
}

/// Why no token was made. But for one case, none of it is the client's doing.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is no usable key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key did not sign.
    #[error("a token could not be signed: {0}")]
    Signature(#[from] jsonwebtoken::errors::Error),
    /// There is no randomness.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A machine has nothing to ask of /userinfo, so its token needs an API.
    #[error("a token for a machine needs an API")]
    NothingToGrant,
    /// The refresh token was spent or revoked in the meantime. This one may be the client's doing.
    #[error(transparent)]
    Refresh(RefreshError),
}

impl From<RefreshError> for MintError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Store(error) => Self::Store(error),
            RefreshError::Random(error) => Self::Random(error),
            other => Self::Refresh(other),
        }
    }
}

#[cfg(test)]
mod tests;
