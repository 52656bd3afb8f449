//! An event as actions are given one (contract, section 3.2), read backwards: the exchange that it would
//! have come of. What no exchange of this server has is named, so that nobody takes it for tested.

use serde_json::{Map, Value};

use crate::action::Trigger;
use crate::clock::Timestamp;
use crate::http::error::management::Refused;
use crate::rule_host::exchange::{Api, Client, Draft, Request, User};
use crate::rule_host::{Exchange, Grant};

/// An event that was read.
pub(super) struct Event {
    pub(super) exchange: Exchange,
    /// Members without a place in it.
    pub(super) ignored: Vec<String>,
}

/// Members of a user's profile, as documents and claims call them alike.
const PROFILE: [&str; 7] = [
    "family_name",
    "given_name",
    "name",
    "nickname",
    "phone_number",
    "picture",
    "updated_at",
];

pub(super) fn read(
    event: Map<String, Value>,
    trigger: Trigger,
    now: Timestamp,
) -> Result<Event, Refused> {
    let mut event = Part {
        path: "payload.event".to_owned(),
        members: event,
        ignored: Vec::new(),
    };
    let mut exchange = Exchange {
        now,
        ..Exchange::default()
    };
    event.inside("client", |client| {
        exchange.client = Client {
            id: client.text("client_id")?.unwrap_or_default(),
            name: client.text("name")?.unwrap_or_default(),
            metadata: client.pairs("metadata")?,
        };
        Ok(())
    })?;
    event.inside("request", |request| {
        exchange.request = Request {
            ip: request.text("ip")?.unwrap_or_default(),
            user_agent: request.text("user_agent")?,
            hostname: request.text("hostname")?.unwrap_or_default(),
            parameters: request.pairs("body")?,
        };
        Ok(())
    })?;
    event.inside("resource_server", |api| {
        exchange.api = api.text("identifier")?.map(|identifier| Api {
            identifier,
            scopes: Vec::new(),
        });
        Ok(())
    })?;
    let mut scopes = Vec::new();
    event.inside("transaction", |transaction| {
        exchange.id = transaction.text("id")?.unwrap_or_default();
        scopes = transaction.texts("requested_scopes")?;
        if let Some(protocol) = transaction.text("protocol")? {
            match protocol.as_str() {
                "oauth2-password" => exchange.grant = Grant::Password,
                "oauth2-refresh-token" => exchange.grant = Grant::RefreshToken,
                _ => transaction.ignore("protocol"),
            }
        }
        Ok(())
    })?;
    let parameters = &mut exchange.request.parameters;
    if !scopes.is_empty() && !parameters.iter().any(|(name, _)| name == "scope") {
        parameters.push(("scope".to_owned(), scopes.join(" ")));
    }
    exchange.draft = Draft {
        scopes,
        ..Draft::default()
    };
    match trigger {
        Trigger::PostLogin => post_login(&mut event, &mut exchange)?,
        Trigger::CredentialsExchange => event.inside("accessToken", |token| {
            exchange.grant = Grant::ClientCredentials;
            exchange.draft.access_claims = token.object("customClaims")?;
            if token.has("scope") {
                exchange.draft.scopes = token.texts("scope")?;
            }
            Ok(())
        })?,
    }
    let mut ignored = event.left();
    ignored.sort();
    Ok(Event { exchange, ignored })
}

fn post_login(event: &mut Part, exchange: &mut Exchange) -> Result<(), Refused> {
    let mut user = User::default();
    event.inside("user", |shown| {
        user.id = shown.text("user_id")?.unwrap_or_default();
        user.username = shown.text("username")?;
        user.email = shown.text("email")?;
        user.email_verified = shown.flag("email_verified")?.unwrap_or_default();
        user.user_metadata = shown.object("user_metadata")?;
        user.app_metadata = shown.object("app_metadata")?;
        user.created_at = shown.moment("created_at")?.unwrap_or_default();
        user.last_password_reset = shown.moment("last_password_reset")?;
        for name in PROFILE {
            if let Some(text) = shown.text(name)? {
                user.profile.insert(name.to_owned(), text.into());
            }
        }
        if let Some(verified) = shown.flag("phone_verified")? {
            let name = "phone_number_verified".to_owned();
            user.profile.insert(name, verified.into());
        }
        Ok(())
    })?;
    event.inside("connection", |connection| {
        user.connection = connection.text("name")?.unwrap_or_default();
        Ok(())
    })?;
    event.inside("authorization", |authorization| {
        user.roles = authorization.texts("roles")?;
        Ok(())
    })?;
    event.inside("stats", |stats| {
        user.logins_count = stats.count("logins_count")?.unwrap_or_default();
        Ok(())
    })?;
    exchange.authentication_methods = vec!["pwd".to_owned()];
    event.inside("authentication", |authentication| {
        let Some(methods) = authentication.taken("methods") else {
            return Ok(());
        };
        let name = |method: &Value| method.get("name")?.as_str().map(str::to_owned);
        let names = methods.as_array().map(|all| all.iter().map(name).collect());
        let Some(Some(names)) = names else {
            return Err(authentication.wrong("methods", "array of objects with a name"));
        };
        exchange.authentication_methods = names;
        Ok(())
    })?;
    exchange.user = Some(user);
    Ok(())
}

/// A part of the event, with what is not read of it yet.
struct Part {
    path: String,
    members: Map<String, Value>,
    ignored: Vec<String>,
}

impl Part {
    /// Reads the members of a member.
    fn inside(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let mut part = Self {
            path: format!("{}.{name}", self.path),
            members: self.object(name)?,
            ignored: Vec::new(),
        };
        read(&mut part)?;
        self.ignored.extend(part.left());
        Ok(())
    }

    /// What was ignored, and what nobody asked for.
    fn left(mut self) -> Vec<String> {
        let path = self.path.trim_start_matches("payload.");
        let rest = self.members.keys().map(|name| {
            let name: String = name.escape_debug().take(100).collect();
            format!("{path}.{name}")
        });
        self.ignored.extend(rest);
        self.ignored
    }

    fn ignore(&mut self, name: &str) {
        let path = self.path.trim_start_matches("payload.");
        self.ignored.push(format!("{path}.{name}"));
    }

    fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    fn taken(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, expected: &str) -> Refused {
        let path = &self.path;
        Refused::invalid_body(format!(
            "Payload validation error: 'Expected {expected}' on property {path}.{name}."
        ))
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Refused> {
        match self.taken(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "type string")),
        }
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, Refused> {
        match self.taken(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.wrong(name, "type boolean")),
        }
    }

    fn count(&mut self, name: &str) -> Result<Option<u64>, Refused> {
        match self.taken(name) {
            None => Ok(None),
            Some(number) => match number.as_u64() {
                Some(number) => Ok(Some(number)),
                None => Err(self.wrong(name, "a whole number")),
            },
        }
    }

    fn moment(&mut self, name: &str) -> Result<Option<Timestamp>, Refused> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let parsed: Option<jiff::Timestamp> = text.parse().ok();
        let millis = parsed.and_then(|at| u64::try_from(at.as_millisecond()).ok());
        match millis {
            Some(millis) => Ok(Some(Timestamp::from_millis(millis))),
            None => Err(self.wrong(name, "a moment as in RFC 3339, since 1970")),
        }
    }

    fn object(&mut self, name: &str) -> Result<Map<String, Value>, Refused> {
        match self.taken(name) {
            None => Ok(Map::new()),
            Some(Value::Object(members)) => Ok(members),
            Some(_) => Err(self.wrong(name, "type object")),
        }
    }

    fn texts(&mut self, name: &str) -> Result<Vec<String>, Refused> {
        let Some(value) = self.taken(name) else {
            return Ok(Vec::new());
        };
        let texts = serde_json::from_value(value);
        texts.map_err(|_| self.wrong(name, "an array of strings"))
    }

    fn pairs(&mut self, name: &str) -> Result<Vec<(String, String)>, Refused> {
        let members = self.object(name)?;
        let text = |(member, value): (String, Value)| match value {
            Value::String(text) => Ok((member, text)),
            _ => Err(self.wrong(name, "an object of strings")),
        };
        members.into_iter().map(text).collect()
    }
}
