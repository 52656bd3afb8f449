//! The input of `rule run`: an exchange from a file instead of from a login.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{CliError, read_bounded};
use crate::rule_host::{Exchange, Subject};
use crate::secret::Secret;

/// An exchange and the tenant's values: `{"exchange": {…}, "configuration": {"KEY": "value"}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixture {
    pub(super) exchange: Exchange,
    #[serde(default)]
    pub(super) configuration: BTreeMap<String, Secret>,
}

/// Stands where a login's proof would: the mint does not take it.
pub(super) struct NobodyLoggedIn;

impl Subject for NobodyLoggedIn {}

/// An exchange file is a fixture for people to write; none needs more.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads a fixture.
pub(super) fn read(path: &Path) -> Result<Fixture, CliError> {
    let bytes = read_bounded(path, MAX_BYTES, "an exchange file")?;
    serde_json::from_slice(&bytes)
        .map_err(|error| CliError::invalid(format!("`{}`: {error}", path.display())))
}
