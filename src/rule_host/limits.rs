//! What a rule may cost. Every default is explained where it is set.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Inspection;
use super::fetch::FetchLimits;

/// The limits of one rule host. The same for every tenant, and for `rule run` as for the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The size of a component, in bytes. One above [`Self::USUAL_COMPONENT_BYTES`] is a large one, with a
    /// language's whole runtime in it: it may be more complex and hold more memory.
    pub component_bytes: usize,
    /// The size of a rule in JavaScript, in bytes.
    pub script_bytes: usize,
    /// Fuel of one call, instantiation included; about one unit for each instruction.
    pub fuel: u64,
    /// Fuel of one rule in JavaScript.
    pub javascript_fuel: u64,
    /// How long one call may compute, instantiation included. Waiting for an answer from the network
    /// does not count.
    pub deadline: Duration,
    /// Linear memory of one call, in bytes.
    pub memory_bytes: usize,
    /// Linear memory of an instance that runs JavaScript, in bytes.
    pub javascript_memory_bytes: usize,
    /// Elements of one table.
    pub table_elements: usize,
    /// Tables of one component.
    pub tables: u32,
    /// Core instances of one component.
    pub instances: u32,
    /// Core instances of a large component.
    pub large_instances: u32,
    /// Bytes that the host takes over from the guest in one crossing.
    pub crossing_bytes: usize,
    /// Handles (streams, pollables) that a guest may hold at a time.
    pub handles: usize,
    /// Bytes of all names and values that one call returns.
    pub output_bytes: usize,
    /// Effects that one call returns.
    pub effects: usize,
    /// How deep JSON may nest.
    pub json_depth: usize,
    /// The length of a claim's, a scope's or a shared value's name, in bytes.
    pub name_bytes: usize,
    /// Custom claims of one token, names and values together, in bytes.
    pub claims_bytes: usize,
    /// What one chain may merge into one of the two metadata objects, in bytes.
    pub metadata_bytes: usize,
    /// What the rules of one chain may share, names and values together, in bytes.
    pub shared_bytes: usize,
    /// Scopes that one token may carry.
    pub scopes: usize,
    /// The description of a denial, in characters.
    pub description_chars: usize,
    /// Log lines of one call.
    pub log_lines: usize,
    /// The length of one log line, in bytes.
    pub log_line_bytes: usize,
    /// Rules of one chain.
    pub chain: usize,
    /// Chains that compute at the same time; more wait their turn. A tenant alone gets half.
    pub concurrency: u32,
    /// Chains that are under way at the same time, those among them that wait for the network.
    /// A tenant alone gets half.
    pub in_flight: u32,
    /// Chains of one tenant that wait to get under way.
    pub queue: usize,
    /// How long a chain waits to get under way.
    pub queueing: Duration,
    /// What rules may ask of the network.
    pub fetch: FetchLimits,
    /// Compiled code kept in memory, in bytes; what was used longest ago goes first.
    pub code_bytes: usize,
}

impl Limits {
    /// Rules in Rust and C are 10 to 300 KB; a JavaScript engine with its program is 0.7 to 1.6 MB.
    pub const USUAL_COMPONENT_BYTES: usize = 4 << 20;
    /// The most that an operator can let in. CPython is 18 MB before a rule imports anything.
    pub const MOST_COMPONENT_BYTES: usize = 32 << 20;

    /// The limits that hold for a rule: what runs in an interpreter gets an interpreter's memory.
    pub fn of_rule(&self, inspection: &Inspection) -> Cow<'_, Self> {
        match inspection.dialect {
            Some(_) => Cow::Owned(self.of_javascript()),
            None => self.of_component(usize::try_from(inspection.size).unwrap_or(usize::MAX)),
        }
    }

    /// The same before anything but its size is known.
    pub(super) fn of_component(&self, size: usize) -> Cow<'_, Self> {
        if size <= Self::USUAL_COMPONENT_BYTES {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self {
            memory_bytes: self.memory_bytes.max(self.javascript_memory_bytes),
            instances: self.large_instances,
            ..self.clone()
        })
    }

    /// Core instances of the component that may have most.
    pub(super) fn most_instances(&self) -> u32 {
        match self.component_bytes > Self::USUAL_COMPONENT_BYTES {
            true => self.instances.max(self.large_instances),
            false => self.instances,
        }
    }

    /// The same for an instance that runs JavaScript: it holds the engine besides the rule.
    pub(super) fn of_javascript(&self) -> Self {
        Self {
            fuel: self.javascript_fuel,
            memory_bytes: self.javascript_memory_bytes,
            ..self.clone()
        }
    }

    /// The limits of compiling a rule in JavaScript, which happens once: a source of the full size takes
    /// a quarter of the fuel.
    pub(super) fn of_compilation(&self) -> Self {
        Self {
            fuel: self.javascript_fuel.saturating_mul(4),
            deadline: self.deadline.saturating_mul(10),
            ..self.of_javascript()
        }
    }

    /// The limits of production.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is that trait's method; the name must be found without importing the trait"
    )]
    #[must_use]
    pub fn default() -> Self {
        <Self as Default>::default()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // What is larger (SpiderMonkey 12 MB, CPython 18 MB) takes ten seconds to half a minute to
            // compile, which is not for a server that strangers upload to: an operator who knows the
            // authors may raise it.
            component_bytes: Self::USUAL_COMPONENT_BYTES,
            // Auth0 takes 100 KB of them; bundled libraries make some larger.
            script_bytes: 256 << 10,
            // A Rust rule that parses the whole exchange uses 245,000, QuickJS 700,000. This is 70
            // times the latter, and some 50 ms of one core.
            fuel: 50_000_000,
            // An interpreter uses some hundred units for what a compiled rule does with a few: more than 400
            // for one turn of a small loop.
            javascript_fuel: 200_000_000,
            // The fuel is gone long before on a quiet machine; on a crowded one this is how long a
            // rule may take for it.
            deadline: Duration::from_millis(250),
            // Rust guests hold 1.1 MiB, C guests 128 KiB, QuickJS 1.2 to 4 MiB. It bounds the host:
            // `concurrency` times this is the worst case for those that compute, 1 GiB; those that wait
            // are bounded by `fetch.waiting_mib`.
            memory_bytes: 16 << 20,
            // The engine with its libraries holds 4 to 8 MiB before a rule begins, most of it shared
            // between all instances; a value of JavaScript takes 16 to 100 bytes, and cycles are not
            // collected. A 10 MB string and a copy of it still fit.
            javascript_memory_bytes: 40 << 20,
            // One element for each function whose address is taken; QuickJS has some 1,700.
            table_elements: 20_000,
            // The guest's own, and one or two that `wasm-tools component new` adds.
            tables: 8,
            // The same tool makes three to six; composed components a few more.
            instances: 16,
            // CPython's libraries are linked when they are instantiated: `componentize-py` makes 38 modules.
            large_instances: 128,
            // A guest may name one string ten thousand times over: the host would copy it each
            // time. wasmtime's own default is 128 MiB.
            crossing_bytes: 1 << 20,
            // A guest on WASI holds three streams and seldom a pollable.
            handles: 128,
            // Two tokens' worth of claims, and the metadata.
            output_bytes: 512 << 10,
            // The largest mapping of roles to claims that we have seen has forty.
            effects: 256,
            // The depth to which the server parses a request's JSON, too.
            json_depth: 32,
            // A namespaced claim is a URL; this is a long one.
            name_bytes: 256,
            // Auth0's own limit for the custom claims of a token.
            claims_bytes: 100_000,
            // A user record is read at each login: it should stay small.
            metadata_bytes: 64 << 10,
            // It is copied into each later rule's memory.
            shared_bytes: 100_000,
            // APIs define tens; the whole list goes into each token.
            scopes: 256,
            // It reaches people's screens; nobody reads more.
            description_chars: 1000,
            // Enough to find a mistake with, and 100 KB of a log at the most.
            log_lines: 100,
            log_line_bytes: 1024,
            // At 50 µs each a chain of this length costs less than the password hash.
            chain: 32,
            // A call that computes keeps a core busy, so more than a few per core gain nothing.
            concurrency: 64,
            // Auth0 lets 250 be under way for a tenant; a tenant alone gets 256 of these. A slot is
            // address space, and 2 MiB resident once it was used.
            in_flight: 512,
            // At 20 logins a second and core, the password hashes before them come no faster.
            queue: 1024,
            // Who waits longer would not get through the 20 s after it within the server's 30.
            queueing: Duration::from_secs(5),
            fetch: FetchLimits::default(),
            // A Rust rule compiles to 200 KB, a JavaScript engine to 3 MB.
            code_bytes: 512 << 20,
        }
    }
}
