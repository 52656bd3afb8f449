//! Parameters from forms and JSON: what is read, what is refused, and with which words.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};
use claimsmith::http::params::{Params, ParamsError, content_type};
use proptest::prelude::*;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const JSON: Option<&str> = Some("application/json");

fn form(body: &str) -> Result<Params, ParamsError> {
    Params::parse(FORM, body.as_bytes())
}

fn json(body: &str) -> Result<Params, ParamsError> {
    Params::parse(JSON, body.as_bytes())
}

#[track_caller]
fn refused(parsed: Result<Params, ParamsError>, text: &str) {
    assert_eq!(parsed.unwrap_err().to_string(), text);
}

#[test]
fn a_form_is_read_in_order() {
    let params = form("grant_type=password&username=a%40b.c&password=p%2B+w&&scope=&x").unwrap();
    assert_eq!(
        params.names().collect::<Vec<_>>(),
        ["grant_type", "username", "password"]
    );
    assert_eq!(params.get("username"), Ok(Some("a@b.c")));
    assert_eq!(params.get("password"), Ok(Some("p+ w")));
    assert_eq!(params.get("missing"), Ok(None));
}

#[test]
fn rfc6749_3_2_an_empty_parameter_counts_as_omitted() {
    assert_eq!(form("scope=").unwrap().get("scope"), Ok(None));
    assert_eq!(form("scope").unwrap().get("scope"), Ok(None));
    let params = json(r#"{"scope":"","audience":null}"#).unwrap();
    assert_eq!(params.names().count(), 0);
}

#[test]
fn rfc6749_3_2_a_repeated_parameter_is_refused_known_or_not_empty_or_not() {
    for body in ["a=1&a=1", "a=1&b=2&a=3", "a=&a=1", "a=1&%61=2", "a&a"] {
        refused(form(body), "parameter `a` is repeated");
    }
    for body in [
        r#"{"a":"1","a":"1"}"#,
        r#"{"a":null,"a":"1"}"#,
        r#"{"a":{},"\u0061":"1"}"#,
    ] {
        refused(json(body), "parameter `a` is repeated");
    }
}

#[test]
fn a_broken_escape_is_refused() {
    for body in ["a=%", "a=%4", "a=%zz", "a=%+1"] {
        refused(
            form(body),
            "parameter `a` holds a `%` that is not followed by two hexadecimal digits",
        );
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_rather_than_replaced() {
    refused(form("a=%ff%fe"), "parameter `a` is not valid UTF-8");
    refused(form("%ff=1"), "parameter `%ff` is not valid UTF-8");
    refused(
        Params::parse(FORM, b"a=\xff"),
        "parameter `a` is not valid UTF-8",
    );
    refused(
        json(r#"{"a":"\ud800"}"#),
        "parameter `a` is not valid UTF-8",
    );
    assert!(matches!(
        Params::parse(JSON, b"{\"a\":\"\xff\"}"),
        Err(ParamsError::Json { .. })
    ));
}

#[test]
fn nul_and_other_control_characters_are_refused() {
    for escape in ["%00", "%0A", "%09", "%1f", "%7F"] {
        refused(
            form(&format!("a=x{escape}")),
            "parameter `a` holds a control character",
        );
    }
    for escape in ["\\u0000", "\\n", "\\u007f"] {
        refused(
            json(&format!(r#"{{"a":"{escape}"}}"#)),
            "parameter `a` holds a control character",
        );
        refused(
            json(&format!(r#"{{"a":["ok","{escape}"]}}"#)),
            "parameter `a` holds a control character",
        );
    }
    refused(form("a%00b=1"), "parameter `a?b` holds a control character");
    assert!(matches!(
        json("{\"a\":\"\0\"}"),
        Err(ParamsError::Json { .. })
    ));
}

#[test]
fn error_texts_show_names_in_printable_ascii_and_cut_short_and_never_values() {
    refused(
        form("s%22e%5Cc%60r%C3%A9t=1&s%22e%5Cc%60r%C3%A9t=2"),
        "parameter `s?e?c?r?t` is repeated",
    );
    let long = "x".repeat(100);
    refused(
        form(&format!("{long}=1&{long}=2")),
        &format!("parameter `{}` is repeated", "x".repeat(40)),
    );
    let error = form("password=hunter2%00").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn a_hundred_parameters_are_read_and_one_more_is_refused() {
    let many = |count: usize| {
        let pairs: Vec<String> = (0..count).map(|n| format!("p{n}=1")).collect();
        form(&pairs.join("&"))
    };
    assert_eq!(many(100).unwrap().names().count(), 100);
    refused(many(101), "the request has more than 100 parameters");
}

#[test]
fn a_name_of_a_hundred_bytes_is_read_and_a_longer_or_empty_one_is_refused() {
    let name = "n".repeat(100);
    assert_eq!(
        form(&format!("{name}=1")).unwrap().get(&name),
        Ok(Some("1"))
    );
    refused(
        form(&format!("{name}n=1")),
        "a parameter name is longer than 100 bytes",
    );
    refused(form("=1"), "a parameter has no name");
    refused(json(r#"{"":1}"#), "a parameter has no name");
}

#[test]
fn the_content_type_must_be_one_of_the_two() {
    for accepted in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json;",
    ] {
        Params::parse(Some(accepted), b"{}").unwrap();
    }
    for other in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/json, application/json"),
        Some("application/json; charset=latin1"),
        Some("application/json; charset=utf-8; charset=utf-8"),
        Some("application/json; boundary=x"),
        Some("application/jsonp"),
        Some("multipart/form-data; boundary=x"),
    ] {
        refused(
            Params::parse(other, b"{}"),
            "the Content-Type must be `application/x-www-form-urlencoded` or `application/json`, in UTF-8",
        );
    }
}

#[test]
fn two_content_types_are_refused() {
    let mut headers = HeaderMap::new();
    assert_eq!(content_type(&headers), Ok(None));
    headers.append("content-type", HeaderValue::from_static("application/json"));
    assert_eq!(content_type(&headers), Ok(JSON));
    headers.append("content-type", HeaderValue::from_static("text/plain"));
    assert_eq!(
        content_type(&headers),
        Err(ParamsError::ContentTypeRepeated)
    );
}

#[test]
fn a_body_that_is_not_what_its_content_type_says_is_refused() {
    refused(
        form(r#"{"grant_type":"password"}"#),
        "the body is JSON, but the Content-Type says `application/x-www-form-urlencoded`",
    );
    for body in [
        "grant_type=password",
        "",
        " ",
        "[]",
        "\"a\"",
        "1",
        "null",
        "\u{feff}{}",
    ] {
        refused(json(body), "the body must be one JSON object");
    }
}

#[test]
fn malformed_json_is_refused_where_it_breaks() {
    refused(
        json("{\"a\":1,}"),
        "the body is not valid JSON at line 1, column 8",
    );
    refused(
        json("{\"a\":1}\n{}"),
        "the body is not valid JSON at line 2, column 1",
    );
    for body in [
        "{",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":'x'}",
        "{} x",
        "{\"a\":[}",
    ] {
        assert!(
            matches!(json(body), Err(ParamsError::Json { .. })),
            "{body}"
        );
    }
}

#[test]
fn json_nested_32_deep_is_read_and_deeper_is_refused_before_it_is_parsed() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        json(&format!(
            "{{\"a\":{}{}}}",
            "[".repeat(inner),
            "]".repeat(inner)
        ))
    };
    nested(32).unwrap();
    refused(nested(33), "the body is nested deeper than 32 levels");
    refused(
        json(&format!("{{\"a\":{}", "[".repeat(60_000))),
        "the body is nested deeper than 32 levels",
    );
    json(&format!("{{\"a\":\"{}\"}}", "[\\\"{".repeat(40))).unwrap();
}

#[test]
fn json_numbers_and_booleans_count_as_their_text_and_nested_values_only_where_unread() {
    let params = json(r#"{"n":1.50,"t":true,"o":{"x":1},"l":["a"],"m":["a",1],"s":"x"}"#).unwrap();
    assert_eq!(params.get("n"), Ok(Some("1.50")));
    assert_eq!(params.get("t"), Ok(Some("true")));
    for name in ["o", "l", "m"] {
        assert_eq!(
            params.get(name).unwrap_err().to_string(),
            format!("parameter `{name}` must be a string")
        );
    }
    let text = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    assert_eq!(
        params.into_public(),
        text(&[("n", "1.50"), ("t", "true"), ("s", "x")])
    );
}

#[test]
fn a_secret_is_moved_out_and_never_printed() {
    let mut params = form("username=u&password=hunter2").unwrap();
    assert!(!format!("{params:?}").contains("hunter2"));
    let secret = params.take_secret("password").unwrap().unwrap();
    assert_eq!(secret.expose(), "hunter2");
    assert!(params.take_secret("password").unwrap().is_none());
    assert_eq!(params.get("password"), Ok(None));
    assert_eq!(
        params.into_public(),
        [("username".to_owned(), "u".to_owned())]
    );
    assert!(
        json(r#"{"password":["x"]}"#)
            .unwrap()
            .take_secret("password")
            .is_err()
    );
}

#[test]
fn scopes_are_read_from_a_string_or_an_array_each_once() {
    let scopes = |parsed: Result<Params, ParamsError>| parsed.unwrap().scope().unwrap();
    assert_eq!(scopes(form("a=1")), None);
    let expected = Some(vec!["openid".to_owned(), "read:x".to_owned()]);
    assert_eq!(scopes(form("scope=openid++read:x+openid")), expected);
    assert_eq!(
        scopes(json(r#"{"scope":["openid","read:x openid",""]}"#)),
        expected
    );
}

#[test]
fn a_scope_of_another_type_or_alphabet_is_refused() {
    for body in [r#"{"scope":5}"#, r#"{"scope":{}}"#, r#"{"scope":["a",5]}"#] {
        let error = json(body).unwrap().scope().unwrap_err();
        assert_eq!(error, ParamsError::ScopeNotText);
        assert_eq!(error.to_string(), "Scope must be an array or a string");
    }
    for scope in ["openid+%22x", "a%5Cb", "%C3%A9"] {
        let error = form(&format!("scope={scope}"))
            .unwrap()
            .scope()
            .unwrap_err();
        assert_eq!(error, ParamsError::ScopeCharacter);
    }
}

/// Any parameters that can be sent: names and values of text without control characters.
fn any_params() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(
        "[^\\x00-\\x1f\\x7f]{1,20}",
        "[^\\x00-\\x1f\\x7f]{1,40}",
        0..10,
    )
}

proptest! {
    #[test]
    fn what_is_form_encoded_is_read_back(map in any_params()) {
        let encoded = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&map)
            .finish();
        prop_assert_eq!(form(&encoded).unwrap().into_public(), Vec::from_iter(map));
    }

    #[test]
    fn a_form_and_a_json_object_of_the_same_parameters_read_the_same(map in any_params()) {
        let encoded = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&map)
            .finish();
        let from_form = form(&encoded).unwrap();
        let from_json = json(&serde_json::to_string(&map).unwrap()).unwrap();
        prop_assert!(from_form.names().eq(from_json.names()));
        prop_assert_eq!(from_form.into_public(), from_json.into_public());
    }

    #[test]
    fn error_texts_keep_to_the_alphabet_of_rfc6749_5_2(body in any::<Vec<u8>>(), as_json: bool) {
        if let Err(error) = Params::parse(if as_json { JSON } else { FORM }, &body) {
            let text = error.to_string();
            prop_assert!(
                text.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
                "{}",
                text
            );
        }
    }
}
