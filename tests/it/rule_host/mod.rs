//! The rule host from outside: hostile guests, limits in pairs, chains, and what a bad upload reads.

mod chains;
mod determinism;
mod effects;
mod every_fault;
mod fetch;
pub(crate) mod fetch_guest;
pub(crate) mod guest;
mod harness;
mod hostile;
mod isolation;
mod javascript;
mod limits;
mod manifest;
mod uploads;
mod wasi;
