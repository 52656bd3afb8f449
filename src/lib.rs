//! Claimsmith.

pub mod admin;
pub mod api;
pub mod cli;
pub mod client;
pub mod clock;
pub mod connection;
pub mod credential;
pub mod grant;
pub mod http;
pub mod random;
pub mod rule;
pub mod rule_host;
pub mod secret;
pub mod store;
pub mod tenant;
pub mod token;
pub mod user;
