//! Deploying a draft, and going back to what was deployed before.

use super::{bound, forget_values, stored};
use crate::action::{Action, ActionVersion, Makeup};
use crate::admin::Error;
use crate::admin::rules::versions::{self, Upload};
use crate::random;
use crate::rule::{Binding, RuleVersion, chain};
use crate::server::Server;
use crate::store::{Batch, Stored, blob};
use crate::tenant::TenantName;

/// Makes a version of the draft. If the action is bound, the next exchange runs it.
pub async fn deploy(
    server: &Server,
    tenant: &TenantName,
    id: &str,
    author: &str,
) -> Result<(Action, RuleVersion), Error> {
    let found = stored(server, tenant, id).await?;
    let action = found.record.clone();
    let Some(digest) = action.code.clone() else {
        return Err(Error::invalid("the action", "it has no code to deploy"));
    };
    let makeup = action.makeup.clone();
    put_to_use(server, tenant, (found, action), (&digest, makeup), author).await
}

/// Deploys what an earlier version was, as a new one; the draft becomes the same if that is said.
pub async fn deploy_again(
    server: &Server,
    tenant: &TenantName,
    (id, version): (&str, &str),
    update_draft: bool,
    author: &str,
) -> Result<(Action, RuleVersion), Error> {
    let found = stored(server, tenant, id).await?;
    let (version, made) = get(server, tenant, id, version).await?;
    let values = chain::own_values(server, tenant, id, &made.makeup).await?;
    values.map_err(|reason| Error::invalid("the version of the action", reason))?;
    let mut action = found.record.clone();
    if update_draft {
        action.code = Some(version.digest.clone());
        action.makeup = made.makeup.clone();
        action.built_at = Some(server.clock.now());
    }
    let of_version = (version.digest.as_str(), made.makeup);
    put_to_use(server, tenant, (found, action), of_version, author).await
}

/// The versions of an action, the newest first.
pub async fn list(
    server: &Server,
    tenant: &TenantName,
    id: &str,
) -> Result<Vec<(RuleVersion, ActionVersion)>, Error> {
    let versions = versions::list(server, tenant, id).await?;
    let of_action = versions.into_iter().rev().filter_map(|version| {
        let made = version.action.clone()?;
        Some((version, made))
    });
    Ok(of_action.collect())
}

/// One of them, by its identity.
pub async fn get(
    server: &Server,
    tenant: &TenantName,
    id: &str,
    version: &str,
) -> Result<(RuleVersion, ActionVersion), Error> {
    let all = list(server, tenant, id).await?;
    let found = all.into_iter().find(|(_, made)| made.id == version);
    found.ok_or_else(Error::missing("version of the action", version))
}

/// The version that is deployed.
pub async fn deployed(
    server: &Server,
    tenant: &TenantName,
    action: &Action,
) -> Result<Option<(RuleVersion, ActionVersion)>, Error> {
    let Some(number) = action.deployed else {
        return Ok(None);
    };
    let version = versions::get(server, tenant, &action.id, number).await?;
    let made = version.action.clone();
    Ok(made.map(|made| (version, made)))
}

/// Uploads a version as every rule's is uploaded, and lets the action, and its binding, run it.
async fn put_to_use(
    server: &Server,
    tenant: &TenantName,
    (found, mut action): (Stored<Action>, Action),
    (digest, makeup): (&str, Makeup),
    author: &str,
) -> Result<(Action, RuleVersion), Error> {
    let bound = bound(server, tenant, &action.id).await?;
    let trigger = bound
        .as_ref()
        .and_then(|bound| bound.record.action.as_ref());
    if trigger.is_some_and(|bound| bound.trigger != makeup.trigger.id) {
        return Err(Error::Bound(
            "that version is for another trigger: unbind the action first".to_owned(),
        ));
    }
    let code = blob::get(&server.records, digest).await?;
    let code = code.ok_or_else(|| Error::Unreadable("an action's source is gone".to_owned()))?;
    let upload = Upload {
        rule: action.id.clone(),
        code,
        manifest: None,
        note: None,
        author: author.to_owned(),
        action: Some(ActionVersion {
            id: random::uuid()?,
            name: action.name.clone(),
            makeup,
        }),
    };
    let (version, _) = versions::upload(server, tenant, upload).await?;
    versions::ready(server, tenant, &version).await?;
    action.deployed = Some(version.version);
    action.updated_at = server.clock.now();
    let mut batch = Batch::durable().replace(&found, &action);
    if let Some(bound) = &bound {
        let binding = Binding {
            version: version.version,
            ..bound.record.clone()
        };
        batch = batch.replace(bound, &binding);
    }
    let batch = forget_values(server, tenant, &action, batch).await?;
    server.records.commit(batch).await?;
    Ok((action, version))
}
