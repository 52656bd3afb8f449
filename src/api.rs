//! APIs: the resource servers that access tokens are for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::identity;
use crate::store::{Record, Table};
use crate::token::{Sealed, SigningAlgorithm};

/// Which claims and header an access token has (contract, section 1.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum TokenDialect {
    /// Auth0's own: `typ: JWT`, `azp`, `gty`.
    #[default]
    AccessToken,
    /// The same with `permissions`: all that the user holds on the API.
    AccessTokenAuthz,
    /// RFC 9068: `typ: at+jwt`, `client_id`, `jti`.
    Rfc9068Profile,
    /// The same with `permissions`.
    Rfc9068ProfileAuthz,
}

impl TokenDialect {
    /// Whether header and claims are those of RFC 9068.
    pub const fn is_rfc9068(self) -> bool {
        matches!(self, Self::Rfc9068Profile | Self::Rfc9068ProfileAuthz)
    }

    /// Whether there is a claim `permissions`.
    pub const fn has_permissions(self) -> bool {
        matches!(self, Self::AccessTokenAuthz | Self::Rfc9068ProfileAuthz)
    }
}

/// One scope that an API defines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiScope {
    /// The scope itself.
    pub value: String,
    /// What it allows, for people.
    pub description: String,
}

/// Who may have tokens for an API, besides those that the grant itself shuts out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubjectTypeAuthorization {
    /// For tokens about a client.
    pub client: Authorization<ClientPolicy>,
    /// For tokens about a user.
    pub user: Authorization<UserPolicy>,
}

/// The policy for one kind of subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization<P> {
    /// The policy.
    pub policy: P,
}

/// Which clients may have a token about themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum ClientPolicy {
    /// Those with a client grant, with its scopes.
    #[default]
    RequireClientGrant,
    /// None.
    DenyAll,
}

/// Through which clients a user may have a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum UserPolicy {
    /// All.
    #[default]
    AllowAll,
    /// Those with a client grant for users, with scopes that are asked for and in it.
    RequireClientGrant,
    /// None.
    DenyAll,
}

/// A resource server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Api {
    /// 24 hexadecimal digits; empty in records of a time before there were any, see [`Api::id`].
    #[serde(default)]
    pub id: String,
    /// The `audience`; never changes.
    pub identifier: String,
    /// A name for people.
    pub name: String,
    /// The scopes it defines, in the tenant's order.
    pub scopes: Vec<ApiScope>,
    /// What its access tokens are signed with.
    pub signing_alg: SigningAlgorithm,
    /// The shared key of an HS256 API.
    pub signing_secret: Option<Sealed>,
    /// Which claims and header its access tokens have.
    #[serde(default)]
    pub token_dialect: TokenDialect,
    /// How long its access tokens are valid, in seconds.
    pub token_lifetime: u64,
    /// Who may have tokens for it.
    #[serde(default)]
    pub subject_type_authorization: SubjectTypeAuthorization,
    /// Whether a user gets only those of its scopes that are permissions of the user.
    #[serde(default)]
    pub enforce_policies: bool,
    /// Whether it is the server's own: it can be granted, and not changed.
    #[serde(default)]
    pub is_system: bool,
    /// Whether clients may get refresh tokens for it.
    #[serde(default)]
    pub allow_offline_access: bool,
    /// Documented fields of the management API without a meaning here, as they were set.
    #[serde(default)]
    pub kept: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Api {
    /// Its identity in the management API.
    pub fn id(&self) -> String {
        match self.id.as_str() {
            "" => identity::derived("api", &self.identifier),
            id => id.to_owned(),
        }
    }

    /// Auth0's recorded default.
    pub const DEFAULT_TOKEN_LIFETIME: u64 = 86_400;
    /// Auth0's documented maximum.
    pub const MAX_TOKEN_LIFETIME: u64 = 2_592_000;

    /// Whether the API defines this scope.
    pub fn defines(&self, scope: &str) -> bool {
        self.scopes.iter().any(|defined| defined.value == scope)
    }
}

impl Record for Api {
    const TABLE: Table = Table::Api;
}
