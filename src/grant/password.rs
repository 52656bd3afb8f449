//! `grant_type=password` (RFC 6749, section 4.3): the connection is the tenant's default directory.

use super::scope::may_stay_offline;
use super::trail::Trail;
use super::{
    Asked, Error, Established, GrantedScopes, PasswordCredentials, Principal, client_grant,
    password_realm, resolve_api,
};
use crate::account;
use crate::connection::Connection;
use crate::credential::{AuthenticationError, Login};

/// Both password grants have this `gty` (contract, section 8, row 31).
const GTY: &str = "password";

/// Checks the password against the tenant's default directory, or the realm that some SDKs send.
pub(super) async fn establish(
    asked: &Asked<'_>,
    credentials: PasswordCredentials,
    trail: &mut Trail,
) -> Result<Established, Error> {
    let realm = credentials.realm.as_deref();
    let Some(realm) = realm.or(asked.tenant.default_directory.as_deref()) else {
        return Err(Error::NoDefaultConnection);
    };
    let realm = realm.to_owned();
    password_realm::establish(asked, credentials, &realm, trail).await
}

/// What both password grants do once the connection is known.
pub(super) async fn authenticate(
    asked: &Asked<'_>,
    connection: &Connection,
    credentials: PasswordCredentials,
    trail: &mut Trail,
) -> Result<Established, Error> {
    trail.connection(&connection.name);

    // 2. The API, and what the client may have of it, before any hashing.
    let api = resolve_api(asked).await?;
    let available = match &api {
        Some(api) => Some(client_grant::available(asked, api).await?),
        None => None,
    };

    // 3. Verify the password.
    let user = asked
        .server
        .passwords
        .authenticate(
            &asked.server.records,
            &asked.server.guard,
            Login {
                tenant: &asked.tenant.name,
                connection,
                identifier: &credentials.username,
                password: credentials.password,
                address: asked.address,
            },
            asked.now,
        )
        .await
        .map_err(|error| {
            if matches!(error, AuthenticationError::Rejected { blocked: true, .. }) {
                let (username, address) = (&credentials.username, asked.address);
                account::tell_blocked(asked.server, asked.tenant, connection, username, address);
            }
            refusal(error)
        })?;
    trail.user(user.user());

    // 4. Scopes by policy.
    Ok(Established {
        scopes: GrantedScopes::by_policy(
            asked.scope,
            available.as_ref(),
            may_stay_offline(asked.client.client(), api.as_ref()),
        ),
        subject: Principal::User(Box::new(user)),
        api,
        gty: GTY,
        refreshes: None,
    })
}

fn refusal(error: AuthenticationError) -> Error {
    match error {
        AuthenticationError::Rejected { reason, .. } => Error::WrongCredentials(reason),
        AuthenticationError::Stopped(stopped) => Error::Stopped(stopped),
        AuthenticationError::Blocked => Error::UserBlocked,
        AuthenticationError::Busy { retry_after_secs } => Error::Busy { retry_after_secs },
        AuthenticationError::Store(error) => Error::Store(error),
        failed @ AuthenticationError::Failed(_) => Error::Internal(failed.to_string()),
    }
}
