//! A plan and its outcome, for people and for programs.

use serde_json::{Value, json};

use super::carry_out::Outcome;
use super::kind::Kind;
use super::plan::{Action, Plan, Step};
use crate::cli::style::{BOLD, DIM, GREEN, RED, YELLOW, paint};

/// The plan, a line for each step and one for each member that changes.
pub(super) fn text(plan: &Plan, issuer: &str) -> String {
    let issuer = issuer.escape_debug();
    if plan.steps.is_empty() {
        return format!("{issuer} is as the files say{}", unmentioned(plan));
    }
    let mut text = paint(BOLD, &format!("what is to be done at {issuer}"));
    text.push('\n');
    for step in &plan.steps {
        text.push_str(&line(step));
    }
    let counts = [
        (Action::Create, "to make"),
        (Action::Update, "to change"),
        (Action::Delete, "to delete"),
    ]
    .map(|(action, what)| format!("{} {what}", plan.count(action)));
    text.push_str(&format!("{}{}", counts.join(", "), unmentioned(plan)));
    text
}

fn unmentioned(plan: &Plan) -> String {
    match plan.unmentioned {
        0 => String::new(),
        count => format!("\n{count} more on the server, in no file; --prune would delete them"),
    }
}

fn line(step: &Step) -> String {
    let (style, sign) = match step.action {
        Action::Create => (GREEN, "+"),
        Action::Update => (YELLOW, "~"),
        Action::Delete => (RED, "-"),
    };
    let what = format!("{sign} {} {}", step.kind.noun(), step.key.escape_debug());
    let warning = match (step.action, step.kind) {
        (Action::Delete, Kind::Databases) => ", and all of its users",
        (Action::Delete, Kind::Actions) => ", with its binding",
        _ => "",
    };
    let mut text = format!(
        "  {}",
        paint(style, &format!("{}{warning}", what.trim_end()))
    );
    if let Some(place) = &step.place {
        let place = format!("  {}:{}", place.file.display(), place.at.line);
        text.push_str(&paint(DIM, &place));
    }
    text.push('\n');
    for change in &step.changes {
        let (name, to) = (&change.name, short(&change.to));
        let from = short(&change.from);
        text.push_str(&format!("      {name}: {from} → {to}\n"));
    }
    text
}

/// A value on one line, safe for a terminal.
fn short(value: &Value) -> String {
    const MOST: usize = 120;
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        Value::String(text) if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            return text.chars().take(12).collect();
        }
        other => other.to_string(),
    };
    let control =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut short: String = text.chars().filter(|c| !control(*c)).take(MOST).collect();
    if text.chars().count() > MOST {
        short.push('…');
    }
    short
}

/// What became of it.
pub(super) fn outcome_text(plan: &Plan, outcome: &Outcome) -> String {
    let all = plan.steps.len();
    let mut text = match &outcome.failure {
        None => paint(GREEN, &format!("done: {all} of {all}")),
        Some(failure) => {
            let mut lines = vec![paint(
                RED,
                &format!("stopped after {} of {all}", outcome.done),
            )];
            for (index, step) in plan.steps.iter().enumerate() {
                let (sign, name) = (name(step.action), step.key.escape_debug());
                let what = format!("{sign} {} {name}", step.kind.noun());
                lines.push(match index {
                    index if index < outcome.done => format!("  done      {}", what.trim_end()),
                    index if index == outcome.done => {
                        paint(RED, &format!("  FAILED    {}: {failure}", what.trim_end()))
                    }
                    _ => format!("  not done  {}", what.trim_end()),
                });
            }
            lines.join("\n")
        }
    };
    for note in &outcome.notes {
        text.push_str(&format!("\n{} {note}", paint(YELLOW, "note:")));
    }
    text
}

const fn name(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
    }
}

/// The plan and, if it was carried out, what became of it.
pub(super) fn document(plan: &Plan, issuer: &str, outcome: Option<&Outcome>) -> Value {
    let steps = plan.steps.iter().enumerate().map(|(index, step)| {
        let place = step.place.as_ref();
        let changes = step
            .changes
            .iter()
            .map(|change| json!({ "member": change.name, "from": change.from, "to": change.to }));
        let became = outcome.map(|outcome| match index {
            index if index < outcome.done => "done",
            index if index == outcome.done && outcome.failure.is_some() => "failed",
            _ => "not done",
        });
        json!({
            "action": name(step.action),
            "section": step.kind.section(),
            "name": step.key,
            "file": place.map(|place| place.file.display().to_string()),
            "line": place.map(|place| place.at.line),
            "changes": changes.collect::<Vec<_>>(),
            "became": became,
        })
    });
    let failure = outcome.and_then(|outcome| outcome.failure.as_ref());
    json!({
        "server": issuer,
        "steps": steps.collect::<Vec<_>>(),
        "create": plan.count(Action::Create),
        "update": plan.count(Action::Update),
        "delete": plan.count(Action::Delete),
        "unmentioned": plan.unmentioned,
        "applied": outcome.is_some_and(|outcome| outcome.failure.is_none()),
        "failure": failure.map(ToString::to_string),
        "notes": outcome.map_or(&[][..], |outcome| &outcome.notes),
    })
}
