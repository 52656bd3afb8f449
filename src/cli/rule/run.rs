//! `claimsmith rule run`: a chain of rules on one exchange, in the engine that production runs.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::fixture::{self, NobodyLoggedIn};
use super::load::Source;
use super::{CliError, Output, engine};
use crate::cli::{ExitCode, progress};
use crate::rule_host::fetch::FetchReport;
use crate::rule_host::{
    BoundRule, Changes, EffectReport, Limits, OnFault, Outcome, Permissions, Report, RuleHost,
    RuleReport, Verdict,
};

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The rules, in the order they run
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<PathBuf>,
    /// The exchange, and what the network would answer:
    /// `{"exchange": {…}, "configuration": {…}, "fetches": [{"url": "https://…", "body": "…"}]}`
    #[arg(long, short, value_name = "FILE")]
    input: PathBuf,
    /// What becomes of the login when a rule fails; what its manifest says if not said
    #[arg(long, value_name = "POLICY")]
    on_fault: Option<OnFault>,
}

pub(super) async fn run(args: Args) -> Result<Output, CliError> {
    let mut input = fixture::read(&args.input)?;
    let host = engine()?;
    let step = progress::step("compiling");
    let chain = load(&host, &args, &input.permissions())?;
    drop(step);
    let before = input.exchange.draft.clone();
    // From the file alone: a run never depends on the network.
    let recording = input.recording();
    let (verdict, report) = host
        .replay(
            &chain,
            NobodyLoggedIn,
            input.exchange,
            &input.configuration,
            recording,
        )
        .await;

    let (word, code, changes) = match &verdict {
        Verdict::Approved(approved) => ("allowed", ExitCode::Success, Some(approved.changes())),
        Verdict::Denied(_) => ("denied", ExitCode::Denied, None),
        Verdict::Faulted => ("faulted", ExitCode::Faulted, None),
        Verdict::MfaRequired { .. } => ("mfa_required", ExitCode::Denied, None),
        Verdict::Busy => ("busy", ExitCode::Failure, None),
    };
    let denial = match &verdict {
        Verdict::Denied(denial) => Some(denial),
        _ => None,
    };
    let limits = host.limits();
    let document = json!({
        "outcome": word,
        "denial": denial,
        "before": before,
        "after": changes,
        "rules": report.rules,
        "provenance": report.provenance,
        "limits": limits_document(limits),
    });
    let text = describe(word, changes, &report, limits);
    Ok(Output::new(document, text).with_code(code))
}

fn load(
    host: &RuleHost,
    args: &Args,
    permissions: &Permissions,
) -> Result<Vec<BoundRule>, CliError> {
    let bind = |path: &PathBuf| {
        let bound = Source::read(path, None)?.bind(host, args.on_fault)?;
        Ok(BoundRule {
            permissions: permissions.clone(),
            ..bound
        })
    };
    args.rules.iter().map(bind).collect()
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

fn describe(word: &str, changes: Option<&Changes>, report: &Report, limits: &Limits) -> String {
    let mut text = String::new();
    for rule in &report.rules {
        describe_rule(&mut text, rule, limits);
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "outcome: {word}");
    if let Some(changes) = changes {
        let _ = writeln!(text, "scopes:  {}", changes.scopes.join(" "));
        for (kind, claims) in [
            ("access", &changes.access_claims),
            ("id", &changes.id_claims),
        ] {
            for (name, value) in claims {
                let value = value
                    .as_ref()
                    .map_or("(removed)".to_owned(), Value::to_string);
                let _ = writeln!(text, "{kind} claim {name}: {value}");
            }
        }
    }
    text
}

fn describe_rule(text: &mut String, rule: &RuleReport, limits: &Limits) {
    let outcome = match &rule.outcome {
        Outcome::Allowed => "allowed".to_owned(),
        Outcome::Denied(denial) => format!("denied: {} ({})", denial.description, denial.error),
        Outcome::Faulted {
            fault,
            detail,
            skipped,
        } => {
            let skipped = if *skipped { ", skipped" } else { "" };
            format!("faulted ({fault:?}{skipped}): {detail}")
        }
    };
    let _ = writeln!(text, "{}: {outcome}", rule.rule);
    for effect in &rule.effects {
        let _ = writeln!(text, "  {}", describe_effect(effect));
    }
    for fetch in &rule.fetches {
        let _ = writeln!(text, "  {}", describe_fetch(fetch));
    }
    for line in &rule.logs {
        let _ = writeln!(text, "  log {:?}: {}", line.level, line.message);
    }
    if rule.logs_dropped > 0 {
        let _ = writeln!(text, "  {} more log lines were dropped", rule.logs_dropped);
    }
    let share = |used: u64, most: u64| used.saturating_mul(100).checked_div(most).unwrap_or(0);
    let _ = writeln!(
        text,
        "  fuel {} ({} % of {}), memory {} KiB ({} % of {} KiB), {} µs",
        rule.fuel,
        share(rule.fuel, limits.fuel),
        limits.fuel,
        rule.memory_bytes >> 10,
        share(rule.memory_bytes, limits.memory_bytes as u64),
        limits.memory_bytes >> 10,
        rule.duration_us,
    );
}

fn describe_fetch(fetch: &FetchReport) -> String {
    let came = match (fetch.status, &fetch.error) {
        (Some(status), _) => format!("{status}, {} bytes", fetch.bytes),
        (None, Some(error)) => error.to_string(),
        (None, None) => "not waited for".to_owned(),
    };
    format!("fetch {} {}: {came}", fetch.method, fetch.url)
}

fn describe_effect(effect: &EffectReport) -> String {
    let name = effect.name.as_deref().unwrap_or_default();
    let value = effect
        .value
        .as_ref()
        .map(Value::to_string)
        .unwrap_or_default();
    let refused = match &effect.refused {
        Some(reason) => format!("  (refused: {reason})"),
        None => String::new(),
    };
    format!("{} {name} {value}", effect.effect)
        .trim_end()
        .to_owned()
        + &refused
}
