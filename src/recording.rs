//! Exchanges that a tenant lets the server keep, so that a new version of a rule can be tried on what
//! really happened.
//!
//! Off by default. An exchange has no field for a password or a secret, and the values of the tenant's
//! configuration are not kept; fields that the tenant marked are blanked before anything is stored.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::rule_host::fetch::Recording;
use crate::rule_host::{BoundRule, Exchange, OnFault, Permissions, Report, Subject, Verdict};
use crate::store::{Record, Table};

/// The form of [`Recorded`] that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// The largest exchange that is kept, in bytes; what is larger is left out.
const MAX_BYTES: usize = 100_000;

/// That a tenant's exchanges are kept, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingSettings {
    /// The last so many.
    pub keep: u32,
    /// What never enters a recording: JSON pointers (RFC 6901) into the exchange, as `/user/email`.
    pub redact: Vec<String>,
}

impl Record for RecordingSettings {
    const TABLE: Table = Table::RecordingSettings;
}

/// Where in the ring the next recording goes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RecordingCursor {
    /// Counts all recordings.
    pub next: u64,
}

impl Record for RecordingCursor {
    const TABLE: Table = Table::RecordingCursor;
}

/// One exchange as it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// [`FORMAT`] of the version that wrote it.
    pub format: u32,
    /// When it happened.
    pub at: Timestamp,
    /// What the first rule was told, marked fields blanked.
    pub exchange: Exchange,
    /// What the network answered.
    #[serde(default)]
    pub network: Recording,
    /// The rules that ran, in order.
    pub rules: Vec<RecordedRule>,
    /// All that came of it, as [`output`] has it; none if fields are marked, since rules may have
    /// copied them.
    pub output: Option<Value>,
}

impl Recorded {
    /// The name of a place in a ring of so many.
    pub fn slot(place: u64, keep: u64) -> String {
        format!("{:06}", place % keep.max(1))
    }
}

impl Record for Recorded {
    const TABLE: Table = Table::Recording;
}

/// A rule of a recorded chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRule {
    /// Its name.
    pub rule: String,
    /// The version that ran.
    pub version: u32,
    /// What its failure meant.
    pub on_fault: OnFault,
    /// What its binding allowed.
    #[serde(default)]
    pub permissions: Permissions,
}

impl RecordedRule {
    /// How a chain is remembered.
    pub fn of(chain: &[BoundRule]) -> Vec<Self> {
        chain
            .iter()
            .map(|bound| Self {
                rule: bound.name.clone(),
                version: bound.version,
                on_fault: bound.on_fault,
                permissions: bound.permissions.clone(),
            })
            .collect()
    }
}

impl RecordingSettings {
    /// A recording of one run; none if it would be too large.
    pub fn record<S: Subject>(
        &self,
        exchange: Exchange,
        rules: Vec<RecordedRule>,
        verdict: &Verdict<S>,
        report: &Report,
    ) -> Option<Recorded> {
        let at = exchange.now;
        let network = report.recording.clone();
        let (exchange, network, output) = match self.redact.as_slice() {
            [] => (exchange, network, Some(output(verdict, report))),
            marked => {
                let (exchange, network) = redact(&exchange, &network, marked)?;
                (exchange, network, None)
            }
        };
        let recorded = Recorded {
            format: FORMAT,
            at,
            exchange,
            network,
            rules,
            output,
        };
        let size = serde_json::to_vec(&recorded).ok()?.len();
        (size <= MAX_BYTES).then_some(recorded)
    }
}

/// All that came of a run and does not depend on the machine: equal, to the byte, when two runs are.
pub fn output<S: Subject>(verdict: &Verdict<S>, report: &Report) -> Value {
    let mut report = report.clone();
    for rule in &mut report.rules {
        rule.duration_us = 0;
        // What it is called changes nothing of what it did.
        rule.action = None;
        rule.fetches
            .iter_mut()
            .for_each(|fetch| fetch.duration_ms = 0);
    }
    let verdict = match verdict {
        Verdict::Approved(approved) => json!({ "allowed": approved.changes() }),
        Verdict::Denied(denial) => json!({ "denied": denial }),
        Verdict::Faulted => json!("faulted"),
        Verdict::Busy => json!("busy"),
        Verdict::MfaRequired {
            provider,
            allow_remember,
        } => json!({ "mfa_required": { "provider": provider, "allow_remember": allow_remember } }),
    };
    json!({ "verdict": verdict, "report": report })
}

/// Blanks what is marked, and every text that contains a marked one: an e-mail address is in the
/// draft's claims and among the parameters, too.
fn redact(
    exchange: &Exchange,
    network: &Recording,
    marked: &[String],
) -> Option<(Exchange, Recording)> {
    let mut document = serde_json::to_value(exchange).ok()?;
    let mut texts = Vec::new();
    for pointer in marked {
        if let Some(value) = document.pointer_mut(pointer) {
            collect(value, &mut texts);
            blank(value);
        }
    }
    // One and two letters are everywhere, and tell nothing.
    texts.retain(|text| text.chars().count() > 2);
    blank_texts(&mut document, &texts);
    let mut network = serde_json::to_value(network).ok()?;
    blank_texts(&mut network, &texts);
    let exchange = serde_json::from_value(document).ok()?;
    Some((exchange, serde_json::from_value(network).ok()?))
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect(member, texts)),
        _ => {}
    }
}

fn blank(value: &mut Value) {
    *value = match value {
        Value::Null => Value::Null,
        Value::Bool(_) => false.into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => "".into(),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) => json!({}),
    };
}

fn blank_texts(value: &mut Value, texts: &[String]) {
    match value {
        Value::String(text) if texts.iter().any(|marked| text.contains(marked)) => text.clear(),
        Value::Array(items) => items.iter_mut().for_each(|item| blank_texts(item, texts)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| blank_texts(member, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_text_is_nowhere_in_the_recording() {
        let exchange: Exchange = serde_json::from_value(json!({
            "user": {"id": "auth0|1", "email": "ada@example.com", "app_metadata": {"ssn": "078-05", "seats": 12}},
            "request": {"parameters": [["username", "ada@example.com"]]},
            "draft": {"id_claims": {"email": "ada@example.com", "note": "mail ada@example.com"}}
        }))
        .unwrap();
        let marked = ["/user/email".to_owned(), "/user/app_metadata".to_owned()];
        let (kept, _) = redact(&exchange, &Recording::default(), &marked).unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        assert!(
            !text.contains("ada@") && !text.contains("078-05") && !text.contains("12"),
            "{text}"
        );
        assert!(text.contains("auth0|1"));
    }
}
