//! `/api/v2/rules-configs` (contract, section 7.2): values that rules may read, and nobody else.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::query::PAGES;
use super::shape::{Field, Shape};
use crate::admin::rules;
use crate::http::error::management::Refused;
use crate::secret::Secret;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/rules-configs",
        "Lists the keys that have a value; always a bare array",
        &["read:rules_configs"],
        Gives::All(&KEY),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES]),
    Endpoint::put(
        "/rules-configs/{key}",
        "Sets a value, which is returned this once",
        &["update:rules_configs"],
        (Takes::Input(&VALUE), Gives::One(StatusCode::OK, &PAIR)),
        |call| Box::pin(set(call)),
    ),
    Endpoint::delete(
        "/rules-configs/{key}",
        "Takes a value away",
        &["delete:rules_configs"],
        |call| Box::pin(delete(call)),
    ),
];

static KEY: Resource = Resource {
    name: "RulesConfigKey",
    fields: &[Field::output("key", Shape::Text(128), "The key.")],
};

static VALUE: Resource = Resource {
    name: "RulesConfigValue",
    fields: &[Field::input("value", Shape::Prose(4_096), "The value.").required()],
};

static PAIR: Resource = Resource {
    name: "RulesConfig",
    fields: &[
        Field::output("key", Shape::Text(128), "The key."),
        Field::output("value", Shape::Prose(4_096), "The value."),
    ],
};

async fn list(call: Call) -> Result<Answer, Refused> {
    let keys = rules::configuration_keys(&call.server, &call.tenant.name).await?;
    Ok(Answer::All(
        keys.into_iter().map(|key| json!({ "key": key })).collect(),
    ))
}

async fn set(call: Call) -> Result<Answer, Refused> {
    let key = call.segment(0);
    let value = call
        .body
        .get("value")
        .and_then(Value::as_str)
        .unwrap_or_default();
    rules::configure(&call.server, &call.tenant.name, key, &Secret::new(value)).await?;
    Ok(Answer::One(json!({ "key": key, "value": value })))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    rules::unconfigure(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::Done)
}
