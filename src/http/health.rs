//! `GET /health`: whether this process is sound; a supervisor starts it again if not. `GET /ready`:
//! whether it does its work; a balancer sends it requests only then. Both answer on any host name, and
//! the reasons are in the log only.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::server::Server;

/// 200 while the store takes writes, else 503.
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

/// The same, and also 503 without keys and from the moment on at which the server begins to stop.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> Response {
    let (status, word) = match server.ready().await {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(reason) => {
            tracing::warn!(reason, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    };
    let body = Json(json!({ "status": word }));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}
