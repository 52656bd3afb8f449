//! Rules in JavaScript: one engine for all tenants, to which a rule is data.
//!
//! The engine is a component of our own (`rules/engine/`), QuickJS-ng with a driver that knows the dialects. It
//! compiles a tenant's source to bytecode, which is kept in memory, and runs it in an instance that ends with the
//! rule; only consecutive classic rules, which were one program where they come from, share one. All that the
//! driver asks of the host comes through one [`door`].

mod door;
mod ending;
mod group;
mod machine;
mod operations;
mod script;
mod shown;

pub(super) use self::group::{Group, Member};
pub(super) use self::machine::Machine;
pub use self::script::Dialect;
pub(super) use self::script::Script;
pub(super) use self::shown::shown;

use super::BoundRule;

/// The modules that `require` knows, as the driver lists them. What versions they are of is documented.
pub const MODULES: [&str; 21] = [
    "async",
    "auth0",
    "axios",
    "buffer",
    "crypto",
    "ipaddr.js",
    "jsonwebtoken",
    "lodash",
    "moment",
    "moment-timezone",
    "node-fetch",
    "q",
    "querystring",
    "request",
    "request-promise",
    "request-promise-native",
    "timers",
    "url",
    "util",
    "uuid",
    "xtend",
];

/// Whether bytes are JavaScript rather than anything else that is uploaded by mistake.
pub(crate) fn recognises(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let start = text.trim_start();
    // WebAssembly's text format begins like an arrow function, and other scripts like Node's.
    let other = ["(module", "(component", "#!"];
    let foreign = other.iter().any(|other| start.starts_with(other)) && !is_node_script(start);
    let binary = text.chars().any(|c| c.is_control() && !c.is_whitespace());
    !start.is_empty() && !binary && !foreign
}

fn is_node_script(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.starts_with("#!") && first.contains("node")
}

/// How a rule is written, if it is in JavaScript.
pub(super) fn dialect(bound: &BoundRule) -> Option<Dialect> {
    let script = bound.rule.as_ref().ok()?.script()?;
    Some(script.dialect())
}

/// How many rules at the head of `chain` run in one instance: none if the first is not JavaScript.
pub(super) fn group_length(chain: &[BoundRule]) -> usize {
    let mut dialects = chain.iter().map_while(dialect).peekable();
    match dialects.peek() {
        None => 0,
        Some(Dialect::Classic) => dialects.take_while(|d| *d == Dialect::Classic).count(),
        Some(_) => 1,
    }
}
