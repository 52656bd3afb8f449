//! `/api/v2/rule-versions`: every upload there ever was, by the rule's name; put to use, and taken back.
//!
//! A version is named by its number or by its digest.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::query::{CHECKPOINTS, PAGES};
use super::rules::{
    COMPONENT, ENABLED, MANIFEST, MAY, NOTE, ON_FAULT, ORDER, RULE, SCRIPT, change_of, code_of,
    document as rule_document,
};
use super::shape::{Field, Shape};
use crate::admin::page::Paged;
use crate::admin::rules::versions::{self, Upload};
use crate::http::error::management::Refused;
use crate::rule::RuleVersion;

const READ: &[&str] = &["read:rules"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/rule-versions/{rule}",
        "Lists the versions of a rule, by its name, oldest first",
        READ,
        Gives::Part("versions", &VERSION),
        |call| Box::pin(list(call)),
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
        Gives::Bytes(&["application/octet-stream"]),
        |call| Box::pin(component(call)),
    ),
    Endpoint::post(
        "/rule-versions/{rule}",
        "Uploads a version of a rule, without putting it to use",
        &["create:rules", "update:rules"],
        (
            Takes::Input(&UPLOAD),
            Gives::One(StatusCode::CREATED, &VERSION),
        ),
        |call| Box::pin(upload(call)),
    )
    .large(),
    Endpoint::post(
        "/rule-versions/{rule}/{version}/deploy",
        "Puts a version to use; the next exchange runs it",
        UPDATE,
        (Takes::Input(&DEPLOYMENT), Gives::One(StatusCode::OK, &RULE)),
        |call| Box::pin(deploy(call)),
    )
    .or_empty(),
    Endpoint::post(
        "/rule-versions/{rule}/rollback",
        "Goes back to the version that ran before",
        UPDATE,
        (Takes::Nothing, Gives::One(StatusCode::OK, &RULE)),
        |call| Box::pin(roll_back(call)),
    ),
];

const READ_ACTIONS: &str = "read:actions";

const UPDATE: &[&str] = &["update:rules"];

static UPLOAD: Resource = Resource {
    name: "RuleVersionUpload",
    fields: &[SCRIPT, COMPONENT, MANIFEST, NOTE],
};

static DEPLOYMENT: Resource = Resource {
    name: "RuleDeployment",
    fields: &[ORDER, ENABLED, ON_FAULT, MAY],
};

pub(super) static VERSION: Resource = Resource {
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
        Field::output(
            "author",
            Shape::Text(100),
            "The client that uploaded it, or `command line`.",
        )
        .or_null(),
        Field::output("note", Shape::Text(1_000), "What its author said of it.").or_null(),
    ],
};

async fn list(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let all = versions::list(&call.server, &call.tenant.name, call.segment(0)).await?;
    let Some(newest) = all.last() else {
        return Err(Refused::missing("rule"));
    };
    may_see(&call, newest)?;
    let part = Paged::of(all, &page, |version| version.version.to_string())?;
    Ok(Answer::Part(
        "versions",
        page,
        part.map(|version| document(&version)),
    ))
}

async fn version(call: Call) -> Result<Answer, Refused> {
    Ok(Answer::One(document(&named(&call, 1).await?)))
}

async fn component(call: Call) -> Result<Answer, Refused> {
    let version = named(&call, 1).await?;
    Ok(Answer::Bytes(versions::code(&call.server, &version).await?))
}

async fn upload(mut call: Call) -> Result<Answer, Refused> {
    let mut change = change_of(std::mem::take(&mut call.body))?;
    let upload = Upload {
        rule: call.segment(0).to_owned(),
        code: code_of(&mut change)?,
        manifest: change.manifest,
        note: change.note,
        author: call.caller.client_id.clone(),
        action: None,
    };
    let (version, _) = versions::upload(&call.server, &call.tenant.name, upload).await?;
    Ok(Answer::Made(document(&version)))
}

async fn deploy(mut call: Call) -> Result<Answer, Refused> {
    let version = named(&call, 1).await?;
    let change = change_of(std::mem::take(&mut call.body))?;
    let (server, tenant) = (&call.server, &call.tenant.name);
    let binding = versions::deploy(server, tenant, &version, &change).await?;
    Ok(Answer::One(rule_document(server, tenant, &binding).await?))
}

async fn roll_back(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let binding = versions::roll_back(server, tenant, call.segment(0)).await?;
    Ok(Answer::One(rule_document(server, tenant, &binding).await?))
}

/// The version that a segment of the path names, of the rule in the first.
pub(super) async fn named(call: &Call, segment: usize) -> Result<RuleVersion, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let (rule, name) = (call.segment(0), call.segment(segment));
    let version = versions::find(server, tenant, rule, name).await?;
    may_see(call, &version)?;
    Ok(version)
}

/// An action's versions are found here too, by its identity: recordings name them so.
fn may_see(call: &Call, version: &RuleVersion) -> Result<(), Refused> {
    match version.action.is_none() || call.caller.may(READ_ACTIONS) {
        true => Ok(()),
        false => Err(Refused::insufficient_scope(&[READ_ACTIONS])),
    }
}

pub(super) fn document(version: &RuleVersion) -> Value {
    json!({
        "rule": version.rule,
        "version": version.version,
        "digest": version.digest,
        "size": version.size,
        "dialect": version.dialect,
        "manifest": version.manifest,
        "uploaded_at": version.uploaded_at.to_string(),
        "author": version.author,
        "note": version.note,
    })
}
