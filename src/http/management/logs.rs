//! `/api/v2/logs` (contract, section 7.8): the tenant's log.

use std::time::Duration;

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource};
use super::query::{PAGES, PROJECTION};
use super::shape::{Field, Shape};
use crate::admin::events::{self, bare, documents};
use crate::admin::page::Page;
use crate::admin::users::search::Query;
use crate::http::error::management::Refused;
use crate::log::LogEvent;
use axum::http::StatusCode;

pub(super) const READ: &[&str] = &["read:logs", "read:logs_users"];

/// As a search for users.
const SEARCH_TIME: Duration = Duration::from_secs(2);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/logs",
        "Lists what happened: newest first by page, or what came after an event, oldest first",
        READ,
        Gives::Part("logs", &EVENT),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, PROJECTION, AFTER]),
    Endpoint::get(
        "/logs/{log_id}",
        "Returns an event",
        READ,
        Gives::One(StatusCode::OK, &EVENT),
        |call| Box::pin(get(call)),
    ),
    Endpoint::get(
        "/users/{user_id}/logs",
        "Lists what happened about a user, newest first",
        READ,
        Gives::Part("logs", &EVENT),
        |call| Box::pin(of_user(call)),
    )
    .query(&[PAGES, SORT]),
];

const AFTER: &[Field] = &[
    Field::input(
        "from",
        Shape::Text(100),
        "The `log_id` of an event; those after it are returned.",
    ),
    Field::input("take", Shape::Whole(1, 100), "How many; 50 if not said."),
    Field::input(
        "q",
        Shape::Prose(2_000),
        "What is wanted, in Lucene's query language.",
    ),
    Field::input(
        "sort",
        Shape::Word(&["date:-1"]),
        "There is only this order.",
    ),
];

const SORT: &[Field] = &[Field::input(
    "sort",
    Shape::Word(&["date:-1"]),
    "There is only this order.",
)];

static EVENT: Resource = Resource {
    name: "LogEvent",
    fields: EVENT_FIELDS,
};

pub(super) const EVENT_FIELDS: &[Field] = &[
    Field::output("log_id", Shape::Text(100), "Its identity."),
    Field::output("_id", Shape::Text(100), "The same."),
    Field::output("date", Shape::Moment, "When."),
    Field::output("type", Shape::Text(20), "What happened."),
    Field::output("description", Shape::Prose(1_000), "In words."),
    Field::output("connection", Shape::Text(128), "The connection."),
    Field::output("strategy", Shape::Text(50), "Its strategy."),
    Field::output("strategy_type", Shape::Text(50), "The strategy's kind."),
    Field::output("client_id", Shape::Text(100), "Who asked."),
    Field::output("client_name", Shape::Text(200), "That client's name today."),
    Field::output("ip", Shape::Text(50), "Where the user is."),
    Field::output(
        "client_ip",
        Shape::Text(50),
        "Where the client is, if it said where its user is.",
    ),
    Field::output("user_agent", Shape::Text(1_000), "The `User-Agent`."),
    Field::output(
        "hostname",
        Shape::Text(300),
        "The host name that was asked.",
    ),
    Field::output("user_id", Shape::Text(300), "About whom."),
    Field::output(
        "user_name",
        Shape::Text(320),
        "That user's address or name today.",
    ),
    Field::output("audience", Shape::Text(1_000), "The API."),
    Field::output("scope", Shape::Text(1_000), "The scopes."),
    Field::output(
        "isMobile",
        Shape::Flag,
        "Whether the `User-Agent` says that it is a phone.",
    ),
    Field::output(
        "details",
        Shape::Map,
        "The grant, and the exchange of `/exchanges/{id}`; or the request and the response.",
    ),
];

async fn list(call: Call) -> Result<Answer, Refused> {
    let query = match call.query.text("q") {
        None | Some("") => None,
        Some(text) => Some(Query::parse(text)?),
    };
    let page = call.query.page()?;
    let Page::Behind { cursor, take } = &page else {
        return newest(&call, page, |event| match &query {
            None => true,
            Some(query) => query.takes(&bare(event)),
        })
        .await;
    };
    if query.is_some() {
        let message = "Query validation error: '`q` goes with `page` and `per_page` only'.";
        return Err(Refused::invalid_query(message));
    }
    let (server, tenant) = (&call.server, &call.tenant.name);
    let after = events::after(server, tenant, cursor.as_deref(), *take).await?;
    let next = after.last().map(|event| {
        let query = format!("api/v2/logs?from={}&take={take}", event.log_id);
        call.tenant.issuer.endpoint(&query)
    });
    Ok(Answer::Linked(
        documents(server, tenant, after).await?,
        next,
    ))
}

async fn of_user(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let user = crate::admin::users::find_by_id(server, tenant, call.segment(0)).await?;
    let page = call.query.page()?;
    newest(&call, page, |event| {
        event.user_id.as_ref() == Some(&user.user_id)
    })
    .await
}

async fn newest(
    call: &Call,
    page: Page,
    wanted: impl Fn(&LogEvent) -> bool + Send,
) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let searching = events::newest(server, tenant, &page, wanted);
    let found = tokio::time::timeout(SEARCH_TIME, searching).await;
    let found = found.map_err(|_| Refused::search_too_slow())??;
    let (total, next) = (found.total, found.next);
    let items = documents(server, tenant, found.items).await?;
    let part = crate::admin::page::Paged { items, total, next };
    Ok(Answer::Part("logs", page, part))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let event = events::get(server, tenant, call.segment(0)).await?;
    let mut documents = documents(server, tenant, vec![event]).await?;
    documents
        .pop()
        .map(Answer::One)
        .ok_or_else(|| Refused::missing("log"))
}
