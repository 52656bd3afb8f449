//! `POST /oauth/token` (RFC 6749, section 3.2): parses the request, and nothing else.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::accept::PeerAddr;
use super::authorization::{Authorization, AuthorizationError, BasicCredentials};
use super::body::read_body;
use super::error::{no_store, refuse};
use super::host::AtTenant;
use super::params::{Params, ParamsError, content_type};
use crate::grant::{
    self, ClientCredentials, Error, GrantRequest, Origin, PasswordCredentials, TokenRequest,
};
use crate::server::Server;
use crate::tenant::Tenant;

/// Answers a token request.
pub(super) async fn issue(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    Extension(peer): Extension<PeerAddr>,
    request: Request<Body>,
) -> Response {
    let profile = at.tenant.errors;
    let (parts, body) = request.into_parts();
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(error) => return super::error::body(error).into_response(),
    };
    let origin = Origin {
        ip: peer.0.ip().to_canonical().to_string(),
        user_agent: text(&parts.headers, header::USER_AGENT.as_str()),
        hostname: at.hostname,
    };
    let result = match parse(at.tenant, &parts, &body, origin) {
        Ok(request) => grant::issue(&server, request).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(token) => {
            let mut response = Json(token.to_wire()).into_response();
            no_store(response.headers_mut());
            response
        }
        Err(error) => refuse(error, profile).into_response(),
    }
}

fn parse(
    tenant: Tenant,
    parts: &Parts,
    body: &[u8],
    origin: Origin,
) -> Result<TokenRequest, Error> {
    refuse_credentials_in_the_uri(parts)?;
    let mut params = Params::parse(content_type(&parts.headers)?, body)?;

    let grant_type = required(&params, "grant_type")?;
    let client = client(&parts.headers, &mut params)?;
    let grant = match grant_type.as_str() {
        GrantRequest::PASSWORD => GrantRequest::Password(credentials(&mut params)?),
        GrantRequest::PASSWORD_REALM => {
            GrantRequest::PasswordRealm(credentials(&mut params)?, required(&params, "realm")?)
        }
        _ => return Err(Error::UnsupportedGrantType),
    };
    Ok(TokenRequest {
        tenant,
        client,
        grant,
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

/// RFC 6749, section 2.3.1: client credentials must not be in the URI, where they end up in logs.
/// The same holds for the user's; saying so beats ignoring them.
fn refuse_credentials_in_the_uri(parts: &Parts) -> Result<(), Error> {
    const REFUSED: [&str; 5] = [
        "username",
        "password",
        "refresh_token",
        "token",
        "client_assertion",
    ];
    let query = parts.uri.query().unwrap_or_default();
    let refused =
        form_urlencoded::parse(query.as_bytes()).any(|(name, _)| REFUSED.contains(&name.as_ref()));
    if refused {
        return Err(Error::InvalidRequest(
            "Parameters must be sent in the body of the request, not in its URI.".to_owned(),
        ));
    }
    Ok(())
}

/// RFC 6749, section 2.3: one way to authenticate for each request.
fn client(headers: &HeaderMap, params: &mut Params) -> Result<ClientCredentials, Error> {
    let in_body = params.get("client_id")?.map(str::to_owned);
    let secret = params.take_secret("client_secret")?;
    let header = match Authorization::of(headers) {
        Ok(header) => header,
        Err(AuthorizationError::Repeated) => return Err(two_authentications()),
        Err(_) => {
            return Err(Error::ClientAuthentication(
                "the Authorization header is malformed",
            ));
        }
    };
    match header {
        None => {
            let client_id = in_body.ok_or(Error::MissingClientId)?;
            Ok(ClientCredentials { client_id, secret })
        }
        Some(Authorization::Bearer(_)) => Err(Error::ClientAuthentication(
            "a client does not authenticate with a token",
        )),
        Some(Authorization::Basic(BasicCredentials {
            client_id,
            client_secret,
        })) => {
            if secret.is_some() || in_body.is_some_and(|in_body| in_body != client_id) {
                return Err(two_authentications());
            }
            let secret = (!client_secret.expose().is_empty()).then_some(client_secret);
            Ok(ClientCredentials { client_id, secret })
        }
    }
}

fn two_authentications() -> Error {
    Error::InvalidRequest("The client must authenticate in one way only.".to_owned())
}

fn required(params: &Params, name: &'static str) -> Result<String, Error> {
    let value = params.get(name)?;
    value
        .map(str::to_owned)
        .ok_or(Error::MissingParameter(name))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    const MOST: usize = 1_000;
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(MOST).collect())
}

impl From<ParamsError> for Error {
    fn from(error: ParamsError) -> Self {
        match error {
            ParamsError::ScopeNotText => Self::ScopeOfWrongType,
            ParamsError::ScopeCharacter => Self::MalformedScope,
            other => Self::InvalidRequest(other.to_string()),
        }
    }
}
