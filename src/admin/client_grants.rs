//! Client grants: which scopes of which API a client may have.

use serde_json::{Map, Value};

use super::{Error, LIST_LIMIT, apis, clients, keep, management_api, page, require_tenant};
use crate::api::Api;
use crate::client_grant::{ClientGrant, SubjectType};
use crate::random;
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;

/// A client grant to make.
#[derive(Clone, Debug, Default)]
pub struct NewClientGrant {
    /// The client.
    pub client_id: String,
    /// The API.
    pub audience: String,
    /// The scopes it may have; each must be one that the API defines.
    pub scope: Vec<String>,
    /// Whether it may have every scope of the API instead.
    pub allow_all_scopes: bool,
    /// Whom the tokens are about.
    pub subject_type: SubjectType,
    /// Documented fields without a meaning here.
    pub kept: Map<String, Value>,
}

/// Makes a client grant. For the audience `ISSUER/api/v2/` it makes that API too, if need be.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    new: NewClientGrant,
) -> Result<ClientGrant, Error> {
    management_api::ensure(server, tenant, &new.audience).await?;
    let client = clients::get(server, tenant, &new.client_id).await?;
    let api = apis::get(server, tenant, &new.audience).await?;
    check_scope(&new.scope, &api.record)?;
    check_not_both(&new.scope, new.allow_all_scopes)?;
    let mut kept = Map::new();
    keep(&mut kept, new.kept);
    let grant = ClientGrant {
        id: format!("cgr_{}", random::id()?),
        client_id: new.client_id,
        audience: new.audience,
        scope: new.scope,
        allow_all_scopes: new.allow_all_scopes,
        subject_type: new.subject_type,
        kept,
        created_at: server.clock.now(),
    };
    let (client_id, audience) = (&grant.client_id, &grant.audience);
    let parts = ClientGrant::parts(tenant.as_str(), client_id, grant.subject_type, audience);
    // Neither may vanish in between: a grant must not wait for a client or an API to come.
    let batch = Batch::durable()
        .expect(&client)
        .expect(&api)
        .insert(&parts, &grant);
    let name = format!("{client_id}` for `{audience}");
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken("a client grant of", &name))?;
    Ok(grant)
}

/// The client grants of a tenant, or of one of its clients, by client and API.
pub async fn list(
    server: &Server,
    tenant: &TenantName,
    client_id: Option<&str>,
) -> Result<Vec<ClientGrant>, Error> {
    require_tenant(server, tenant).await?;
    let tenant = tenant.as_str();
    let stored = match client_id {
        Some(client_id) => server.records.list(&[tenant, client_id], LIST_LIMIT).await,
        None => server.records.list(&[tenant], LIST_LIMIT).await,
    };
    Ok(stored?.into_iter().map(|stored| stored.record).collect())
}

/// Settings to change; none leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The scopes it may have, in the place of those that were.
    pub scope: Option<Vec<String>>,
    /// Whether it may have every scope of the API instead.
    pub allow_all_scopes: Option<bool>,
    /// Documented fields without a meaning here; null takes one away.
    pub kept: Map<String, Value>,
}

/// Grants these scopes in the place of those that were.
pub async fn set_scope(
    server: &Server,
    tenant: &TenantName,
    of: (&str, SubjectType, &str),
    scope: Vec<String>,
) -> Result<ClientGrant, Error> {
    let stored = get(server, tenant, of).await?;
    let change = Change {
        scope: Some(scope),
        allow_all_scopes: Some(false),
        ..Change::default()
    };
    apply(server, tenant, stored, change).await
}

/// Changes a client grant, by its identity.
pub async fn update(
    server: &Server,
    tenant: &TenantName,
    id: &str,
    change: Change,
) -> Result<ClientGrant, Error> {
    apply(server, tenant, by_id(server, tenant, id).await?, change).await
}

async fn apply(
    server: &Server,
    tenant: &TenantName,
    stored: Stored<ClientGrant>,
    change: Change,
) -> Result<ClientGrant, Error> {
    let mut grant = stored.record.clone();
    management_api::ensure(server, tenant, &grant.audience).await?;
    let api = apis::get(server, tenant, &grant.audience).await?;
    grant.allow_all_scopes = change.allow_all_scopes.unwrap_or(grant.allow_all_scopes);
    match change.scope {
        Some(scope) => grant.scope = scope,
        None if grant.allow_all_scopes => grant.scope = Vec::new(),
        None => {}
    }
    check_scope(&grant.scope, &api.record)?;
    check_not_both(&grant.scope, grant.allow_all_scopes)?;
    keep(&mut grant.kept, change.kept);
    let batch = Batch::durable().expect(&api).replace(&stored, &grant);
    server.records.commit(batch).await?;
    Ok(grant)
}

/// A client grant, by its identity.
pub async fn find(server: &Server, tenant: &TenantName, id: &str) -> Result<ClientGrant, Error> {
    Ok(by_id(server, tenant, id).await?.record)
}

async fn by_id(
    server: &Server,
    tenant: &TenantName,
    id: &str,
) -> Result<Stored<ClientGrant>, Error> {
    let of = [tenant.as_str()];
    let found = page::find(server, &of, |grant: &ClientGrant| grant.id == id).await?;
    found.ok_or_else(Error::missing("client grant of", id))
}

/// Takes a client grant back. Tokens that are out stay valid until they end.
pub async fn delete(
    server: &Server,
    tenant: &TenantName,
    of: (&str, SubjectType, &str),
) -> Result<(), Error> {
    let stored = get(server, tenant, of).await?;
    Ok(server
        .records
        .commit(Batch::durable().delete(&stored))
        .await?)
}

async fn get(
    server: &Server,
    tenant: &TenantName,
    (client_id, subject_type, audience): (&str, SubjectType, &str),
) -> Result<Stored<ClientGrant>, Error> {
    let parts = ClientGrant::parts(tenant.as_str(), client_id, subject_type, audience);
    let stored = server.records.get(&parts).await?;
    let name = || format!("{client_id}` for `{audience}");
    stored.ok_or_else(|| Error::missing("client grant of", &name())())
}

fn check_not_both(scope: &[String], all: bool) -> Result<(), Error> {
    match all && !scope.is_empty() {
        false => Ok(()),
        true => Err(Error::invalid("the scopes", "say which, or all, not both")),
    }
}

fn check_scope(scope: &[String], api: &Api) -> Result<(), Error> {
    match scope.iter().find(|scope| !api.defines(scope)) {
        None => Ok(()),
        Some(unknown) => Err(Error::invalid(
            "the scopes",
            format!("the API does not define `{}`", unknown.escape_debug()),
        )),
    }
}
