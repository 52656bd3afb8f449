//! What a client shows of itself at the endpoints where it authenticates (RFC 6749, section 2.3):
//! the token endpoint, and those of revocation and introspection.

use axum::http::{HeaderMap, Uri};

use super::authorization::{Authorization, AuthorizationError, BasicCredentials};
use super::params::{Params, ParamsError};
use crate::grant::{ClientCredentials, ClientProof, Error};
use crate::token::ClientAssertion;

/// RFC 6749, section 2.3: one way to authenticate for each request.
pub(super) fn take(headers: &HeaderMap, params: &mut Params) -> Result<ClientCredentials, Error> {
    let in_body = params.get("client_id")?.map(str::to_owned);
    let secret = params.take_secret("client_secret")?;
    let assertion = assertion(params)?;
    let header = match Authorization::of(headers) {
        Ok(header) => header,
        Err(AuthorizationError::Repeated) => return Err(two_authentications()),
        Err(_) => {
            return Err(Error::ClientAuthentication(
                "the Authorization header is malformed",
            ));
        }
    };
    let (client_id, proof) = match (header, secret, assertion) {
        (None, None, None) => (None, ClientProof::Nothing),
        (None, Some(secret), None) => (None, ClientProof::Secret(secret)),
        (None, None, Some(assertion)) => {
            // RFC 7521, section 4.2: the assertion says which client; `client_id` may repeat it.
            let client_id = assertion.client_id().to_owned();
            if in_body.is_some_and(|in_body| in_body != client_id) {
                return Err(Error::ClientAuthentication(
                    "the assertion is another client's",
                ));
            }
            return Ok(ClientCredentials {
                client_id,
                proof: ClientProof::Assertion(assertion),
            });
        }
        (Some(Authorization::Bearer(_) | Authorization::Dpop(_)), _, _) => {
            return Err(Error::ClientAuthentication(
                "a client does not authenticate with a token",
            ));
        }
        (Some(Authorization::Basic(basic)), None, None) => {
            let BasicCredentials {
                client_id,
                client_secret,
            } = basic;
            let proof = match client_secret.expose().is_empty() {
                true => ClientProof::Nothing,
                false => ClientProof::Secret(client_secret),
            };
            (Some(client_id), proof)
        }
        _ => return Err(two_authentications()),
    };
    match (client_id, in_body) {
        (Some(header), Some(body)) if header != body => Err(two_authentications()),
        (Some(client_id), _) | (None, Some(client_id)) => {
            Ok(ClientCredentials { client_id, proof })
        }
        (None, None) => Err(Error::MissingClientId),
    }
}

/// RFC 7523, section 2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// RFC 7521, section 4.2: both parameters or neither.
fn assertion(params: &mut Params) -> Result<Option<ClientAssertion>, Error> {
    let kind = params.get("client_assertion_type")?.map(str::to_owned);
    let text = params.take_secret("client_assertion")?;
    match (kind.as_deref(), text) {
        (None, None) => Ok(None),
        (Some(JWT_BEARER), Some(text)) => ClientAssertion::parse(text)
            .map(Some)
            .map_err(|error| Error::ClientAuthentication(error.0)),
        (Some(JWT_BEARER), None) => Err(Error::MissingParameter("client_assertion")),
        (None, Some(_)) => Err(Error::MissingParameter("client_assertion_type")),
        (Some(_), _) => Err(Error::InvalidRequest(
            "The client_assertion_type is not supported.".to_owned(),
        )),
    }
}

fn two_authentications() -> Error {
    Error::InvalidRequest("The client must authenticate in one way only.".to_owned())
}

/// RFC 6749, section 2.3.1: client credentials must not be in the URI, where they end up in logs.
/// The same holds for the user's; saying so beats ignoring them.
pub(super) fn refuse_in_the_uri(uri: &Uri) -> Result<(), Error> {
    const REFUSED: [&str; 5] = [
        "username",
        "password",
        "refresh_token",
        "token",
        "client_assertion",
    ];
    let query = uri.query().unwrap_or_default();
    let refused =
        form_urlencoded::parse(query.as_bytes()).any(|(name, _)| REFUSED.contains(&name.as_ref()));
    if refused {
        return Err(Error::InvalidRequest(
            "Parameters must be sent in the body of the request, not in its URI.".to_owned(),
        ));
    }
    Ok(())
}

/// A parameter that the request cannot do without.
pub(super) fn required(params: &Params, name: &'static str) -> Result<String, Error> {
    let value = params.get(name)?;
    value
        .map(str::to_owned)
        .ok_or(Error::MissingParameter(name))
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
