//! Clients: the applications that ask for tokens.

mod refresh_settings;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::refresh_settings::{Expiration, RefreshSettings, Rotation};
use crate::clock::Timestamp;
use crate::secret::Digest;
use crate::store::{Record, Table};
use crate::token::{AssertionAlgorithm, PublicKey};

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
    /// A private key, which signs an assertion (RFC 7523). The server has the public half.
    PrivateKeyJwt,
}

impl ClientAuthentication {
    /// Whether it is one of the two secret methods.
    pub const fn is_by_secret(self) -> bool {
        matches!(self, Self::ClientSecretPost | Self::ClientSecretBasic)
    }
}

/// A secret that was replaced, and is good for a while yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// Its digest.
    pub digest: Digest,
    /// From here on it is refused.
    pub expires_at: Timestamp,
}

/// A public key that a client's assertions are verified with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credential {
    /// `cred_` and 24 hexadecimal digits.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// What an assertion's header may name it by; no two of a client share one.
    pub kid: String,
    /// The one algorithm it is used with.
    pub alg: AssertionAlgorithm,
    /// The key.
    pub public: PublicKey,
    /// When it was registered.
    pub created_at: Timestamp,
    /// From here on it is refused.
    pub expires_at: Option<Timestamp>,
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
    /// The secret before that one.
    #[serde(default)]
    pub previous_secret: Option<PreviousSecret>,
    /// Its public keys. A client has these or a secret, never both.
    #[serde(default)]
    pub credentials: Vec<Credential>,
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
    /// The API that it is the resource server of (Auth0's field of that name): it may introspect the
    /// API's access tokens.
    #[serde(default)]
    pub resource_server_identifier: Option<String>,
    /// How its refresh tokens live; none while it chose nothing.
    #[serde(default)]
    pub refresh_token: Option<RefreshSettings>,
    /// How long its ID tokens are valid, in seconds.
    pub id_token_lifetime: u64,
    /// What its tokens must be bound to.
    #[serde(default)]
    pub sender_constraint: SenderConstraint,
    /// Documented fields of the management API without a meaning here, as they were set.
    #[serde(default)]
    pub kept: Map<String, Value>,
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

    /// The most public keys of one client: one that signs, one that will, and room. Each may cost
    /// a verification.
    pub const MAX_CREDENTIALS: usize = 8;

    /// The digests of the secrets that are good at `now`.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Digest> {
        let previous = self.previous_secret.iter();
        let previous = previous.filter(move |secret| secret.expires_at > now);
        let all = self
            .secret
            .iter()
            .chain(previous.map(|secret| &secret.digest));
        all.filter(|_| self.token_endpoint_auth_method.is_by_secret())
    }

    /// The public keys that are good at `now`.
    pub fn credentials(&self, now: Timestamp) -> impl Iterator<Item = &Credential> {
        let by_key = self.token_endpoint_auth_method == ClientAuthentication::PrivateKeyJwt;
        let good = move |credential: &&Credential| {
            by_key && credential.expires_at.is_none_or(|end| end > now)
        };
        self.credentials.iter().filter(good)
    }

    /// How its refresh tokens live.
    pub fn refresh_settings(&self) -> RefreshSettings {
        let default = || RefreshSettings::default_for(self.token_endpoint_auth_method);
        self.refresh_token.unwrap_or_else(default)
    }

    /// Whether a grant is switched on for this client.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|allowed| allowed == grant_type)
    }
}

impl Record for Client {
    const TABLE: Table = Table::Client;
}
