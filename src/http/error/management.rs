//! What the management API answers when it refuses: the body, codes and texts of contract,
//! section 7.1.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::no_store;
use crate::admin;
use crate::checker::CheckError;
use crate::credential::policy::TooWeak;
use crate::http::authorization::AuthorizationError;
use crate::http::body::BodyError;
use crate::http::host::NoTenant;
use crate::rule_host::{Rejected, UploadFault};
use crate::store;
use crate::token::KeyError;
use crate::token::access::AccessError;
use crate::token::dpop::DpopError;

/// A refused management request.
#[derive(Debug)]
pub(in crate::http) struct Refused {
    status: StatusCode,
    message: Cow<'static, str>,
    code: Option<&'static str>,
    /// What is wrong with an upload.
    faults: Vec<UploadFault>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Refused {
    fn new(
        status: StatusCode,
        code: impl Into<Option<&'static str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            message: message.into(),
            code: code.into(),
            faults: Vec::new(),
            headers: Vec::new(),
        }
    }

    fn with(mut self, name: header::HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// A body that is not what the endpoint takes.
    pub(in crate::http) fn invalid_body(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_body", message)
    }

    /// An upload that is no rule, with all that is wrong.
    fn rejected(rejected: &Rejected) -> Self {
        Self {
            faults: rejected.faults().to_vec(),
            ..Self::invalid_body(format!("Payload validation error: '{rejected}'."))
        }
    }

    /// A query that is not what the endpoint takes.
    pub(in crate::http) fn invalid_query(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_query_string", message)
    }

    /// A path that is no text.
    pub(in crate::http) fn invalid_path() -> Self {
        let message = "Path validation error: 'it is not UTF-8 once decoded'.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_uri", message)
    }

    /// What this server does not do, though the contract has it.
    pub(in crate::http) fn not_supported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "operation_not_supported", message)
    }

    /// There is no such thing, in the contract's words for it.
    pub(in crate::http) fn missing(what: &str) -> Self {
        let known = MISSING.iter().find(|(name, ..)| *name == what);
        match known {
            Some((_, message, code)) => Self::new(StatusCode::NOT_FOUND, *code, *message),
            None => Self::new(
                StatusCode::NOT_FOUND,
                None,
                format!("The {what} does not exist."),
            ),
        }
    }

    /// There is one already.
    pub(in crate::http) fn conflict(
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// No endpoint is there.
    pub(in crate::http) fn no_endpoint() -> Self {
        Self::new(StatusCode::NOT_FOUND, None, "Not Found")
    }

    /// The endpoint does not answer to the method.
    pub(in crate::http) fn no_method() -> Self {
        let message = "The endpoint does not answer to this method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, None, message)
    }

    /// No tenant answers to the host name.
    fn unknown_tenant() -> Self {
        let message = "No tenant answers to this host name.";
        Self::new(StatusCode::NOT_FOUND, None, message)
    }

    /// The operator suspended the tenant.
    fn suspended() -> Self {
        let message = "This tenant is suspended.";
        Self::new(StatusCode::FORBIDDEN, "tenant_suspended", message)
    }

    /// A body of another media type.
    pub(in crate::http) fn media_type(expected: &'static str) -> Self {
        let message = format!("The body must be {expected}.");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_body", message)
    }

    /// The search was not through in the time it has (contract, section 7.6).
    pub(in crate::http) fn search_too_slow() -> Self {
        let message = "The query took too long; ask for less at once.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "query_timeout", message)
            .with(header::RETRY_AFTER, "1")
    }

    /// As many follow the log as may at a time.
    pub(in crate::http) fn too_many_streams() -> Self {
        let message = "The log is followed by as many as may at a time; end one first.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message)
            .with(header::RETRY_AFTER, "10")
    }

    /// No token, or none that could be read.
    pub(in crate::http) fn no_token() -> Self {
        let message = "Missing authentication";
        Self::new(StatusCode::UNAUTHORIZED, None, message).with(header::WWW_AUTHENTICATE, "Bearer")
    }

    /// The token does not grant what the endpoint needs.
    pub(in crate::http) fn insufficient_scope(needed: &[&str]) -> Self {
        let message = format!("Insufficient scope, expected any of: {}", needed.join(","));
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", message).with(
            header::WWW_AUTHENTICATE,
            &format!(
                r#"Bearer error="insufficient_scope", scope="{}""#,
                needed.join(" ")
            ),
        )
    }

    /// Something that must not happen: the cause is for the operator alone.
    pub(in crate::http) fn unexpected(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a management request failed");
        let message = "An internal server error occurred";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, None, message)
    }

    /// In the words that Auth0's SDKs know (contract, section 6.5).
    fn too_weak(weak: &TooWeak) -> Self {
        let message = match weak {
            TooWeak::Strength(_) => "PasswordStrengthError: Password is too weak",
            TooWeak::Dictionary => "PasswordDictionaryError: Password is too common",
            TooWeak::PersonalInfo => "PasswordNoUserInfoError: Password contains user information",
            TooWeak::History => "PasswordHistoryError: Password has previously been used",
        };
        Self::new(StatusCode::BAD_REQUEST, "invalid_body", message)
    }

    fn unavailable(retry_after_secs: u64) -> Self {
        let message = "The service is temporarily unavailable. Please retry after some time.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            message,
        )
        .with(header::RETRY_AFTER, &retry_after_secs.to_string())
    }
}

/// What is missing, and what the contract says then. Some have no code, and full stops vary.
const MISSING: [(&str, &str, Option<&str>); 17] = [
    ("job", "The job does not exist.", Some("inexistent_job")),
    (
        "file of the job",
        "The job has no file, or not yet.",
        Some("inexistent_file"),
    ),
    (
        "client",
        "The client does not exist",
        Some("inexistent_client"),
    ),
    ("user", "The user does not exist.", Some("inexistent_user")),
    (
        "connection",
        "The connection does not exist",
        Some("inexistent_connection"),
    ),
    (
        "API",
        "The resource server does not exist",
        Some("inexistent_resource_server"),
    ),
    (
        "client grant of",
        "The client grant does not exist",
        Some("inexistent_client_grant"),
    ),
    (
        "tenant",
        "The tenant does not exist.",
        Some("inexistent_tenant"),
    ),
    ("role", "The role does not exist.", Some("inexistent_role")),
    ("rule", "The rule does not exist", Some("inexistent_rule")),
    (
        "version of the rule",
        "The version of the rule does not exist",
        Some("inexistent_rule_version"),
    ),
    (
        "recorded exchange",
        "No exchange of this identity is recorded",
        Some("inexistent_exchange"),
    ),
    ("action", "That action does not exist.", None),
    (
        "version of the action",
        "That action version does not exist.",
        None,
    ),
    ("trigger", "That trigger does not exist.", None),
    ("execution", "That execution does not exist.", None),
    (
        "exchange",
        "The exchange does not exist",
        Some("inexistent_exchange"),
    ),
];

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut body = json!({
            "statusCode": self.status.as_u16(),
            "error": self.status.canonical_reason().unwrap_or_default(),
            "message": self.message,
        });
        if let (Some(code), Some(body)) = (self.code, body.as_object_mut()) {
            body.insert("errorCode".to_owned(), code.into());
        }
        if let (false, Some(body)) = (self.faults.is_empty(), body.as_object_mut()) {
            body.insert("faults".to_owned(), json!(self.faults));
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.extend(self.headers);
        no_store(headers);
        response
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        match error {
            // Two administrators at once: the second reads again.
            store::Error::Conflict => Self::new(
                StatusCode::CONFLICT,
                "changed_meanwhile",
                "Somebody else changed it at the same time. Read it again, and decide again.",
            ),
            store::Error::TooLarge { what, limit, .. } => {
                Self::invalid_body(format!("Too much at once: {what} may be at most {limit}."))
            }
            store::Error::Corrupt { .. } => Self::unexpected(&error),
            store::Error::Full(_) | store::Error::Unavailable(_) | store::Error::Open(_) => {
                tracing::error!(%error, "the store failed");
                Self::unavailable(30)
            }
        }
    }
}

impl From<KeyError> for Refused {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::ShortSecret => {
                Self::invalid_body(format!("Payload validation error: '{error}'."))
            }
            other => Self::unexpected(&other),
        }
    }
}

impl From<admin::Error> for Refused {
    fn from(error: admin::Error) -> Self {
        match error {
            // As the field's SDKs know it.
            admin::Error::AlreadyExists { what: "a user", .. } => {
                Self::conflict("auth0_idp_error", "The user already exists.")
            }
            admin::Error::AlreadyExists { .. } => Self::conflict("conflict", error.to_string()),
            admin::Error::NotFound { what, .. } => Self::missing(what),
            admin::Error::Invalid {
                what: "the cursor" | "the query" | "the order" | "the page",
                ..
            } => Self::invalid_query(format!("Query validation error: '{error}'.")),
            admin::Error::TooWeak(weak) => Self::too_weak(&weak),
            admin::Error::Invalid { .. } => {
                Self::invalid_body(format!("Payload validation error: '{error}'."))
            }
            admin::Error::Rejected(rejected) => Self::rejected(&rejected),
            admin::Error::Unchecked(CheckError::Busy) => Self::unavailable(2),
            admin::Error::Unchecked(error) => {
                tracing::error!(%error, "an upload was refused");
                Self::unavailable(30)
            }
            // As the field's tools know it.
            admin::Error::OverQuota { .. } => Self::new(
                StatusCode::FORBIDDEN,
                "too_many_entities",
                error.to_string(),
            ),
            // As the field's SDKs know it (contract, section 7.7).
            admin::Error::TooManyJobs { .. } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                error.to_string(),
            )
            .with(header::RETRY_AFTER, "10"),
            admin::Error::FileTooLarge { .. } => BodyError::TooLarge.into(),
            admin::Error::Store(error) => error.into(),
            admin::Error::Key(error) => error.into(),
            admin::Error::Hashing(error) => {
                tracing::warn!(%error, "a password could not be hashed");
                Self::unavailable(1)
            }
            admin::Error::NothingBefore { .. } => {
                Self::conflict("nothing_to_roll_back", error.to_string())
            }
            admin::Error::Bound(_) => Self::conflict("action_bound", error.to_string()),
            admin::Error::Busy => Self::unavailable(1),
            admin::Error::Unreadable(_) => Self::unexpected(&error),
            admin::Error::Seal(error) => Self::unexpected(&error),
            admin::Error::NoRandomness(error) => Self::unexpected(&error),
        }
    }
}

impl From<NoTenant> for Refused {
    fn from(reason: NoTenant) -> Self {
        match reason {
            NoTenant::Unknown => Self::unknown_tenant(),
            NoTenant::Suspended(_) => Self::suspended(),
            NoTenant::Store(error) => error.into(),
        }
    }
}

impl From<AuthorizationError> for Refused {
    fn from(_: AuthorizationError) -> Self {
        // Seen so in the field (contract, section 7.1).
        let message = "Bad HTTP authentication header format";
        Self::new(StatusCode::BAD_REQUEST, "Bearer", message).with(
            header::WWW_AUTHENTICATE,
            r#"Bearer error="invalid_request""#,
        )
    }
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        let invalid = |challenge: &str| {
            Self::new(StatusCode::UNAUTHORIZED, "invalid_token", "Invalid token")
                .with(header::WWW_AUTHENTICATE, challenge)
        };
        match error {
            AccessError::Store(error) => error.into(),
            AccessError::Key(error) => error.into(),
            AccessError::Proof(DpopError::NonceNeeded(nonce)) => {
                invalid(r#"DPoP error="use_dpop_nonce""#).with(super::DPOP_NONCE, &nonce)
            }
            AccessError::Proof(_) => invalid(r#"DPoP error="invalid_dpop_proof""#),
            AccessError::Invalid(_) | AccessError::Unconfirmed | AccessError::InsufficientScope => {
                invalid(r#"Bearer error="invalid_token""#)
            }
        }
    }
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken => StatusCode::BAD_REQUEST,
        };
        let message = match error {
            // How large depends on the endpoint.
            BodyError::TooLarge => "the request body is too large".to_owned(),
            other => other.to_string(),
        };
        Self::new(status, "invalid_body", message).with(header::CONNECTION, "close")
    }
}
