//! Clients: registered, listed, given new secrets.

mod update;

use std::collections::BTreeMap;

use serde_json::Map;

pub use self::update::{Change, create_with, delete, update};
use super::{Error, LIST_LIMIT, apis, require_tenant};
use crate::client::{
    Client, ClientAuthentication, PreviousSecret, RefreshSettings, SenderConstraint,
};
use crate::grant::GrantRequest;
use crate::random;
use crate::secret::{Digest, Secret};
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;

/// A client to register.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// A name for people.
    pub name: String,
    /// How it authenticates.
    pub authentication: ClientAuthentication,
    /// The grants it may use; each must be one that exists.
    pub grant_types: Vec<String>,
    /// Whether the tenant itself runs it.
    pub is_first_party: bool,
    /// Name and value pairs for rules: at most 10, each of at most 255 characters.
    pub metadata: BTreeMap<String, String>,
}

/// Registers a client. Its secret is returned once and stored as a digest only.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    new: NewClient,
) -> Result<(Client, Option<Secret>), Error> {
    create_with(server, tenant, new, Change::default()).await
}

/// A client that is not registered yet, and its secret.
fn unregistered(server: &Server, new: NewClient) -> Result<(Client, Option<Secret>), Error> {
    let secret = match new.authentication.is_by_secret() {
        true => Some(random::token()?),
        false => None,
    };
    let client = Client {
        client_id: random::id()?,
        name: new.name,
        token_endpoint_auth_method: new.authentication,
        secret: secret.as_ref().map(Digest::of),
        previous_secret: None,
        credentials: Vec::new(),
        grant_types: new.grant_types,
        is_first_party: new.is_first_party,
        metadata: new.metadata,
        is_token_endpoint_ip_header_trusted: false,
        resource_server_identifier: None,
        refresh_token: None,
        id_token_lifetime: Client::DEFAULT_ID_TOKEN_LIFETIME,
        sender_constraint: SenderConstraint::default(),
        kept: Map::new(),
        created_at: server.clock.now(),
    };
    Ok((client, secret))
}

/// All clients of a tenant, by `client_id`.
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<Client>, Error> {
    require_tenant(server, tenant).await?;
    let stored = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}

/// Switches grants on for a client, in the place of those it had.
pub async fn set_grants(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    grant_types: Vec<String>,
) -> Result<Client, Error> {
    change(server, tenant, client_id, |client| {
        client.grant_types = grant_types;
        check_grant_types(client)
    })
    .await
}

/// Says what the client's tokens must be bound to from now on.
pub async fn set_sender_constraint(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    sender_constraint: SenderConstraint,
) -> Result<Client, Error> {
    change(server, tenant, client_id, |client| {
        client.sender_constraint = sender_constraint;
        Ok(())
    })
    .await
}

/// Believes a client, or not any more, where its users are. A public client proves nothing, so it
/// cannot be believed.
pub async fn trust_ip_header(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    trusted: bool,
) -> Result<Client, Error> {
    change(server, tenant, client_id, |client| believe(client, trusted)).await
}

fn believe(client: &mut Client, trusted: bool) -> Result<(), Error> {
    if trusted && client.is_public() {
        return Err(Error::invalid(
            "the client",
            "it is public: anybody could say in its name where a user is",
        ));
    }
    client.is_token_endpoint_ip_header_trusted = trusted;
    Ok(())
}

/// Makes a client the resource server of an API, which may introspect the API's access tokens, or of
/// none. A public client proves nothing, so anybody could ask in its name.
pub async fn set_resource_server(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    api: Option<String>,
) -> Result<Client, Error> {
    if let Some(identifier) = &api {
        apis::get(server, tenant, identifier).await?;
    }
    change(server, tenant, client_id, |client| serve_api(client, api)).await
}

fn serve_api(client: &mut Client, api: Option<String>) -> Result<(), Error> {
    if api.is_some() && client.is_public() {
        return Err(Error::invalid(
            "the client",
            "it is public: anybody could ask about the API's tokens in its name",
        ));
    }
    client.resource_server_identifier = api;
    Ok(())
}

/// The longest a replaced secret stays good, in seconds: 30 days.
pub const MAX_GRACE_SECS: u64 = 30 * 86_400;

/// Gives a client a new secret. The one it had stays good for `grace_secs`, so that whoever uses it
/// can change over; one that was replaced before is refused from now on. Zero refuses both.
pub async fn rotate_secret(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    grace_secs: u64,
) -> Result<(Client, Secret), Error> {
    if grace_secs > MAX_GRACE_SECS {
        let reason = format!("at most {MAX_GRACE_SECS} seconds");
        return Err(Error::invalid("the grace time", reason));
    }
    let secret = random::token()?;
    let expires_at = server.clock.now().plus_secs(grace_secs);
    let client = change(server, tenant, client_id, |client| {
        if !client.token_endpoint_auth_method.is_by_secret() {
            return Err(Error::invalid(
                "the client",
                "it does not authenticate by a secret",
            ));
        }
        let old = client.secret.replace(Digest::of(&secret));
        client.previous_secret = old
            .filter(|_| grace_secs > 0)
            .map(|digest| PreviousSecret { digest, expires_at });
        Ok(())
    })
    .await?;
    Ok((client, secret))
}

/// Refuses the replaced secret from now on, whatever is left of its grace time.
pub async fn revoke_previous_secret(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
) -> Result<Client, Error> {
    change(server, tenant, client_id, |client| {
        client.previous_secret = None;
        Ok(())
    })
    .await
}

/// Changes how a client authenticates. What proved it before is gone: a client has a secret or
/// keys, never both. Between the two secret methods nothing changes but the name.
pub async fn set_authentication(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    method: ClientAuthentication,
) -> Result<(Client, Option<Secret>), Error> {
    let mut made = None;
    let client = change(server, tenant, client_id, |client| {
        made = authenticate_by(client, method)?;
        check_grant_types(client)
    })
    .await?;
    Ok((client, made))
}

fn authenticate_by(
    client: &mut Client,
    method: ClientAuthentication,
) -> Result<Option<Secret>, Error> {
    let keeps = client.token_endpoint_auth_method.is_by_secret() && method.is_by_secret();
    let made = match method.is_by_secret() && !keeps {
        true => Some(random::token()?),
        false => None,
    };
    client.token_endpoint_auth_method = method;
    if !keeps {
        client.secret = made.as_ref().map(Digest::of);
        client.previous_secret = None;
    }
    if method != ClientAuthentication::PrivateKeyJwt {
        client.credentials = Vec::new();
    }
    // What proves nothing is not believed where its users are.
    client.is_token_endpoint_ip_header_trusted &= !client.is_public();
    if client.is_public() {
        client.resource_server_identifier = None;
    }
    Ok(made)
}

/// A client.
pub async fn find(server: &Server, tenant: &TenantName, client_id: &str) -> Result<Client, Error> {
    Ok(get(server, tenant, client_id).await?.record)
}

/// A client, as it is stored.
pub(super) async fn get(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
) -> Result<Stored<Client>, Error> {
    let stored = server.records.get(&[tenant.as_str(), client_id]).await?;
    stored.ok_or_else(Error::missing("client", client_id))
}

/// Changes how a client's refresh tokens live. Those that are out take it up at their next exchange.
pub async fn set_refresh_token(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    set: impl FnOnce(RefreshSettings) -> RefreshSettings,
) -> Result<Client, Error> {
    change(server, tenant, client_id, |client| {
        let settings = set(client.refresh_settings());
        let sound = settings.check();
        sound.map_err(|reason| Error::invalid("the refresh tokens' settings", reason))?;
        client.refresh_token = Some(settings);
        Ok(())
    })
    .await
}

pub(super) async fn change(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    change: impl FnOnce(&mut Client) -> Result<(), Error>,
) -> Result<Client, Error> {
    let stored = get(server, tenant, client_id).await?;
    let mut client = stored.record.clone();
    change(&mut client)?;
    let batch = Batch::durable().replace(&stored, &client);
    server.records.commit(batch).await?;
    Ok(client)
}

fn check_grant_types(client: &Client) -> Result<(), Error> {
    for grant in &client.grant_types {
        if !GrantRequest::ALL.contains(&grant.as_str()) {
            let known = GrantRequest::ALL.join(", ");
            let reason = format!("`{grant}` is none of {known}");
            return Err(Error::invalid("the grant types", reason));
        }
        GrantRequest::check_kind(grant, client)
            .map_err(|reason| Error::invalid("the grant types", reason))?;
    }
    Ok(())
}

/// The bounds that Auth0 documents for `client_metadata`.
fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    let too_long = |text: &String| text.chars().count() > 255;
    if metadata.len() > 10
        || metadata
            .iter()
            .any(|(key, value)| too_long(key) || too_long(value))
    {
        return Err(Error::invalid(
            "the metadata",
            "at most 10 pairs, each name and value of at most 255 characters",
        ));
    }
    Ok(())
}
