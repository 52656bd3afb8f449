//! What a client signs with its private key instead of telling a secret.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;

use super::CliError;
use crate::clock::{Clock as _, SystemClock};
use crate::random;

/// How long an assertion is good for: one request.
const ASSERTION_SECS: u64 = 60;

/// A private key in a file is smaller than this.
const MAX_KEY_BYTES: u64 = 64 << 10;

enum Key {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
}

/// An assertion of RFC 7523, section 3.
pub(super) fn sign(file: &Path, client_id: &str, issuer: &str) -> Result<String, CliError> {
    let key =
        read(file).map_err(|what| CliError::invalid(format!("`{}`: {what}", file.display())))?;
    let now = SystemClock.now().as_secs();
    let jti = random::id().map_err(CliError::failure)?;
    let claims = json!({
        "iss": client_id, "sub": client_id, "aud": issuer, "jti": jti,
        "iat": now, "exp": now.saturating_add(ASSERTION_SECS),
    });
    let header = json!({ "alg": key.algorithm(), "typ": "JWT" });
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = key.sign(signed.as_bytes());
    let signature = signature.map_err(|_| CliError::failure("cannot sign with the private key"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn read(file: &Path) -> Result<Key, String> {
    let size = std::fs::metadata(file).map_err(|error| error.to_string())?;
    if size.len() > MAX_KEY_BYTES {
        return Err("it is too large for a private key".to_owned());
    }
    let pem = std::fs::read(file).map_err(|error| error.to_string())?;
    let pem = zeroize::Zeroizing::new(pem);
    let der = PrivateKeyDer::from_pem_slice(&pem).ok();
    let key = der.and_then(|der| Key::of(&der));
    key.ok_or_else(|| {
        "it is no private key of RSA, P-256 or P-384 in PEM, without a password".to_owned()
    })
}

impl Key {
    fn of(der: &PrivateKeyDer<'_>) -> Option<Self> {
        let ec = |bytes: &[u8], sec1: bool| {
            let read = |curve| match sec1 {
                true => EcdsaKeyPair::from_private_key_der(curve, bytes),
                false => EcdsaKeyPair::from_pkcs8(curve, bytes),
            };
            let p256 = read(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::P256);
            p256.or_else(|_| read(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Self::P384))
                .ok()
        };
        match der {
            PrivateKeyDer::Pkcs1(key) => {
                let pair = RsaKeyPair::from_der(key.secret_pkcs1_der());
                pair.ok().map(Self::Rsa)
            }
            PrivateKeyDer::Sec1(key) => ec(key.secret_sec1_der(), true),
            PrivateKeyDer::Pkcs8(key) => {
                let pair = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der());
                let rsa = pair.ok().map(Self::Rsa);
                rsa.or_else(|| ec(key.secret_pkcs8_der(), false))
            }
            _ => None,
        }
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::P384(_) => "ES384",
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::P256(pair) | Self::P384(pair) => {
                Ok(pair.sign(&random, message)?.as_ref().to_vec())
            }
        }
    }
}
