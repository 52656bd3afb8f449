//! What tokens say: pure functions from records and the rules' changes to claims.
//!
//! [`draft`] is what rules see; [`access_claims`], [`id_claims`] and [`userinfo_claims`] are what is
//! signed or answered. All of them put rules' claims in first and the server's own over them, so
//! that no mistake elsewhere lets a rule say who the token is about.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Confirmation;
use crate::api::{Api, TokenDialect};
use crate::client::Client;
use crate::clock::Timestamp;
use crate::rule_host::{Changes, Draft, is_reserved_claim};
use crate::tenant::Tenant;
use crate::user::User;

/// Claims that rules changed: a value, or none where one was taken out.
pub type Overlay = BTreeMap<String, Option<Value>>;

/// The scope that lets a standard claim into a token (OpenID Connect Core, section 5.4).
fn scope_of(claim: &str) -> Option<&'static str> {
    match claim {
        "name" | "family_name" | "given_name" | "middle_name" | "nickname" | "picture"
        | "updated_at" | "preferred_username" | "profile" | "website" | "gender" | "birthdate"
        | "zoneinfo" | "locale" => Some("profile"),
        "email" | "email_verified" => Some("email"),
        "phone_number" | "phone_number_verified" => Some("phone"),
        "address" => Some("address"),
        _ => None,
    }
}

/// Between whom a token is made.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    /// Who issues it.
    pub tenant: &'a Tenant,
    /// Who asked for it.
    pub client: &'a Client,
    /// Whom the access token is for; none when it is good for /userinfo only.
    pub api: Option<&'a Api>,
    /// How it was asked for: the claim `gty`.
    pub gty: &'static str,
    /// All that the subject holds on the API.
    pub permissions: &'a [String],
}

/// When a token is made and when it ends.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// The claim `iat`.
    pub from: Timestamp,
    /// In seconds; with `from` the claim `exp`.
    pub seconds: u64,
}

/// What would be signed if no rule changed anything: the access token's claims without those known
/// only at signing (`iat`, `exp`, `jti`), and the ID token's, empty unless `openid` is granted to a
/// user.
pub fn draft(parties: &Parties<'_>, sub: &str, user: Option<&User>, scopes: &[String]) -> Draft {
    let mut id_claims = Map::new();
    if let (Some(user), true) = (user, grants(scopes, "openid")) {
        id_claims = profile(user, scopes);
        id_claims.extend(standard_id_claims(parties, user));
    }
    Draft {
        scopes: scopes.to_vec(),
        access_claims: standard_access_claims(parties, sub, scopes),
        id_claims,
    }
}

/// The access token's claims. `jti` goes into the dialect that has one, `cnf` into a token that is
/// bound to a key.
pub fn access_claims(
    parties: &Parties<'_>,
    sub: &str,
    changes: &Changes,
    validity: Validity,
    jti: &str,
    confirmation: Option<&Confirmation>,
) -> Map<String, Value> {
    let mut claims = Map::new();
    overlay(&mut claims, &changes.access_claims, &changes.scopes);
    claims.extend(standard_access_claims(parties, sub, &changes.scopes));
    stamp(&mut claims, validity);
    if dialect(parties).is_rfc9068() {
        claims.insert("jti".into(), jti.into());
    }
    if let Some(confirmation) = confirmation {
        claims.insert("cnf".into(), json!(confirmation));
    }
    claims
}

/// The ID token's claims.
pub fn id_claims(
    parties: &Parties<'_>,
    user: &User,
    changes: &Changes,
    validity: Validity,
    at_hash: &str,
) -> Map<String, Value> {
    let mut claims = profile(user, &changes.scopes);
    overlay(&mut claims, &changes.id_claims, &changes.scopes);
    claims.extend(standard_id_claims(parties, user));
    stamp(&mut claims, validity);
    claims.insert("at_hash".into(), at_hash.into());
    claims
}

/// What /userinfo answers: what the ID token says of the user, with the claims that rules last set.
pub fn userinfo_claims(user: &User, scopes: &[String], custom: &Overlay) -> Map<String, Value> {
    let mut claims = profile(user, scopes);
    overlay(&mut claims, custom, scopes);
    claims.insert("sub".into(), user.user_id.as_str().into());
    claims
}

/// Whether a scope is among those granted.
pub(super) fn grants(scopes: &[String], scope: &str) -> bool {
    scopes.iter().any(|granted| granted == scope)
}

/// Whether the access token is also good for /userinfo: `openid` is granted, and the signature is
/// one that we can verify without the API's secret.
fn reaches_userinfo(api: &Api, scopes: &[String]) -> bool {
    grants(scopes, "openid") && api.signing_alg.is_asymmetric()
}

fn dialect(parties: &Parties<'_>) -> TokenDialect {
    parties.api.map(|api| api.token_dialect).unwrap_or_default()
}

fn standard_access_claims(
    parties: &Parties<'_>,
    sub: &str,
    scopes: &[String],
) -> Map<String, Value> {
    let Parties {
        tenant,
        client,
        api,
        gty,
        permissions,
    } = *parties;
    let userinfo = tenant.issuer.endpoint("userinfo");
    let aud = match api {
        None => json!(userinfo),
        Some(api) if reaches_userinfo(api, scopes) => json!([api.identifier, userinfo]),
        Some(api) => json!(api.identifier),
    };
    let mut claims = Map::new();
    claims.insert("iss".into(), tenant.issuer.as_str().into());
    claims.insert("sub".into(), sub.into());
    claims.insert("aud".into(), aud);
    let dialect = dialect(parties);
    if dialect.is_rfc9068() {
        claims.insert("client_id".into(), client.client_id.as_str().into());
    } else {
        claims.insert("azp".into(), client.client_id.as_str().into());
        claims.insert("gty".into(), gty.into());
    }
    if dialect.has_permissions() {
        claims.insert("permissions".into(), json!(permissions));
    }
    if !scopes.is_empty() {
        claims.insert("scope".into(), scopes.join(" ").into());
    }
    claims
}

fn standard_id_claims(parties: &Parties<'_>, user: &User) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("iss".into(), parties.tenant.issuer.as_str().into());
    claims.insert("sub".into(), user.user_id.as_str().into());
    claims.insert("aud".into(), parties.client.client_id.as_str().into());
    claims
}

fn stamp(claims: &mut Map<String, Value>, validity: Validity) {
    let from = validity.from.as_secs();
    claims.insert("iat".into(), from.into());
    claims.insert("exp".into(), from.saturating_add(validity.seconds).into());
}

/// The standard claims that the granted scopes let out, as far as they are known. Empty ones are
/// left out (OpenID Connect Core, section 5.3.2).
pub fn profile(user: &User, scopes: &[String]) -> Map<String, Value> {
    let texts = [
        ("name", &user.name),
        ("family_name", &user.family_name),
        ("given_name", &user.given_name),
        ("nickname", &user.nickname),
        ("picture", &user.picture),
        ("email", &user.email),
        ("phone_number", &user.phone_number),
    ];
    let mut claims: Map<String, Value> = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), Value::from(text.as_deref()?))))
        .collect();
    // As a date, not as the number of OpenID Connect Core, section 5.1: what clients of Auth0 read.
    claims.insert("updated_at".into(), user.updated_at.to_string().into());
    if user.email.is_some() {
        claims.insert("email_verified".into(), user.email_verified.into());
    }
    if user.phone_number.is_some() {
        claims.insert("phone_number_verified".into(), user.phone_verified.into());
    }
    claims.retain(|name, _| scope_of(name).is_some_and(|scope| grants(scopes, scope)));
    claims
}

/// Applies what rules set and took out. Reserved claims are left alone; a standard profile claim
/// needs its scope, whoever sets it.
fn overlay(claims: &mut Map<String, Value>, changes: &Overlay, scopes: &[String]) {
    for (name, value) in changes {
        let hidden = scope_of(name).is_some_and(|scope| !grants(scopes, scope));
        if hidden || is_reserved_claim(name) {
            continue;
        }
        match value {
            Some(value) => claims.insert(name.clone(), value.clone()),
            None => claims.remove(name),
        };
    }
}
