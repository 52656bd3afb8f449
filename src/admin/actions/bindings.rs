//! Which actions a trigger sets off, and in which order.

use super::stored;
use crate::action::{Action, ActionName, BoundAction, Trigger, TriggerBindings};
use crate::admin::{Error, LIST_LIMIT, check_text, require_tenant};
use crate::random;
use crate::rule::{Binding, RuleVersion};
use crate::rule_host::printable;
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;

/// A binding to make or to keep.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of which action.
    pub action: Ref,
    /// What it is called; the action's name if nobody says.
    pub display_name: Option<String>,
}

/// What names an action.
#[derive(Clone, Debug)]
pub enum Ref {
    /// The binding that it has, by identity.
    Binding(String),
    /// Its identity.
    Action(String),
    /// Its name.
    Name(String),
}

/// The bindings of a trigger, in the order they run.
pub async fn list(
    server: &Server,
    tenant: &TenantName,
    trigger: Trigger,
) -> Result<Vec<Binding>, Error> {
    require_tenant(server, tenant).await?;
    let mut all = crate::admin::rules::all_bindings(server, tenant).await?;
    all.retain(|binding| is_of(binding, trigger));
    Ok(all)
}

/// Lets a trigger set off these actions in this order, and no others.
pub async fn set(
    server: &Server,
    tenant: &TenantName,
    trigger: Trigger,
    wanted: Vec<Wanted>,
) -> Result<Vec<Binding>, Error> {
    require_tenant(server, tenant).await?;
    // Read first, and written by everybody who sets them: of two at the same time one does.
    let counted = [tenant.as_str(), trigger.name()];
    let counter: Option<Stored<TriggerBindings>> = server.records.get(&counted).await?;
    let all: Vec<Stored<Binding>> = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    let rules = all.iter().filter(|one| one.record.action.is_none()).count();
    let most = server.rule_host.limits().chain;
    if rules + wanted.len() > most {
        let reason = format!("{rules} rules and so many actions are more than a chain's {most}");
        return Err(Error::invalid("the bindings", reason));
    }
    let old: Vec<Stored<Binding>> = all
        .into_iter()
        .filter(|stored| is_of(&stored.record, trigger))
        .collect();

    let mut batch = Batch::durable();
    let mut bindings: Vec<Binding> = Vec::with_capacity(wanted.len());
    for (order, wanted) in (1..).zip(wanted) {
        let action = resolve(server, tenant, &old, wanted.action).await?;
        let id = &action.record.id;
        if bindings.iter().any(|other| other.rule == *id) {
            let reason = format!("`{}` stands there twice", action.record.name);
            return Err(Error::invalid("the bindings", reason));
        }
        let known = old.iter().find(|stored| stored.record.rule == *id);
        let mut binding = match known {
            Some(known) => known.record.clone(),
            None => new_binding(server, tenant, trigger, &action.record).await?,
        };
        let before = (binding.order, binding.action.clone());
        binding.order = order;
        if let (Some(bound), Some(name)) = (&mut binding.action, wanted.display_name) {
            check_text("the display name", &name, 300)?;
            bound.display_name = name;
        }
        batch = match known {
            None => {
                let batch = batch.insert(&[tenant.as_str(), id], &binding);
                batch.expect(&action)
            }
            Some(known) if before == (order, binding.action.clone()) => batch.expect(known),
            Some(known) => {
                if let Some(bound) = &mut binding.action {
                    bound.updated_at = server.clock.now();
                }
                batch.replace(known, &binding)
            }
        };
        bindings.push(binding);
    }
    let stays = |old: &&Stored<Binding>| bindings.iter().any(|one| one.rule == old.record.rule);
    let gone = old.iter().filter(|old| !stays(old));
    batch = gone.fold(batch, Batch::delete);
    batch = match &counter {
        Some(stored) => {
            let times = stored.record.times.wrapping_add(1);
            batch.replace(stored, &TriggerBindings { times })
        }
        None => batch.insert(&counted, &TriggerBindings { times: 1 }),
    };
    server.records.commit(batch).await?;
    Ok(bindings)
}

fn is_of(binding: &Binding, trigger: Trigger) -> bool {
    let bound = binding.action.as_ref();
    bound.is_some_and(|bound| bound.trigger == trigger)
}

async fn resolve(
    server: &Server,
    tenant: &TenantName,
    bound: &[Stored<Binding>],
    action: Ref,
) -> Result<Stored<Action>, Error> {
    let unknown = |what: &str, name: &str| {
        let reason = format!("there is no {what} `{}`", printable(name, 200));
        Error::invalid("the bindings", reason)
    };
    let id = match action {
        Ref::Binding(id) => {
            let found = bound.iter().find(|stored| stored.record.id == id);
            let found = found.ok_or_else(|| unknown("binding of this trigger", &id))?;
            found.record.rule.clone()
        }
        Ref::Action(id) => id,
        Ref::Name(name) => {
            let found: Option<Stored<ActionName>> =
                server.records.get(&[tenant.as_str(), &name]).await?;
            found.ok_or_else(|| unknown("action", &name))?.record.id
        }
    };
    let found = stored(server, tenant, &id).await;
    found.map_err(|error| match error {
        Error::NotFound { .. } => unknown("action", &id),
        other => other,
    })
}

async fn new_binding(
    server: &Server,
    tenant: &TenantName,
    trigger: Trigger,
    action: &Action,
) -> Result<Binding, Error> {
    let refused = |reason: String| Err(Error::invalid("the bindings", reason));
    let name = &action.name;
    let Some(version) = action.deployed else {
        return refused(format!("deploy `{name}` before it is bound"));
    };
    let number = RuleVersion::key_part(version);
    let parts = [tenant.as_str(), &action.id, &number];
    let deployed: Option<Stored<RuleVersion>> = server.records.get(&parts).await?;
    let made = deployed.and_then(|stored| stored.record.action);
    let is_for = made.map(|made| made.makeup.trigger.id);
    if is_for != Some(trigger) {
        return refused(format!(
            "what is deployed of `{name}` is not for `{trigger}`"
        ));
    }
    let now = server.clock.now();
    Ok(Binding {
        id: random::uuid()?,
        rule: action.id.clone(),
        version,
        order: 0,
        enabled: true,
        grants: trigger.grants(),
        on_fault: action.on_fault,
        permissions: action.permissions.clone(),
        earlier: Vec::new(),
        action: Some(BoundAction {
            trigger,
            display_name: name.clone(),
            created_at: now,
            updated_at: now,
        }),
    })
}
