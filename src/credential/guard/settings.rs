//! How a tenant stops guessing: the settings of Auth0's attack protection (contract, section 5.1),
//! with the defaults that were recorded there.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::budget::Rule;
use crate::store::{Record, Table};

/// The most addresses and networks of one allowlist (contract, section 5.2).
pub const MAX_ALLOWLIST: usize = 100;

/// A tenant's attack protection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Protection {
    /// Wrong passwords in a row.
    pub brute_force_protection: BruteForce,
    /// Many failures from one address, whoever they are about.
    pub suspicious_ip_throttling: SuspiciousIp,
    /// Many logins of one user from one address in a short time.
    pub same_user_rate: SameUser,
    /// Wrong client secrets.
    pub client_secret_throttling: Throttle,
}

impl Record for Protection {
    const TABLE: Table = Table::Protection;
}

/// What is done when a limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Shield {
    /// Refuse. Without it nothing is counted.
    Block,
    /// Tell the user.
    UserNotification,
    /// Tell the administrator, by the log.
    AdminNotification,
}

/// What a count of wrong passwords is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Mode {
    /// Each user at each address. An attacker locks himself out, not the user elsewhere.
    CountPerIdentifierAndIp,
    /// Each user: account lockout. Many addresses do not help an attacker, and any of them can
    /// lock the user out.
    CountPerIdentifier,
}

/// Settings against wrong passwords in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BruteForce {
    /// Whether it is on.
    pub enabled: bool,
    /// What it does.
    pub shields: Vec<Shield>,
    /// What is counted together.
    pub mode: Mode,
    /// Addresses that are not counted.
    pub allowlist: Vec<IpNet>,
    /// Failures in a row, 1 to 100. NIST SP 800-63B-4, section 3.2.2 allows no more.
    pub max_attempts: u32,
}

impl Default for BruteForce {
    fn default() -> Self {
        Self {
            enabled: true,
            shields: vec![Shield::Block, Shield::UserNotification],
            mode: Mode::CountPerIdentifierAndIp,
            allowlist: Vec::new(),
            max_attempts: 10,
        }
    }
}

/// Settings against many failures from one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SuspiciousIp {
    /// Whether it is on.
    pub enabled: bool,
    /// What it does.
    pub shields: Vec<Shield>,
    /// Addresses that are not counted.
    pub allowlist: Vec<IpNet>,
    /// How much, for each kind of attempt.
    pub stage: Stages,
}

impl Default for SuspiciousIp {
    fn default() -> Self {
        Self {
            enabled: true,
            shields: vec![Shield::AdminNotification, Shield::Block],
            allowlist: Vec::new(),
            stage: Stages::default(),
        }
    }
}

/// The kinds of attempts that are counted by address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Stages {
    /// Wrong passwords.
    pub pre_login: Rate,
    /// Sign-ups, and requests for a new password.
    pub pre_user_registration: Rate,
}

impl Default for Stages {
    fn default() -> Self {
        Self {
            pre_login: Rate {
                max_attempts: 100,
                rate: 864_000,
            },
            pre_user_registration: Rate {
                max_attempts: 50,
                rate: 1_200,
            },
        }
    }
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Attempts at once.
    pub max_attempts: u32,
    /// Milliseconds until one is regained.
    pub rate: u64,
}

/// Settings against many logins of one user from one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SameUser {
    /// Whether it is on.
    pub enabled: bool,
    /// 20 at once, then 10 a minute.
    pub max_attempts: u32,
    /// Milliseconds until one is regained.
    pub rate: u64,
    /// Whether right logins count too, as Auth0 has it. Off: a machine that logs in often is then
    /// no attacker (decision 0007).
    pub count_successes: bool,
}

impl Default for SameUser {
    fn default() -> Self {
        Self {
            enabled: true,
            max_attempts: 20,
            rate: 6_000,
            count_successes: false,
        }
    }
}

/// A bucket that can be switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Throttle {
    /// Whether it is on.
    pub enabled: bool,
    /// Attempts at once.
    pub max_attempts: u32,
    /// Milliseconds until one is regained.
    pub rate: u64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            enabled: true,
            max_attempts: 50,
            rate: 10_000,
        }
    }
}

impl BruteForce {
    /// The rule, unless the address is not counted.
    pub(super) fn rule(&self, address: IpAddr) -> Option<Rule> {
        let on = self.enabled && blocks(&self.shields) && !allowed(&self.allowlist, address);
        on.then_some(Rule::InARow {
            limit: self.max_attempts,
        })
    }
}

impl SuspiciousIp {
    /// The rule of a stage, unless the address is not counted. What is right is given back.
    pub(super) fn rule(&self, stage: Rate, address: IpAddr, successes_count: bool) -> Option<Rule> {
        let on = self.enabled && blocks(&self.shields) && !allowed(&self.allowlist, address);
        on.then_some(Rule::Bucket {
            capacity: stage.max_attempts,
            regain_ms: stage.rate,
            successes_count,
        })
    }
}

impl SameUser {
    pub(super) fn rule(&self) -> Option<Rule> {
        self.enabled.then_some(Rule::Bucket {
            capacity: self.max_attempts,
            regain_ms: self.rate,
            successes_count: self.count_successes,
        })
    }
}

impl Throttle {
    pub(super) fn rule(&self) -> Option<Rule> {
        self.enabled.then_some(Rule::Bucket {
            capacity: self.max_attempts,
            regain_ms: self.rate,
            successes_count: true,
        })
    }
}

impl Protection {
    /// Refuses what cannot be meant.
    pub fn check(&self) -> Result<(), InvalidProtection> {
        use InvalidProtection as Invalid;
        if !(1..=100).contains(&self.brute_force_protection.max_attempts) {
            return Err(Invalid::MaxAttempts);
        }
        let stage = &self.suspicious_ip_throttling.stage;
        let (same, secret) = (&self.same_user_rate, &self.client_secret_throttling);
        let buckets = [
            (stage.pre_login.max_attempts, stage.pre_login.rate),
            (
                stage.pre_user_registration.max_attempts,
                stage.pre_user_registration.rate,
            ),
            (same.max_attempts, same.rate),
            (secret.max_attempts, secret.rate),
        ];
        let fits = |(attempts, rate): &(u32, u64)| {
            (1..=100_000).contains(attempts) && (1..=86_400_000).contains(rate)
        };
        if !buckets.iter().all(fits) {
            return Err(Invalid::Bucket);
        }
        let lists = [
            &self.brute_force_protection.allowlist,
            &self.suspicious_ip_throttling.allowlist,
        ];
        if lists.iter().any(|list| list.len() > MAX_ALLOWLIST) {
            return Err(Invalid::Allowlist);
        }
        Ok(())
    }
}

/// Settings that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProtection {
    /// Out of 1 to 100.
    #[error("wrong passwords in a row: use 1 to 100")]
    MaxAttempts,
    /// An empty bucket, or one that does not fill.
    #[error("a rate has 1 to 100000 attempts and regains one in 1 to 86400000 milliseconds")]
    Bucket,
    /// Over [`MAX_ALLOWLIST`].
    #[error("an allowlist may have at most {MAX_ALLOWLIST} addresses and networks")]
    Allowlist,
}

fn blocks(shields: &[Shield]) -> bool {
    shields.contains(&Shield::Block)
}

fn allowed(list: &[IpNet], address: IpAddr) -> bool {
    list.iter().any(|network| network.contains(&address))
}
