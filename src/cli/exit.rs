//! What the process exits with: part of the interface, so that scripts can tell outcomes apart.

use std::fmt::Display;

use serde_json::json;

use crate::admin;
use crate::rule_host::Rejected;
use crate::server::OpenError;
use crate::store;

/// How a verb ended. The numbers from 64 on are those of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done; a rule allowed.
    Success = 0,
    /// Something failed that none of the others names.
    Failure = 1,
    /// A rule denied.
    Denied = 2,
    /// A file is not what it must be: not a rule, not an exchange.
    Invalid = 3,
    /// A rule failed: trap, fuel, time, memory, output.
    Faulted = 4,
    /// Something is not as it should be, or as the other: `apply --dry-run`, `rule diff`.
    WouldChange = 5,
    /// The command line is wrong, or names something that is not there.
    Usage = 64,
    /// The data directory cannot be used: taken by another process, or from a newer version.
    Unavailable = 69,
    /// The store failed while the server ran; a supervisor should start it again.
    StoreFailed = 70,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// Why a verb ended early: one sentence for the person who typed it.
#[derive(Debug)]
pub struct CliError {
    code: ExitCode,
    message: String,
}

impl CliError {
    pub(super) fn new(code: ExitCode, message: impl Display) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    pub(super) fn failure(message: impl Display) -> Self {
        Self::new(ExitCode::Failure, message)
    }

    pub(super) fn usage(message: impl Display) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    pub(super) fn invalid(message: impl Display) -> Self {
        Self::new(ExitCode::Invalid, message)
    }

    /// Says what went wrong, on the standard error stream.
    pub(super) fn print(&self, json: bool) -> ExitCode {
        if json {
            let error =
                json!({ "error": { "message": self.message, "exit_code": self.code as u8 } });
            eprintln!("{error}");
        } else {
            eprintln!("error: {}", self.message);
        }
        self.code
    }
}

impl Display for CliError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        Self::new(ExitCode::Unavailable, error)
    }
}

impl From<Rejected> for CliError {
    fn from(error: Rejected) -> Self {
        Self::invalid(error)
    }
}

impl From<admin::Error> for CliError {
    fn from(error: admin::Error) -> Self {
        let code = match &error {
            admin::Error::AlreadyExists { .. }
            | admin::Error::NotFound { .. }
            | admin::Error::Invalid { .. }
            | admin::Error::OverQuota { .. }
            | admin::Error::TooManyJobs { .. }
            | admin::Error::FileTooLarge { .. }
            | admin::Error::TooWeak(_)
            | admin::Error::NothingBefore { .. }
            | admin::Error::Bound(_) => ExitCode::Usage,
            admin::Error::Rejected(_) => ExitCode::Invalid,
            admin::Error::Store(_) => ExitCode::StoreFailed,
            admin::Error::Unchecked(_)
            | admin::Error::Key(_)
            | admin::Error::Seal(_)
            | admin::Error::Hashing(_)
            | admin::Error::Busy
            | admin::Error::Unreadable(_)
            | admin::Error::NoRandomness(_) => ExitCode::Failure,
        };
        Self::new(code, error)
    }
}

impl From<store::Error> for CliError {
    fn from(error: store::Error) -> Self {
        Self::new(ExitCode::StoreFailed, error)
    }
}
