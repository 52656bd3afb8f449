//! The shipped rules, as they are committed: every folder of `rules/` holds a component or a script, and cases, and
//! the rule does what its cases say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claimsmith::rule_host::{
    BoundRule, Changes, Denial, Exchange, Limits, LogLine, Manifest, OnFault, Permissions, Report,
    Rule, RuleHost, Subject, Verdict,
};
use claimsmith::secret::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What `rules/` holds besides rules: the crate that those in Rust share, cargo's output, the JavaScript engine and
/// the declarations of its rules.
const NO_RULES: [&str; 4] = ["engine", "guest", "target", "types"];

#[tokio::test]
async fn every_shipped_rule_does_what_its_cases_say() {
    let host =
        RuleHost::new(Limits::default(), Some(crate::support::compiled())).expect("a rule host");
    let (mut passed, mut failures) = (0, vec![]);
    for folder in rules() {
        let manifest = Arc::new(manifest(&folder));
        let rule = match host.load(&bytes(&folder)) {
            Ok(rule) => rule,
            Err(rejection) => {
                failures.push(format!("{}: {rejection}", folder.display()));
                continue;
            }
        };
        for case in folders(&folder.join("cases")) {
            match run(&host, &rule, &manifest, &case).await.as_slice() {
                [] => passed += 1,
                differences => {
                    failures.push(format!(
                        "{}:\n  {}",
                        case.display(),
                        differences.join("\n  ")
                    ));
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{passed} cases passed, these did not:\n{}",
        failures.join("\n")
    );
}

#[test]
fn every_rule_has_a_component_a_readme_and_two_cases() {
    let rules = rules();
    assert!(rules.len() >= 5, "only {} rules found", rules.len());
    for folder in rules {
        assert!(
            program(&folder).is_file(),
            "{} has no rule",
            folder.display()
        );
        for file in ["rule.toml", "README.md"] {
            assert!(
                folder.join(file).is_file(),
                "{} has no {file}",
                folder.display()
            );
        }
        let cases = folders(&folder.join("cases"));
        assert!(
            cases.len() >= 2,
            "{} has {} cases",
            folder.display(),
            cases.len()
        );
    }
}

#[test]
fn the_allow_list_in_c_must_pass_the_very_cases_of_the_one_in_rust() {
    let cases = |rule: &str| fs::canonicalize(root().join(rule).join("cases")).expect(rule);
    assert_eq!(cases("email-allow-list-c"), cases("email-allow-list"));
}

#[test]
fn shipped_components_are_small() {
    for folder in rules() {
        // The time zones of the world are 200 KB.
        let most = if folder.ends_with("office-hours") {
            320
        } else {
            40
        };
        let size = bytes(&folder).len() / 1024;
        assert!(
            size < most,
            "{}: {size} KB, at most {most} are reasonable",
            folder.display()
        );
    }
}

#[test]
fn a_case_that_expects_something_else_is_told_what_differs() {
    let expected: Expected = serde_json::from_value(serde_json::json!({
        "outcome": "allowed", "scopes": ["a"], "access_claims": {"b": 1}, "id_claims": {}, "logs": []
    }))
    .expect("an expectation");
    let changes = Changes {
        scopes: vec!["a".into()],
        access_claims: BTreeMap::from([("b".into(), Some(2.into()))]),
        ..Changes::default()
    };
    let seen = Seen {
        outcome: "allowed",
        changes: Some(changes),
        denial: None,
        logs: vec![],
    };
    assert_eq!(
        expected.differences(&seen),
        ["access_claims: expected {\"b\":1}, got {\"b\":2}"]
    );
    let seen = Seen {
        outcome: "faulted",
        changes: None,
        denial: None,
        logs: vec![],
    };
    assert_eq!(
        expected.differences(&seen).len(),
        4,
        "outcome, scopes and both sets of claims"
    );
}

/// `input.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    exchange: Exchange,
    #[serde(default)]
    configuration: BTreeMap<String, Secret>,
}

/// `expect.json`: a member that is there must match exactly, one that is not may be anything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    outcome: String,
    denial: Option<Denial>,
    scopes: Option<Vec<String>>,
    access_claims: Option<BTreeMap<String, Value>>,
    id_claims: Option<BTreeMap<String, Value>>,
    user_metadata: Option<Map<String, Value>>,
    app_metadata: Option<Map<String, Value>>,
    logs: Option<Vec<LogLine>>,
}

/// What came out, in the words of `expect.json`.
struct Seen {
    outcome: &'static str,
    changes: Option<Changes>,
    denial: Option<Denial>,
    logs: Vec<LogLine>,
}

/// Stands for somebody who authenticated.
struct Somebody;

impl Subject for Somebody {}

/// Runs the rule alone on one case and says what differs from what the case expects.
async fn run(host: &RuleHost, rule: &Rule, manifest: &Arc<Manifest>, case: &Path) -> Vec<String> {
    let input: Input = read(&case.join("input.json"));
    let expected: Expected = read(&case.join("expect.json"));
    let bound = BoundRule {
        name: "shipped".into(),
        version: 1,
        rule: Ok(rule.clone()),
        on_fault: OnFault::Deny,
        manifest: Some(Arc::clone(manifest)),
        permissions: Permissions::default(),
        action: None,
    };
    let (verdict, report) = host
        .run(&[bound], Somebody, input.exchange, &input.configuration)
        .await;
    let mut differences = expected.differences(&Seen::new(verdict, &report));
    // What the linker was told to reserve suffices: nothing grows while a user waits.
    differences.extend(
        report
            .rules
            .iter()
            .filter(|used| rule.inspection().dialect.is_none() && used.memory_bytes > 1 << 20)
            .map(|used| {
                format!(
                    "memory: expected at most 1 MiB, got {} bytes",
                    used.memory_bytes
                )
            }),
    );
    if !differences.is_empty() {
        differences.push(format!("outcome of the run: {:?}", report.rules));
    }
    differences
}

impl Seen {
    fn new(verdict: Verdict<Somebody>, report: &Report) -> Self {
        let (outcome, changes, denial) = match verdict {
            Verdict::Approved(approved) => ("allowed", Some(approved.into_parts().1), None),
            Verdict::Denied(denial) => ("denied", None, Some(denial)),
            Verdict::Faulted => ("faulted", None, None),
            Verdict::MfaRequired { .. } => ("mfa_required", None, None),
            Verdict::Busy => ("busy", None, None),
        };
        let logs = report
            .rules
            .iter()
            .flat_map(|rule| rule.logs.clone())
            .collect();
        Self {
            outcome,
            changes,
            denial,
            logs,
        }
    }
}

impl Expected {
    fn differences(&self, seen: &Seen) -> Vec<String> {
        let changes = seen.changes.as_ref();
        let access_claims = changes.map(|changes| set_claims(&changes.access_claims));
        let id_claims = changes.map(|changes| set_claims(&changes.id_claims));
        [
            difference("outcome", Some(&self.outcome.as_str()), Some(&seen.outcome)),
            difference("denial", self.denial.as_ref(), seen.denial.as_ref()),
            difference(
                "scopes",
                self.scopes.as_ref(),
                changes.map(|changes| &changes.scopes),
            ),
            difference(
                "access_claims",
                self.access_claims.as_ref(),
                access_claims.as_ref(),
            ),
            difference("id_claims", self.id_claims.as_ref(), id_claims.as_ref()),
            difference(
                "user_metadata",
                self.user_metadata.as_ref(),
                changes.map(|changes| &changes.user_metadata),
            ),
            difference(
                "app_metadata",
                self.app_metadata.as_ref(),
                changes.map(|changes| &changes.app_metadata),
            ),
            difference("logs", self.logs.as_ref(), Some(&seen.logs)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What to print if `seen` is not what was expected, if anything was.
fn difference<T: PartialEq + serde::Serialize>(
    member: &str,
    expected: Option<&T>,
    seen: Option<&T>,
) -> Option<String> {
    let text = |value| serde_json::to_string(value).expect("JSON");
    let got = seen.map_or("nothing".into(), text);
    expected
        .filter(|expected| Some(*expected) != seen)
        .map(|expected| format!("{member}: expected {}, got {got}", text(expected)))
}

/// The claims that were set; those taken out are not of interest to the shipped rules.
fn set_claims(claims: &BTreeMap<String, Option<Value>>) -> BTreeMap<String, Value> {
    claims
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}

fn rules() -> Vec<PathBuf> {
    let mut rules = folders(&root());
    rules.retain(|folder| !NO_RULES.iter().any(|name| folder.ends_with(name)));
    rules
}

/// The folders in `folder`, in order of name; none if it does not exist.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(folder)
        .map(|entries| {
            entries
                .map(|entry| entry.expect("an entry").path())
                .collect()
        })
        .unwrap_or_default();
    folders.retain(|path: &PathBuf| path.is_dir());
    folders.sort();
    folders
}

/// Every shipped rule has one, and it is no wider than the rule.
fn manifest(rule: &Path) -> Manifest {
    let path = rule.join("rule.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Manifest::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A rule's component, or its script.
fn program(rule: &Path) -> PathBuf {
    let script = rule.join("rule.js");
    if script.is_file() {
        script
    } else {
        rule.join("rule.wasm")
    }
}

fn bytes(rule: &Path) -> Vec<u8> {
    let path = program(rule);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
