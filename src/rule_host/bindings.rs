//! The interface of `wit/1.0.0` as wasmtime sees it, and its version.

mod generated {
    wasmtime::component::bindgen!({
        path: "wit/1.0.0",
        world: "rule",
        imports: {
            // Waits for the network; to the guest it is a call like any other.
            "claimsmith:rules/fetch@1.0.0.send": async,
            // A key outside the manifest is a fault.
            "claimsmith:rules/configuration@1.0.0.get": trappable,
        },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

pub(super) use self::generated::claimsmith::rules::{configuration, fetch, log, types};
pub(super) use self::generated::{Rule, RulePre};

/// The package that every version of the interface belongs to.
pub(super) const PACKAGE: &str = "claimsmith:rules";

/// The released versions that this server runs, oldest first.
pub(super) const VERSIONS: [&str; 1] = ["1.0.0"];

/// The interfaces that a rule may import.
pub(super) const INTERFACES: [&str; 4] = ["types", "log", "configuration", "fetch"];
