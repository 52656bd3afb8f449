//! Sealing, keys, signatures, and access tokens as /userinfo receives them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper that cannot go on has found a failure"
)]

mod access;
mod jwk;
mod keys;
mod master_key;
mod seal;
mod wycheproof;
