//! `POST /oauth/token` (RFC 6749, section 3.2): parses the request, and nothing else.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::accept::PeerAddr;
use super::basic::{self, BasicCredentials};
use super::error::{no_store, refuse};
use super::host::AtTenant;
use super::params::{self, Params, ParamsError};
use crate::grant::{
    self, ClientCredentials, Error, GrantRequest, Origin, PasswordCredentials, TokenRequest,
};
use crate::rule_host::Grant;
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
    let body = match params::read_body(body).await {
        Ok(body) => body,
        Err(error) => return super::error::body(&error).into_response(),
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
    let kind = match grant_type.as_str() {
        GrantRequest::PASSWORD => Grant::Password,
        GrantRequest::PASSWORD_REALM => Grant::PasswordRealm,
        _ => return Err(Error::UnsupportedGrantType(grant_type.chars().take(100).collect())),
    };
    let client = client(&parts.headers, &mut params)?;
    let audience = params.get("audience")?.map(str::to_owned);
    let scope = scope(&params)?;
    let username = required(&params, "username")?;
    let password = params.take_secret("password")?;
    let credentials = PasswordCredentials {
        username,
        password: password.ok_or(Error::MissingParameter("password"))?,
        realm: params.get("realm")?.map(str::to_owned),
    };
    let grant = match kind {
        Grant::PasswordRealm => {
            let realm = required(&params, "realm")?;
            GrantRequest::PasswordRealm(credentials, realm)
        }
        _ => GrantRequest::Password(credentials),
    };
    Ok(TokenRequest {
        tenant,
        client,
        grant,
        kind,
        audience,
        scope,
        origin,
        parameters: without_credentials(params)?,
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
    const REFUSED: [&str; 5] = ["username", "password", "refresh_token", "token", "client_assertion"];
    let query = parts.uri.query().unwrap_or_default();
    let refused = form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| REFUSED.contains(&name.as_ref()));
    if refused {
        return Err(Error::InvalidRequest(
            "Parameters must be sent in the body of the request, not in its URI.".to_owned(),
        ));
    }
    Ok(())
}

fn content_type(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => Ok(one.to_str().ok()),
        (Some(_), Some(_)) => Err(Error::InvalidRequest(
            "The request has more than one Content-Type.".to_owned(),
        )),
    }
}

/// RFC 6749, section 2.3: one way to authenticate for each request.
fn client(headers: &HeaderMap, params: &mut Params) -> Result<ClientCredentials, Error> {
    let in_body = params.get("client_id")?.map(str::to_owned);
    let secret = params.take_secret("client_secret")?;
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let header = match (authorizations.next(), authorizations.next()) {
        (None, _) => None,
        (Some(one), None) => Some(one),
        (Some(_), Some(_)) => return Err(two_authentications()),
    };
    let Some(header) = header else {
        let client_id = in_body.ok_or(Error::MissingClientId)?;
        return Ok(ClientCredentials { client_id, secret });
    };
    let BasicCredentials { client_id, secret: basic } = basic::parse_basic(header.as_bytes())
        .map_err(|_| Error::ClientAuthentication("the Authorization header is not Basic credentials"))?;
    if secret.is_some() || in_body.is_some_and(|in_body| in_body != client_id) {
        return Err(two_authentications());
    }
    let secret = (!basic.expose().is_empty()).then_some(basic);
    Ok(ClientCredentials { client_id, secret })
}

fn two_authentications() -> Error {
    Error::InvalidRequest("The client must authenticate in one way only.".to_owned())
}

/// RFC 6749, section 3.3: `%x21 / %x23-5B / %x5D-7E`, separated by spaces.
fn scope(params: &Params) -> Result<Option<Vec<String>>, Error> {
    let Some(scopes) = params.scope()? else {
        return Ok(None);
    };
    let allowed = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
    if scopes.iter().any(|scope| !scope.chars().all(allowed)) {
        return Err(Error::MalformedScope);
    }
    Ok((!scopes.is_empty()).then_some(scopes))
}

fn required(params: &Params, name: &'static str) -> Result<String, Error> {
    let value = params.get(name)?;
    value.map(str::to_owned).ok_or(Error::MissingParameter(name))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    const MOST: usize = 1_000;
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(MOST).collect())
}

impl From<ParamsError> for Error {
    fn from(error: ParamsError) -> Self {
        match error {
            ParamsError::ScopeOfWrongType => Self::ScopeOfWrongType,
            other => Self::InvalidRequest(other.to_string()),
        }
    }
}
