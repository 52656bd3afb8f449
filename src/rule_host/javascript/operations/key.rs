//! Keys in PEM, as rules keep them in their configuration.

use aws_lc_rs::rsa::PublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1,
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair as _, ParsedPublicKey,
    RsaKeyPair,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use serde_json::json;

/// A curve by its name in OpenSSL, for signing and for verifying.
type Curve = (
    &'static str,
    &'static EcdsaSigningAlgorithm,
    &'static EcdsaVerificationAlgorithm,
);

const CURVES: [Curve; 3] = [
    (
        "prime256v1",
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P256_SHA256_ASN1,
    ),
    (
        "secp384r1",
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1,
    ),
    (
        "secp521r1",
        &ECDSA_P521_SHA512_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1,
    ),
];

/// A private key that can sign.
pub(super) enum Private {
    Rsa(RsaKeyPair),
    Ec(&'static str, EcdsaKeyPair),
}

/// A public key, as DER.
pub(super) enum Public {
    Rsa { der: Vec<u8>, bits: usize },
    Ec(&'static str, Vec<u8>),
}

/// What is in a PEM text that should hold a `wanted` (`private` or `public`) key.
pub(super) fn describe(wanted: &str, pem: &[u8]) -> Result<String, String> {
    let (kind, bits, curve) = if wanted == "private" {
        match private(pem)? {
            Private::Rsa(key) => ("rsa", Some(key.public_modulus_len() * 8), None),
            Private::Ec(curve, _) => ("ec", None, Some(curve)),
        }
    } else {
        match public(pem)? {
            Public::Rsa { bits, .. } => ("rsa", Some(bits), None),
            Public::Ec(curve, _) => ("ec", None, Some(curve)),
        }
    };
    Ok(json!({ "type": wanted, "kind": kind, "bits": bits, "curve": curve }).to_string())
}

pub(super) fn private(pem: &[u8]) -> Result<Private, String> {
    let der = PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| "there is no private key in PEM form, without a passphrase, in it")?;
    let rsa = match &der {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        der => RsaKeyPair::from_pkcs8(der.secret_der()),
    };
    if let Ok(key) = rsa {
        return Ok(Private::Rsa(key));
    }
    CURVES
        .iter()
        .find_map(|(name, signing, _)| {
            let key = EcdsaKeyPair::from_private_key_der(signing, der.secret_der());
            key.ok().map(|key| Private::Ec(name, key))
        })
        .ok_or_else(|| {
            "the private key is neither RSA with 2048 to 8192 bits nor on P-256, P-384 or P-521"
                .into()
        })
}

/// Of a public key, of a certificate, or of a private key.
pub(super) fn public(pem: &[u8]) -> Result<Public, String> {
    if let Ok(der) = SubjectPublicKeyInfoDer::from_pem_slice(pem) {
        return public_of(&der);
    }
    if let Ok(certificate) = CertificateDer::from_pem_slice(pem) {
        let parsed = webpki::EndEntityCert::try_from(&certificate)
            .map_err(|_| "the certificate cannot be read")?;
        return public_of(&parsed.subject_public_key_info());
    }
    match private(pem)
        .map_err(|_| "there is neither a public key nor a certificate in PEM form in it")?
    {
        Private::Rsa(key) => {
            let der = key.public_key().as_ref().to_vec();
            let bits = key.public_modulus_len() * 8;
            Ok(Public::Rsa { der, bits })
        }
        Private::Ec(name, key) => Ok(Public::Ec(name, key.public_key().as_ref().to_vec())),
    }
}

fn public_of(der: &[u8]) -> Result<Public, String> {
    if let Ok(key) = PublicKey::from_der(der) {
        let bits = key.modulus_len() * 8;
        return Ok(Public::Rsa {
            der: der.to_vec(),
            bits,
        });
    }
    CURVES
        .iter()
        .find(|(_, _, verifying)| ParsedPublicKey::new(*verifying, der).is_ok())
        .map(|(name, ..)| Public::Ec(name, der.to_vec()))
        .ok_or_else(|| "the public key is neither RSA nor on P-256, P-384 or P-521".into())
}
