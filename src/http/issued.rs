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
use super::body::read_request;
use super::client_credentials;
use super::error::{Refusal, no_store, refuse};
use super::forwarded::origin;
use super::host::AtTenant;
use super::params::{Params, content_type};
use crate::grant::{self, AboutToken, Answer, Error};
use crate::server::Server;
use crate::tenant::{ErrorProfile, Tenant};
use crate::token::introspection::SIGNED_ANSWER;

/// Answers 200 with nothing, whether or not there was something to revoke (RFC 7009, section 2.2).
pub(super) async fn revoke(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    Extension(peer): Extension<PeerAddr>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let profile = profile(&at.tenant);
    let (parts, body) = read_request(request).await?;
    let refused = |error| refuse(error, profile);
    let request = parse(&server, at, peer, &parts, &body).map_err(refused)?;
    grant::revoke(&server, request).await.map_err(refused)?;
    Ok(uncached(StatusCode::OK.into_response()))
}

/// Answers what the token is worth, in the form that the client asked for.
pub(super) async fn introspect(
    State(server): State<Arc<Server>>,
    at: AtTenant,
    Extension(peer): Extension<PeerAddr>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let profile = profile(&at.tenant);
    let (parts, body) = read_request(request).await?;
    let refused = |error| refuse(error, profile);
    let request = parse(&server, at, peer, &parts, &body).map_err(refused)?;
    let signed = wants_signature(&parts.headers);
    let answer = grant::introspect(&server, request, signed).await;
    Ok(uncached(match answer.map_err(refused)? {
        Answer::Plain(answer) => Json(answer.to_wire()).into_response(),
        Answer::Signed(jwt) => {
            let content_type = [(header::CONTENT_TYPE, SIGNED_ANSWER)];
            (content_type, jwt.expose().to_owned()).into_response()
        }
    }))
}

/// Both endpoints answer `invalid_client` to who is no client, also where the token endpoint says it
/// in other words (contract, section 6.1).
fn profile(tenant: &Tenant) -> ErrorProfile {
    match tenant.errors {
        ErrorProfile::Auth0 => ErrorProfile::Catalogue,
        other => other,
    }
}

fn parse(
    server: &Server,
    at: AtTenant,
    peer: PeerAddr,
    parts: &Parts,
    body: &[u8],
) -> Result<AboutToken, Error> {
    client_credentials::refuse_in_the_uri(&parts.uri)?;
    let mut params = Params::parse(content_type(&parts.headers)?, body)?;
    let client = client_credentials::take(&parts.headers, &mut params)?;
    let token = params.take_secret("token")?;
    Ok(AboutToken {
        tenant: at.tenant,
        client,
        token: token.ok_or(Error::MissingParameter("token"))?,
        origin: origin(server, peer, &parts.headers, at.hostname),
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
