//! `/api/v2/actions/actions/{id}/versions` (contract, section 3.6): what was deployed, and going back to it.

use axum::http::StatusCode;
use serde_json::Value;

use super::action_fields::{
    PAGE, PER_PAGE, Sheet, TOTAL, VERSION, VERSION_FIELDS, version_document,
};
use super::actions::{CREATE, READ};
use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::query::PAGES;
use super::shape::{Field, Shape};
use crate::admin::actions::{self, versions};
use crate::http::error::management::Refused;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/actions/actions/{id}/versions",
        "Lists the versions of an action, the newest first",
        READ,
        Gives::One(StatusCode::OK, &LIST),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES]),
    Endpoint::get(
        "/actions/actions/{id}/versions/{version}",
        "Returns a version of an action",
        READ,
        Gives::One(StatusCode::OK, &VERSION),
        |call| Box::pin(get(call)),
    ),
    Endpoint::post(
        "/actions/actions/{id}/versions/{version}/deploy",
        "Deploys what an earlier version was, as a new one",
        CREATE,
        (
            Takes::Input(&AGAIN),
            Gives::One(StatusCode::ACCEPTED, &VERSION),
        ),
        |call| Box::pin(deploy(call)),
    )
    .or_empty(),
];

static LIST: Resource = Resource {
    name: "ActionVersions",
    fields: &[
        Field::output(
            "versions",
            Shape::List(&Shape::Object(VERSION_FIELDS), 100),
            "The versions.",
        ),
        TOTAL,
        PER_PAGE,
        PAGE,
    ],
};

static AGAIN: Resource = Resource {
    name: "ActionVersionDeployment",
    fields: &[Field::input(
        "update_draft",
        Shape::Flag,
        "Whether the draft becomes the same; it stays as it is if nobody says.",
    )],
};

async fn list(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let action = actions::get(server, tenant, call.segment(0)).await?;
    let mut all = versions::list(server, tenant, &action.id).await?;
    let sheet = Sheet::of(&call.query, &mut all);
    let mut documents = Vec::with_capacity(all.len());
    for (version, made) in &all {
        documents.push(version_document(server, &action, version, made).await?);
    }
    Ok(Answer::One(sheet.document("versions", documents)))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let action = actions::get(server, tenant, call.segment(0)).await?;
    let (version, made) = versions::get(server, tenant, &action.id, call.segment(1)).await?;
    let document = version_document(server, &action, &version, &made).await?;
    Ok(Answer::One(document))
}

async fn deploy(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let update_draft = call.body.get("update_draft").and_then(Value::as_bool);
    let (action, version) = versions::deploy_again(
        server,
        tenant,
        (call.segment(0), call.segment(1)),
        update_draft.unwrap_or(false),
        &call.caller.client_id,
    )
    .await?;
    let made = version.action.clone();
    let made = made.ok_or_else(|| Refused::missing("version of the action"))?;
    let document = version_document(server, &action, &version, &made).await?;
    Ok(Answer::Accepted(document))
}
