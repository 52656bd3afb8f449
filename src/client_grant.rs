//! Client grants: which scopes of which API a client may have (contract, section 7.4).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::Api;
use crate::clock::Timestamp;
use crate::store::{Record, Table};

/// Whom a token is about that a client grant allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    /// The client itself: `client_credentials`.
    #[default]
    Client,
    /// A user of the client.
    User,
}

impl SubjectType {
    /// Its word on the wire, and in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::User => "user",
        }
    }
}

/// What a client may have of an API.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientGrant {
    /// `cgr_` and 24 hexadecimal digits.
    pub id: String,
    /// The client.
    pub client_id: String,
    /// The API.
    pub audience: String,
    /// The scopes it may have.
    pub scope: Vec<String>,
    /// Whether it may have every scope of the API instead, also those that come later.
    #[serde(default)]
    pub allow_all_scopes: bool,
    /// Whom the token is about.
    pub subject_type: SubjectType,
    /// Documented fields of the management API without a meaning here, as they were set.
    #[serde(default)]
    pub kept: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ClientGrant {
    /// Where the grant of a client for an API is stored: there is one at most.
    pub const fn parts<'a>(
        tenant: &'a str,
        client_id: &'a str,
        subject_type: SubjectType,
        audience: &'a str,
    ) -> [&'a str; 4] {
        [tenant, client_id, subject_type.as_str(), audience]
    }

    /// The granted scopes, as far as the API still defines them.
    pub fn scopes_of(&self, api: &Api) -> Vec<String> {
        api.scopes
            .iter()
            .map(|scope| &scope.value)
            .filter(|scope| self.allow_all_scopes || self.scope.contains(scope))
            .cloned()
            .collect()
    }
}

impl Record for ClientGrant {
    const TABLE: Table = Table::ClientGrant;
}
