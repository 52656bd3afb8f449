//! Tokens that must not open anything. They are signed with the tenant's real keys wherever that
//! makes them better.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimsmith::token::KeyState;
use serde_json::{Value, json};

use super::{House, NOW_SECS, add_key, claims, message, sign, tenant, with, without};

#[tokio::test]
async fn a_token_whose_claims_are_not_an_access_tokens_is_invalid_though_well_signed() {
    let house = House::new().await;
    for (claims, what) in [
        (
            with(claims(), "iss", "https://other.example/"),
            "another issuer",
        ),
        (
            with(claims(), "iss", "https://acme.example"),
            "an issuer without its slash",
        ),
        (
            with(claims(), "iss", json!(["https://acme.example/"])),
            "a list of issuers",
        ),
        (
            with(claims(), "aud", "https://api.example"),
            "for the API only",
        ),
        (with(claims(), "aud", "c1"), "for the client: an ID token"),
        (
            with(claims(), "aud", "https://acme.example/userinfo/"),
            "for a neighbouring URL",
        ),
        (with(claims(), "aud", json!([])), "for nobody"),
        (
            with(claims(), "aud", json!([["https://acme.example/userinfo"]])),
            "a nested audience",
        ),
        (with(claims(), "exp", NOW_SECS), "expired just now"),
        (with(claims(), "exp", "never"), "an end that is text"),
        (
            with(claims(), "exp", 1e99),
            "an end that is no whole number",
        ),
        (
            with(claims(), "exp", NOW_SECS as f64 + 10.5),
            "an end between seconds",
        ),
        (with(claims(), "exp", -1), "a negative end"),
        (with(claims(), "exp", Value::Null), "an end of null"),
        (
            with(claims(), "exp", json!([NOW_SECS + 10])),
            "a list of ends",
        ),
        (with(claims(), "iat", "yesterday"), "a start that is text"),
        (
            with(claims(), "iat", NOW_SECS + 11),
            "a start after the end",
        ),
        (with(claims(), "nbf", NOW_SECS + 1), "not yet valid"),
        (with(claims(), "nbf", "soon"), "a beginning that is text"),
        (
            with(claims(), "sub", json!({ "id": "auth0|1" })),
            "a subject that is an object",
        ),
        (with(claims(), "client_id", "c1"), "of both dialects"),
        (
            with(claims(), "scope", json!(["openid"])),
            "scopes as a list",
        ),
        (without(claims(), "iss"), "no issuer"),
        (without(claims(), "sub"), "no subject"),
        (without(claims(), "aud"), "no audience"),
        (without(claims(), "exp"), "no end"),
        (without(claims(), "iat"), "no start"),
        (
            without(claims(), "azp"),
            "no client: an ID token with our audience",
        ),
        (json!([]), "a list"),
        (json!("openid"), "a text"),
    ] {
        let token = house.sign(&house.header(), &claims.to_string());
        house.assert_invalid(&token, what).await;
    }
    let twice = claims()
        .to_string()
        .replacen('{', r#"{"sub":"auth0|2","#, 1);
    house
        .assert_invalid(&house.sign(&house.header(), &twice), "a subject twice")
        .await;
    house
        .assert_invalid(&house.sign(&house.header(), "not json"), "no JSON")
        .await;
    house
        .assert_invalid(&house.sign(&house.header(), ""), "nothing")
        .await;
}

#[tokio::test]
async fn a_token_whose_header_is_not_ours_is_invalid_though_well_signed() {
    let house = House::new().await;
    let header = || house.header();
    for (header, what) in [
        (with(header(), "alg", "none"), "alg none"),
        (with(header(), "alg", "None"), "alg None"),
        (
            with(header(), "alg", "RS256"),
            "another algorithm than the key's",
        ),
        (with(header(), "alg", "HS256"), "a symmetric algorithm"),
        (
            with(header(), "alg", "eddsa"),
            "the algorithm in lower case",
        ),
        (
            with(header(), "crit", json!(["exp"])),
            "a critical extension",
        ),
        (
            with(header(), "jwk", json!({ "kty": "OKP" })),
            "a key of its own",
        ),
        (
            with(header(), "jku", "http://127.0.0.1:1/"),
            "a key elsewhere",
        ),
        (with(header(), "typ", "dpop+jwt"), "the type of a proof"),
        (with(header(), "typ", "jwt"), "a type spelt otherwise"),
        (without(header(), "typ"), "no type"),
        (without(header(), "kid"), "no key"),
        (with(header(), "kid", ""), "an empty key"),
        (
            with(header(), "kid", "../../../dev/null"),
            "a path for a key",
        ),
        (with(header(), "kid", "' OR 1=1--"), "a query for a key"),
        (with(header(), "kid", "\0".repeat(43)), "zeros for a key"),
        (with(header(), "kid", "k".repeat(65_536)), "a very long key"),
        (
            with(header(), "kid", &house.key.kid[..42]),
            "a prefix of the key",
        ),
        (
            with(header(), "kid", house.key.kid.to_uppercase()),
            "the key in upper case",
        ),
    ] {
        let token = house.sign(&header, &claims().to_string());
        house.assert_invalid(&token, what).await;
    }
}

#[tokio::test]
async fn a_public_key_is_no_hmac_secret() {
    let house = House::new().await;
    let public = serde_json::to_value(&house.key.public).unwrap();
    let raw = URL_SAFE_NO_PAD
        .decode(public["x"].as_str().unwrap())
        .unwrap();
    let message = message(&with(house.header(), "alg", "HS256"), &claims().to_string());
    for secret in [
        raw,
        public["x"].to_string().into_bytes(),
        public.to_string().into_bytes(),
    ] {
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            message.as_bytes(),
        );
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        house
            .assert_invalid(&token, "HS256 under the public key")
            .await;
    }
    house
        .assert_invalid(&format!("{message}."), "no signature")
        .await;
}

#[tokio::test]
async fn another_tenants_token_is_invalid_whatever_it_claims() {
    let house = House::new().await;
    let other = tenant("other");
    let key = add_key(&house.records, &house.keyring, &other, KeyState::Current).await;
    let header = with(house.header(), "kid", key.kid.as_str());
    let token = sign(
        &house.keyring,
        "other",
        &key,
        &header,
        &claims().to_string(),
    );
    house.assert_invalid(&token, "the other tenant's key").await;
    let token = sign(
        &house.keyring,
        "other",
        &key,
        &house.header(),
        &claims().to_string(),
    );
    house
        .assert_invalid(&token, "the other tenant's signature under our `kid`")
        .await;
}

#[tokio::test]
async fn text_that_is_no_token_is_invalid_and_quickly_so() {
    let house = House::new().await;
    let good = house.sign(&house.header(), &claims().to_string());
    for (token, what) in [
        (String::new(), "nothing"),
        ("x".repeat(43), "an opaque token that nobody issued"),
        ("x".repeat(10_000_000), "ten megabytes"),
        (".".repeat(100_000), "100,000 dots"),
        ("\0\r\n".to_owned(), "controls"),
        (format!("{good}="), "padding"),
        (format!("{good} "), "a space behind"),
        (format!(" {good}"), "a space in front"),
        (format!("{good}.{good}"), "two tokens"),
        (
            good[..good.len() - 1].to_owned(),
            "the last character missing",
        ),
    ] {
        house.assert_invalid(&token, what).await;
    }
}
