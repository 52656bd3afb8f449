//! Signing up.

use serde_json::{Map, Value};

use super::{Asker, Error, check_metadata, connection, event};
use crate::admin::{self, quotas};
use crate::credential::{Password, canonical};
use crate::log::EventType;
use crate::random;
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{self, Batch};
use crate::user::{IdentifierRecord, User};

/// What somebody who signs up says of himself.
pub struct SignUp {
    /// The e-mail address.
    pub email: String,
    /// The user name, if the connection wants one or the user does.
    pub username: Option<String>,
    /// The password.
    pub password: Secret,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The short name.
    pub nickname: Option<String>,
    /// The URL of a picture.
    pub picture: Option<String>,
    /// What the user may write.
    pub user_metadata: Option<Map<String, Value>>,
}

/// Makes a user. The password is hashed before anybody looks whether the name is taken, so that
/// both take the same time.
pub async fn sign_up(server: &Server, asker: &Asker<'_>, new: SignUp) -> Result<User, Error> {
    let result = run(server, asker, new).await;
    let event = match &result {
        Ok(user) => {
            let mut event = event(server, EventType::SignedUp, asker);
            event.user_id = Some(user.user_id.clone());
            event
        }
        // Strangers write nothing into a tenant's log, and what is stopped writes nothing either.
        Err(Error::UnknownClient | Error::Stopped(_)) => return result,
        Err(error) => {
            let mut event = event(server, EventType::SignUpRefused, asker);
            event.description = Some(error.to_string());
            event
        }
    };
    server.log.note(&asker.tenant.name, event).await;
    result
}

async fn run(server: &Server, asker: &Asker<'_>, new: SignUp) -> Result<User, Error> {
    let now = server.clock.now();
    let tenant = &asker.tenant.name;
    let connection = connection(server, asker).await?;
    if connection.disable_signup {
        return Err(Error::SignUpDisabled);
    }
    if connection.requires_username && new.username.is_none() {
        return Err(Error::Missing("username"));
    }
    server
        .guard
        .registration(tenant, asker.address, now)
        .await?;

    let identifiers = identifiers(&new)?;
    new.user_metadata.as_ref().map_or(Ok(()), check_metadata)?;
    let texts = [
        &new.given_name,
        &new.family_name,
        &new.name,
        &new.nickname,
        &new.picture,
    ];
    if texts
        .into_iter()
        .flatten()
        .any(|text| text.chars().count() > 300)
    {
        return Err(Error::Invalid(
            "a name has at most 300 characters".to_owned(),
        ));
    }
    let personal = [
        Some(new.email.as_str()),
        new.username.as_deref(),
        new.given_name.as_deref(),
        new.family_name.as_deref(),
        new.name.as_deref(),
        new.nickname.as_deref(),
    ];
    let personal: Vec<&str> = personal.into_iter().flatten().collect();
    connection
        .password_policy
        .check(new.password.expose(), &personal)?;
    let password = Password::new(new.password)?;
    let password = server.passwords.hash(tenant, password, now).await?;

    let user = User {
        user_id: format!("auth0|{}", random::id()?),
        connection: connection.name,
        name: new.name.or_else(|| Some(new.email.clone())),
        nickname: new
            .nickname
            .or_else(|| new.email.split('@').next().map(str::to_owned)),
        email: Some(new.email),
        username: new.username,
        given_name: new.given_name,
        family_name: new.family_name,
        picture: new.picture,
        user_metadata: new.user_metadata,
        created_at: now,
        updated_at: now,
        ..User::default()
    };
    let parts = [tenant.as_str(), &user.user_id];
    let mut batch = Batch::durable()
        .insert(&parts, &user)
        .insert(&parts, &password);
    for identifier in &identifiers {
        let owner = IdentifierRecord {
            user_id: user.user_id.clone(),
        };
        batch = batch.insert(&[tenant.as_str(), &user.connection, identifier], &owner);
    }
    match quotas::commit_new_user(server, tenant, batch).await {
        Ok(()) => Ok(user),
        Err(admin::Error::Store(store::Error::Conflict)) => {
            Err(Error::InvalidSignUp("the identifier is taken"))
        }
        Err(admin::Error::Store(error)) => Err(error.into()),
        Err(admin::Error::OverQuota { .. }) => Err(Error::InvalidSignUp(
            "the tenant has as many users as its quota allows",
        )),
        Err(error) => Err(Error::Internal(error.to_string())),
    }
}

fn identifiers(new: &SignUp) -> Result<Vec<String>, Error> {
    let invalid = Error::InvalidSignUp;
    if !new.email.contains('@') {
        return Err(invalid("the address has no `@`"));
    }
    let mut identifiers = Vec::new();
    for identifier in [Some(&new.email), new.username.as_ref()]
        .into_iter()
        .flatten()
    {
        let canonical = canonical(identifier).map_err(|_| invalid("no identifier"))?;
        if !identifiers.iter().any(|known| known == canonical.as_str()) {
            identifiers.push(canonical.as_str().to_owned());
        }
    }
    Ok(identifiers)
}
