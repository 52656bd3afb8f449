//! The key that a token is bound to, so that a stolen token alone is worth nothing.

use serde::{Deserialize, Serialize};

/// Whoever uses the token must show this key again: the claim `cnf` (RFC 7800, section 3.1), and
/// what records of tokens keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// The thumbprint of a DPoP key (RFC 9449, section 6.1).
    #[serde(rename = "jkt")]
    Key(String),
    /// The SHA-256 of a client's TLS certificate (RFC 8705, section 3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(String),
}

impl Confirmation {
    /// The `token_type` of a token so bound, or not bound at all. A token that is bound to a
    /// certificate is sent as `Bearer` all the same (RFC 8705, section 3).
    pub fn token_type(bound: Option<&Self>) -> &'static str {
        match bound {
            Some(Self::Key(_)) => "DPoP",
            Some(Self::Certificate(_)) | None => "Bearer",
        }
    }
}

/// What a request shows of the keys that its sender holds.
#[derive(Clone, Debug, Default)]
pub struct Possession {
    /// The `DPoP` header field, not verified in any way.
    pub dpop: Option<String>,
    /// The SHA-256 of the certificate whose key took part in the TLS handshake, in base64url.
    pub certificate: Option<String>,
}
