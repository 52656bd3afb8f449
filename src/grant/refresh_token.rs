//! `grant_type=refresh_token` (RFC 6749, section 6): a login that is remembered, with the user and
//! the rules as they are now.

use super::scope::may_stay_offline;
use super::trail::Trail;
use super::{Asked, Error, Established, GrantedScopes, Principal, client_grant, load_api};
use crate::credential::LoginEnded;
use crate::secret::Secret;
use crate::token::refresh::{self, Live, RefreshError};

/// What an exchange of a refresh token says in the claim `gty` (contract, section 1.6).
const GTY: &str = "refresh_token";

/// Checks the token, and reads again what the login was about. Nothing is spent yet: the mint spends
/// the token, when there is an answer to give.
pub(super) async fn establish(
    asked: &Asked<'_>,
    token: &Secret,
    trail: &mut Trail,
) -> Result<Established, Error> {
    let Asked {
        server,
        tenant,
        client,
        now,
        ..
    } = *asked;
    let client = client.client();

    // 3. The token, and the user of its login as it is now.
    let live = refresh::check(&server.records, &tenant.name, client, token, now).await?;
    if !live.family().is_open_to(asked.confirmation) {
        return Err(Error::RefreshToken(
            "it is bound to a key that the request does not show",
        ));
    }
    let login = live.family().login();
    trail.user_id(login.user_id());
    let outlives_password = tenant.refresh_tokens_outlive_password;
    let again = login.again(&server.records, &tenant.name, outlives_password);
    let user = match again.await {
        Ok(user) => user,
        Err(LoginEnded::Store(error)) => return Err(error.into()),
        Err(ended) => {
            refresh::revoke(&server.records, &tenant.name, live.family(), now).await?;
            return Err(ended.into());
        }
    };
    trail.connection(&user.user().connection);

    // 4. The API of the login, and of its scopes those that are asked.
    let (audience, scopes) = (live.family().audience.as_deref(), narrowed(asked, &live)?);
    if asked.audience.is_some() && asked.audience != audience {
        return Err(Error::OtherAudience);
    }
    let (api, available) = match audience {
        None => (None, None),
        Some(audience) => {
            let api = load_api(asked, audience).await?;
            let available = match client_grant::available(asked, &api).await {
                // Granting it anew does not bring back what it once gave.
                Err(removed @ Error::NoClientGrant(_)) => {
                    refresh::revoke(&server.records, &tenant.name, live.family(), now).await?;
                    return Err(removed);
                }
                available => available?,
            };
            (Some(api), Some(available))
        }
    };
    if !may_stay_offline(client, api.as_ref()) {
        return Err(Error::RefreshToken("its API does not allow it any more"));
    }
    Ok(Established {
        scopes: GrantedScopes::remembered(scopes, available.as_ref()),
        subject: Principal::User(Box::new(user)),
        api,
        gty: GTY,
        refreshes: Some(live),
    })
}

/// The scopes that the rules begin with. A request may name some of those that the login granted,
/// and no other (RFC 6749, section 6); the family keeps all of them.
fn narrowed(asked: &Asked<'_>, live: &Live) -> Result<Vec<String>, Error> {
    let family = live.family();
    let Some(asked) = asked.scope else {
        return Ok(family.scopes().to_vec());
    };
    if !asked.iter().all(|scope| family.granted().contains(scope)) {
        return Err(Error::ScopeExceeded);
    }
    let scopes = family.scopes().iter();
    Ok(scopes
        .filter(|scope| asked.contains(scope))
        .cloned()
        .collect())
}

impl From<RefreshError> for Error {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Unknown(reason) => Self::RefreshToken(reason),
            RefreshError::Reused => Self::RefreshTokenReused,
            RefreshError::Store(error) => Self::Store(error),
            failed @ RefreshError::Random(_) => Self::Internal(failed.to_string()),
        }
    }
}

impl From<LoginEnded> for Error {
    fn from(ended: LoginEnded) -> Self {
        match ended {
            LoginEnded::UserGone => Self::RefreshTokenUserGone,
            LoginEnded::Blocked => Self::UserBlocked,
            LoginEnded::PasswordChanged => Self::RefreshToken("the password was changed since"),
            LoginEnded::Store(error) => Self::Store(error),
        }
    }
}
