//! `POST /oauth/token` (RFC 6749, section 3.2): parses the request, and nothing else.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::accept::PeerAddr;
use super::body::read_request;
use super::client_credentials::{self, required};
use super::error::{Refusal, no_store, refuse};
use super::forwarded::origin;
use super::host::AtTenant;
use super::params::{Params, content_type};
use super::possession::possession;
use crate::grant::{self, Error, GrantRequest, Origin, PasswordCredentials, TokenRequest};
use crate::server::Server;
use crate::tenant::Tenant;

/// Answers a token request.
pub(super) async fn issue(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    Extension(peer): Extension<PeerAddr>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let profile = at.tenant.errors;
    let (parts, body) = read_request(request).await?;
    let origin = origin(&server, peer, &parts.headers, at.hostname);
    let result = match parse(at.tenant, &parts, &body, origin) {
        Ok(request) => grant::issue(&server, request).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(token) => {
            let mut response = Json(token.to_wire()).into_response();
            no_store(response.headers_mut());
            Ok(response)
        }
        Err(error) => Err(refuse(error, profile)),
    }
}

fn parse(
    tenant: Tenant,
    parts: &Parts,
    body: &[u8],
    origin: Origin,
) -> Result<TokenRequest, Error> {
    client_credentials::refuse_in_the_uri(&parts.uri)?;
    let mut params = Params::parse(content_type(&parts.headers)?, body)?;

    let grant_type = required(&params, "grant_type")?;
    let client = client_credentials::take(&parts.headers, &mut params)?;
    let grant = match grant_type.as_str() {
        GrantRequest::PASSWORD => GrantRequest::Password(credentials(&mut params)?),
        GrantRequest::PASSWORD_REALM => {
            GrantRequest::PasswordRealm(credentials(&mut params)?, required(&params, "realm")?)
        }
        GrantRequest::CLIENT_CREDENTIALS => GrantRequest::ClientCredentials,
        GrantRequest::REFRESH_TOKEN => {
            let token = params.take_secret("refresh_token")?;
            GrantRequest::RefreshToken(token.ok_or(Error::MissingParameter("refresh_token"))?)
        }
        _ => return Err(Error::UnsupportedGrantType),
    };
    Ok(TokenRequest {
        tenant,
        client,
        grant,
        possession: possession(&parts.headers, &parts.extensions)
            .map_err(Error::InvalidDpopProof)?,
        audience: params.get("audience")?.map(str::to_owned),
        scope: params.scope()?.filter(|scopes| !scopes.is_empty()),
        origin,
        parameters: without_credentials(params)?,
    })
}

fn credentials(params: &mut Params) -> Result<PasswordCredentials, Error> {
    let username = required(params, "username")?;
    let password = params.take_secret("password")?;
    Ok(PasswordCredentials {
        username,
        password: password.ok_or(Error::MissingParameter("password"))?,
        realm: params.get("realm")?.map(str::to_owned),
    })
}

/// Parameters that are credentials in some grant or client authentication. Sent with a grant that
/// does not read them, they still never reach a rule.
const CREDENTIALS: [&str; 10] = [
    "client_secret",
    "client_assertion",
    "password",
    "refresh_token",
    "mfa_token",
    "otp",
    "oob_code",
    "binding_code",
    "recovery_code",
    "code",
];

fn without_credentials(mut params: Params) -> Result<Vec<(String, String)>, Error> {
    for name in CREDENTIALS {
        drop(params.take_secret(name)?);
    }
    Ok(params.into_public())
}
