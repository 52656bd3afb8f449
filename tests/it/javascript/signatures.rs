//! Tokens and signatures between rules and others: keys are real, and the other side is not the engine's.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use super::{logged, logged_json};
use crate::support::client_key::ClientKey;
use claimsmith::token::AssertionAlgorithm;

/// The token that a rule says to its log, as somebody reads it who has the key.
fn read(token: &str, algorithm: Algorithm, key: &DecodingKey) -> Value {
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&["theirs"]);
    // The time of the exchange is not that of this machine.
    validation.validate_exp = false;
    let read = jsonwebtoken::decode::<Value>(token, key, &validation);
    read.unwrap().claims
}

/// A text of JavaScript.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// What `jwt.verify` says of each token: a claim, or why not.
async fn verified(key: &str, algorithms: &str, tokens: &[&str]) -> Vec<String> {
    let body = format!(
        "for (const token of {}) {{
            try {{ console.log(require('jsonwebtoken').verify(token, {}, {{ algorithms: {algorithms} }}).a); }}
            catch (e) {{ console.log(e.name + ': ' + e.message); }}
        }}",
        json!(tokens),
        quoted(key)
    );
    logged(&body).await
}

fn spoilt(token: &str) -> String {
    let (head, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{head}.{first}{}", &signature[1..])
}

#[tokio::test]
async fn a_token_that_a_rule_signed_with_rsa_is_good_for_whoever_has_the_public_key() {
    let key = ClientKey::rsa();
    let body = format!(
        "console.log(JSON.stringify(require('jsonwebtoken').sign({{ a: 1 }}, {}, {{
            algorithm: 'RS256', audience: 'theirs', subject: user.user_id, expiresIn: '10h', keyid: 'k' }})));",
        quoted(&key.private_pem())
    );
    let token = logged_json(&body).await;
    let token = token.as_str().unwrap();
    let public = DecodingKey::from_rsa_der(&key.pkcs1());
    let now = 1_768_201_200;
    assert_eq!(
        read(token, Algorithm::RS256, &public),
        json!({ "a": 1, "aud": "theirs", "sub": "auth0|jane", "iat": now, "exp": now + 36_000 })
    );
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.kid.as_deref(), Some("k"));
    let other = DecodingKey::from_rsa_der(&ClientKey::rsa().pkcs1());
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["theirs"]);
    validation.validate_exp = false;
    jsonwebtoken::decode::<Value>(token, &other, &validation).unwrap_err();
}

#[tokio::test]
async fn a_token_of_a_secret_goes_both_ways() {
    let body = "console.log(JSON.stringify(jwt.sign({ a: 1 }, 'their secret', { audience: 'theirs', expiresInMinutes: 5 })));";
    let token = logged_json(body).await;
    let secret = DecodingKey::from_secret(b"their secret");
    assert_eq!(
        read(token.as_str().unwrap(), Algorithm::HS256, &secret)["a"],
        json!(1)
    );
    let theirs = jsonwebtoken::encode(
        &Header::default(),
        &json!({ "a": 2 }),
        &EncodingKey::from_secret(b"their secret"),
    )
    .unwrap();
    let lines = verified("their secret", "['HS256']", &[&theirs, &spoilt(&theirs)]).await;
    assert_eq!(lines, ["2", "JsonWebTokenError: invalid signature"]);
    let lines = verified("another", "['HS256']", &[&theirs]).await;
    assert_eq!(lines, ["JsonWebTokenError: invalid signature"]);
}

#[tokio::test]
async fn tokens_of_others_are_verified_by_their_public_keys_and_by_no_others() {
    for (key, other, algorithm, name) in [
        (
            ClientKey::rsa(),
            ClientKey::rsa(),
            AssertionAlgorithm::RS256,
            "RS256",
        ),
        (
            ClientKey::rsa(),
            ClientKey::rsa(),
            AssertionAlgorithm::PS256,
            "PS256",
        ),
        (
            ClientKey::p256(),
            ClientKey::p256(),
            AssertionAlgorithm::ES256,
            "ES256",
        ),
        (
            ClientKey::p384(),
            ClientKey::p384(),
            AssertionAlgorithm::ES384,
            "ES384",
        ),
    ] {
        let header = json!({ "alg": name, "typ": "JWT" });
        let token = key.jwt(algorithm, &header, &json!({ "a": 7 }));
        let forged = other.jwt(algorithm, &header, &json!({ "a": 7 }));
        let only = format!("['{name}']");
        let lines = verified(&key.pem(), &only, &[&token, &forged, &spoilt(&token)]).await;
        let bad = "JsonWebTokenError: invalid signature";
        assert_eq!(lines, ["7", bad, bad], "{name}");
    }
}

/// RFC 8725, sections 2.1 and 3.1.
#[tokio::test]
async fn a_public_key_is_no_secret_and_no_signature_is_none() {
    let key = ClientKey::rsa();
    let pem = key.pem();
    let confused = jsonwebtoken::encode(
        &Header::default(),
        &json!({ "a": 1 }),
        &EncodingKey::from_secret(pem.as_bytes()),
    )
    .unwrap();
    let none = key.jwt_of_text(AssertionAlgorithm::RS256, r#"{"alg":"none"}"#, r#"{"a":1}"#);
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    let lines = verified(&pem, "undefined", &[&confused, &none, &unsigned]).await;
    assert_eq!(
        lines,
        [
            "JsonWebTokenError: invalid algorithm",
            "JsonWebTokenError: invalid algorithm",
            "JsonWebTokenError: jwt signature is required"
        ]
    );
}

#[tokio::test]
async fn node_s_own_functions_sign_and_verify_the_same() {
    let key = ClientKey::rsa();
    let body = format!(
        "const sign = crypto.createSign('RSA-SHA256');
         sign.update('what ');
         sign.update('was said');
         console.log(JSON.stringify(sign.sign({}, 'base64')));",
        quoted(&key.private_pem())
    );
    use base64::Engine as _;
    let signature = logged_json(&body).await;
    let signature = base64::engine::general_purpose::STANDARD
        .decode(signature.as_str().unwrap())
        .unwrap();
    let ours = key.sign(AssertionAlgorithm::RS256, b"what was said");
    assert_eq!(signature, ours, "PKCS#1 signatures have no randomness");

    let ec = ClientKey::p256();
    let theirs = ec.sign(AssertionAlgorithm::ES256, b"what was said");
    let theirs = base64::engine::general_purpose::STANDARD.encode(theirs);
    let body = format!(
        "const verify = (key, said) => crypto.createVerify('SHA256').update(said)
             .verify({{ key, dsaEncoding: 'ieee-p1363' }}, '{theirs}', 'base64');
         console.log(verify({key}, 'what was said'), verify({key}, 'what was not'), verify({other}, 'what was said'));",
        key = quoted(&ec.pem()),
        other = quoted(&ClientKey::p256().pem()),
    );
    assert_eq!(logged(&body).await, ["true false false"]);
}

#[tokio::test]
async fn signatures_that_would_differ_each_time_are_refused_with_what_to_use() {
    let (rsa, ec) = (ClientKey::rsa(), ClientKey::p256());
    let body = format!(
        "const jsonwebtoken = require('jsonwebtoken');
         for (const sign of [
             () => jsonwebtoken.sign({{ a: 1 }}, {ec}, {{ algorithm: 'ES256' }}),
             () => crypto.createSign('SHA256').update('x').sign({ec}),
             () => jsonwebtoken.sign({{ a: 1 }}, {rsa}, {{ algorithm: 'PS256' }}),
         ]) try {{ sign(); console.log('signed'); }} catch (e) {{ console.log(e.message); }}",
        ec = quoted(&ec.private_pem()),
        rsa = quoted(&rsa.private_pem()),
    );
    let refusal = |what: &str| {
        format!(
            "rules do not sign with {what}, whose signatures differ each time; use RS256 or HS256"
        )
    };
    assert_eq!(
        logged(&body).await,
        [refusal("ECDSA"), refusal("ECDSA"), refusal("PSS")]
    );
}

#[tokio::test]
async fn a_text_that_is_no_key_is_named() {
    let line = logged(
        "try { crypto.createSign('SHA256').update('x').sign('-----BEGIN PRIVATE KEY-----'); } catch (e) { console.log(e.message); }",
    )
    .await;
    assert_eq!(
        line,
        ["there is no private key in PEM form, without a passphrase, in it"]
    );
}
