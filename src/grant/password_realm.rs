//! `grant_type=http://auth0.com/oauth/grant-type/password-realm`: the request names the connection.

use super::trail::Trail;
use super::{Asked, Error, Established, PasswordCredentials, password};
use crate::connection::Connection;

/// A tenant has a handful of connections; more than this are not searched for a realm.
const MAX_CONNECTIONS: usize = 200;

/// Checks the password against the connection that the realm selects.
pub(super) async fn establish(
    asked: &Asked<'_>,
    credentials: PasswordCredentials,
    realm: &str,
    trail: &mut Trail,
) -> Result<Established, Error> {
    let connection = connection(asked, realm).await?;
    password::authenticate(asked, &connection, credentials, trail).await
}

/// The connection that a realm selects, if the client may use it.
async fn connection(asked: &Asked<'_>, realm: &str) -> Result<Connection, Error> {
    let Asked { server, client, .. } = *asked;
    let tenant = asked.tenant.name.as_str();
    let mut found = server.records.get(&[tenant, realm]).await?;
    if found.is_none() {
        let all = server.records.list(&[tenant], MAX_CONNECTIONS).await?;
        found = all
            .into_iter()
            .find(|stored: &crate::store::Stored<Connection>| stored.record.answers_to(realm));
    }
    match found {
        None => Err(Error::UnknownConnection(realm.to_owned())),
        Some(stored) if !stored.record.is_enabled_for(&client.client().client_id) => {
            Err(Error::ConnectionDisabled(stored.record.name))
        }
        Some(stored) => Ok(stored.record),
    }
}
