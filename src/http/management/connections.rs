//! `/api/v2/connections`, those of the strategy `auth0` (contract, section 7.5).

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::connection_options::{OPTIONS, Options, as_options};
use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::{read, take_kept, with_kept};
use super::query::{CHECKPOINTS, PAGES, PROJECTION};
use super::shape::{Field, Shape};
use crate::admin::connections::{self, Change};
use crate::admin::{clients, page};
use crate::connection::Connection;
use crate::http::error::management::Refused;

const READ: &[&str] = &["read:connections"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/connections",
        "Lists the user directories of the tenant",
        READ,
        Gives::Part("connections", &CONNECTION),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, CHECKPOINTS, PROJECTION, FILTER]),
    Endpoint::post(
        "/connections",
        "Makes a user directory",
        &["create:connections"],
        (
            Takes::New(&CONNECTION),
            Gives::One(StatusCode::CREATED, &CONNECTION),
        ),
        |call| Box::pin(create(call)),
    ),
    Endpoint::get(
        "/connections/{connection_id}",
        "Returns a user directory",
        READ,
        Gives::One(StatusCode::OK, &CONNECTION),
        |call| Box::pin(get(call)),
    )
    .query(&[PROJECTION]),
    Endpoint::patch(
        "/connections/{connection_id}",
        "Changes a user directory; `options` are replaced as a whole",
        &["update:connections"],
        (
            Takes::Change(&CONNECTION),
            Gives::One(StatusCode::OK, &CONNECTION),
        ),
        |call| Box::pin(change(call)),
    ),
    Endpoint::delete(
        "/connections/{connection_id}",
        "Takes a user directory away, with its users; it may take a while",
        &["delete:connections"],
        |call| Box::pin(delete(call)),
    )
    .gives(Gives::One(StatusCode::ACCEPTED, &DELETION)),
];

const FILTER: &[Field] = &[
    Field::input("name", Shape::Text(128), "The one of this name."),
    Field::input(
        "strategy",
        Shape::Text(100),
        "Those of this strategy; there is only `auth0`.",
    ),
];

static CONNECTION: Resource = Resource {
    name: "Connection",
    fields: &[
        Field::output("id", Shape::Text(100), "Its identity."),
        Field::new(
            "name",
            Shape::Text(128),
            "1 to 128 letters, digits and `-`.",
        )
        .required()
        .fixed(),
        Field::new(
            "strategy",
            Shape::Word(&["auth0"]),
            "There is only this one.",
        )
        .required()
        .fixed(),
        Field::new(
            "enabled_clients",
            Shape::List(&Shape::Text(100), 1_000),
            "The clients that may use it.",
        ),
        Field::new(
            "enabled_for_all",
            Shape::Flag,
            "Whether every client may use it, those to come too; not together with `enabled_clients`.",
        ),
        Field::new(
            "realms",
            Shape::List(&Shape::Text(128), 10),
            "The realms that select it.",
        ),
        Field::new("options", Shape::Object(OPTIONS), "Its settings."),
        Field::output(
            "authentication",
            Shape::Map,
            "Whether it is used to log in.",
        ),
        Field::kept("display_name", Shape::Text(128)),
        Field::kept("is_domain_connection", Shape::Flag),
        Field::kept("show_as_button", Shape::Flag),
        Field::kept("metadata", Shape::Map),
        Field::kept("connected_accounts", Shape::Map),
    ],
};

static DELETION: Resource = Resource {
    name: "ConnectionDeletion",
    fields: &[Field::output(
        "deleted_at",
        Shape::Moment,
        "When that began.",
    )],
};

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    enabled_clients: Option<Vec<String>>,
    enabled_for_all: Option<bool>,
    realms: Option<Vec<String>>,
    options: Option<Map<String, Value>>,
}

impl Body {
    fn change(&mut self, mut kept: Map<String, Value>) -> Result<Change, Refused> {
        if self.enabled_for_all == Some(true) && self.enabled_clients.is_some() {
            let message = "Payload validation error: 'a connection has `enabled_clients` or is `enabled_for_all`, not both'.";
            return Err(Refused::invalid_body(message));
        }
        let mut change = Change {
            enabled_clients: self.enabled_clients.take(),
            enabled_for_all: self.enabled_for_all,
            // Its name selects it anyway.
            realms: self.realms.take(),
            ..Change::default()
        };
        if let Some(mut options) = self.options.take() {
            let of_options = take_kept(&mut options, OPTIONS);
            let of_options = of_options.into_iter().filter(|(_, value)| !value.is_null());
            kept.insert("options".to_owned(), Value::Object(of_options.collect()));
            read::<Options>(options)?.apply(&mut change)?;
        }
        Ok(Change { kept, ..change })
    }
}

async fn list(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let (name, strategy) = (call.query.text("name"), call.query.text("strategy"));
    let wanted = |connection: &Connection| {
        name.is_none_or(|name| connection.name == name)
            && strategy.is_none_or(|strategy| strategy == "auth0")
    };
    let of = [call.tenant.name.as_str()];
    let found = page::read(&call.server, &of, &page, wanted).await?;
    let everyone = everyone(&call).await?;
    let found = found.map(|connection| document(&connection, &everyone));
    Ok(Answer::Part("connections", page, found))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let connection = connections::find(server, tenant, call.segment(0)).await?;
    Ok(Answer::One(document(&connection, &everyone(&call).await?)))
}

async fn create(mut call: Call) -> Result<Answer, Refused> {
    let kept = take_kept(&mut call.body, CONNECTION.fields);
    let mut body: Body = read(std::mem::take(&mut call.body))?;
    let name = body.name.take().unwrap_or_default();
    let mut change = body.change(kept)?;
    if change.enabled_for_all != Some(true) {
        // The contract's meaning of none: nobody, until somebody is let in.
        change.enabled_clients.get_or_insert_default();
    }
    let made = connections::create_with(&call.server, &call.tenant.name, &name, change).await;
    Ok(Answer::Made(document(&made?, &everyone(&call).await?)))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let kept = take_kept(&mut call.body, CONNECTION.fields);
    let mut body: Body = read(std::mem::take(&mut call.body))?;
    let (server, tenant) = (&call.server, &call.tenant.name);
    let found = connections::find(server, tenant, call.segment(0)).await?;
    let change = body.change(kept)?;
    let changed = connections::change(server, tenant, &found.name, change).await?;
    Ok(Answer::One(document(&changed, &everyone(&call).await?)))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let found = connections::find(server, tenant, call.segment(0)).await?;
    let deleted_at = server.clock.now().to_string();
    connections::delete(server, tenant, &found.name).await?;
    Ok(Answer::Accepted(json!({ "deleted_at": deleted_at })))
}

/// All clients, which is what a connection has that is open to all.
async fn everyone(call: &Call) -> Result<Vec<String>, Refused> {
    let all = clients::list(&call.server, &call.tenant.name).await?;
    Ok(all.into_iter().map(|client| client.client_id).collect())
}

fn document(connection: &Connection, everyone: &[String]) -> Value {
    let enabled = match connection.enabled_for_all {
        true => everyone,
        false => &connection.enabled_clients,
    };
    let realms = match connection.realms.as_slice() {
        [] => std::slice::from_ref(&connection.name),
        realms => realms,
    };
    let mut kept = connection.kept.clone();
    let options = kept.remove("options");
    let document = json!({
        "id": connection.id(),
        "name": connection.name,
        "strategy": "auth0",
        "enabled_clients": enabled,
        "enabled_for_all": connection.enabled_for_all,
        "realms": realms,
        "options": as_options(connection, options.as_ref().and_then(Value::as_object)),
        "is_domain_connection": false,
        "authentication": { "active": true },
    });
    with_kept(document, &kept)
}
