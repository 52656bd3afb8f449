//! Finds the rules that a tenant bound to a grant, and loads them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Error;
use crate::rule::{Binding, ConfigurationValue, RuleVersion};
use crate::rule_host::{BoundRule, Grant, Manifest, Rule};
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{Stored, blob};
use crate::tenant::TenantName;

/// More values than this a tenant cannot store for its rules.
pub(crate) const MAX_CONFIGURATION_VALUES: usize = 500;

/// The most bindings that are read: far more than a chain may have. A chain that is too long is not
/// cut here, because a rule left out might have denied; the rule host refuses it whole.
const MAX_BINDINGS: usize = 1_000;

/// The tenant's rules for a grant, in the order they run. A rule that cannot be loaded stays in
/// its place: its binding says what its failure means.
pub(super) async fn load(
    server: &Server,
    tenant: &TenantName,
    grant: Grant,
) -> Result<Vec<BoundRule>, Error> {
    let bindings = server
        .records
        .list(&[tenant.as_str()], MAX_BINDINGS)
        .await?;
    let mut bindings: Vec<Binding> = bindings.into_iter().map(|stored| stored.record).collect();
    bindings.retain(|binding| binding.enabled && binding.grants.contains(&grant));
    bindings.sort_by(|a, b| (a.order, &a.rule).cmp(&(b.order, &b.rule)));

    let mut chain = Vec::with_capacity(bindings.len());
    for binding in bindings {
        let (rule, manifest) = rule(server, tenant, &binding).await?;
        chain.push(BoundRule {
            rule,
            manifest,
            name: binding.rule,
            version: binding.version,
            on_fault: binding.on_fault,
            permissions: binding.permissions,
        });
    }
    Ok(chain)
}

async fn rule(
    server: &Server,
    tenant: &TenantName,
    binding: &Binding,
) -> Result<(Result<Rule, String>, Option<Arc<Manifest>>), Error> {
    let version = RuleVersion::key_part(binding.version);
    let parts = [tenant.as_str(), &binding.rule, &version];
    let Some(Stored { record, .. }) = server.records.get::<RuleVersion>(&parts).await? else {
        let missing = "the bound version does not exist";
        return Ok((Err(missing.to_owned()), None));
    };
    let rule = component(server, &record.digest).await?;
    Ok((rule, record.manifest.map(Arc::new)))
}

async fn component(server: &Server, digest: &str) -> Result<Result<Rule, String>, Error> {
    if let Some(rule) = server.rule_host.cached(digest) {
        return Ok(Ok(rule));
    }
    let Some(bytes) = blob::get(&server.records, digest).await? else {
        return Ok(Err("the component's bytes are not in the store".to_owned()));
    };
    let host = Arc::clone(&server.rule_host);
    // Compiling takes milliseconds to seconds: not on a thread that serves requests.
    let loaded = tokio::task::spawn_blocking(move || host.load(&bytes)).await;
    Ok(match loaded {
        Ok(loaded) => loaded.map_err(|rejection| rejection.to_string()),
        Err(_) => Err("the compiler failed".to_owned()),
    })
}

/// The values that the tenant stored for its rules; none are unsealed for a chain that reads none.
pub(super) async fn configuration(
    server: &Server,
    tenant: &TenantName,
    chain: &[BoundRule],
) -> Result<BTreeMap<String, Secret>, Error> {
    let reads = |bound: &BoundRule| bound.rule.as_ref().is_ok_and(Rule::reads_configuration);
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
        let opened = record.value.open(server.keyring.master(), &context);
        let opened = opened.map_err(|error| Error::Internal(error.to_string()))?;
        let value =
            std::str::from_utf8(&opened).map_err(|error| Error::Internal(error.to_string()))?;
        values.insert(record.key, Secret::new(value));
    }
    Ok(values)
}
