//! What a rule asks of its host: the real one, or in a native test the test's own.

use crate::bindings::claimsmith::rules::log::Level;

#[cfg(target_family = "wasm")]
pub(crate) fn get(key: &str) -> Option<String> {
    crate::bindings::claimsmith::rules::configuration::get(key)
}

#[cfg(target_family = "wasm")]
pub(crate) fn write(level: Level, message: &str) {
    crate::bindings::claimsmith::rules::log::write(level, message);
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn get(key: &str) -> Option<String> {
    crate::testing::get(key)
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn write(level: Level, message: &str) {
    crate::testing::write(level, message);
}
