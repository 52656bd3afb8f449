//! What is kept of a login for as long as its client stays offline.

use serde::{Deserialize, Serialize};

use super::Membership;
use super::wire::{self, MarkKey, Shown};
use crate::client::{Client, RefreshSettings};
use crate::clock::Timestamp;
use crate::credential::EarlierLogin;
use crate::random::NoRandomness;
use crate::secret::{Digest, Secret};
use crate::store::{Batch, Record, Stored, Table};
use crate::tenant::TenantName;
use crate::token::{Confirmation, revocation};

/// All refresh tokens that came of one login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Family {
    /// Its name. Not a secret: no token can be made of it.
    pub id: String,
    /// Whom its tokens were issued to, and are good for.
    pub client_id: String,
    /// The API that its access tokens are for; none if they are good for /userinfo only.
    pub audience: Option<String>,
    /// What policy granted at the login: where the rules begin at each exchange.
    pub(super) scopes: Vec<String>,
    /// What the login granted in the end, offline access included. An exchange may ask for less.
    pub(super) granted: Vec<String>,
    /// Whose login it was.
    pub(super) login: EarlierLogin,
    /// Whether each exchange spends the token.
    pub rotating: bool,
    pub(super) mark: MarkKey,
    /// The token that is good.
    pub(super) current: Digest,
    /// The one before it.
    #[serde(default)]
    pub(super) superseded: Option<Superseded>,
    /// The key that its tokens are bound to: a public client's, which has nothing else to
    /// authenticate with (RFC 9449, section 5; RFC 8705, section 4).
    #[serde(default)]
    pub confirmation: Option<Confirmation>,
    /// When the login was.
    pub issued_at: Timestamp,
    /// The last exchange.
    #[serde(default)]
    pub exchanged_at: Option<Timestamp>,
    /// The end, whatever happens before.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The end if there is no exchange before.
    #[serde(default)]
    pub idle_expires_at: Option<Timestamp>,
}

/// A token that was spent, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Superseded {
    digest: Digest,
    at: Timestamp,
}

impl Record for Family {
    const TABLE: Table = Table::RefreshFamily;
}

/// What a family is about, as its login decides it.
pub(in crate::token) struct Origin<'a> {
    pub(in crate::token) client: &'a Client,
    pub(in crate::token) audience: Option<&'a str>,
    pub(in crate::token) scopes: &'a [String],
    pub(in crate::token) granted: &'a [String],
    pub(in crate::token) login: EarlierLogin,
    pub(in crate::token) confirmation: Option<&'a Confirmation>,
}

impl Family {
    /// A family and its first token.
    pub(super) fn begin(
        origin: Origin<'_>,
        now: Timestamp,
    ) -> Result<(Self, Secret), NoRandomness> {
        let settings = origin.client.refresh_settings();
        let (id, mark) = (wire::family_name(now)?, MarkKey::generate()?);
        let token = wire::make(&id, &mark)?;
        let family = Self {
            id,
            client_id: origin.client.client_id.clone(),
            audience: origin.audience.map(str::to_owned),
            scopes: origin.scopes.to_vec(),
            granted: origin.granted.to_vec(),
            login: origin.login,
            rotating: settings.rotates(),
            mark,
            current: Digest::of(&token),
            superseded: None,
            confirmation: origin
                .confirmation
                .filter(|_| origin.client.is_public())
                .cloned(),
            issued_at: now,
            exchanged_at: None,
            expires_at: settings.absolute().map(|seconds| now.plus_secs(seconds)),
            idle_expires_at: settings.idle().map(|seconds| now.plus_secs(seconds)),
        };
        Ok((family, token))
    }

    /// Whose login it was.
    pub fn login(&self) -> &EarlierLogin {
        &self.login
    }

    /// Where the rules begin at each exchange.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// What the login granted.
    pub fn granted(&self) -> &[String] {
        &self.granted
    }

    /// Whether a request that shows this key may exchange its tokens.
    pub fn is_open_to(&self, shown: Option<&Confirmation>) -> bool {
        self.confirmation
            .as_ref()
            .is_none_or(|bound| Some(bound) == shown)
    }

    /// When it ends if nothing happens.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let ends = [self.expires_at, self.idle_expires_at];
        ends.into_iter().flatten().min()
    }

    /// Whether a token of this family is good: the present one, or the one before it while the
    /// client's leeway lasts.
    pub(super) fn accepts(&self, shown: &Shown, client: &Client, now: Timestamp) -> bool {
        if self.current == shown.digest {
            return true;
        }
        let leeway = client.refresh_settings().leeway;
        let superseded = self.superseded.as_ref();
        superseded.is_some_and(|old| old.digest == shown.digest && now < old.at.plus_secs(leeway))
    }

    /// The family after an exchange that leaves its token.
    pub(super) fn kept(&self, settings: &RefreshSettings, now: Timestamp) -> Self {
        Self {
            exchanged_at: Some(now),
            // Fixed once. A family without an end gets one at the first exchange after its client
            // was given a lifetime, and keeps it (contract, section 1.8).
            expires_at: self
                .expires_at
                .or(settings.absolute().map(|seconds| now.plus_secs(seconds))),
            idle_expires_at: settings.idle().map(|seconds| now.plus_secs(seconds)),
            ..self.clone()
        }
    }

    /// The family after an exchange that spends its token, and the new token. Whichever of two
    /// tokens was shown, the present one becomes the one before: a third use of a token is an alarm
    /// even within the leeway.
    pub(super) fn rotated(
        &self,
        settings: &RefreshSettings,
        now: Timestamp,
    ) -> Result<(Self, Secret), NoRandomness> {
        let token = wire::make(&self.id, &self.mark)?;
        let family = Self {
            current: Digest::of(&token),
            superseded: Some(Superseded {
                digest: self.current.clone(),
                at: now,
            }),
            ..self.kept(settings, now)
        };
        Ok((family, token))
    }

    /// The family once its tokens are of the other kind, and the first of them. Older tokens do not
    /// bear the new mark: several holders may have shared a token that did not rotate, and none of
    /// them is a thief.
    pub(super) fn switched(
        &self,
        settings: &RefreshSettings,
        now: Timestamp,
    ) -> Result<(Self, Secret), NoRandomness> {
        let mark = MarkKey::generate()?;
        let token = wire::make(&self.id, &mark)?;
        let family = Self {
            mark,
            current: Digest::of(&token),
            superseded: None,
            rotating: settings.rotates(),
            ..self.kept(settings, now)
        };
        Ok((family, token))
    }

    /// Adds the family to a batch, as a new one or in the place of `old`.
    pub(super) fn store(
        &self,
        batch: Batch,
        tenant: &TenantName,
        old: Option<&Stored<Self>>,
    ) -> Batch {
        let key = [tenant.as_str(), self.id.as_str()];
        let member = self.membership(tenant);
        let ends_at = self.ends_at();
        let batch = match (old, ends_at) {
            (Some(old), Some(end)) => batch.replace_until(old, self, end),
            (Some(old), None) => batch.replace(old, self),
            (None, Some(end)) => batch.insert_until(&key, self, end),
            (None, None) => batch.insert(&key, self),
        };
        match ends_at {
            Some(end) => batch.put_until(&member, &Membership {}, end),
            None => batch.put(&member, &Membership {}),
        }
    }

    /// Revokes the family, whatever has become of it, and the access tokens that came with it.
    pub(super) fn revoke(&self, batch: Batch, tenant: &TenantName, now: Timestamp) -> Batch {
        let batch = batch
            .remove::<Self>(&[tenant.as_str(), &self.id])
            .remove::<Membership>(&self.membership(tenant));
        revocation::revoke_family(batch, tenant, &self.id, now)
    }

    /// Where it stands among the user's.
    pub(super) fn membership<'a>(&'a self, tenant: &'a TenantName) -> [&'a str; 4] {
        [
            tenant.as_str(),
            self.login.user_id(),
            &self.client_id,
            &self.id,
        ]
    }
}
