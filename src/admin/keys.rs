//! Signing keys: listed, rotated, revoked, and tended while the server runs.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{Error, require_tenant};
use crate::clock::Timestamp;
use crate::server::Server;
use crate::store::{KeyRange, Record};
use crate::tenant::{Status, Tenant, TenantName};
use crate::token::{KeyState, Notice, RotationError, SigningAlgorithm, SigningKey};

/// How often the running server looks for what is due. A key waits fifteen minutes before it
/// signs; a minute more makes no difference.
const TEND_EVERY: Duration = Duration::from_secs(60);

/// How many tenants are read at a time.
const TENANTS_AT_A_TIME: usize = 100;

/// What may be shown of a signing key: the members of Auth0's `GET /api/v2/keys/signing`, without
/// those of a certificate, which there is none of; and the key itself.
#[derive(Clone, Debug, Serialize)]
pub struct KeyInfo {
    /// Its name: the thumbprint of the public key (RFC 7638).
    pub kid: String,
    /// The algorithm it is used with.
    pub alg: SigningAlgorithm,
    /// Whether it signs.
    pub current: bool,
    /// Whether it signs after the next rotation.
    pub next: bool,
    /// Whether it has signed and still verifies.
    pub previous: bool,
    /// Whether its tokens are refused.
    pub revoked: bool,
    /// When it was made and published.
    pub created_at: Moment,
    /// When it began to sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_since: Option<Moment>,
    /// When it ceased to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_until: Option<Moment>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
    /// The public key, as in the JWK set.
    pub jwk: Value,
}

/// A moment as a date (RFC 3339), the form of the management API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl From<&SigningKey> for KeyInfo {
    fn from(key: &SigningKey) -> Self {
        let has_signed = matches!(key.state, KeyState::Current | KeyState::Previous);
        // A first version did not write down when a key began: it signed from the start.
        let since = key.current_since.or(has_signed.then_some(key.created_at));
        Self {
            kid: key.kid.clone(),
            alg: key.alg,
            current: key.state == KeyState::Current,
            next: key.state == KeyState::Next,
            previous: key.state == KeyState::Previous,
            revoked: key.state == KeyState::Revoked,
            created_at: Moment(key.created_at),
            current_since: since.map(Moment),
            current_until: key.current_until.map(Moment),
            revoked_at: key.revoked_at.map(Moment),
            jwk: key.public.to_jwk(&key.kid, key.alg),
        }
    }
}

/// A tenant's keys: RS256 first, and of each algorithm the current key first.
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<KeyInfo>, Error> {
    require_tenant(server, tenant).await?;
    let keys = server.keyring.list(&server.records, tenant).await?;
    Ok(keys.iter().map(KeyInfo::from).collect())
}

/// Lets the next key of one algorithm, or of each, sign from now on; all of them or none. Returns
/// those that do.
pub async fn rotate(
    server: &Server,
    tenant: &TenantName,
    alg: Option<SigningAlgorithm>,
    notice: Notice,
) -> Result<Vec<KeyInfo>, Error> {
    require_tenant(server, tenant).await?;
    let all = SigningAlgorithm::ASYMMETRIC;
    let algs = alg.as_ref().map_or(all.as_slice(), std::slice::from_ref);
    if !algs.iter().all(|alg| alg.is_asymmetric()) {
        let reason = "HS256 is signed with the secret of an API, which is no key of the tenant";
        return Err(Error::invalid("the algorithm", reason));
    }
    let now = server.clock.now();
    let Server {
        records, keyring, ..
    } = server;
    let rotated = keyring.rotate(records, tenant, algs, notice, now).await;
    let keys = rotated.map_err(|error| refused("the rotation", "", error))?;
    Ok(keys.iter().map(KeyInfo::from).collect())
}

/// Revokes a previous key: what it signed is refused from now on.
pub async fn revoke(server: &Server, tenant: &TenantName, kid: &str) -> Result<KeyInfo, Error> {
    require_tenant(server, tenant).await?;
    let now = server.clock.now();
    let revoked = server.keyring.revoke(&server.records, tenant, kid, now);
    let revoked = revoked.await;
    let key = revoked.map_err(|error| refused("the key", kid, error))?;
    Ok(KeyInfo::from(&key))
}

/// Tends the keys of all tenants, for as long as the server runs.
pub async fn tend_always(server: &Server) {
    let mut every = tokio::time::interval(TEND_EVERY);
    // After a pause of the machine once is enough.
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(error) = tend(server).await {
            tracing::error!(%error, "signing keys could not be tended");
        }
    }
}

/// Does what is due for the keys of each tenant, once. One tenant's trouble is not the others'.
pub async fn tend(server: &Server) -> Result<(), Error> {
    let mut range = KeyRange::prefix(Tenant::TABLE, &[]);
    loop {
        let tenants = server
            .records
            .list_range::<Tenant>(&range, TENANTS_AT_A_TIME)
            .await?;
        let Some(last) = tenants.last() else {
            return Ok(());
        };
        range = range.behind(&last.key);
        let tenants = tenants.into_iter().map(|stored| stored.record);
        for tenant in tenants.filter(|tenant| tenant.status != Status::Deleting) {
            let (name, after) = (&tenant.name, tenant.rotate_keys_after_secs());
            let now = server.clock.now();
            let done = server.keyring.tend(&server.records, name, after, now).await;
            if let Err(error) = done {
                tracing::error!(tenant = %name, %error, "the tenant's signing keys could not be tended");
            }
        }
    }
}

fn refused(what: &'static str, name: &str, error: RotationError) -> Error {
    match error {
        RotationError::NoSuchKey => Error::NotFound {
            what: "signing key",
            name: name.chars().take(80).collect(),
        },
        RotationError::TooEarly { .. }
        | RotationError::TooManyPrevious(_)
        | RotationError::NotPrevious => Error::invalid(what, error.to_string()),
        RotationError::Key(error) => error.into(),
        RotationError::Store(error) => error.into(),
    }
}
