//! The public keys of clients that authenticate with `private_key_jwt`.

use super::{Error, check_text, clients};
use crate::client::{Client, ClientAuthentication, Credential};
use crate::clock::Timestamp;
use crate::random;
use crate::server::Server;
use crate::tenant::TenantName;
use crate::token::{AssertionAlgorithm, PublicKeyText, VerifyingKey};

/// A key to register.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// The public key, as PEM (`BEGIN PUBLIC KEY`) or as a JWK.
    pub public_key: String,
    /// What it is used with; the JWK's `alg` if none.
    pub alg: Option<AssertionAlgorithm>,
    /// A name for people; the `kid` if none.
    pub name: Option<String>,
    /// What assertions may name it by; the JWK's own, or its thumbprint (RFC 7638), if none.
    pub kid: Option<String>,
    /// From here on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Registers a key of a client that authenticates with keys.
pub async fn add(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    new: NewCredential,
) -> Result<Credential, Error> {
    let now = server.clock.now();
    let credential = credential(new, now)?;
    let added = credential.clone();
    clients::change(server, tenant, client_id, |client| {
        check_room(client, &added)?;
        client.credentials.push(added);
        Ok(())
    })
    .await?;
    Ok(credential)
}

/// A client's keys, those that have expired included, in the order they came.
pub async fn list(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
) -> Result<Vec<Credential>, Error> {
    let stored = clients::get(server, tenant, client_id).await?;
    Ok(stored.record.credentials)
}

/// Takes a key away, by its `id` or `kid`; what it signed is refused from now on.
pub async fn remove(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    credential: &str,
) -> Result<(), Error> {
    clients::change(server, tenant, client_id, |client| {
        let before = client.credentials.len();
        let is_it = |known: &Credential| known.id == credential || known.kid == credential;
        client.credentials.retain(|known| !is_it(known));
        if client.credentials.len() == before {
            return Err(Error::missing("credential", credential)());
        }
        Ok(())
    })
    .await
    .map(drop)
}

fn credential(new: NewCredential, now: Timestamp) -> Result<Credential, Error> {
    let invalid = |reason: String| Error::invalid("the key", reason);
    let text = PublicKeyText::parse(&new.public_key).map_err(|error| invalid(error.to_string()))?;
    let named = match &text.alg {
        Some(alg) => Some(parse_alg(alg)?),
        None => None,
    };
    let alg = match (new.alg, named) {
        (Some(asked), Some(named)) if asked != named => {
            return Err(invalid("its own `alg` is another one".to_owned()));
        }
        (asked, named) => asked
            .or(named)
            .ok_or_else(|| invalid("say which algorithm it is used with".to_owned()))?,
    };
    VerifyingKey::of_client(alg, &text.key).map_err(|error| invalid(error.to_string()))?;
    let kid = new.kid.or(text.kid);
    let kid = kid.unwrap_or_else(|| text.key.thumbprint());
    check_text("the `kid`", &kid, 200)?;
    let name = new.name.unwrap_or_else(|| kid.clone());
    check_text("the name", &name, 200)?;
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(invalid("it would have expired already".to_owned()));
    }
    Ok(Credential {
        id: format!("cred_{}", random::id()?),
        name,
        kid,
        alg,
        public: text.key,
        created_at: now,
        expires_at: new.expires_at,
    })
}

fn parse_alg(alg: &str) -> Result<AssertionAlgorithm, Error> {
    let alg = serde_json::from_value(alg.into());
    alg.map_err(|_| Error::invalid("the key", "its `alg` is none that clients sign with"))
}

fn check_room(client: &Client, new: &Credential) -> Result<(), Error> {
    if client.token_endpoint_auth_method != ClientAuthentication::PrivateKeyJwt {
        return Err(Error::invalid(
            "the client",
            "it does not authenticate with `private_key_jwt`; change that first",
        ));
    }
    if client.credentials.len() >= Client::MAX_CREDENTIALS {
        let reason = format!("it has {} already", Client::MAX_CREDENTIALS);
        return Err(Error::invalid("the client's keys", reason));
    }
    // RFC 8725, section 3.1: one key, one algorithm. And a name must mean one key.
    let taken = |known: &Credential| known.kid == new.kid || known.public == new.public;
    match client.credentials.iter().find(|known| taken(known)) {
        Some(known) => Err(Error::AlreadyExists {
            what: "the key, or its name, as the credential",
            name: known.id.clone(),
        }),
        None => Ok(()),
    }
}
