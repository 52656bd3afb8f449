//! `claimsmith check-upload`: the process that a server checks an upload in. Not for people.

use super::ExitCode;
use crate::checker::inside;

pub(super) fn run() -> ExitCode {
    match inside::check_one(std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(()) => ExitCode::Success,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::Failure
        }
    }
}
