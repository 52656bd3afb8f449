//! `/api/v2/…`, the management API (contract, section 7).

mod actions;
mod authorisation;
mod checks;
mod clients;
mod connections;
mod event_log;
mod every_endpoint;
mod exchanges;
mod jobs;
mod log_events;
mod log_streams;
mod logs;
mod openapi;
mod resource_servers;
mod roles;
mod rule_logs;
mod rule_trials;
mod rule_versions;
mod rules;
mod stats;
mod tenant;
mod tenants;
mod user_deletion;
mod users;
