//! The proof that a user's password was checked.

use super::{Account, EarlierLogin};
use crate::clock::Timestamp;
use crate::rule_host::Subject;
use crate::user::{LoginStats, User};

/// A user whose password was right and who is not blocked. Only
/// [`Passwords::authenticate`](super::Passwords::authenticate) makes one, and for a login that is
/// remembered [`EarlierLogin::again`].
#[derive(Debug)]
pub struct AuthenticatedUser {
    user: User,
    stats: LoginStats,
    password_set_at: Timestamp,
    at: Timestamp,
    /// Whether this is the login itself, and not a remembered one.
    is_login: bool,
}

impl AuthenticatedUser {
    pub(super) fn new(account: Account, at: Timestamp) -> Self {
        Self {
            user: account.user,
            stats: account.stats,
            password_set_at: account.password.record.set_at,
            at,
            is_login: true,
        }
    }

    /// The user of a remembered login.
    pub(super) fn again(
        user: User,
        stats: LoginStats,
        password_set_at: Timestamp,
        at: Timestamp,
    ) -> Self {
        Self {
            user,
            stats,
            password_set_at,
            at,
            is_login: false,
        }
    }

    /// What a refresh token keeps of this login.
    pub fn remember(&self) -> EarlierLogin {
        EarlierLogin::of(self)
    }

    /// The user as it was read for this login.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Counts and times before this login.
    pub fn stats(&self) -> &LoginStats {
        &self.stats
    }

    /// When the password was chosen.
    pub fn password_set_at(&self) -> Timestamp {
        self.password_set_at
    }

    /// When the password was last set again; none while it is the one that the user was made with.
    pub fn last_password_reset(&self) -> Option<Timestamp> {
        (self.password_set_at != self.user.created_at).then_some(self.password_set_at)
    }

    /// When the password was checked.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// How the user was authenticated, in the words of RFC 8176.
    pub fn methods(&self) -> &'static [&'static str] {
        &["pwd"]
    }

    /// How many logins succeeded, this one included if it is one.
    pub fn logins_count(&self) -> u64 {
        let this = u64::from(self.is_login);
        self.stats.logins_count.saturating_add(this)
    }

    /// Counts and times with this login: what the grant stores, in a relaxed batch, once the login
    /// succeeded as a whole. None for a remembered login, which was counted when it happened.
    pub fn record_login(&self, ip: Option<&str>) -> Option<LoginStats> {
        self.is_login.then(|| LoginStats {
            logins_count: self.logins_count(),
            last_login: Some(self.at),
            last_ip: ip.map(str::to_owned),
        })
    }
}

impl Subject for AuthenticatedUser {}
