//! Compact signatures (RFC 7515): ours to make, and verified as if everybody else's were attacks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwk::VerifyingKey;
use super::{AssertionAlgorithm, SigningAlgorithm};
use crate::secret::Secret;

/// No token of ours is longer: 100 KB of custom claims in base64, and room.
const MAX_TOKEN_BYTES: usize = 256 * 1024;

impl From<SigningAlgorithm> for Algorithm {
    fn from(alg: SigningAlgorithm) -> Self {
        match alg {
            SigningAlgorithm::RS256 => Self::RS256,
            SigningAlgorithm::PS256 => Self::PS256,
            SigningAlgorithm::ES256 => Self::ES256,
            SigningAlgorithm::EdDSA => Self::EdDSA,
            SigningAlgorithm::HS256 => Self::HS256,
        }
    }
}

impl From<AssertionAlgorithm> for Algorithm {
    fn from(alg: AssertionAlgorithm) -> Self {
        match alg {
            AssertionAlgorithm::RS256 => Self::RS256,
            AssertionAlgorithm::RS384 => Self::RS384,
            AssertionAlgorithm::PS256 => Self::PS256,
            AssertionAlgorithm::PS384 => Self::PS384,
            AssertionAlgorithm::ES256 => Self::ES256,
            AssertionAlgorithm::ES384 => Self::ES384,
        }
    }
}

/// A key ready to sign with.
pub(super) struct Signer {
    pub(super) alg: SigningAlgorithm,
    /// None for a secret shared with an API: it has no name.
    pub(super) kid: Option<String>,
    pub(super) key: EncodingKey,
}

impl Signer {
    /// A JWT of these claims.
    pub(super) fn sign(
        &self,
        typ: &str,
        claims: &Map<String, Value>,
    ) -> Result<Secret, jsonwebtoken::errors::Error> {
        let mut header = Header::new(self.alg.into());
        header.typ = Some(typ.to_owned());
        header.kid.clone_from(&self.kid);
        jsonwebtoken::encode(&header, claims, &self.key).map(Secret::new)
    }
}

/// A token's parts, read but not verified. What it says of itself is the sender's word.
#[derive(Debug)]
pub struct Unverified<'a> {
    header: StrictHeader,
    parts: Parts<'a>,
}

/// The only members that tokens of ours have. A `crit` that we do not understand must be refused
/// (RFC 7515, section 4.1.11), a `jwk` or `jku` never believed (RFC 8725, section 3.10): a header
/// with any further member, or one twice, is not ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart, in one pass whatever its length.
    pub fn parse(token: &'a str) -> Result<Self, InvalidSignature> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(InvalidSignature("the token is too long"));
        }
        let parts = Parts::split(token)?;
        let header = serde_json::from_slice(&parts.header()?)
            .map_err(|_| InvalidSignature("the header is not one of ours"))?;
        Ok(Self { header, parts })
    }

    /// The key that the sender names. Untrusted: good for finding a key of ours, for nothing else.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The payload as the sender says it is.
    pub(super) fn payload(&self) -> Result<Vec<u8>, InvalidSignature> {
        self.parts.payload()
    }

    /// The payload and type, if `key` made the signature. The algorithm is the key's own; that the
    /// header names the same is checked, not followed (RFC 8725, section 3.1).
    pub fn verify(self, key: &VerifyingKey) -> Result<Verified, InvalidSignature> {
        if self.header.alg.parse() != Ok(key.alg) {
            return Err(InvalidSignature("the algorithm is not the key's"));
        }
        Ok(Verified {
            typ: self.header.typ,
            payload: self.parts.verified_by(key)?,
        })
    }
}

/// The three parts of a compact signature, in base64url.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// What was signed: the first two with the dot between them.
    message: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(token: &'a str) -> Result<Self, InvalidSignature> {
        let form = InvalidSignature("the token is not of three parts");
        let (message, signature) = token.rsplit_once('.').ok_or(form)?;
        let (header, payload) = message.split_once('.').ok_or(form)?;
        if payload.contains('.') {
            return Err(form);
        }
        Ok(Self {
            header,
            payload,
            signature,
            message,
        })
    }

    /// The header's bytes: the sender's word.
    pub(super) fn header(&self) -> Result<Vec<u8>, InvalidSignature> {
        decode(self.header)
    }

    /// The payload's bytes: likewise.
    pub(super) fn payload(&self) -> Result<Vec<u8>, InvalidSignature> {
        decode(self.payload)
    }

    /// The payload, if `key` made the signature with its own algorithm.
    pub(super) fn verified_by(&self, key: &VerifyingKey) -> Result<Vec<u8>, InvalidSignature> {
        let message = self.message.as_bytes();
        match jsonwebtoken::crypto::verify(self.signature, message, &key.key, key.alg) {
            Ok(true) => decode(self.payload),
            _ => Err(InvalidSignature("the signature is wrong")),
        }
    }
}

/// What a signature vouches for.
#[derive(Debug)]
pub struct Verified {
    /// The header's `typ`.
    pub typ: Option<String>,
    /// The bytes that were signed, decoded.
    pub payload: Vec<u8>,
}

/// Why a token's signature says nothing. For the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSignature(pub(super) &'static str);

fn decode(part: &str) -> Result<Vec<u8>, InvalidSignature> {
    // Neither padding nor other characters, and no bits left over: one token has one spelling.
    let bytes = URL_SAFE_NO_PAD.decode(part);
    bytes.map_err(|_| InvalidSignature("a part is not base64url"))
}
