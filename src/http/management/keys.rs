//! `/api/v2/keys/signing`: a tenant's signing keys.

use axum::http::StatusCode;
use serde_json::json;

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::shape::{Field, Shape};
use crate::admin::keys;
use crate::http::error::management::Refused;
use crate::token::Notice;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/keys/signing",
        "Lists the signing keys of the tenant",
        &["read:signing_keys"],
        Gives::All(&KEY),
        |call| Box::pin(list(call)),
    ),
    Endpoint::get(
        "/keys/signing/{kid}",
        "Returns a signing key",
        &["read:signing_keys"],
        Gives::One(StatusCode::OK, &KEY),
        |call| Box::pin(get(call)),
    ),
    Endpoint::post(
        "/keys/signing/rotate",
        "Lets the next keys sign from now on",
        &["create:signing_keys"],
        (Takes::Nothing, Gives::One(StatusCode::CREATED, &ROTATED)),
        |call| Box::pin(rotate(call)),
    ),
    Endpoint::put(
        "/keys/signing/{kid}/revoke",
        "Refuses what a previous key signed, from now on",
        &["update:signing_keys"],
        (Takes::Nothing, Gives::One(StatusCode::OK, &KEY)),
        |call| Box::pin(revoke(call)),
    ),
];

static KEY: Resource = Resource {
    name: "SigningKey",
    fields: &[
        Field::output(
            "kid",
            Shape::Text(100),
            "Its name: the thumbprint of the public key.",
        ),
        Field::output("alg", Shape::Text(10), "The algorithm it is used with."),
        Field::output("current", Shape::Flag, "Whether it signs."),
        Field::output(
            "next",
            Shape::Flag,
            "Whether it signs after the next rotation.",
        ),
        Field::output(
            "previous",
            Shape::Flag,
            "Whether it has signed and still verifies.",
        ),
        Field::output("revoked", Shape::Flag, "Whether its tokens are refused."),
        Field::output("created_at", Shape::Moment, "When it was made."),
        Field::output("current_since", Shape::Moment, "When it began to sign."),
        Field::output("current_until", Shape::Moment, "When it ceased to."),
        Field::output("revoked_at", Shape::Moment, "When it was revoked."),
        Field::output("jwk", Shape::Map, "The public key."),
    ],
};

static ROTATED: Resource = Resource {
    name: "SigningKeyRotation",
    fields: &[
        Field::output("kid", Shape::Text(100), "The RS256 key that signs now."),
        Field::output(
            "keys",
            Shape::List(&Shape::Map, 10),
            "All keys that sign now.",
        ),
    ],
};

async fn list(call: Call) -> Result<Answer, Refused> {
    let all = keys::list(&call.server, &call.tenant.name).await?;
    Ok(Answer::All(all.iter().map(|key| json!(key)).collect()))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let all = keys::list(&call.server, &call.tenant.name).await?;
    let found = all.into_iter().find(|key| key.kid == call.segment(0));
    let found = found.ok_or_else(|| Refused::missing("signing key"))?;
    Ok(Answer::One(json!(found)))
}

/// With the usual notice: resource servers that cached the keys have had time to see the next one.
async fn rotate(call: Call) -> Result<Answer, Refused> {
    let keys = keys::rotate(&call.server, &call.tenant.name, None, Notice::Given).await?;
    let kid = keys.first().map(|key| key.kid.clone());
    Ok(Answer::Made(json!({ "kid": kid, "keys": keys })))
}

async fn revoke(call: Call) -> Result<Answer, Refused> {
    let key = keys::revoke(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::One(json!(key)))
}
