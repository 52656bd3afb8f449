//! All tests that use the crate from outside, in one binary: it links once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has found a failure"
)]

mod cli;
mod credential;
mod http;
mod import;
mod javascript;
mod kill;
mod mail;
mod metrics;
mod remote;
mod routes;
mod rule_host;
mod rules;
mod store;
mod support;
mod tenants;
mod tidy;
mod token;
mod trace;
mod webhooks;
mod workbench;
