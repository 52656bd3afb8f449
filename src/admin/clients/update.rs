//! Many settings of a client at once, and its end.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    NewClient, authenticate_by, believe, change, check_grant_types, check_metadata, get, serve_api,
    unregistered,
};
use crate::admin::sweep::sweep;
use crate::admin::{Error, apis, check_text, keep, require_tenant};
use crate::client::{Client, ClientAuthentication, RefreshSettings, SenderConstraint};
use crate::client_grant::ClientGrant;
use crate::secret::Secret;
use crate::server::Server;
use crate::store::Batch;
use crate::tenant::TenantName;

/// Settings to change; none leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// A name for people.
    pub name: Option<String>,
    /// How it authenticates.
    pub authentication: Option<ClientAuthentication>,
    /// The grants it may use.
    pub grant_types: Option<Vec<String>>,
    /// Whether the tenant itself runs it.
    pub is_first_party: Option<bool>,
    /// Name and value pairs for rules, merged with those it has; no value takes one away.
    pub metadata: BTreeMap<String, Option<String>>,
    /// Whether it is believed where its users are.
    pub ip_header_trusted: Option<bool>,
    /// How its refresh tokens live.
    pub refresh_token: Option<RefreshSettings>,
    /// How long its ID tokens are valid, in seconds.
    pub id_token_lifetime: Option<u64>,
    /// What its tokens must be bound to.
    pub sender_constraint: Option<SenderConstraint>,
    /// The API whose resource server it is; none within makes it none's.
    pub resource_server: Option<Option<String>>,
    /// Documented fields without a meaning here; null takes one away.
    pub kept: Map<String, Value>,
}

/// The longest that an ID token is valid, in seconds: 30 days.
const MAX_ID_TOKEN_LIFETIME: u64 = 30 * 86_400;

impl Change {
    async fn check(&self, server: &Server, tenant: &TenantName) -> Result<(), Error> {
        if let Some(Some(identifier)) = &self.resource_server {
            apis::get(server, tenant, identifier).await?;
        }
        Ok(())
    }

    fn apply(self, client: &mut Client) -> Result<Option<Secret>, Error> {
        client.name = self.name.unwrap_or_else(|| client.name.clone());
        check_text("the client's name", &client.name, 200)?;
        client.is_first_party = self.is_first_party.unwrap_or(client.is_first_party);
        for (name, value) in self.metadata {
            match value {
                Some(value) => drop(client.metadata.insert(name, value)),
                None => drop(client.metadata.remove(&name)),
            }
        }
        check_metadata(&client.metadata)?;
        let secret = match self.authentication {
            Some(method) => authenticate_by(client, method)?,
            None => None,
        };
        if let Some(grant_types) = self.grant_types {
            client.grant_types = grant_types;
        }
        check_grant_types(client)?;
        if let Some(trusted) = self.ip_header_trusted {
            believe(client, trusted)?;
        }
        if let Some(settings) = self.refresh_token {
            let sound = settings.check();
            sound.map_err(|reason| Error::invalid("the refresh tokens' settings", reason))?;
            client.refresh_token = Some(settings);
        }
        client.id_token_lifetime = self.id_token_lifetime.unwrap_or(client.id_token_lifetime);
        if !(1..=MAX_ID_TOKEN_LIFETIME).contains(&client.id_token_lifetime) {
            let reason = format!("use 1 to {MAX_ID_TOKEN_LIFETIME} seconds");
            return Err(Error::invalid("the ID token's lifetime", reason));
        }
        let bound = self.sender_constraint;
        client.sender_constraint = bound.unwrap_or(client.sender_constraint);
        if let Some(api) = self.resource_server {
            serve_api(client, api)?;
        }
        keep(&mut client.kept, self.kept);
        Ok(secret)
    }
}

/// Registers a client with settings that are rarely given from the start.
pub async fn create_with(
    server: &Server,
    tenant: &TenantName,
    new: NewClient,
    change: Change,
) -> Result<(Client, Option<Secret>), Error> {
    require_tenant(server, tenant).await?;
    change.check(server, tenant).await?;
    let (mut client, secret) = unregistered(server, new)?;
    let changed = change.apply(&mut client)?;
    let batch = Batch::durable().insert(&[tenant.as_str(), &client.client_id], &client);
    server.records.commit(batch).await?;
    Ok((client, changed.or(secret)))
}

/// Changes many settings at once. Returns the secret, if one was made.
pub async fn update(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    changes: Change,
) -> Result<(Client, Option<Secret>), Error> {
    changes.check(server, tenant).await?;
    let mut secret = None;
    let client = change(server, tenant, client_id, |client| {
        secret = changes.apply(client)?;
        Ok(())
    })
    .await?;
    Ok((client, secret))
}

/// Takes a client away, with its client grants. It gets no token any more, and its identity is never
/// another's.
pub async fn delete(server: &Server, tenant: &TenantName, client_id: &str) -> Result<(), Error> {
    let stored = get(server, tenant, client_id).await?;
    let of = [tenant.as_str(), client_id];
    sweep(server, &of, |_: &ClientGrant| true).await?;
    let batch = Batch::durable().delete(&stored);
    server.records.commit(batch).await?;
    // What was made in between.
    sweep(server, &of, |_: &ClientGrant| true).await
}
