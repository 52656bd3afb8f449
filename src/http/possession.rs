//! What a request shows of the keys that its sender holds: the `DPoP` header field (RFC 9449) and the
//! certificate of the TLS connection (RFC 8705).

use http::{Extensions, HeaderMap, HeaderName};

use super::tls::ClientCertificate;
use crate::token::Possession;

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The nonce that the next proof must hold.
pub(super) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Reads both.
///
/// # Errors
/// What is wrong with the proof, if there is more than one field (RFC 9449, section 4.3, check 1) or
/// one that is not text.
pub(super) fn possession(
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Possession, &'static str> {
    let mut proofs = headers.get_all(DPOP).iter();
    let dpop = match (proofs.next(), proofs.next()) {
        (None, _) => None,
        (Some(_), Some(_)) => return Err("there is more than one proof"),
        (Some(proof), None) => {
            let proof = proof.to_str().map_err(|_| "the proof is not text")?;
            Some(proof.to_owned())
        }
    };
    let certificate = extensions.get::<ClientCertificate>();
    Ok(Possession {
        dpop,
        certificate: certificate.and_then(|certificate| certificate.0.clone()),
    })
}
