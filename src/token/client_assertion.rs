//! Client assertions (RFC 7523, section 3; contract, section 1.2): a JWT by which a client proves
//! that it holds a private key.

use serde::Deserialize;

use super::jws::Unverified;
use super::{InvalidSignature, VerifyingKey};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// An assertion as it was sent. What it says is the sender's word until it is verified.
#[derive(Debug)]
pub struct ClientAssertion {
    text: Secret,
    claims: Claims,
}

/// The claims that count. One of another type, or one of these twice, makes the whole unreadable;
/// numbers are whole.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: u64,
    jti: String,
    iat: Option<u64>,
    nbf: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    /// The issuer and nobody else (draft-ietf-oauth-rfc7523bis): an assertion that is good for
    /// another server too could be carried from there to here. The token endpoint's URL, which
    /// RFC 7523 allowed, is refused for the same reason.
    fn is_exactly(&self, issuer: &str) -> bool {
        match self {
            Self::One(only) => only == issuer,
            Self::Many(all) => matches!(all.as_slice(), [only] if only == issuer),
        }
    }
}

/// An assertion that held. It may be used once: that is for whoever keeps records.
#[derive(Debug)]
pub struct VerifiedAssertion {
    /// Its identity, unique among its client's.
    pub jti: String,
    /// From here on it is refused for its age.
    pub expires_at: Timestamp,
}

/// The longest assertion, in bytes.
const MAX_BYTES: usize = 2_048;

/// The longest `iss`, `sub` and `jti`, in characters.
const MAX_CLAIM: usize = 64;

/// The longest an assertion may live, in seconds.
const MAX_LIFETIME: u64 = 300;

/// How far ahead a client's clock may be, in seconds.
const SKEW: u64 = 10;

impl ClientAssertion {
    /// Reads an assertion, within bounds.
    pub fn parse(text: Secret) -> Result<Self, InvalidAssertion> {
        if text.expose().len() > MAX_BYTES {
            return Err(InvalidAssertion("the assertion is too long"));
        }
        let unreadable = "a claim is missing, twice, or of the wrong type";
        let payload = Unverified::parse(text.expose())?.payload()?;
        let claims: Claims =
            serde_json::from_slice(&payload).map_err(|_| InvalidAssertion(unreadable))?;
        for claim in [&claims.iss, &claims.sub, &claims.jti] {
            if claim.is_empty() || claim.chars().count() > MAX_CLAIM {
                return Err(InvalidAssertion(
                    "`iss`, `sub` or `jti` is empty or too long",
                ));
            }
        }
        // Section 3, items 1 and 2B.
        if claims.iss != claims.sub {
            return Err(InvalidAssertion("`iss` is not `sub`"));
        }
        Ok(Self { text, claims })
    }

    /// The client that it says it comes from.
    pub fn client_id(&self) -> &str {
        &self.claims.sub
    }

    /// Verifies it with one of the client's keys, for this issuer and this moment.
    ///
    /// A `kid` in the header only chooses among the client's own keys, by equality: it is the
    /// sender's word (RFC 8725, section 3.10).
    pub fn verify<'k>(
        &self,
        keys: impl Iterator<Item = (&'k str, VerifyingKey)>,
        issuer: &str,
        now: Timestamp,
    ) -> Result<VerifiedAssertion, InvalidAssertion> {
        self.check_claims(issuer, now.as_secs())?;
        let mut last = InvalidAssertion("the client has no such key");
        for (kid, key) in keys {
            let unverified = Unverified::parse(self.text.expose())?;
            if unverified.kid().is_some_and(|named| named != kid) {
                continue;
            }
            match unverified.verify(&key) {
                Ok(verified) if is_assertion(verified.typ.as_deref()) => {
                    return Ok(VerifiedAssertion {
                        jti: self.claims.jti.clone(),
                        expires_at: Timestamp::from_millis(self.claims.exp.saturating_mul(1_000)),
                    });
                }
                Ok(_) => return Err(InvalidAssertion("its type is another one")),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    fn check_claims(&self, issuer: &str, now: u64) -> Result<(), InvalidAssertion> {
        let Claims {
            aud, exp, iat, nbf, ..
        } = &self.claims;
        if !aud.is_exactly(issuer) {
            return Err(InvalidAssertion("it is for another audience"));
        }
        if *exp <= now {
            return Err(InvalidAssertion("it has expired"));
        }
        let latest_start = now.saturating_add(SKEW);
        if [iat, nbf]
            .into_iter()
            .flatten()
            .any(|from| *from > latest_start)
        {
            return Err(InvalidAssertion("it is not valid yet"));
        }
        // Without `iat` nobody can tell how long it has been around; how long it will be still counts.
        match exp.checked_sub(iat.unwrap_or(now)) {
            Some(lifetime) if lifetime <= MAX_LIFETIME => Ok(()),
            _ => Err(InvalidAssertion("it lives too long")),
        }
    }
}

/// No `typ`, the general one, or the one of draft-ietf-oauth-rfc7523bis; what is typed as
/// something else is something else (RFC 8725, section 3.12).
fn is_assertion(typ: Option<&str>) -> bool {
    let known = ["JWT", "client-authentication+jwt"];
    typ.is_none_or(|typ| known.iter().any(|known| typ.eq_ignore_ascii_case(known)))
}

/// Why an assertion proves nothing. For the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAssertion(pub &'static str);

impl From<InvalidSignature> for InvalidAssertion {
    fn from(error: InvalidSignature) -> Self {
        Self(error.0)
    }
}
