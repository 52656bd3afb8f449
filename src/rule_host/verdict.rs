//! What comes out of a chain of rules: a verdict, and a report on how it came about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fetch::{FetchReport, Recording};

/// Proof that somebody authenticated, carried through the rules to the mint. The rule host reads
/// nothing from it; implemented for `AuthenticatedUser`, for machines, and for the workbench's
/// fixtures (which the mint does not take).
pub trait Subject: Send {}

/// What the rules decided.
#[derive(Debug)]
pub enum Verdict<S> {
    /// A token may be minted, with exactly this.
    Approved(ApprovedClaims<S>),
    /// A rule ended the login.
    Denied(Denial),
    /// A rule failed whose binding does not say `skip`. The report says which and why.
    Faulted,
    /// A rule demands a second factor.
    MfaRequired {
        /// `any`, or the name of one provider.
        provider: String,
        /// Whether the client may be remembered.
        allow_remember: bool,
    },
    /// No rule ran: too many chains of this tenant are under way.
    Busy,
}

/// What the mint may sign. Only the rule host makes one, and only out of an authenticated subject.
#[derive(Debug)]
pub struct ApprovedClaims<S> {
    subject: S,
    changes: Changes,
}

impl<S: Subject> ApprovedClaims<S> {
    pub(super) fn new(subject: S, changes: Changes) -> Self {
        Self { subject, changes }
    }

    /// Who the token is about.
    pub fn subject(&self) -> &S {
        &self.subject
    }

    /// What the rules made of the draft.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Takes it apart.
    pub fn into_parts(self) -> (S, Changes) {
        (self.subject, self.changes)
    }
}

/// The sum of all effects that were accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// The scopes after the last rule, in order, none twice.
    pub scopes: Vec<String>,
    /// Custom claims of the access token: set to a value, or taken out (none).
    pub access_claims: BTreeMap<String, Option<Value>>,
    /// Custom claims of the ID token and /userinfo, likewise.
    pub id_claims: BTreeMap<String, Option<Value>>,
    /// To merge into the user's metadata, first level only; null deletes.
    pub user_metadata: Map<String, Value>,
    /// Likewise for the tenant's metadata of the user.
    pub app_metadata: Map<String, Value>,
}

/// Why a rule ended the login: what the client may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// One of [`DENIAL_CODES`].
    pub error: String,
    /// Reaches the client.
    pub description: String,
}

/// The codes with which a rule may deny.
pub const DENIAL_CODES: [&str; 6] = [
    "access_denied",
    "unauthorized",
    "invalid_request",
    "invalid_scope",
    "interaction_required",
    "server_error",
];

/// How a chain came to its verdict: for the tenant's log, the demo and the workbench.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// One entry for each rule that ran, in order.
    pub rules: Vec<RuleReport>,
    /// Who set what, in the order it was last set.
    pub provenance: Vec<Provenance>,
    /// What the network answered. For whoever wants to run the exchange again; it is not written
    /// along with the rest, because it holds whole responses.
    #[serde(skip)]
    pub recording: Recording,
}

impl Report {
    /// Of each rule the first ten lines of its log; the rest counts as dropped.
    pub fn keep_ten_lines(&mut self) {
        self.keep_lines(10);
    }

    /// The effects without their values.
    pub fn drop_values(&mut self) {
        let effects = self.rules.iter_mut().flat_map(|rule| &mut rule.effects);
        effects.for_each(|effect| effect.value = None);
    }

    /// Everything but what rules wrote into their logs.
    pub fn drop_lines(&mut self) {
        self.keep_lines(0);
    }

    /// How each rule ended and what it used, and nothing that it said.
    pub fn drop_lines_and_effects(&mut self) {
        self.drop_lines();
        for rule in &mut self.rules {
            rule.effects.clear();
            rule.fetches.clear();
        }
    }

    fn keep_lines(&mut self, most: usize) {
        for rule in &mut self.rules {
            let over = rule.logs.len().saturating_sub(most);
            rule.logs.truncate(most);
            rule.logs_dropped = rule.logs_dropped.saturating_add(over as u64);
        }
    }
}

/// What one rule did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleReport {
    /// Its name.
    pub rule: String,
    /// What it was called when that version was deployed, if it is an action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The version that ran.
    pub version: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The effects it asked for, in order, each with what became of it.
    pub effects: Vec<EffectReport>,
    /// What it wrote.
    pub logs: Vec<LogLine>,
    /// Log lines past the limit.
    pub logs_dropped: u64,
    /// What it asked of the network.
    #[serde(default)]
    pub fetches: Vec<FetchReport>,
    /// Keys of the configuration that it asked for, the first so many, in order of name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys_read: Vec<String>,
    /// Fuel used; the same on every machine.
    pub fuel: u64,
    /// The most linear memory it held, in bytes.
    pub memory_bytes: u64,
    /// Wall time, in microseconds.
    pub duration_us: u64,
}

/// How a rule ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// It returned effects.
    Allowed,
    /// It ended the login.
    Denied(Denial),
    /// It failed.
    Faulted {
        /// What kind of failure.
        fault: Fault,
        /// For the tenant: what happened and what to do.
        detail: String,
        /// Whether its binding lets the login go on all the same.
        skipped: bool,
    },
}

impl Outcome {
    /// In one word, for metrics and traces.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied(_) => "denied",
            Self::Faulted { fault, .. } => fault.word(),
        }
    }
}

impl Fault {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Fuel => "fuel",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Manifest => "manifest",
            Self::Exception => "exception",
            Self::Load => "load",
        }
    }
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The guest trapped: a panic, an `unreachable`, an access out of bounds.
    Trap,
    /// It used up its fuel.
    Fuel,
    /// It used up its wall time.
    Deadline,
    /// It asked for more memory, or larger tables, than it may have.
    Memory,
    /// What it returned is too large, too many, or not what it must be.
    Output,
    /// It did what its manifest does not allow.
    Manifest,
    /// It threw, or called back with, an error.
    Exception,
    /// It could not be loaded or instantiated.
    Load,
}

/// One effect and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectReport {
    /// The effect's name in the interface, for example `set-access-claim`.
    pub effect: String,
    /// The claim, scope or key it is about, if it is about one.
    pub name: Option<String>,
    /// The value, if it has one.
    pub value: Option<Value>,
    /// Why the host refused it; none if it took effect.
    pub refused: Option<String>,
}

/// A line of a rule's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How grave it is.
    pub level: Level,
    /// What it says, control characters escaped.
    pub message: String,
}

/// How grave a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For the rule's author.
    Debug,
    /// As expected.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
}

/// Which rule version set a claim or a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// What was set.
    pub kind: Provenanced,
    /// The claim's or scope's name.
    pub name: String,
    /// The rule.
    pub rule: String,
    /// Its version.
    pub version: u32,
}

/// What provenance is kept of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenanced {
    /// A claim of the access token.
    Claim,
    /// A claim of the ID token and /userinfo.
    IdClaim,
    /// A scope.
    Scope,
}

/// What becomes of the login when a rule fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum OnFault {
    /// It ends.
    #[default]
    Deny,
    /// It goes on as if the rule were not bound.
    Skip,
}
