//! The introspection endpoint without HTTP (RFC 7662; RFC 9701).

use super::{AboutToken, Error, client_authentication};
use crate::secret::Secret;
use crate::server::Server;
use crate::token::introspection::{Inquiry, Introspection};

/// What is answered.
pub enum Answer {
    /// As it is.
    Plain(Introspection),
    /// As a JWT that says so to whoever asked, and can be shown to others.
    Signed(Secret),
}

/// Says what a token is worth, to its client and to the resource server that it is for.
pub async fn introspect(
    server: &Server,
    request: AboutToken,
    signed: bool,
) -> Result<Answer, Error> {
    let AboutToken {
        tenant,
        client,
        token,
        origin,
    } = request;

    // 1. Authenticate the client. RFC 7662, section 2.1: or else anybody could try out tokens.
    let client = client_authentication::authenticate(server, &tenant, &client, origin.ip).await?;
    if client.client().is_public() {
        return Err(Error::PublicClient);
    }

    // 2. Look at the token.
    let inquiry = Inquiry {
        records: &server.records,
        keyring: &server.keyring,
        tenant: &tenant,
        client: client.client(),
        now: server.clock.now(),
    };
    let answer = inquiry.introspect(&token).await?;
    match signed {
        true => Ok(Answer::Signed(inquiry.sign(&answer).await?)),
        false => Ok(Answer::Plain(answer)),
    }
}
