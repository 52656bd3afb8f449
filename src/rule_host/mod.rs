//! Runs rules: untrusted WebAssembly components, each call in an instance of its own.
//!
//! Knows nothing of HTTP, of the store, of grants or of tenants' records.

pub mod exchange;
pub mod verdict;

pub use self::exchange::{Draft, Exchange, Grant};
pub use self::verdict::{
    ApprovedClaims, Changes, DENIAL_CODES, Denial, EffectReport, Fault, Level, LogLine, OnFault,
    Outcome, Provenance, Provenanced, Report, RuleReport, Subject, Verdict,
};
