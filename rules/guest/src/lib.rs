//! What the Rust rules share: the bindings to `wit/`, an arena, and the reading of settings.
//!
//! A rule is a type that implements [`Rule`] and a line `guest::export!(Type);`.

#[cfg(target_arch = "wasm32")]
mod arena;
mod json;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::undocumented_unsafe_blocks,
    reason = "generated; the documentation is in wit/"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/1.0.0",
        world: "rule",
        pub_export_macro: true,
        default_bindings_module: "guest::bindings",
    });
}

pub use bindings::Guest as Rule;
pub use bindings::claimsmith::rules::log::Level;
pub use bindings::claimsmith::rules::types::{
    Api, Claim, Client, Denial, Draft, Effect, Exchange, Grant, Request, User,
};
pub use bindings::export;
pub use json::string_array;

use bindings::claimsmith::rules::{configuration, log};

/// The value that the tenant stored under `key`; none if there is none, or only white space.
pub fn setting(key: &str) -> Option<String> {
    configuration::get(key).filter(|value| !value.trim_ascii().is_empty())
}

/// The value that the tenant stored under `key`.
///
/// # Errors
/// Without one the login ends, see [`misconfigured`]: a rule that cannot know what it was to
/// check must not let anybody through.
pub fn required_setting(key: &str) -> Result<String, Denial> {
    setting(key).ok_or_else(|| misconfigured(key, "is not set"))
}

/// The denial of a rule whose settings make no sense. The log tells the tenant which `key` and
/// what is wrong with it; the client learns neither.
pub fn misconfigured(key: &str, problem: &str) -> Denial {
    write_log(Level::Error, &["configuration `", key, "` ", problem]);
    deny(
        "server_error",
        "the login rules of this tenant are misconfigured",
    )
}

/// A denial with one of the codes that the interface accepts.
pub fn deny(error: &str, description: &str) -> Denial {
    Denial {
        error: Some(error.into()),
        description: description.into(),
    }
}

/// Writes `parts` as one line of the rule's log. (`format!` would bring in 10 KB of code.)
pub fn write_log(level: Level, parts: &[&str]) {
    log::write(level, &parts.concat());
}
