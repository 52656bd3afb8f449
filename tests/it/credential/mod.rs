//! Identifiers, password hashes, the hashing pool, and logins as a whole.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper that cannot go on has found a failure"
)]

mod authenticate;
mod canonical;
mod hash;
mod pool;
