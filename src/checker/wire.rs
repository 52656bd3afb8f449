//! What a server and its child say to each other, over the child's standard input and output.
//!
//! The server: a [`Task`] in one line, an [`Order`] in one line, the upload. The child: [`READY`], and a
//! [`Report`] when it is through.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Bounds;
use crate::rule_host::{Inspection, Limits, Rejected};

/// What the child says when it has prepared all that does not depend on the upload.
pub(super) const READY: &str = "ready\n";

/// The most of a report that is read.
pub(super) const MAX_REPORT_BYTES: usize = 1 << 20;

/// For whom the child will check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Task {
    /// What rules may cost there.
    pub(super) limits: Limits,
    /// Where compiled code is kept.
    pub(super) compiled: PathBuf,
    /// Whether the upload may be JavaScript.
    pub(super) javascript: bool,
}

/// What to check, and what that may cost.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) bytes: usize,
    pub(super) memory_bytes: u64,
    pub(super) cpu_seconds: u64,
}

impl Order {
    pub(super) fn new(code: &[u8], bounds: &Bounds) -> Self {
        Self {
            bytes: code.len(),
            memory_bytes: bounds.memory_mib << 20,
            cpu_seconds: bounds.cpu_seconds(),
        }
    }
}

/// What the child found.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    Good(Inspection),
    Bad(Rejected),
    /// The engine could not get the memory that it asked for.
    OutOfMemory,
}
