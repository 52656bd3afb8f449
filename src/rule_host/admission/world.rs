//! Whether a component's imports and exports are those of a world that this server knows.
//! The types behind the names are the linker's to check; it says so less kindly.

use super::Shape;
use super::findings::Findings;
use crate::rule_host::bindings::{INTERFACES, PACKAGE, VERSIONS};
use crate::rule_host::rejection::{Rejection, quoted};
use crate::rule_host::text::printable;
use crate::rule_host::wasi;

/// How much of a stranger's name is repeated to him.
const NAME_BYTES: usize = 100;

/// How many names a message lists.
const NAMES: usize = 10;

pub(super) fn check(shape: &Shape, findings: &mut Findings) {
    for name in &shape.imports {
        let import = printable(name, NAME_BYTES);
        if let Some(found) = other_version(name) {
            findings.add(Rejection::UnknownVersion { import, found });
        } else if !is_known(name) {
            findings.add(Rejection::UnknownImport {
                name: import,
                known: quoted(&known()),
            });
        }
    }
    if !shape.exports.iter().any(|name| name == "decide") {
        let shown = shape.exports.iter().take(NAMES);
        let shown: Vec<String> = shown.map(|name| printable(name, NAME_BYTES)).collect();
        findings.add(Rejection::NoDecide {
            exports: quoted(&shown),
        });
    }
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
