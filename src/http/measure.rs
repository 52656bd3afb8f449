//! Counts and times requests, by route: what a client sent is never a label.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::accept::PeerAddr;
use crate::metrics::OTHER;
use crate::server::Server;
use crate::trace::span;

/// One request, up to the head of its answer.
pub(super) async fn measure(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(OTHER, MatchedPath::as_str);
    let method = word(request.method());
    let span = span!(
        "request",
        otel.name = Empty,
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        otel.status_code = Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("{method} {route}"));
        join(&span, &server, &request);
    }
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    server
        .metrics
        .http_request(route, method, status, begun.elapsed());
    response
}

/// A caller may say what its request is a part of (W3C Trace Context). A trusted proxy is believed,
/// with its decision on what to sample; of anybody else's word there is a link.
fn join(span: &Span, server: &Server, request: &Request) {
    let headers = HeaderExtractor(request.headers());
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
    let caller = context.span().span_context().clone();
    if !caller.is_valid() {
        return;
    }
    let peer = request.extensions().get::<PeerAddr>();
    let trusted = peer.is_some_and(|peer| {
        let address = peer.0.ip();
        let networks = &server.trusted_proxies;
        networks.iter().any(|network| network.contains(&address))
    });
    match trusted {
        // It fails only once the span has begun.
        true => drop(span.set_parent(context)),
        false => span.add_link(caller),
    }
}

fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
