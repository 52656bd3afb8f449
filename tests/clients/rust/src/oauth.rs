use std::error::Error;

use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::reqwest::Client;
use oauth2::{
    ClientId, ClientSecret, IntrospectionUrl, RequestTokenError, ResourceOwnerPassword,
    ResourceOwnerUsername, RevocationUrl, Scope, StandardRevocableToken,
    TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};
use serde_json::Value;

use crate::{Outcome, report, text};

const NAME: &str = "oauth2";

pub async fn run(house: &Value, http: &Client) -> Result<(), Box<dyn Error>> {
    report(
        NAME,
        "password, client_secret_basic",
        password(house, http, "confidential").await,
    );
    report(
        NAME,
        "password, public client",
        password(house, http, "public").await,
    );
    report(
        NAME,
        "password, wrong password",
        wrong_password(house, http).await,
    );
    report(
        NAME,
        "client_credentials",
        client_credentials(house, http).await,
    );
    report(
        NAME,
        "refresh_token, client_secret_basic",
        refresh(house, http, "confidential").await,
    );
    report(
        NAME,
        "refresh_token, public client, rotating",
        refresh(house, http, "public").await,
    );
    report(NAME, "revocation", revocation(house, http).await);
    report(NAME, "introspection", introspection(house, http).await);
    Ok(())
}

macro_rules! client {
    ($house:expr, $who:expr) => {{
        let url = format!("{}oauth/token", text($house, "/issuer"));
        let mut client =
            BasicClient::new(ClientId::new(text($house, &format!("/{}/client_id", $who))));
        let secret = text($house, &format!("/{}/client_secret", $who));
        if !secret.is_empty() {
            client = client.set_client_secret(ClientSecret::new(secret));
        }
        client.set_token_uri(TokenUrl::new(url)?)
    }};
}

async fn password(house: &Value, http: &Client, who: &str) -> Outcome {
    let (username, password) = (text(house, "/user/email"), text(house, "/user/password"));
    let token = client!(house, who)
        .exchange_password(
            &ResourceOwnerUsername::new(username),
            &ResourceOwnerPassword::new(password),
        )
        .add_scope(Scope::new("read:orders".to_owned()))
        .add_extra_param("audience", text(house, "/api"))
        .request_async(http)
        .await?;
    match token
        .expires_in()
        .is_some_and(|time| time.as_secs() == 86_400)
    {
        true => Ok(String::new()),
        false => Err("the token has another lifetime".into()),
    }
}

async fn wrong_password(house: &Value, http: &Client) -> Outcome {
    let username = ResourceOwnerUsername::new(text(house, "/user/email"));
    let password = ResourceOwnerPassword::new("wrong".to_owned());
    let refused = client!(house, "confidential")
        .exchange_password(&username, &password)
        .request_async(http)
        .await;
    match refused {
        Err(RequestTokenError::ServerResponse(answer))
            if *answer.error() == BasicErrorResponseType::InvalidGrant =>
        {
            Ok(String::new())
        }
        other => Err(format!("{other:?}").into()),
    }
}

/// A refresh token of a login, exchanged; and the same one once more.
async fn refresh(house: &Value, http: &Client, who: &str) -> Outcome {
    let login = offline_login(house, http, who).await?;
    let first = login.refresh_token().ok_or("there is no refresh token")?;
    let client = client!(house, who);
    let answer = client
        .exchange_refresh_token(first)
        .request_async(http)
        .await?;
    let next = answer.refresh_token().ok_or("there is no refresh token")?;
    let again = client
        .exchange_refresh_token(first)
        .request_async(http)
        .await;
    match (who, next.secret() == first.secret(), again) {
        ("confidential", true, Ok(_)) => Ok(String::new()),
        ("public", false, Err(RequestTokenError::ServerResponse(answer)))
            if *answer.error() == BasicErrorResponseType::InvalidGrant =>
        {
            Ok(String::new())
        }
        (_, same, again) => Err(format!("the same: {same}; used again: {again:?}").into()),
    }
}

async fn offline_login(
    house: &Value,
    http: &Client,
    who: &str,
) -> Result<BasicTokenResponse, Box<dyn Error>> {
    let (username, password) = (text(house, "/user/email"), text(house, "/user/password"));
    let login = client!(house, who)
        .exchange_password(
            &ResourceOwnerUsername::new(username),
            &ResourceOwnerPassword::new(password),
        )
        .add_scope(Scope::new("read:orders".to_owned()))
        .add_scope(Scope::new("offline_access".to_owned()))
        .add_extra_param("audience", text(house, "/api"))
        .request_async(http)
        .await?;
    Ok(login)
}

async fn revocation(house: &Value, http: &Client) -> Outcome {
    let login = offline_login(house, http, "confidential").await?;
    let token = login.refresh_token().ok_or("there is no refresh token")?;
    let url = format!("{}oauth/revoke", text(house, "/issuer"));
    let client = client!(house, "confidential").set_revocation_url(RevocationUrl::new(url)?);
    client
        .revoke_token(StandardRevocableToken::from(token))?
        .request_async(http)
        .await?;
    match client
        .exchange_refresh_token(token)
        .request_async(http)
        .await
    {
        Err(RequestTokenError::ServerResponse(answer))
            if *answer.error() == BasicErrorResponseType::InvalidGrant =>
        {
            Ok(String::new())
        }
        other => Err(format!("{other:?}").into()),
    }
}

async fn introspection(house: &Value, http: &Client) -> Outcome {
    let login = offline_login(house, http, "confidential").await?;
    let url = format!("{}oauth/introspect", text(house, "/issuer"));
    let client = client!(house, "confidential").set_introspection_url(IntrospectionUrl::new(url)?);
    let told = client
        .introspect(login.access_token())
        .request_async(http)
        .await?;
    let user_id = text(house, "/user/user_id");
    match told.active() && told.sub() == Some(&user_id) {
        true => Ok(String::new()),
        false => Err(format!("{told:?}").into()),
    }
}

async fn client_credentials(house: &Value, http: &Client) -> Outcome {
    let token = client!(house, "machine")
        .exchange_client_credentials()
        .add_extra_param("audience", text(house, "/api"))
        .request_async(http)
        .await?;
    match token.access_token().secret().split('.').count() {
        3 => Ok(String::new()),
        _ => Err("the access token is no JWT".into()),
    }
}
