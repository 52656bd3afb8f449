//! Options of `claimsmith client set-refresh-tokens`.

use clap::Args;

use crate::client::{Expiration, RefreshSettings, Rotation};

/// What to change; what is not named stays.
#[derive(Args)]
pub(super) struct RefreshOptions {
    /// Whether each exchange gives a new token and spends the old one; if so, tokens must expire
    #[arg(long, value_name = "KIND")]
    rotation: Option<Rotation>,
    /// Whether tokens end by themselves
    #[arg(long, value_name = "KIND")]
    expiration: Option<Expiration>,
    /// For how long the token before the present one may be shown once more
    #[arg(long, value_name = "SECONDS")]
    leeway: Option<u64>,
    /// From the login to the end, whatever happens in between
    #[arg(long, value_name = "SECONDS")]
    token_lifetime: Option<u64>,
    /// From one exchange to the end if there is no other
    #[arg(long, value_name = "SECONDS")]
    idle_token_lifetime: Option<u64>,
}

impl RefreshOptions {
    /// The settings with these changes. Rotating tokens expire, and a lifetime that is named counts.
    pub(super) fn apply(self, mut settings: RefreshSettings) -> RefreshSettings {
        let rotates = self.rotation == Some(Rotation::Rotating);
        let lifetimes = self.token_lifetime.or(self.idle_token_lifetime).is_some();
        let implied = (rotates || lifetimes).then_some(Expiration::Expiring);
        if let Some(expiration) = self.expiration.or(implied) {
            let never = expiration == Expiration::NonExpiring;
            settings.expiration_type = expiration;
            settings.infinite_token_lifetime = never;
            settings.infinite_idle_token_lifetime = never;
        }
        settings.rotation_type = self.rotation.unwrap_or(settings.rotation_type);
        settings.leeway = self.leeway.unwrap_or(settings.leeway);
        settings.token_lifetime = self.token_lifetime.unwrap_or(settings.token_lifetime);
        let shortest = settings.idle_token_lifetime.min(settings.token_lifetime);
        settings.idle_token_lifetime = self.idle_token_lifetime.unwrap_or(shortest);
        settings
    }
}
