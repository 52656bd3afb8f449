//! Rules from files: the component, and the manifest beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CliError, read_bounded};
use crate::rule_host::{BoundRule, Limits, Manifest, OnFault, Permissions, RuleHost};

/// What the manifest is called.
pub(in crate::cli) const MANIFEST: &str = "rule.toml";
/// What the component is called in a rule's folder, and what a rule in JavaScript is.
pub(in crate::cli) const COMPONENT: &str = "rule.wasm";
pub(in crate::cli) const SCRIPT: &str = "rule.js";

/// A rule's two files, read and not yet compiled.
pub(in crate::cli) struct Source {
    /// Where the component is.
    pub(in crate::cli) path: PathBuf,
    /// What people call it.
    pub(in crate::cli) name: String,
    pub(in crate::cli) component: Vec<u8>,
    pub(in crate::cli) manifest: Option<Arc<Manifest>>,
}

impl Source {
    /// Reads a component, or the one in a rule's folder, and the manifest: the one named, else the
    /// one beside it, if there is one.
    pub(in crate::cli) fn read(path: &Path, manifest: Option<&Path>) -> Result<Self, CliError> {
        let path = match path.is_dir() {
            true => in_folder(path),
            false => path.to_owned(),
        };
        let component = read_component(&path)?;
        let beside = path.with_file_name(MANIFEST);
        let manifest = match manifest {
            Some(named) => Some(read_manifest(named)?),
            None if beside.is_file() => Some(read_manifest(&beside)?),
            None => None,
        };
        Ok(Self {
            name: name(&path),
            manifest: manifest.map(Arc::new),
            component,
            path,
        })
    }

    /// Compiles and links it; `on_fault` comes before what the manifest asks for.
    pub(in crate::cli) fn bind(
        &self,
        host: &RuleHost,
        on_fault: Option<OnFault>,
    ) -> Result<BoundRule, CliError> {
        let rule = host
            .load(&self.component)
            .map_err(|error| self.invalid(&error))?;
        let asked = self.manifest.as_ref().and_then(|manifest| {
            let fits = manifest.fits(rule.inspection());
            fits.map(|()| manifest.on_fault).transpose()
        });
        let asked = asked.transpose().map_err(|error| self.invalid(&error))?;
        Ok(BoundRule {
            name: self.name.clone(),
            version: 1,
            rule: Ok(rule),
            on_fault: on_fault.or(asked).unwrap_or_default(),
            manifest: self.manifest.clone(),
            permissions: Permissions::default(),
            action: None,
        })
    }

    /// An error about it, with the file's name.
    pub(in crate::cli) fn invalid(&self, error: &dyn std::fmt::Display) -> CliError {
        CliError::invalid(format!("`{}`: {error}", self.path.display()))
    }
}

/// The rule of a folder: its component, unless it is in JavaScript.
fn in_folder(folder: &Path) -> PathBuf {
    let script = folder.join(SCRIPT);
    match script.is_file() && !folder.join(COMPONENT).is_file() {
        true => script,
        false => folder.join(COMPONENT),
    }
}

/// Reads a component, unless it is larger than any rule may be.
fn read_component(path: &Path) -> Result<Vec<u8>, CliError> {
    read_bounded(path, Limits::MOST_COMPONENT_BYTES, "a rule")
}

fn read_manifest(path: &Path) -> Result<Manifest, CliError> {
    let bytes = read_bounded(path, Manifest::MAX_BYTES, "a manifest")?;
    let invalid =
        |error: &dyn std::fmt::Display| CliError::invalid(format!("`{}`: {error}", path.display()));
    let text = String::from_utf8(bytes).map_err(|_| invalid(&"it is not UTF-8 text"))?;
    Manifest::parse(&text).map_err(|error| invalid(&error))
}

/// `rules/office-hours/rule.wasm` is better known by its folder.
fn name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    let folder = || {
        let folder = path.parent()?.canonicalize().ok()?;
        Some(folder.file_name()?.to_string_lossy().into_owned())
    };
    match stem {
        Some(stem) if stem == "rule" => folder().unwrap_or_else(|| stem.into_owned()),
        Some(stem) => stem.into_owned(),
        None => path.display().to_string(),
    }
}
