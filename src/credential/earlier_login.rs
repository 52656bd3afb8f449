//! A login that is remembered: what lets a refresh token stand for the user who once logged in.

use serde::{Deserialize, Serialize};

use super::{AuthenticatedUser, PasswordRecord};
use crate::clock::Timestamp;
use crate::store::{self, Records};
use crate::tenant::TenantName;
use crate::user::{LoginStats, User};

/// A login that succeeded. Only an [`AuthenticatedUser`] makes one; it is kept with a refresh token,
/// and only a refresh token that was verified gives it out again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EarlierLogin {
    user_id: String,
    at: Timestamp,
    password_set_at: Timestamp,
}

/// Why a remembered login is good for nothing any more.
#[derive(Debug, thiserror::Error)]
pub enum LoginEnded {
    /// There is no such user any more.
    #[error("the user was deleted")]
    UserGone,
    /// An administrator shut the user out.
    #[error("the user is blocked")]
    Blocked,
    /// The password with which the user logged in is not the user's any more.
    #[error("the password was changed since the login")]
    PasswordChanged,
    /// The store failed: nothing is known of the user.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl EarlierLogin {
    pub(super) fn of(user: &AuthenticatedUser) -> Self {
        Self {
            user_id: user.user().user_id.clone(),
            at: user.at(),
            password_set_at: user.password_set_at(),
        }
    }

    /// Who logged in.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// When the password was checked.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The user as it is now, if the login still counts. `outlives_password` says whether it does
    /// after the password was changed.
    pub async fn again(
        &self,
        records: &Records,
        tenant: &TenantName,
        outlives_password: bool,
    ) -> Result<AuthenticatedUser, LoginEnded> {
        let key = [tenant.as_str(), self.user_id.as_str()];
        let user = records.get::<User>(&key).await?;
        let user = user.ok_or(LoginEnded::UserGone)?.record;
        if user.blocked {
            return Err(LoginEnded::Blocked);
        }
        let password = records.get::<PasswordRecord>(&key).await?;
        let set_at = password.map(|stored| stored.record.set_at);
        if set_at != Some(self.password_set_at) && !outlives_password {
            return Err(LoginEnded::PasswordChanged);
        }
        let stats = records.get::<LoginStats>(&key).await?;
        let stats = stats.map(|stored| stored.record).unwrap_or_default();
        let set_at = set_at.unwrap_or(self.password_set_at);
        Ok(AuthenticatedUser::again(user, stats, set_at, self.at))
    }
}
