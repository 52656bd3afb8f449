//! Connections: the user directories of a tenant.

use super::{Error, LIST_LIMIT, require_tenant};
use crate::connection::Connection;
use crate::server::Server;
use crate::store::Batch;
use crate::tenant::TenantName;

/// Makes a connection. Without `enabled_clients` every client may use it.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    name: &str,
    enabled_clients: Vec<String>,
) -> Result<Connection, Error> {
    require_tenant(server, tenant).await?;
    let fits = (1..=128).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fits {
        return Err(Error::invalid(
            "the connection's name",
            "use 1 to 128 letters, digits and `-`",
        ));
    }
    let connection = Connection {
        name: name.to_owned(),
        enabled_for_all: enabled_clients.is_empty(),
        enabled_clients,
        created_at: server.clock.now(),
        ..Connection::default()
    };
    let batch = Batch::durable().insert(&[tenant.as_str(), name], &connection);
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken("a connection", name))?;
    Ok(connection)
}

/// All connections of a tenant, by name.
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<Connection>, Error> {
    require_tenant(server, tenant).await?;
    let stored = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}
