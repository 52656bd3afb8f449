//! Rules for Claimsmith in safe Rust.
//!
//! ```
//! use claimsmith_rule::{Denial, Effect, Exchange, rule, set_access_claim};
//!
//! fn decide(exchange: Exchange) -> Result<Vec<Effect>, Denial> {
//!     let roles = exchange.user.map(|user| user.roles).unwrap_or_default();
//!     Ok(vec![set_access_claim("https://acme.example/roles", &roles)])
//! }
//! rule!(decide);
//! # fn main() {}
//! ```
//!
//! Memory is handed out by an arena inside the memory that the rule starts with: an instance lives
//! for one call, so nothing is freed, and nothing grows while a user waits.

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod arena;
mod host;
pub mod testing;

#[allow(
    missing_docs,
    clippy::undocumented_unsafe_blocks,
    reason = "generated; the documentation is in wit/"
)]
#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "rule",
        pub_export_macro: true,
        default_bindings_module: "claimsmith_rule::bindings",
    });
}

pub use bindings::claimsmith::rules::types::{
    Api, Claim, Client, Denial, Draft, Effect, Exchange, FactorDemand, Grant, Request, User,
};

/// Makes a function the rule of this crate.
#[macro_export]
macro_rules! rule {
    ($decide:path) => {
        struct TheRule;
        impl $crate::bindings::Guest for TheRule {
            fn decide(
                exchange: $crate::Exchange,
            ) -> Result<Vec<$crate::Effect>, $crate::Denial> {
                $decide(exchange)
            }
        }
        $crate::bindings::export!(TheRule with_types_in $crate::bindings);
    };
}

/// Sets a claim of the access token.
///
/// # Panics
/// If the value has no form in JSON, such as a map whose keys are no strings. In a rule that is a
/// fault, and the login ends.
pub fn set_access_claim(name: &str, value: impl Serialize) -> Effect {
    Effect::SetAccessClaim(claim(name, &value))
}

/// Sets a claim of the ID token and of /userinfo.
///
/// # Panics
/// Likewise.
pub fn set_id_claim(name: &str, value: impl Serialize) -> Effect {
    Effect::SetIdClaim(claim(name, &value))
}

/// Leaves a value for later rules of this exchange.
///
/// # Panics
/// Likewise.
pub fn share(name: &str, value: impl Serialize) -> Effect {
    Effect::Share(claim(name, &value))
}

/// Merges an object into what only the tenant writes of the user, first level only.
///
/// # Panics
/// Likewise.
pub fn merge_app_metadata(object: impl Serialize) -> Effect {
    Effect::MergeAppMetadata(json(&object))
}

/// Merges an object into what the user may have written, first level only.
///
/// # Panics
/// Likewise.
pub fn merge_user_metadata(object: impl Serialize) -> Effect {
    Effect::MergeUserMetadata(json(&object))
}

/// Grants a scope, even one that was not asked for.
pub fn add_scope(scope: &str) -> Effect {
    Effect::AddScope(scope.to_owned())
}

/// Ends the login; the description reaches the client.
pub fn deny(description: &str) -> Denial {
    Denial {
        error: None,
        description: description.to_owned(),
    }
}

/// Reads what the host hands over as JSON text: metadata, the profile, claims of the draft.
///
/// # Errors
/// What does not fit the type ends the login: a rule that cannot read what it decides by must not
/// let anybody through. The log says why.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Denial> {
    serde_json::from_str(text).map_err(|error| {
        log::error(&format!("unexpected JSON: {error}"));
        misconfigured()
    })
}

/// The value that the tenant stored under `key`; none if there is none, or only white space.
pub fn setting(key: &str) -> Option<String> {
    host::get(key).filter(|value| !value.trim_ascii().is_empty())
}

/// The value that the tenant stored under `key`.
///
/// # Errors
/// Without one the login ends, and the log says which key is missing.
pub fn required_setting(key: &str) -> Result<String, Denial> {
    setting(key).ok_or_else(|| {
        log::error(&format!("configuration `{key}` is not set"));
        misconfigured()
    })
}

fn misconfigured() -> Denial {
    Denial {
        error: Some("server_error".to_owned()),
        description: "the login rules of this tenant are misconfigured".to_owned(),
    }
}

/// Lines that the tenant reads beside the rule's name.
pub mod log {
    use crate::bindings::claimsmith::rules::log::Level;
    use crate::host;

    /// For the rule's author.
    pub fn debug(message: &str) {
        host::write(Level::Debug, message);
    }

    /// As expected.
    pub fn info(message: &str) {
        host::write(Level::Info, message);
    }

    /// Worth a look.
    pub fn warn(message: &str) {
        host::write(Level::Warn, message);
    }

    /// Wrong.
    pub fn error(message: &str) {
        host::write(Level::Error, message);
    }
}

fn claim(name: &str, value: &impl Serialize) -> Claim {
    Claim {
        name: name.to_owned(),
        value: json(value),
    }
}

fn json(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text,
        Err(error) => panic!("a value has no form in JSON: {error}"),
    }
}
