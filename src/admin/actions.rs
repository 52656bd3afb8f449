//! Actions: drafts, which are deployed as versions of a rule, and bound to a trigger.
//!
//! A draft runs nothing but tests. What runs is a version, which has the source, the names and the values
//! of the secrets that the draft had; a binding puts it into the tenant's chain, behind all rules.

pub mod bindings;
mod draft;
pub mod executions;
pub mod trial;
pub mod versions;

use std::collections::BTreeSet;

use super::{Error, quotas, require_tenant};
use crate::action::{Action, ActionName, ActionSecret, Dependency, Makeup, SupportedTrigger};
use crate::random;
use crate::rule::{Binding, RuleVersion};
use crate::rule_host::{OnFault, Permissions};
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::TenantName;

/// How many a tenant may have (contract, section 3.5).
pub const MOST: usize = 100;

/// More values than these no action has: those of its versions, and the draft's.
const MOST_VALUES: usize = 2_000;

/// How many records of a deleted action go in one commit.
const AT_ONCE: usize = 200;

/// What a draft is made of, or what is changed of one: none leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub trigger: Option<SupportedTrigger>,
    /// Its source in JavaScript.
    pub code: Option<String>,
    /// The runtime that it was written for.
    pub runtime: Option<String>,
    /// The modules that it says it needs.
    pub dependencies: Option<Vec<Dependency>>,
    /// All its secrets.
    pub secrets: Option<Vec<NewSecret>>,
    /// What it may do beyond deciding, from now on.
    pub permissions: Option<Permissions>,
    /// What its failure means, from now on.
    pub on_fault: Option<OnFault>,
}

/// A secret of an action.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The name that the action reads it under.
    pub name: String,
    /// Its value; none leaves the value that it has.
    pub value: Option<Secret>,
}

/// Makes an action, which runs nowhere until it is deployed and bound.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    trigger: SupportedTrigger,
    new: Change,
) -> Result<Action, Error> {
    require_tenant(server, tenant).await?;
    let there: Vec<Stored<Action>> = server.records.list(&[tenant.as_str()], MOST).await?;
    if there.len() >= MOST {
        let reason = format!("a tenant has at most {MOST}; delete one first");
        return Err(Error::invalid("the action", reason));
    }
    quotas::room_for_a_rule(server, tenant).await?;
    let now = server.clock.now();
    let mut action = Action {
        id: random::uuid()?,
        name: String::new(),
        code: None,
        makeup: Makeup {
            trigger,
            runtime: draft::USUAL_RUNTIME.to_owned(),
            dependencies: Vec::new(),
            secrets: Vec::new(),
        },
        deployed: None,
        permissions: Permissions::default(),
        on_fault: OnFault::default(),
        created_at: now,
        updated_at: now,
        built_at: None,
    };
    let batch = draft::apply(server, tenant, &mut action, new, Batch::durable()).await?;
    let parts = [tenant.as_str(), &action.id];
    let batch = batch.insert(&parts, &action);
    let batch = batch.insert(&[tenant.as_str(), &action.name], &name_of(&action));
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken("an action", &action.name))?;
    Ok(action)
}

/// All actions of a tenant, in order of name.
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<Action>, Error> {
    require_tenant(server, tenant).await?;
    let stored: Vec<Stored<Action>> = server.records.list(&[tenant.as_str()], MOST).await?;
    let mut all: Vec<Action> = stored.into_iter().map(|stored| stored.record).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// One action, by its identity.
pub async fn get(server: &Server, tenant: &TenantName, id: &str) -> Result<Action, Error> {
    Ok(stored(server, tenant, id).await?.record)
}

/// The draft's source; none until there is one.
pub async fn code(server: &Server, action: &Action) -> Result<Option<String>, Error> {
    let Some(digest) = &action.code else {
        return Ok(None);
    };
    let bytes = store::blob::get(&server.records, digest).await?;
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| Error::Unreadable("a draft's source is gone".to_owned()))?;
    Ok(Some(text))
}

/// Changes the draft; and, whichever version runs, what it may do and what its failure means.
pub async fn update(
    server: &Server,
    tenant: &TenantName,
    id: &str,
    change: Change,
) -> Result<Action, Error> {
    let stored = stored(server, tenant, id).await?;
    let bound = bound(server, tenant, id).await?;
    let mut action = stored.record.clone();
    let batch = draft::apply(server, tenant, &mut action, change, Batch::durable()).await?;
    action.updated_at = server.clock.now();
    let mut batch = batch.replace(&stored, &action);
    if action.name != stored.record.name {
        let parts = [tenant.as_str(), &stored.record.name];
        let old: Option<Stored<ActionName>> = server.records.get(&parts).await?;
        batch = old.iter().fold(batch, Batch::delete);
        batch = batch.insert(&[tenant.as_str(), &action.name], &name_of(&action));
        let new: Option<Stored<ActionName>> =
            server.records.get(&[tenant.as_str(), &action.name]).await?;
        if new.is_some() {
            return Err(Error::AlreadyExists {
                what: "an action",
                name: action.name,
            });
        }
    }
    if let Some(bound) = bound {
        let trigger = bound.record.action.as_ref().map(|bound| bound.trigger);
        if trigger != Some(action.makeup.trigger.id) {
            return Err(Error::Bound(
                "unbind the action before it is for another trigger".to_owned(),
            ));
        }
        let binding = Binding {
            permissions: action.permissions.clone(),
            on_fault: action.on_fault,
            ..bound.record.clone()
        };
        batch = batch.replace(&bound, &binding);
    }
    let batch = forget_values(server, tenant, &action, batch).await?;
    server.records.commit(batch).await?;
    Ok(action)
}

/// Takes an action away with its secrets and versions; and with its binding, if that is said.
///
/// The action itself goes last: cut short, it is there, runs nowhere, and can be deleted again.
pub async fn delete(
    server: &Server,
    tenant: &TenantName,
    id: &str,
    even_if_bound: bool,
) -> Result<(), Error> {
    let mut found = stored(server, tenant, id).await?;
    if let Some(bound) = bound(server, tenant, id).await? {
        if !even_if_bound {
            return Err(Error::Bound(
                "the action is bound to a trigger: unbind it, or delete it with `force`".to_owned(),
            ));
        }
        let action = Action {
            deployed: None,
            ..found.record.clone()
        };
        let batch = Batch::durable().delete(&bound).replace(&found, &action);
        server.records.commit(batch).await?;
        found = stored(server, tenant, id).await?;
    }
    let parts = [tenant.as_str(), id];
    loop {
        let versions: Vec<Stored<RuleVersion>> = server.records.list(&parts, AT_ONCE).await?;
        let left = AT_ONCE.saturating_sub(versions.len());
        let values: Vec<Stored<ActionSecret>> = server.records.list(&parts, left).await?;
        if versions.is_empty() && values.is_empty() {
            break;
        }
        let batch = versions.iter().fold(Batch::durable(), Batch::delete);
        let batch = values.iter().fold(batch, Batch::delete);
        server.records.commit(batch).await?;
    }
    let name: Option<Stored<ActionName>> = server
        .records
        .get(&[tenant.as_str(), &found.record.name])
        .await?;
    let batch = Batch::durable().delete(&found);
    let batch = name.iter().fold(batch, Batch::delete);
    Ok(server.records.commit(batch).await?)
}

fn name_of(action: &Action) -> ActionName {
    ActionName {
        id: action.id.clone(),
    }
}

async fn stored(server: &Server, tenant: &TenantName, id: &str) -> Result<Stored<Action>, Error> {
    let found = server.records.get(&[tenant.as_str(), id]).await?;
    found.ok_or_else(Error::missing("action", id))
}

/// The binding that puts it to use.
async fn bound(
    server: &Server,
    tenant: &TenantName,
    id: &str,
) -> Result<Option<Stored<Binding>>, Error> {
    Ok(server.records.get(&[tenant.as_str(), id]).await?)
}

/// Takes values of secrets away that neither the draft nor any version has any more.
async fn forget_values(
    server: &Server,
    tenant: &TenantName,
    action: &Action,
    batch: Batch,
) -> Result<Batch, Error> {
    let parts = [tenant.as_str(), action.id.as_str()];
    // The values first: one that a version comes to have meanwhile is the draft's, which the commit
    // expects as it is.
    let values: Vec<Stored<ActionSecret>> = server.records.list(&parts, MOST_VALUES).await?;
    if values.is_empty() {
        return Ok(batch);
    }
    let versions = super::rules::versions::list(server, tenant, &action.id).await?;
    let of_versions = versions
        .iter()
        .filter_map(|version| version.action.as_ref());
    let makeups = of_versions.map(|version| &version.makeup);
    let secrets = makeups.chain([&action.makeup]).flat_map(|one| &one.secrets);
    let needed: BTreeSet<&str> = secrets.map(|secret| secret.key.as_str()).collect();
    let mut forgotten = values;
    forgotten.retain(|value| !needed.contains(value.record.key.as_str()));
    Ok(forgotten
        .iter()
        .take(AT_ONCE / 2)
        .fold(batch, Batch::delete))
}
