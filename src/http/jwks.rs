//! `GET /.well-known/jwks.json`: the public halves of the tenant's signing keys (RFC 7517).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::discovery::PUBLIC;
use super::error::Refusal;
use super::host::AtTenant;
use crate::server::Server;

/// Answers with the key set.
pub(super) async fn keys(
    State(server): State<Arc<Server>>,
    at: AtTenant,
) -> Result<Response, Refusal> {
    let keys = server
        .keyring
        .jwks(&server.records, &at.tenant.name)
        .await?;
    Ok((PUBLIC, Json(keys)).into_response())
}
