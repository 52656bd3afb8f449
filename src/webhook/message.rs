//! One delivery: its body, and the signature of <https://www.standardwebhooks.com>, so that receivers
//! can check it with a library of theirs.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::admin::Error;
use crate::admin::log_streams::{authorization_context, secret_context};
use crate::clock::Timestamp;
use crate::log_stream::{Format, LogStream};
use crate::rule_host::fetch::Post;
use crate::tenant::TenantName;
use crate::token::MasterKey;

/// The most bytes of a body; a single event has a few thousand.
const MOST_BYTES: usize = 128 << 10;

/// A body of the first of these documents, and how many are in it: at least one, at most `most`.
pub(super) fn body(format: Format, documents: &[Value], most: usize) -> (Vec<u8>, usize) {
    let mut body = String::new();
    let mut count = 0;
    for document in documents.iter().take(most.max(1)) {
        let wrapped = json!({ "log_id": log_id(document), "data": document }).to_string();
        if count > 0 && body.len() + wrapped.len() > MOST_BYTES {
            break;
        }
        match format {
            Format::Lines => body.extend([wrapped.as_str(), "\n"]),
            Format::Array => {
                body.push(if count == 0 { '[' } else { ',' });
                body.push_str(&wrapped);
            }
            Format::Object => body.push_str(&wrapped),
        }
        count += 1;
    }
    if format == Format::Array {
        body.push(']');
    }
    (body.into_bytes(), count)
}

pub(super) fn log_id(document: &Value) -> String {
    let id = document.get("log_id").and_then(Value::as_str);
    id.unwrap_or_default().to_owned()
}

/// The message to send: signed over its identity, the time and the body, so that nobody can make one,
/// change one, or send an old one again.
pub(super) fn sign(
    master: &MasterKey,
    tenant: &TenantName,
    stream: &LogStream,
    first: &str,
    body: Vec<u8>,
    now: Timestamp,
) -> Result<Post, Error> {
    let id = format!("{}-{first}", stream.id);
    let secret = stream
        .secret
        .open(master, &secret_context(tenant, &stream.id))?;
    let timestamp = now.as_secs().to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let mut context = hmac::Context::with_key(&key);
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", &body] {
        context.update(part);
    }
    let signature = format!("v1,{}", STANDARD.encode(context.sign()));
    let mut headers = vec![
        ("content-type".to_owned(), stream.sink.content_type.clone()),
        (
            "user-agent".to_owned(),
            concat!("claimsmith/", env!("CARGO_PKG_VERSION")).to_owned(),
        ),
        ("webhook-id".to_owned(), id),
        ("webhook-timestamp".to_owned(), timestamp),
        ("webhook-signature".to_owned(), signature),
    ];
    if let Some(sealed) = &stream.sink.authorization {
        let value = sealed.open(master, &authorization_context(tenant, &stream.id))?;
        let value = String::from_utf8_lossy(&value).into_owned();
        headers.push(("authorization".to_owned(), value));
    }
    headers.extend(stream.sink.headers.iter().cloned());
    Ok(Post {
        url: stream.sink.endpoint.clone(),
        headers,
        body,
        timeout: Duration::ZERO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(count: usize, text: &str) -> Vec<Value> {
        let one = |number| json!({ "log_id": format!("{number}"), "description": text });
        (0..count).map(one).collect()
    }

    #[test]
    fn bodies_are_what_their_format_says() {
        let all = documents(2, "x");
        let (lines, count) = body(Format::Lines, &all, 2);
        let lines = String::from_utf8(lines).unwrap();
        assert_eq!((lines.lines().count(), count), (2, 2));
        for (line, number) in lines.lines().zip(["0", "1"]) {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["log_id"], number);
            assert_eq!(line["data"]["log_id"], number);
        }
        let (array, _) = body(Format::Array, &all, 2);
        let array: Value = serde_json::from_slice(&array).unwrap();
        assert_eq!(array.as_array().map(Vec::len), Some(2));
        let (object, count) = body(Format::Object, &all, 1);
        let object: Value = serde_json::from_slice(&object).unwrap();
        assert_eq!((object["log_id"].as_str(), count), (Some("0"), 1));
    }

    #[test]
    fn what_does_not_fit_goes_with_the_next_and_one_goes_always() {
        let all = documents(5, &"x".repeat(50 << 10));
        assert_eq!(body(Format::Lines, &all, 5).1, 2);
        let all = documents(2, &"x".repeat(200 << 10));
        assert_eq!(body(Format::Array, &all, 2).1, 1);
    }
}
