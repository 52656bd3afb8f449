//! Authenticates the client of a token request (RFC 6749, section 2.3).

use super::{ClientCredentials, Error};
use crate::client::{Client, ClientAuthentication};
use crate::server::Server;
use crate::store::Stored;
use crate::tenant::Tenant;

/// A client that proved who it is, or a public one that had nothing to prove. Only [`authenticate`]
/// makes one.
#[derive(Clone)]
pub struct AuthenticatedClient(Client);

impl AuthenticatedClient {
    /// Its record.
    pub fn client(&self) -> &Client {
        &self.0
    }
}

/// Finds the client and checks what it presented: at the token endpoint, and at every other endpoint
/// where a client authenticates.
pub async fn authenticate(
    server: &Server,
    tenant: &Tenant,
    presented: &ClientCredentials,
) -> Result<AuthenticatedClient, Error> {
    let refused = Error::ClientAuthentication;
    let stored: Option<Stored<Client>> = server
        .records
        .get(&[tenant.name.as_str(), &presented.client_id])
        .await?;
    let Some(Stored { record: client, .. }) = stored else {
        return Err(refused("there is no such client"));
    };
    match (
        client.token_endpoint_auth_method,
        &client.secret,
        &presented.secret,
    ) {
        (ClientAuthentication::None, _, None) => Ok(AuthenticatedClient(client)),
        (ClientAuthentication::None, _, Some(_)) => {
            Err(refused("a public client presented a secret"))
        }
        (_, _, None) => Err(refused("a confidential client presented no secret")),
        (_, Some(digest), Some(secret)) if digest.matches(secret) => {
            Ok(AuthenticatedClient(client))
        }
        (_, _, Some(_)) => Err(refused("the secret is wrong")),
    }
}
