//! What a draft may be made of.

use bytes::Bytes;

use super::{Change, NewSecret};
use crate::action::{Action, ActionSecret, Dependency, SecretName, SupportedTrigger};
use crate::admin::rules::{check_permissions, versions};
use crate::admin::{Error, check_text};
use crate::random;
use crate::rule_host::{MODULES, printable};
use crate::server::Server;
use crate::store::{Batch, blob};
use crate::tenant::TenantName;
use crate::token::Sealed;

/// The runtime that is named if nobody says.
pub(super) const USUAL_RUNTIME: &str = "node22";

/// How many secrets an action has, and modules (contract, section 3.5).
const MOST_SECRETS: usize = 30;
const MOST_DEPENDENCIES: usize = 10;

/// The length of a secret's name and value, in bytes.
const SECRET_NAME_BYTES: usize = 128;
const SECRET_BYTES: usize = 4_096;

/// Carries a change out on a draft. What is stored beside the draft goes into the batch.
pub(super) async fn apply(
    server: &Server,
    tenant: &TenantName,
    action: &mut Action,
    change: Change,
    batch: Batch,
) -> Result<Batch, Error> {
    if let Some(name) = change.name {
        check_name(&name)?;
        action.name = name;
    }
    let other_trigger = change.trigger.is_some();
    if let Some(trigger) = change.trigger {
        action.makeup.trigger = trigger;
    }
    check_trigger(&action.makeup.trigger)?;
    if let Some(runtime) = change.runtime {
        action.makeup.runtime = runtime;
    }
    if let Some(dependencies) = change.dependencies {
        check_dependencies(&dependencies)?;
        action.makeup.dependencies = dependencies;
    }
    if let Some(permissions) = change.permissions {
        check_permissions(&permissions)?;
        action.permissions = permissions;
    }
    action.on_fault = change.on_fault.unwrap_or(action.on_fault);
    let batch = match change.secrets {
        Some(secrets) => set_secrets(server, tenant, action, secrets, batch)?,
        None => batch,
    };
    // The source last: it is stored before the commit that names it.
    let code = match (change.code, other_trigger) {
        (Some(code), _) => Some(code),
        (None, true) => super::code(server, action).await?,
        (None, false) => None,
    };
    if let Some(code) = code {
        action.code = Some(check_code(server, tenant, action, code).await?);
        action.built_at = Some(server.clock.now());
    }
    Ok(batch)
}

fn check_name(name: &str) -> Result<(), Error> {
    check_text("the action's name", name, 100)?;
    match name.trim() == name {
        true => Ok(()),
        false => {
            let reason = "it begins or ends with a space";
            Err(Error::invalid("the action's name", reason))
        }
    }
}

fn check_trigger(trigger: &SupportedTrigger) -> Result<(), Error> {
    let known = trigger.id.versions();
    if known.contains(&trigger.version.as_str()) {
        return Ok(());
    }
    let (id, version) = (trigger.id, printable(&trigger.version, 20));
    let known = known.join(", ");
    let reason = format!("`{id}` has no version `{version}`; there are {known}");
    Err(Error::invalid("the trigger", reason))
}

/// A module that is not there would be missed by the first login otherwise.
fn check_dependencies(dependencies: &[Dependency]) -> Result<(), Error> {
    let refused = |reason: String| Err(Error::invalid("the dependencies", reason));
    if dependencies.len() > MOST_DEPENDENCIES {
        return refused(format!("an action has at most {MOST_DEPENDENCIES}"));
    }
    for (place, Dependency { name, version }) in dependencies.iter().enumerate() {
        check_text("a dependency's version", version, 100)?;
        let before = dependencies.iter().take(place);
        if before.into_iter().any(|other| other.name == *name) {
            return refused(format!("`{}` is named twice", printable(name, 100)));
        }
        // As `require` takes it.
        let bare = name.strip_prefix("node:").unwrap_or(name);
        if !MODULES.contains(&bare) {
            let (name, known) = (printable(name, 100), MODULES.join(", "));
            return refused(format!(
                "the module `{name}` is not there; those that are: {known}"
            ));
        }
    }
    Ok(())
}

/// Gives each value a place of its own, which nothing writes a second time.
fn set_secrets(
    server: &Server,
    tenant: &TenantName,
    action: &mut Action,
    secrets: Vec<NewSecret>,
    mut batch: Batch,
) -> Result<Batch, Error> {
    let refused = |reason: String| Err(Error::invalid("the secrets", reason));
    if secrets.len() > MOST_SECRETS {
        return refused(format!("an action has at most {MOST_SECRETS}"));
    }
    let mut named: Vec<SecretName> = Vec::with_capacity(secrets.len());
    for NewSecret { name, value } in secrets {
        check_text("a secret's name", &name, SECRET_NAME_BYTES)?;
        // It ends the hole that a recording has in the place of the value.
        if name.contains('~') {
            return refused(format!("`{name}` has a `~` in it"));
        }
        if named.iter().any(|other| other.name == name) {
            return refused(format!("`{name}` is named twice"));
        }
        let Some(value) = value else {
            let known = action.makeup.secrets.iter().find(|one| one.name == name);
            match known {
                Some(known) => named.push(known.clone()),
                None => return refused(format!("`{name}` has no value yet, and is given none")),
            }
            continue;
        };
        if value.expose().len() > SECRET_BYTES {
            return refused(format!(
                "the value of `{name}` may have at most {SECRET_BYTES} bytes"
            ));
        }
        let key = random::id()?;
        let context = ActionSecret::seal_context(tenant, &action.id, &key);
        let master = server.keyring.master();
        let sealed = ActionSecret {
            key: key.clone(),
            value: Sealed::seal(master, &context, value.expose().as_bytes())?,
        };
        batch = batch.insert(&[tenant.as_str(), &action.id, &key], &sealed);
        let updated_at = server.clock.now();
        named.push(SecretName {
            name,
            updated_at,
            key,
        });
    }
    action.makeup.secrets = named;
    Ok(batch)
}

/// Checks a source as one that is uploaded is checked, and stores it.
async fn check_code(
    server: &Server,
    tenant: &TenantName,
    action: &Action,
    code: String,
) -> Result<String, Error> {
    let code = Bytes::from(code);
    let inspection = versions::check(server, tenant, &code, None).await?;
    let trigger = action.makeup.trigger.id;
    if !trigger.is_handled_by(inspection.dialect) {
        let handler = trigger.handler();
        let reason = format!("it is for `{trigger}`, and does not export `{handler}`");
        return Err(Error::invalid("the code", reason));
    }
    Ok(blob::put(&server.records, tenant.as_str(), &code).await?)
}
