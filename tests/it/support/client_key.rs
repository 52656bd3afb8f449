//! A client's key pair, and assertions of every kind, signed with AWS-LC itself: what verifies them
//! is another library.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use claimsmith::token::AssertionAlgorithm;
use serde_json::Value;

pub(crate) enum ClientKey {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl ClientKey {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn p256() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn p384() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    /// The public half's SubjectPublicKeyInfo.
    pub(crate) fn der(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(pair) => pair.public_key().as_der().unwrap(),
            Self::Ec(pair) => pair.public_key().as_der().unwrap(),
        };
        der.as_ref().to_vec()
    }

    pub(crate) fn pem(&self) -> String {
        armoured("PUBLIC KEY", &self.der())
    }

    /// The key itself, in PKCS#8.
    pub(crate) fn private_pem(&self) -> String {
        let rsa = |pair: &RsaKeyPair| -> Vec<u8> {
            let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
            der.as_ref().to_vec()
        };
        let der = match self {
            Self::Rsa(pair) => rsa(pair),
            Self::Ec(pair) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
        };
        armoured("PRIVATE KEY", &der)
    }

    /// The public half of an RSA key in PKCS#1.
    pub(crate) fn pkcs1(&self) -> Vec<u8> {
        let Self::Rsa(pair) = self else {
            panic!("PKCS#1 is for RSA")
        };
        pair.public_key().as_ref().to_vec()
    }

    pub(crate) fn sign(&self, alg: AssertionAlgorithm, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let padding: &'static dyn RsaEncoding = match alg {
            AssertionAlgorithm::RS384 => &signature::RSA_PKCS1_SHA384,
            AssertionAlgorithm::PS256 => &signature::RSA_PSS_SHA256,
            AssertionAlgorithm::PS384 => &signature::RSA_PSS_SHA384,
            _ => &signature::RSA_PKCS1_SHA256,
        };
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// A JWT with this header and these claims, whatever they say.
    pub(crate) fn jwt(&self, alg: AssertionAlgorithm, header: &Value, claims: &Value) -> String {
        self.jwt_of_text(alg, &header.to_string(), &claims.to_string())
    }

    /// Likewise of texts, which need not be JSON.
    pub(crate) fn jwt_of_text(
        &self,
        alg: AssertionAlgorithm,
        header: &str,
        claims: &str,
    ) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(alg, message.as_bytes()));
        format!("{message}.{signature}")
    }
}

pub(crate) fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// RFC 7468.
fn armoured(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
