//! What Auth0 has of a user and this server has not: sessions, linked accounts, second factors.

use axum::http::StatusCode;

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::query::CHECKPOINTS;
use super::shape::{Field, Shape};
use crate::admin::page::{Page, Paged};
use crate::admin::users;
use crate::http::error::management::Refused;

const UPDATE: &[&str] = &["update:users"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/users/{user_id}/sessions",
        "Lists the sessions of a user: there are none, since nobody logs in to this server by browser",
        &["read:sessions"],
        Gives::Part("sessions", &SESSION),
        |call| Box::pin(sessions(call)),
    )
    .query(&[CHECKPOINTS]),
    Endpoint::delete(
        "/users/{user_id}/sessions",
        "Ends the sessions of a user: there are none",
        &["delete:sessions"],
        |call| Box::pin(end_sessions(call)),
    )
    .gives(Gives::Nothing(StatusCode::ACCEPTED)),
    Endpoint::post(
        "/users/{user_id}/identities",
        "Is refused: accounts are not linked here",
        UPDATE,
        (Takes::Input(&LINK), Gives::All(&IDENTITY)),
        |call| Box::pin(link(call)),
    ),
    Endpoint::delete(
        "/users/{user_id}/identities/{provider}/{identity}",
        "Is refused: accounts are not linked here",
        UPDATE,
        |call| Box::pin(link(call)),
    ),
    Endpoint::delete(
        "/users/{user_id}/authenticators",
        "Takes a user's second factors away: there are none",
        UPDATE,
        |call| Box::pin(no_factors(call)),
    ),
    Endpoint::delete(
        "/users/{user_id}/multifactor/{provider}",
        "Takes a user's second factor away: there are none",
        UPDATE,
        |call| Box::pin(no_factors(call)),
    ),
];

static SESSION: Resource = Resource {
    name: "Session",
    fields: &[Field::output("id", Shape::Text(100), "Its identity.")],
};

static LINK: Resource = Resource {
    name: "IdentityLink",
    fields: &[
        Field::input("provider", Shape::Text(100), "Whose account."),
        Field::input("user_id", Shape::Text(300), "Which account."),
        Field::input("connection_id", Shape::Text(100), "Of which connection."),
        Field::input("link_with", Shape::Prose(10_000), "An ID token of it."),
    ],
};

static IDENTITY: Resource = Resource {
    name: "Identity",
    fields: &[
        Field::output("user_id", Shape::Text(300), "The account."),
        Field::output("connection", Shape::Text(128), "Its connection."),
        Field::output("provider", Shape::Text(100), "Whose it is."),
        Field::output("isSocial", Shape::Flag, "Whether it is another site's."),
    ],
};

/// Who is not there has nothing of all this.
async fn require(call: &Call) -> Result<(), Refused> {
    let found = users::find_by_id(&call.server, &call.tenant.name, call.segment(0)).await;
    Ok(found.map(drop)?)
}

async fn sessions(call: Call) -> Result<Answer, Refused> {
    require(&call).await?;
    let page = Page::Behind {
        cursor: None,
        take: 0,
    };
    let none = Paged {
        items: Vec::new(),
        total: None,
        next: None,
    };
    Ok(Answer::Part("sessions", page, none))
}

async fn end_sessions(call: Call) -> Result<Answer, Refused> {
    require(&call).await?;
    Ok(Answer::AcceptedWithoutWords)
}

async fn link(call: Call) -> Result<Answer, Refused> {
    require(&call).await?;
    let message = "This server does not link accounts: a user is of one connection.";
    Err(Refused::not_supported(message))
}

async fn no_factors(call: Call) -> Result<Answer, Refused> {
    require(&call).await?;
    Ok(Answer::Done)
}
