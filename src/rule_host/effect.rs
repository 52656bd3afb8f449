//! What becomes of an effect: it changes the draft, or it is refused and the tenant reads why.

use serde_json::{Map, Value};

use super::draft::{Author, FactorDemand, Overlay, Working};
use super::request::{Kind, Request};
use super::text::printable;
use super::{EffectReport, Limits, Provenanced, claim_name};

/// Applies one effect, or says why not.
pub(super) fn apply(
    draft: &mut Working,
    request: Request,
    author: Author<'_>,
    limits: &Limits,
) -> EffectReport {
    let refused = match &request.refused {
        Some(reason) => Some(reason.clone()),
        None => try_apply(draft, &request, author, limits).err(),
    };
    EffectReport {
        effect: request.kind.name().to_owned(),
        name: request.name.map(|n| printable(&n, limits.name_bytes)),
        value: request.value,
        refused,
    }
}

fn try_apply(
    draft: &mut Working,
    request: &Request,
    author: Author<'_>,
    limits: &Limits,
) -> Result<(), String> {
    let name = request.name.as_deref().unwrap_or_default();
    let value = request.value.as_ref().unwrap_or(&Value::Null);
    match request.kind {
        Kind::SetAccessClaim => set_claim(
            draft,
            Token::Access,
            name,
            (value, request.bytes),
            author,
            limits,
        ),
        Kind::SetIdClaim => set_claim(
            draft,
            Token::Id,
            name,
            (value, request.bytes),
            author,
            limits,
        ),
        Kind::RemoveAccessClaim => remove_claim(draft, Token::Access, name, limits),
        Kind::RemoveIdClaim => remove_claim(draft, Token::Id, name, limits),
        Kind::AddScope => add_scope(draft, name, author, limits),
        Kind::RemoveScope => {
            draft.scopes.retain(|scope| scope != name);
            draft.discredit(Provenanced::Scope, name);
            Ok(())
        }
        Kind::ReplaceScopes => replace_scopes(draft, value, author, limits),
        Kind::RequireMfa => require_mfa(draft, name, value, limits),
        Kind::MergeUserMetadata => {
            let object = metadata(draft, value, limits)?;
            draft.user_metadata.merge(object, limits.metadata_bytes)
        }
        Kind::MergeAppMetadata => {
            let object = metadata(draft, value, limits)?;
            draft.app_metadata.merge(object, limits.metadata_bytes)
        }
        Kind::Share => {
            claim_name::plain(name, limits.name_bytes)?;
            draft
                .shared
                .set(name, value.clone(), request.bytes, limits.shared_bytes)
        }
    }
}

/// The two tokens that carry claims.
#[derive(Clone, Copy)]
enum Token {
    Access,
    Id,
}

impl Token {
    fn claims(self, draft: &mut Working) -> &mut Overlay {
        match self {
            Self::Access => &mut draft.access_claims,
            Self::Id => &mut draft.id_claims,
        }
    }

    fn provenanced(self) -> Provenanced {
        match self {
            Self::Access => Provenanced::Claim,
            Self::Id => Provenanced::IdClaim,
        }
    }
}

fn set_claim(
    draft: &mut Working,
    token: Token,
    name: &str,
    (value, bytes): (&Value, usize),
    author: Author<'_>,
    limits: &Limits,
) -> Result<(), String> {
    claim_name::check(name, limits.name_bytes)?;
    token
        .claims(draft)
        .set(name, value.clone(), bytes, limits.claims_bytes)?;
    draft.credit(token.provenanced(), name, author);
    Ok(())
}

fn remove_claim(
    draft: &mut Working,
    token: Token,
    name: &str,
    limits: &Limits,
) -> Result<(), String> {
    claim_name::check(name, limits.name_bytes)?;
    token.claims(draft).remove(name);
    draft.discredit(token.provenanced(), name);
    Ok(())
}

fn add_scope(
    draft: &mut Working,
    scope: &str,
    author: Author<'_>,
    limits: &Limits,
) -> Result<(), String> {
    check_scope(scope, limits)?;
    if draft.scopes.iter().any(|have| have == scope) {
        return Ok(());
    }
    if draft.scopes.len() >= limits.scopes {
        return Err(too_many_scopes(limits));
    }
    draft.scopes.push(scope.to_owned());
    draft.credit(Provenanced::Scope, scope, author);
    Ok(())
}

/// All of the list, or none of it: half a list would grant what nobody meant.
fn replace_scopes(
    draft: &mut Working,
    value: &Value,
    author: Author<'_>,
    limits: &Limits,
) -> Result<(), String> {
    let mut wanted: Vec<String> = Vec::new();
    for scope in value.as_array().into_iter().flatten() {
        let scope = scope.as_str().unwrap_or_default();
        check_scope(scope, limits)?;
        if !wanted.iter().any(|have| have == scope) {
            wanted.push(scope.to_owned());
        }
    }
    if wanted.len() > limits.scopes {
        return Err(too_many_scopes(limits));
    }
    let before = std::mem::replace(&mut draft.scopes, wanted.clone());
    for scope in before.iter().filter(|scope| !wanted.contains(scope)) {
        draft.discredit(Provenanced::Scope, scope);
    }
    for scope in wanted.iter().filter(|scope| !before.contains(scope)) {
        draft.credit(Provenanced::Scope, scope, author);
    }
    Ok(())
}

fn too_many_scopes(limits: &Limits) -> String {
    format!("a token may carry {} scopes", limits.scopes)
}

/// RFC 6749, section 3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
fn check_scope(scope: &str, limits: &Limits) -> Result<(), String> {
    let is_token = !scope.is_empty()
        && scope
            .bytes()
            .all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    if !is_token {
        return Err(format!(
            "`{}` is not a scope: printable ASCII without space, `\"` and `\\` is (RFC 6749, section 3.3); name several one by one",
            printable(scope, limits.name_bytes)
        ));
    }
    if scope.len() > limits.name_bytes {
        return Err(format!(
            "the scope has {} bytes and may have {}",
            scope.len(),
            limits.name_bytes
        ));
    }
    Ok(())
}

fn require_mfa(
    draft: &mut Working,
    provider: &str,
    value: &Value,
    limits: &Limits,
) -> Result<(), String> {
    claim_name::plain(provider, limits.name_bytes)?;
    draft.factor_demand = Some(FactorDemand {
        provider: provider.to_owned(),
        allow_remember: value
            .get("allow_remember")
            .and_then(Value::as_bool)
            .unwrap_or_default(),
    });
    Ok(())
}

/// An object that may be merged into a user's metadata.
fn metadata<'v>(
    draft: &Working,
    value: &'v Value,
    limits: &Limits,
) -> Result<&'v Map<String, Value>, String> {
    if draft.exchange.user.is_none() {
        return Err("there is no user in this exchange".into());
    }
    let Some(object) = value.as_object() else {
        return Err("metadata is merged from a JSON object".into());
    };
    for key in object.keys() {
        claim_name::plain(key, limits.name_bytes)?;
        if key.contains(['.', '$']) {
            return Err(format!(
                "the key `{}` contains `.` or `$`, which metadata may not",
                printable(key, limits.name_bytes)
            ));
        }
    }
    Ok(object)
}
