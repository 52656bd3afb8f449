//! Rules in TypeScript: what the author's `npm run build` makes is a rule in JavaScript.

use std::path::Path;
use std::process::Command;

use super::{CliError, SCRIPT, finish, found, whole};

/// What tells a rule in TypeScript.
pub(super) const SOURCE: &str = "src/rule.ts";

/// Makes the folder's `rule.js`.
pub(super) fn build(folder: &Path) -> Result<(), CliError> {
    let Some(npm) = found(&["npm"]) else {
        return Err(CliError::failure(
            "a rule in TypeScript is built with npm: install Node.js 20 or later, on Debian `apt-get install nodejs npm`",
        ));
    };
    if !folder.join("node_modules").is_dir() {
        return Err(CliError::failure(format!(
            "the compiler is not installed yet: run `npm install` in `{}`",
            folder.display()
        )));
    }
    let script = folder.join(SCRIPT);
    // What is there afterwards was made now.
    match std::fs::remove_file(&script) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(CliError::failure(format!(
                "cannot write `{}`: {error}",
                script.display()
            )));
        }
        _ => {}
    }
    let mut command = Command::new(npm);
    command
        .args(["run", "--silent", "build"])
        .current_dir(whole(folder)?);
    finish(&mut command, folder, "npm")?;
    match script.is_file() {
        true => Ok(()),
        false => Err(CliError::invalid(format!(
            "`npm run build` in `{}` made no `{SCRIPT}`: its `package.json` must put the rule there",
            folder.display()
        ))),
    }
}
