//! Tenants that are suspended, made the operator's, and deleted.

use super::stored;
use crate::admin::client_grants::{self, NewClientGrant};
use crate::admin::clients::{self, NewClient};
use crate::admin::{Error, management_api};
use crate::client::{Client, ClientAuthentication};
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{
    self, Batch, Commit, Durability, Key, KeyRange, Record as _, Stored, Version, Write, blob,
};
use crate::tenant::{HostBinding, Status, Tenant, TenantName};

/// How many records are read and deleted at once.
const STEP: usize = 200;

/// Suspends a tenant, or resumes it. From the moment of the commit nothing of it answers, in any process,
/// and its tokens open nothing; resumed, all is as it was.
pub async fn set_suspended(
    server: &Server,
    name: &TenantName,
    suspended: bool,
) -> Result<Tenant, Error> {
    let stored = stored(server, name).await?;
    if suspended {
        check_not_operator(&stored.record, "suspended")?;
    }
    let status = match suspended {
        true => Status::Suspended,
        false => Status::Active,
    };
    write(server, &stored, |tenant| tenant.status = status).await
}

/// Lets a tenant's management API administer all tenants, or ends that.
pub async fn set_operator(
    server: &Server,
    name: &TenantName,
    is_operator: bool,
) -> Result<Tenant, Error> {
    let stored = stored(server, name).await?;
    let tenant = write(server, &stored, |tenant| tenant.is_operator = is_operator).await?;
    let audience = management_api::management_audience(&tenant.issuer);
    management_api::ensure(server, name, &audience).await?;
    Ok(tenant)
}

/// Makes a client that may do all that the tenant's management API has.
pub async fn administrator(
    server: &Server,
    name: &TenantName,
    called: &str,
) -> Result<(Client, Secret), Error> {
    let tenant = stored(server, name).await?.record;
    let new = NewClient {
        name: called.to_owned(),
        authentication: ClientAuthentication::ClientSecretPost,
        grant_types: vec!["client_credentials".to_owned()],
        is_first_party: true,
        metadata: Default::default(),
    };
    let (client, secret) = clients::create(server, name, new).await?;
    let grant = NewClientGrant {
        client_id: client.client_id.clone(),
        audience: management_api::management_audience(&tenant.issuer),
        allow_all_scopes: true,
        ..NewClientGrant::default()
    };
    client_grants::create(server, name, grant).await?;
    let secret = secret.ok_or_else(|| Error::invalid("the client", "it has no secret"))?;
    Ok((client, secret))
}

async fn write(
    server: &Server,
    stored: &Stored<Tenant>,
    change: impl FnOnce(&mut Tenant),
) -> Result<Tenant, Error> {
    let mut tenant = stored.record.clone();
    change(&mut tenant);
    let batch = Batch::durable().replace(stored, &tenant);
    server.records.commit(batch).await?;
    Ok(tenant)
}

/// Whoever administers all tenants does not lock himself out by a slip.
fn check_not_operator(tenant: &Tenant, what: &str) -> Result<(), Error> {
    if tenant.is_operator {
        let reason = format!(
            "the operator's tenant is not {what}; take the mark off first, with `claimsmith tenant set {} --operator false`",
            tenant.name
        );
        return Err(Error::invalid("the tenant", reason));
    }
    Ok(())
}

/// Deletes a tenant with everything that is its own, and nothing else. It does not answer from the first
/// moment on. Cut short, it goes on when a server starts, or when this is called again: it is marked
/// first, and its record goes last.
pub async fn delete(server: &Server, name: &TenantName) -> Result<(), Error> {
    let found: Option<Stored<Tenant>> = server.records.get(&[name.as_str()]).await?;
    let found = found.ok_or_else(Error::missing("tenant", name.as_str()))?;
    check_not_operator(&found.record, "deleted")?;
    if found.record.status != Status::Deleting {
        write(server, &found, |tenant| tenant.status = Status::Deleting).await?;
    }
    finish(server, name).await
}

/// Goes on with what was cut short.
pub async fn finish_deletions(server: &Server) -> Result<(), Error> {
    let mut rest = KeyRange::prefix(Tenant::TABLE, &[]);
    loop {
        let tenants: Vec<Stored<Tenant>> = server.records.list_range(&rest, STEP).await?;
        let Some(last) = tenants.last() else {
            return Ok(());
        };
        rest = rest.behind(&last.key);
        for tenant in tenants.into_iter().map(|stored| stored.record) {
            if tenant.status == Status::Deleting {
                tracing::info!(tenant = %tenant.name, "a deletion that was cut short goes on");
                finish(server, &tenant.name).await?;
            }
        }
    }
}

async fn finish(server: &Server, name: &TenantName) -> Result<(), Error> {
    let found: Option<Stored<Tenant>> = server.records.get(&[name.as_str()]).await?;
    // Somebody else may have been faster.
    let Some(marked) = found.filter(|found| found.record.status == Status::Deleting) else {
        return Ok(());
    };
    loop {
        let some = blob::needed_by(&server.records, name.as_str(), STEP).await?;
        if some.is_empty() {
            break;
        }
        for digest in some {
            blob::release(&server.records, name.as_str(), &digest).await?;
        }
    }
    erase(server, name, (marked.key.clone(), Some(marked.version))).await?;
    let mut batch = Batch::durable().delete(&marked);
    let tenant = &marked.record;
    let hosts = tenant.domains.iter().cloned();
    for host in hosts.chain([tenant.issuer.host()]) {
        let binding: Option<Stored<HostBinding>> = server.records.get(&[&host]).await?;
        if let Some(binding) = binding.filter(|binding| binding.record.tenant == *name) {
            batch = batch.delete(&binding);
        }
    }
    server.records.commit(batch).await?;
    server.rates.forget(name);
    tracing::info!(tenant = %name, "a tenant was deleted");
    Ok(())
}

/// Takes away what a request that was under way when a tenant of this name was deleted wrote behind its
/// back. Nothing of that waits for a new tenant.
pub(super) async fn bury(server: &Server, name: &TenantName) -> Result<(), Error> {
    let key = Key::new(Tenant::TABLE, &[name.as_str()]);
    match erase(server, name, (key, None)).await {
        // There is such a tenant: whoever wants to make it will hear so.
        Err(Error::Store(store::Error::Conflict)) => Ok(()),
        done => done,
    }
}

/// Deletes all that has the tenant's name, as long as its own record is in this state.
async fn erase(
    server: &Server,
    name: &TenantName,
    state: (Key, Option<Version>),
) -> Result<(), Error> {
    for range in KeyRange::of_tenant(name.as_str()) {
        loop {
            let some = server.records.store().scan(&range, STEP).await?;
            if some.is_empty() {
                break;
            }
            let doomed = some
                .into_iter()
                .map(|entry| Write::Delete { key: entry.key });
            let commit = Commit {
                expect: vec![state.clone()],
                writes: doomed.collect(),
                durability: Durability::Durable,
            };
            server.records.store().commit(commit).await?;
        }
    }
    Ok(())
}
