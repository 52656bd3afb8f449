//! All tests that use the crate from outside, in one binary: it links once.

mod credential;
mod http;
mod routes;
mod rule_host;
mod rules;
mod store;
mod support;
mod tidy;
mod token;
