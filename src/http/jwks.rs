//! `GET /.well-known/jwks.json`: the public halves of the tenant's signing keys (RFC 7517).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::error::Refusal;
use super::host::AtTenant;
use crate::server::Server;
use crate::token::JWKS_MAX_AGE;

/// Answers with the key set. It may be kept for as long as a new key is sure to wait, and no longer
/// than a revoked one may go on to be believed.
pub(super) async fn keys(
    State(server): State<Arc<Server>>,
    at: AtTenant,
) -> Result<Response, Refusal> {
    let keys = server
        .keyring
        .jwks(&server.records, &at.tenant.name)
        .await?;
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
        (
            header::CACHE_CONTROL,
            format!("public, max-age={JWKS_MAX_AGE}"),
        ),
    ];
    Ok((headers, Json(keys)).into_response())
}
