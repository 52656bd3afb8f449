//! `grant_type=password` (RFC 6749, section 4.3): the connection is the tenant's default directory.

use super::{Error, PasswordCredentials, password_realm};
use crate::client::Client;
use crate::connection::Connection;
use crate::server::Server;
use crate::tenant::Tenant;

/// The connection that checks the password.
pub(super) async fn connection(
    server: &Server,
    tenant: &Tenant,
    client: &Client,
    credentials: &PasswordCredentials,
) -> Result<Connection, Error> {
    let realm = credentials.realm.as_deref();
    let Some(realm) = realm.or(tenant.default_directory.as_deref()) else {
        return Err(Error::NoDefaultConnection);
    };
    password_realm::connection(server, tenant, client, realm).await
}
