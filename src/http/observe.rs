//! What operators ask, on a listener of its own: `/metrics`, and `/health` and `/ready` beside it.
//!
//! Metrics name tenants and their rules; they are not for whoever can reach the token endpoint.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::accept::ConnectionLimits;
use super::health;
use crate::metrics::CONTENT_TYPE;
use crate::server::Server;

/// The routes.
pub fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(server)
}

/// A scraper or two, and a person.
pub fn limits() -> ConnectionLimits {
    ConnectionLimits {
        connections: 16,
        connections_per_address: 16,
        drain_timeout: std::time::Duration::from_secs(1),
        ..ConnectionLimits::default()
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    server
        .metrics
        .now(server.passwords.waiting(), server.log.followers());
    let headers = [
        (header::CONTENT_TYPE, CONTENT_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, server.metrics.text()).into_response()
}
