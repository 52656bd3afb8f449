//! `grant_type=client_credentials` (RFC 6749, section 4.4; contract, section 1.7): a client asks for
//! itself. There is no user, so no ID token, no refresh token and nothing for /userinfo.

use super::{Asked, Error, Established, GrantedScopes, Principal, client_grant, load_api};

/// Contract, section 1.6.
const GTY: &str = "client-credentials";

/// Finds what the tenant granted the client of the API. The tenant's default audience is for users.
pub(super) async fn establish(asked: &Asked<'_>) -> Result<Established, Error> {
    let audience = asked.audience.ok_or(Error::MissingParameter("audience"))?;
    let api = load_api(asked, audience).await?;
    let held = client_grant::for_client(asked, &api).await?;
    Ok(Established {
        scopes: GrantedScopes::of_client_grant(asked.scope, held)?,
        subject: Principal::Client(asked.client.clone()),
        api: Some(api),
        gty: GTY,
        refreshes: None,
    })
}
