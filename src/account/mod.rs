//! What users do for themselves, without a token: sign up, choose a new password (contract,
//! section 6.5), and lift a block.

mod change_password;
mod signup;
mod unblock;

use std::net::IpAddr;

use serde_json::{Map, Value};

pub use self::change_password::{Ticket, request, reset};
pub use self::signup::{SignUp, sign_up};
pub use self::unblock::{tell_blocked, unblock};
use crate::client::Client;
use crate::connection::Connection;
use crate::credential::guard::{GuardError, Stopped};
use crate::credential::policy::TooWeak;
use crate::credential::{HashingError, PasswordRefused};
use crate::log::{EventType, LogEvent};
use crate::random::NoRandomness;
use crate::server::Server;
use crate::store::{self, Stored};
use crate::tenant::Tenant;

/// Who asks, and where the user is.
pub struct Asker<'a> {
    /// The tenant whose host name was asked.
    pub tenant: &'a Tenant,
    /// The application; it only says which connections may be used.
    pub client_id: &'a str,
    /// The connection.
    pub connection: &'a str,
    /// Where the request came from.
    pub address: IpAddr,
}

/// Why a wish was refused. The text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter is absent.
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    /// A parameter is not what it must be; the text quotes nothing that was sent.
    #[error("{0}")]
    Invalid(String),
    /// There is no such client.
    #[error("there is no such client")]
    UnknownClient,
    /// There is no such connection, or not for this client.
    #[error("the connection is not there, or not for the client")]
    UnknownConnection,
    /// The connection does not let people sign up.
    #[error("sign-up is switched off")]
    SignUpDisabled,
    /// Somebody has the identifier, or it can be nobody's: the client never learns which.
    #[error("invalid sign-up: {0}")]
    InvalidSignUp(&'static str),
    /// The password does not fit the policy.
    #[error(transparent)]
    TooWeak(#[from] TooWeak),
    /// The password cannot be hashed at all.
    #[error(transparent)]
    PasswordRefused(#[from] PasswordRefused),
    /// The link is no good, or not any more.
    #[error("the ticket is unknown, was used or has expired")]
    InvalidTicket,
    /// Too many attempts from one address.
    #[error(transparent)]
    Stopped(Stopped),
    /// Too many passwords are waiting to be hashed.
    #[error("too many passwords are waiting to be hashed")]
    Busy {
        /// When to come back.
        retry_after_secs: u64,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Something that must not happen.
    #[error("{0}")]
    Internal(String),
}

impl From<GuardError> for Error {
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

impl From<HashingError> for Error {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Busy { retry_after_secs } => Self::Busy { retry_after_secs },
            failed @ HashingError::Failed(_) => Self::Internal(failed.to_string()),
        }
    }
}

impl From<NoRandomness> for Error {
    fn from(error: NoRandomness) -> Self {
        Self::Internal(error.to_string())
    }
}

/// The connection, if it is there and the client may use it.
async fn connection(server: &Server, asker: &Asker<'_>) -> Result<Connection, Error> {
    let tenant = asker.tenant.name.as_str();
    let client: Option<Stored<Client>> = server.records.get(&[tenant, asker.client_id]).await?;
    let client = client.ok_or(Error::UnknownClient)?.record;
    let found: Option<Stored<Connection>> = server.records.get(&[tenant, asker.connection]).await?;
    found
        .map(|stored| stored.record)
        .filter(|connection| connection.is_enabled_for(&client.client_id))
        .ok_or(Error::UnknownConnection)
}

fn event(server: &Server, event_type: EventType, asker: &Asker<'_>) -> LogEvent {
    LogEvent {
        client_id: asker.client_id.to_owned(),
        connection: Some(asker.connection.to_owned()),
        ip: asker.address.to_string(),
        ..LogEvent::new(event_type, server.clock.now())
    }
}

/// Metadata that strangers send: at most 10 texts of at most 500 characters, under names of at most
/// 100 (contract, section 6.5).
fn check_metadata(metadata: &Map<String, Value>) -> Result<(), Error> {
    let fits = |(name, value): (&String, &Value)| {
        let text = value.as_str();
        name.chars().count() <= 100 && text.is_some_and(|text| text.chars().count() <= 500)
    };
    if metadata.len() > 10 || !metadata.iter().all(fits) {
        let text = "user_metadata has at most 10 texts of at most 500 characters";
        return Err(Error::Invalid(text.to_owned()));
    }
    Ok(())
}
