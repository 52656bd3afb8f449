//! The revocation endpoint without HTTP (RFC 7009; contract, section 6.1).

use super::{AboutToken, Error, Origin, client_authentication};
use crate::clock::Timestamp;
use crate::log::{EventType, LogEvent};
use crate::server::Server;
use crate::tenant::Tenant;
use crate::token::refresh::{self, Family};
use crate::token::revocation;

/// Ends a token for the client that hands it back. When this returns it is good for nothing here, or
/// never was for this client: which of the two the client does not learn.
pub async fn revoke(server: &Server, request: AboutToken) -> Result<(), Error> {
    let now = server.clock.now();
    let AboutToken {
        tenant,
        client,
        token,
        origin,
    } = request;

    // 1. Authenticate the client.
    let client = client_authentication::authenticate(server, &tenant, &client, origin.ip).await?;

    // 2. The token, of either kind, if it is the client's.
    let Server {
        records, keyring, ..
    } = server;
    if !refresh::is_one(&token) {
        let client = client.client();
        return Ok(revocation::hand_back(records, keyring, &tenant, client, &token, now).await?);
    }
    let (name, client) = (&tenant.name, client.client());
    let Some(family) = refresh::family_of(records, name, client, &token, now).await? else {
        return Ok(());
    };
    // The others first: if that fails, the client can ask again with the token that it has.
    if tenant.revoke_refresh_token_grant {
        refresh::revoke_others(records, name, &family, now).await?;
    }
    refresh::revoke(records, name, &family, now).await?;
    note(server, &tenant, &family, origin, now).await;
    Ok(())
}

async fn note(server: &Server, tenant: &Tenant, family: &Family, origin: Origin, now: Timestamp) {
    let event = LogEvent {
        client_id: family.client_id.clone(),
        user_id: Some(family.login().user_id().to_owned()),
        audience: family.audience.clone(),
        ip: origin.ip.to_string(),
        user_agent: origin.user_agent,
        hostname: origin.hostname,
        ..LogEvent::new(EventType::RefreshTokenRevoked, now)
    };
    server.log.note(&tenant.name, event).await;
}
