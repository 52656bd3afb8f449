//! [`Authorization`]: the Authorization header field, `Basic` for clients, `Bearer` and `DPoP` for tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use super::params::{FormFault, decode_form};
use crate::secret::Secret;

/// What an Authorization header field presents. Nothing of it has been verified.
#[derive(Clone, Debug)]
pub enum Authorization {
    /// A client's identifier and secret (RFC 6749 section 2.3.1).
    Basic(BasicCredentials),
    /// A token (RFC 6750 section 2.1).
    Bearer(Secret),
    /// A token that is bound to a key (RFC 9449 section 7.1).
    Dpop(Secret),
}

/// A client's identifier and secret, decoded.
#[derive(Clone, Debug)]
pub struct BasicCredentials {
    /// Never empty.
    pub client_id: String,
    /// Empty if the client sent none.
    pub client_secret: Secret,
}

/// Why an Authorization header field was refused. The texts may be shown to the client; they repeat nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// Two fields: readers disagree on which one counts.
    #[error("the Authorization header field is repeated")]
    Repeated,
    /// None of `Basic`, `Bearer` and `DPoP`.
    #[error("the Authorization scheme must be `Basic`, `Bearer` or `DPoP`")]
    Scheme,
    /// Not base64 of the standard alphabet, padded.
    #[error("the Basic credentials are not valid base64")]
    Base64,
    /// No colon between identifier and secret.
    #[error("the Basic credentials have no colon")]
    NoColon,
    /// Nothing before the colon.
    #[error("the Basic credentials have an empty client identifier")]
    NoClient,
    /// Identifier or secret are not form-encoded.
    #[error("the client identifier and secret must be form-encoded before base64")]
    Escape,
    /// Not UTF-8 once decoded.
    #[error("the Basic credentials are not valid UTF-8")]
    NotUtf8,
    /// NUL, a line break or the like.
    #[error("the Basic credentials hold a control character")]
    Control,
    /// Not a `b64token`.
    #[error("the Bearer token is empty or holds a character that no token may have")]
    Token,
}

impl Authorization {
    /// The field as the request has it; `None` if it has none.
    ///
    /// # Errors
    ///
    /// See [`AuthorizationError`].
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, AuthorizationError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(AuthorizationError::Repeated);
        }
        Self::parse(value.as_bytes()).map(Some)
    }

    /// Reads the field's value.
    ///
    /// # Errors
    ///
    /// See [`AuthorizationError`].
    pub fn parse(value: &[u8]) -> Result<Self, AuthorizationError> {
        let end = value.iter().position(|&byte| byte == b' ');
        let (scheme, rest) = value.split_at(end.unwrap_or(value.len()));
        // RFC 9110 section 11.4: the scheme is case-insensitive and followed by one or more spaces.
        let start = rest.iter().position(|&byte| byte != b' ');
        let credentials = rest.get(start.unwrap_or(rest.len())..).unwrap_or_default();
        if scheme.eq_ignore_ascii_case(b"basic") {
            parse_basic(credentials).map(Self::Basic)
        } else if scheme.eq_ignore_ascii_case(b"bearer") {
            parse_bearer(credentials).map(Self::Bearer)
        } else if scheme.eq_ignore_ascii_case(b"dpop") {
            parse_bearer(credentials).map(Self::Dpop)
        } else {
            Err(AuthorizationError::Scheme)
        }
    }
}

/// RFC 6749 section 2.3.1: identifier and secret are form-encoded, joined by a colon, and only then base64. So the
/// order here is base64, the first colon, form.
fn parse_basic(base64: &[u8]) -> Result<BasicCredentials, AuthorizationError> {
    let pair = STANDARD
        .decode(base64)
        .map(Zeroizing::new)
        .map_err(|_error| AuthorizationError::Base64)?;
    let Some(colon) = pair.iter().position(|&byte| byte == b':') else {
        return Err(AuthorizationError::NoColon);
    };
    let (client_id, rest) = pair.split_at(colon);
    let client_id = decode_part(client_id)?;
    if client_id.is_empty() {
        return Err(AuthorizationError::NoClient);
    }
    let mut client_secret = decode_part(rest.get(1..).unwrap_or_default())?;
    Ok(BasicCredentials {
        client_id: client_id.to_string(),
        client_secret: Secret::new(std::mem::take(&mut *client_secret)),
    })
}

fn decode_part(encoded: &[u8]) -> Result<Zeroizing<String>, AuthorizationError> {
    let text = decode_form(encoded).map_err(|fault| match fault {
        FormFault::Escape => AuthorizationError::Escape,
        FormFault::NotUtf8 => AuthorizationError::NotUtf8,
    })?;
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(AuthorizationError::Control);
    }
    Ok(text)
}

/// RFC 6750 section 2.1: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn parse_bearer(token: &[u8]) -> Result<Secret, AuthorizationError> {
    let text = std::str::from_utf8(token).map_err(|_error| AuthorizationError::Token)?;
    let body = text.trim_end_matches('=');
    if body.is_empty()
        || !body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
    {
        return Err(AuthorizationError::Token);
    }
    Ok(Secret::new(text))
}
