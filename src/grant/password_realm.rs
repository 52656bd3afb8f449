//! `grant_type=http://auth0.com/oauth/grant-type/password-realm`: the request names the connection.

use super::Error;
use crate::client::Client;
use crate::connection::Connection;
use crate::server::Server;
use crate::tenant::Tenant;

/// A tenant has a handful of connections; more than this are not searched for a realm.
const MAX_CONNECTIONS: usize = 200;

/// The connection that a realm selects, if the client may use it.
pub(super) async fn connection(
    server: &Server,
    tenant: &Tenant,
    client: &Client,
    realm: &str,
) -> Result<Connection, Error> {
    let tenant = tenant.name.as_str();
    let mut found = server.records.get(&[tenant, realm]).await?;
    if found.is_none() {
        let all = server.records.list(&[tenant], MAX_CONNECTIONS).await?;
        found = all
            .into_iter()
            .find(|stored: &crate::store::Stored<Connection>| stored.record.answers_to(realm));
    }
    match found {
        None => Err(Error::UnknownConnection(realm.to_owned())),
        Some(stored) if !stored.record.is_enabled_for(&client.client_id) => {
            Err(Error::ConnectionDisabled(stored.record.name))
        }
        Some(stored) => Ok(stored.record),
    }
}
