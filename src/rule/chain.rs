//! Finds the rules that a tenant bound to a grant, and loads them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{Binding, ConfigurationValue, RuleVersion};
use crate::action::{ActionSecret, Makeup, SecretName};
use crate::checker::CheckError;
use crate::rule_host::{AsAction, BoundRule, Grant, Rule};
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{self, Stored, blob};
use crate::tenant::TenantName;
use crate::token::SealError;

/// More values than this a tenant cannot store for its rules.
pub(crate) const MAX_CONFIGURATION_VALUES: usize = 500;

/// The most bindings that are read: far more than a chain may have. A chain that is too long is not
/// cut here, because a rule left out might have denied; the rule host refuses it whole.
const MAX_BINDINGS: usize = 1_000;

/// How often the bindings are read again because one changed meanwhile.
const ATTEMPTS: usize = 20;

/// Why a chain, or what it reads, cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("a value of the rules' configuration does not open: {0}")]
    Sealed(#[from] SealError),
    #[error("a value of the rules' configuration is no text")]
    NoText,
}

/// The tenant's rules for a grant, in the order they run. A rule that cannot be loaded stays in
/// its place: its binding says what its failure means.
pub(crate) async fn load(
    server: &Server,
    tenant: &TenantName,
    grant: Grant,
) -> Result<Vec<BoundRule>, store::Error> {
    let mut chain = Vec::new();
    for binding in bindings(server, tenant, grant).await? {
        chain.push(bound(server, tenant, binding).await?);
    }
    Ok(chain)
}

/// The bindings that run on a grant, in order, as they stood at one moment.
///
/// A range is not read at one moment, and a commit may change several bindings. No state of a record
/// comes twice, so between two readings that are equal there was a moment when all of it held.
pub(crate) async fn bindings(
    server: &Server,
    tenant: &TenantName,
    grant: Grant,
) -> Result<Vec<Binding>, store::Error> {
    let of_tenant = [tenant.as_str()];
    let read = || server.records.list::<Binding>(&of_tenant, MAX_BINDINGS);
    let mut seen = read().await?;
    for attempt in 0.. {
        let again = read().await?;
        let state = |all: &[Stored<Binding>]| -> Vec<_> {
            all.iter()
                .map(|one| (one.key.clone(), one.version))
                .collect()
        };
        if state(&seen) == state(&again) {
            break;
        }
        if attempt == ATTEMPTS {
            return Err(store::Error::Unavailable(
                "the tenant's rules change faster than they can be read".to_owned(),
            ));
        }
        seen = again;
    }
    let mut bindings: Vec<Binding> = seen.into_iter().map(|stored| stored.record).collect();
    bindings.retain(|binding| binding.enabled && binding.grants.contains(&grant));
    bindings.sort_by(|a, b| a.place().cmp(&b.place()));
    Ok(bindings)
}

/// A binding with its rule.
pub(crate) async fn bound(
    server: &Server,
    tenant: &TenantName,
    binding: Binding,
) -> Result<BoundRule, store::Error> {
    let number = RuleVersion::key_part(binding.version);
    let parts = [tenant.as_str(), &binding.rule, &number];
    let stored: Option<Stored<RuleVersion>> = server.records.get(&parts).await?;
    let (mut rule, mut manifest, mut action) = (
        Err("the bound version does not exist".to_owned()),
        None,
        None,
    );
    if let Some(Stored { record, .. }) = stored {
        rule = component(server, tenant, &record.digest).await?;
        manifest = record.manifest.map(Arc::new);
        if let Some(version) = record.action {
            match own_values(server, tenant, &binding.rule, &version.makeup).await? {
                Ok(values) => {
                    let name = version.name;
                    action = Some(AsAction { name, values });
                }
                Err(reason) => rule = Err(reason),
            }
        }
    }
    Ok(BoundRule {
        rule,
        manifest,
        action,
        name: binding.rule,
        version: binding.version,
        on_fault: binding.on_fault,
        permissions: binding.permissions,
    })
}

/// The secrets of an action, or why they cannot be read.
pub(crate) async fn own_values(
    server: &Server,
    tenant: &TenantName,
    action: &str,
    makeup: &Makeup,
) -> Result<Result<Arc<BTreeMap<String, Secret>>, String>, store::Error> {
    let mut values = BTreeMap::new();
    for SecretName { name, key, .. } in &makeup.secrets {
        let parts = [tenant.as_str(), action, key];
        let stored: Option<Stored<ActionSecret>> = server.records.get(&parts).await?;
        let Some(stored) = stored else {
            return Ok(Err(format!("its secret `{name}` is not there any more")));
        };
        let context = ActionSecret::seal_context(tenant, action, key);
        let opened = stored.record.value.open(server.keyring.master(), &context);
        let opened = match &opened {
            Ok(opened) => std::str::from_utf8(opened).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match opened {
            Ok(value) => values.insert(name.clone(), Secret::new(value)),
            Err(reason) => return Ok(Err(format!("its secret `{name}` does not open: {reason}"))),
        };
    }
    Ok(Ok(Arc::new(values)))
}

/// The rule of a digest, or why it does not load.
pub(crate) async fn component(
    server: &Server,
    tenant: &TenantName,
    digest: &str,
) -> Result<Result<Rule, String>, store::Error> {
    if let Some(rule) = server.rule_host.cached(digest) {
        return Ok(Ok(rule));
    }
    let Some(bytes) = blob::get(&server.records, digest).await? else {
        return Ok(Err("the component's bytes are not in the store".to_owned()));
    };
    let bytes = Bytes::from(bytes);
    let checked = server.checker.check_stored(tenant.as_str(), digest, &bytes);
    match checked.await {
        Ok(()) => {}
        // The cause is the operator's, and the tenant's log is not his.
        Err(CheckError::Unavailable(cause)) => {
            tracing::error!(
                cause,
                "a stored rule cannot be checked before it is compiled"
            );
            return Ok(Err("it cannot be checked before it is compiled".to_owned()));
        }
        Err(error) => return Ok(Err(error.to_string())),
    }
    let host = Arc::clone(&server.rule_host);
    // Compiling takes milliseconds to seconds: not on a thread that serves requests.
    let loaded = tokio::task::spawn_blocking(move || host.load(&bytes)).await;
    Ok(match loaded {
        Ok(loaded) => loaded.map_err(|rejection| rejection.to_string()),
        Err(_) => Err("the compiler failed".to_owned()),
    })
}

/// The values that the tenant stored for its rules; none are unsealed for a chain that reads none.
/// Actions read their own.
pub(crate) async fn configuration(
    server: &Server,
    tenant: &TenantName,
    chain: &[BoundRule],
) -> Result<BTreeMap<String, Secret>, LoadError> {
    let reads = |bound: &BoundRule| {
        bound.action.is_none() && bound.rule.as_ref().is_ok_and(Rule::reads_configuration)
    };
    if !chain.iter().any(reads) {
        return Ok(BTreeMap::new());
    }
    let stored = server
        .records
        .list::<ConfigurationValue>(&[tenant.as_str()], MAX_CONFIGURATION_VALUES)
        .await?;
    let mut values = BTreeMap::new();
    for Stored { record, .. } in stored {
        let context = ConfigurationValue::seal_context(tenant, &record.key);
        let context = context.each_ref().map(String::as_str);
        let opened = record.value.open(server.keyring.master(), &context)?;
        let value = std::str::from_utf8(&opened).map_err(|_| LoadError::NoText)?;
        values.insert(record.key, Secret::new(value));
    }
    Ok(values)
}
