//! What checking an upload may cost. Every default is explained where it is set.

use std::path::PathBuf;
use std::time::Duration;

use crate::rule_host::{Limits, UploadFault};

/// How uploads are checked.
#[derive(Clone, Debug)]
pub struct UploadChecks {
    /// The `claimsmith` program that children run; without one nothing can be uploaded.
    pub program: Option<PathBuf>,
    /// How many uploads are checked at the same time; a tenant alone gets half.
    pub at_once: usize,
    /// How many of one tenant may wait.
    pub waiting: usize,
    /// How long one waits.
    pub wait: Duration,
    /// How long a child may take to get ready, before it is given anything of a tenant's.
    pub start: Duration,
    /// Whether one child is ready before its upload comes, once a script was uploaded.
    pub spare: bool,
    /// What one check may cost.
    pub usual: Bounds,
    /// The same for large components, which only an operator lets in.
    pub large: Bounds,
}

/// What one check may cost.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// How long it may take.
    pub time: Duration,
    /// How much memory the child may have, in MiB. On Linux that is its writable memory (`RLIMIT_DATA`), since
    /// the engine reserves far more addresses than it uses; other systems may not count all of it.
    pub memory_mib: u64,
}

impl Default for UploadChecks {
    fn default() -> Self {
        Self {
            program: None,
            // A compilation keeps every core busy; the second place is for another tenant.
            at_once: 2,
            // An author's whole folder of rules, pushed at once.
            waiting: 16,
            // With the check itself, an answer comes within the thirty seconds that a request may take.
            wait: Duration::from_secs(4),
            // It takes some tens of milliseconds, and a second more where the cache cannot be written.
            start: Duration::from_secs(20),
            spare: false,
            usual: Bounds {
                // The worst that admission was found to let through takes four seconds on two busy cores.
                time: Duration::from_secs(10),
                // A child that is ready has 60, most of it untouched; 20,000 functions cost as much again.
                memory_mib: 512,
            },
            large: Bounds {
                // An ordinary rule in Python takes twelve.
                time: Duration::from_secs(25),
                memory_mib: 2_048,
            },
        }
    }
}

impl UploadChecks {
    /// The bounds for an upload of so many bytes.
    pub(super) fn bounds(&self, size: usize) -> &Bounds {
        match size <= Limits::USUAL_COMPONENT_BYTES {
            true => &self.usual,
            false => &self.large,
        }
    }
}

impl Bounds {
    /// Time on all cores together: the bound on the clock holds before, unless nobody is left to look at it.
    pub(super) fn cpu_seconds(&self) -> u64 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let seconds = self.time.as_secs().saturating_add(1);
        seconds.saturating_mul(cores as u64)
    }

    pub(super) fn too_slow(&self) -> UploadFault {
        UploadFault::new(
            "check_too_slow",
            format!("checking it took more than {:?}", self.time),
            SIMPLER,
        )
    }

    pub(super) fn too_much_memory(&self) -> UploadFault {
        UploadFault::new(
            "check_too_much_memory",
            format!("checking it needed more than {} MiB", self.memory_mib),
            SIMPLER,
        )
    }
}

const SIMPLER: &str = "make it smaller, compile it with optimisation, and split long functions up";
