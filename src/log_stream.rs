//! Log streams: where a tenant's events are delivered to as they are written.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::log::EventType;
use crate::store::{Record, Table};
use crate::token::Sealed;

/// One destination.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogStream {
    /// Its identity: `lst_` and 24 hexadecimal digits.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether it is delivered to.
    pub status: Status,
    /// Where to, and in which form.
    pub sink: Sink,
    /// The categories of events that are delivered; all if there are none.
    #[serde(default)]
    pub filters: Vec<Category>,
    /// What deliveries are signed with: bound to this tenant and identity.
    pub secret: Sealed,
    /// Documented fields without a meaning here.
    #[serde(default)]
    pub kept: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Record for LogStream {
    const TABLE: Table = Table::LogStream;
}

/// Whether a stream is delivered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is.
    Active,
    /// An administrator said not to.
    Paused,
    /// The receiver failed for too long.
    Suspended,
}

/// A receiver that is spoken to by HTTP.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sink {
    /// An `https` URL.
    pub endpoint: String,
    /// How events are put into a body.
    pub format: Format,
    /// The body's media type.
    pub content_type: String,
    /// The `Authorization` header, if there is one; bound likewise.
    #[serde(default)]
    pub authorization: Option<Sealed>,
    /// Further headers.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// How events are put into a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// One document on each line.
    #[default]
    #[serde(rename = "JSONLINES")]
    Lines,
    /// An array of documents.
    #[serde(rename = "JSONARRAY")]
    Array,
    /// One document, and one delivery for each.
    #[serde(rename = "JSONOBJECT")]
    Object,
}

/// How far a stream has been delivered, and how that goes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// The number of the first event that is not known to have arrived.
    pub number: u64,
    /// Failed attempts since the last that went well.
    #[serde(default)]
    pub failures: u32,
    /// The first of them.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
    /// Not before then is it tried again.
    #[serde(default)]
    pub next_attempt: Timestamp,
    /// How the last one failed.
    #[serde(default)]
    pub last_error: Option<String>,
}

impl Record for Cursor {
    const TABLE: Table = Table::LogStreamCursor;
}

/// Auth0's categories of event types, those of which there are events here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Category {
    /// A password was wrong, or nobody's.
    #[serde(rename = "auth.login.fail")]
    LoginFailed,
    /// A login was stopped, or a second factor demanded.
    #[serde(rename = "auth.login.notification")]
    LoginNoted,
    /// Somebody signed up.
    #[serde(rename = "auth.signup.success")]
    SignedUp,
    /// Somebody could not.
    #[serde(rename = "auth.signup.fail")]
    SignUpFailed,
    /// A token was issued.
    #[serde(rename = "auth.token_exchange.success")]
    Exchanged,
    /// None was.
    #[serde(rename = "auth.token_exchange.fail")]
    ExchangeFailed,
    /// The management API changed something.
    #[serde(rename = "management.success")]
    Managed,
    /// Something happened to a user.
    #[serde(rename = "user.success")]
    UserChanged,
    /// Something did not.
    #[serde(rename = "user.fail")]
    UserNotChanged,
    /// A block was lifted.
    #[serde(rename = "user.notification")]
    UserNoted,
    /// The server has something to say.
    #[serde(rename = "system.notification")]
    System,
    /// An action failed.
    #[serde(rename = "actions")]
    Actions,
    /// Everything else.
    #[serde(rename = "other")]
    Other,
}

impl Category {
    /// All of them, on the wire.
    pub const WORDS: &[&str] = &[
        "auth.login.fail",
        "auth.login.notification",
        "auth.signup.success",
        "auth.signup.fail",
        "auth.token_exchange.success",
        "auth.token_exchange.fail",
        "management.success",
        "user.success",
        "user.fail",
        "user.notification",
        "system.notification",
        "actions",
        "other",
    ];

    /// That of a type.
    pub fn of(event_type: EventType) -> Self {
        match event_type {
            EventType::WrongPassword | EventType::UnknownUser => Self::LoginFailed,
            EventType::Blocked
            | EventType::AddressStopped
            | EventType::TooManyLogins
            | EventType::FactorRequired => Self::LoginNoted,
            EventType::SignedUp => Self::SignedUp,
            EventType::SignUpRefused => Self::SignUpFailed,
            EventType::TokenIssued | EventType::Refreshed | EventType::MachineTokenIssued => {
                Self::Exchanged
            }
            EventType::TokenRefused
            | EventType::RefreshRefused
            | EventType::RefreshTokenReused
            | EventType::MachineTokenRefused => Self::ExchangeFailed,
            EventType::Managed => Self::Managed,
            EventType::ChangeRequested
            | EventType::PasswordChanged
            | EventType::EmailChanged
            | EventType::UserDeleted
            | EventType::UsersImported => Self::UserChanged,
            EventType::ChangeRequestRefused
            | EventType::PasswordChangeRefused
            | EventType::UsersNotImported => Self::UserNotChanged,
            EventType::BlockLifted => Self::UserNoted,
            EventType::Warning | EventType::RateExceeded => Self::System,
            EventType::ActionFailed => Self::Actions,
            EventType::RefreshTokenRevoked => Self::Other,
        }
    }
}
