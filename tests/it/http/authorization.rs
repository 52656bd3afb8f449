//! The Authorization header field.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimsmith::http::authorization::{Authorization, AuthorizationError};
use proptest::prelude::*;

fn basic(pair: impl AsRef<[u8]>) -> Result<(String, String), AuthorizationError> {
    match Authorization::parse(format!("Basic {}", STANDARD.encode(pair)).as_bytes())? {
        Authorization::Basic(credentials) => Ok((
            credentials.client_id,
            credentials.client_secret.expose().to_owned(),
        )),
        Authorization::Bearer(_) | Authorization::Dpop(_) => panic!("read as a token"),
    }
}

#[track_caller]
fn refused(value: &str, error: AuthorizationError) {
    assert_eq!(Authorization::parse(value.as_bytes()).unwrap_err(), error);
}

#[test]
fn rfc6749_2_3_1_identifier_and_secret_are_form_decoded_after_base64() {
    let pair = |id: &str, secret: &str| Ok((id.to_owned(), secret.to_owned()));
    assert_eq!(basic("id:secret"), pair("id", "secret"));
    assert_eq!(
        basic("a%3Ab+c:p%252B+a%3Ab%2Bc"),
        pair("a:b c", "p%2B a:b+c")
    );
    assert_eq!(basic("id:a:b"), pair("id", "a:b"));
    assert_eq!(basic("id:"), pair("id", ""));
}

#[test]
fn malformed_basic_credentials_are_refused() {
    assert_eq!(basic("no-colon"), Err(AuthorizationError::NoColon));
    assert_eq!(basic(":secret"), Err(AuthorizationError::NoClient));
    assert_eq!(basic("id:100%"), Err(AuthorizationError::Escape));
    assert_eq!(basic(b"id:\xff"), Err(AuthorizationError::NotUtf8));
    assert_eq!(basic("id:%ff"), Err(AuthorizationError::NotUtf8));
    assert_eq!(basic("id:a\0"), Err(AuthorizationError::Control));
    assert_eq!(basic("i%0Ad:a"), Err(AuthorizationError::Control));
}

#[test]
fn base64_is_read_strictly() {
    for credentials in [
        "",
        "aWQ6cw",
        "aWQ6cw=",
        "aWQ6cx==",
        "aWQ6 cw==",
        "aWQ6cw==,",
        "_-__",
    ] {
        let error = match credentials {
            "" => AuthorizationError::NoColon,
            _ => AuthorizationError::Base64,
        };
        refused(&format!("Basic {credentials}"), error);
    }
    assert!(Authorization::parse(b"bAsIc   aWQ6cw==").is_ok());
}

#[test]
fn rfc6750_2_1_a_bearer_token_keeps_to_its_alphabet() {
    let Ok(Authorization::Bearer(token)) = Authorization::parse(b"Bearer aZ0-._~+/==") else {
        panic!("refused");
    };
    assert_eq!(token.expose(), "aZ0-._~+/==");
    for token in ["", "=", "a=b", "a b", "a,b", "a\"b", "ä"] {
        refused(&format!("Bearer {token}"), AuthorizationError::Token);
        refused(&format!("DPoP {token}"), AuthorizationError::Token);
    }
}

#[test]
fn other_schemes_and_two_fields_are_refused() {
    for value in ["", "Digest x", "Basicx", "DPoPx y", " Basic aWQ6cw=="] {
        refused(value, AuthorizationError::Scheme);
    }
    let mut headers = HeaderMap::new();
    assert!(Authorization::of(&headers).unwrap().is_none());
    headers.append("authorization", HeaderValue::from_static("Bearer a"));
    assert!(Authorization::of(&headers).unwrap().is_some());
    headers.append("authorization", HeaderValue::from_static("Bearer a"));
    assert_eq!(
        Authorization::of(&headers).unwrap_err(),
        AuthorizationError::Repeated
    );
}

#[test]
fn neither_secret_nor_token_is_printed() {
    let printed = |value: &[u8]| format!("{:?}", Authorization::parse(value).unwrap());
    assert!(!printed(b"Bearer hunter2").contains("hunter2"));
    let basic = format!("Basic {}", STANDARD.encode("id:hunter2"));
    assert!(!printed(basic.as_bytes()).contains("hunter2"));
}

proptest! {
    #[test]
    fn any_credentials_survive_the_encoding(
        id in "[^\\x00-\\x1f\\x7f]{1,30}",
        secret in "[^\\x00-\\x1f\\x7f]{0,30}",
    ) {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(&id), encode(&secret));
        prop_assert_eq!(basic(pair), Ok((id, secret)));
    }
}
