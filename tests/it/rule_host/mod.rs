//! The rule host from outside: hostile guests, limits in pairs, chains, and what a bad upload reads.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers beside the tests fail as the tests do"
)]

mod chains;
mod determinism;
mod effects;
pub(crate) mod guest;
mod harness;
mod hostile;
mod isolation;
mod limits;
mod uploads;
mod wasi;
