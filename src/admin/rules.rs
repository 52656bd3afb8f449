//! Rules: uploaded as immutable versions, bound in order, configured.

pub mod compare;
pub mod manage;
pub mod trial;
pub mod versions;

use self::versions::Upload;
use super::{Error, LIST_LIMIT, check_text, quotas, require_tenant};
use crate::action::Trigger;
use crate::random;
use crate::rule::{Binding, COMMAND_LINE, ConfigurationValue, RuleVersion, default_grants};
use crate::rule_host::{Grant, Inspection, Manifest, OnFault, Permissions};
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;
use crate::token::Sealed;

/// Uploads a version by the command line, without a note: see [`versions::upload`].
pub async fn upload(
    server: &Server,
    tenant: &TenantName,
    rule: &str,
    code: Vec<u8>,
    manifest: Option<Manifest>,
) -> Result<(RuleVersion, Inspection), Error> {
    let upload = Upload {
        rule: rule.to_owned(),
        code,
        manifest,
        note: None,
        author: COMMAND_LINE.to_owned(),
        action: None,
    };
    versions::upload(server, tenant, upload).await
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
    let all = versions::list(server, tenant, rule).await?;
    let wanted = match new.version {
        None => all.last(),
        Some(wanted) => all.iter().find(|known| known.version == wanted),
    };
    let version = wanted.ok_or_else(|| Error::NotFound {
        what: "version of the rule",
        name: match new.version {
            None => rule.to_owned(),
            Some(version) => format!("{rule}@{version}"),
        },
    })?;
    of_a_rule(version)?;
    let mut others = all_bindings(server, tenant).await?;
    let known = others.iter().position(|other| other.rule == rule);
    let mut binding = match known {
        Some(known) => others.swap_remove(known),
        None => {
            quotas::room_for_a_rule(server, tenant).await?;
            new_binding(server, rule, &others)?
        }
    };
    binding.order = new.order.unwrap_or(binding.order);
    binding.enabled = true;
    binding.grants = match new.grants.is_empty() {
        true => default_grants(version.dialect),
        false => new.grants,
    };
    // What the binding said before does not count: `bind` says all of it anew.
    let asked = version.manifest.as_ref().and_then(|asked| asked.on_fault);
    let on_fault = new.on_fault.or(asked).unwrap_or_default();
    binding.run(version, Some(on_fault));
    binding.permissions = new.permissions.unwrap_or(binding.permissions);
    check_permissions(&binding.permissions)?;
    let batch = Batch::durable().put(&[tenant.as_str(), rule], &binding);
    server.records.commit(batch).await?;
    Ok(binding)
}

/// A binding that runs nothing yet, behind all others.
fn new_binding(server: &Server, rule: &str, others: &[Binding]) -> Result<Binding, Error> {
    room_in_the_chain(server, others, 1)?;
    let rules = others.iter().filter(|other| other.action.is_none());
    let last = rules.map(|other| other.order).max().unwrap_or(0);
    Ok(Binding {
        id: format!("rul_{}", random::id()?),
        rule: rule.to_owned(),
        version: 0,
        order: last.saturating_add(1),
        enabled: true,
        grants: Vec::new(),
        on_fault: OnFault::default(),
        permissions: Permissions::default(),
        earlier: Vec::new(),
        action: None,
    })
}

/// Whether so many more rules would be no longer chain than may be, with the actions of either trigger.
fn room_in_the_chain(server: &Server, all: &[Binding], more: usize) -> Result<(), Error> {
    let bound_to = |trigger: Option<Trigger>| {
        let of = |binding: &&Binding| binding.action.as_ref().map(|one| one.trigger) == trigger;
        all.iter().filter(of).count()
    };
    let actions = Trigger::ALL.map(|trigger| bound_to(Some(trigger)));
    let longest = bound_to(None) + actions.into_iter().max().unwrap_or(0) + more;
    let most = server.rule_host.limits().chain;
    if longest <= most {
        return Ok(());
    }
    let reason = format!("a tenant binds at most {most} rules, with the actions of a trigger");
    Err(Error::invalid("the rule", reason))
}

/// A version of an action is put to use by its action alone.
fn of_a_rule(version: &RuleVersion) -> Result<(), Error> {
    match version.action {
        None => Ok(()),
        Some(_) => Err(Error::invalid("the rule", "it is an action: deploy that")),
    }
}

pub(super) fn check_permissions(permissions: &Permissions) -> Result<(), Error> {
    let hosts = permissions.hosts.len();
    if hosts > MAX_HOSTS {
        let reason = format!("it allows {hosts} hosts, and at most {MAX_HOSTS} may be");
        return Err(Error::invalid("the binding", reason));
    }
    Ok(())
}

/// More hosts than this a binding cannot allow.
const MAX_HOSTS: usize = 100;

/// Takes a rule out of use. Its versions stay.
pub async fn unbind(server: &Server, tenant: &TenantName, rule: &str) -> Result<(), Error> {
    let stored: Option<Stored<Binding>> = server.records.get(&[tenant.as_str(), rule]).await?;
    let stored = stored.filter(|stored| stored.record.action.is_none());
    let stored = stored.ok_or_else(Error::missing("binding of the rule", rule))?;
    Ok(server
        .records
        .commit(Batch::durable().delete(&stored))
        .await?)
}

/// The bindings of a tenant's rules, in the order they run; those of actions are none of them.
pub async fn bindings(server: &Server, tenant: &TenantName) -> Result<Vec<Binding>, Error> {
    let mut bindings = all_bindings(server, tenant).await?;
    bindings.retain(|binding| binding.action.is_none());
    Ok(bindings)
}

/// The same with those of actions, which run behind all rules.
pub(super) async fn all_bindings(
    server: &Server,
    tenant: &TenantName,
) -> Result<Vec<Binding>, Error> {
    let stored = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    let mut bindings: Vec<Binding> = stored.into_iter().map(|stored| stored.record).collect();
    bindings.sort_by(|a, b| a.place().cmp(&b.place()));
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
    let most = crate::rule::chain::MAX_CONFIGURATION_VALUES;
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

pub(super) fn check_name(rule: &str) -> Result<(), Error> {
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
