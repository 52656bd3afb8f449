//! A client that holds a DPoP key (RFC 9449), with proofs that can be bent.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimsmith::secret::{Digest, Secret};
use claimsmith::token::PublicKey;
use serde_json::{Value, json};

use super::app::{App, NOW};

pub(crate) struct Prover(EcdsaKeyPair);

impl Prover {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    }

    pub(crate) fn thumbprint(&self) -> String {
        PublicKey::from_jwk(&self.jwk()).unwrap().thumbprint()
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() })
    }

    /// A proof without fault, if the claims have none.
    pub(crate) fn prove(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    /// Signs with ES256, whatever header and claims say.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let message = format!("{header}.{claims}");
        let signature = self
            .0
            .sign(&SystemRandom::new(), message.as_bytes())
            .unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A client that makes proofs for an [`App`], each once.
pub(crate) struct Holder {
    pub(crate) prover: Prover,
    made: std::cell::Cell<u32>,
}

impl Holder {
    pub(crate) fn new() -> Self {
        Self {
            prover: Prover::new(),
            made: std::cell::Cell::default(),
        }
    }

    pub(crate) fn claims(&self, app: &App, method: &str, path: &str) -> Value {
        self.made.set(self.made.get() + 1);
        json!({
            "jti": self.made.get().to_string(),
            "htm": method,
            "htu": format!("{}{path}", app.issuer),
            "iat": NOW / 1000,
        })
    }

    pub(crate) fn for_token(&self, app: &App) -> String {
        self.prover.prove(&self.claims(app, "POST", "oauth/token"))
    }

    pub(crate) fn for_userinfo(&self, app: &App, token: &str) -> String {
        let hash = Digest::of(&Secret::new(token));
        let claims = self.claims(app, "GET", "userinfo");
        self.prover
            .prove(&with(claims, "ath", json!(hash.as_str())))
    }
}

/// A value with one member replaced; `null` takes it out.
pub(crate) fn with(mut value: Value, name: &str, member: Value) -> Value {
    let members = value.as_object_mut().unwrap();
    match member {
        Value::Null => members.remove(name),
        member => members.insert(name.to_owned(), member),
    };
    value
}
