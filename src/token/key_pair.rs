//! Key pairs: made by AWS-LC, kept as PKCS#8, and taken out of it for `jsonwebtoken`.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use jsonwebtoken::EncodingKey;
use zeroize::Zeroizing;

use super::{KeyError, PublicKey, SigningAlgorithm};

/// The public half, and the private one as PKCS#8 (RFC 5958).
pub(super) type KeyPair = (PublicKey, Zeroizing<Vec<u8>>);

/// Makes a key pair. RSA has 2048 bits and takes long.
pub(super) fn generate(alg: SigningAlgorithm) -> Result<KeyPair, KeyError> {
    let failed = |_| KeyError::Generation;
    match alg {
        SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(failed)?;
            let public = pair.public_key();
            let (n, e) = (public.modulus(), public.exponent());
            let public = PublicKey::rsa(
                n.big_endian_without_leading_zero(),
                e.big_endian_without_leading_zero(),
            );
            Ok((public, Zeroizing::new(der.as_ref().to_vec())))
        }
        SigningAlgorithm::ES256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
            let der = pair.to_pkcs8v1().map_err(failed)?;
            let public = PublicKey::p256(pair.public_key().as_ref()).ok_or(KeyError::Generation)?;
            Ok((public, Zeroizing::new(der.as_ref().to_vec())))
        }
        SigningAlgorithm::EdDSA => {
            let pair = Ed25519KeyPair::generate().map_err(failed)?;
            let der = pair.to_pkcs8().map_err(failed)?;
            let public = PublicKey::ed25519(pair.public_key().as_ref());
            Ok((public, Zeroizing::new(der.as_ref().to_vec())))
        }
        SigningAlgorithm::HS256 => Err(KeyError::Generation),
    }
}

/// A private half, ready to sign with.
pub(super) fn encoding_key(alg: SigningAlgorithm, pkcs8: &[u8]) -> Result<EncodingKey, KeyError> {
    Ok(match alg {
        SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
            EncodingKey::from_rsa_der(pkcs1(pkcs8).ok_or(KeyError::Damaged)?)
        }
        SigningAlgorithm::ES256 => EncodingKey::from_ec_der(pkcs8),
        SigningAlgorithm::EdDSA => EncodingKey::from_ed_der(pkcs8),
        SigningAlgorithm::HS256 => return Err(KeyError::Damaged),
    })
}

/// The RSAPrivateKey within a PKCS#8 PrivateKeyInfo: `jsonwebtoken` wants the bare form.
///
/// `SEQUENCE { INTEGER 0, SEQUENCE { OID rsaEncryption, NULL }, OCTET STRING { key } }`
/// (RFC 5958, section 2), in DER.
fn pkcs1(pkcs8: &[u8]) -> Option<&[u8]> {
    const VERSION_AND_ALGORITHM: &[u8] = &[
        0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
        0x01, 0x05, 0x00,
    ];
    let info = contents(0x30, pkcs8)?;
    contents(0x04, info.strip_prefix(VERSION_AND_ALGORITHM)?)
}

/// The contents of a DER value that fills `der` and has this tag.
fn contents(tag: u8, der: &[u8]) -> Option<&[u8]> {
    let der = der.strip_prefix(&[tag])?;
    let (first, rest) = der.split_first()?;
    let (length, contents) = match first {
        0x81 => rest.split_at_checked(1)?,
        0x82 => rest.split_at_checked(2)?,
        short if *short < 0x80 => (std::slice::from_ref(first), rest),
        _ => return None,
    };
    let length = length
        .iter()
        .fold(0, |sum, byte| sum * 256 + usize::from(*byte));
    (contents.len() == length).then_some(contents)
}
