//! The input of `rule run`: an exchange from a file instead of from a login, and what the network
//! would answer.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use url::{Position, Url};

use super::replay::folder::{is_recorded, recorded};
use super::{CliError, read_bounded};
use crate::recording::Recorded;
use crate::rule_host::fetch::{HostPattern, RecordedFetch, Recording, Step};
use crate::rule_host::{BoundRule, Exchange, Permissions, Subject};
use crate::secret::Secret;

/// An exchange, the tenant's values and recorded responses:
/// `{"exchange": {…}, "configuration": {"KEY": "value"}, "fetches": [{"url": "https://…", "body": "…"}]}`.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Fixture {
    pub(in crate::cli) exchange: Exchange,
    #[serde(default)]
    pub(in crate::cli) configuration: BTreeMap<String, Secret>,
    /// What rules may fetch, and the answer of each: as a [`Recording`] has them.
    #[serde(default)]
    pub(in crate::cli) fetches: Vec<RecordedFetch>,
    /// In which order the answers come; that of `fetches` if it is left out.
    #[serde(default)]
    pub(in crate::cli) order: Vec<Step>,
}

impl Fixture {
    /// What was recorded, without the configuration, which recordings do not have.
    pub(in crate::cli) fn of(recorded: Recorded) -> Self {
        Self {
            exchange: recorded.exchange,
            configuration: BTreeMap::new(),
            fetches: recorded.network.fetches,
            order: recorded.network.order,
        }
    }

    /// A rule may reach the hosts that answers were recorded of, and nothing else.
    fn permissions(&self) -> Permissions {
        let urls = self
            .fetches
            .iter()
            .filter_map(|fetch| Url::parse(&fetch.url).ok());
        let mut permissions = Permissions::default();
        for url in urls {
            permissions.allow_http |= url.scheme() == "http";
            let host = &url[Position::BeforeHost..Position::AfterPort];
            permissions.hosts.extend(host.parse::<HostPattern>());
        }
        permissions
    }

    /// What the network would answer.
    pub(in crate::cli) fn recording(&self) -> Recording {
        let recording = Recording {
            fetches: self.fetches.clone(),
            order: self.order.clone(),
        };
        recording.filled(&self.configuration)
    }

    /// A chain that may reach the hosts of the recorded answers.
    pub(in crate::cli) fn permit(&self, chain: &[BoundRule]) -> Vec<BoundRule> {
        let permissions = self.permissions();
        chain
            .iter()
            .map(|bound| BoundRule {
                permissions: permissions.clone(),
                ..bound.clone()
            })
            .collect()
    }
}

/// Stands where a login's proof would: the mint does not take it.
pub(in crate::cli) struct NobodyLoggedIn;

impl Subject for NobodyLoggedIn {}

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
