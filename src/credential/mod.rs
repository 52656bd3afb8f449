//! Checks passwords. Knows nothing of rules, tokens or HTTP.
//!
//! [`Passwords::authenticate`] is the only way to an [`AuthenticatedUser`], and every rejection costs
//! one evaluation of Argon2: an unknown user, a user without a password, an empty password and a
//! wrong one take the same time and differ for the log only. The one exception is a user whose hash
//! was made with other settings, until the next login renews it. Each attempt is counted by
//! [`guard`] before its password is looked at.

mod authenticated;
mod canonical;
mod earlier_login;
pub mod foreign;
pub mod guard;
mod hash;
mod password;
pub mod policy;
mod pool;
mod stored;

use std::net::IpAddr;
use std::sync::Arc;

pub use self::authenticated::AuthenticatedUser;
pub use self::canonical::{
    CanonicalIdentifier, InvalidIdentifier, MAX_IDENTIFIER_BYTES, canonical,
};
pub use self::earlier_login::{EarlierLogin, LoginEnded};
use self::guard::{Guard, GuardError, Permit, Stopped, Subject};
pub use self::hash::{HashSettings, InvalidHash, InvalidSettings, Phc};
pub use self::password::{MAX_PASSWORD_BYTES, Password, PasswordRefused};
pub use self::pool::PoolSettings;
use self::pool::{Answer, NotDone, Pool, Work};
pub use self::stored::{PasswordHistory, PasswordRecord, StoredHash, UnusableHash};
use crate::clock::Timestamp;
use crate::connection::Connection;
use crate::metrics::Metrics;
use crate::random::NoRandomness;
use crate::secret::Secret;
use crate::store::{self, Batch, Records, Stored};
use crate::tenant::TenantName;
use crate::user::{IdentifierRecord, LoginStats, User};

/// One attempt to log in.
pub struct Login<'a> {
    /// The tenant.
    pub tenant: &'a TenantName,
    /// The connection whose user is meant.
    pub connection: &'a Connection,
    /// An e-mail address or a user name, as it was typed.
    pub identifier: &'a str,
    /// Moved in, and wiped on the hashing thread right after it was compared.
    pub password: Secret,
    /// Where the attempt comes from.
    pub address: IpAddr,
}

/// Hashes and verifies passwords. Cheap to clone; the last clone stops the threads.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    pool: Pool,
    hashing: HashSettings,
    /// What a login without a usable account is checked against.
    dummy: Phc,
}

impl Passwords {
    /// Starts the threads.
    pub fn start(hashing: HashSettings, limits: PoolSettings) -> Result<Self, StartError> {
        Self::start_measured(hashing, limits, Arc::default())
    }

    /// The same, and says how long passwords wait and take.
    pub fn start_measured(
        hashing: HashSettings,
        limits: PoolSettings,
        metrics: Arc<Metrics>,
    ) -> Result<Self, StartError> {
        hashing.check()?;
        Ok(Self(Arc::new(Inner {
            dummy: Phc::unmatchable(&hashing)?,
            pool: Pool::start(hashing, limits, metrics)?,
            hashing,
        })))
    }

    /// How many passwords wait for their turn.
    pub fn waiting(&self) -> usize {
        self.0.pool.waiting()
    }

    /// Hashes a new password, in the tenant's turn.
    pub async fn hash(
        &self,
        tenant: &TenantName,
        password: Password,
        now: Timestamp,
    ) -> Result<PasswordRecord, HashingError> {
        match self.0.pool.run(tenant.as_str(), Work::Hash(password)).await {
            Ok(Answer::Hashed(phc)) => Ok(PasswordRecord {
                hash: StoredHash::Phc(phc),
                set_at: now,
            }),
            Err(NotDone::Busy { retry_after_secs }) => Err(HashingError::Busy { retry_after_secs }),
            Ok(Answer::Verified { .. }) => Err(HashingError::Failed("no hash".into())),
            Err(NotDone::Failed(error)) => Err(HashingError::Failed(error.to_string())),
        }
    }

    /// Whether a password is the one that a hash was made from: for the history, where both are the
    /// user's own.
    pub async fn matches(
        &self,
        tenant: &TenantName,
        hash: &StoredHash,
        password: Password,
    ) -> Result<bool, HashingError> {
        let work = Work::Verify {
            hash: hash.clone(),
            password,
            renew: false,
        };
        match self.0.pool.run(tenant.as_str(), work).await {
            Ok(Answer::Verified { matches, .. }) => Ok(matches),
            Ok(Answer::Hashed(_)) => Err(HashingError::Failed("no answer".into())),
            Err(NotDone::Busy { retry_after_secs }) => Err(HashingError::Busy { retry_after_secs }),
            Err(NotDone::Failed(error)) => Err(HashingError::Failed(error.to_string())),
        }
    }

    /// Finds the user that the identifier names in a connection and checks the password.
    ///
    /// The password goes nowhere else. A hash made with other settings is replaced on the way.
    ///
    /// # Errors
    /// [`AuthenticationError::Rejected`] for everything that must look like a wrong password;
    /// [`AuthenticationError::Stopped`] before any password is looked at;
    /// [`AuthenticationError::Blocked`] only to who knew the right one.
    pub async fn authenticate(
        &self,
        records: &Records,
        guard: &Guard,
        login: Login<'_>,
        now: Timestamp,
    ) -> Result<AuthenticatedUser, AuthenticationError> {
        // 1. Bound and normalise the password.
        let tenant = login.tenant;
        let password = Password::new(login.password);

        // 2. Find the account.
        let connection = login.connection;
        let found = Account::find(records, tenant, &connection.name, login.identifier).await?;

        // 3. Take an attempt: whoever is meant, and whether or not there is such a user.
        let subject = match &found {
            Ok(account) => Subject::User(&account.user.user_id),
            Err((Nobody::User(user_id), _)) => Subject::User(user_id),
            Err((Nobody::Identifier(identifier), _)) => Subject::Nobody(identifier),
        };
        let permit = guard
            .login(
                tenant,
                &connection.name,
                connection.brute_force_protection,
                subject,
                login.address,
                now,
            )
            .await?;

        // 4. Check the password, or spend the same on one that cannot match.
        let checked = self.check(tenant, found.map_err(|(_, reason)| reason), password);
        let (account, renewed) = match checked.await {
            Ok(checked) => {
                permit.succeeded();
                checked
            }
            Err(Unchecked::Rejected(reason)) => return Err(rejected(permit, reason).await),
            // Nobody looked at the password: the permit goes back.
            Err(Unchecked::NotDone(error)) => return Err(error.into()),
        };

        // 5. Only who knows the password may learn that the user is blocked.
        if account.user.blocked {
            return Err(AuthenticationError::Blocked);
        }
        if let Some(phc) = renewed {
            renew(records, &account.password, phc).await;
        }
        Ok(AuthenticatedUser::new(account, now))
    }

    async fn check(
        &self,
        tenant: &TenantName,
        account: Result<Account, Rejection>,
        password: Result<Password, PasswordRefused>,
    ) -> Result<(Account, Option<Phc>), Unchecked> {
        let (account, password) = match (account, password) {
            (Ok(account), Ok(password)) => (account, password),
            (Err(reason), password) => {
                return Err(self.reject(tenant, password.ok(), reason).await);
            }
            (_, Err(refused)) => {
                let reason = Rejection::PasswordRefused(refused);
                return Err(self.reject(tenant, None, reason).await);
            }
        };
        let work = Work::Verify {
            hash: account.password.record.hash.clone(),
            renew: account.password.record.hash.needs_rehash(&self.0.hashing)
                && !account.user.blocked,
            password,
        };
        match self.0.pool.run(tenant.as_str(), work).await {
            Ok(Answer::Verified {
                matches: true,
                renewed,
            }) => Ok((account, renewed)),
            Ok(_) => Err(Unchecked::Rejected(Rejection::WrongPassword)),
            Err(error) => Err(Unchecked::NotDone(error)),
        }
    }

    /// How often Argon2 ran since the start, for metrics and for the test that a login costs the
    /// same whether or not the user exists.
    pub fn evaluations(&self) -> u64 {
        self.0.pool.evaluations()
    }

    /// Spends one evaluation and rejects. Being turned away for want of room must not depend on
    /// whether the user exists either, so that answer wins.
    async fn reject(
        &self,
        tenant: &TenantName,
        password: Option<Password>,
        reason: Rejection,
    ) -> Unchecked {
        // The cost does not depend on the password's length: it is hashed once before Argon2 fills
        // its memory.
        let Some(password) = password.or_else(|| Password::new(Secret::new("-")).ok()) else {
            return Unchecked::Rejected(reason);
        };
        let work = Work::Verify {
            hash: StoredHash::Phc(self.0.dummy.clone()),
            password,
            renew: false,
        };
        match self.0.pool.run(tenant.as_str(), work).await {
            Ok(_) => Unchecked::Rejected(reason),
            Err(error) => Unchecked::NotDone(error),
        }
    }
}

/// What came of a password that did not match, or that nobody looked at.
enum Unchecked {
    Rejected(Rejection),
    NotDone(NotDone),
}

/// The attempt stays counted.
async fn rejected(permit: Permit, reason: Rejection) -> AuthenticationError {
    let blocked = permit.failed().await;
    AuthenticationError::Rejected { reason, blocked }
}

/// Whom an attempt without a usable account is counted against.
enum Nobody {
    /// A user who cannot log in.
    User(String),
    /// An identifier in its canonical form, or as it was typed if it has none.
    Identifier(String),
}

/// What is known of a user at login.
struct Account {
    user: User,
    password: Stored<PasswordRecord>,
    stats: LoginStats,
}

impl Account {
    /// The account, or why there is none; a store that fails is neither. An unknown user saves three
    /// reads: microseconds, against the milliseconds that both then spend.
    async fn find(
        records: &Records,
        tenant: &TenantName,
        connection: &str,
        identifier: &str,
    ) -> Result<Result<Self, (Nobody, Rejection)>, store::Error> {
        let tenant = tenant.as_str();
        let identifier = match canonical(identifier) {
            Ok(identifier) => identifier,
            Err(invalid) => {
                let nobody = Nobody::Identifier(identifier.to_owned());
                return Ok(Err((nobody, Rejection::InvalidIdentifier(invalid))));
            }
        };
        let unknown = || {
            let nobody = Nobody::Identifier(identifier.as_str().to_owned());
            Ok(Err((nobody, Rejection::UnknownUser)))
        };
        let key = [tenant, connection, identifier.as_str()];
        let Some(owner) = records.get::<IdentifierRecord>(&key).await? else {
            return unknown();
        };
        let user_id = owner.record.user_id;
        let key = [tenant, user_id.as_str()];
        let Some(user) = records.get::<User>(&key).await? else {
            return unknown();
        };
        let Some(password) = records.get::<PasswordRecord>(&key).await? else {
            return Ok(Err((Nobody::User(user_id), Rejection::NoPassword)));
        };
        if let Err(invalid) = password.record.hash.check() {
            let reason = Rejection::UnusableHash(invalid);
            return Ok(Err((Nobody::User(user_id), reason)));
        }
        let stats = records.get::<LoginStats>(&key).await?;
        Ok(Ok(Self {
            user: user.record,
            password,
            stats: stats.map(|stored| stored.record).unwrap_or_default(),
        }))
    }
}

/// Stores the same password under the current settings. The login does not depend on it: if the
/// password was changed meanwhile the change wins, and any other failure leaves the old hash.
async fn renew(records: &Records, old: &Stored<PasswordRecord>, phc: Phc) {
    let renewed = PasswordRecord {
        hash: StoredHash::Phc(phc),
        set_at: old.record.set_at,
    };
    let batch = Batch::durable().replace(old, &renewed);
    if let Err(error) = records.commit(batch).await
        && !matches!(error, store::Error::Conflict)
    {
        tracing::warn!(%error, "a password could not be rehashed; the old hash stays");
    }
}

/// Why no user was authenticated.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// The client reads the same for each reason; the reason is for the log.
    #[error("rejected: {reason}")]
    Rejected {
        /// Why.
        reason: Rejection,
        /// Whether further attempts of this user are now blocked.
        blocked: bool,
    },
    /// Too many attempts: nobody looked at the password.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The password is right, and an administrator shut the user out.
    #[error("the user is blocked")]
    Blocked,
    /// Too many passwords wait to be checked.
    #[error("too many logins at once")]
    Busy {
        /// When to come back, in seconds.
        retry_after_secs: u64,
    },
    /// The account could not be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Argon2 failed.
    #[error("the password could not be checked: {0}")]
    Failed(String),
}

impl From<GuardError> for AuthenticationError {
    fn from(error: GuardError) -> Self {
        match error {
            GuardError::Stopped(stopped) => Self::Stopped(stopped),
            GuardError::Busy => Self::Busy {
                retry_after_secs: 1,
            },
            GuardError::Store(error) => Self::Store(error),
        }
    }
}

impl From<NotDone> for AuthenticationError {
    fn from(error: NotDone) -> Self {
        match error {
            NotDone::Busy { retry_after_secs } => Self::Busy { retry_after_secs },
            NotDone::Failed(error) => Self::Failed(error.to_string()),
        }
    }
}

/// Why a login was rejected. For the log: a client that could tell these apart would learn who has
/// an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody has this identifier in this connection.
    #[error("unknown user")]
    UnknownUser,
    /// The identifier has no canonical form, so nobody can have it.
    #[error("invalid identifier: {0}")]
    InvalidIdentifier(InvalidIdentifier),
    /// The user never had a password.
    #[error("the user has no password")]
    NoPassword,
    /// The hash does not match.
    #[error("wrong password")]
    WrongPassword,
    /// The password is empty or too long, so it is nobody's.
    #[error("{0}")]
    PasswordRefused(PasswordRefused),
    /// The stored hash is damaged or beyond the caps.
    #[error("the user's hash cannot be used: {0}")]
    UnusableHash(UnusableHash),
}

/// Why a new password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// Too many passwords wait to be hashed.
    #[error("too many passwords are being hashed")]
    Busy {
        /// When to come back, in seconds.
        retry_after_secs: u64,
    },
    /// Argon2 or the random number generator failed.
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

/// Why hashing cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings are out of bounds.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// There is no randomness.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The operating system gave no thread.
    #[error("no thread to hash passwords on: {0}")]
    Thread(#[from] std::io::Error),
}
