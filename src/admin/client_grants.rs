//! Client grants: which scopes of which API a client may have.

use super::{Error, LIST_LIMIT, apis, clients, management_api, require_tenant};
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
    if new.allow_all_scopes && !new.scope.is_empty() {
        return Err(Error::invalid("the scopes", "say which, or all, not both"));
    }
    let grant = ClientGrant {
        id: format!("cgr_{}", random::id()?),
        client_id: new.client_id,
        audience: new.audience,
        scope: new.scope,
        allow_all_scopes: new.allow_all_scopes,
        subject_type: new.subject_type,
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

/// Grants these scopes in the place of those that were.
pub async fn set_scope(
    server: &Server,
    tenant: &TenantName,
    (client_id, subject_type, audience): (&str, SubjectType, &str),
    scope: Vec<String>,
) -> Result<ClientGrant, Error> {
    let stored = get(server, tenant, (client_id, subject_type, audience)).await?;
    let api = apis::get(server, tenant, audience).await?;
    check_scope(&scope, &api.record)?;
    let grant = ClientGrant {
        scope,
        allow_all_scopes: false,
        ..stored.record.clone()
    };
    let batch = Batch::durable().expect(&api).replace(&stored, &grant);
    server.records.commit(batch).await?;
    Ok(grant)
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

fn check_scope(scope: &[String], api: &Api) -> Result<(), Error> {
    match scope.iter().find(|scope| !api.defines(scope)) {
        None => Ok(()),
        Some(unknown) => Err(Error::invalid(
            "the scopes",
            format!("the API does not define `{}`", unknown.escape_debug()),
        )),
    }
}
