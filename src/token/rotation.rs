//! A key's life: published as the next, signs as the current, verifies as the previous, and goes.
//!
//! Every step is one commit that depends on the keys it was decided from. Of several processes that
//! take the same step at once one succeeds; the others read [`store::Error::Conflict`].

use super::keys::{self, JWKS_MAX_AGE};
use super::{KeyError, KeyState, Keyring, SigningAlgorithm, SigningKey};
use crate::api::Api;
use crate::clock::Timestamp;
use crate::store::{self, Batch, Records, Stored};
use crate::tenant::TenantName;

/// How long a key must have been published before it signs, in seconds: three times what verifiers
/// may keep the set for, because common libraries keep it for ten minutes whatever the header says.
pub const NOTICE: u64 = 3 * JWKS_MAX_AGE;

/// The most previous keys of one algorithm. Each is published and read with every signature; at the
/// shortest schedule there are five.
pub const MAX_PREVIOUS: usize = 8;

/// The revoked keys of one algorithm that stay in the listing, as at Auth0.
const REVOKED_KEPT: usize = 3;

/// Whether verifiers are given time to learn a key before it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// For [`NOTICE`] seconds.
    Given,
    /// Not at all: the current key is known to others, and everything it signs is worth less than
    /// the requests that fail meanwhile.
    Waived,
}

impl Keyring {
    /// Makes the next key of each of `algs` the current one and the current one a previous one, and
    /// publishes new next keys; all of it or nothing. Returns the keys that sign from now on.
    pub async fn rotate(
        &self,
        records: &Records,
        tenant: &TenantName,
        algs: &[SigningAlgorithm],
        notice: Notice,
        now: Timestamp,
    ) -> Result<Vec<SigningKey>, RotationError> {
        for alg in algs {
            self.publish_next(records, tenant, *alg, now).await?;
        }
        let keys = keys::load(records, tenant).await?;
        let mut batch = Batch::durable();
        let mut signing = Vec::new();
        for alg in algs {
            let of_state = |state| with_state(&keys, *alg, state);
            let no_key = || KeyError::NoKey(tenant.to_string(), *alg);
            let current = of_state(KeyState::Current).next().ok_or_else(no_key)?;
            let next = of_state(KeyState::Next).next().ok_or_else(no_key)?;
            if notice == Notice::Given && !has_had_notice(&next.record, now) {
                let from = next.record.created_at.plus_secs(NOTICE);
                return Err(RotationError::TooEarly { alg: *alg, from });
            }
            if of_state(KeyState::Previous).count() >= MAX_PREVIOUS {
                return Err(RotationError::TooManyPrevious(*alg));
            }
            let mut retired = current.record.clone();
            retired.state = KeyState::Previous;
            retired.current_until = Some(now);
            let mut promoted = next.record.clone();
            promoted.state = KeyState::Current;
            promoted.current_since = Some(now);
            let new = self.generate_aside(tenant, *alg, now).await?;
            batch = batch
                .replace(current, &retired)
                .replace(next, &promoted)
                .insert(&[tenant.as_str(), &new.kid], &new);
            signing.push(promoted);
        }
        records.commit(batch).await?;
        for key in &signing {
            tracing::info!(%tenant, kid = key.kid, alg = ?key.alg, "a signing key became current");
        }
        Ok(signing)
    }

    /// Takes a previous key out of the set: its tokens are refused here at once, and elsewhere as
    /// soon as a verifier fetches the set again.
    pub async fn revoke(
        &self,
        records: &Records,
        tenant: &TenantName,
        kid: &str,
        now: Timestamp,
    ) -> Result<SigningKey, RotationError> {
        let keys = keys::load(records, tenant).await?;
        let key = keys.iter().find(|key| key.record.kid == kid);
        let key = key.ok_or(RotationError::NoSuchKey)?;
        if key.record.state != KeyState::Previous {
            return Err(RotationError::NotPrevious);
        }
        let mut revoked = key.record.clone();
        revoked.state = KeyState::Revoked;
        revoked.revoked_at = Some(now);
        let mut batch = Batch::durable().replace(key, &revoked);
        let mut earlier: Vec<_> = with_state(&keys, revoked.alg, KeyState::Revoked).collect();
        earlier.sort_by_key(|key| std::cmp::Reverse(key.record.revoked_at));
        for forgotten in earlier.into_iter().skip(REVOKED_KEPT - 1) {
            batch = batch.delete(forgotten);
        }
        records.commit(batch).await?;
        tracing::info!(%tenant, kid, "a signing key was revoked");
        Ok(revoked)
    }

    /// Does what is due: publishes next keys that are missing, rotates keys that have signed for
    /// `rotate_after` seconds, and removes previous keys whose tokens have all expired. To be called
    /// again and again, by as many processes as there are.
    pub async fn tend(
        &self,
        records: &Records,
        tenant: &TenantName,
        rotate_after: Option<u64>,
        now: Timestamp,
    ) -> Result<(), RotationError> {
        for alg in SigningAlgorithm::ASYMMETRIC {
            let done = async {
                self.publish_next(records, tenant, alg, now).await?;
                if self.is_due(records, tenant, alg, rotate_after, now).await? {
                    let given = Notice::Given;
                    self.rotate(records, tenant, &[alg], given, now).await?;
                }
                forget_expired(records, tenant, alg, now).await
            };
            match done.await {
                // Another process was faster; what it left is for the next time.
                Err(RotationError::Store(store::Error::Conflict)) => {}
                // Old tokens verify as they did; only the schedule waits for the administrator.
                Err(error @ RotationError::TooManyPrevious(_)) => {
                    tracing::warn!(%tenant, %error, "keys are not rotated as planned");
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn is_due(
        &self,
        records: &Records,
        tenant: &TenantName,
        alg: SigningAlgorithm,
        rotate_after: Option<u64>,
        now: Timestamp,
    ) -> Result<bool, RotationError> {
        let Some(seconds) = rotate_after else {
            return Ok(false);
        };
        let keys = keys::load(records, tenant).await?;
        let current = with_state(&keys, alg, KeyState::Current).next();
        let next = with_state(&keys, alg, KeyState::Next).next();
        Ok(
            current.is_some_and(|key| key.record.signs_since().plus_secs(seconds) <= now)
                && next.is_some_and(|key| has_had_notice(&key.record, now)),
        )
    }

    /// A tenant has a next key of each algorithm at all times but its first seconds.
    async fn publish_next(
        &self,
        records: &Records,
        tenant: &TenantName,
        alg: SigningAlgorithm,
        now: Timestamp,
    ) -> Result<(), RotationError> {
        let keys = keys::load(records, tenant).await?;
        if with_state(&keys, alg, KeyState::Next).next().is_some() {
            return Ok(());
        }
        let no_key = || KeyError::NoKey(tenant.to_string(), alg);
        let current = with_state(&keys, alg, KeyState::Current).next();
        let current = current.ok_or_else(no_key)?;
        let next = self.generate_aside(tenant, alg, now).await?;
        // The current key is written as it is, so that two who find no next key do not both make one.
        let batch = Batch::durable()
            .replace(current, &current.record)
            .insert(&[tenant.as_str(), &next.kid], &next);
        Ok(records.commit(batch).await?)
    }

    /// A next key, made on a blocking thread: RSA takes tenths of a second.
    async fn generate_aside(
        &self,
        tenant: &TenantName,
        alg: SigningAlgorithm,
        now: Timestamp,
    ) -> Result<SigningKey, KeyError> {
        let (keyring, tenant) = (self.clone(), tenant.clone());
        let make = move || keyring.generate(&tenant, alg, KeyState::Next, now);
        let made = tokio::task::spawn_blocking(make).await;
        made.map_err(|_| KeyError::Generation)?
    }
}

/// Removes previous keys that vouch for nothing any more: no token lives longer than
/// [`Api::MAX_TOKEN_LIFETIME`].
async fn forget_expired(
    records: &Records,
    tenant: &TenantName,
    alg: SigningAlgorithm,
    now: Timestamp,
) -> Result<(), RotationError> {
    let keys = keys::load(records, tenant).await?;
    for key in with_state(&keys, alg, KeyState::Previous) {
        let until = key.record.current_until.unwrap_or(now);
        // A request that was on its way when the key retired may have signed a little later.
        if until.plus_secs(Api::MAX_TOKEN_LIFETIME + NOTICE) <= now {
            records.commit(Batch::durable().delete(key)).await?;
            tracing::info!(%tenant, kid = key.record.kid, "a signing key that no live token needs was removed");
        }
    }
    Ok(())
}

fn has_had_notice(next: &SigningKey, now: Timestamp) -> bool {
    next.created_at.plus_secs(NOTICE) <= now
}

fn with_state(
    keys: &[Stored<SigningKey>],
    alg: SigningAlgorithm,
    state: KeyState,
) -> impl Iterator<Item = &Stored<SigningKey>> {
    keys.iter()
        .filter(move |key| key.record.alg == alg && key.record.state == state)
}

/// Why keys were left as they are.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Verifiers that keep the set do not know the next key yet.
    #[error(
        "the next {alg:?} key is not known to all verifiers before {from}; rotate then, or at once if the current key is in the wrong hands"
    )]
    TooEarly {
        /// Of which algorithm.
        alg: SigningAlgorithm,
        /// When it will be.
        from: Timestamp,
    },
    /// Every previous key is published and searched.
    #[error(
        "there are {MAX_PREVIOUS} previous {0:?} keys already; revoke those that are not needed"
    )]
    TooManyPrevious(SigningAlgorithm),
    /// The tenant has no key of this name.
    #[error("the tenant has no such key")]
    NoSuchKey,
    /// The key signs, will sign, or is revoked already.
    #[error("only a previous key can be revoked; rotate first")]
    NotPrevious,
    /// A key could not be made or found.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed, or somebody else changed the keys in the meantime.
    #[error(transparent)]
    Store(#[from] store::Error),
}
