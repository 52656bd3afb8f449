//! The front door, from outside: raw bytes in, raw bytes out.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here is a test that fails"
)]

mod authorization;
mod connections;
mod head;
mod params;
mod requests;
mod server;
mod stream;
