//! Why a token request was refused: one variant for each case of the error catalogue.
//!
//! The text of a variant is for the log. What the client may know is decided in one place,
//! `http/error.rs`.

use crate::credential::Rejection;
use crate::credential::guard::{GuardError, Stopped};
use crate::quota::OverRate;
use crate::random::NoRandomness;
use crate::rule::chain::LoadError;
use crate::rule_host::Denial;
use crate::store;
use crate::tenant::Denials;
use crate::token::{KeyError, LookupError, MintError};

/// Why a token request was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A required parameter is absent or empty.
    #[error("the parameter `{0}` is missing")]
    MissingParameter(&'static str),
    /// The request breaks a rule of the protocol; the text quotes nothing that was sent.
    #[error("{0}")]
    InvalidRequest(String),
    /// The scope is neither a string nor an array of strings.
    #[error("the scope is neither a string nor an array of strings")]
    ScopeOfWrongType,
    /// A scope has a character that RFC 6749, section 3.3 does not allow.
    #[error("a scope has a character that is not allowed")]
    MalformedScope,
    /// There is no such grant.
    #[error("there is no such grant type")]
    UnsupportedGrantType,
    /// Nothing in the request says which client asks.
    #[error("the request names no client")]
    MissingClientId,
    /// The client is unknown or did not prove who it is.
    #[error("client authentication failed: {0}")]
    ClientAuthentication(&'static str),
    /// The endpoint answers only to clients that prove who they are.
    #[error("a public client asked what a token is worth")]
    PublicClient,
    /// The client may not use this grant.
    #[error(
        "the grant type `{grant_type}` is not switched on for the client, or the client is a third party's"
    )]
    GrantNotAllowed {
        /// The grant's wire name.
        grant_type: &'static str,
    },
    /// The DPoP proof proves nothing.
    #[error("invalid DPoP proof: {0}")]
    InvalidDpopProof(&'static str),
    /// The DPoP proof needs this nonce.
    #[error("the DPoP proof has no nonce of this server, or an old one")]
    DpopNonceNeeded(String),
    /// The tenant has no such API.
    #[error("there is no API `{0}`")]
    UnknownAudience(String),
    /// The tenant granted the client nothing of the API, or its policy lets nobody have any.
    #[error(
        "the client has no client grant for `{0}`, or the API's policy denies it; see `claimsmith client-grant` and `claimsmith api set`"
    )]
    NoClientGrant(String),
    /// The client asks for more than it was granted.
    #[error("the client grant has not the scopes {}", .0.join(" "))]
    ScopesNotGranted(Vec<String>),
    /// The plain password grant needs a default directory.
    #[error(
        "the tenant has no default directory; set one with `claimsmith tenant set NAME --default-directory CONNECTION`"
    )]
    NoDefaultConnection,
    /// No connection answers to the realm.
    #[error("no connection answers to the realm `{0}`")]
    UnknownConnection(String),
    /// The client may not use the connection.
    #[error("the connection `{0}` is not enabled for the client")]
    ConnectionDisabled(String),
    /// No such user, or not this password: the client never learns which.
    #[error("{0}")]
    WrongCredentials(Rejection),
    /// Too many wrong client secrets from one address.
    #[error("client authentication failed once more: {0}")]
    TooManyWrongSecrets(Stopped),
    /// Too many attempts; nobody looked at the password of this one.
    #[error(transparent)]
    Stopped(Stopped),
    /// An administrator shut the user out.
    #[error("the user is blocked")]
    UserBlocked,
    /// The refresh token is none, or not for this client, or not any more. The reason is for the log.
    #[error("the refresh token is not valid: {0}")]
    RefreshToken(&'static str),
    /// The refresh token was spent before: somebody has a copy.
    #[error("the refresh token was used before; all tokens of its family were revoked")]
    RefreshTokenReused,
    /// The refresh token is of a user who was deleted.
    #[error("the refresh token is of a user who was deleted")]
    RefreshTokenUserGone,
    /// An exchange asked for a scope that the login did not grant.
    #[error("a scope was asked for that the login did not grant")]
    ScopeExceeded,
    /// An exchange named an API that the login was not for.
    #[error("the refresh token is for another API, or for none")]
    OtherAudience,
    /// A rule ended the login.
    #[error("a rule denied the login: {} ({})", .0.description, .0.error)]
    Denied(Denial, Denials),
    /// A rule failed and its binding does not let the login go on.
    #[error("a rule failed; the log entry of this exchange says which and why")]
    RuleFaulted(Denials),
    /// The same, where the client asks for itself.
    #[error("a rule failed; the log entry of this exchange says which and why")]
    MachineRuleFaulted,
    /// A rule demands a second factor.
    #[error("a rule demands a second factor")]
    MfaRequired,
    /// The tenant used up what it may use in a second.
    #[error(transparent)]
    OverRate(#[from] OverRate),
    /// Too many passwords are waiting to be checked.
    #[error("too many passwords are waiting to be checked")]
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

impl Error {
    /// In one word, for metrics and traces.
    pub fn word(&self) -> &'static str {
        match self {
            Self::MissingParameter(_)
            | Self::InvalidRequest(_)
            | Self::ScopeOfWrongType
            | Self::MalformedScope
            | Self::UnsupportedGrantType
            | Self::MissingClientId
            | Self::UnknownAudience(_)
            | Self::UnknownConnection(_) => "invalid_request",
            Self::ClientAuthentication(_)
            | Self::PublicClient
            | Self::InvalidDpopProof(_)
            | Self::DpopNonceNeeded(_) => "client_refused",
            Self::GrantNotAllowed { .. }
            | Self::NoClientGrant(_)
            | Self::ScopesNotGranted(_)
            | Self::NoDefaultConnection
            | Self::ConnectionDisabled(_)
            | Self::ScopeExceeded
            | Self::OtherAudience => "not_granted",
            Self::WrongCredentials(_) => "wrong_credentials",
            Self::TooManyWrongSecrets(_) | Self::Stopped(_) => "stopped",
            Self::UserBlocked => "user_blocked",
            Self::RefreshToken(_) | Self::RefreshTokenUserGone => "refresh_token_refused",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::Denied(..) => "denied",
            Self::RuleFaulted(_) | Self::MachineRuleFaulted => "rule_fault",
            Self::MfaRequired => "mfa_required",
            Self::OverRate(_) => "over_quota",
            Self::Busy { .. } => "busy",
            Self::Store(_) | Self::Internal(_) => "failed",
        }
    }
}

impl From<MintError> for Error {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Store(error) | MintError::Key(KeyError::Store(error)) => Self::Store(error),
            MintError::Refresh(error) => error.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<LookupError> for Error {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Store(error) | LookupError::Key(KeyError::Store(error)) => {
                Self::Store(error)
            }
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<NoRandomness> for Error {
    fn from(error: NoRandomness) -> Self {
        Self::Internal(error.to_string())
    }
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

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => Self::Store(error),
            other => Self::Internal(other.to_string()),
        }
    }
}
