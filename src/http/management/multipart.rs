//! A body as a form of several parts (RFC 7578), where a component comes as a file: the same members as
//! in JSON, one a part.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use multer::Multipart;
use serde_json::{Map, Value};

use super::json;
use super::shape::{Field, Shape};

/// The members of a form. What is text in JSON is text here, bytes are bytes, and everything else is
/// written as JSON.
///
/// # Errors
/// Where it is wrong.
pub(super) async fn parse(
    body: Bytes,
    boundary: String,
    fields: &[Field],
) -> Result<Map<String, Value>, String> {
    let whole = stream::once(async move { Ok::<_, Infallible>(body) });
    let mut form = Multipart::new(whole, boundary);
    let mut members = Map::new();
    loop {
        let part = form.next_field().await;
        let Some(part) = part.map_err(|_| malformed())? else {
            return Ok(members);
        };
        let name = part.name().unwrap_or_default().to_owned();
        let shown: String = name.escape_debug().take(100).collect();
        // Unknown names end it here, so there are no more parts than fields.
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            return Err(format!("Additional properties not allowed: {shown}"));
        };
        let content = part.bytes().await.map_err(|_| malformed())?;
        let value = value(field, &content).map_err(|what| format!("{what} in part {shown}"))?;
        if members.insert(name, value).is_some() {
            return Err("A member stands there twice".to_owned());
        }
    }
}

pub(super) fn value(field: &Field, content: &[u8]) -> Result<Value, String> {
    match field.shape {
        Shape::Base64(_) => Ok(STANDARD.encode(content).into()),
        Shape::Text(_) | Shape::Prose(_) | Shape::Word(_) | Shape::File(_) | Shape::Moment => {
            let text = std::str::from_utf8(content).map_err(|_| "No UTF-8 text".to_owned())?;
            Ok(text.into())
        }
        Shape::Flag | Shape::Whole(..) | Shape::List(..) | Shape::Object(_) | Shape::Map => {
            json::value(content)
        }
    }
}

fn malformed() -> String {
    "The form is cut short or malformed".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::new("name", Shape::Text(10), ""),
        Field::new("component", Shape::Base64(10), ""),
        Field::new("order", Shape::Whole(0, 9), ""),
        Field::new("manifest", Shape::Map, ""),
    ];

    async fn read(parts: &[(&str, &str)]) -> Result<Map<String, Value>, String> {
        let mut body = String::new();
        for (name, content) in parts {
            body += &format!(
                "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n"
            );
        }
        body += "--x--\r\n";
        parse(body.into(), "x".to_owned(), FIELDS).await
    }

    #[tokio::test]
    async fn each_part_is_read_as_its_member_is_shaped() {
        let members = read(&[
            ("name", "7"),
            ("component", "\0asm"),
            ("order", "7"),
            ("manifest", "{\"a\":1}"),
        ]);
        let expected = r#"{"name":"7","component":"AGFzbQ==","order":7,"manifest":{"a":1}}"#;
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(Value::Object(members.await.unwrap()), expected);
    }

    #[tokio::test]
    async fn what_is_unknown_twice_or_cut_short_is_refused() {
        for (parts, expected) in [
            (
                &[("strange", "1")][..],
                "Additional properties not allowed: strange",
            ),
            (
                &[("name", "a"), ("name", "b")],
                "A member stands there twice",
            ),
            (&[("order", "many")], "Invalid JSON in part order"),
            (
                &[("manifest", "{\"a\":1,\"a\":2}")],
                "A member stands there twice in part manifest",
            ),
        ] {
            assert_eq!(read(parts).await.unwrap_err(), expected);
        }
        let short = "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nab";
        let read = parse(short.into(), "x".to_owned(), FIELDS).await;
        assert_eq!(read.unwrap_err(), "The form is cut short or malformed");
    }
}
