//! An exchange from the command line, with sensible values for all that is not said.

use clap::Args;
use serde_json::{Map, Value, json};

use super::CliError;
use super::fixture::Fixture;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::rule_host::exchange::{Api, Client, Request, User};
use crate::rule_host::{Draft, Exchange, Grant};
use crate::secret::Secret;

/// What an exchange is about; each changes one thing of the file's exchange or of the usual one.
#[derive(Args, Default)]
#[command(next_help_heading = "The exchange")]
pub(in crate::cli) struct Flags {
    /// The user's e-mail address
    #[arg(long, value_name = "ADDRESS")]
    user_email: Option<String>,
    /// The address was not shown to be the user's
    #[arg(long)]
    email_unverified: bool,
    /// The `sub`
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// The user name
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The connection of the user
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// A role of the user; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// A permission of the user on the API; may be repeated
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    /// What the user may have written: a JSON object
    #[arg(long, value_name = "JSON", value_parser = object)]
    user_metadata: Option<Map<String, Value>>,
    /// What only the tenant writes: a JSON object
    #[arg(long, value_name = "JSON", value_parser = object)]
    app_metadata: Option<Map<String, Value>>,
    /// There is no user: a machine asks
    #[arg(long, conflicts_with_all = ["user_email", "user_id", "username", "roles", "permissions", "user_metadata", "app_metadata"])]
    no_user: bool,
    /// The `client_id`
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Metadata of the client; may be repeated
    #[arg(long = "client-metadata", value_name = "NAME=VALUE", value_parser = pair)]
    client_metadata: Vec<(String, String)>,
    /// The scopes granted so far, separated by spaces
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// The API that the access token is for
    #[arg(long, value_name = "IDENTIFIER")]
    audience: Option<String>,
    /// A scope that the API defines, beside those granted; may be repeated
    #[arg(long = "api-scope", value_name = "SCOPE")]
    api_scopes: Vec<String>,
    /// How the client asks
    #[arg(long, value_name = "GRANT")]
    grant: Option<Grant>,
    /// The address of the end user
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<String>,
    /// The `User-Agent`
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
    /// A body parameter; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// The time of the exchange, in milliseconds since 1970; now if not said
    #[arg(long, value_name = "MS")]
    now: Option<u64>,
    /// A value of the tenant's configuration; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    configuration: Vec<(String, String)>,
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}

impl Flags {
    /// The usual exchange, changed.
    pub(in crate::cli) fn fixture(&self) -> Result<Fixture, CliError> {
        let scopes = "openid profile email";
        let scopes = self.scope.as_deref().unwrap_or(scopes);
        let usual = Fixture {
            exchange: usual(scopes, self.now.is_none()),
            ..Fixture::default()
        };
        self.apply(usual)
    }

    /// Changes what was said, and leaves the rest.
    pub(in crate::cli) fn apply(&self, mut fixture: Fixture) -> Result<Fixture, CliError> {
        let exchange = &mut fixture.exchange;
        if self.no_user {
            exchange.user = None;
            exchange.grant = Grant::ClientCredentials;
        } else if self.is_about_the_user() {
            self.apply_to_user(exchange.user.get_or_insert_default());
        }
        set(&mut exchange.client.id, self.client.as_ref());
        exchange
            .client
            .metadata
            .extend(self.client_metadata.clone());
        if let Some(scope) = &self.scope {
            exchange.draft.scopes = scope.split_ascii_whitespace().map(str::to_owned).collect();
        }
        if self.audience.is_some() || !self.api_scopes.is_empty() {
            let api = exchange.api.get_or_insert_default();
            set(&mut api.identifier, self.audience.as_ref());
            api.scopes.extend(self.api_scopes.clone());
        }
        if let Some(grant) = self.grant {
            exchange.grant = grant;
        }
        set(&mut exchange.request.ip, self.ip.as_ref());
        if let Some(user_agent) = &self.user_agent {
            exchange.request.user_agent = Some(user_agent.clone());
        }
        exchange.request.parameters.extend(self.parameters.clone());
        if let Some(now) = self.now {
            exchange.now = Timestamp::from_millis(now);
        }
        restate(exchange);
        let values = self.configuration.iter();
        fixture
            .configuration
            .extend(values.map(|(key, value)| (key.clone(), Secret::new(value.clone()))));
        Ok(fixture)
    }

    fn is_about_the_user(&self) -> bool {
        self.user_email.is_some()
            || self.email_unverified
            || self.user_id.is_some()
            || self.username.is_some()
            || self.connection.is_some()
            || !self.roles.is_empty()
            || !self.permissions.is_empty()
            || self.user_metadata.is_some()
            || self.app_metadata.is_some()
    }

    fn apply_to_user(&self, user: &mut User) {
        set(&mut user.id, self.user_id.as_ref());
        set(&mut user.connection, self.connection.as_ref());
        if let Some(email) = &self.user_email {
            user.email = Some(email.clone());
        }
        if self.email_unverified {
            user.email_verified = false;
        }
        if let Some(username) = &self.username {
            user.username = Some(username.clone());
        }
        user.roles.extend(self.roles.clone());
        user.permissions.extend(self.permissions.clone());
        if let Some(metadata) = &self.user_metadata {
            user.user_metadata.clone_from(metadata);
        }
        if let Some(metadata) = &self.app_metadata {
            user.app_metadata.clone_from(metadata);
        }
    }
}

fn set(field: &mut String, value: Option<&String>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

/// A verified user of a small shop logs in with a password.
fn usual(scopes: &str, at_this_moment: bool) -> Exchange {
    let now = match at_this_moment {
        true => SystemClock.now(),
        false => Timestamp::default(),
    };
    let scopes: Vec<String> = scopes.split_ascii_whitespace().map(str::to_owned).collect();
    Exchange {
        id: "exchange-1".to_owned(),
        tenant: "acme".to_owned(),
        now,
        client: Client {
            id: "client-1".to_owned(),
            name: "Shop".to_owned(),
            metadata: Vec::new(),
        },
        user: Some(User {
            id: "auth0|ada".to_owned(),
            email: Some("ada@example.com".to_owned()),
            email_verified: true,
            connection: "Username-Password-Authentication".to_owned(),
            logins_count: 1,
            created_at: now,
            ..User::default()
        }),
        api: Some(Api {
            identifier: "https://api.example.com/".to_owned(),
            scopes: Vec::new(),
        }),
        request: Request {
            ip: "203.0.113.7".to_owned(),
            user_agent: Some("claimsmith rule run".to_owned()),
            hostname: "acme.localhost".to_owned(),
            parameters: Vec::new(),
        },
        authentication_methods: vec!["pwd".to_owned()],
        draft: Draft {
            scopes,
            access_claims: object_of(json!({ "iss": "https://acme.localhost/" })),
            id_claims: object_of(json!({ "iss": "https://acme.localhost/" })),
        },
        ..Exchange::default()
    }
}

/// The draft's claims that repeat what the rest of the exchange says, if the draft has them at all.
fn restate(exchange: &mut Exchange) {
    let Exchange {
        user,
        client,
        api,
        draft,
        ..
    } = exchange;
    if !draft.access_claims.contains_key("iss") {
        return;
    }
    let subject = match user {
        Some(user) => user.id.clone(),
        None => format!("{}@clients", client.id),
    };
    let audience = api.as_ref().map(|api| api.identifier.clone());
    let access = [
        ("sub", json!(subject)),
        ("aud", json!(audience)),
        ("azp", json!(client.id)),
        ("scope", json!(draft.scopes.join(" "))),
    ];
    draft
        .access_claims
        .extend(access.map(|(name, value)| (name.to_owned(), value)));
    if draft.id_claims.contains_key("iss") {
        let id = [("sub", json!(subject)), ("aud", json!(client.id))];
        draft
            .id_claims
            .extend(id.map(|(name, value)| (name.to_owned(), value)));
    }
}

fn object_of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
