//! `/api/v2/users` (contract, section 7.6).

use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::endpoint::{Answer, Call, Endpoint, Gives, Takes};
use super::fields::{given, read};
use super::query::{PAGES, PROJECTION};
use super::shape::{Field, Shape};
use super::user_fields::USER;
use crate::admin::users::{self, Change, NewUser, search};
use crate::http::error::management::Refused;
use crate::secret::Secret;

const READ: &[&str] = &["read:users"];
const UPDATE: &[&str] = &["update:users", "update:users_app_metadata"];

/// A search that takes longer is ended (contract, section 7.6).
const SEARCH_TIME: Duration = Duration::from_secs(2);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/users",
        "Lists users, or searches them",
        READ,
        Gives::Part("users", &USER),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, PROJECTION, SEARCH]),
    Endpoint::post(
        "/users",
        "Makes a user",
        &["create:users"],
        (Takes::New(&USER), Gives::One(StatusCode::CREATED, &USER)),
        |call| Box::pin(create(call)),
    ),
    Endpoint::get(
        "/users/{user_id}",
        "Returns a user",
        READ,
        Gives::One(StatusCode::OK, &USER),
        |call| Box::pin(get(call)),
    )
    .query(&[PROJECTION]),
    Endpoint::patch(
        "/users/{user_id}",
        "Changes a user; metadata are merged, first level only, and null takes a key away",
        UPDATE,
        (Takes::Change(&USER), Gives::One(StatusCode::OK, &USER)),
        |call| Box::pin(change(call)),
    ),
    Endpoint::delete(
        "/users/{user_id}",
        "Takes a user away with all that is its own",
        &["delete:users"],
        |call| Box::pin(delete(call)),
    ),
    Endpoint::get(
        "/users-by-email",
        "Returns the users with this e-mail address, in the case that is given",
        READ,
        Gives::All(&USER),
        |call| Box::pin(by_email(call)),
    )
    .query(&[PROJECTION, BY_EMAIL]),
];

const SEARCH: &[Field] = &[
    Field::input(
        "q",
        Shape::Prose(2_000),
        "What is wanted, in Lucene's query language.",
    ),
    Field::input(
        "search_engine",
        Shape::Word(&["v3"]),
        "There is only this one.",
    ),
    Field::input("primary_order", Shape::Flag, "Without effect."),
    Field::input(
        "sort",
        Shape::Text(200),
        "A field and a direction: `created_at:-1`.",
    ),
    Field::input("connection", Shape::Text(128), "Those of this connection."),
];

const BY_EMAIL: &[Field] = &[Field::input("email", Shape::Text(320), "The address.").required()];

#[derive(Deserialize)]
struct Body {
    connection: Option<String>,
    user_id: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    username: Option<String>,
    #[serde(default, deserialize_with = "given")]
    phone_number: Option<Option<String>>,
    phone_verified: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    nickname: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    given_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    family_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    picture: Option<Option<String>>,
    blocked: Option<bool>,
    #[serde(default)]
    user_metadata: Map<String, Value>,
    #[serde(default)]
    app_metadata: Map<String, Value>,
    password: Option<Secret>,
}

impl Body {
    fn into_change(self) -> Change {
        Change {
            email: self.email,
            email_verified: self.email_verified,
            username: self.username,
            phone_number: self.phone_number,
            phone_verified: self.phone_verified,
            name: self.name,
            nickname: self.nickname,
            given_name: self.given_name,
            family_name: self.family_name,
            picture: self.picture,
            blocked: self.blocked,
            user_metadata: self.user_metadata,
            app_metadata: self.app_metadata,
            password: self.password,
        }
    }
}

async fn list(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let wanted = search::Wanted {
        query: match call.query.text("q") {
            None | Some("") => None,
            Some(text) => Some(search::Query::parse(text)?),
        },
        connection: call.query.text("connection").map(str::to_owned),
        sort: match call.query.text("sort") {
            None => None,
            Some(text) => Some(search::Sort::parse(text)?),
        },
    };
    let found = search::run(&call.server, &call.tenant.name, &page, &wanted);
    let found = tokio::time::timeout(SEARCH_TIME, found).await;
    let found = found.map_err(|_| Refused::search_too_slow())??;
    Ok(Answer::Part("users", page, found))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let found = users::shown(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::One(found))
}

async fn create(call: Call) -> Result<Answer, Refused> {
    let mut body: Body = read(call.body)?;
    let Some(password) = body.password.take() else {
        let message = "Payload validation error: 'Missing required property: password'.";
        return Err(Refused::invalid_body(message));
    };
    let new = NewUser {
        connection: body.connection.take().unwrap_or_default(),
        user_id: body.user_id.take(),
        email: body.email.take(),
        username: body.username.take(),
        email_verified: body.email_verified.unwrap_or_default(),
        ..NewUser::default()
    };
    let (server, tenant) = (&call.server, &call.tenant.name);
    let user = users::create_with(server, tenant, new, password, body.into_change()).await?;
    Ok(Answer::Made(
        users::shown(server, tenant, &user.user_id).await?,
    ))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let only_app_metadata = call.body.keys().all(|name| name == "app_metadata");
    if !call.caller.may("update:users") && !only_app_metadata {
        return Err(Refused::insufficient_scope(&["update:users"]));
    }
    let body: Body = read(std::mem::take(&mut call.body))?;
    let (server, tenant) = (&call.server, &call.tenant.name);
    // Tools say to which connection a new password or name belongs. A user has only one.
    if let Some(named) = &body.connection {
        let user = users::find_by_id(server, tenant, call.segment(0)).await?;
        if user.connection != *named {
            return Err(Refused::invalid_body(
                "Payload validation error: 'the user is of another connection' on property connection.",
            ));
        }
    }
    let user = users::update(server, tenant, call.segment(0), body.into_change()).await?;
    Ok(Answer::One(
        users::shown(server, tenant, &user.user_id).await?,
    ))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    users::delete(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::Done)
}

async fn by_email(call: Call) -> Result<Answer, Refused> {
    let email = call.query.text("email").unwrap_or_default();
    let (server, tenant) = (&call.server, &call.tenant.name);
    let found = users::with_email(server, tenant, email).await?;
    Ok(Answer::All(found))
}
