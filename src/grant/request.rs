//! A token request after parsing: everything a grant needs, and nothing of HTTP.

use std::net::IpAddr;

use crate::client::{Client, ClientAuthentication};
use crate::rule_host::Grant;
use crate::secret::Secret;
use crate::tenant::Tenant;
use crate::token::{ClientAssertion, Possession};

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
    /// What it shows of the keys that its sender holds.
    pub possession: Possession,
    /// Where the request came from.
    pub origin: Origin,
    /// The body's parameters without any credential, for rules.
    pub parameters: Vec<(String, String)>,
}

/// What a client showed of itself.
pub struct ClientCredentials {
    /// Its `client_id`.
    pub client_id: String,
    /// How it shows that it is that client.
    pub proof: ClientProof,
}

/// What a client shows to be who it says.
pub enum ClientProof {
    /// Nothing: a public client's way.
    Nothing,
    /// Its secret, in the body or in a Basic header.
    Secret(Secret),
    /// A signature of its key (`private_key_jwt`).
    Assertion(ClientAssertion),
}

/// The grants there are. One file each, named by its wire value.
pub enum GrantRequest {
    /// `grant_type=password`.
    Password(PasswordCredentials),
    /// `grant_type=http://auth0.com/oauth/grant-type/password-realm`, and its realm.
    PasswordRealm(PasswordCredentials, String),
    /// `grant_type=client_credentials`: the client's own authentication is all it takes.
    ClientCredentials,
    /// `grant_type=refresh_token`, and the token.
    RefreshToken(Secret),
}

impl GrantRequest {
    /// The wire name of [`GrantRequest::Password`].
    pub const PASSWORD: &'static str = "password";
    /// The wire name of [`GrantRequest::PasswordRealm`].
    pub const PASSWORD_REALM: &'static str = "http://auth0.com/oauth/grant-type/password-realm";
    /// The wire name of [`GrantRequest::ClientCredentials`].
    pub const CLIENT_CREDENTIALS: &'static str = "client_credentials";
    /// The wire name of [`GrantRequest::RefreshToken`].
    pub const REFRESH_TOKEN: &'static str = "refresh_token";
    /// Every grant type that works.
    pub const ALL: [&'static str; 4] = [
        Self::PASSWORD,
        Self::PASSWORD_REALM,
        Self::CLIENT_CREDENTIALS,
        Self::REFRESH_TOKEN,
    ];

    /// Whether a client of this kind may have a grant at all, whatever is switched on; the error
    /// says why not.
    pub fn check_kind(grant_type: &str, client: &Client) -> Result<(), &'static str> {
        match grant_type {
            Self::PASSWORD | Self::PASSWORD_REALM if !client.is_first_party => {
                Err("a third party's client never gets a grant that hands it the user's password")
            }
            // RFC 6749, section 4.4: confidential clients only, the others prove nothing.
            Self::CLIENT_CREDENTIALS if client.is_public() => {
                Err("a public client never gets a token about itself: it cannot prove who it is")
            }
            _ => Ok(()),
        }
    }

    /// The grant as rules name it.
    pub const fn kind(&self) -> Grant {
        match self {
            Self::Password(_) => Grant::Password,
            Self::PasswordRealm(..) => Grant::PasswordRealm,
            Self::ClientCredentials => Grant::ClientCredentials,
            Self::RefreshToken(_) => Grant::RefreshToken,
        }
    }

    /// The wire name.
    pub const fn grant_type(&self) -> &'static str {
        match self {
            Self::Password(_) => Self::PASSWORD,
            Self::PasswordRealm(..) => Self::PASSWORD_REALM,
            Self::ClientCredentials => Self::CLIENT_CREDENTIALS,
            Self::RefreshToken(_) => Self::REFRESH_TOKEN,
        }
    }
}

/// What a client asks about a token that was issued before: that it end, or what it is worth.
pub struct AboutToken {
    /// Whose token it would be.
    pub tenant: Tenant,
    /// Who asks.
    pub client: ClientCredentials,
    /// A refresh token or an access token, live or not, or anything else. Which one it is shows; what
    /// the client says of it in `token_type_hint` is not needed (RFC 7009, section 2.1).
    pub token: Secret,
    /// Where the request came from.
    pub origin: Origin,
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
    /// The address that the request came from, or that a trusted client says its user is at.
    pub ip: IpAddr,
    /// Where the client itself is, if `ip` is its user's.
    pub client_ip: Option<IpAddr>,
    /// The header `auth0-forwarded-for`, until somebody may be believed.
    pub asserted_ip: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The host name that was asked.
    pub hostname: String,
}

impl Origin {
    /// Takes the client's word for where its user is, if the client is one that is trusted to say
    /// so and that proved by its secret who it is (contract, section 5.4). Anybody else could give
    /// each guess an address of its own.
    pub(super) fn believe(&mut self, client: &Client) {
        let proved = matches!(
            client.token_endpoint_auth_method,
            ClientAuthentication::ClientSecretPost | ClientAuthentication::ClientSecretBasic
        );
        if let Some(asserted) = self.asserted_ip.take()
            && client.is_token_endpoint_ip_header_trusted
            && proved
        {
            self.client_ip = Some(std::mem::replace(&mut self.ip, asserted));
        }
    }
}
