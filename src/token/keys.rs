//! A tenant's signing keys: made with the tenant, sealed at rest, published as a JWK set.

use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::jwk::{InvalidKey, PublicKey, VerifyingKey};
use super::jws::Signer;
use super::{MasterKey, SealError, Sealed, SigningAlgorithm, key_pair};
use crate::api::Api;
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::store::{self, Record, Records, Stored, Table};
use crate::tenant::TenantName;

/// More keys than a tenant has: of each of four algorithms a next, a current, and as many previous
/// and revoked ones as [`super::rotation`] leaves.
const MAX_KEYS: usize = 256;

/// How often a signer looks for the current key while rotations hide it.
const ATTEMPTS: usize = 8;

/// How long verifiers may keep a tenant's JWK set, in seconds: what it is served with. A revoked
/// key lives on in their memory for as long; a new one must be published for longer before it signs.
pub const JWKS_MAX_AGE: u64 = 300;

/// The shortest secret of an HS256 API, in bytes: the hash's own length (RFC 7518, section 3.2).
pub const MIN_API_SECRET_BYTES: usize = 32;

/// A key pair of a tenant, used with one algorithm only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SigningKey {
    /// The thumbprint of the public key (RFC 7638).
    pub kid: String,
    /// The algorithm it is used with.
    pub alg: SigningAlgorithm,
    /// What it is used for at present.
    pub state: KeyState,
    /// The public half.
    pub public: PublicKey,
    /// The private half, as sealed PKCS#8 (RFC 5958), bound to this tenant and `kid`.
    pub private: Sealed,
    /// When it was made, and with that published.
    pub created_at: Timestamp,
    /// When it began to sign.
    #[serde(default)]
    pub current_since: Option<Timestamp>,
    /// When it ceased to.
    #[serde(default)]
    pub current_until: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_at: Option<Timestamp>,
}

impl Record for SigningKey {
    const TABLE: Table = Table::SigningKey;
}

impl SigningKey {
    /// When a key began to sign; one that a first version made, with its tenant.
    pub(super) fn signs_since(&self) -> Timestamp {
        self.current_since.unwrap_or(self.created_at)
    }
}

/// Where a key stands in its life. All but a revoked key are published, so that a verifier knows a
/// key before the first token comes and until the last is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Signs.
    Current,
    /// Will sign after the next rotation.
    Next,
    /// Signed before the last rotation; its tokens still verify.
    Previous,
    /// Its tokens do not verify any more.
    Revoked,
}

/// Opens and makes keys. Cheap to clone.
///
/// Opened keys are not kept: unsealing takes microseconds where signing takes a thousand, and what
/// is not in memory needs no invalidation when a key is rotated, revoked or deleted elsewhere.
#[derive(Clone, Debug)]
pub struct Keyring {
    master: MasterKey,
}

impl Keyring {
    /// A keyring under a master key.
    pub fn new(master: MasterKey) -> Self {
        Self { master }
    }

    /// The master key, for values of other modules.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Makes the keys of a new tenant, one for each of [`SigningAlgorithm::ASYMMETRIC`], for the
    /// caller to insert with the tenant. Runs on a blocking thread: RSA takes tenths of a second.
    pub async fn generate_for_tenant(
        &self,
        tenant: &TenantName,
        now: Timestamp,
    ) -> Result<Vec<SigningKey>, KeyError> {
        let (keyring, tenant) = (self.clone(), tenant.clone());
        let make = move || {
            let make = |alg| keyring.generate(&tenant, alg, KeyState::Current, now);
            SigningAlgorithm::ASYMMETRIC.into_iter().map(make).collect()
        };
        let made = tokio::task::spawn_blocking(make).await;
        made.map_err(|_| KeyError::Generation)?
    }

    /// Makes one key pair. RSA has 2048 bits and takes long: not for an async thread.
    pub fn generate(
        &self,
        tenant: &TenantName,
        alg: SigningAlgorithm,
        state: KeyState,
        now: Timestamp,
    ) -> Result<SigningKey, KeyError> {
        let (public, private) = key_pair::generate(alg)?;
        let kid = public.thumbprint();
        let context = key_context(tenant, &kid);
        Ok(SigningKey {
            private: Sealed::seal(&self.master, &context, &private)?,
            state,
            alg,
            public,
            created_at: now,
            current_since: (state == KeyState::Current).then_some(now),
            current_until: None,
            revoked_at: None,
            kid,
        })
    }

    /// All of a tenant's keys: RS256 first, and of each algorithm the current key first, then the
    /// next, the previous and the revoked, the older before the younger.
    pub async fn list(
        &self,
        records: &Records,
        tenant: &TenantName,
    ) -> Result<Vec<SigningKey>, KeyError> {
        let mut keys: Vec<_> = load(records, tenant).await?;
        keys.sort_by_key(|key| {
            let place = SigningAlgorithm::ASYMMETRIC
                .iter()
                .position(|alg| *alg == key.record.alg);
            (place, key.record.state, key.record.created_at)
        });
        Ok(keys.into_iter().map(|stored| stored.record).collect())
    }

    /// The tenant's published keys as a JWK set, in the order of [`Self::list`]. Public members only.
    pub async fn jwks(&self, records: &Records, tenant: &TenantName) -> Result<Value, KeyError> {
        let mut keys = self.list(records, tenant).await?;
        keys.retain(|key| key.state != KeyState::Revoked);
        let keys = keys.iter().map(|key| key.public.to_jwk(&key.kid, key.alg));
        Ok(json!({ "keys": keys.collect::<Vec<_>>() }))
    }

    /// Seals the secret that an HS256 API shares with this server.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`] below [`MIN_API_SECRET_BYTES`]: a password is no key
    /// (RFC 8725, section 3.5), and `jsonwebtoken` would take an empty one.
    pub fn seal_api_secret(
        &self,
        tenant: &TenantName,
        api_identifier: &str,
        secret: &Secret,
    ) -> Result<Sealed, KeyError> {
        let secret = secret.expose().as_bytes();
        if secret.len() < MIN_API_SECRET_BYTES {
            return Err(KeyError::ShortSecret);
        }
        let context = secret_context(tenant, api_identifier);
        Ok(Sealed::seal(&self.master, &context, secret)?)
    }

    /// What signs this API's access tokens.
    pub(super) async fn api_signer(
        &self,
        records: &Records,
        tenant: &TenantName,
        api: &Api,
    ) -> Result<Signer, KeyError> {
        if api.signing_alg.is_asymmetric() {
            return self.signer(records, tenant, api.signing_alg).await;
        }
        Ok(Signer {
            alg: api.signing_alg,
            kid: None,
            key: EncodingKey::from_secret(&self.api_secret(tenant, api)?),
        })
    }

    /// What an API's tokens are verified with if it shares a secret with this server; none if they
    /// are signed with a key of the tenant.
    pub(super) fn shared_key(
        &self,
        tenant: &TenantName,
        api: &Api,
    ) -> Result<Option<VerifyingKey>, KeyError> {
        if api.signing_alg.is_asymmetric() {
            return Ok(None);
        }
        Ok(Some(VerifyingKey {
            alg: api.signing_alg.into(),
            key: DecodingKey::from_secret(&self.api_secret(tenant, api)?),
        }))
    }

    fn api_secret(&self, tenant: &TenantName, api: &Api) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let missing = || KeyError::NoSecret(api.identifier.clone());
        let sealed = api.signing_secret.as_ref().ok_or_else(missing)?;
        let secret = sealed.open(&self.master, &secret_context(tenant, &api.identifier))?;
        if secret.len() < MIN_API_SECRET_BYTES {
            return Err(KeyError::ShortSecret);
        }
        Ok(secret)
    }

    /// The tenant's current key of an algorithm, ready to sign.
    pub(super) async fn signer(
        &self,
        records: &Records,
        tenant: &TenantName,
        alg: SigningAlgorithm,
    ) -> Result<Signer, KeyError> {
        let current = current(records, tenant, alg).await?;
        let private = current
            .private
            .open(&self.master, &key_context(tenant, &current.kid))?;
        let key = key_pair::encoding_key(alg, &private)?;
        Ok(Signer {
            alg,
            kid: Some(current.kid),
            key,
        })
    }

    /// The tenant's key of this name, to verify with; none if it has no such key or revoked it.
    /// `kid` may be anything that a stranger wrote.
    pub(super) async fn verifying_key(
        &self,
        records: &Records,
        tenant: &TenantName,
        kid: &str,
    ) -> Result<Option<VerifyingKey>, KeyError> {
        // 256 bits in base64url.
        if kid.len() != 43 {
            return Ok(None);
        }
        let found: Option<Stored<SigningKey>> = records.get(&[tenant.as_str(), kid]).await?;
        let Some(SigningKey {
            alg, state, public, ..
        }) = found.map(|stored| stored.record)
        else {
            return Ok(None);
        };
        if state == KeyState::Revoked {
            return Ok(None);
        }
        Ok(Some(VerifyingKey::new(alg, &public)?))
    }
}

/// The key that signs. A scan is no snapshot: beside a rotation it may meet the old key after and
/// the new one before, and no current key at all, or the other way round both. So it looks again,
/// and of two believes the younger.
async fn current(
    records: &Records,
    tenant: &TenantName,
    alg: SigningAlgorithm,
) -> Result<SigningKey, KeyError> {
    for _ in 0..ATTEMPTS {
        let keys = load(records, tenant).await?;
        let keys = keys.into_iter().map(|stored| stored.record);
        let current = keys
            .filter(|key| key.alg == alg && key.state == KeyState::Current)
            .max_by_key(SigningKey::signs_since);
        if let Some(current) = current {
            return Ok(current);
        }
    }
    Err(KeyError::NoKey(tenant.to_string(), alg))
}

pub(super) async fn load(
    records: &Records,
    tenant: &TenantName,
) -> Result<Vec<Stored<SigningKey>>, store::Error> {
    records.list(&[tenant.as_str()], MAX_KEYS).await
}

fn key_context<'a>(tenant: &'a TenantName, kid: &'a str) -> [&'a str; 3] {
    ["signing-key", tenant.as_str(), kid]
}

fn secret_context<'a>(tenant: &'a TenantName, api: &'a str) -> [&'a str; 3] {
    ["api-signing-secret", tenant.as_str(), api]
}

/// Why a key was not made, found or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The key is sealed under another master key, or damaged.
    #[error("a signing key cannot be opened: {0}")]
    Seal(#[from] SealError),
    /// The tenant has no current key for the algorithm.
    #[error("the tenant `{0}` has no current signing key for {1:?}")]
    NoKey(String, SigningAlgorithm),
    /// An API is signed with HS256 and has no secret.
    #[error("the API `{0}` is signed with HS256 and has no signing secret")]
    NoSecret(String),
    /// The secret of an HS256 API is too short.
    #[error("a signing secret for HS256 must have at least {MIN_API_SECRET_BYTES} bytes")]
    ShortSecret,
    /// What was opened is not a key of its algorithm.
    #[error("a stored signing key is damaged")]
    Damaged,
    /// A stored public key is not sound.
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
    /// The cryptographic library made no key.
    #[error("no key pair could be generated")]
    Generation,
}
