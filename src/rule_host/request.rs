//! Effects as a rule returned them: taken apart, their JSON parsed, nothing applied yet.
//!
//! This comes first for all of a call's effects, since a fault undoes them all: what is not JSON, or
//! too much, is a fault of the rule. What is merely not allowed is refused later, one by one.

use serde_json::{Value, json};

use super::bindings::types;
use super::fault::Failure;
use super::text::printable;
use super::{Fault, Limits};

/// One effect, parsed.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) kind: Kind,
    /// The claim, scope or key it is about.
    pub(super) name: Option<String>,
    pub(super) value: Option<Value>,
    /// The length of the value's text.
    pub(super) bytes: usize,
    /// Why it is refused already.
    pub(super) refused: Option<String>,
}

/// The effects of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    SetAccessClaim,
    RemoveAccessClaim,
    SetIdClaim,
    RemoveIdClaim,
    AddScope,
    RemoveScope,
    ReplaceScopes,
    RequireMfa,
    MergeUserMetadata,
    MergeAppMetadata,
    Share,
}

impl Kind {
    /// Its name in the interface.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SetAccessClaim => "set-access-claim",
            Self::RemoveAccessClaim => "remove-access-claim",
            Self::SetIdClaim => "set-id-claim",
            Self::RemoveIdClaim => "remove-id-claim",
            Self::AddScope => "add-scope",
            Self::RemoveScope => "remove-scope",
            Self::ReplaceScopes => "replace-scopes",
            Self::RequireMfa => "require-mfa",
            Self::MergeUserMetadata => "merge-user-metadata",
            Self::MergeAppMetadata => "merge-app-metadata",
            Self::Share => "share",
        }
    }
}

/// Takes apart everything that one call returned, or finds the fault in it.
pub(super) fn parse(effects: Vec<types::Effect>, limits: &Limits) -> Result<Vec<Request>, Failure> {
    if effects.len() > limits.effects {
        return Err(Failure::new(
            Fault::Output,
            format!(
                "the rule returned {} effects and may return {}",
                effects.len(),
                limits.effects
            ),
        ));
    }
    let bytes: usize = effects.iter().map(bytes).sum();
    if bytes > limits.output_bytes {
        return Err(Failure::new(
            Fault::Output,
            format!(
                "the rule's effects have {bytes} bytes and may have {}",
                limits.output_bytes
            ),
        ));
    }
    effects
        .into_iter()
        .map(|effect| Request::of(effect, limits))
        .collect()
}

fn bytes(effect: &types::Effect) -> usize {
    use types::Effect as E;
    match effect {
        E::SetAccessClaim(c) | E::SetIdClaim(c) | E::Share(c) => c.name.len() + c.value.len(),
        E::RemoveAccessClaim(s)
        | E::RemoveIdClaim(s)
        | E::AddScope(s)
        | E::RemoveScope(s)
        | E::MergeUserMetadata(s)
        | E::MergeAppMetadata(s) => s.len(),
        E::ReplaceScopes(scopes) => scopes.iter().map(String::len).sum(),
        E::RequireMfa(demand) => demand.provider.len(),
    }
}

impl Request {
    fn of(effect: types::Effect, limits: &Limits) -> Result<Self, Failure> {
        use types::Effect as E;
        Ok(match effect {
            E::SetAccessClaim(c) => {
                Self::with_json(Kind::SetAccessClaim, Some(c.name), &c.value, limits)?
            }
            E::RemoveAccessClaim(name) => Self::named(Kind::RemoveAccessClaim, name),
            E::SetIdClaim(c) => Self::with_json(Kind::SetIdClaim, Some(c.name), &c.value, limits)?,
            E::RemoveIdClaim(name) => Self::named(Kind::RemoveIdClaim, name),
            E::AddScope(name) => Self::named(Kind::AddScope, name),
            E::RemoveScope(name) => Self::named(Kind::RemoveScope, name),
            E::ReplaceScopes(scopes) => Self {
                value: Some(Value::from(scopes)),
                ..Self::new(Kind::ReplaceScopes)
            },
            E::RequireMfa(demand) => Self {
                value: Some(json!({ "allow_remember": demand.allow_remember })),
                ..Self::named(Kind::RequireMfa, demand.provider)
            },
            E::MergeUserMetadata(text) => {
                Self::with_json(Kind::MergeUserMetadata, None, &text, limits)?
            }
            E::MergeAppMetadata(text) => {
                Self::with_json(Kind::MergeAppMetadata, None, &text, limits)?
            }
            E::Share(c) => Self::with_json(Kind::Share, Some(c.name), &c.value, limits)?,
        })
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            name: None,
            value: None,
            bytes: 0,
            refused: None,
        }
    }

    fn named(kind: Kind, name: String) -> Self {
        Self {
            name: Some(name),
            ..Self::new(kind)
        }
    }

    fn with_json(
        kind: Kind,
        name: Option<String>,
        text: &str,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let mut request = Self {
            name,
            bytes: text.len(),
            ..Self::new(kind)
        };
        // Before parsing: the parser has a depth of its own, and would call this nonsense.
        let depth = depth(text);
        if depth > limits.json_depth {
            request.refused = Some(format!(
                "its JSON nests {depth} deep and may nest {}",
                limits.json_depth
            ));
            return Ok(request);
        }
        request.value = Some(serde_json::from_str(text).map_err(|e| {
            let about = request.name.as_deref().unwrap_or("the metadata");
            Failure::new(
                Fault::Output,
                format!(
                    "the value that `{}` has for `{}` is not JSON: {e}",
                    kind.name(),
                    printable(about, limits.name_bytes)
                ),
            )
        })?);
        Ok(request)
    }
}

/// How deep a JSON text nests: brackets outside strings.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(text: &str) -> Result<Vec<Request>, Failure> {
        let claim = types::Claim {
            name: "x".into(),
            value: text.into(),
        };
        parse(vec![types::Effect::Share(claim)], &Limits::default())
    }

    #[test]
    fn json_of_exactly_the_depth_passes_and_one_deeper_is_refused_without_a_fault() {
        let nest = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(share(&nest(32)).unwrap()[0].refused, None);
        let refused = share(&nest(33)).unwrap()[0].refused.clone();
        assert_eq!(
            refused.as_deref(),
            Some("its JSON nests 33 deep and may nest 32")
        );
        assert!(share(&nest(10_000)).unwrap()[0].refused.is_some());
    }

    #[test]
    fn nonsense_is_a_fault() {
        for text in [
            "",
            "{",
            "nope",
            "NaN",
            "1e400",
            "\"\\ud800\"",
            "[1] 2",
            "'x'",
        ] {
            assert_eq!(share(text).unwrap_err().fault, Fault::Output, "{text}");
        }
    }

    #[test]
    fn one_effect_too_many_is_a_fault() {
        let limits = Limits::default();
        let effects = |n| vec![types::Effect::AddScope("a".into()); n];
        assert_eq!(parse(effects(limits.effects), &limits).unwrap().len(), 256);
        let failure = parse(effects(limits.effects + 1), &limits).unwrap_err();
        assert_eq!(failure.fault, Fault::Output);
    }

    #[test]
    fn one_byte_too_many_is_a_fault() {
        let limits = Limits::default();
        let effects = |n| vec![types::Effect::AddScope("a".repeat(n))];
        assert!(parse(effects(limits.output_bytes), &limits).is_ok());
        let failure = parse(effects(limits.output_bytes + 1), &limits).unwrap_err();
        assert_eq!(failure.fault, Fault::Output);
    }

    proptest! {
        #[test]
        fn brackets_in_strings_do_not_nest(text in any::<String>()) {
            prop_assert_eq!(depth(&serde_json::to_string(&text).unwrap()), 0);
        }
    }
}
