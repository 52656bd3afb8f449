//! Proofs of possession (RFC 9449): a JWT that the sender signs for one request.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::jws::{self, InvalidSignature};
use super::{Confirmation, Keyring, PublicKey, SealError, Sealed, SigningAlgorithm, VerifyingKey};
use crate::clock::Timestamp;
use crate::secret::{Digest, Secret};
use crate::store::{self, Batch, Record, Records, Table};
use crate::tenant::Tenant;

/// How far a proof's `iat` may be from the server's time, in seconds. Its `jti` is remembered for
/// twice as long at most.
pub const WINDOW: u64 = 60;

/// How long a nonce of this server is accepted, in seconds.
pub const NONCE_LIFETIME: u64 = 300;

/// The algorithms that a proof may be signed with. The last two are one (RFC 9864, section 2.2): the
/// old name, and the new one that current clients send whatever they are told.
pub const ALGORITHMS: [&str; 5] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

/// A proof with an RSA key of 4096 bits has 2 KB; the `jti` of nobody's is longer than the rest.
const MAX_PROOF_BYTES: usize = 8 * 1024;

/// The request that a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The method.
    pub method: &'a str,
    /// The endpoint's URL, from configuration: what a request says of its own host is not believed.
    pub uri: &'a str,
    /// The access token that is sent along, if one is.
    pub access_token: Option<&'a Secret>,
}

/// Verifies a proof, by the checks of RFC 9449, section 4.3, whose numbers stand in the comments; the
/// first, one header field only, is the HTTP layer's. A proof that passed does not pass again.
pub async fn verify(
    records: &Records,
    keyring: &Keyring,
    tenant: &Tenant,
    proof: &str,
    target: Target<'_>,
    now: Timestamp,
) -> Result<Confirmation, DpopError> {
    let invalid = |reason| Err(DpopError::Invalid(reason));

    // 2. A single and well-formed JWT.
    if proof.len() > MAX_PROOF_BYTES {
        return invalid("the proof is too long");
    }
    let jws = jws::Parts::split(proof)?;
    let Ok(header) = serde_json::from_slice::<Header>(&jws.header()?) else {
        return invalid("the header lacks a member, or has one twice or of the wrong type");
    };
    // 4. The type: no other JWT that the key signed is a proof.
    if !header.typ.eq_ignore_ascii_case("dpop+jwt") {
        return invalid("the type is not `dpop+jwt`");
    }
    // An extension that must be understood is not (RFC 7515, section 4.1.11).
    if header.crit.is_some() {
        return invalid("the header has critical extensions");
    }
    // 5. The algorithm is one of ours, or the header was not read. 7. A public key. 6. And it made
    // the signature.
    let public = PublicKey::from_jwk(&header.jwk).map_err(|error| DpopError::Invalid(error.0))?;
    let key =
        VerifyingKey::new(header.alg, &public).map_err(|error| DpopError::Invalid(error.0))?;
    let payload = jws.verified_by(&key)?;

    // 3. All claims, once each and of the right type.
    let Ok(claims) = serde_json::from_slice::<Claims>(&payload) else {
        return invalid("a claim is missing, twice, or of the wrong type");
    };
    if claims.jti.is_empty() {
        return invalid("the `jti` is empty");
    }
    // 8. and 9. This method, this URL.
    if claims.htm != target.method {
        return invalid("it is for another method");
    }
    if !is_same_endpoint(&claims.htu, target.uri) {
        return invalid("it is for another URL");
    }
    // 10. The nonce, where the tenant asks for one; one that is sent must be ours in any case.
    let fresh = match &claims.nonce {
        Some(nonce) => is_our_nonce(keyring, tenant, nonce, now),
        None => !tenant.require_dpop_nonce,
    };
    if !fresh {
        return Err(DpopError::NonceNeeded(nonce(keyring, tenant, now)?));
    }
    // 11. Made just now.
    let moment = now.as_secs();
    if claims.iat.abs_diff(moment) > WINDOW {
        return invalid("it was not made just now");
    }
    // 12. For this access token.
    let hash = target.access_token.map(Digest::of);
    if hash.as_ref().map(Digest::as_str) != claims.ath.as_deref() {
        return invalid("it is not for this access token");
    }

    // Section 11.1. Last, so that only a proof that is good for something is remembered; by digest,
    // whatever its length.
    let jkt = public.thumbprint();
    let used = Digest::of(&Secret::new(format!("{jkt}.{}", claims.jti)));
    let until = Timestamp::from_millis(claims.iat.saturating_mul(1000)).plus_secs(WINDOW + 1);
    let batch =
        Batch::durable().insert_until(&[tenant.name.as_str(), used.as_str()], &UsedProof {}, until);
    match records.commit(batch).await {
        Err(store::Error::Conflict) => invalid("it was used before"),
        done => Ok(done.map(|()| Confirmation::Key(jkt))?),
    }
}

/// A nonce of this server: the time, sealed. So any process of the installation knows it, and none
/// has to remember it.
pub fn nonce(keyring: &Keyring, tenant: &Tenant, now: Timestamp) -> Result<String, DpopError> {
    let time = now.as_secs().to_be_bytes();
    let sealed = Sealed::seal(keyring.master(), &nonce_context(tenant), &time)?;
    Ok(sealed.into_text())
}

fn is_our_nonce(keyring: &Keyring, tenant: &Tenant, nonce: &str, now: Timestamp) -> bool {
    let sealed = Sealed::from_text(nonce);
    let Ok(time) = sealed.open(keyring.master(), &nonce_context(tenant)) else {
        return false;
    };
    let Ok(time) = <[u8; 8]>::try_from(time.as_slice()).map(u64::from_be_bytes) else {
        return false;
    };
    // Clocks of several servers differ a little.
    time.abs_diff(now.as_secs()) <= NONCE_LIFETIME
}

fn nonce_context(tenant: &Tenant) -> [&str; 2] {
    ["dpop-nonce", tenant.name.as_str()]
}

/// Whether `htu` names the endpoint, after the normalization of RFC 3986, sections 6.2.2 and 6.2.3,
/// and without query and fragment.
fn is_same_endpoint(htu: &str, uri: &str) -> bool {
    let normal = |text: &str| {
        let mut url = url::Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    normal(htu).is_some_and(|htu| Some(htu) == normal(uri))
}

/// Other members are the sender's own business.
#[derive(Deserialize)]
struct Header {
    typ: String,
    #[serde(deserialize_with = "algorithm")]
    alg: SigningAlgorithm,
    jwk: Value,
    crit: Option<Value>,
}

/// One of [`ALGORITHMS`]: neither `none` nor HMAC.
fn algorithm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SigningAlgorithm, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "RS256" => Ok(SigningAlgorithm::RS256),
        "PS256" => Ok(SigningAlgorithm::PS256),
        "ES256" => Ok(SigningAlgorithm::ES256),
        "EdDSA" | "Ed25519" => Ok(SigningAlgorithm::EdDSA),
        _ => Err(D::Error::custom("not supported")),
    }
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: u64,
    nonce: Option<String>,
    ath: Option<String>,
}

/// A proof that was accepted, found by the digest of its key and `jti`.
#[derive(Serialize, Deserialize)]
struct UsedProof {}

impl Record for UsedProof {
    const TABLE: Table = Table::UsedDpopProof;
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum DpopError {
    /// `invalid_dpop_proof`. The reason is for the log.
    #[error("invalid DPoP proof: {0}")]
    Invalid(&'static str),
    /// `use_dpop_nonce`: the proof must hold this.
    #[error("the DPoP proof has no nonce of this server, or an old one")]
    NonceNeeded(String),
    /// No nonce could be made.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store failed: whether the proof is new is not known.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<InvalidSignature> for DpopError {
    fn from(error: InvalidSignature) -> Self {
        Self::Invalid(error.0)
    }
}
