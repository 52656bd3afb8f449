//! Why bytes are not a rule: what is wrong, and what to do.

use super::bindings::{PACKAGE, VERSIONS};

/// Bytes that this server does not run. Each message is meant for whoever built them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No WebAssembly at all.
    #[error("this is not WebAssembly: it does not begin with the bytes `\\0asm`{hint}")]
    NotWasm {
        /// What it may be instead; empty or `; …`.
        hint: &'static str,
    },
    /// JavaScript with a mistake in it.
    #[error("this is not a rule in JavaScript: {problem}")]
    Script {
        /// In the engine's words, with line, column and a caret where there is a place to point at.
        problem: String,
    },
    /// A core module.
    #[error(
        "this is a core WebAssembly module, and a rule is a component: build it with `--target wasm32-wasip2`, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// More bytes than a rule may have.
    #[error(
        "the rule has {size} bytes, and may have {limit}: strip its debug information, optimise for size, or use a smaller runtime; a server takes larger components if its operator says so (`--max-rule-mib`)"
    )]
    TooLarge {
        /// Its size.
        size: usize,
        /// The most it may be.
        limit: usize,
    },
    /// WebAssembly that breaks the format's own rules.
    #[error(
        "the component is malformed: {cause}; build it again, and see that it is stored and sent as binary"
    )]
    Malformed {
        /// In the parser's or the validator's words.
        cause: String,
    },
    /// Well-formed, yet so built that compiling it would cost too much.
    #[error("{what} is {found}, and a rule may have {limit}: {advice}")]
    TooComplex {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much there may be.
        limit: u64,
        /// What to do.
        advice: &'static str,
    },
    /// A feature of WebAssembly that this server leaves off.
    #[error("{what}, which this server does not run: {advice}")]
    Unsupported {
        /// What it is.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Imports that nobody provides.
    #[error(
        "the rule imports {unknown}, which this server does not provide; there are {known}, and WASI 0.2 without sockets and HTTP: build for the world `rule` of `rule.wit`"
    )]
    UnknownImports {
        /// The names, each in backticks.
        unknown: String,
        /// The names there are, each in backticks.
        known: String,
    },
    /// Another version of the interface.
    #[error("the rule is built for version `{found}` of `{PACKAGE}`, and this server knows {}: build it with that version's `rule.wit`, or update the server", quoted(&VERSIONS))]
    UnknownVersion {
        /// The version it was built for.
        found: String,
    },
    /// No `decide`.
    #[error(
        "the component does not export `decide`; its exports are: {exports}. Build it for the world `rule` of `rule.wit`"
    )]
    NoDecide {
        /// The exports it has, each in backticks, or `none`.
        exports: String,
    },
    /// The right names with other types.
    #[error(
        "the component does not fit the world `rule` of `{PACKAGE}@{version}`: {cause}; build it with bindings made from that version's `rule.wit`"
    )]
    WrongWorld {
        /// The version it was held against.
        version: &'static str,
        /// In wasmtime's words.
        cause: String,
    },
    /// The compiler refused.
    #[error("the component cannot be compiled: {cause}")]
    Compile {
        /// In wasmtime's words.
        cause: String,
    },
    /// Its manifest leaves it less memory than it starts with.
    #[error(
        "the component starts with {starts_with} bytes of memory, and `memory_bytes` in rule.toml asks for {asked}: ask for more, or link it with a smaller `--initial-memory`"
    )]
    AsksTooLittle {
        /// What the manifest asks for.
        asked: u64,
        /// What the component starts with.
        starts_with: u64,
    },
    /// It compiles, but does not start.
    #[error("the component does not start: {detail}")]
    Instantiate {
        /// What happened and what to do.
        detail: String,
    },
}

/// Names for a sentence: "`a`, `b` and `c`".
pub(super) fn quoted<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{}`", n.as_ref())).collect();
    match quoted.split_last() {
        None => "none".into(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
