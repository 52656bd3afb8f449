//! One HTTP/1.1 request and its response, over a stream that is theirs alone.

use std::pin::pin;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Position;

use super::FetchLimits;
use super::answer::{Failure, FetchError, Response};
use super::network::Hop;
use super::request::Request;

/// The head of a response, read at once: larger ones are refused. hyper takes 8 KiB at the least.
const HEAD_BYTES: usize = 64 << 10;

/// Sends `request` and reads the response, `most` bytes of it. `redirect` looks at the head first:
/// the body of a response that leads elsewhere is not read.
pub(super) async fn exchange<S>(
    stream: S,
    request: &Request,
    limits: &FetchLimits,
    most: usize,
    redirect: impl FnOnce(&http::Response<()>) -> Result<Option<Request>, Failure>,
) -> Result<Hop, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(limits.headers)
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(explain)?;
    let message = message(request)?;
    let conversation = async move {
        let response = sender.send_request(message).await.map_err(explain)?;
        let (parts, body) = response.into_parts();
        let head = http::Response::from_parts(parts, ());
        match redirect(&head)? {
            Some(next) => Ok(Hop::Moved(Box::new(next))),
            None => read(request, &head, body, most).await.map(Hop::Arrived),
        }
    };
    let mut conversation = pin!(conversation);
    tokio::select! {
        hop = &mut conversation => hop,
        // The server is done; what it sent may not all be read yet.
        _ = connection => conversation.await,
    }
}

fn message(request: &Request) -> Result<http::Request<Full<Bytes>>, Failure> {
    let target = &request.url[Position::BeforePath..Position::AfterQuery];
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.version_mut() = Version::HTTP_11;
    *message.uri_mut() = target
        .parse::<Uri>()
        .map_err(|error| Failure::malformed(format!("the URL cannot be asked for: {error}")))?;
    let host = &request.url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(host)
        .map_err(|error| Failure::malformed(format!("the host cannot be asked: {error}")))?;
    *message.headers_mut() = request.headers.clone();
    message.headers_mut().insert(HOST, host);
    Ok(message)
}

async fn read(
    request: &Request,
    head: &http::Response<()>,
    mut body: Incoming,
    most: usize,
) -> Result<Response, Failure> {
    let mut response = Response {
        status: head.status().as_u16(),
        headers: head
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect(),
        body: Vec::new(),
        url: request.url.to_string(),
    };
    let mut left = most.checked_sub(response.size());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(explain)?;
        // Trailers are not for rules.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        left = left.and_then(|left| left.checked_sub(data.len()));
        if left.is_none() {
            break;
        }
        response.body.extend_from_slice(&data);
    }
    match left {
        Some(_) => Ok(response),
        None => Err(too_large("the response", most)),
    }
}

pub(super) fn too_large(what: &str, most: usize) -> Failure {
    Failure::new(
        FetchError::TooLarge,
        format!("{what} may have {most} bytes, and there are more"),
    )
}

fn explain(error: hyper::Error) -> Failure {
    if error.is_parse_too_large() {
        return Failure::new(
            FetchError::TooLarge,
            format!("the response's headers are too many or too long: {error}"),
        );
    }
    let what = if error.is_parse() {
        "the answer is not HTTP/1.1"
    } else {
        "the connection broke"
    };
    Failure::unreachable(what, words(&error))
}

/// hyper's own words, and its cause's.
fn words(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
