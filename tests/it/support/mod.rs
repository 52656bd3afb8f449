//! What several test modules share.

#[expect(dead_code, reason = "some of it serves only the crate's own tests")]
pub(crate) mod memory;

// `memory` is also compiled into the crate's own tests, where these are the crate's modules.
pub(crate) use claimsmith::{clock, store};
pub(crate) mod app;
pub(crate) mod client_key;
pub(crate) mod command;
pub(crate) mod dpop;
pub(crate) mod events;
pub(crate) mod failing;
pub(crate) mod manager;
pub(crate) mod upstream;

/// Where the tests keep what they compile: by its digest, so that they share nothing but time.
pub(crate) fn compiled() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
}
