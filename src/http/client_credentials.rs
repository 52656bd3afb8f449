//! What a client shows of itself at the endpoints where it authenticates (RFC 6749, section 2.3):
//! the token endpoint, and those of revocation and introspection.

use axum::http::{HeaderMap, Uri};

use super::authorization::{Authorization, AuthorizationError, BasicCredentials};
use super::params::{Params, ParamsError};
use crate::grant::{ClientCredentials, Error};

/// RFC 6749, section 2.3: one way to authenticate for each request.
pub(super) fn take(headers: &HeaderMap, params: &mut Params) -> Result<ClientCredentials, Error> {
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
        Some(Authorization::Bearer(_) | Authorization::Dpop(_)) => Err(
            Error::ClientAuthentication("a client does not authenticate with a token"),
        ),
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
