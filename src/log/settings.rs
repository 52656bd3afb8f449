//! For how long a tenant's log is kept, and what of it is not written at all.

use serde::{Deserialize, Serialize};

use super::RETENTION_DAYS;
use crate::clock::Timestamp;
use crate::store::{Record, Table};

/// What a tenant chose for its log; usual for who chose nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSettings {
    /// For how many days events and recordings are kept.
    pub days: u32,
    /// What is not written.
    pub redact: Vec<Personal>,
    /// Until then there may be some that were written to be kept for longer.
    #[serde(default)]
    pub sweep_until: Option<Timestamp>,
}

impl Record for LogSettings {
    const TABLE: Table = Table::LogSettings;
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            days: RETENTION_DAYS,
            redact: Vec::new(),
            sweep_until: None,
        }
    }
}

impl LogSettings {
    /// When what is written now is gone.
    pub fn expiry(&self, date: Timestamp) -> Timestamp {
        date.plus_secs(u64::from(self.days) * 86_400)
    }
}

/// What may be told of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Personal {
    /// Where the user and the client are.
    Ip,
    /// What the client says it is.
    UserAgent,
    /// E-mail address, user name, phone number and the other names.
    UserName,
    /// What rules set claims and metadata to, and the metadata that they saw.
    ClaimValues,
    /// What rules wrote: their log, and the texts of their denials and failures.
    RuleTexts,
}

impl Personal {
    /// All of them, on the wire.
    pub const WORDS: &[&str] = &[
        "ip",
        "user_agent",
        "user_name",
        "claim_values",
        "rule_texts",
    ];

    /// Where it stands in a recorded exchange.
    pub fn pointers(self) -> &'static [&'static str] {
        match self {
            Self::Ip => &["/request/ip"],
            Self::UserAgent => &["/request/user_agent"],
            Self::UserName => &["/user/email", "/user/username", "/user/profile"],
            Self::ClaimValues => &["/user/user_metadata", "/user/app_metadata"],
            // A recording has them in its output, which goes when anything is marked.
            Self::RuleTexts => &[],
        }
    }
}
