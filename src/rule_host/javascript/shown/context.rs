//! What rules know of the request, in the shapes of their dialects: `context`, and `event`.

use super::super::super::claim_name::is_reserved_claim;
use super::super::super::draft::{Overlay, Working};
use super::super::super::exchange::{Exchange, Grant, User};
use super::object::{Member, Object};
use super::user;

/// Claims of the user's profile. Rules do not start with them, and change them by changing `user`.
pub(super) const PROFILE: [&str; 19] = [
    "address",
    "birthdate",
    "email",
    "email_verified",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "phone_number_verified",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];

/// `context` before the first classic rule.
pub(super) fn classic<'a>(draft: &'a Working, user: &'a User) -> Object<'a> {
    let exchange: &Exchange = &draft.exchange;
    let request = Object::default()
        .with("ip", &exchange.request.ip)
        .with("hostname", &exchange.request.hostname)
        .with_some("userAgent", exchange.request.user_agent.as_ref())
        .with("query", Object::default())
        .with("body", pairs(&exchange.request.parameters))
        .with("geoip", Object::default());
    let access = custom_claims(&draft.access_claims).with("scope", &draft.scopes);
    Object::default()
        .with("tenant", &exchange.tenant)
        .with("clientID", &exchange.client.id)
        .with("clientName", &exchange.client.name)
        .with("clientMetadata", pairs(&exchange.client.metadata))
        .with("connection", &user.connection)
        .with("connectionStrategy", "auth0")
        .with("connectionOptions", Object::default())
        .with("connectionMetadata", Object::default())
        .with("protocol", protocol(exchange))
        .with("request", request)
        .with("stats", one("loginsCount", user.logins_count))
        .with("samlConfiguration", Object::default())
        .with("authentication", one("methods", methods(exchange)))
        .with("authorization", one("roles", &user.roles))
        .with("accessToken", access)
        .with("idToken", custom_claims(&draft.id_claims))
}

/// `event` of an Action, but for what the driver asks for when it is read.
pub(super) fn event(draft: &Working) -> Object<'_> {
    let exchange: &Exchange = &draft.exchange;
    let client = Object::default()
        .with("client_id", &exchange.client.id)
        .with("name", &exchange.client.name)
        .with("metadata", pairs(&exchange.client.metadata));
    let request = Object::default()
        .with("ip", &exchange.request.ip)
        .with("hostname", &exchange.request.hostname)
        .with_some("user_agent", exchange.request.user_agent.as_ref())
        .with("method", "POST")
        .with("query", Object::default())
        .with("body", pairs(&exchange.request.parameters))
        .with("geoip", Object::default());
    let api = exchange.api.as_ref();
    let event = Object::default()
        .with("client", client)
        .with("request", request)
        .with("tenant", one("id", &exchange.tenant))
        .with_some(
            "resource_server",
            api.map(|api| one("identifier", &api.identifier)),
        );
    match &exchange.user {
        Some(user) => post_login(event, draft, user),
        None => credentials(event, draft),
    }
}

fn post_login<'a>(event: Object<'a>, draft: &'a Working, user: &'a User) -> Object<'a> {
    let exchange: &Exchange = &draft.exchange;
    let connection = Object::default()
        .with("name", &user.connection)
        .with("strategy", "auth0")
        .with("metadata", Object::default());
    let transaction = Object::default()
        .with("id", &exchange.id)
        .with("protocol", protocol(exchange))
        .with("requested_scopes", requested_scopes(exchange))
        .with("acr_values", Member::Names(Vec::new()))
        .with("ui_locales", Member::Names(Vec::new()));
    event
        .with("authentication", one("methods", methods(exchange)))
        .with("authorization", one("roles", &user.roles))
        .with("connection", connection)
        .with("stats", one("logins_count", user.logins_count))
        .with("transaction", transaction)
        .with("user", user::action(draft, user))
}

fn credentials<'a>(event: Object<'a>, draft: &'a Working) -> Object<'a> {
    let token = Object::default()
        .with("customClaims", custom_claims(&draft.access_claims))
        .with("scope", &draft.scopes);
    let transaction = Object::default()
        .with("requested_scopes", requested_scopes(&draft.exchange))
        .with("target_scopes", &draft.scopes);
    event
        .with("accessToken", token)
        .with("transaction", transaction)
}

fn one<'a>(name: &'a str, member: impl Into<Member<'a>>) -> Object<'a> {
    Object::default().with(name, member)
}

/// A list of pairs as an object; of a name that comes twice the last value counts.
pub(super) fn pairs(pairs: &[(String, String)]) -> Object<'_> {
    let mut object = Object::default();
    for (name, value) in pairs {
        object.set(name, value);
    }
    object
}

fn protocol(exchange: &Exchange) -> &'static str {
    match exchange.grant {
        Grant::RefreshToken => "oauth2-refresh-token",
        _ => "oauth2-password",
    }
}

fn requested_scopes(exchange: &Exchange) -> Member<'_> {
    let mut parameters = exchange.request.parameters.iter();
    let asked = parameters.find(|(name, _)| name == "scope");
    let scopes = asked.map(|(_, scope)| scope.split(' ').filter(|scope| !scope.is_empty()));
    Member::Names(scopes.into_iter().flatten().collect())
}

/// How the user authenticated: RFC 8176's words become those that rules compare with.
fn methods(exchange: &Exchange) -> Vec<Object<'_>> {
    let methods = exchange.authentication_methods.iter();
    methods
        .map(|method| {
            let name = if method == "pwd" { "pwd" } else { "mfa" };
            Object::default()
                .with("name", name)
                .with("timestamp", exchange.now.as_millis())
        })
        .collect()
}

/// The claims of a draft that earlier rules set.
fn custom_claims(claims: &Overlay) -> Object<'_> {
    let members = claims.members();
    members
        .filter(|(name, _)| !PROFILE.contains(&name.as_str()) && !is_reserved_claim(name))
        .map(|(name, value)| (name.as_str(), value.into()))
        .collect()
}
