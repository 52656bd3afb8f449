//! How long a client's refresh tokens live, and whether each is good for one exchange only: the
//! object `refresh_token` of Auth0's clients (contract, section 1.8).

use serde::{Deserialize, Serialize};

use super::ClientAuthentication;

/// Whether an exchange leaves the refresh token as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// Each exchange returns a new token, and the old one is spent.
    Rotating,
    /// The token stays good until it ends.
    NonRotating,
}

/// Whether a refresh token ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Expiration {
    /// After its lifetimes, as far as they are not switched off.
    Expiring,
    /// Only when it is revoked.
    NonExpiring,
}

/// A client's settings for its refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshSettings {
    /// Whether tokens rotate.
    pub rotation_type: Rotation,
    /// Whether tokens end.
    pub expiration_type: Expiration,
    /// For how many seconds the token before the present one may be shown once more.
    pub leeway: u64,
    /// Seconds from the first issue to the end, whatever happens in between.
    pub token_lifetime: u64,
    /// Switches `token_lifetime` off.
    pub infinite_token_lifetime: bool,
    /// Switches `idle_token_lifetime` off.
    pub infinite_idle_token_lifetime: bool,
    /// Seconds from one exchange to the end if there is no other.
    pub idle_token_lifetime: u64,
}

/// Auth0's documented maximum: a year.
const MAX_LIFETIME: u64 = 31_557_600;

/// The longest leeway. It is a window for whoever stole a token, meant for a lost answer and a
/// second tab.
const MAX_LEEWAY: u64 = 600;

impl RefreshSettings {
    /// What a client has that chose nothing. Confidential ones have Auth0's recorded defaults. Tokens
    /// of a public client rotate, because nothing else tells a thief from the client (RFC 9700,
    /// section 2.2.2), with the lifetimes that Auth0 gives a client of no declared method.
    pub fn default_for(authentication: ClientAuthentication) -> Self {
        match authentication {
            ClientAuthentication::None => Self {
                rotation_type: Rotation::Rotating,
                expiration_type: Expiration::Expiring,
                leeway: 0,
                token_lifetime: 2_592_000,
                infinite_token_lifetime: false,
                infinite_idle_token_lifetime: false,
                idle_token_lifetime: 1_296_000,
            },
            _ => Self {
                rotation_type: Rotation::NonRotating,
                expiration_type: Expiration::NonExpiring,
                leeway: 0,
                token_lifetime: MAX_LIFETIME,
                infinite_token_lifetime: true,
                infinite_idle_token_lifetime: true,
                idle_token_lifetime: 2_592_000,
            },
        }
    }

    /// Whether each exchange spends the token.
    pub fn rotates(&self) -> bool {
        self.rotation_type == Rotation::Rotating
    }

    /// Seconds from the first issue to the end, if there is one.
    pub fn absolute(&self) -> Option<u64> {
        let ends = self.expiration_type == Expiration::Expiring && !self.infinite_token_lifetime;
        ends.then_some(self.token_lifetime)
    }

    /// Seconds from one exchange to the end, if there is one.
    pub fn idle(&self) -> Option<u64> {
        let ends =
            self.expiration_type == Expiration::Expiring && !self.infinite_idle_token_lifetime;
        ends.then_some(self.idle_token_lifetime)
    }

    /// Says what is wrong with the settings, if something is.
    ///
    /// # Errors
    /// A sentence for the administrator.
    pub fn check(&self) -> Result<(), String> {
        for (name, seconds) in [
            ("lifetime", self.token_lifetime),
            ("idle lifetime", self.idle_token_lifetime),
        ] {
            if !(1..=MAX_LIFETIME).contains(&seconds) {
                return Err(format!("the {name} must be 1 to {MAX_LIFETIME} seconds"));
            }
        }
        if self.leeway > MAX_LEEWAY {
            return Err(format!("the leeway may be at most {MAX_LEEWAY} seconds"));
        }
        // Every superseded token must end some day: until then it is an alarm.
        if self.rotates() && self.absolute().is_none() {
            return Err("rotating tokens must be expiring, with a lifetime".to_owned());
        }
        match (self.idle(), self.absolute()) {
            (Some(idle), Some(absolute)) if idle > absolute => {
                Err("the idle lifetime must not be longer than the lifetime".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIDENTIAL: ClientAuthentication = ClientAuthentication::ClientSecretPost;

    #[track_caller]
    fn refused(change: impl FnOnce(&mut RefreshSettings)) {
        let mut settings = RefreshSettings::default_for(ClientAuthentication::None);
        change(&mut settings);
        assert!(settings.check().is_err(), "{settings:?}");
    }

    #[test]
    fn the_defaults_are_sound_and_those_that_were_recorded() {
        for method in [ClientAuthentication::None, CONFIDENTIAL] {
            assert_eq!(RefreshSettings::default_for(method).check(), Ok(()));
        }
        let settings = RefreshSettings::default_for(CONFIDENTIAL);
        assert_eq!((settings.absolute(), settings.idle()), (None, None));
        assert_eq!(
            serde_json::to_string(&settings).unwrap(),
            r#"{"rotation_type":"non-rotating","expiration_type":"non-expiring","leeway":0,"token_lifetime":31557600,"infinite_token_lifetime":true,"infinite_idle_token_lifetime":true,"idle_token_lifetime":2592000}"#
        );
    }

    #[test]
    fn settings_that_contradict_themselves_are_refused() {
        refused(|settings| settings.expiration_type = Expiration::NonExpiring);
        refused(|settings| settings.infinite_token_lifetime = true);
        refused(|settings| settings.idle_token_lifetime = settings.token_lifetime + 1);
        refused(|settings| settings.token_lifetime = 0);
        refused(|settings| settings.idle_token_lifetime = 0);
        refused(|settings| settings.token_lifetime = MAX_LIFETIME + 1);
        refused(|settings| settings.leeway = MAX_LEEWAY + 1);
    }

    #[test]
    fn a_lifetime_that_is_switched_off_bounds_nothing() {
        let mut settings = RefreshSettings::default_for(ClientAuthentication::None);
        settings.rotation_type = Rotation::NonRotating;
        settings.infinite_token_lifetime = true;
        settings.idle_token_lifetime = settings.token_lifetime + 1;
        assert_eq!(settings.check(), Ok(()));
        assert_eq!(
            (settings.absolute(), settings.idle()),
            (None, Some(2_592_001))
        );
    }
}
