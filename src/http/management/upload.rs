//! A form with a file, read as it arrives: the file goes on in pieces, whatever else is in the form is a member as
//! in JSON. No more of the body is in memory than came in one piece.

use std::sync::PoisonError;
use std::task::Poll;

use futures_util::{Stream, StreamExt as _};
use multer::{Constraints, Multipart, SizeLimit};
use serde_json::{Map, Value};

use super::endpoint::Form;
use super::multipart::value;
use super::shape::{Field, Shape, Stage, check};
use crate::admin::jobs::Upload;
use crate::http::body::{BodyError, MAX_FORM_BYTES, classify};
use crate::http::error::management::Refused;

/// The longest part that is no file.
const MAX_MEMBER_BYTES: u64 = 4 * 1024;

/// Reads a form to its end. The file's member is an empty text.
pub(super) async fn receive(
    form: Form,
    fields: &[Field],
    file: &mut Upload<'_>,
) -> Result<Map<String, Value>, Refused> {
    let mut limit = SizeLimit::new()
        .whole_stream(MAX_FORM_BYTES)
        .per_field(MAX_MEMBER_BYTES);
    for field in fields {
        if let Shape::File(most) = field.shape {
            limit = limit.for_field(field.name, most);
        }
    }
    let body = form
        .body
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let body = piece_by_piece(body.into_data_stream());
    let limits = Constraints::new().size_limit(limit);
    let mut form = Multipart::with_constraints(body, form.boundary, limits);
    let mut members = Map::new();
    while let Some(mut part) = form.next_field().await.map_err(refused)? {
        let name = part.name().unwrap_or_default().to_owned();
        let shown: String = name.escape_debug().take(100).collect();
        // Unknown names end it here, so there are no more parts than fields.
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            return Err(invalid(&format!(
                "Additional properties not allowed: {shown}"
            )));
        };
        if members.contains_key(&name) {
            return Err(invalid("A member stands there twice"));
        }
        let value = match field.shape {
            Shape::File(_) => {
                while let Some(piece) = part.chunk().await.map_err(refused)? {
                    file.write(&piece).await?;
                }
                Value::from("")
            }
            _ => {
                let content = part.bytes().await.map_err(refused)?;
                let value = value(field, &content);
                value.map_err(|what| invalid(&format!("{what} in part {shown}")))?
            }
        };
        members.insert(name, value);
    }
    check(&members, fields, Stage::Create)
        .map_err(|problem| Refused::invalid_body(problem.message("Payload")))?;
    Ok(members)
}

/// The parser takes in all that is ready before it looks at any of it: a fast sender's whole file. Now nothing is
/// ready for a moment behind each piece.
fn piece_by_piece<S: Stream + Unpin>(mut stream: S) -> impl Stream<Item = S::Item> {
    let mut rests = false;
    futures_util::stream::poll_fn(move |context| {
        if std::mem::take(&mut rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = stream.poll_next_unpin(context);
        rests = matches!(piece, Poll::Ready(Some(_)));
        piece
    })
}

fn invalid(what: &str) -> Refused {
    Refused::invalid_body(format!("Payload validation error: '{what}'."))
}

fn refused(error: multer::Error) -> Refused {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            BodyError::TooLarge.into()
        }
        error @ multer::Error::StreamReadFailed(_) => classify(&error).into(),
        _ => invalid("The form is cut short or malformed"),
    }
}
