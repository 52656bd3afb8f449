//! `claimsmith rule run`: a chain of rules on one exchange, in the engine that production runs.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::flags::Flags;
use super::load::Source;
use super::{CliError, Output, engine, fixture, show};
use crate::cli::{ExitCode, progress};
use crate::replay::{Ending, evaluate};
use crate::rule_host::{BoundRule, Limits, OnFault, RuleHost};

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The rules, in the order they run: components, or folders of rules
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<PathBuf>,
    /// The exchange: `{"exchange": {…}, "configuration": {…}}`, or one that `rule pull-exchanges` wrote; a
    /// usual one if not said
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// What becomes of the login when a rule fails; what its manifest says if not said
    #[arg(long, value_name = "POLICY")]
    on_fault: Option<OnFault>,
    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(args: Args) -> Result<Output, CliError> {
    let fixture = match &args.input {
        Some(path) => args.flags.apply(fixture::read(path)?)?,
        None => args.flags.fixture()?,
    };
    let host = engine()?;
    let step = progress::step("compiling");
    let chain = load(&host, &args.rules, args.on_fault)?;
    drop(step);
    let evaluation = evaluate(&host, &chain, &fixture).await;
    let limits: Vec<Limits> = chain.iter().map(|rule| limits(&host, rule)).collect();
    let document = json!({
        "outcome": evaluation.ending,
        "denial": evaluation.denial,
        "before": evaluation.before,
        "after": evaluation.after(),
        "changes": evaluation.changes,
        "rules": evaluation.report.rules,
        "provenance": evaluation.report.provenance,
        "limits": limits.iter().map(limits_document).collect::<Vec<_>>(),
    });
    let text = show::run(&evaluation, &limits);
    let code = match evaluation.ending {
        Ending::Allowed => ExitCode::Success,
        Ending::Denied | Ending::MfaRequired => ExitCode::Denied,
        Ending::Faulted => ExitCode::Faulted,
    };
    Ok(Output::new(document, text).with_code(code))
}

/// Reads and binds rules, in order.
pub(super) fn load(
    host: &RuleHost,
    rules: &[PathBuf],
    on_fault: Option<OnFault>,
) -> Result<Vec<BoundRule>, CliError> {
    let bind = |path: &PathBuf| Source::read(path, None)?.bind(host, on_fault);
    rules.iter().map(bind).collect()
}

/// The limits that hold for a rule.
pub(super) fn limits(host: &RuleHost, rule: &BoundRule) -> Limits {
    rule.limits(host.limits()).into_owned()
}

fn limits_document(limits: &Limits) -> Value {
    json!({
        "fuel": limits.fuel,
        "memory_bytes": limits.memory_bytes,
        "deadline_ms": limits.deadline.as_millis(),
        "log_lines": limits.log_lines,
        "effects": limits.effects,
    })
}
