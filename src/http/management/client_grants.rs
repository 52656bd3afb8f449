//! `/api/v2/client-grants` (contract, section 7.4).

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::{read, take_kept, with_kept};
use super::query::{CHECKPOINTS, PAGES, PROJECTION};
use super::shape::{Field, Shape};
use crate::admin::client_grants::{self, Change, NewClientGrant};
use crate::admin::page;
use crate::client_grant::{ClientGrant, SubjectType};
use crate::http::error::management::Refused;

const READ: &[&str] = &["read:client_grants"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/client-grants",
        "Lists which scopes of which API clients may have",
        READ,
        Gives::Part("client_grants", &CLIENT_GRANT),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, CHECKPOINTS, PROJECTION, FILTER]),
    Endpoint::post(
        "/client-grants",
        "Lets a client have scopes of an API",
        &["create:client_grants"],
        (
            Takes::New(&CLIENT_GRANT),
            Gives::One(StatusCode::CREATED, &CLIENT_GRANT),
        ),
        |call| Box::pin(create(call)),
    ),
    Endpoint::get(
        "/client-grants/{id}",
        "Returns a client grant",
        READ,
        Gives::One(StatusCode::OK, &CLIENT_GRANT),
        |call| Box::pin(get(call)),
    ),
    Endpoint::patch(
        "/client-grants/{id}",
        "Changes the scopes of a client grant",
        &["update:client_grants"],
        (
            Takes::Change(&CLIENT_GRANT),
            Gives::One(StatusCode::OK, &CLIENT_GRANT),
        ),
        |call| Box::pin(change(call)),
    ),
    Endpoint::delete(
        "/client-grants/{id}",
        "Takes a client grant back",
        &["delete:client_grants"],
        |call| Box::pin(delete(call)),
    ),
];

const SUBJECTS: &[&str] = &["client", "user"];

const FILTER: &[Field] = &[
    Field::input("client_id", Shape::Text(100), "Those of this client."),
    Field::input("audience", Shape::Text(600), "Those for this API."),
    Field::input(
        "subject_type",
        Shape::Word(SUBJECTS),
        "Those for tokens about these.",
    ),
];

static CLIENT_GRANT: Resource = Resource {
    name: "ClientGrant",
    fields: &[
        Field::output("id", Shape::Text(100), "Its identity."),
        Field::new("client_id", Shape::Text(100), "The client.")
            .required()
            .fixed(),
        Field::new("audience", Shape::Text(600), "The API.")
            .required()
            .fixed(),
        Field::new(
            "scope",
            Shape::List(&Shape::Text(280), 1_000),
            "The scopes that it may have.",
        )
        .or_null(),
        Field::new(
            "subject_type",
            Shape::Word(SUBJECTS),
            "Whom the tokens are about.",
        )
        .fixed(),
        Field::new(
            "allow_all_scopes",
            Shape::Flag,
            "Whether it may have every scope instead.",
        )
        .or_null(),
        Field::kept(
            "organization_usage",
            Shape::Word(&["deny", "allow", "require"]),
        ),
        Field::kept("allow_any_organization", Shape::Flag),
    ],
};

#[derive(Deserialize)]
struct Body {
    client_id: Option<String>,
    audience: Option<String>,
    scope: Option<Vec<String>>,
    subject_type: Option<SubjectType>,
    allow_all_scopes: Option<bool>,
}

async fn list(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let (client_id, audience) = (call.query.text("client_id"), call.query.text("audience"));
    let subject_type = call.query.text("subject_type");
    let wanted = |grant: &ClientGrant| {
        audience.is_none_or(|audience| grant.audience == audience)
            && subject_type.is_none_or(|subject| grant.subject_type.as_str() == subject)
    };
    let mut of = vec![call.tenant.name.as_str()];
    of.extend(client_id);
    let found = page::read(&call.server, &of, &page, wanted).await?;
    Ok(Answer::Part(
        "client_grants",
        page,
        found.map(|grant| document(&grant)),
    ))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let grant = client_grants::find(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::One(document(&grant)))
}

async fn create(mut call: Call) -> Result<Answer, Refused> {
    let kept = take_kept(&mut call.body, CLIENT_GRANT.fields);
    let body: Body = read(call.body)?;
    let new = NewClientGrant {
        client_id: body.client_id.unwrap_or_default(),
        audience: body.audience.unwrap_or_default(),
        scope: body.scope.unwrap_or_default(),
        allow_all_scopes: body.allow_all_scopes.unwrap_or_default(),
        subject_type: body.subject_type.unwrap_or_default(),
        kept,
    };
    let grant = client_grants::create(&call.server, &call.tenant.name, new).await?;
    Ok(Answer::Made(document(&grant)))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let kept = take_kept(&mut call.body, CLIENT_GRANT.fields);
    let body: Body = read(std::mem::take(&mut call.body))?;
    let change = Change {
        scope: body.scope,
        allow_all_scopes: body.allow_all_scopes,
        kept,
    };
    let changed = client_grants::update(&call.server, &call.tenant.name, call.segment(0), change);
    Ok(Answer::One(document(&changed.await?)))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let grant = client_grants::find(server, tenant, call.segment(0)).await?;
    let of = (
        grant.client_id.as_str(),
        grant.subject_type,
        grant.audience.as_str(),
    );
    client_grants::delete(server, tenant, of).await?;
    Ok(Answer::Done)
}

fn document(grant: &ClientGrant) -> Value {
    let document = json!({
        "id": grant.id,
        "client_id": grant.client_id,
        "audience": grant.audience,
        "scope": grant.scope,
        "subject_type": grant.subject_type,
        "allow_all_scopes": grant.allow_all_scopes,
    });
    with_kept(document, &grant.kept)
}
