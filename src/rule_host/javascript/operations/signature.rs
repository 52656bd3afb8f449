//! Signatures of rules: RSA by PKCS#1 and PSS, and ECDSA on a curve with its own hash.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature as sig;
use aws_lc_rs::signature::{RsaEncoding, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;

use super::key::{self, Private, Public};
use super::parts;

#[derive(Deserialize)]
struct Scheme {
    hash: String,
    pss: bool,
    /// Whether an ECDSA signature is two numbers, rather than DER.
    raw: bool,
}

/// Of key and data. What would take randomness to sign, which is not the exchange's, is refused: a past exchange
/// comes out the same when it is run again.
pub(super) fn sign(text: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let scheme: Scheme = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let [pem, data] = parts::split(bytes)?;
    let Private::Rsa(key) = key::private(pem)? else {
        return Err(random("ECDSA"));
    };
    if scheme.pss {
        return Err(random("PSS"));
    }
    let encoding: &dyn RsaEncoding = match scheme.hash.as_str() {
        "sha256" => &sig::RSA_PKCS1_SHA256,
        "sha384" => &sig::RSA_PKCS1_SHA384,
        "sha512" => &sig::RSA_PKCS1_SHA512,
        other => return Err(weak(other)),
    };
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), data, &mut signature)
        .map_err(|_| "the key cannot sign")?;
    Ok(signature)
}

fn random(what: &str) -> String {
    format!("rules do not sign with {what}, whose signatures differ each time; use RS256 or HS256")
}

/// Whether a signature is that of key and data.
pub(super) fn verify(text: &str, bytes: &[u8]) -> Result<bool, String> {
    let scheme: Scheme = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let [pem, data, signature] = parts::split(bytes)?;
    let (algorithm, key) = match key::public(pem)? {
        Public::Rsa { der, .. } => (rsa(&scheme)?, der),
        Public::Ec(curve, der) => (ecdsa(curve, &scheme)?, der),
    };
    Ok(UnparsedPublicKey::new(algorithm, key)
        .verify(data, signature)
        .is_ok())
}

fn rsa(scheme: &Scheme) -> Result<&'static dyn VerificationAlgorithm, String> {
    Ok(match (scheme.hash.as_str(), scheme.pss) {
        ("sha256", false) => &sig::RSA_PKCS1_2048_8192_SHA256,
        ("sha384", false) => &sig::RSA_PKCS1_2048_8192_SHA384,
        ("sha512", false) => &sig::RSA_PKCS1_2048_8192_SHA512,
        ("sha256", true) => &sig::RSA_PSS_2048_8192_SHA256,
        ("sha384", true) => &sig::RSA_PSS_2048_8192_SHA384,
        ("sha512", true) => &sig::RSA_PSS_2048_8192_SHA512,
        (other, _) => return Err(weak(other)),
    })
}

fn ecdsa(curve: &str, scheme: &Scheme) -> Result<&'static dyn VerificationAlgorithm, String> {
    Ok(match (curve, scheme.hash.as_str(), scheme.raw) {
        ("prime256v1", "sha256", false) => &sig::ECDSA_P256_SHA256_ASN1,
        ("prime256v1", "sha256", true) => &sig::ECDSA_P256_SHA256_FIXED,
        ("secp384r1", "sha384", false) => &sig::ECDSA_P384_SHA384_ASN1,
        ("secp384r1", "sha384", true) => &sig::ECDSA_P384_SHA384_FIXED,
        ("secp521r1", "sha512", false) => &sig::ECDSA_P521_SHA512_ASN1,
        ("secp521r1", "sha512", true) => &sig::ECDSA_P521_SHA512_FIXED,
        (curve, hash, _) => {
            return Err(format!(
                "{hash} does not go with {curve}: ES256, ES384 and ES512 do"
            ));
        }
    })
}

fn weak(hash: &str) -> String {
    format!("{hash} is too weak to sign with; sha256, sha384 and sha512 are not")
}
