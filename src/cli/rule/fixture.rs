//! The input of `rule run`: an exchange from a file instead of from a login, and what the network
//! would answer.

use std::path::Path;

use super::replay::folder::{is_recorded, recorded};
use super::{CliError, read_bounded};
pub(in crate::cli) use crate::replay::{Case as Fixture, NobodyLoggedIn};

/// An exchange file is a fixture for people to write; none needs more.
pub(in crate::cli) const MAX_BYTES: usize = 1024 * 1024;

/// Reads a fixture, or a recorded exchange as one: whoever recorded it kept no configuration.
pub(in crate::cli) fn read(path: &Path) -> Result<Fixture, CliError> {
    let bytes = read_bounded(path, MAX_BYTES, "an exchange file")?;
    let read = match is_recorded(&bytes) {
        true => recorded(&bytes).map(Fixture::of),
        false => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
    };
    read.map_err(|error| CliError::invalid(format!("`{}`: {error}", path.display())))
}
