//! Versions of a rule: uploaded, never changed, put to use and taken back.

use bytes::Bytes;

use super::manage::Change;
use super::{all_bindings, check_name, new_binding, of_a_rule};
use crate::action::{Action, ActionVersion};
use crate::admin::{Error, LIST_LIMIT, check_text, quotas, require_tenant};
use crate::checker::CheckError;
use crate::rule::{Binding, RuleVersion, chain};
use crate::rule_host::{Inspection, Manifest, Rejected};
use crate::server::Server;
use crate::store::{Batch, Stored, blob};
use crate::tenant::TenantName;

/// The most versions that a rule keeps. After that each upload takes the place of the oldest that
/// no binding needs.
pub const MAX_VERSIONS: usize = LIST_LIMIT;

/// The most that an action keeps (contract, section 3.5).
pub const MAX_ACTION_VERSIONS: usize = 50;

/// The length of a note, in bytes.
pub const MAX_NOTE_BYTES: usize = 1_000;

/// A version to make.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The rule's name.
    pub rule: String,
    /// A component, or a source in JavaScript.
    pub code: Vec<u8>,
    /// What it may do; none allows all that the interface offers.
    pub manifest: Option<Manifest>,
    /// What is said of it.
    pub note: Option<String>,
    /// Who uploads it: a `client_id`, or [`COMMAND_LINE`](crate::rule::COMMAND_LINE).
    pub author: String,
    /// What it has as a version of an action.
    pub action: Option<ActionVersion>,
}

/// Stores a component, or a source in JavaScript, and its manifest as the next version of a rule, after
/// checking all that `rule check` checks: what is corrupt or foreign never reaches the store. Nothing runs
/// it until it is bound.
///
/// What is the newest version already is not stored again: it stays as it was, with its author and note.
pub async fn upload(
    server: &Server,
    tenant: &TenantName,
    upload: Upload,
) -> Result<(RuleVersion, Inspection), Error> {
    let Upload {
        rule,
        code,
        manifest,
        note,
        author,
        action,
    } = upload;
    require_tenant(server, tenant).await?;
    check_name(&rule)?;
    if action.is_none() {
        let found: Option<Stored<Action>> = server.records.get(&[tenant.as_str(), &rule]).await?;
        if found.is_some() {
            return Err(Error::invalid("the rule", "it is an action: change that"));
        }
    }
    if let Some(note) = &note {
        check_text("the note", note, MAX_NOTE_BYTES)?;
    }
    let code = Bytes::from(code);
    let inspection = check(server, tenant, &code, manifest.as_ref()).await?;

    let digest = blob::put(&server.records, tenant.as_str(), &code).await?;
    let known = stored(server, tenant, &rule).await?;
    let last = known.last().map(|stored| &stored.record);
    if let Some(last) = last
        && last.digest == digest
        && last.manifest == manifest
        && action.is_none()
    {
        return Ok((last.clone(), inspection));
    }
    let version = RuleVersion {
        version: last.map_or(1, |last| last.version.saturating_add(1)),
        digest,
        size: inspection.size,
        dialect: inspection.dialect,
        uploaded_at: server.clock.now(),
        author: Some(author),
        note,
        manifest,
        rule,
        action,
    };
    let number = RuleVersion::key_part(version.version);
    let parts = [tenant.as_str(), &version.rule, &number];
    let mut batch = Batch::durable().insert(&parts, &version);
    let most = match version.action {
        Some(_) => MAX_ACTION_VERSIONS,
        None => MAX_VERSIONS,
    };
    if known.len() >= most {
        let binding: Option<Stored<Binding>> = server
            .records
            .get(&[tenant.as_str(), &version.rule])
            .await?;
        let needed = |number: u32| binding.as_ref().is_some_and(|one| one.record.needs(number));
        let oldest = known.iter().find(|one| !needed(one.record.version));
        batch = oldest.into_iter().fold(batch, Batch::delete);
        // A binding that comes to need it meanwhile keeps it.
        batch = binding.iter().fold(batch, Batch::expect);
    }
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken(
        "a newer version, uploaded just now, of",
        &version.rule,
    ))?;
    Ok((version, inspection))
}

/// Checks code and manifest in one go, the code in a child process.
pub(in crate::admin) async fn check(
    server: &Server,
    tenant: &TenantName,
    code: &Bytes,
    manifest: Option<&Manifest>,
) -> Result<Inspection, Error> {
    let checked = server.checker.check(tenant.as_str(), code.clone()).await;
    let mut others = manifest.map(Manifest::faults).unwrap_or_default();
    let checked = match checked {
        Ok(inspection) => Ok(inspection),
        Err(CheckError::Rejected(rejected)) => Err(rejected),
        Err(other) => return Err(other.into()),
    };
    if let (Ok(inspection), Some(manifest)) = (&checked, manifest)
        && let Err(unfit) = manifest.fits(inspection)
    {
        others.extend(unfit.faults().iter().cloned());
    }
    match (checked, others.is_empty()) {
        (Ok(inspection), true) => Ok(inspection),
        (checked, _) => Err(Error::Rejected(Rejected::of(checked.err(), others))),
    }
}

/// The versions of a rule, oldest first.
pub async fn list(
    server: &Server,
    tenant: &TenantName,
    rule: &str,
) -> Result<Vec<RuleVersion>, Error> {
    let stored = stored(server, tenant, rule).await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}

async fn stored(
    server: &Server,
    tenant: &TenantName,
    rule: &str,
) -> Result<Vec<Stored<RuleVersion>>, Error> {
    let parts = [tenant.as_str(), rule];
    Ok(server.records.list(&parts, LIST_LIMIT).await?)
}

/// What is known of a version of a rule.
pub async fn get(
    server: &Server,
    tenant: &TenantName,
    rule: &str,
    version: u32,
) -> Result<RuleVersion, Error> {
    let number = RuleVersion::key_part(version);
    let parts = [tenant.as_str(), rule, &number];
    let stored: Option<Stored<RuleVersion>> = server.records.get(&parts).await?;
    Ok(stored.ok_or_else(|| missing(rule, &version))?.record)
}

/// The same by its number or its digest; of several with one digest the newest.
pub async fn find(
    server: &Server,
    tenant: &TenantName,
    rule: &str,
    name: &str,
) -> Result<RuleVersion, Error> {
    /// The length of a SHA-256 in hexadecimal.
    const DIGEST_CHARS: usize = 64;
    if let Ok(number) = name.parse() {
        return get(server, tenant, rule, number).await;
    }
    if name.len() != DIGEST_CHARS {
        return Err(missing(rule, &name));
    }
    let all = list(server, tenant, rule).await?;
    let found = all.into_iter().rfind(|version| version.digest == name);
    found.ok_or_else(|| missing(rule, &name))
}

/// A version's component, or its source in JavaScript, as it was uploaded.
pub async fn code(server: &Server, version: &RuleVersion) -> Result<Vec<u8>, Error> {
    let bytes = blob::get(&server.records, &version.digest).await?;
    bytes.ok_or_else(|| missing(&version.rule, &version.version))
}

fn missing(rule: &str, version: &dyn std::fmt::Display) -> Error {
    Error::NotFound {
        what: "version of the rule",
        name: format!("{rule}@{version}"),
    }
}

/// Puts a version to use: in the place of the one that runs, or in a new binding behind all others.
/// The next exchange runs it.
pub async fn deploy(
    server: &Server,
    tenant: &TenantName,
    version: &RuleVersion,
    change: &Change,
) -> Result<Binding, Error> {
    of_a_rule(version)?;
    ready(server, tenant, version).await?;
    let parts = [tenant.as_str(), version.rule.as_str()];
    let stored: Option<Stored<Binding>> = server.records.get(&parts).await?;
    let mut others = all_bindings(server, tenant).await?;
    others.retain(|other| other.rule != version.rule);
    let mut binding = match &stored {
        Some(stored) => stored.record.clone(),
        None => {
            quotas::room_for_a_rule(server, tenant).await?;
            new_binding(server, &version.rule, &others)?
        }
    };
    change.write_to(&mut binding, &others)?;
    binding.run(version, change.on_fault);
    let batch = match &stored {
        Some(stored) => Batch::durable().replace(stored, &binding),
        None => Batch::durable().insert(&parts, &binding),
    };
    server.records.commit(batch).await?;
    Ok(binding)
}

/// Goes back to the version that ran before, with the failure policy that it had; whether the rule runs,
/// where, and what it may do, stays as it is.
pub async fn roll_back(server: &Server, tenant: &TenantName, rule: &str) -> Result<Binding, Error> {
    let stored: Option<Stored<Binding>> = server.records.get(&[tenant.as_str(), rule]).await?;
    let stored = stored.filter(|stored| stored.record.action.is_none());
    let stored = stored.ok_or_else(Error::missing("rule", rule))?;
    let mut binding = stored.record.clone();
    if !binding.roll_back() {
        return Err(Error::NothingBefore {
            rule: rule.to_owned(),
        });
    }
    let version = get(server, tenant, rule, binding.version).await?;
    ready(server, tenant, &version).await?;
    let batch = Batch::durable().replace(&stored, &binding);
    server.records.commit(batch).await?;
    Ok(binding)
}

/// Compiles what is not compiled yet, so that no login has to wait for it; and what does not load is not
/// put to use. It was checked when it was uploaded, maybe by another release of the server.
pub(in crate::admin) async fn ready(
    server: &Server,
    tenant: &TenantName,
    version: &RuleVersion,
) -> Result<(), Error> {
    if server.rule_host.cached(&version.digest).is_none() {
        let code = Bytes::from(code(server, version).await?);
        let checker = &server.checker;
        let checked = checker.check_stored(tenant.as_str(), &version.digest, &code);
        checked.await?;
    }
    let loaded = chain::component(server, tenant, &version.digest).await?;
    let refused = |reason| Error::invalid("the version of the rule", reason);
    loaded.map(drop).map_err(refused)
}
