//! `/api/v2/rule-versions`: every upload there ever was, by the rule's name.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource};
use super::query::{CHECKPOINTS, PAGES};
use super::shape::{Field, Shape};
use crate::admin::page::Paged;
use crate::admin::rules;
use crate::http::error::management::Refused;
use crate::rule::RuleVersion;

const READ: &[&str] = &["read:rules"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/rule-versions/{rule}",
        "Lists the versions of a rule, by its name, oldest first",
        READ,
        Gives::Part("versions", &VERSION),
        |call| Box::pin(versions(call)),
    )
    .query(&[PAGES, CHECKPOINTS]),
    Endpoint::get(
        "/rule-versions/{rule}/{version}",
        "Returns what is known of a version of a rule",
        READ,
        Gives::One(StatusCode::OK, &VERSION),
        |call| Box::pin(version(call)),
    ),
    Endpoint::get(
        "/rule-versions/{rule}/{version}/component",
        "Returns a version's component, or its source in JavaScript, as it was uploaded",
        READ,
        Gives::Bytes,
        |call| Box::pin(component(call)),
    ),
];

static VERSION: Resource = Resource {
    name: "RuleVersion",
    fields: &[
        Field::output("rule", Shape::Text(200), "The rule's name."),
        Field::output(
            "version",
            Shape::Whole(1, u32::MAX as i64),
            "1, 2, 3… in the order of uploads.",
        ),
        Field::output(
            "digest",
            Shape::Text(64),
            "The SHA-256 of the component or the source.",
        ),
        Field::output("size", Shape::Whole(0, i64::MAX), "Its length in bytes."),
        Field::output(
            "dialect",
            Shape::Text(50),
            "How it is written, if it is JavaScript.",
        )
        .or_null(),
        Field::output("manifest", Shape::Map, "What it may do.").or_null(),
        Field::output("uploaded_at", Shape::Moment, "When it was uploaded."),
    ],
};

async fn versions(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let all = rules::versions(&call.server, &call.tenant.name, call.segment(0)).await?;
    if all.is_empty() {
        return Err(Refused::missing("rule"));
    }
    let part = Paged::of(all, &page, |version| version.version.to_string())?;
    Ok(Answer::Part(
        "versions",
        page,
        part.map(|version| document(&version)),
    ))
}

async fn version(call: Call) -> Result<Answer, Refused> {
    Ok(Answer::One(document(&stored(&call).await?)))
}

async fn component(call: Call) -> Result<Answer, Refused> {
    let version = stored(&call).await?;
    Ok(Answer::Bytes(rules::code(&call.server, &version).await?))
}

async fn stored(call: &Call) -> Result<RuleVersion, Refused> {
    let number = call.segment(1).parse();
    let number = number.map_err(|_| Refused::missing("version of the rule"))?;
    let (server, tenant) = (&call.server, &call.tenant.name);
    Ok(rules::version(server, tenant, call.segment(0), number).await?)
}

fn document(version: &RuleVersion) -> Value {
    json!({
        "rule": version.rule,
        "version": version.version,
        "digest": version.digest,
        "size": version.size,
        "dialect": version.dialect,
        "manifest": version.manifest,
        "uploaded_at": version.uploaded_at.to_string(),
    })
}
