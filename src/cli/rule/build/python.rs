//! Rules in Python: `componentize-py` packs the interpreter, started, and the rule into a component.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CliError, finish, found, whole};

/// What tells a rule in Python.
pub(super) const SOURCE: &str = "src/app.py";

/// Builds the component `made`.
pub(super) fn build(folder: &Path, made: &Path) -> Result<(), CliError> {
    let whole = whole(folder)?;
    let environment = whole.join(".venv");
    let own = environment.join("bin/componentize-py");
    let Some(tool) = own.is_file().then_some(own).or_else(on_path) else {
        let folder = folder.display();
        return Err(CliError::failure(format!(
            "a rule in Python is built with componentize-py: run `python3 -m venv {folder}/.venv && {folder}/.venv/bin/pip install -r {folder}/requirements.txt`, on Debian after `apt-get install python3-venv`"
        )));
    };
    let mut command = Command::new(tool);
    command
        .args(["--quiet", "--wit-path", "sdk/wit", "--world", "rule"])
        .args(["componentize", "--python-path", "src"])
        // A rule has no sockets, which the interpreter imports with the rest of WASI.
        .args(["--stub-wasi", "app", "--output"])
        .arg(made)
        .current_dir(&whole);
    if environment.is_dir() {
        // Where it looks for what the rule imports.
        command.env("VIRTUAL_ENV", environment);
    }
    finish(&mut command, folder, "componentize-py")
}

fn on_path() -> Option<PathBuf> {
    found(&["componentize-py"])
}
