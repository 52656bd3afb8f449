//! `GET` and `POST /userinfo` (OpenID Connect Core, section 5.3), with a bearer token (RFC 6750)
//! or one that is bound to a key (RFC 9449).

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::authorization::{Authorization, AuthorizationError};
use super::body::read_request;
use super::error::{Refusal, dpop_nonce_needed, invalid_dpop_proof, no_store};
use super::host::AtTenant;
use super::params::{Params, ParamsError, content_type};
use super::possession::possession;
use crate::secret::Secret;
use crate::server::Server;
use crate::token::access::{self, AccessError, Presented};
use crate::token::dpop::{self, DpopError};

/// The token comes in the `Authorization` header. One in the query is not read: RFC 6750,
/// section 2.3 advises against it, and RFC 9700, section 4.3.2 forbids it.
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    let token = from_header(&parts.headers)?.ok_or_else(no_token)?;
    answer(&server, &at, &parts, token).await
}

/// Likewise, or as `access_token` in a form body (RFC 6750, section 2.2), but not both.
pub(super) async fn post(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (parts, body) = read_request(request).await?;
    let in_header = from_header(&parts.headers)?;
    let in_body = match body.is_empty() {
        true => None,
        false => in_form(&parts.headers, &body)
            .map_err(|error| Refusal::invalid_request(error.to_string()))?,
    };
    let token = match (in_header, in_body) {
        (Some(_), Some(_)) => return Err(two_tokens()),
        (Some(token), None) => token,
        (None, Some(token)) => (Scheme::Bearer, token),
        (None, None) => return Err(no_token()),
    };
    answer(&server, &at, &parts, token).await
}

/// How the token was sent; a refusal answers in the same scheme.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
}

async fn answer(
    server: &Server,
    at: &AtTenant,
    parts: &Parts,
    (scheme, token): (Scheme, Secret),
) -> Result<Response, Refusal> {
    let possession = possession(&parts.headers, &parts.extensions);
    let possession = possession.map_err(|reason| invalid_proof(at, reason))?;
    let proof = match scheme {
        // RFC 9449, section 7.1: the scheme says whether the field means anything.
        Scheme::Bearer => None,
        Scheme::Dpop => {
            let proof = possession.dpop.as_deref();
            Some(proof.ok_or_else(|| invalid_proof(at, "there is none"))?)
        }
    };
    let presented = Presented {
        token: &token,
        dpop: proof.map(|proof| (proof, parts.method.as_str())),
        certificate: possession.certificate.as_deref(),
    };
    let now = server.clock.now();
    let claims = async {
        let Server {
            records, keyring, ..
        } = server;
        let tenant = &at.tenant;
        let access = access::verify_access_token(records, keyring, tenant, presented, now).await?;
        access::userinfo(records, tenant, &access).await
    };
    match claims.await {
        Ok(claims) => {
            let mut response = Json(claims).into_response();
            no_store(response.headers_mut());
            Ok(response)
        }
        Err(error) => Err(refuse(at, scheme, error)),
    }
}

fn refuse(at: &AtTenant, scheme: Scheme, error: AccessError) -> Refusal {
    let tenant = &at.tenant.name;
    match error {
        AccessError::Store(error) => error.into(),
        AccessError::Key(error) => error.into(),
        AccessError::Proof(DpopError::NonceNeeded(nonce)) => {
            dpop_nonce_needed(StatusCode::UNAUTHORIZED, &nonce).with(
                header::WWW_AUTHENTICATE,
                &challenge(Scheme::Dpop, "use_dpop_nonce"),
            )
        }
        AccessError::Proof(DpopError::Invalid(reason)) => invalid_proof(at, reason),
        AccessError::Proof(error) => Refusal::unexpected(&error),
        AccessError::InsufficientScope => Refusal::new(
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            "The access token does not grant openid",
        )
        .with(
            header::WWW_AUTHENTICATE,
            &format!(
                r#"{}, scope="openid""#,
                challenge(scheme, "insufficient_scope")
            ),
        ),
        AccessError::Invalid(_) | AccessError::Unconfirmed => {
            tracing::info!(%tenant, reason = %error, "an access token was refused");
            let text = "The access token is invalid or has expired";
            let challenge = challenge(scheme, "invalid_token");
            Refusal::new(StatusCode::UNAUTHORIZED, "invalid_token", text).with(
                header::WWW_AUTHENTICATE,
                &format!(r#"{challenge}, error_description="{text}""#),
            )
        }
    }
}

/// RFC 9449, section 7.1.
fn invalid_proof(at: &AtTenant, reason: &str) -> Refusal {
    tracing::info!(tenant = %at.tenant.name, reason, "a DPoP proof was refused");
    invalid_dpop_proof(StatusCode::UNAUTHORIZED).with(
        header::WWW_AUTHENTICATE,
        &challenge(Scheme::Dpop, "invalid_dpop_proof"),
    )
}

/// RFC 6750, section 3; RFC 9449, section 7.1.
fn challenge(scheme: Scheme, error: &str) -> String {
    match scheme {
        Scheme::Bearer => format!(r#"Bearer error="{error}""#),
        Scheme::Dpop => format!(r#"{}, error="{error}""#, dpop_challenge()),
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
    .with(header::WWW_AUTHENTICATE, &dpop_challenge())
}

fn dpop_challenge() -> String {
    format!(r#"DPoP algs="{}""#, dpop::ALGORITHMS.join(" "))
}

fn two_tokens() -> Refusal {
    Refusal::invalid_request("The access token must be sent in one way only.").with(
        header::WWW_AUTHENTICATE,
        &challenge(Scheme::Bearer, "invalid_request"),
    )
}

fn in_form(headers: &HeaderMap, body: &[u8]) -> Result<Option<Secret>, ParamsError> {
    Params::parse(content_type(headers)?, body)?.take_secret("access_token")
}

fn from_header(headers: &HeaderMap) -> Result<Option<(Scheme, Secret)>, Refusal> {
    match Authorization::of(headers) {
        Ok(None) => Ok(None),
        Ok(Some(Authorization::Bearer(token))) => Ok(Some((Scheme::Bearer, token))),
        Ok(Some(Authorization::Dpop(token))) => Ok(Some((Scheme::Dpop, token))),
        Ok(Some(Authorization::Basic(_))) => Err(no_token()),
        Err(AuthorizationError::Repeated) => Err(two_tokens()),
        Err(_) => Err(
            Refusal::invalid_request("The Authorization header is malformed.").with(
                header::WWW_AUTHENTICATE,
                &challenge(Scheme::Bearer, "invalid_request"),
            ),
        ),
    }
}
