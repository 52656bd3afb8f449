use std::error::Error;

use openidconnect::core::{
    CoreClient, CoreJsonWebKeySet, CoreProviderMetadata, CoreUserInfoClaims,
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

async fn password(house: &Value, http: &Client, userinfo: bool) -> Outcome {
    let issuer = text(house, "/issuer");
    let keys = JsonWebKeySetUrl::new(format!("{issuer}.well-known/jwks.json"))?;
    let keys = CoreJsonWebKeySet::fetch_async(&keys, http).await?;
    let client = CoreClient::new(
        ClientId::new(text(house, "/confidential/client_id")),
        IssuerUrl::new(issuer.clone())?,
        keys,
    )
    .set_client_secret(ClientSecret::new(text(
        house,
        "/confidential/client_secret",
    )))
    .set_token_uri(TokenUrl::new(format!("{issuer}oauth/token"))?)
    .set_user_info_url(UserInfoUrl::new(format!("{issuer}userinfo"))?);

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
