//! Runs rules: untrusted WebAssembly components, each call in an instance of its own.
//!
//! Knows nothing of the store, of grants, of tenants' records or of the HTTP that is spoken with clients;
//! only [`fetch`] knows the HTTP that rules speak with others.

mod admission;
mod bindings;
mod call;
mod chain;
mod claim_name;
mod component;
mod draft;
mod effect;
mod engine;
pub mod exchange;
mod fault;
pub mod fetch;
mod gate;
mod guest;
mod input;
mod javascript;
mod journal;
mod limits;
mod manifest;
mod permissions;
mod pipeline;
mod rejection;
mod request;
mod stopwatch;
mod text;
pub mod verdict;
mod wasi;

pub use self::claim_name::{RESERVED_CLAIMS, is_reserved_claim};
pub(crate) use self::component::digest;
pub use self::component::{Inspection, Rule};
pub use self::engine::Error;
pub use self::exchange::{Draft, Exchange, Grant};
pub(crate) use self::gate::{Full, Gate};
pub(crate) use self::javascript::recognises as is_script;
pub use self::javascript::{Dialect, MODULES};
pub use self::limits::Limits;
pub use self::manifest::{Manifest, ManifestError, Metadata, Pattern};
pub use self::permissions::Permissions;
pub(crate) use self::pipeline::all_values;
pub use self::pipeline::{AsAction, BoundRule, Outline, RuleHost};
use self::rejection::Rejection;
pub use self::rejection::{Rejected, UploadFault};
pub(crate) use self::text::printable;
pub use self::verdict::{
    ApprovedClaims, Changes, DENIAL_CODES, Denial, EffectReport, Fault, Level, LogLine, OnFault,
    Outcome, Provenance, Provenanced, Report, RuleReport, Subject, Verdict,
};
