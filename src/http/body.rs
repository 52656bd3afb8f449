//! [`read_request`]: a request with its body, whole and bounded.

use std::error::Error;
use std::io;

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::job::MAX_UPLOAD_BYTES;

/// The largest request body, in bytes. A token request is a few hundred; 64 KiB leave room for a long assertion and
/// make a thousand connections cost at most 64 MiB.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The largest body of the management API (contract, section 7.1), in bytes.
pub(super) const MAX_MANAGEMENT_BYTES: usize = 1024 * 1024;

/// The same where a file of users comes in a form, with what stands around it.
pub(super) const MAX_FORM_BYTES: u64 = MAX_UPLOAD_BYTES + 64 * 1024;

/// The same where a component comes in base64, with what stands around it.
pub const fn max_upload_bytes(component_bytes: usize) -> usize {
    MAX_MANAGEMENT_BYTES + component_bytes.div_ceil(3) * 4
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More than its endpoint takes; answered with 413.
    #[error("the request body is too large")]
    TooLarge,
    /// It did not arrive in time; answered with 408.
    #[error("the request body took too long to arrive")]
    TimedOut,
    /// It ended early, or its chunks are malformed; answered with 400.
    #[error("the request body is cut short or malformed")]
    Broken,
}

/// Reads a whole body into memory.
///
/// # Errors
///
/// See [`BodyError`]. Time is kept by the connection ([`super::accept::ConnectionLimits::body_timeout`]), not here.
pub async fn read_body(body: Body) -> Result<Bytes, BodyError> {
    read_body_up_to(body, MAX_BODY_BYTES).await
}

/// The same for endpoints whose bodies may be larger.
pub(super) async fn read_body_up_to(mut body: Body, most: usize) -> Result<Bytes, BodyError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| classify(&error))?;
        // The other kind of frame, trailer fields, never gets past the wire.
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if whole.len() + data.len() > most {
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(data);
    }
    Ok(whole.freeze())
}

/// A request's head, and its whole body; errors as of [`read_body`].
pub(super) async fn read_request(request: Request<Body>) -> Result<(Parts, Bytes), BodyError> {
    let (parts, body) = request.into_parts();
    Ok((parts, read_body(body).await?))
}

pub(super) fn classify(error: &(dyn Error + 'static)) -> BodyError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::TimedOut
        {
            return BodyError::TimedOut;
        }
        cause = error.source();
    }
    BodyError::Broken
}
