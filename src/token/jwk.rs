//! Public keys: as they are stored and published, and the checks that `jsonwebtoken` leaves out.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AssertionAlgorithm, SigningAlgorithm};

/// The public half of a key pair, with the members that RFC 7638 calls required and no others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty", deny_unknown_fields)]
pub enum PublicKey {
    /// RSA (RFC 7518, section 6.3).
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
    /// An elliptic curve in Weierstrass form (RFC 7518, section 6.2).
    #[serde(rename = "EC")]
    Ec {
        /// The curve.
        crv: String,
        /// The x coordinate.
        x: String,
        /// The y coordinate.
        y: String,
    },
    /// An octet key pair (RFC 8037).
    #[serde(rename = "OKP")]
    Okp {
        /// The curve.
        crv: String,
        /// The key.
        x: String,
    },
}

impl PublicKey {
    /// The RSA key of a modulus and an exponent, big-endian.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Self {
        Self::Rsa {
            n: encode(n),
            e: encode(e),
        }
    }

    /// The P-256 key of an uncompressed point.
    pub(super) fn p256(point: &[u8]) -> Option<Self> {
        Self::on_curve("P-256", point)
    }

    /// The key of an uncompressed point on the curve of this name.
    pub(super) fn on_curve(crv: &str, point: &[u8]) -> Option<Self> {
        let coordinates = point.strip_prefix(&[4])?;
        let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
        let (crv, x, y) = (crv.to_owned(), encode(x), encode(y));
        Some(Self::Ec { crv, x, y })
    }

    /// The Ed25519 key of its 32 bytes.
    pub(super) fn ed25519(key: &[u8]) -> Self {
        let (crv, x) = ("Ed25519".to_owned(), encode(key));
        Self::Okp { crv, x }
    }

    /// Reads the public key of a JWK. It must be meant for signatures, and hold nothing private.
    pub fn from_jwk(jwk: &Value) -> Result<Self, InvalidKey> {
        let members = jwk
            .as_object()
            .ok_or(InvalidKey("a JWK is a JSON object"))?;
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if private.iter().any(|member| members.contains_key(*member)) {
            return Err(InvalidKey("it holds a private key"));
        }
        if members.get("use").is_some_and(|meant| meant != "sig") {
            return Err(InvalidKey("its `use` is not `sig`"));
        }
        let may_verify = |ops: &Value| {
            ops.as_array()
                .is_some_and(|ops| ops.contains(&"verify".into()))
        };
        if !members.get("key_ops").is_none_or(may_verify) {
            return Err(InvalidKey("its `key_ops` do not contain `verify`"));
        }
        let required = ["kty", "crv", "n", "e", "x", "y"];
        let mut public = members.clone();
        public.retain(|name, _| required.contains(&name.as_str()));
        serde_json::from_value(public.into())
            .map_err(|_| InvalidKey("it lacks a member of its `kty`, or has one of another"))
    }

    /// The thumbprint of [RFC 7638](https://www.rfc-editor.org/rfc/rfc7638): names the key by what
    /// it is, so that no two keys share a `kid` and nobody chooses one.
    pub fn thumbprint(&self) -> String {
        // In the order of their names, without white space: the map sorts, `to_string` is compact.
        let members: BTreeMap<&str, &str> = match self {
            Self::Rsa { n, e } => [("e", e.as_str()), ("kty", "RSA"), ("n", n)].into(),
            Self::Ec { crv, x, y } => {
                [("crv", crv.as_str()), ("kty", "EC"), ("x", x), ("y", y)].into()
            }
            Self::Okp { crv, x } => [("crv", crv.as_str()), ("kty", "OKP"), ("x", x)].into(),
        };
        encode(digest(&SHA256, json!(members).to_string().as_bytes()).as_ref())
    }

    /// The key as an entry of a JWK set (RFC 7517).
    pub fn to_jwk(&self, kid: &str, alg: SigningAlgorithm) -> Value {
        let mut jwk = json!(self);
        if let Some(members) = jwk.as_object_mut() {
            members.insert("use".into(), "sig".into());
            members.insert("alg".into(), json!(alg));
            members.insert("kid".into(), kid.into());
        }
        jwk
    }
}

/// A public key with the one algorithm it is used with (RFC 8725, section 3.1).
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    pub(super) alg: Algorithm,
    pub(super) key: DecodingKey,
}

impl VerifyingKey {
    /// Accepts a key that is sound for the algorithm: RSA of 2048 to 4096 bits with an odd exponent
    /// of at least 65537, a point that lies on its curve, an Ed25519 key of 32 bytes. `jsonwebtoken`
    /// itself checks none of this before a signature does.
    pub fn new(alg: SigningAlgorithm, public: &PublicKey) -> Result<Self, InvalidKey> {
        Self::sound(alg.into(), public)
    }

    /// The same for a client's key.
    pub fn of_client(alg: AssertionAlgorithm, public: &PublicKey) -> Result<Self, InvalidKey> {
        Self::sound(alg.into(), public)
    }

    fn sound(alg: Algorithm, public: &PublicKey) -> Result<Self, InvalidKey> {
        use Algorithm as A;
        let key = match (alg, public) {
            (A::RS256 | A::RS384 | A::PS256 | A::PS384, PublicKey::Rsa { n, e }) => {
                let (n, e) = (decode(n)?, decode(e)?);
                check_rsa(&n, &e)?;
                DecodingKey::from_rsa_raw_components(&n, &e)
            }
            (A::ES256, PublicKey::Ec { crv, x, y }) if crv == "P-256" => {
                let point = point(x, y, 32)?;
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point)
                    .map_err(|_| InvalidKey("the point is not on the curve P-256"))?;
                DecodingKey::from_ec_der(&point)
            }
            (A::ES384, PublicKey::Ec { crv, x, y }) if crv == "P-384" => {
                let point = point(x, y, 48)?;
                ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &point)
                    .map_err(|_| InvalidKey("the point is not on the curve P-384"))?;
                DecodingKey::from_ec_der(&point)
            }
            (A::EdDSA, PublicKey::Okp { crv, x }) if crv == "Ed25519" => {
                let x = decode(x)?;
                ParsedPublicKey::new(&ED25519, &x)
                    .map_err(|_| InvalidKey("this is not an Ed25519 key"))?;
                DecodingKey::from_ed_der(&x)
            }
            _ => return Err(InvalidKey("the key is not of the algorithm's kind")),
        };
        Ok(Self { alg, key })
    }

    /// Reads an entry of a JWK set, which must name its algorithm.
    pub fn from_jwk(jwk: &Value) -> Result<Self, InvalidKey> {
        let alg = jwk.get("alg").cloned().unwrap_or_default();
        let alg: SigningAlgorithm = serde_json::from_value(alg)
            .map_err(|_| InvalidKey("its `alg` is missing or not supported"))?;
        Self::new(alg, &PublicKey::from_jwk(jwk)?)
    }

    /// The algorithm it is used with.
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }
}

/// An uncompressed point.
fn point(x: &str, y: &str, size: usize) -> Result<Vec<u8>, InvalidKey> {
    let (x, y) = (decode(x)?, decode(y)?);
    // Of full length (RFC 7518, section 6.2.1.2); a short one would shift the other.
    if x.len() != size || y.len() != size {
        return Err(InvalidKey(
            "a coordinate is not as long as its curve's field",
        ));
    }
    Ok([&[4], x.as_slice(), y.as_slice()].concat())
}

fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), InvalidKey> {
    // Without leading zeros (RFC 7518, section 6.3.1.1), so that the length is the size.
    if n.first().is_none_or(|top| *top == 0) || e.first().is_none_or(|top| *top == 0) {
        return Err(InvalidKey(
            "an RSA number is empty or begins with a zero byte",
        ));
    }
    let leading = n.first().map_or(0, |top| top.leading_zeros() as usize);
    if !(2048..=4096).contains(&(n.len() * 8 - leading)) {
        return Err(InvalidKey("an RSA key must have 2048 to 4096 bits"));
    }
    let odd = |number: &[u8]| number.last().is_some_and(|low| low % 2 == 1);
    let exponent = e.iter().try_fold(0_u32, |sum, byte| {
        sum.checked_mul(256)?.checked_add(u32::from(*byte))
    });
    if !odd(n) || !odd(e) || exponent.is_none_or(|e| e < 65_537) {
        return Err(InvalidKey(
            "the RSA modulus and exponent must be odd, the exponent 65537 or more",
        ));
    }
    Ok(())
}

/// A key that is not used, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unusable key: {0}")]
pub struct InvalidKey(pub(super) &'static str);

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, InvalidKey> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    bytes.map_err(|_| InvalidKey("a member is not base64url"))
}
