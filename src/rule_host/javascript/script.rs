//! A rule in JavaScript, compiled: what the driver found out about it, and its bytecode.

use serde::{Deserialize, Serialize};

use super::super::Rejection;
use super::super::text::printable;

/// How a rule in JavaScript is written; the driver recognises it by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// `function (user, context, callback) {…}`.
    Classic,
    /// `module.exports = function (user, client, scope, audience, context, cb) {…}`.
    PasswordExchange,
    /// `module.exports = function (client, scope, audience, context, cb) {…}`.
    ClientCredentialsExchange,
    /// The Action `exports.onExecutePostLogin`.
    PostLogin,
    /// The Action `exports.onExecuteCredentialsExchange`.
    CredentialsExchange,
    /// An Action with both.
    Action,
}

impl Dialect {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::PasswordExchange => "password-exchange",
            Self::ClientCredentialsExchange => "client-credentials-exchange",
            Self::PostLogin => "post-login",
            Self::CredentialsExchange => "credentials-exchange",
            Self::Action => "action",
        }
    }
}

/// A compiled rule. The engine reads what it wrote itself, never a tenant's bytecode.
pub(in crate::rule_host) struct Script {
    facts: String,
    bytecode: Vec<u8>,
    dialect: Dialect,
    requires: Vec<String>,
}

/// What the host reads of the facts.
#[derive(Deserialize)]
struct Known {
    dialect: Dialect,
    /// What an Action exports.
    #[serde(default)]
    handlers: Vec<String>,
    #[serde(default)]
    requires: Vec<String>,
}

/// Where and why a source does not compile, in the driver's words.
#[derive(Deserialize)]
struct Problem {
    message: String,
    line: Option<u32>,
    column: Option<u32>,
    caret: Option<String>,
}

impl Script {
    pub(super) fn new(facts: String, bytecode: Vec<u8>) -> Result<Self, Rejection> {
        let known: Known = serde_json::from_str(&facts).map_err(|e| {
            Rejection::script(format!("the engine says of it what is not understood: {e}"))
        })?;
        let dialect = match (known.dialect, known.handlers.as_slice()) {
            (Dialect::Action, [only]) if only == "onExecutePostLogin" => Dialect::PostLogin,
            (Dialect::Action, [_]) => Dialect::CredentialsExchange,
            (dialect, _) => dialect,
        };
        Ok(Self {
            facts,
            bytecode,
            dialect,
            requires: known.requires,
        })
    }

    pub(in crate::rule_host) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(in crate::rule_host) fn requires(&self) -> &[String] {
        &self.requires
    }

    /// What it holds of the memory of the process.
    pub(in crate::rule_host) fn bytes(&self) -> usize {
        self.facts.len().saturating_add(self.bytecode.len())
    }

    /// In the engine's form.
    pub(super) fn program(&self) -> (&str, &[u8]) {
        (&self.facts, &self.bytecode)
    }
}

/// What the driver's problems stand for.
pub(super) fn rejections(problems: &str) -> Vec<Rejection> {
    match serde_json::from_str::<Vec<Problem>>(problems) {
        Ok(all) if !all.is_empty() => all.into_iter().map(Rejection::from).collect(),
        _ => vec![Rejection::script(printable(problems, 500))],
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self::Script {
            problem: problem.message,
            line: problem.line,
            column: problem.column,
            excerpt: problem.caret,
        }
    }
}
