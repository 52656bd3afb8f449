use std::error::Error;

use openidconnect::core::{
    CoreClient, CoreJsonWebKeySet, CoreProviderMetadata, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::reqwest::Client;
use openidconnect::{
    AccessTokenHash, ClientId, ClientSecret, IssuerUrl, JsonWebKeySetUrl, Nonce,
    OAuth2TokenResponse as _, ResourceOwnerPassword, ResourceOwnerUsername, Scope,
    TokenResponse as _, TokenUrl, UserInfoUrl,
};
use serde_json::Value;

use crate::{Outcome, report, text};

const NAME: &str = "openidconnect";

pub async fn run(house: &Value, http: &Client) -> Result<(), Box<dyn Error>> {
    report(
        NAME,
        "discovery is refused for want of an authorization endpoint",
        discovery(house, http).await,
    );
    report(
        NAME,
        "password, the ID token verified",
        password(house, http, false).await,
    );
    report(NAME, "userinfo", password(house, http, true).await);
    report(
        NAME,
        "refresh_token, the ID token verified",
        refresh(house, http).await,
    );
    Ok(())
}

/// The crate insists on an endpoint that this server does not have (decision 0003).
async fn discovery(house: &Value, http: &Client) -> Outcome {
    let issuer = IssuerUrl::new(text(house, "/issuer"))?;
    let Err(error) = CoreProviderMetadata::discover_async(issuer, http).await else {
        return Err("it was accepted: use it in the place of what is written by hand".into());
    };
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        why = format!("{why}: {cause}");
        source = cause.source();
    }
    match why.contains("authorization_endpoint") {
        true => Ok(String::new()),
        false => Err(why.into()),
    }
}

/// The confidential client, with the published keys.
macro_rules! client {
    ($house:expr, $http:expr) => {{
        let issuer = text($house, "/issuer");
        let keys = JsonWebKeySetUrl::new(format!("{issuer}.well-known/jwks.json"))?;
        let keys = CoreJsonWebKeySet::fetch_async(&keys, $http).await?;
        CoreClient::new(
            ClientId::new(text($house, "/confidential/client_id")),
            IssuerUrl::new(issuer.clone())?,
            keys,
        )
        .set_client_secret(ClientSecret::new(text(
            $house,
            "/confidential/client_secret",
        )))
        .set_token_uri(TokenUrl::new(format!("{issuer}oauth/token"))?)
        .set_user_info_url(UserInfoUrl::new(format!("{issuer}userinfo"))?)
    }};
}

async fn password(house: &Value, http: &Client, userinfo: bool) -> Outcome {
    let client = client!(house, http);
    let username = ResourceOwnerUsername::new(text(house, "/user/email"));
    let password = ResourceOwnerPassword::new(text(house, "/user/password"));
    let answer = client
        .exchange_password(&username, &password)
        .add_scope(Scope::new("openid".to_owned()))
        .add_scope(Scope::new("profile".to_owned()))
        .add_scope(Scope::new("email".to_owned()))
        .request_async(http)
        .await?;
    let id_token = answer.id_token().ok_or("there is no ID token")?;
    let verifier = client.id_token_verifier();
    // The password grant has no nonce.
    let claims = id_token.claims(&verifier, |_: Option<&Nonce>| Ok(()))?;
    let hash = AccessTokenHash::from_token(
        answer.access_token(),
        id_token.signing_alg()?,
        id_token.signing_key(&verifier)?,
    )?;
    if claims.access_token_hash() != Some(&hash) {
        return Err("`at_hash` is not that of the access token".into());
    }
    if userinfo {
        let subject = claims.subject().clone();
        let about: CoreUserInfoClaims = client
            .user_info(answer.access_token().clone(), Some(subject))
            .request_async(http)
            .await?;
        let email = about.email().map(|email| email.as_str());
        if email != Some(text(house, "/user/email").as_str()) {
            return Err("another address".into());
        }
    }
    Ok(String::new())
}

/// OpenID Connect Core, section 12.2: the ID token of an exchange is about the same user.
async fn refresh(house: &Value, http: &Client) -> Outcome {
    let client = client!(house, http);
    let username = ResourceOwnerUsername::new(text(house, "/user/email"));
    let password = ResourceOwnerPassword::new(text(house, "/user/password"));
    let login = client
        .exchange_password(&username, &password)
        .add_scope(Scope::new("openid".to_owned()))
        .add_scope(Scope::new("offline_access".to_owned()))
        .request_async(http)
        .await?;
    let token = login.refresh_token().ok_or("there is no refresh token")?;
    let answer = client
        .exchange_refresh_token(token)
        .request_async(http)
        .await?;
    let verifier = client.id_token_verifier();
    let subject = |answer: &CoreTokenResponse| -> Result<_, Box<dyn Error>> {
        let id_token = answer.id_token().ok_or("there is no ID token")?;
        let claims = id_token.claims(&verifier, |_: Option<&Nonce>| Ok(()))?;
        Ok(claims.subject().clone())
    };
    match subject(&login)? == subject(&answer)? {
        true => Ok(String::new()),
        false => Err("it is about another user".into()),
    }
}
