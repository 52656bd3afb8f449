//! Every endpoint of the management API.

use super::endpoint::Endpoint;
use super::{
    client_grants, clients, connections, exchanges, resource_servers, rule_versions, rules,
    rules_configs, users,
};

/// All of them, in the order of the documentation.
pub(super) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    const ALL: &[&[Endpoint]] = &[
        resource_servers::ENDPOINTS,
        clients::ENDPOINTS,
        client_grants::ENDPOINTS,
        connections::ENDPOINTS,
        users::ENDPOINTS,
        rules::ENDPOINTS,
        rules_configs::ENDPOINTS,
        rule_versions::ENDPOINTS,
        exchanges::ENDPOINTS,
    ];
    ALL.iter().copied().flatten()
}
