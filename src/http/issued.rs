//! `POST /oauth/revoke` (RFC 7009) and `POST /oauth/introspect` (RFC 7662): what clients ask about
//! tokens that were issued.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};

use super::accept::PeerAddr;
use super::body::read_body;
use super::client_credentials;
use super::error::{no_store, refuse};
use super::forwarded::origin;
use super::host::AtTenant;
use super::params::{Params, content_type};
use crate::grant::{self, AboutToken, Answer, Error, Origin};
use crate::server::Server;
use crate::tenant::{ErrorProfile, Tenant};
use crate::token::introspection::SIGNED_ANSWER;

/// Answers 200 with nothing, whether or not there was something to revoke (RFC 7009, section 2.2).
pub(super) async fn revoke(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    Extension(peer): Extension<PeerAddr>,
    request: Request<Body>,
) -> Response {
    let profile = profile(&at.tenant);
    let (parts, body) = request.into_parts();
    let request = match read(&server, at, peer, &parts, body).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    match grant::revoke(&server, request).await {
        Ok(()) => uncached(StatusCode::OK.into_response()),
        Err(error) => refuse(error, profile).into_response(),
    }
}

/// Answers what the token is worth, in the form that the client asked for.
pub(super) async fn introspect(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    Extension(peer): Extension<PeerAddr>,
    request: Request<Body>,
) -> Response {
    let profile = profile(&at.tenant);
    let (parts, body) = request.into_parts();
    let request = match read(&server, at, peer, &parts, body).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    match grant::introspect(&server, request, wants_signature(&parts.headers)).await {
        Ok(Answer::Plain(answer)) => uncached(Json(answer.to_wire()).into_response()),
        Ok(Answer::Signed(jwt)) => {
            let content_type = [(header::CONTENT_TYPE, SIGNED_ANSWER)];
            uncached((content_type, jwt.expose().to_owned()).into_response())
        }
        Err(error) => refuse(error, profile).into_response(),
    }
}

/// Both endpoints answer `invalid_client` to who is no client, also where the token endpoint says it
/// in other words (contract, section 6.1).
fn profile(tenant: &Tenant) -> ErrorProfile {
    match tenant.errors {
        ErrorProfile::Auth0 => ErrorProfile::Catalogue,
        other => other,
    }
}

async fn read(
    server: &Server,
    at: AtTenant,
    peer: PeerAddr,
    parts: &Parts,
    body: Body,
) -> Result<AboutToken, Response> {
    let profile = profile(&at.tenant);
    let body = read_body(body).await;
    let body = body.map_err(|error| super::error::body(error).into_response())?;
    let origin = origin(server, peer, &parts.headers, at.hostname);
    parse(at.tenant, parts, &body, origin).map_err(|error| refuse(error, profile).into_response())
}

fn parse(tenant: Tenant, parts: &Parts, body: &[u8], origin: Origin) -> Result<AboutToken, Error> {
    client_credentials::refuse_in_the_uri(&parts.uri)?;
    let mut params = Params::parse(content_type(&parts.headers)?, body)?;
    let client = client_credentials::take(&parts.headers, &mut params)?;
    let token = params.take_secret("token")?;
    Ok(AboutToken {
        tenant,
        client,
        token: token.ok_or(Error::MissingParameter("token"))?,
        origin,
    })
}

/// RFC 9701, section 4: whether the client asks for a JWT by name, and prefers nothing else. Ranges
/// like `*/*` name nothing; what cannot be read is passed over, since every client reads JSON.
fn wants_signature(headers: &HeaderMap) -> bool {
    let (mut signed, mut plain) = (0.0, 0.0);
    let values = headers.get_all(header::ACCEPT).iter();
    let ranges = values.filter_map(|value| value.to_str().ok());
    for range in ranges.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
        if name.eq_ignore_ascii_case(SIGNED_ANSWER) {
            signed = weight;
        } else if name.eq_ignore_ascii_case("application/json") {
            plain = weight;
        }
    }
    signed > 0.0 && signed >= plain
}

fn uncached(mut response: Response) -> Response {
    no_store(response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_wanted_by_who_names_it_and_prefers_nothing_else() {
        for (accept, wanted) in [
            ("application/token-introspection+jwt", true),
            ("Application/Token-Introspection+JWT", true),
            (
                "application/token-introspection+jwt, application/json",
                true,
            ),
            (
                "application/json, application/token-introspection+jwt;q=0.5",
                false,
            ),
            (
                "application/json;q=0.1, application/token-introspection+jwt; q=0.5",
                true,
            ),
            ("application/token-introspection+jwt;q=0", false),
            ("application/token-introspection+jwt;q=x", false),
            ("application/jwt", false),
            ("application/*", false),
            ("*/*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_signature(&headers), wanted, "{accept}");
        }
        assert!(!wants_signature(&HeaderMap::new()));
    }
}
