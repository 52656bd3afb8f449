//! What is read from the standard input, so that a secret need not be on the command line.

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
