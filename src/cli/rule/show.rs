//! What a run looks like to people: each rule's effects, its log, what it used of what it may, and
//! the draft before and after.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use crate::cli::style::{BOLD, DIM, GREEN, RED, YELLOW, paint};
use crate::replay::{Ending, Evaluation, State};
use crate::rule_host::fetch::FetchReport;
use crate::rule_host::{EffectReport, Level, Limits, Outcome, RuleReport, printable};

/// The most of one value that is shown, in bytes.
const VALUE_BYTES: usize = 2000;

/// Everything about a run.
pub(in crate::cli) fn run(evaluation: &Evaluation, limits: &[Limits]) -> String {
    let mut text = String::new();
    for (rule, limits) in evaluation.report.rules.iter().zip(limits) {
        text.push_str(&self::rule(rule, limits));
    }
    let (colour, word) = match evaluation.ending {
        Ending::Allowed => (GREEN, "allowed"),
        Ending::Denied => (RED, "denied"),
        Ending::Faulted => (RED, "faulted"),
        Ending::MfaRequired => (YELLOW, "mfa_required"),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "outcome: {}", paint(colour, word));
    if let Some(after) = evaluation.after() {
        text.push_str(&diff(&evaluation.before, &after));
    }
    text
}

/// One rule: how it ended, what it asked for, what it wrote, and what it used.
pub(in crate::cli) fn rule(rule: &RuleReport, limits: &Limits) -> String {
    let outcome = match &rule.outcome {
        Outcome::Allowed => paint(GREEN, "allowed"),
        Outcome::Denied(denial) => {
            let words = format!("denied: {} ({})", denial.description, denial.error);
            paint(RED, &words)
        }
        Outcome::Faulted {
            fault,
            detail,
            skipped,
        } => {
            let skipped = if *skipped { ", skipped" } else { "" };
            let kind = format!("{fault:?}").to_lowercase();
            paint(RED, &format!("faulted ({kind}{skipped}): {detail}"))
        }
    };
    let mut text = format!("{}: {outcome}\n", paint(BOLD, &rule.rule));
    for effect in &rule.effects {
        let _ = writeln!(text, "  {}", self::effect(effect));
    }
    for fetch in &rule.fetches {
        let _ = writeln!(text, "  {}", self::fetch(fetch));
    }
    for line in &rule.logs {
        let level = format!("{:?}", line.level).to_lowercase();
        let level = match line.level {
            Level::Debug => paint(DIM, &level),
            Level::Info => level,
            Level::Warn => paint(YELLOW, &level),
            Level::Error => paint(RED, &level),
        };
        let _ = writeln!(text, "  log {level}: {}", line.message);
    }
    if rule.logs_dropped > 0 {
        let _ = writeln!(text, "  {} more log lines were dropped", rule.logs_dropped);
    }
    let _ = writeln!(
        text,
        "  fuel {} ({} of {}), memory {} KiB ({} of {} KiB), {} µs ({} of {} ms)",
        rule.fuel,
        share(rule.fuel, limits.fuel),
        limits.fuel,
        rule.memory_bytes >> 10,
        share(rule.memory_bytes, limits.memory_bytes as u64),
        limits.memory_bytes >> 10,
        rule.duration_us,
        share(
            rule.duration_us,
            u64::try_from(limits.deadline.as_micros()).unwrap_or(u64::MAX)
        ),
        limits.deadline.as_millis(),
    );
    text
}

fn fetch(fetch: &FetchReport) -> String {
    let came = match (fetch.status, &fetch.error) {
        (Some(status), _) => format!("{status}, {} bytes", fetch.bytes),
        (None, Some(error)) => error.to_string(),
        (None, None) => "not waited for".to_owned(),
    };
    format!("fetch {} {}: {came}", fetch.method, fetch.url)
}

fn share(used: u64, most: u64) -> String {
    let percent = used.saturating_mul(100).checked_div(most).unwrap_or(100);
    let words = format!("{percent} %");
    match percent {
        0..50 => words,
        50..90 => paint(YELLOW, &words),
        _ => paint(RED, &words),
    }
}

fn effect(effect: &EffectReport) -> String {
    let mut text = effect.effect.clone();
    if let Some(name) = &effect.name {
        let _ = write!(text, " {name}");
    }
    if let Some(value) = &effect.value {
        let _ = write!(text, " {}", printable(&value.to_string(), VALUE_BYTES));
    }
    match &effect.refused {
        None => text,
        Some(reason) => paint(YELLOW, &format!("{text}  (refused: {reason})")),
    }
}

/// What changed, line by line, with a little around it.
pub(in crate::cli) fn diff(before: &State, after: &State) -> String {
    if before == after {
        return "the draft stays as it is\n".to_owned();
    }
    let lines = |state| serde_json::to_string_pretty(state).unwrap_or_default();
    let (before, after) = (lines(before), lines(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut text = String::new();
    for (i, group) in diff.grouped_ops(3).iter().enumerate() {
        if i > 0 {
            text.push_str("  …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = printable(change.value().trim_end_matches('\n'), VALUE_BYTES);
            let line = match change.tag() {
                ChangeTag::Equal => format!("  {line}"),
                ChangeTag::Delete => paint(RED, &format!("- {line}")),
                ChangeTag::Insert => paint(GREEN, &format!("+ {line}")),
            };
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}
