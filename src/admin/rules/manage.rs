//! Rules as the management API has them: one thing with a name, an order and a switch, where there
//! are versions and a binding behind it.

use super::versions::{self, Upload};
use super::{all_bindings, bindings, check_name, check_permissions, new_binding};
use crate::admin::{Error, quotas};
use crate::rule::{Binding, RuleVersion};
use crate::rule_host::{Manifest, OnFault, Permissions};
use crate::server::Server;
use crate::store::{Batch, MAX_COMMIT_WRITES, Stored};
use crate::tenant::TenantName;

/// A rule to make.
#[derive(Clone, Debug, Default)]
pub struct NewRule {
    /// Its name, which is no other rule's.
    pub name: String,
    /// A component, or a source in JavaScript.
    pub code: Vec<u8>,
    /// What else is said of it.
    pub change: Change,
}

/// What to change; none leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Another name. What ran under the old one can still be found under it.
    pub name: Option<String>,
    /// A new version, which runs from now on.
    pub code: Option<Vec<u8>>,
    /// What it may do; with a new version only.
    pub manifest: Option<Manifest>,
    /// What is said of the new version.
    pub note: Option<String>,
    /// Where in the order, which is no other rule's place.
    pub order: Option<u32>,
    /// Whether it runs.
    pub enabled: Option<bool>,
    /// What its failure means.
    pub on_fault: Option<OnFault>,
    /// What it may do beyond deciding.
    pub permissions: Option<Permissions>,
}

/// Makes a rule: its first version, or the next of one that had the name before, and its binding.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    new: NewRule,
    author: &str,
) -> Result<Binding, Error> {
    let NewRule { name, code, change } = new;
    check_name(&name)?;
    let others = all_bindings(server, tenant).await?;
    if others.iter().any(|other| other.rule == name) {
        return Err(Error::AlreadyExists {
            what: "a rule",
            name,
        });
    }
    quotas::room_for_a_rule(server, tenant).await?;
    let mut binding = new_binding(server, &name, &others)?;
    change.write_to(&mut binding, &others)?;
    let upload = change.upload(&name, code, author);
    let (version, _) = versions::upload(server, tenant, upload).await?;
    binding.run(&version, change.on_fault);
    let batch = Batch::durable().insert(&[tenant.as_str(), &binding.rule], &binding);
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken("a rule", &binding.rule))?;
    Ok(binding)
}

/// Changes a rule, by its identity.
pub async fn update(
    server: &Server,
    tenant: &TenantName,
    id: &str,
    mut change: Change,
    author: &str,
) -> Result<Binding, Error> {
    let found = find(server, tenant, id).await?;
    let parts = [tenant.as_str(), found.rule.as_str()];
    let stored: Option<Stored<Binding>> = server.records.get(&parts).await?;
    let stored = stored.ok_or_else(Error::missing("rule", id))?;
    let mut binding = stored.record.clone();
    let mut others = bindings(server, tenant).await?;
    others.retain(|other| other.rule != binding.rule);
    change.write_to(&mut binding, &others)?;
    if let Some(code) = change.code.take() {
        let upload = change.upload(&found.rule, code, author);
        let (version, _) = versions::upload(server, tenant, upload).await?;
        binding.run(&version, change.on_fault);
    }
    let batch = match change.name.filter(|name| *name != found.rule) {
        None => Batch::durable().replace(&stored, &binding),
        Some(name) => {
            check_name(&name)?;
            binding.rule = name;
            rename(server, tenant, &stored, &binding).await?
        }
    };
    let done = server.records.commit(batch).await;
    match binding.rule == found.rule {
        true => done?,
        false => done.map_err(Error::taken("a rule", &binding.rule))?,
    }
    Ok(binding)
}

/// A rule, by its identity.
pub async fn find(server: &Server, tenant: &TenantName, id: &str) -> Result<Binding, Error> {
    let all = bindings(server, tenant).await?;
    let found = all.into_iter().find(|binding| binding.id() == id);
    found.ok_or_else(Error::missing("rule", id))
}

/// The versions go along, and stay where they were: logs and recordings name them so.
async fn rename(
    server: &Server,
    tenant: &TenantName,
    stored: &Stored<Binding>,
    binding: &Binding,
) -> Result<Batch, Error> {
    let old = versions::list(server, tenant, &stored.record.rule).await?;
    if old.len() + 2 > MAX_COMMIT_WRITES {
        let reason = "a rule with so many versions keeps its name";
        return Err(Error::invalid("the rule's name", reason));
    }
    let parts = [tenant.as_str(), binding.rule.as_str()];
    let mut batch = Batch::durable().delete(stored).insert(&parts, binding);
    for version in old {
        let version = RuleVersion {
            rule: binding.rule.clone(),
            ..version
        };
        let number = RuleVersion::key_part(version.version);
        batch = batch.insert(&[tenant.as_str(), &binding.rule, &number], &version);
    }
    Ok(batch)
}

impl Change {
    fn upload(&self, rule: &str, code: Vec<u8>, author: &str) -> Upload {
        Upload {
            rule: rule.to_owned(),
            code,
            manifest: self.manifest.clone(),
            note: self.note.clone(),
            author: author.to_owned(),
            action: None,
        }
    }

    pub(super) fn write_to(&self, binding: &mut Binding, others: &[Binding]) -> Result<(), Error> {
        if let Some(order) = self.order {
            let mut rules = others.iter().filter(|other| other.action.is_none());
            if let Some(other) = rules.find(|other| other.order == order) {
                return Err(Error::AlreadyExists {
                    what: "another rule at this place in the order:",
                    name: other.rule.clone(),
                });
            }
            binding.order = order;
        }
        binding.enabled = self.enabled.unwrap_or(binding.enabled);
        binding.on_fault = self.on_fault.unwrap_or(binding.on_fault);
        if let Some(permissions) = &self.permissions {
            check_permissions(permissions)?;
            binding.permissions = permissions.clone();
        }
        Ok(())
    }
}
