//! One run of a chain on a fixture, and what came of it: what `run`, `test` and `replay` look at.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fixture::{Fixture, NobodyLoggedIn};
use crate::cli::ExitCode;
use crate::recording;
use crate::rule_host::{BoundRule, Changes, Denial, Draft, Exchange, Fault, Report, RuleHost};
use crate::rule_host::{Outcome, Verdict};

/// How a chain ended, in the words of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Ending {
    Allowed,
    Denied,
    Faulted,
    MfaRequired,
}

impl Ending {
    pub(in crate::cli) fn of<S>(verdict: &Verdict<S>) -> Self {
        match verdict {
            Verdict::Approved(_) => Self::Allowed,
            Verdict::Denied(_) => Self::Denied,
            // Nothing else runs here that could make it busy.
            Verdict::Faulted | Verdict::Busy => Self::Faulted,
            Verdict::MfaRequired { .. } => Self::MfaRequired,
        }
    }
}

/// What a chain made of an exchange.
pub(in crate::cli) struct Evaluation {
    pub(in crate::cli) ending: Ending,
    pub(in crate::cli) denial: Option<Denial>,
    pub(in crate::cli) changes: Option<Changes>,
    pub(in crate::cli) report: Report,
    pub(in crate::cli) before: State,
    /// All that does not depend on the machine, as recordings have it.
    pub(in crate::cli) output: Value,
}

/// What rules can change, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(in crate::cli) struct State {
    pub(in crate::cli) scopes: Vec<String>,
    pub(in crate::cli) access_claims: Map<String, Value>,
    pub(in crate::cli) id_claims: Map<String, Value>,
    pub(in crate::cli) user_metadata: Map<String, Value>,
    pub(in crate::cli) app_metadata: Map<String, Value>,
}

/// Runs a chain on a fixture, which says what the network would answer.
pub(in crate::cli) async fn evaluate(
    host: &RuleHost,
    chain: &[BoundRule],
    fixture: &Fixture,
) -> Evaluation {
    evaluate_permitted(host, &fixture.permit(chain), fixture).await
}

/// The same with the permissions that the chain has.
pub(in crate::cli) async fn evaluate_permitted(
    host: &RuleHost,
    chain: &[BoundRule],
    fixture: &Fixture,
) -> Evaluation {
    let (verdict, report) = host
        .replay(
            chain,
            NobodyLoggedIn,
            fixture.exchange.clone(),
            &fixture.configuration,
            fixture.recording(),
        )
        .await;
    let output = recording::output(&verdict, &report);
    let ending = Ending::of(&verdict);
    let (denial, changes) = match verdict {
        Verdict::Approved(approved) => (None, Some(approved.into_parts().1)),
        Verdict::Denied(denial) => (Some(denial), None),
        Verdict::Faulted | Verdict::MfaRequired { .. } | Verdict::Busy => (None, None),
    };
    Evaluation {
        ending,
        denial,
        changes,
        report,
        before: State::of(&fixture.exchange),
        output,
    }
}

impl Evaluation {
    /// What the process exits with.
    pub(in crate::cli) fn code(&self) -> ExitCode {
        match self.ending {
            Ending::Allowed => ExitCode::Success,
            Ending::Denied | Ending::MfaRequired => ExitCode::Denied,
            Ending::Faulted => ExitCode::Faulted,
        }
    }

    /// What would be signed and kept; none if the login ended.
    pub(in crate::cli) fn after(&self) -> Option<State> {
        Some(self.before.changed(self.changes.as_ref()?))
    }

    /// The fault that ended the login.
    pub(in crate::cli) fn fault(&self) -> Option<(Fault, &str)> {
        let last = self.report.rules.last()?;
        match &last.outcome {
            Outcome::Faulted {
                fault,
                detail,
                skipped: false,
            } => Some((*fault, detail)),
            _ => None,
        }
    }
}

impl State {
    fn of(exchange: &Exchange) -> Self {
        let user = exchange.user.clone().unwrap_or_default();
        let Draft {
            scopes,
            access_claims,
            id_claims,
        } = exchange.draft.clone();
        Self {
            scopes,
            access_claims,
            id_claims,
            user_metadata: user.user_metadata,
            app_metadata: user.app_metadata,
        }
    }

    fn changed(&self, changes: &Changes) -> Self {
        let mut after = self.clone();
        after.scopes.clone_from(&changes.scopes);
        let claims = |object: &mut Map<String, Value>, name: &String, value: &Option<Value>| {
            match value {
                Some(value) => object.insert(name.clone(), value.clone()),
                None => object.remove(name),
            };
        };
        for (name, value) in &changes.access_claims {
            claims(&mut after.access_claims, name, value);
        }
        for (name, value) in &changes.id_claims {
            claims(&mut after.id_claims, name, value);
        }
        for (object, merged) in [
            (&mut after.user_metadata, &changes.user_metadata),
            (&mut after.app_metadata, &changes.app_metadata),
        ] {
            for (name, value) in merged {
                let value = (!value.is_null()).then(|| value.clone());
                claims(object, name, &value);
            }
        }
        after
    }
}
