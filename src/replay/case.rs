//! What a run outside of a login is given: an exchange, and what the network would answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::{Position, Url};

use crate::recording::Recorded;
use crate::rule_host::fetch::{HostPattern, RecordedFetch, Recording, Step};
use crate::rule_host::{BoundRule, Exchange, Permissions, Subject, all_values};
use crate::secret::Secret;

/// An exchange, the tenant's values and recorded responses:
/// `{"exchange": {…}, "configuration": {"KEY": "value"}, "fetches": [{"url": "https://…", "body": "…"}]}`.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) exchange: Exchange,
    #[serde(default)]
    pub(crate) configuration: BTreeMap<String, Secret>,
    /// What rules may fetch, and the answer of each: as a [`Recording`] has them.
    #[serde(default)]
    pub(crate) fetches: Vec<RecordedFetch>,
    /// In which order the answers come; that of `fetches` if it is left out.
    #[serde(default)]
    pub(crate) order: Vec<Step>,
}

impl Case {
    /// What was recorded, without the configuration, which recordings do not have.
    pub(crate) fn of(recorded: Recorded) -> Self {
        Self {
            exchange: recorded.exchange,
            configuration: BTreeMap::new(),
            fetches: recorded.network.fetches,
            order: recorded.network.order,
        }
    }

    /// A rule may reach the hosts that answers were recorded of, and nothing else.
    pub(crate) fn permissions(&self) -> Permissions {
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

    /// What the network would answer to a chain.
    pub(crate) fn recording(&self, chain: &[BoundRule]) -> Recording {
        let recording = Recording {
            fetches: self.fetches.clone(),
            order: self.order.clone(),
        };
        recording.filled(&all_values(chain, &self.configuration))
    }

    /// A chain that may reach the hosts of the recorded answers.
    pub(crate) fn permit(&self, chain: &[BoundRule]) -> Vec<BoundRule> {
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
pub(crate) struct NobodyLoggedIn;

impl Subject for NobodyLoggedIn {}
