//! What a request came to.

use serde::{Deserialize, Serialize};

/// Why there is no response: all that the rule learns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FetchError {
    /// The binding does not allow it, or the address is none that a rule may reach. Says nothing
    /// about whether there is such a host.
    HostNotAllowed,
    /// It took too long.
    TimedOut,
    /// The request or the response is larger than it may be.
    TooLarge,
    /// Anything else, in words.
    Unreachable(String),
}

impl std::fmt::Display for FetchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::HostNotAllowed => f.write_str("host-not-allowed"),
            Self::TimedOut => f.write_str("timed-out"),
            Self::TooLarge => f.write_str("too-large"),
            Self::Unreachable(why) => write!(f, "unreachable: {why}"),
        }
    }
}

/// A request that failed: what the rule learns, and what its tenant reads in the log.
#[derive(Clone, Debug)]
pub(in crate::rule_host) struct Failure {
    pub(in crate::rule_host) error: FetchError,
    pub(in crate::rule_host) detail: String,
}

impl Failure {
    pub(super) fn new(error: FetchError, detail: impl Into<String>) -> Self {
        Self {
            error,
            detail: detail.into(),
        }
    }

    /// The rule's own mistake: it reads what the tenant reads.
    pub(super) fn malformed(detail: String) -> Self {
        Self::new(FetchError::Unreachable(detail.clone()), detail)
    }

    /// The rule learns what kind of failure it was, the tenant the rest.
    pub(super) fn unreachable(what: &str, detail: impl std::fmt::Display) -> Self {
        Self::new(
            FetchError::Unreachable(what.to_owned()),
            format!("{what}: {detail}"),
        )
    }
}

/// A response, read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body as it was sent; nothing is unpacked.
    pub body: Vec<u8>,
    /// Where it came from, redirects followed.
    pub url: String,
}

impl Response {
    /// What counts towards the limits.
    pub(super) fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(n, v)| n.len() + v.len());
        headers.sum::<usize>() + self.body.len()
    }
}

/// What a request came to.
pub(in crate::rule_host) type Answer = Result<Response, Failure>;
