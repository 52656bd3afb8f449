//! What is read from the standard input and asked for at the terminal, so that a secret need not be on the command line.

use std::io::IsTerminal as _;

use console::Term;
use zeroize::Zeroize as _;

use super::CliError;
use crate::secret::Secret;

/// The first line, without its end.
pub(super) fn first_line() -> Result<Secret, CliError> {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(CliError::failure)?;
    let secret = Secret::new(line.trim_end_matches(['\r', '\n']));
    line.zeroize();
    Ok(secret)
}

/// A line that is asked for, shown as it is typed. None where nobody sits at a terminal.
pub(super) fn line_from_terminal(what: &str) -> Option<String> {
    let terminal = Term::stderr();
    if !std::io::stdin().is_terminal() || !terminal.is_term() {
        return None;
    }
    terminal.write_str(&format!("{what}: ")).ok()?;
    terminal.read_line().ok()
}

/// The same, not shown.
pub(super) fn secret_from_terminal(what: &str) -> Option<Secret> {
    let terminal = Term::stderr();
    if !std::io::stdin().is_terminal() || !terminal.is_term() {
        return None;
    }
    terminal.write_str(&format!("{what}: ")).ok()?;
    terminal.read_secure_line().ok().map(Secret::new)
}
