//! Keys do not enter a recording, and a replay finds its way all the same.
//!
//! A value of the configuration leaves a hole with its name, which a replay fills with the value that it is
//! told; what else looks like a key (a query parameter, a cookie, a token in a response) leaves one that
//! nothing fills, as long as the key was, so that a rule that passes it on uses as much fuel as it did. In
//! a URL a hole stands for any text. A rule that copies a token into its output is not reproduced to the
//! byte: that is the price.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::{Position, Url};

use super::recording::{FetchReport, RecordedFetch, RecordedOutcome, Recording};
use crate::secret::Secret;

/// How every hole begins. It ends with `~`; in between there is `:KEY` for a value of the configuration, and
/// dots for other keys.
const BEGIN: &str = "~redacted";
/// Shorter values are everywhere, and are no keys.
const SHORTEST: usize = 4;
/// A token of a response is longer.
const SHORTEST_TOKEN: usize = 8;

/// A text that must not stay, and what stands in its place.
type Replacement = (String, String);

impl Recording {
    /// Takes out every value of the configuration and all that looks like a key, here and in what the log
    /// says of the same requests.
    pub(in crate::rule_host) fn redact<'r>(
        &mut self,
        reports: impl IntoIterator<Item = &'r mut FetchReport>,
        configuration: &BTreeMap<String, Secret>,
    ) {
        let mut reports = reports.into_iter().peekable();
        // Most logins fetch nothing.
        if self.fetches.is_empty() && reports.peek().is_none() {
            return;
        }
        let mut replacements = Vec::new();
        for (key, value) in configuration {
            replace_with(
                &mut replacements,
                value.expose(),
                &format!("{BEGIN}:{key}~"),
            );
        }
        let mut tokens = Vec::new();
        for fetch in &self.fetches {
            if let RecordedOutcome::Answered(response) = &fetch.outcome {
                let document = serde_json::from_slice(&response.body).unwrap_or_default();
                collect_tokens(&document, &mut tokens);
            }
        }
        for token in &tokens {
            replace_with(&mut replacements, token, &hole(token));
        }
        // A longer text may contain a shorter one.
        replacements.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        for fetch in &mut self.fetches {
            if !tokens.is_empty() {
                // In a replay the rule sends the hole in the place of the token.
                fetch.body_sha256 = None;
            }
            redact_fetch(fetch, &replacements);
        }
        for report in reports {
            redact_url(&mut report.url, &replacements);
        }
    }

    /// Puts values of the configuration back into the responses.
    #[must_use]
    pub fn filled(mut self, configuration: &BTreeMap<String, Secret>) -> Self {
        let values = configuration.iter();
        let values: Vec<Replacement> = values
            .map(|(key, value)| (format!("{BEGIN}:{key}~"), value.expose().to_owned()))
            .collect();
        for fetch in &mut self.fetches {
            if let RecordedOutcome::Answered(response) = &mut fetch.outcome {
                response.body = in_bytes(std::mem::take(&mut response.body), &values);
                for (_, value) in &mut response.headers {
                    in_text(value, &values);
                }
            }
        }
        self
    }
}

/// In the place of what looks like a key.
fn hole(key: &str) -> String {
    let dots = key.len().saturating_sub(BEGIN.len() + 1);
    format!("{BEGIN}{}~", ".".repeat(dots))
}

/// The text as it is, in a URL, and in JSON.
fn replace_with(replacements: &mut Vec<Replacement>, text: &str, hole: &str) {
    if text.len() < SHORTEST {
        return;
    }
    let json = serde_json::to_string(text).unwrap_or_default();
    let forms = [
        text.to_owned(),
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        json.trim_matches('"').to_owned(),
    ];
    for form in forms {
        if !replacements.iter().any(|(known, _)| *known == form) {
            replacements.push((form, hole.to_owned()));
        }
    }
}

fn collect_tokens(document: &Value, tokens: &mut Vec<String>) {
    match document {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if text.len() >= SHORTEST_TOKEN && names_key(name) => {
                        tokens.push(text.clone());
                    }
                    member => collect_tokens(member, tokens),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_tokens(item, tokens)),
        _ => {}
    }
}

fn redact_fetch(fetch: &mut RecordedFetch, replacements: &[Replacement]) {
    redact_url(&mut fetch.url, replacements);
    match &mut fetch.outcome {
        RecordedOutcome::Answered(response) => {
            redact_url(&mut response.url, replacements);
            response.body = in_bytes(std::mem::take(&mut response.body), replacements);
            for (name, value) in &mut response.headers {
                match names_key(name) {
                    true => *value = hole(value),
                    false => in_text(value, replacements),
                }
            }
        }
        RecordedOutcome::Failed(_, detail) => in_text(detail, replacements),
        RecordedOutcome::Unfinished => {}
    }
}

/// All but the host, which the binding names.
fn redact_url(text: &mut String, replacements: &[Replacement]) {
    let Ok(url) = Url::parse(text) else {
        return in_text(text, replacements);
    };
    let mut path = url[Position::BeforePath..Position::AfterPath].to_owned();
    in_text(&mut path, replacements);
    let query = url.query().map(|query| {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_key_parameter(name) => format!("{name}={}", hole("")),
            _ => {
                let mut pair = pair.to_owned();
                in_text(&mut pair, replacements);
                pair
            }
        });
        format!("?{}", pairs.collect::<Vec<_>>().join("&"))
    });
    let origin = &url[..Position::BeforePath];
    *text = format!("{origin}{path}{}", query.unwrap_or_default());
}

fn in_text(text: &mut String, replacements: &[Replacement]) {
    for (secret, hole) in replacements {
        if text.contains(secret.as_str()) {
            *text = text.replace(secret.as_str(), hole);
        }
    }
}

fn in_bytes(bytes: Vec<u8>, replacements: &[Replacement]) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            in_text(&mut text, replacements);
            text.into_bytes()
        }
        Err(error) => {
            let bytes = error.into_bytes();
            let holds = |(secret, _): &&Replacement| contains(&bytes, secret.as_bytes());
            // An image or an archive; there is no text to put a hole in.
            match replacements.iter().find(holds) {
                Some(_) => hole("").into_bytes(),
                None => bytes,
            }
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes
        .windows(part.len().max(1))
        .any(|window| window == part)
}

/// Whether a header or a member of a response holds a key by its name.
fn names_key(name: &str) -> bool {
    const ENDS: [&str; 14] = [
        "token",
        "secret",
        "password",
        "passwd",
        "apikey",
        "accesskey",
        "privatekey",
        "authorization",
        "cookie",
        "credential",
        "credentials",
        "assertion",
        "signature",
        "jwt",
    ];
    let name: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    ENDS.iter().any(|end| name.ends_with(end))
}

fn is_key_parameter(name: &str) -> bool {
    let short = [
        "key", "sig", "auth", "code", "pwd", "pass", "session", "sid",
    ];
    names_key(name) || short.iter().any(|short| name.eq_ignore_ascii_case(short))
}

/// Whether a recorded URL, in which a hole stands for any text, is this one.
pub(super) fn is_url(recorded: &str, url: &str) -> bool {
    let mut parts = parts(recorded).into_iter();
    let first = parts.next().unwrap_or_default();
    let Some(mut left) = url.strip_prefix(first) else {
        return false;
    };
    let mut middle: Vec<&str> = parts.collect();
    let Some(last) = middle.pop() else {
        return left.is_empty();
    };
    for part in middle {
        let Some((_, behind)) = left.split_once(part) else {
            return false;
        };
        left = behind;
    }
    left.ends_with(last)
}

/// What is between the holes.
fn parts(recorded: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut left = recorded;
    let mut from = 0;
    while let Some(at) = left.get(from..).and_then(|rest| rest.find(BEGIN)) {
        let at = from + at;
        let behind = left.get(at + BEGIN.len()..).unwrap_or_default();
        match end_of_hole(behind) {
            Some(end) => {
                parts.push(left.get(..at).unwrap_or_default());
                left = behind.get(end..).unwrap_or_default();
                from = 0;
            }
            None => from = at + BEGIN.len(),
        }
    }
    parts.push(left);
    parts
}

/// Where a hole ends that begins before `text`.
fn end_of_hole(text: &str) -> Option<usize> {
    let end = text.find('~')?;
    let between = text.get(..end)?;
    let is_hole = between.starts_with(':') || between.bytes().all(|byte| byte == b'.');
    is_hole.then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "k/3y+5f9&";

    fn configuration() -> BTreeMap<String, Secret> {
        BTreeMap::from([("API_KEY".to_owned(), Secret::new(KEY))])
    }

    fn recording(url: &str, headers: &[(&str, &str)], body: &str) -> Recording {
        let fetch = serde_json::json!({"url": url, "headers": headers, "body": body,
            "body_sha256": "00"});
        Recording {
            fetches: vec![serde_json::from_value(fetch).unwrap()],
            order: Vec::new(),
        }
    }

    fn response(recording: &Recording) -> (&str, &[(String, String)]) {
        match &recording.fetches[0].outcome {
            RecordedOutcome::Answered(response) => (
                std::str::from_utf8(&response.body).unwrap(),
                &response.headers,
            ),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_value_of_the_configuration_is_in_no_part_of_a_recording_and_a_replay_has_it_again() {
        let url = "https://api.example/k%2F3y%2B5f9%26/x?who=ada&k=k%2F3y%2B5f9%26";
        let body = format!("{{\"echo\": \"{KEY}\", \"plan\": \"gold\"}}");
        let whole = recording(url, &[("x-echo", KEY)], &body);
        let mut redacted = whole.clone();
        redacted.redact([], &configuration());
        let text = serde_json::to_string(&redacted).unwrap();
        assert!(!text.contains("3y"), "{text}");
        assert!(text.contains("who=ada") && text.contains("gold"));
        assert!(is_url(&redacted.fetches[0].url, url));
        let filled = redacted.filled(&configuration());
        assert_eq!(response(&filled), response(&whole));
    }

    #[test]
    fn keys_are_known_by_the_names_of_parameters_headers_and_members() {
        let mut redacted = recording(
            "https://api.example/?api_key=abc&page=2&sig=x",
            &[("Set-Cookie", "sid=1"), ("x-api-key", "abc"), ("etag", "7")],
            r#"{"access_token": "aaaabbbbcccc", "token_type": "Bearer", "n": [{"clientSecret": "ddddeeeeffff"}]}"#,
        );
        redacted.redact([], &BTreeMap::new());
        assert_eq!(
            redacted.fetches[0].url,
            "https://api.example/?api_key=~redacted~&page=2&sig=~redacted~"
        );
        assert_eq!(redacted.fetches[0].body_sha256, None);
        let (body, headers) = response(&redacted);
        assert_eq!(
            body,
            r#"{"access_token": "~redacted..~", "token_type": "Bearer", "n": [{"clientSecret": "~redacted..~"}]}"#
        );
        let values: Vec<&str> = headers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["~redacted~", "~redacted~", "7"]);
    }

    #[test]
    fn a_token_of_one_response_is_not_in_the_next_request() {
        let mut redacted = recording("https://a.example/", &[], r#"{"id_token": "tokentoken"}"#);
        redacted
            .fetches
            .extend(recording("https://a.example/tokentoken/info", &[], "ok").fetches);
        redacted.redact([], &BTreeMap::new());
        let text = serde_json::to_string(&redacted).unwrap();
        assert!(!text.contains("tokentoken"), "{text}");
    }

    #[test]
    fn a_hole_stands_for_any_text_and_the_rest_for_itself() {
        for (recorded, url, fits) in [
            ("https://a/x", "https://a/x", true),
            ("https://a/x", "https://a/xy", false),
            ("https://a/?k=~redacted~", "https://a/?k=secret", true),
            (
                "https://a/?k=~redacted:KEY~&n=1",
                "https://a/?k=s&n=1",
                true,
            ),
            (
                "https://a/?k=~redacted:KEY~&n=1",
                "https://a/?k=s&n=2",
                false,
            ),
            ("https://a/~redacted~/b/~redacted~", "https://a/1/b/2", true),
            ("https://a/~redacted~/b", "https://b/1/b", false),
            ("https://a/~redactedly", "https://a/~redactedly", true),
            ("https://a/~redacted", "https://a/~redacted", true),
        ] {
            assert_eq!(is_url(recorded, url), fits, "{recorded} {url}");
        }
    }

    #[test]
    fn short_values_and_a_body_that_is_no_text() {
        let mut short = recording("https://a.example/abc", &[], "abc");
        short.redact([], &BTreeMap::from([("A".to_owned(), Secret::new("abc"))]));
        assert_eq!(response(&short).0, "abc");
        assert_eq!(
            in_bytes(b"\xff abcd".to_vec(), &[("abcd".into(), hole("abcd"))]),
            b"~redacted~"
        );
        assert_eq!(
            in_bytes(b"\xff".to_vec(), &[("abcd".into(), hole("abcd"))]),
            b"\xff"
        );
    }
}
