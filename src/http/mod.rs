//! The front door: every route on one screen, one file for each endpoint.
//!
//! A request passes [`accept`] (how many, how long), [`wire`] (is its framing beyond doubt), the
//! router, and then [`body`], [`params`] and [`authorization`], which turn bytes into values that the
//! endpoints can trust.

pub mod accept;
pub mod authorization;
pub mod body;
mod client_credentials;
mod dbconnections;
mod discovery;
mod error;
mod forwarded;
mod health;
mod host;
mod issued;
mod jwks;
mod management;
mod measure;
pub mod observe;
pub mod outgoing;
pub mod params;
mod possession;
pub mod tls;
mod token;
mod userinfo;
pub mod wire;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use self::error::Refusal;
use crate::server::Server;

/// All routes of the server.
pub fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/oauth/token", post(token::issue))
        .route("/oauth/revoke", post(issued::revoke))
        .route("/oauth/introspect", post(issued::introspect))
        .route("/userinfo", get(userinfo::get).post(userinfo::post))
        .route(
            "/.well-known/openid-configuration",
            get(discovery::metadata),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            get(discovery::metadata),
        )
        .route("/.well-known/jwks.json", get(jwks::keys))
        .route("/dbconnections/signup", post(dbconnections::sign_up))
        .route(
            "/dbconnections/change_password",
            post(dbconnections::change_password),
        )
        .route(
            "/dbconnections/reset",
            get(dbconnections::reset_form).post(dbconnections::reset),
        )
        .route(
            "/dbconnections/unblock",
            get(dbconnections::unblock_form).post(dbconnections::unblock),
        )
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .nest("/api/v2", management::router())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&server), measure::measure))
        .with_state(server)
}

async fn not_found() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "There is no such endpoint.",
    )
}

async fn method_not_allowed() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This endpoint does not answer to this method; the Allow header names those it does.",
    )
}
