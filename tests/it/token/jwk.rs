//! Thumbprints, and which public keys are sound.

use claimsmith::token::{PublicKey, SigningAlgorithm, VerifyingKey};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

/// The RSA key of RFC 7638, section 3.1, whose thumbprint the section gives.
const RFC_7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7a\
PFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YG\
jQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh\
6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

fn public(value: Value) -> PublicKey {
    serde_json::from_value(value).unwrap()
}

#[test]
fn the_example_of_rfc_7638_has_its_thumbprint() {
    let key = public(json!({ "kty": "RSA", "n": RFC_7638_N, "e": "AQAB" }));
    assert_eq!(
        key.thumbprint(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

/// RFC 8037, appendix A.3.
#[test]
fn the_example_of_rfc_8037_has_its_thumbprint() {
    let key = public(json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    }));
    assert_eq!(
        key.thumbprint(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

fn rsa(n: &str, e: &str) -> Value {
    json!({ "kty": "RSA", "alg": "RS256", "n": n, "e": e })
}

/// The point of RFC 7515, appendix A.3.
fn ec() -> Value {
    json!({
        "kty": "EC", "alg": "ES256", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

fn ed() -> Value {
    json!({
        "kty": "OKP", "alg": "EdDSA", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })
}

fn with(mut jwk: Value, member: &str, value: impl Into<Value>) -> Value {
    jwk[member] = value.into();
    jwk
}

#[test]
fn sound_keys_are_accepted() {
    for (jwk, alg) in [
        (rsa(RFC_7638_N, "AQAB"), SigningAlgorithm::RS256),
        (
            with(rsa(RFC_7638_N, "AQAB"), "alg", "PS256"),
            SigningAlgorithm::PS256,
        ),
        (ec(), SigningAlgorithm::ES256),
        (ed(), SigningAlgorithm::EdDSA),
        (with(ec(), "use", "sig"), SigningAlgorithm::ES256),
        (
            with(ec(), "key_ops", json!(["verify"])),
            SigningAlgorithm::ES256,
        ),
        (with(ec(), "kid", "any"), SigningAlgorithm::ES256),
    ] {
        let key = VerifyingKey::from_jwk(&jwk).unwrap();
        assert_eq!(key.algorithm(), Algorithm::from(alg));
    }
}

#[test]
fn unsound_keys_are_refused() {
    let short: String = RFC_7638_N.chars().take(171).chain(['w']).collect();
    let even = format!("{}A", &RFC_7638_N[..341]);
    for (jwk, what) in [
        (rsa(&short, "AQAB"), "1024 bits"),
        (rsa(&RFC_7638_N.repeat(3), "AQAB"), "6144 bits"),
        (rsa(&even, "AQAB"), "an even modulus"),
        (rsa(&format!("AA{RFC_7638_N}"), "AQAB"), "a leading zero"),
        (rsa(RFC_7638_N, "AQ"), "exponent 1"),
        (rsa(RFC_7638_N, "Aw"), "exponent 3"),
        (rsa(RFC_7638_N, "AQAC"), "an even exponent"),
        (rsa(RFC_7638_N, "AQAAAAAB"), "a huge exponent"),
        (rsa(RFC_7638_N, ""), "no exponent"),
        (rsa("", "AQAB"), "no modulus"),
        (rsa(RFC_7638_N, "AQAB="), "padding"),
        (
            with(ec(), "y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4"),
            "a point off the curve",
        ),
        (with(ec(), "crv", "P-384"), "another curve"),
        (with(ec(), "alg", "ES512"), "another algorithm"),
        (with(ec(), "alg", "RS256"), "an algorithm of another kind"),
        (with(ec(), "alg", "HS256"), "a symmetric algorithm"),
        (with(ec(), "alg", "none"), "no algorithm"),
        (with(ec(), "alg", Value::Null), "an algorithm of null"),
        (with(ec(), "kty", "RSA"), "another kind"),
        (with(ec(), "use", "enc"), "another use"),
        (
            with(ec(), "key_ops", json!(["encrypt"])),
            "other operations",
        ),
        (
            with(ec(), "key_ops", "verify"),
            "operations that are no array",
        ),
        (with(ec(), "d", "AA"), "a private member"),
        (
            with(ed(), "x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"),
            "31 bytes",
        ),
        (with(ed(), "crv", "X25519"), "a curve for agreement"),
        (
            json!({ "kty": "oct", "alg": "HS256", "k": "AA" }),
            "a secret",
        ),
        (json!([]), "no object"),
    ] {
        assert!(VerifyingKey::from_jwk(&jwk).is_err(), "{what}");
    }
}
