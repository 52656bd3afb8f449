//! Stops guessing (contract, section 5): what is counted, by what, and what that means.
//!
//! Users that nobody has are counted and blocked like those that somebody has, so a block says
//! nothing about an account. All identifiers of one user are one budget: an attacker who alternates
//! between a user's name and address gains nothing.

mod budget;
mod in_memory;
mod ledger;
mod settings;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

pub use self::budget::{BLOCK_SECS, Budget, COUNT_SECS, Exhausted, Rule};
use self::in_memory::InMemory;
pub use self::ledger::Permit;
use self::ledger::{Ledger, Name, Refused, Wanted};
pub use self::settings::{
    BruteForce, InvalidProtection, MAX_ALLOWLIST, Mode, Protection, Rate, SameUser, Shield, Stages,
    SuspiciousIp, Throttle,
};
use crate::clock::Timestamp;
use crate::secret::{Digest, Secret};
use crate::store::{self, Records, Stored};
use crate::tenant::TenantName;

/// Counts attempts. Cheap to clone.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    records: Records,
    ledger: Ledger,
    in_memory: InMemory,
}

/// Whom an attempt is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A user, by `user_id`: whichever identifier was used.
    User(&'a str),
    /// An identifier that is nobody's.
    Nobody(&'a str),
}

impl Subject<'_> {
    /// Of one length whatever the identifier's, and the identifier is not stored in clear: people
    /// type passwords into the wrong field.
    fn digest(self) -> String {
        let text = match self {
            Self::User(user_id) => format!("user {user_id}"),
            Self::Nobody(identifier) => format!("nobody {identifier}"),
        };
        Digest::of(&Secret::new(text)).as_str().to_owned()
    }
}

/// Why an attempt was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Too many wrong passwords in a row.
    #[error("blocked after too many wrong passwords in a row")]
    Blocked,
    /// Too many failures from this address.
    #[error("too many failures from this address")]
    SuspiciousAddress {
        /// When to come back, in seconds.
        retry_after_secs: u64,
    },
    /// Too many logins of this user from this address.
    #[error("too many logins of one user from one address in a short time")]
    SameUser {
        /// When to come back, in seconds.
        retry_after_secs: u64,
    },
}

/// Why an attempt may not be made.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// A limit was reached.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Too many attempts wait for others.
    #[error("too many attempts at once")]
    Busy,
    /// The attempt could not be written down, so it is not made.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What is counted under which name; part of the stored keys.
const PASSWORD: &str = "password";
const SAME_USER: &str = "same-user";
const LOGIN: &str = "pre-login";
const REGISTRATION: &str = "pre-user-registration";
const RESET: &str = "reset";
const BLOCK_MAIL: &str = "block-mail";

/// The place of the address where all addresses are counted together.
const ANYWHERE: &str = "*";

/// E-mails that strangers can cause, for each identifier and kind: nobody's mailbox is filled.
const MAIL_RULE: Rule = Rule::Bucket {
    capacity: 5,
    regain_ms: 600_000,
    successes_count: true,
};

impl Guard {
    /// Starts counting, on the current runtime.
    pub fn start(records: Records) -> Self {
        Self(Arc::new(Inner {
            ledger: Ledger::start(records.clone()),
            records,
            in_memory: InMemory::default(),
        }))
    }

    /// A tenant's settings.
    pub async fn settings(&self, tenant: &TenantName) -> Result<Protection, store::Error> {
        let stored: Option<Stored<Protection>> = self.0.records.get(&[tenant.as_str()]).await?;
        Ok(stored.map(|stored| stored.record).unwrap_or_default())
    }

    /// Takes one attempt to log in, before anybody looks at the password. `brute_force` is the
    /// connection's own switch.
    pub async fn login(
        &self,
        tenant: &TenantName,
        connection: &str,
        brute_force: bool,
        subject: Subject<'_>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Permit, GuardError> {
        let settings = self.settings(tenant).await?;
        let (subject, place) = (subject.digest(), place(address));
        let user = |what: &str, place: &str| {
            let parts = [tenant.as_str(), what, connection, &subject, place];
            Name(parts.map(str::to_owned).to_vec())
        };
        let by_user = &settings.brute_force_protection;
        let counted_at = match by_user.mode {
            Mode::CountPerIdentifierAndIp => place.as_str(),
            Mode::CountPerIdentifier => ANYWHERE,
        };
        let by_address = &settings.suspicious_ip_throttling;
        let pre_login = by_address.stage.pre_login;
        let budgets = [
            (
                Kind::Blocked,
                user(PASSWORD, counted_at),
                by_user.rule(address).filter(|_| brute_force),
            ),
            (
                Kind::Address,
                at_address(tenant, LOGIN, &place),
                by_address.rule(pre_login, address, false),
            ),
            (
                Kind::SameUser,
                user(SAME_USER, &place),
                settings.same_user_rate.rule(),
            ),
        ];
        self.reserve(budgets, now).await
    }

    /// Takes one attempt to sign up, or to ask for a new password, from an address. There is
    /// nothing to give back: the wrong and the right cost the same.
    pub async fn registration(
        &self,
        tenant: &TenantName,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), GuardError> {
        let settings = self.settings(tenant).await?.suspicious_ip_throttling;
        let rule = settings.rule(settings.stage.pre_user_registration, address, true);
        let name = at_address(tenant, REGISTRATION, &place(address));
        let permit = self.reserve([(Kind::Address, name, rule)], now).await?;
        permit.succeeded();
        Ok(())
    }

    /// Takes one e-mail with a link to a new password.
    pub async fn reset_mail(
        &self,
        tenant: &TenantName,
        connection: &str,
        subject: Subject<'_>,
        now: Timestamp,
    ) -> Result<(), GuardError> {
        self.mail(RESET, tenant, connection, subject, now).await
    }

    /// Takes one e-mail that says that somebody is blocked: at each of many addresses anew.
    pub async fn block_mail(
        &self,
        tenant: &TenantName,
        connection: &str,
        subject: Subject<'_>,
        now: Timestamp,
    ) -> Result<(), GuardError> {
        self.mail(BLOCK_MAIL, tenant, connection, subject, now)
            .await
    }

    async fn mail(
        &self,
        kind: &str,
        tenant: &TenantName,
        connection: &str,
        subject: Subject<'_>,
        now: Timestamp,
    ) -> Result<(), GuardError> {
        let parts = [tenant.as_str(), kind, connection, &subject.digest()];
        let name = Name(parts.map(str::to_owned).to_vec());
        let budget = (Kind::SameUser, name, Some(MAIL_RULE));
        self.reserve([budget], now).await?.succeeded();
        Ok(())
    }

    /// Counts a wrong client secret (RFC 6749, section 2.3.1); the error says when this address may
    /// be wrong again.
    ///
    /// Secrets are 256 random bits, so no number of guesses finds one, and what must be stopped is
    /// the noise. So the count is in memory, and a right secret is always accepted: whoever shares
    /// a client's address cannot shut the client out.
    pub async fn wrong_secret(
        &self,
        tenant: &TenantName,
        client_id: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), GuardError> {
        let settings = self.settings(tenant).await?;
        let Some(rule) = settings.client_secret_throttling.rule() else {
            return Ok(());
        };
        let name = format!(
            "secret {tenant} {} {}",
            Subject::Nobody(client_id).digest(),
            place(address)
        );
        let counted = self.0.in_memory.take(name, rule, now);
        Ok(counted.map_err(|exhausted| Kind::Address.stopped(exhausted))?)
    }

    /// Whether one more stopped attempt is worth an event in the tenant's log. It costs the attacker
    /// nothing to be stopped, so he must not fill the disk with it.
    pub fn is_worth_logging(
        &self,
        tenant: &TenantName,
        stopped: Stopped,
        address: IpAddr,
        now: Timestamp,
    ) -> bool {
        let rule = Rule::Bucket {
            capacity: 10,
            regain_ms: 60_000,
            successes_count: true,
        };
        let kind = std::mem::discriminant(&stopped);
        let name = format!("log {tenant} {kind:?} {}", place(address));
        self.0.in_memory.take(name, rule, now).is_ok()
    }

    /// Forgives a user, or an identifier that is nobody's, at one address or everywhere. Says how
    /// many blocks and counts that were.
    pub async fn forgive(
        &self,
        tenant: &TenantName,
        connection: &str,
        subject: Subject<'_>,
        address: Option<IpAddr>,
    ) -> Result<usize, store::Error> {
        let mut forgiven = 0;
        for what in [PASSWORD, SAME_USER] {
            let mut parts: Vec<String> = [tenant.as_str(), what, connection, &subject.digest()]
                .map(str::to_owned)
                .to_vec();
            parts.extend(address.map(place));
            let counts = self.0.ledger.forgive(Name(parts)).await?;
            if what == PASSWORD {
                forgiven = counts;
            }
        }
        Ok(forgiven)
    }

    /// Forgives what was counted against an address.
    pub async fn forgive_address(
        &self,
        tenant: &TenantName,
        address: IpAddr,
    ) -> Result<(), store::Error> {
        for what in [LOGIN, REGISTRATION] {
            let name = at_address(tenant, what, &place(address));
            self.0.ledger.forgive(name).await?;
        }
        Ok(())
    }

    /// The addresses at which somebody is blocked now; `*` if everywhere.
    pub async fn blocked_at(
        &self,
        tenant: &TenantName,
        connection: &str,
        subject: Subject<'_>,
        now: Timestamp,
    ) -> Result<Vec<String>, store::Error> {
        const MOST: usize = 1_000;
        let rule = Rule::InARow {
            limit: self
                .settings(tenant)
                .await?
                .brute_force_protection
                .max_attempts,
        };
        let parts = [tenant.as_str(), PASSWORD, connection, &subject.digest()];
        let stored: Vec<Stored<Budget>> = self.0.records.list(&parts, MOST).await?;
        let blocked = stored
            .into_iter()
            .filter(|stored| stored.record.check(rule, now).is_err())
            .filter_map(|stored| stored.key.part(parts.len()));
        Ok(blocked.collect())
    }

    async fn reserve<const N: usize>(
        &self,
        budgets: [(Kind, Name, Option<Rule>); N],
        now: Timestamp,
    ) -> Result<Permit, GuardError> {
        let (mut kinds, mut wanted) = (Vec::new(), Vec::new());
        for (kind, name, rule) in budgets {
            if let Some(rule) = rule {
                kinds.push(kind);
                wanted.push(Wanted { name, rule });
            }
        }
        match self.0.ledger.reserve(wanted, now).await {
            Ok(permit) => Ok(permit),
            Err(Refused::Busy) => Err(GuardError::Busy),
            Err(Refused::Store(error)) => Err(error.into()),
            Err(Refused::Exhausted(index, exhausted)) => {
                let kind = kinds.get(index).copied().unwrap_or(Kind::Blocked);
                Err(kind.stopped(exhausted).into())
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Blocked,
    Address,
    SameUser,
}

impl Kind {
    fn stopped(self, exhausted: Exhausted) -> Stopped {
        let retry_after_secs = exhausted.retry_after_secs.unwrap_or(1);
        match self {
            Self::Blocked => Stopped::Blocked,
            Self::Address => Stopped::SuspiciousAddress { retry_after_secs },
            Self::SameUser => Stopped::SameUser { retry_after_secs },
        }
    }
}

fn at_address(tenant: &TenantName, what: &str, place: &str) -> Name {
    Name([tenant.as_str(), what, place].map(str::to_owned).to_vec())
}

/// An address as it is counted. One subscriber has a whole /64 of IPv6, and would otherwise be as
/// many strangers as he likes.
fn place(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            format!("{}/64", Ipv6Addr::from(network))
        }
    }
}
