//! HTTP from rules, through the host: only what the binding allows, only to the public internet,
//! bounded in everything, and recorded, so that a past exchange can be run again without a network.
//!
//! Of the path a request takes: [`request`] checks its form, [`network`] whether it may be sent and
//! where to, [`message`] sends it, [`redirect`] says what comes next. [`errands`] keeps those of one
//! chain: a rule starts several and waits for the first that is done. While it waits it computes
//! nothing, holds no thread, and has given its turn to others.

mod address;
mod answer;
mod errands;
mod guest;
mod host;
mod limits;
mod message;
mod network;
mod post;
mod recording;
mod redaction;
mod redirect;
mod replay;
mod request;
mod tls;

pub use self::answer::{FetchError, Response};
pub(super) use self::errands::{Errands, Source, Turn, Waited};
pub use self::host::{HostPattern, HostPatternError};
pub use self::limits::FetchLimits;
pub(super) use self::network::Network;
pub use self::network::{NetworkOptions, Resolve};
pub use self::post::{Post, Received};
pub use self::recording::{FetchReport, RecordedFetch, RecordedOutcome, Recording, Step};
pub(super) use self::request::{Outgoing, Redirects};
pub(crate) use self::tls::config as client_tls;
pub use self::tls::read_certificates;
