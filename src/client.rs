//! Clients: the applications that ask for tokens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::secret::Digest;
use crate::store::{Record, Table};

/// How a client proves who it is (RFC 7591, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// A public client: it has no secret to prove anything with.
    None,
    /// A secret. A client registered for one of the two secret methods may use the other:
    /// RFC 6749, section 2.3.1 wants Basic supported for every client that has a secret.
    ClientSecretPost,
    /// A secret, likewise.
    ClientSecretBasic,
}

/// What the tokens of a client must be bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SenderConstraint {
    /// To a DPoP key if the client proves one, else to nothing.
    #[default]
    Optional,
    /// To a DPoP key (`dpop_bound_access_tokens` of RFC 9449, section 5.2; Auth0's
    /// `require_proof_of_possession`).
    Dpop,
    /// To the client's TLS certificate (`tls_client_certificate_bound_access_tokens` of RFC 8705,
    /// section 3.4).
    Certificate,
}

/// An application that asks for tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Client {
    /// The `client_id`.
    pub client_id: String,
    /// A name for people.
    pub name: String,
    /// How it authenticates.
    pub token_endpoint_auth_method: ClientAuthentication,
    /// The digest of its secret. Secrets are 256 random bits, so a fast hash keeps them safe.
    pub secret: Option<Digest>,
    /// The grants that it may use, by their wire names. Empty until switched on.
    pub grant_types: Vec<String>,
    /// Whether the tenant itself runs it. Third-party clients never get the password grant.
    pub is_first_party: bool,
    /// Name and value pairs for rules.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Whether it is believed where its users are (`auth0-forwarded-for`).
    #[serde(default)]
    pub is_token_endpoint_ip_header_trusted: bool,
    /// How long its ID tokens are valid, in seconds.
    pub id_token_lifetime: u64,
    /// What its tokens must be bound to.
    #[serde(default)]
    pub sender_constraint: SenderConstraint,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Client {
    /// Auth0's recorded default for `jwt_configuration.lifetime_in_seconds`.
    pub const DEFAULT_ID_TOKEN_LIFETIME: u64 = 36_000;

    /// Whether it has nothing to prove itself with.
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == ClientAuthentication::None
    }

    /// Whether a grant is switched on for this client.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|allowed| allowed == grant_type)
    }
}

impl Record for Client {
    const TABLE: Table = Table::Client;
}
