//! `claimsmith rule`.

mod check;
mod fixture;
pub(super) mod load;
mod manage;
mod run;

use std::path::Path;

use clap::Subcommand;

use super::CliError;
use super::open::OpenOptions;
use super::output::Output;
use crate::rule_host::{Limits, RuleHost};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Say whether a component, or a source in JavaScript, loads as a rule, and what it is
    ///
    /// Example: claimsmith rule check target/my-rule.wasm
    Check(check::Args),
    /// Run one rule or several in order on an exchange from a file
    ///
    /// Example: claimsmith rule run email-allow-list.wasm roles.wasm --input exchange.json
    Run(run::Args),
    #[command(flatten)]
    Manage(manage::Verb),
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    match verb {
        Verb::Check(args) => check::run(&args),
        Verb::Run(args) => run::run(args).await,
        Verb::Manage(verb) => manage::run(verb, open).await,
    }
}

/// The engine that the server runs, with the server's limits.
fn engine() -> Result<RuleHost, CliError> {
    RuleHost::new(Limits::default(), None).map_err(CliError::failure)
}

fn read_bounded(path: &Path, most: usize, what: &str) -> Result<Vec<u8>, CliError> {
    let failed = |error| CliError::invalid(format!("cannot read `{}`: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > most as u64 {
        return Err(CliError::invalid(format!(
            "`{}` has {size} bytes, and {what} may have at most {most}",
            path.display()
        )));
    }
    std::fs::read(path).map_err(failed)
}
