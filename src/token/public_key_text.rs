//! Public keys as people hand them over: PEM, or a JWK.

use pkcs1::RsaPublicKey;
use serde_json::Value;
use spki::SubjectPublicKeyInfoOwned;
use spki::der::{Decode, DecodePem, asn1::ObjectIdentifier};

use super::jwk::{InvalidKey, PublicKey};

/// A key of 4096 bits as a JWK with all its members has less than half of this.
const MAX_BYTES: usize = 8 * 1024;

/// A public key with what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeyText {
    /// The key; whether it is sound depends on what it is used with.
    pub key: PublicKey,
    /// The name that a JWK gives it.
    pub kid: Option<String>,
    /// The algorithm that a JWK says it is for.
    pub alg: Option<String>,
}

impl PublicKeyText {
    /// Reads either form.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        if text.len() > MAX_BYTES {
            return Err(InvalidKey("the text is too long"));
        }
        let text = text.trim();
        if text.starts_with('{') {
            let jwk: Value =
                serde_json::from_str(text).map_err(|_| InvalidKey("this is not JSON"))?;
            let member = |name: &str| jwk.get(name).and_then(Value::as_str).map(str::to_owned);
            return Ok(Self {
                key: PublicKey::from_jwk(&jwk)?,
                kid: member("kid"),
                alg: member("alg"),
            });
        }
        Ok(Self {
            key: from_pem(text)?,
            kid: None,
            alg: None,
        })
    }
}

/// RFC 3279, section 2.3.1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480, section 2.1.1.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

fn from_pem(text: &str) -> Result<PublicKey, InvalidKey> {
    let not_pem = "use a JWK, or PEM that begins with `-----BEGIN PUBLIC KEY-----`";
    let info = SubjectPublicKeyInfoOwned::from_pem(text).map_err(|_| InvalidKey(not_pem))?;
    let bytes = info.subject_public_key.raw_bytes();
    if info.algorithm.oid == RSA {
        let key = RsaPublicKey::from_der(bytes)
            .map_err(|_| InvalidKey("the RSA key in it is damaged"))?;
        return Ok(PublicKey::rsa(
            key.modulus.as_bytes(),
            key.public_exponent.as_bytes(),
        ));
    }
    let parameters = info.algorithm.parameters.as_ref();
    let curve = parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    let curve = curve.filter(|_| info.algorithm.oid == EC);
    let curve = curve.ok_or(InvalidKey(
        "it is neither an RSA key nor one on a named curve",
    ))?;
    let known = [(P256, "P-256"), (P384, "P-384")];
    let name = known.into_iter().find(|(oid, _)| *oid == curve);
    let name = name
        .ok_or(InvalidKey("its curve is neither P-256 nor P-384"))?
        .1;
    PublicKey::on_curve(name, bytes).ok_or(InvalidKey("its point is not uncompressed"))
}
