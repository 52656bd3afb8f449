//! How a rule ended, as the driver tells it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::bindings::types;
use super::super::fault::Failure;
use super::super::text::printable;
use super::super::{Fault, Limits};

/// How much of what was thrown is reported, in bytes.
const THROWN_BYTES: usize = 1000;

/// Effects or a denial, as a component returns them, or what the rule threw.
pub(in crate::rule_host) type Ending = Result<Result<Vec<types::Effect>, types::Denial>, Failure>;

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    effects: Vec<Effect>,
    denied: Option<Denied>,
    failed: Option<Failed>,
}

#[derive(Deserialize)]
struct Denied {
    error: Option<String>,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(default)]
    name: String,
    message: String,
    /// File, line and column of the author's own source.
    position: Option<String>,
    /// The author's own frames.
    #[serde(default)]
    stack: String,
}

impl Failed {
    fn words(&self) -> String {
        let name = match self.name.as_str() {
            "" => String::new(),
            name => format!("{name}: "),
        };
        let place = self.position.as_ref().map(|place| format!(" ({place})"));
        let words = format!("{name}{}{}", self.message, place.unwrap_or_default());
        printable(&words, THROWN_BYTES)
    }
}

/// An effect in the words of the interface.
#[derive(Deserialize)]
struct Effect {
    effect: String,
    #[serde(default)]
    name: String,
    value: Option<Box<RawValue>>,
}

/// Reads it; what the rule threw comes with its stack.
pub(super) fn read(text: &str, limits: &Limits) -> (Ending, String) {
    let nonsense = |e: serde_json::Error| {
        let what = format!("what the driver says of the rule is not understood: {e}");
        (Err(Failure::new(Fault::Output, what)), String::new())
    };
    if text.len() > limits.output_bytes {
        let what = format!(
            "the rule's effects have {} bytes and may have {}",
            text.len(),
            limits.output_bytes
        );
        return (Err(Failure::new(Fault::Output, what)), String::new());
    }
    let told: Told = match serde_json::from_str(text) {
        Ok(told) => told,
        Err(e) => return nonsense(e),
    };
    if let Some(failed) = told.failed {
        let failure = Failure::new(Fault::Exception, failed.words());
        return (Err(failure), failed.stack);
    }
    if let Some(denied) = told.denied {
        let denial = types::Denial {
            error: denied.error,
            description: denied.description,
        };
        return (Ok(Err(denial)), String::new());
    }
    let effects: Result<_, _> = told.effects.into_iter().map(Effect::known).collect();
    (effects.map(Ok), String::new())
}

impl Effect {
    fn known(self) -> Result<types::Effect, Failure> {
        use types::Effect as E;
        let text = self.value.as_deref().map_or("null", RawValue::get);
        let claim = |name| types::Claim {
            name,
            value: text.to_owned(),
        };
        Ok(match self.effect.as_str() {
            "set-access-claim" => E::SetAccessClaim(claim(self.name)),
            "remove-access-claim" => E::RemoveAccessClaim(self.name),
            "set-id-claim" => E::SetIdClaim(claim(self.name)),
            "remove-id-claim" => E::RemoveIdClaim(self.name),
            "add-scope" => E::AddScope(self.name),
            "remove-scope" => E::RemoveScope(self.name),
            "replace-scopes" => E::ReplaceScopes(parse(text, "replace-scopes")?),
            "require-mfa" => {
                let demand: Demand = parse(text, "require-mfa")?;
                E::RequireMfa(types::FactorDemand {
                    provider: self.name,
                    allow_remember: demand.allow_remember,
                })
            }
            "merge-user-metadata" => E::MergeUserMetadata(text.to_owned()),
            "merge-app-metadata" => E::MergeAppMetadata(text.to_owned()),
            "share" => E::Share(claim(self.name)),
            other => {
                let other = printable(other, 100);
                let what = format!("there is no effect `{other}` in this version");
                return Err(Failure::new(Fault::Output, what));
            }
        })
    }
}

#[derive(Deserialize)]
struct Demand {
    #[serde(default)]
    allow_remember: bool,
}

fn parse<'t, T: Deserialize<'t>>(text: &'t str, effect: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|e| {
        let what = format!("the value of `{effect}` is not what it must be: {e}");
        Failure::new(Fault::Output, what)
    })
}
