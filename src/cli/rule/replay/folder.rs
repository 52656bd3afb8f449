//! A folder of recorded exchanges, as `rule pull-exchanges` makes it: `exchanges/ID.json`, and
//! `rules/NAME@VERSION/` with the component and the manifest of each rule that ran.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::cli::rule::load::COMPONENT;
use crate::cli::rule::{CliError, fixture, read_bounded};
use crate::recording::{FORMAT, Recorded, RecordedRule};
use crate::rule_host::{BoundRule, Limits, Manifest, RuleHost};

/// The folder of exchanges.
pub(in crate::cli::rule) const EXCHANGES: &str = "exchanges";
const MANIFEST: &str = "manifest.json";
/// More exchanges than this are not replayed.
const MOST: usize = 100_000;

/// Where a version of a rule is.
pub(in crate::cli::rule) fn version_folder(folder: &Path, rule: &str, version: u32) -> PathBuf {
    folder.join("rules").join(format!("{rule}@{version}"))
}

/// Writes a version of a rule.
pub(in crate::cli::rule) fn write_version(
    folder: &Path,
    component: &[u8],
    manifest: Option<&Manifest>,
) -> std::io::Result<()> {
    std::fs::write(folder.join(COMPONENT), component)?;
    if let Some(manifest) = manifest {
        let text = serde_json::to_string_pretty(manifest)?;
        std::fs::write(folder.join(MANIFEST), text)?;
    }
    Ok(())
}

/// All exchanges of a folder, by name of file.
pub(super) fn exchanges(folder: &Path) -> Result<Vec<Recorded>, CliError> {
    let exchanges = folder.join(EXCHANGES);
    let entries = std::fs::read_dir(&exchanges).map_err(|error| {
        CliError::usage(format!(
            "cannot read `{}`: {error}; `claimsmith rule pull-exchanges` makes such a folder",
            exchanges.display()
        ))
    })?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    files.truncate(MOST);
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Result<Recorded, CliError> {
    let bytes = read_bounded(file, fixture::MAX_BYTES, "a recorded exchange")?;
    let invalid = |problem: String| CliError::invalid(format!("`{}`: {problem}", file.display()));
    recorded(&bytes).map_err(invalid)
}

/// What every version of the form says of itself.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

/// Whether this is a recorded exchange, of whatever version.
pub(in crate::cli::rule) fn is_recorded(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Form>(bytes).is_ok()
}

/// Reads a recorded exchange.
pub(in crate::cli::rule) fn recorded(bytes: &[u8]) -> Result<Recorded, String> {
    let form: Form = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if form.format > FORMAT {
        return Err(format!(
            "it was recorded by a newer version of claimsmith (its format is {}, this one reads {FORMAT}): update claimsmith",
            form.format
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// The versions of rules that ran, loaded once each.
#[derive(Default)]
pub(super) struct Versions(BTreeMap<(String, u32), BoundRule>);

impl Versions {
    /// The chain of a recording.
    pub(super) fn chain(
        &mut self,
        host: &RuleHost,
        folder: &Path,
        rules: &[RecordedRule],
    ) -> Result<Vec<BoundRule>, CliError> {
        let mut chain = Vec::with_capacity(rules.len());
        for recorded in rules {
            let key = (recorded.rule.clone(), recorded.version);
            let bound = match self.0.get(&key) {
                Some(bound) => bound.clone(),
                None => {
                    let bound = load(host, folder, recorded)?;
                    self.0.insert(key, bound.clone());
                    bound
                }
            };
            chain.push(BoundRule {
                on_fault: recorded.on_fault,
                permissions: recorded.permissions.clone(),
                ..bound
            });
        }
        Ok(chain)
    }
}

fn load(host: &RuleHost, folder: &Path, recorded: &RecordedRule) -> Result<BoundRule, CliError> {
    // A name out of a file must not lead out of the folder.
    if recorded.rule.contains(['/', '\\']) || recorded.rule.starts_with('.') {
        return Err(CliError::invalid(format!(
            "`{}` is no name of a rule",
            recorded.rule.escape_debug()
        )));
    }
    let folder = version_folder(folder, &recorded.rule, recorded.version);
    let path = folder.join(COMPONENT);
    let invalid =
        |error: &dyn std::fmt::Display| CliError::invalid(format!("`{}`: {error}", path.display()));
    let bytes = read_bounded(&path, Limits::MOST_COMPONENT_BYTES, "a rule")?;
    let rule = host.load(&bytes).map_err(|error| invalid(&error))?;
    let manifest = folder.join(MANIFEST);
    let manifest = match manifest.is_file() {
        false => None,
        true => {
            let text = read_bounded(&manifest, Manifest::MAX_BYTES, "a manifest")?;
            let manifest: Manifest =
                serde_json::from_slice(&text).map_err(|error| invalid(&error))?;
            Some(Arc::new(manifest))
        }
    };
    Ok(BoundRule {
        name: recorded.rule.clone(),
        version: recorded.version,
        rule: Ok(rule),
        on_fault: recorded.on_fault,
        manifest,
        permissions: recorded.permissions.clone(),
        action: None,
    })
}
