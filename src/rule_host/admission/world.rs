//! Whether a component's imports and exports are those of a world that this server knows.
//! The types behind the names are the linker's to check; it says so less kindly.

use super::Shape;
use crate::rule_host::bindings::{INTERFACES, PACKAGE, VERSIONS};
use crate::rule_host::rejection::{Rejection, quoted};
use crate::rule_host::text::printable;
use crate::rule_host::wasi;

/// How much of a stranger's name is repeated to him.
const NAME_BYTES: usize = 100;

/// How many unknown names a message lists.
const NAMES: usize = 10;

pub(super) fn check(shape: &Shape) -> Result<(), Rejection> {
    if let Some(found) = shape.imports.iter().find_map(|name| other_version(name)) {
        return Err(Rejection::UnknownVersion { found });
    }
    let unknown = listed(shape.imports.iter().filter(|name| !is_known(name)));
    if !unknown.is_empty() {
        return Err(Rejection::UnknownImports {
            unknown: quoted(&unknown),
            known: quoted(&known()),
        });
    }
    if !shape.exports.iter().any(|name| name == "decide") {
        return Err(Rejection::NoDecide {
            exports: quoted(&listed(shape.exports.iter())),
        });
    }
    Ok(())
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names
        .take(NAMES)
        .map(|name| printable(name, NAME_BYTES))
        .collect()
}

/// The version that `name` is of, if it is of our interface and not a version we know.
fn other_version(name: &str) -> Option<String> {
    let (_, version) = ours(name)?;
    (!VERSIONS.contains(&version)).then(|| printable(version, NAME_BYTES))
}

/// Interface and version of a name of our package.
fn ours(name: &str) -> Option<(&str, &str)> {
    let interface = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    Some(interface.split_once('@').unwrap_or((interface, "")))
}

fn is_known(name: &str) -> bool {
    if let Some((interface, _)) = ours(name) {
        return INTERFACES.contains(&interface);
    }
    // Any 0.2 release: within it, interfaces only gain functions, and the linker names a missing one.
    let wasi = name.strip_prefix("wasi:").and_then(|n| n.split_once('@'));
    wasi.is_some_and(|(interface, version)| {
        version.starts_with("0.2.") && wasi::INTERFACES.contains(&interface)
    })
}

fn known() -> Vec<String> {
    INTERFACES
        .iter()
        .flat_map(|i| VERSIONS.iter().map(move |v| format!("{PACKAGE}/{i}@{v}")))
        .collect()
}
