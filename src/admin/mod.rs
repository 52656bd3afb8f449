//! What an administrator can do: the same functions serve the command line and the
//! management API. Everything that comes in is checked here, whoever sends it.

pub mod actions;
pub mod apis;
pub mod client_credentials;
pub mod client_grants;
pub mod clients;
pub mod connections;
pub mod events;
pub mod exchanges;
pub mod jobs;
pub mod keys;
pub mod log_settings;
pub mod log_streams;
pub mod management_api;
pub mod page;
pub mod permissions;
pub mod protection;
pub mod quotas;
pub mod recordings;
pub mod refresh_tokens;
pub mod roles;
pub mod rules;
pub mod stats;
mod sweep;
pub mod tenants;
pub mod users;

use serde_json::{Map, Value};

use crate::checker::CheckError;
use crate::rule::chain::LoadError;
use crate::rule_host::Rejected;
use crate::store;
use crate::tenant::{Status, TenantName};

/// The most records that a listing returns.
pub const LIST_LIMIT: usize = 1_000;

/// Why an administrator's wish was not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is one already.
    #[error("there already is {what} `{name}`")]
    AlreadyExists {
        /// What kind of thing, with its article.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// There is none.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A value that cannot be accepted.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// Why not, and what would be.
        reason: String,
    },
    /// The tenant has as many as it may have.
    #[error(
        "You reached the limit of entities of this type for this tenant: its quota is {most} {what}."
    )]
    OverQuota {
        /// Of what.
        what: &'static str,
        /// How many.
        most: u64,
    },
    /// As many jobs of the tenant are under way as may be.
    #[error("There are {active} active {what} jobs")]
    TooManyJobs {
        /// How many.
        active: usize,
        /// Of which kind.
        what: &'static str,
    },
    /// A file that is sent is larger than may be.
    #[error("the file has more than {most} bytes")]
    FileTooLarge {
        /// How many it may have.
        most: u64,
    },
    /// A password that the connection does not take.
    #[error(transparent)]
    TooWeak(#[from] crate::credential::policy::TooWeak),
    /// What cannot be a rule, with all that is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// It is not known whether it is a rule. [`CheckError::Rejected`] is the variant above.
    #[error(transparent)]
    Unchecked(CheckError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A key could not be made or read.
    #[error(transparent)]
    Key(#[from] crate::token::KeyError),
    /// A value could not be sealed.
    #[error(transparent)]
    Seal(#[from] crate::token::SealError),
    /// A password could not be hashed.
    #[error(transparent)]
    Hashing(#[from] crate::credential::HashingError),
    /// There is nothing to go back to.
    #[error("nothing ran before what runs of the rule `{rule}`: deploy a version instead")]
    NothingBefore {
        /// The rule.
        rule: String,
    },
    /// An action is bound to a trigger, and must not be for this.
    #[error("{0}")]
    Bound(String),
    /// The rules have as much to do as they may.
    #[error("too many exchanges of the tenant are under way")]
    Busy,
    /// A value of the rules' configuration cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The operating system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] crate::random::NoRandomness),
}

impl From<CheckError> for Error {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Rejected(rejected) => Self::Rejected(rejected),
            other => Self::Unchecked(other),
        }
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => Self::Store(error),
            LoadError::Sealed(error) => Self::Seal(error),
            LoadError::NoText => Self::Unreadable(error.to_string()),
        }
    }
}

impl Error {
    fn invalid(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid {
            what,
            reason: reason.into(),
        }
    }

    /// A conflict on an insert means that the name is taken.
    fn taken(what: &'static str, name: &str) -> impl FnOnce(store::Error) -> Self {
        move |error| match error {
            store::Error::Conflict => Self::AlreadyExists {
                what,
                name: name.to_owned(),
            },
            other => Self::Store(other),
        }
    }

    fn missing(what: &'static str, name: &str) -> impl FnOnce() -> Self {
        move || Self::NotFound {
            what,
            name: name.to_owned(),
        }
    }
}

/// A name for people, or an identifier that must stay readable in logs and listings.
fn check_text(what: &'static str, text: &str, most: usize) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::invalid(what, "it is empty"));
    }
    if text.len() > most {
        return Err(Error::invalid(
            what,
            format!("it has {} bytes and may have at most {most}", text.len()),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(what, "it has control characters in it"));
    }
    Ok(())
}

/// Takes over documented fields that have no meaning here; null takes one away.
fn keep(kept: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (name, value) in changes {
        match value {
            Value::Null => drop(kept.remove(&name)),
            value => drop(kept.insert(name, value)),
        }
    }
}

/// The tenant must be there before anything of it is written.
async fn require_tenant(server: &crate::server::Server, name: &TenantName) -> Result<(), Error> {
    let tenant = server.tenant(name).await?;
    let served = tenant.filter(|tenant| tenant.status != Status::Deleting);
    served
        .map(drop)
        .ok_or_else(Error::missing("tenant", name.as_str()))
}
