//! `claimsmith rule`.

mod bench;
mod build;
mod check;
mod fixture;
mod flags;
mod fuzz;
mod load;
mod logs;
mod manage;
mod new;
mod record;
mod replay;
mod run;
mod show;
mod test;
mod versions;
mod watch;

use std::path::Path;

use clap::Subcommand;

use super::CliError;
use super::open::OpenOptions;
use super::output::Output;
use crate::rule_host::{self, Limits, RuleHost};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Make a folder for a rule that builds, and whose cases pass at once
    ///
    /// Example: claimsmith rule new my-rule --lang c
    New(new::Args),
    /// Build the rule in a folder with its language's own tools
    ///
    /// Example: claimsmith rule build my-rule
    Build(build::Args),
    /// Say whether a component, or a source in JavaScript, loads as a rule, and what it is
    ///
    /// Example: claimsmith rule check target/my-rule.wasm
    Check(check::Args),
    /// Run one rule or several in order on an exchange from a file or from options
    ///
    /// Exit codes: 0 allowed, 2 denied or a second factor demanded, 4 faulted, 3 a file is not what it
    /// must be, 64 wrong usage.
    ///
    /// Example: claimsmith rule run email-allow-list.wasm roles.wasm --user-email ada@acme.example
    Run(Box<run::Args>),
    /// Run the cases of rules and say what differs from what they expect
    ///
    /// Example: claimsmith rule test rules/my-rule --coverage --junit results.xml
    Test(test::Args),
    /// Try a rule on exchanges of every kind that the schema allows, and keep the smallest that faults
    ///
    /// Exit codes: 0 no fault, 4 a fault.
    ///
    /// Example: claimsmith rule fuzz my-rule --cases 10000 --seed 7
    Fuzz(fuzz::Args),
    /// Measure a rule or a chain: fuel, time, and both beside a rule that does nothing
    ///
    /// Example: claimsmith rule bench new/rule.wasm --vs old/rule.wasm --rounds 5000
    Bench(Box<bench::Args>),
    /// Keep a tenant's exchanges, credentials left out, so that new versions of rules can be tried on
    /// them; what was recorded before is deleted
    ///
    /// Example: claimsmith rule record --keep 500 --redact /user/email --tenant acme
    Record(record::Args),
    /// Write recorded exchanges, and the rules that ran on them, to a folder
    ///
    /// Example: claimsmith rule pull-exchanges monday --tenant acme
    ///
    /// Example: claimsmith rule pull-exchanges monday --server https://acme.example/ --client-id ID
    PullExchanges(record::PullArgs),
    /// Say what a new version of a rule would have changed on recorded exchanges
    ///
    /// Exit codes: 0 nothing would change, 1 something would, or was not reproduced.
    ///
    /// Example: claimsmith rule replay monday --rule my-rule --set KEY=value
    Replay(replay::Args),
    /// Show what a rule wrote on a running server: when, how it ended, which version, its lines
    ///
    /// Its client must be granted `read:logs` and `read:exchanges` of the management API. With `-f` it waits
    /// for more, and connects again behind the last exchange whenever the connection breaks.
    ///
    /// Example: claimsmith rule logs my-rule -f --server https://acme.example/ --client-id ID
    Logs(logs::Args),
    #[command(flatten)]
    Versions(versions::Verb),
    #[command(flatten)]
    Manage(manage::Verb),
}

pub(super) async fn run(verb: Verb, open: &OpenOptions, json: bool) -> Result<Output, CliError> {
    match verb {
        Verb::Logs(args) => logs::run(args, json).await,
        Verb::Check(args) => check::run(&args),
        Verb::Run(args) => run::run(*args).await,
        Verb::Test(args) => test::run(args).await,
        Verb::Record(args) => record::run(args, open).await,
        Verb::PullExchanges(args) => record::pull(args, open).await,
        Verb::Replay(args) => replay::run(args).await,
        Verb::New(args) => new::run(&args),
        Verb::Build(args) => build::run(&args),
        Verb::Fuzz(args) => fuzz::run(args).await,
        Verb::Bench(args) => bench::run(*args).await,
        Verb::Versions(verb) => versions::run(verb, open).await,
        Verb::Manage(verb) => manage::run(verb, open).await,
    }
}

/// The engine that the server runs, with the server's limits; whether a server takes large components is
/// its operator's to say, and not the author's to wait for.
fn limits() -> Limits {
    Limits {
        component_bytes: Limits::MOST_COMPONENT_BYTES,
        ..Limits::default()
    }
}

fn engine() -> Result<RuleHost, CliError> {
    host(limits())
}

/// The same with time to spare: fuel is what bounds a rule on every machine alike, and a busy one is
/// no reason for a test to fail.
fn patient_engine() -> Result<RuleHost, CliError> {
    let limits = Limits {
        deadline: std::time::Duration::from_secs(10),
        ..limits()
    };
    host(limits)
}

/// A rule that is tried again and again is compiled once: what is compiled is kept among the user's
/// caches, if there is such a place.
fn host(limits: Limits) -> Result<RuleHost, CliError> {
    let user = directories_next::ProjectDirs::from("", "", "claimsmith");
    let compiled = user.map(|user| user.cache_dir().join("rules"));
    let host = RuleHost::new(limits.clone(), compiled.as_deref());
    match host {
        Err(rule_host::Error::Cache { .. }) => RuleHost::new(limits, None),
        host => host,
    }
    .map_err(CliError::failure)
}

pub(in crate::cli) fn read_bounded(
    path: &Path,
    most: usize,
    what: &str,
) -> Result<Vec<u8>, CliError> {
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
