//! Host names of a tenant's own, beside the one of its issuer. Only an operator gives them: a tenant that
//! could would take another's first.

use super::stored;
use crate::admin::Error;
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::{HostBinding, Issuer, Tenant, TenantName};

/// The most that a tenant has.
const MOST: usize = 20;

/// Lets a tenant answer under a host name, as the issuer `https://NAME/`.
pub async fn add_domain(server: &Server, name: &TenantName, domain: &str) -> Result<Tenant, Error> {
    let (host, issuer) = parse(domain)?;
    let stored = stored(server, name).await?;
    let mut tenant = stored.record.clone();
    if tenant.domains.len() >= MOST {
        let reason = format!("a tenant has at most {MOST}");
        return Err(Error::invalid("the domain", reason));
    }
    tenant.domains.push(host.clone());
    let binding = HostBinding {
        tenant: name.clone(),
        issuer: Some(issuer),
    };
    let batch = Batch::durable()
        .replace(&stored, &tenant)
        .insert(&[&host], &binding);
    match server.records.commit(batch).await {
        Err(store::Error::Conflict) => {
            let taken: Option<Stored<HostBinding>> = server.records.get(&[&host]).await?;
            Err(match taken {
                Some(_) => Error::AlreadyExists {
                    what: "a tenant that answers to",
                    name: host,
                },
                None => store::Error::Conflict.into(),
            })
        }
        done => {
            done?;
            Ok(tenant)
        }
    }
}

/// Ends that. Tokens that name the domain as their issuer are no good from then on.
pub async fn remove_domain(
    server: &Server,
    name: &TenantName,
    domain: &str,
) -> Result<Tenant, Error> {
    let stored = stored(server, name).await?;
    let host = domain.to_ascii_lowercase();
    let mut tenant = stored.record.clone();
    tenant.domains.retain(|known| *known != host);
    if tenant.domains.len() == stored.record.domains.len() {
        return Err(Error::missing("domain", &host)());
    }
    let batch = Batch::durable()
        .replace(&stored, &tenant)
        .remove::<HostBinding>(&[&host]);
    server.records.commit(batch).await?;
    Ok(tenant)
}

/// The names under `localhost` are given by the tenants' names.
pub(super) fn check_not_local(host: &str) -> Result<(), Error> {
    if host == "localhost" || host.ends_with(".localhost") {
        let reason = "names under `localhost` belong to the tenant of that name; choose another";
        return Err(Error::invalid("the host name", reason));
    }
    Ok(())
}

fn parse(domain: &str) -> Result<(String, Issuer), Error> {
    let host = domain.to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // The last label of an IPv4 address is a number, and of no name.
    let is_name = host.len() <= 253
        && host.contains('.')
        && host.split('.').all(label)
        && !host
            .split('.')
            .next_back()
            .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    let invalid = |reason: &str| Error::invalid("the domain", reason);
    if !is_name {
        let reason = "use a host name such as `login.acme.example`, without scheme and port";
        return Err(invalid(reason));
    }
    check_not_local(&host)?;
    let issuer = Issuer::parse(&format!("https://{host}/"));
    let issuer = issuer.map_err(|error| invalid(&error.to_string()))?;
    // What a URL makes of a name is what requests are compared with.
    match issuer.host() == host {
        true => Ok((host, issuer)),
        false => Err(invalid("it is not what a URL makes of it")),
    }
}
