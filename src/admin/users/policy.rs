//! Whether a connection takes a password that an administrator sets.

use crate::admin::Error;
use crate::connection::Connection;
use crate::secret::Secret;
use crate::server::Server;
use crate::store::Stored;
use crate::tenant::TenantName;
use crate::user::User;

/// Refuses what the user itself could not choose, but for former passwords: who resets one may.
pub(super) async fn check(
    server: &Server,
    tenant: &TenantName,
    user: &User,
    password: &Secret,
) -> Result<(), Error> {
    let parts = [tenant.as_str(), &user.connection];
    let connection: Option<Stored<Connection>> = server.records.get(&parts).await?;
    let connection = connection.ok_or_else(Error::missing("connection", &user.connection))?;
    let personal = [
        &user.email,
        &user.username,
        &user.given_name,
        &user.family_name,
        &user.name,
        &user.nickname,
    ];
    let personal: Vec<&str> = personal.into_iter().flatten().map(String::as_str).collect();
    let policy = &connection.record.password_policy;
    Ok(policy.check(password.expose(), &personal)?)
}
