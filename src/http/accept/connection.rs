//! One connection, from its first byte to its close.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, PRAGMA, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::{ConnectionLimits, PeerAddr, Stopping};
use crate::http::tls::{ClientCertificate, Tls};
use crate::http::wire::{StrictStream, raw_response};

/// Shakes hands where there is TLS, then serves requests.
pub(super) async fn drive(
    socket: TcpStream,
    tls: Option<Tls>,
    peer: SocketAddr,
    router: Router,
    limits: ConnectionLimits,
    stopping: watch::Receiver<bool>,
) {
    // Answers are small and complete: waiting for more to put into a packet only delays them.
    let _only_a_delay_if_it_fails = socket.set_nodelay(true);
    let Some(tls) = tls else {
        return speak(socket, peer, None, router, limits, stopping).await;
    };
    match tokio::time::timeout(limits.handshake_timeout, tls.accept(socket)).await {
        Ok(Ok((stream, certificate))) => {
            speak(stream, peer, certificate, router, limits, stopping).await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS connection came about"),
        Err(_elapsed) => tracing::debug!(%peer, "the TLS handshake took too long"),
    }
}

/// Serves requests until either side is done with the connection.
async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    socket: S,
    peer: SocketAddr,
    certificate: Option<ClientCertificate>,
    router: Router,
    limits: ConnectionLimits,
    mut stopping: watch::Receiver<bool>,
) {
    let stream = StrictStream::new(socket, limits.stream());
    let closing = stream.closing();
    let told = Stopping(stopping.clone());
    let service = hyper::service::service_fn(|request| {
        let router = router.clone();
        let closing = &closing;
        let timeout = limits.handler_timeout;
        let mut request: Request<Incoming> = request;
        request.extensions_mut().insert(told.clone());
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        Box::pin(async move { respond(router, request, peer, timeout, closing).await })
    });
    let mut connection = http1::Builder::new()
        // The stream has its own deadlines; it shows hyper no incomplete head to wait for.
        .header_read_timeout(None)
        // A client may close its sending side and still read the answer. Also, a refused request looks like that, and
        // must not cancel the one before it.
        .half_close(true)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    let served = tokio::select! {
        served = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(served),
        _stopping = stopping.wait_for(|stopping| *stopping) => None,
    };
    let served = match served {
        Some(served) => served,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let stream = connection.into_parts().io.into_inner();
    match served {
        Ok(()) => close(stream, &limits, peer).await,
        Err(error) => tracing::debug!(%peer, %error, "connection lost"),
    }
}

/// Answers the request that the wire refused, if any, and closes without destroying the answer on its way.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(
    stream: StrictStream<S>,
    limits: &ConnectionLimits,
    peer: SocketAddr,
) {
    let refusal = stream.refusal();
    let peer_may_send = stream.peer_may_send();
    let mut socket = stream.into_inner();
    if let Some(violation) = refusal {
        tracing::debug!(%peer, reason = %violation, "request refused");
        send(&mut socket, &violation.response(), limits.write_timeout).await;
    }
    if peer_may_send {
        linger(socket, limits.linger_timeout).await;
    }
}

/// Tells a client that the server has no room for it.
pub(super) async fn turn_away(mut socket: TcpStream) {
    let response = raw_response(
        StatusCode::SERVICE_UNAVAILABLE,
        "temporarily_unavailable",
        "too many connections are open, try again later",
        "retry-after: 1\r\n",
    );
    let patience = Duration::from_secs(1);
    send(&mut socket, &response, patience).await;
    linger(socket, patience).await;
}

async fn send(socket: &mut (impl AsyncWrite + Unpin), response: &[u8], within: Duration) {
    // Whoever does not read it does not get it; the connection ends either way.
    let _sent = tokio::time::timeout(within, socket.write_all(response)).await;
}

/// Closes in two steps, as RFC 9112 section 9.6 describes: closing a socket with unread bytes resets the connection,
/// and a reset makes the peer discard an answer it has not read.
async fn linger(mut socket: impl AsyncRead + AsyncWrite + Unpin, within: Duration) {
    const MOST_BYTES: usize = 256 * 1024;
    let drain = async {
        if socket.shutdown().await.is_err() {
            return;
        }
        let mut scratch = [0; 4096];
        let mut drained = 0;
        while let Ok(count @ 1..) = socket.read(&mut scratch).await {
            drained += count;
            if drained > MOST_BYTES {
                return;
            }
        }
    };
    let _closed_by_peer = tokio::time::timeout(within, drain).await;
}

/// One request through the router, whatever the handler does.
async fn respond(
    router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    timeout: Duration,
    closing: &AtomicBool,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    // One client has one address, also on a socket that takes IPv4 clients as mapped IPv6 addresses.
    let address = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    request.extensions_mut().insert(PeerAddr(address));
    let method = request.method().clone();
    // Without the query, which may hold what should have been in the body.
    let path = request.uri().path().to_owned();
    let answer = AssertUnwindSafe(router.oneshot(request)).catch_unwind();
    let (mut response, must_close) = match tokio::time::timeout(timeout, answer).await {
        Ok(Ok(Ok(response))) => (response, false),
        Ok(Ok(Err(infallible))) => match infallible {},
        Ok(Err(_panic)) => {
            // The panic hook has printed the message.
            tracing::error!(%peer, %method, path, "a handler panicked");
            (
                failure(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "server_error",
                    "the server failed to answer this request",
                ),
                true,
            )
        }
        Err(_elapsed) => {
            tracing::error!(%peer, %method, path, timeout_ms = timeout.as_millis(), "a handler ran out of time");
            let mut response = failure(
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "the server took too long to answer, try again later",
            );
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
            (response, true)
        }
    };
    // hyper says so itself where the client asked to close; it does not know what the handler left of the body.
    if must_close
        || closing.load(Ordering::Relaxed)
        || response.status() == StatusCode::PAYLOAD_TOO_LARGE
    {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

fn failure(status: StatusCode, error: &str, description: &str) -> Response<Body> {
    let body = serde_json::json!({ "error": error, "error_description": description });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
