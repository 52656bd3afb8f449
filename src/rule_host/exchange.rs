//! What a rule may know of an exchange: the host's side of `wit/`, and the form of the files that
//! `rule run` and the rules' cases read. It holds no password and no hash, and cannot.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;

/// How the client asks for the token, in the words of the interface.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// `grant_type=password`.
    #[default]
    Password,
    /// The same with a realm.
    PasswordRealm,
    /// `grant_type=refresh_token`.
    RefreshToken,
    /// `grant_type=client_credentials`.
    ClientCredentials,
    /// The second step of a password grant, by one-time password.
    MfaOtp,
    /// Likewise, out of band.
    MfaOob,
    /// Likewise, by recovery code.
    MfaRecoveryCode,
}

/// Everything a rule may know. Defaults make short fixtures possible.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exchange {
    /// Unique to this run of the token endpoint.
    pub id: String,
    /// The tenant's name.
    pub tenant: String,
    /// How the client asks.
    pub grant: Grant,
    /// The time of the exchange, in milliseconds since the Unix epoch.
    pub now: Timestamp,
    /// Who asks.
    pub client: Client,
    /// The resource owner; none for client credentials.
    pub user: Option<User>,
    /// What the access token is for; none when it is good for /userinfo only.
    pub api: Option<Api>,
    /// What is known of the HTTP request.
    pub request: Request,
    /// How the user was authenticated (RFC 8176).
    pub authentication_methods: Vec<String>,
    /// What would be signed if no rule changed anything.
    pub draft: Draft,
    /// Values that earlier rules left for later ones.
    pub shared: Vec<(String, Value)>,
}

/// The application that asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Client {
    /// The `client_id`.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Name and value pairs, in order of name.
    pub metadata: Vec<(String, String)>,
}

/// The resource owner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct User {
    /// The `sub`.
    pub id: String,
    /// The user name, if the connection has them.
    pub username: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the address was shown to be the user's.
    pub email_verified: bool,
    /// The name of the connection.
    pub connection: String,
    /// The profile claims that are known.
    pub profile: Map<String, Value>,
    /// What the user may have written.
    pub user_metadata: Map<String, Value>,
    /// What only the tenant writes.
    pub app_metadata: Map<String, Value>,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Permissions on the API of this exchange.
    pub permissions: Vec<String>,
    /// How often the user logged in, this login included.
    pub logins_count: u64,
    /// When the user was made.
    pub created_at: Timestamp,
    /// The login before this one.
    pub last_login: Option<Timestamp>,
    /// When the password was last reset.
    pub last_password_reset: Option<Timestamp>,
}

/// The API that the access token is for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// The `audience`.
    pub identifier: String,
    /// Every scope that it defines.
    pub scopes: Vec<String>,
}

/// What is known of the HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    /// The end user's address.
    pub ip: String,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
    /// The host name that was asked.
    pub hostname: String,
    /// Body parameters, every credential taken out.
    pub parameters: Vec<(String, String)>,
}

/// What would be signed if no further rule changed anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Draft {
    /// Granted scopes, in order.
    pub scopes: Vec<String>,
    /// Claims of the access token, without `iat`, `exp` and `jti`.
    pub access_claims: Map<String, Value>,
    /// Claims of the ID token; empty when none will be issued.
    pub id_claims: Map<String, Value>,
}
