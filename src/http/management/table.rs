//! Every endpoint of the management API.

use super::endpoint::Endpoint;
use super::{
    action_triggers, action_versions, actions, client_grants, clients, connections, exchanges,
    jobs, keys, log_events, log_streams, logs, permissions, protection, refresh_tokens,
    resource_servers, roles, rule_trials, rule_versions, rules, rules_configs, settings, stats,
    tenants, user_parts, users,
};

/// All of them, in the order of the documentation.
pub(super) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    const ALL: &[&[Endpoint]] = &[
        resource_servers::ENDPOINTS,
        clients::ENDPOINTS,
        client_grants::ENDPOINTS,
        connections::ENDPOINTS,
        users::ENDPOINTS,
        user_parts::ENDPOINTS,
        roles::ENDPOINTS,
        permissions::ENDPOINTS,
        jobs::ENDPOINTS,
        protection::ENDPOINTS,
        keys::ENDPOINTS,
        settings::ENDPOINTS,
        tenants::ENDPOINTS,
        refresh_tokens::ENDPOINTS,
        logs::ENDPOINTS,
        stats::ENDPOINTS,
        log_events::ENDPOINTS,
        log_streams::ENDPOINTS,
        rules::ENDPOINTS,
        rules_configs::ENDPOINTS,
        rule_versions::ENDPOINTS,
        rule_trials::ENDPOINTS,
        actions::ENDPOINTS,
        action_versions::ENDPOINTS,
        action_triggers::ENDPOINTS,
        exchanges::ENDPOINTS,
    ];
    ALL.iter().copied().flatten()
}
