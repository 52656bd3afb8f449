//! An exchange as the driver is shown it: in the words of the rules that run, so that it only has to be read, with the
//! draft as earlier rules left it.

mod context;
mod object;
mod user;

use super::super::draft::Working;
use super::super::exchange::Exchange;
use super::script::Dialect;
use context::{PROFILE, pairs};
use object::{Member, Object};

/// The exchange of `draft` as JSON, for rules of one dialect.
pub(in crate::rule_host) fn shown(draft: &Working, dialect: Dialect) -> String {
    let exchange: &Exchange = &draft.exchange;
    let user_id = exchange.user.as_ref().map(|user| user.id.as_str());
    let common = Object::default()
        .with("now", exchange.now.as_millis())
        .with("hostname", &exchange.request.hostname)
        .with("user_id", user_id.map_or(Member::Null, Member::Text));
    let shown = match dialect {
        Dialect::Classic => classic(common, draft),
        Dialect::PasswordExchange | Dialect::ClientCredentialsExchange => form(common, draft),
        Dialect::PostLogin | Dialect::CredentialsExchange | Dialect::Action => common
            .with("event", context::event(draft))
            .with("scopes", &draft.scopes),
    };
    // Writing to a string cannot fail, and every key is text.
    serde_json::to_string(&shown).unwrap_or_default()
}

fn classic<'a>(shown: Object<'a>, draft: &'a Working) -> Object<'a> {
    let Some(user) = &draft.exchange.user else {
        return shown;
    };
    let id_claims = draft.id_claims.members();
    let in_profile = id_claims
        .map(|(name, _)| name.as_str())
        .filter(|name| PROFILE.contains(name));
    let profile = Member::Names(in_profile.collect());
    shown
        .with("user", user::classic(draft, user))
        .with("context", context::classic(draft, user))
        .with("profile", profile)
}

/// The arguments of the form of 2016.
fn form<'a>(shown: Object<'a>, draft: &'a Working) -> Object<'a> {
    let exchange: &Exchange = &draft.exchange;
    let client = Object::default()
        .with("tenant", &exchange.tenant)
        .with("id", &exchange.client.id)
        .with("name", &exchange.client.name)
        .with("metadata", pairs(&exchange.client.metadata));
    let context = Object::default()
        .with("ip", &exchange.request.ip)
        .with_some("userAgent", exchange.request.user_agent.as_ref());
    let user = exchange.user.as_ref();
    let audience = exchange.api.as_ref().map(|api| &api.identifier);
    shown
        .with_some("user", user.map(|user| user::exchange(draft, user)))
        .with("client", client)
        .with("scopes", &draft.scopes)
        .with_some("audience", audience)
        .with("context", context)
}
