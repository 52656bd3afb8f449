//! What a case expects, and how what came out differs from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::replay::{Ending, Evaluation};
use crate::rule_host::{Denial, Fault, LogLine};

/// `expect.json`. A member that is there must match exactly, one that is not may be anything;
/// `includes` and `absent` look at what would be signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Expectation {
    pub(super) outcome: Ending,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) denial: Option<Denial>,
    /// The kind of the fault that ended the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<Fault>,
    /// The scopes after the last rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<Vec<String>>,
    /// The claims that the rules set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) access_claims: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id_claims: Option<Map<String, Value>>,
    /// What the rules merge into the user's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_metadata: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) app_metadata: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) logs: Option<Vec<LogLine>>,
    #[serde(default, skip_serializing_if = "Includes::is_empty")]
    pub(super) includes: Includes,
    #[serde(default, skip_serializing_if = "Absent::is_empty")]
    pub(super) absent: Absent,
}

/// What must be there, among others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Includes {
    scopes: Vec<String>,
    access_claims: Map<String, Value>,
    id_claims: Map<String, Value>,
    /// Texts, each of which some line of the log contains.
    logs: Vec<String>,
}

/// What must not be there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Absent {
    scopes: Vec<String>,
    /// Names.
    access_claims: Vec<String>,
    id_claims: Vec<String>,
    /// Texts that no line of the log contains.
    logs: Vec<String>,
}

impl Includes {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Absent {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Expectation {
    /// What a case that just ran would have had to expect.
    pub(super) fn of(seen: &Evaluation) -> Self {
        let changes = seen.changes.as_ref();
        let metadata = |object: &Map<String, Value>| (!object.is_empty()).then(|| object.clone());
        Self {
            outcome: seen.ending,
            denial: seen.denial.clone(),
            fault: seen.fault().map(|(fault, _)| fault),
            scopes: changes.map(|changes| changes.scopes.clone()),
            access_claims: changes.map(|changes| set_claims(&changes.access_claims)),
            id_claims: changes.map(|changes| set_claims(&changes.id_claims)),
            user_metadata: changes.and_then(|changes| metadata(&changes.user_metadata)),
            app_metadata: changes.and_then(|changes| metadata(&changes.app_metadata)),
            logs: Some(logs(seen)),
            includes: Includes::default(),
            absent: Absent::default(),
        }
    }

    /// One line for each member that is not as expected.
    pub(super) fn differences(&self, seen: &Evaluation) -> Vec<String> {
        let got = Self::of(seen);
        let changes = seen.changes.as_ref();
        let user_metadata = changes.map(|changes| changes.user_metadata.clone());
        let app_metadata = changes.map(|changes| changes.app_metadata.clone());
        let exact = [
            differs("outcome", Some(&self.outcome), Some(&got.outcome)),
            differs("denial", self.denial.as_ref(), got.denial.as_ref()),
            differs("fault", self.fault.as_ref(), got.fault.as_ref()),
            differs("scopes", self.scopes.as_ref(), got.scopes.as_ref()),
            differs(
                "access_claims",
                self.access_claims.as_ref(),
                got.access_claims.as_ref(),
            ),
            differs("id_claims", self.id_claims.as_ref(), got.id_claims.as_ref()),
            differs(
                "user_metadata",
                self.user_metadata.as_ref(),
                user_metadata.as_ref(),
            ),
            differs(
                "app_metadata",
                self.app_metadata.as_ref(),
                app_metadata.as_ref(),
            ),
            differs("logs", self.logs.as_ref(), got.logs.as_ref()),
        ];
        let mut differences: Vec<String> = exact.into_iter().flatten().collect();
        self.includes.missing(seen, &mut differences);
        self.absent.present(seen, &mut differences);
        differences
    }
}

impl Includes {
    fn missing(&self, seen: &Evaluation, differences: &mut Vec<String>) {
        let after = seen.after().unwrap_or_default();
        for scope in self.scopes.iter().filter(|s| !after.scopes.contains(s)) {
            differences.push(format!("includes.scopes: `{scope}` is not granted"));
        }
        for (member, wanted, have) in [
            ("access_claims", &self.access_claims, &after.access_claims),
            ("id_claims", &self.id_claims, &after.id_claims),
        ] {
            for (name, value) in wanted {
                differences.extend(differs(
                    &format!("includes.{member}.{name}"),
                    Some(value),
                    have.get(name),
                ));
            }
        }
        let lines = logs(seen);
        for text in &self.logs {
            if !lines.iter().any(|line| line.message.contains(text)) {
                differences.push(format!("includes.logs: no line contains `{text}`"));
            }
        }
    }
}

impl Absent {
    fn present(&self, seen: &Evaluation, differences: &mut Vec<String>) {
        let after = seen.after().unwrap_or_default();
        for scope in self.scopes.iter().filter(|s| after.scopes.contains(s)) {
            differences.push(format!("absent.scopes: `{scope}` is granted"));
        }
        for (member, unwanted, have) in [
            ("access_claims", &self.access_claims, &after.access_claims),
            ("id_claims", &self.id_claims, &after.id_claims),
        ] {
            for name in unwanted {
                if let Some(value) = have.get(name) {
                    differences.push(format!("absent.{member}: `{name}` is {value}"));
                }
            }
        }
        for line in logs(seen) {
            for text in self.logs.iter().filter(|t| line.message.contains(*t)) {
                differences.push(format!("absent.logs: a line contains `{text}`"));
            }
        }
    }
}

fn logs(seen: &Evaluation) -> Vec<LogLine> {
    let rules = seen.report.rules.iter();
    rules.flat_map(|rule| rule.logs.clone()).collect()
}

fn differs<T: PartialEq + Serialize>(
    member: &str,
    expected: Option<&T>,
    got: Option<&T>,
) -> Option<String> {
    let text = |value| serde_json::to_string(value).unwrap_or_default();
    let expected = expected.filter(|expected| Some(*expected) != got)?;
    let got = got.map_or_else(|| "nothing".to_owned(), text);
    Some(format!("{member}: expected {}, got {got}", text(expected)))
}

/// The claims that were set, without those taken out.
fn set_claims(claims: &BTreeMap<String, Option<Value>>) -> Map<String, Value> {
    claims
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
        .collect()
}
