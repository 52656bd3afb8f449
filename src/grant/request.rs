//! A token request after parsing: everything a grant needs, and nothing of HTTP.

use crate::rule_host::Grant;
use crate::secret::Secret;
use crate::tenant::Tenant;

/// A request to the token endpoint.
pub struct TokenRequest {
    /// The tenant whose host name was asked.
    pub tenant: Tenant,
    /// Who claims to ask.
    pub client: ClientCredentials,
    /// What the grant itself needs.
    pub grant: GrantRequest,
    /// The API asked for.
    pub audience: Option<String>,
    /// The scopes asked for; none if the request did not say.
    pub scope: Option<Vec<String>>,
    /// Where the request came from.
    pub origin: Origin,
    /// The body's parameters without any credential, for rules.
    pub parameters: Vec<(String, String)>,
}

/// What a client showed of itself.
pub struct ClientCredentials {
    /// Its `client_id`.
    pub client_id: String,
    /// Its secret, if it sent one.
    pub secret: Option<Secret>,
}

/// The grants there are. One file each, named by its wire value.
pub enum GrantRequest {
    /// `grant_type=password`.
    Password(PasswordCredentials),
    /// `grant_type=http://auth0.com/oauth/grant-type/password-realm`, and its realm.
    PasswordRealm(PasswordCredentials, String),
}

impl GrantRequest {
    /// The wire name of [`GrantRequest::Password`].
    pub const PASSWORD: &'static str = "password";
    /// The wire name of [`GrantRequest::PasswordRealm`].
    pub const PASSWORD_REALM: &'static str = "http://auth0.com/oauth/grant-type/password-realm";
    /// Every grant type that works.
    pub const ALL: [&'static str; 2] = [Self::PASSWORD, Self::PASSWORD_REALM];

    /// The grant as rules name it.
    pub const fn kind(&self) -> Grant {
        match self {
            Self::Password(_) => Grant::Password,
            Self::PasswordRealm(..) => Grant::PasswordRealm,
        }
    }

    /// The wire name.
    pub const fn grant_type(&self) -> &'static str {
        match self {
            Self::Password(_) => Self::PASSWORD,
            Self::PasswordRealm(..) => Self::PASSWORD_REALM,
        }
    }
}

/// What the user typed.
pub struct PasswordCredentials {
    /// An e-mail address or a user name.
    pub username: String,
    /// Moved into the check and dropped there.
    pub password: Secret,
    /// Some SDKs send a realm with the plain grant too; it is honoured (contract, section 1.3).
    pub realm: Option<String>,
}

/// Where a request came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The peer's address.
    pub ip: String,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The host name that was asked.
    pub hostname: String,
}
