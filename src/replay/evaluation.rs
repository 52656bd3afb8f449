//! One run of a chain on a case, and what came of it: what `run`, `test` and `replay` look at.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Case, NobodyLoggedIn};
use crate::recording;
use crate::rule_host::{BoundRule, Changes, Denial, Draft, Exchange, Fault, Report, RuleHost};
use crate::rule_host::{Outcome, Verdict};

/// How a chain ended, in the words of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Allowed,
    Denied,
    Faulted,
    MfaRequired,
}

impl Ending {
    pub(crate) fn of<S>(verdict: &Verdict<S>) -> Self {
        match verdict {
            Verdict::Approved(_) => Self::Allowed,
            Verdict::Denied(_) => Self::Denied,
            // Of a tool nothing else runs that could make it busy; a server looks at `busy` first.
            Verdict::Faulted | Verdict::Busy => Self::Faulted,
            Verdict::MfaRequired { .. } => Self::MfaRequired,
        }
    }
}

/// What a chain made of an exchange.
pub(crate) struct Evaluation {
    pub(crate) ending: Ending,
    pub(crate) denial: Option<Denial>,
    pub(crate) changes: Option<Changes>,
    pub(crate) report: Report,
    pub(crate) before: State,
    /// All that does not depend on the machine, as recordings have it.
    pub(crate) output: Value,
    /// That nothing ran, for want of a place.
    pub(crate) busy: bool,
}

/// What rules can change, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct State {
    pub(crate) scopes: Vec<String>,
    pub(crate) access_claims: Map<String, Value>,
    pub(crate) id_claims: Map<String, Value>,
    pub(crate) user_metadata: Map<String, Value>,
    pub(crate) app_metadata: Map<String, Value>,
}

/// Runs a chain on a case, which says what the network would answer.
pub(crate) async fn evaluate(host: &RuleHost, chain: &[BoundRule], case: &Case) -> Evaluation {
    evaluate_permitted(host, &case.permit(chain), case).await
}

/// The same with the permissions that the chain has.
pub(crate) async fn evaluate_permitted(
    host: &RuleHost,
    chain: &[BoundRule],
    case: &Case,
) -> Evaluation {
    let (verdict, report) = host
        .replay(
            chain,
            NobodyLoggedIn,
            case.exchange.clone(),
            &case.configuration,
            case.recording(chain),
        )
        .await;
    let output = recording::output(&verdict, &report);
    let ending = Ending::of(&verdict);
    let busy = matches!(verdict, Verdict::Busy);
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
        before: State::of(&case.exchange),
        output,
        busy,
    }
}

impl Evaluation {
    /// Whether the client and the user would have noticed no difference.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.ending == other.ending && self.denial == other.denial && self.changes == other.changes
    }

    /// What would be signed and kept; none if the login ended.
    pub(crate) fn after(&self) -> Option<State> {
        Some(self.before.changed(self.changes.as_ref()?))
    }

    /// The fault that ended the login.
    pub(crate) fn fault(&self) -> Option<(Fault, &str)> {
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
