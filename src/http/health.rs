//! `GET /health`: whether this process can do its work. Answers on any host name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::server::Server;

/// 200 while the store takes writes, else 503; the reason is in the log only.
pub(super) async fn health(State(server): State<Arc<Server>>) -> Response {
    let health = server.records.store().health();
    let (status, word) = match &health {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(error) => {
            tracing::warn!(%error, "unhealthy: the store takes no writes");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    };
    let version = env!("CARGO_PKG_VERSION");
    let body = Json(json!({ "status": word, "version": version }));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}
