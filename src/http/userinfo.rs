//! `GET` and `POST /userinfo` (OpenID Connect Core, section 5.3), with a bearer token (RFC 6750).

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::authorization::{Authorization, AuthorizationError};
use super::body::read_body;
use super::error::{Refusal, no_store};
use super::host::AtTenant;
use super::params::{Params, ParamsError, content_type};
use crate::secret::Secret;
use crate::server::Server;
use crate::token::access::{self, AccessError};

/// The token comes in the `Authorization` header. One in the query is not read: RFC 6750,
/// section 2.3 advises against it, and RFC 9700, section 4.3.2 forbids it.
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let token = from_header(&headers)?.ok_or_else(no_token)?;
    answer(&server, &at, &token).await
}

/// Likewise, or as `access_token` in a form body (RFC 6750, section 2.2), but not both.
pub(super) async fn post(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let in_header = from_header(&parts.headers)?;
    let body = read_body(body).await;
    let body = body.map_err(super::error::body)?;
    let in_body = match body.is_empty() {
        true => None,
        false => in_form(&parts.headers, &body)
            .map_err(|error| Refusal::invalid_request(error.to_string()))?,
    };
    let token = match (in_header, in_body) {
        (Some(_), Some(_)) => return Err(two_tokens()),
        (Some(token), None) | (None, Some(token)) => token,
        (None, None) => return Err(no_token()),
    };
    answer(&server, &at, &token).await
}

async fn answer(server: &Server, at: &AtTenant, token: &Secret) -> Result<Response, Refusal> {
    let now = server.clock.now();
    let claims = async {
        let Server {
            records, keyring, ..
        } = server;
        let access = access::verify_access_token(records, keyring, &at.tenant, token, now).await?;
        access::userinfo(records, &at.tenant, &access).await
    };
    match claims.await {
        Ok(claims) => {
            let mut response = Json(claims).into_response();
            no_store(response.headers_mut());
            Ok(response)
        }
        Err(AccessError::Invalid(reason)) => {
            tracing::info!(tenant = %at.tenant.name, reason, "an access token was refused");
            Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "invalid_token",
                "The access token is invalid or has expired",
            )
            .with(
                header::WWW_AUTHENTICATE,
                r#"Bearer error="invalid_token", error_description="The access token is invalid or has expired""#,
            ))
        }
        Err(AccessError::InsufficientScope) => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            "The access token does not grant openid",
        )
        .with(
            header::WWW_AUTHENTICATE,
            r#"Bearer error="insufficient_scope", scope="openid""#,
        )),
        Err(AccessError::Store(error)) => Err(error.into()),
        Err(AccessError::Key(error)) => Err(error.into()),
    }
}

/// RFC 6750, section 3.1: a request without a token gets a challenge without an error code. The
/// body says a little more, for people.
fn no_token() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "invalid_token",
        "The request has no access token",
    )
    .with(header::WWW_AUTHENTICATE, "Bearer")
}

fn two_tokens() -> Refusal {
    Refusal::invalid_request("The access token must be sent in one way only.").with(
        header::WWW_AUTHENTICATE,
        r#"Bearer error="invalid_request""#,
    )
}

fn in_form(headers: &HeaderMap, body: &[u8]) -> Result<Option<Secret>, ParamsError> {
    Params::parse(content_type(headers)?, body)?.take_secret("access_token")
}

fn from_header(headers: &HeaderMap) -> Result<Option<Secret>, Refusal> {
    match Authorization::of(headers) {
        Ok(None) => Ok(None),
        Ok(Some(Authorization::Bearer(token))) => Ok(Some(token)),
        Ok(Some(Authorization::Basic(_))) => Err(no_token()),
        Err(AuthorizationError::Repeated) => Err(two_tokens()),
        Err(_) => Err(
            Refusal::invalid_request("The Authorization header is malformed.").with(
                header::WWW_AUTHENTICATE,
                r#"Bearer error="invalid_request""#,
            ),
        ),
    }
}
