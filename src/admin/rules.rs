//! Rules: uploaded as immutable versions, bound in order, configured.

pub mod manage;

use super::{Error, LIST_LIMIT, check_text, quotas, require_tenant};
use crate::random;
use crate::rule::{Binding, ConfigurationValue, RuleVersion};
use crate::rule_host::{Dialect, Grant, Inspection, Manifest, OnFault, Permissions};
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{Batch, Stored, blob};
use crate::tenant::TenantName;
use crate::token::Sealed;

/// Stores a component, or a source in JavaScript, and its manifest as the next version of a rule, after checking all that `rule check` checks:
/// what is corrupt or foreign never reaches the store. Nothing runs it until it is bound.
pub async fn upload(
    server: &Server,
    tenant: &TenantName,
    rule: &str,
    component: Vec<u8>,
    manifest: Option<Manifest>,
) -> Result<(RuleVersion, Inspection), Error> {
    require_tenant(server, tenant).await?;
    check_name(rule)?;
    let host = std::sync::Arc::clone(&server.rule_host);
    let (component, inspection) = tokio::task::spawn_blocking(move || {
        let inspection = host.inspect(&component);
        (component, inspection)
    })
    .await
    .map_err(|_| Error::invalid("the component", "checking it failed"))?;
    let inspection = inspection?;
    if let Some(manifest) = &manifest {
        manifest.fits(&inspection)?;
    }

    let digest = blob::put(&server.records, tenant.as_str(), &component).await?;
    let last = versions(server, tenant, rule).await?.into_iter().last();
    if let Some(last) = &last
        && last.digest == digest
        && last.manifest == manifest
    {
        return Ok((last.clone(), inspection));
    }
    let version = RuleVersion {
        rule: rule.to_owned(),
        version: last.map_or(1, |last| last.version.saturating_add(1)),
        digest,
        size: inspection.size,
        dialect: inspection.dialect,
        uploaded_at: server.clock.now(),
        manifest,
    };
    let number = RuleVersion::key_part(version.version);
    let batch = Batch::durable().insert(&[tenant.as_str(), rule, &number], &version);
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken("a newer version, uploaded just now, of", rule))?;
    Ok((version, inspection))
}

/// The versions of a rule, oldest first.
pub async fn versions(
    server: &Server,
    tenant: &TenantName,
    rule: &str,
) -> Result<Vec<RuleVersion>, Error> {
    let stored = server
        .records
        .list(&[tenant.as_str(), rule], LIST_LIMIT)
        .await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}

/// What is known of a version of a rule.
pub async fn version(
    server: &Server,
    tenant: &TenantName,
    rule: &str,
    version: u32,
) -> Result<RuleVersion, Error> {
    let number = RuleVersion::key_part(version);
    let parts = [tenant.as_str(), rule, &number];
    let stored: Option<Stored<RuleVersion>> = server.records.get(&parts).await?;
    Ok(stored.ok_or_else(|| no_version(rule, version))?.record)
}

/// A version's component, or its source in JavaScript.
pub async fn code(server: &Server, version: &RuleVersion) -> Result<Vec<u8>, Error> {
    let bytes = blob::get(&server.records, &version.digest).await?;
    bytes.ok_or_else(|| no_version(&version.rule, version.version))
}

fn no_version(rule: &str, version: u32) -> Error {
    Error::NotFound {
        what: "version of the rule",
        name: format!("{rule}@{version}"),
    }
}

/// How to bind a rule.
#[derive(Clone, Debug)]
pub struct NewBinding {
    /// Which version; the newest if none.
    pub version: Option<u32>,
    /// Where in the order; behind all others if none.
    pub order: Option<u32>,
    /// The grants it runs on; if empty, those that its dialect is for.
    pub grants: Vec<Grant>,
    /// What its failure means; what the manifest says if none, and else that the login ends.
    pub on_fault: Option<OnFault>,
    /// What it may do beyond deciding; as before if none, which is nothing for a new binding.
    pub permissions: Option<Permissions>,
}

/// Puts a rule to use, or changes how it is used.
pub async fn bind(
    server: &Server,
    tenant: &TenantName,
    rule: &str,
    new: NewBinding,
) -> Result<Binding, Error> {
    require_tenant(server, tenant).await?;
    let versions = versions(server, tenant, rule).await?;
    let wanted = match new.version {
        None => versions.last(),
        Some(wanted) => versions.iter().find(|known| known.version == wanted),
    };
    let version = wanted.ok_or_else(|| Error::NotFound {
        what: "version of the rule",
        name: match new.version {
            None => rule.to_owned(),
            Some(version) => format!("{rule}@{version}"),
        },
    })?;
    let others = bindings(server, tenant).await?;
    let most = server.rule_host.limits().chain;
    let known = others.iter().find(|other| other.rule == rule);
    if known.is_none() {
        quotas::room_for_a_rule(server, tenant, others.len()).await?;
    }
    if known.is_none() && others.len() >= most {
        return Err(Error::invalid(
            "the binding",
            format!("a tenant binds at most {most} rules"),
        ));
    }
    let last = others.iter().map(|other| other.order).max().unwrap_or(0);
    let asked = version.manifest.as_ref().and_then(|asked| asked.on_fault);
    let id = match known {
        Some(known) => known.id.clone(),
        None => format!("rul_{}", random::id()?),
    };
    let binding = Binding {
        id,
        rule: rule.to_owned(),
        version: version.version,
        order: new
            .order
            .or(known.map(|known| known.order))
            .unwrap_or(last.saturating_add(1)),
        enabled: true,
        grants: if new.grants.is_empty() {
            default_grants(version.dialect)
        } else {
            new.grants
        },
        on_fault: new.on_fault.or(asked).unwrap_or_default(),
        permissions: new
            .permissions
            .or(known.map(|known| known.permissions.clone()))
            .unwrap_or_default(),
    };
    let hosts = binding.permissions.hosts.len();
    if hosts > MAX_HOSTS {
        return Err(Error::invalid(
            "the binding",
            format!("it allows {hosts} hosts, and at most {MAX_HOSTS} may be"),
        ));
    }
    let batch = Batch::durable().put(&[tenant.as_str(), rule], &binding);
    server.records.commit(batch).await?;
    Ok(binding)
}

/// More hosts than this a binding cannot allow.
const MAX_HOSTS: usize = 100;

/// The grants that a rule runs on unless its binding says otherwise: those with a user, unless it is
/// written for the one without.
pub fn default_grants(dialect: Option<Dialect>) -> Vec<Grant> {
    match dialect {
        Some(Dialect::ClientCredentialsExchange | Dialect::CredentialsExchange) => {
            vec![Grant::ClientCredentials]
        }
        Some(Dialect::Action) => {
            let all = GRANTS_WITH_A_USER.into_iter();
            all.chain([Grant::ClientCredentials]).collect()
        }
        Some(Dialect::Classic | Dialect::PasswordExchange | Dialect::PostLogin) | None => {
            GRANTS_WITH_A_USER.to_vec()
        }
    }
}

/// The grants with a user.
pub const GRANTS_WITH_A_USER: [Grant; 6] = [
    Grant::Password,
    Grant::PasswordRealm,
    Grant::RefreshToken,
    Grant::MfaOtp,
    Grant::MfaOob,
    Grant::MfaRecoveryCode,
];

/// Takes a rule out of use. Its versions stay.
pub async fn unbind(server: &Server, tenant: &TenantName, rule: &str) -> Result<(), Error> {
    let stored: Option<Stored<Binding>> = server.records.get(&[tenant.as_str(), rule]).await?;
    let stored = stored.ok_or_else(Error::missing("binding of the rule", rule))?;
    Ok(server
        .records
        .commit(Batch::durable().delete(&stored))
        .await?)
}

/// The bindings of a tenant, in the order they run.
pub async fn bindings(server: &Server, tenant: &TenantName) -> Result<Vec<Binding>, Error> {
    let stored = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    let mut bindings: Vec<Binding> = stored.into_iter().map(|stored| stored.record).collect();
    bindings.sort_by(|a, b| (a.order, &a.rule).cmp(&(b.order, &b.rule)));
    Ok(bindings)
}

/// Stores a value that the tenant's rules may read; it is never shown again.
pub async fn configure(
    server: &Server,
    tenant: &TenantName,
    key: &str,
    value: &Secret,
) -> Result<(), Error> {
    require_tenant(server, tenant).await?;
    let fits = (1..=128).contains(&key.len())
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !fits {
        return Err(Error::invalid(
            "the key",
            "use 1 to 128 letters, digits, `_` and `-`",
        ));
    }
    if value.expose().len() > 4_096 {
        return Err(Error::invalid(
            "the value",
            "it may have at most 4096 bytes",
        ));
    }
    let known = configuration_keys(server, tenant).await?;
    let most = crate::grant::MAX_CONFIGURATION_VALUES;
    if known.len() >= most && !known.iter().any(|other| other == key) {
        return Err(Error::invalid(
            "the configuration",
            format!("at most {most} values"),
        ));
    }
    let context = ConfigurationValue::seal_context(tenant, key);
    let context = context.each_ref().map(String::as_str);
    let master = server.keyring.master();
    let stored = ConfigurationValue {
        key: key.to_owned(),
        value: Sealed::seal(master, &context, value.expose().as_bytes())?,
    };
    let batch = Batch::durable().put(&[tenant.as_str(), key], &stored);
    Ok(server.records.commit(batch).await?)
}

/// Takes a value away.
pub async fn unconfigure(server: &Server, tenant: &TenantName, key: &str) -> Result<(), Error> {
    let stored: Option<Stored<ConfigurationValue>> =
        server.records.get(&[tenant.as_str(), key]).await?;
    let stored = stored.ok_or_else(Error::missing("configuration value", key))?;
    Ok(server
        .records
        .commit(Batch::durable().delete(&stored))
        .await?)
}

/// The keys that have a value.
pub async fn configuration_keys(
    server: &Server,
    tenant: &TenantName,
) -> Result<Vec<String>, Error> {
    let stored = server
        .records
        .list::<ConfigurationValue>(&[tenant.as_str()], LIST_LIMIT)
        .await?;
    Ok(stored.into_iter().map(|stored| stored.record.key).collect())
}

fn check_name(rule: &str) -> Result<(), Error> {
    check_text("the rule's name", rule, 100)?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' ');
    // It becomes a folder, where exchanges are pulled.
    if !rule.bytes().all(fits) || rule.starts_with('.') || rule.trim() != rule {
        return Err(Error::invalid(
            "the rule's name",
            "use letters, digits, `-`, `_` and `.`, and spaces and dots not at the beginning",
        ));
    }
    Ok(())
}
