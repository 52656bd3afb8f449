//! `/api/v2/refresh-tokens`, and those of a user.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource};
use super::query::CHECKPOINTS;
use super::shape::{Field, Shape};
use crate::admin::page::{Page, Paged};
use crate::admin::refresh_tokens::{self, RefreshTokenInfo};
use crate::http::error::management::Refused;

const READ: &[&str] = &["read:refresh_tokens"];
const DELETE: &[&str] = &["delete:refresh_tokens"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/users/{user_id}/refresh-tokens",
        "Lists the refresh tokens of a user",
        READ,
        Gives::Part("tokens", &TOKEN),
        |call| Box::pin(list(call)),
    )
    .query(&[CHECKPOINTS]),
    Endpoint::delete(
        "/users/{user_id}/refresh-tokens",
        "Revokes all refresh tokens of a user",
        DELETE,
        |call| Box::pin(revoke_all(call)),
    )
    .gives(Gives::Nothing(StatusCode::ACCEPTED)),
    Endpoint::get(
        "/refresh-tokens/{id}",
        "Returns what may be shown of a refresh token",
        READ,
        Gives::One(StatusCode::OK, &TOKEN),
        |call| Box::pin(get(call)),
    ),
    Endpoint::delete(
        "/refresh-tokens/{id}",
        "Revokes a refresh token, and what it was exchanged for",
        DELETE,
        |call| Box::pin(revoke(call)),
    ),
];

static TOKEN: Resource = Resource {
    name: "RefreshToken",
    fields: &[
        Field::output(
            "id",
            Shape::Text(100),
            "Its name, the same through all rotations.",
        ),
        Field::output("user_id", Shape::Text(300), "Whose login it came of."),
        Field::output("client_id", Shape::Text(100), "Whom it was issued to."),
        Field::output(
            "rotating",
            Shape::Flag,
            "Whether each exchange gives another.",
        ),
        Field::output(
            "resource_servers",
            Shape::List(&Shape::Map, 10),
            "What it is good for.",
        ),
        Field::output("cnf", Shape::Map, "The key that must be shown with it."),
        Field::output("created_at", Shape::Moment, "When the login was."),
        Field::output("last_exchanged_at", Shape::Moment, "The last exchange."),
        Field::output("expires_at", Shape::Moment, "The end."),
        Field::output(
            "idle_expires_at",
            Shape::Moment,
            "The end if there is no exchange before.",
        ),
    ],
};

/// Always in an object with `next`, as recorded: there are no pages by number here.
async fn list(call: Call) -> Result<Answer, Refused> {
    let page = match call.query.page()? {
        Page::Offset { take, .. } => Page::Behind { cursor: None, take },
        behind => behind,
    };
    let (server, tenant) = (&call.server, &call.tenant.name);
    let all = refresh_tokens::list(server, tenant, call.segment(0), None).await?;
    let part = Paged::of(all, &page, |token| token.id.clone())?;
    Ok(Answer::Part(
        "tokens",
        page,
        part.map(|token| document(&token)),
    ))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let found = refresh_tokens::get(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::One(document(&found)))
}

async fn revoke(call: Call) -> Result<Answer, Refused> {
    refresh_tokens::revoke(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::Done)
}

async fn revoke_all(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    crate::admin::users::find_by_id(server, tenant, call.segment(0)).await?;
    refresh_tokens::revoke_all(server, tenant, call.segment(0), None).await?;
    Ok(Answer::AcceptedWithoutWords)
}

fn document(token: &RefreshTokenInfo) -> Value {
    json!(token)
}
