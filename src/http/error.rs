//! The only place that knows which status and text a refused request gets.

mod account;
pub(super) mod management;

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub(super) use self::account::account;
use super::body::BodyError;
use super::host::NoTenant;
use super::possession::DPOP_NONCE;
use super::wire::Violation;
use crate::credential::guard::Stopped;
use crate::grant::Error;
use crate::rule_host::Denial;
use crate::store;
use crate::tenant::{Denials, ErrorProfile};
use crate::token::KeyError;

/// What a client may know of an error: RFC 6749, section 5.2 as far as the tenant's profile
/// follows it, Auth0's catalogue (contract, section 1.10) where it does not.
pub(super) struct Refusal {
    status: StatusCode,
    code: Cow<'static, str>,
    description: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal with a fixed text.
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            description: description.into(),
            headers: Vec::new(),
        }
    }

    /// Malformed, in a way that quotes nothing of what was sent.
    pub(super) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// No tenant answers to the host name.
    pub(super) fn unknown_tenant() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "invalid_request",
            "No tenant answers to this host name.",
        )
    }

    /// The operator suspended the tenant.
    pub(super) fn suspended(profile: ErrorProfile) -> Self {
        let (status, code) = match profile {
            // RFC 6749, section 5.2 has no other code for it.
            ErrorProfile::Rfc6749 => (StatusCode::BAD_REQUEST, "unauthorized_client"),
            ErrorProfile::Catalogue | ErrorProfile::Auth0 => {
                (StatusCode::FORBIDDEN, "access_denied")
            }
        };
        Self::new(status, code, "This tenant is suspended.")
    }

    /// The store does not answer.
    pub(super) fn unavailable(retry_after_secs: u64) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "The service is temporarily unavailable. Please retry after some time.",
        )
        .with(header::RETRY_AFTER, &retry_after_secs.to_string())
    }

    /// Something that must not happen: the cause is for the operator alone.
    pub(super) fn unexpected(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "An unexpected error happened. It was logged.",
        )
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.code, "error_description": self.description }));
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.extend(self.headers);
        no_store(headers);
        // RFC 9110, section 15.5.2: a 401 names a scheme, RFC 6749, section 5.2: the one that the
        // client used. Some HTTP stacks raise an error of their own where it is missing.
        if self.status == StatusCode::UNAUTHORIZED {
            headers
                .entry(header::WWW_AUTHENTICATE)
                .or_insert(HeaderValue::from_static(BASIC_CHALLENGE));
        }
        response
    }
}

/// RFC 6749, section 5.1: on every answer that holds a token, and here on every refusal too.
pub(super) fn no_store(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}

const BASIC_CHALLENGE: &str = r#"Basic realm="token endpoint", charset="UTF-8""#;

/// No tenant that is served answers to the host name.
impl From<NoTenant> for Refusal {
    fn from(reason: NoTenant) -> Self {
        match reason {
            NoTenant::Unknown => Self::unknown_tenant(),
            NoTenant::Suspended(profile) => Self::suspended(profile),
            NoTenant::Store(error) => error.into(),
        }
    }
}

/// A store that failed: the cause is for the operator alone.
impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Conflict => Self::unavailable(1),
            // Asking again would not help.
            store::Error::TooLarge { .. } | store::Error::Corrupt { .. } => {
                Self::unexpected(&error)
            }
            store::Error::Full(_) | store::Error::Unavailable(_) | store::Error::Open(_) => {
                tracing::error!(%error, "the store failed");
                Self::unavailable(30)
            }
        }
    }
}

/// A key that cannot be used.
impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            other => Self::unexpected(&other),
        }
    }
}

/// The answer to a refused token request.
pub(super) fn refuse(error: Error, profile: ErrorProfile) -> Refusal {
    let rfc = profile == ErrorProfile::Rfc6749;
    // Where the catalogue answers 403 or 401, RFC 6749 answers 400.
    let or_bad_request = |status| if rfc { StatusCode::BAD_REQUEST } else { status };
    let forbidden = or_bad_request(StatusCode::FORBIDDEN);

    let refusal = match error {
        Error::MissingParameter(name) => {
            Refusal::invalid_request(format!("Missing required parameter: {name}"))
        }
        Error::InvalidRequest(description) => Refusal::invalid_request(description),
        Error::ScopeOfWrongType => Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_scope",
            "Scope must be an array or a string",
        ),
        Error::MalformedScope => Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_scope",
            "Scope contains a character that is not allowed",
        ),
        Error::UnsupportedGrantType => Refusal::new(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "Grant type not supported",
        ),
        Error::MissingClientId => Refusal::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "Missing client_id",
        ),
        Error::ClientAuthentication(_) | Error::PublicClient => unauthenticated(profile),
        Error::GrantNotAllowed { grant_type } => Refusal::new(
            forbidden,
            "unauthorized_client",
            format!("Grant type '{grant_type}' not allowed for the client."),
        ),
        Error::InvalidDpopProof(_) => invalid_dpop_proof(StatusCode::BAD_REQUEST),
        Error::DpopNonceNeeded(nonce) => dpop_nonce_needed(StatusCode::BAD_REQUEST, &nonce),
        Error::UnknownAudience(audience) => Refusal::new(
            forbidden,
            // RFC 8707, section 2 names the code that RFC 6749 lacks.
            if rfc {
                "invalid_target"
            } else {
                "access_denied"
            },
            format!("Service not enabled within domain: {}", reflect(&audience)),
        ),
        Error::NoClientGrant(audience) => Refusal::new(
            forbidden,
            if rfc {
                "invalid_target"
            } else {
                "access_denied"
            },
            format!(
                "Client is not authorized to access \"{}\". You need to create a \"client-grant\" associated to this API.",
                reflect(&audience)
            ),
        ),
        Error::ScopesNotGranted(scopes) => Refusal::new(
            forbidden,
            if rfc {
                "invalid_scope"
            } else {
                "access_denied"
            },
            format!(
                "Client has not been granted scopes: {}",
                reflect(&scopes.join(", "))
            ),
        ),
        Error::NoDefaultConnection => Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Authorization server not configured with default connection.",
        ),
        Error::UnknownConnection(_) => Refusal::invalid_request("the connection was not found"),
        Error::ConnectionDisabled(_) => Refusal::invalid_request("the connection was disabled"),
        Error::WrongCredentials(_) => wrong_credentials(forbidden),
        Error::Stopped(stopped) => self::stopped(stopped, rfc),
        Error::TooManyWrongSecrets(stopped) => retry_after(too_many_requests(), stopped),
        Error::UserBlocked => Refusal::new(
            forbidden,
            if rfc { "invalid_grant" } else { "unauthorized" },
            "user is blocked",
        ),
        Error::RefreshToken(_) | Error::RefreshTokenReused => Refusal::new(
            forbidden,
            "invalid_grant",
            "Unknown or invalid refresh token.",
        ),
        Error::RefreshTokenUserGone => Refusal::new(
            forbidden,
            "invalid_grant",
            "The refresh_token was generated for a user who doesn't exist anymore.",
        ),
        Error::ScopeExceeded => Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_scope",
            "The requested scope exceeds the scope of the refresh token.",
        ),
        Error::OtherAudience => Refusal::new(
            forbidden,
            if rfc {
                "invalid_target"
            } else {
                "access_denied"
            },
            "The refresh token was issued for another audience.",
        ),
        Error::Denied(denial, denials) => denied(denial, denials, forbidden, rfc),
        Error::RuleFaulted(Denials::Conceal) => wrong_credentials(forbidden),
        Error::RuleFaulted(Denials::Reveal) => Refusal::new(
            forbidden,
            if rfc {
                "invalid_grant"
            } else {
                "access_denied"
            },
            "The login could not be completed. Please contact the administrator.",
        ),
        // Contract, section 2.1: what becomes of an error that is none of the hook's classes.
        Error::MachineRuleFaulted => Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Unknown error occurred.",
        ),
        Error::MfaRequired => Refusal::new(
            StatusCode::FORBIDDEN,
            "mfa_required",
            "Multifactor authentication required",
        ),
        Error::OverRate(over) => {
            too_many_requests().with(header::RETRY_AFTER, &over.retry_after_secs.to_string())
        }
        Error::Busy { retry_after_secs } => Refusal::unavailable(retry_after_secs),
        Error::Store(error) => error.into(),
        Error::Internal(detail) => Refusal::unexpected(&detail),
    };
    Refusal {
        description: if rfc {
            Cow::Owned(restrict(&refusal.description))
        } else {
            refusal.description
        },
        ..refusal
    }
}

/// RFC 9449, section 5: without the reason, as for every forgery.
pub(super) fn invalid_dpop_proof(status: StatusCode) -> Refusal {
    Refusal::new(status, "invalid_dpop_proof", "The DPoP proof is invalid")
}

/// RFC 9449, section 8: the client tries again with the nonce.
pub(super) fn dpop_nonce_needed(status: StatusCode, nonce: &str) -> Refusal {
    let text = "The DPoP proof must hold the nonce of the DPoP-Nonce header";
    Refusal::new(status, "use_dpop_nonce", text).with(DPOP_NONCE, nonce)
}

fn wrong_credentials(status: StatusCode) -> Refusal {
    Refusal::new(status, "invalid_grant", "Wrong email or password.")
}

/// The texts are the catalogue's; the first says the same to who has no account.
fn stopped(stopped: Stopped, rfc: bool) -> Refusal {
    let (code, description) = match stopped {
        Stopped::Blocked => (
            "too_many_attempts",
            "Your account has been blocked after multiple consecutive login attempts. We've sent you a notification via your preferred contact method with instructions on how to unblock it.",
        ),
        Stopped::SuspiciousAddress { .. } => (
            "too_many_attempts",
            "We have detected suspicious login behavior and further attempts will be blocked. Please contact the administrator.",
        ),
        Stopped::SameUser { .. } => (
            "too_many_logins",
            "Too many logins of one user from one address. Please retry after some time.",
        ),
    };
    let code = if rfc { "invalid_grant" } else { code };
    retry_after(
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, code, description),
        stopped,
    )
}

fn too_many_requests() -> Refusal {
    Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "Rate limit exceeded. Please retry after some time.",
    )
}

/// A block has no end that waiting would bring about.
fn retry_after(refusal: Refusal, stopped: Stopped) -> Refusal {
    match stopped {
        Stopped::Blocked => refusal,
        Stopped::SuspiciousAddress { retry_after_secs }
        | Stopped::SameUser { retry_after_secs } => {
            refusal.with(header::RETRY_AFTER, &retry_after_secs.to_string())
        }
    }
}

/// The one case where the default profile follows the RFC rather than the field.
fn unauthenticated(profile: ErrorProfile) -> Refusal {
    let (code, description) = match profile {
        ErrorProfile::Auth0 => ("access_denied", "Unauthorized"),
        ErrorProfile::Catalogue | ErrorProfile::Rfc6749 => {
            ("invalid_client", "Client authentication failed")
        }
    };
    Refusal::new(StatusCode::UNAUTHORIZED, code, description)
}

/// Decision 0002.
fn denied(denial: Denial, denials: Denials, forbidden: StatusCode, rfc: bool) -> Refusal {
    if denials == Denials::Conceal {
        return wrong_credentials(forbidden);
    }
    let status = match denial.error.as_str() {
        "unauthorized" if !rfc => StatusCode::UNAUTHORIZED,
        "invalid_request" | "invalid_scope" => StatusCode::BAD_REQUEST,
        "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => forbidden,
    };
    let code = match denial.error.as_str() {
        "unauthorized" | "access_denied" | "interaction_required" if rfc => {
            Cow::Borrowed("invalid_grant")
        }
        _ => Cow::Owned(denial.error),
    };
    Refusal {
        status,
        code,
        description: denial.description.into(),
        headers: Vec::new(),
    }
}

/// What a request sent, as far as it may stand in a description: printable ASCII without `"` and
/// `\` (RFC 6749, section 5.2), and not too much of it.
fn reflect(text: &str) -> String {
    restrict(text).chars().take(200).collect()
}

fn restrict(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

/// A body that could not be read.
impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let (status, text) = match error {
            // The words with which the wire refuses a declared length, so that it makes no difference
            // how a client sends its body.
            BodyError::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                Violation::BodyTooLarge.to_string(),
            ),
            BodyError::TimedOut => (StatusCode::REQUEST_TIMEOUT, error.to_string()),
            BodyError::Broken => (StatusCode::BAD_REQUEST, error.to_string()),
        };
        Self::new(status, "invalid_request", text).with(header::CONNECTION, "close")
    }
}
