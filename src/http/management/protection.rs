//! `/api/v2/attack-protection` and `/api/v2/user-blocks` (contract, sections 5.1 and 7.6).

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::shape::{Field, Shape};
use crate::admin::{protection, users};
use crate::credential::guard::Protection;
use crate::http::error::management::Refused;

const READ: &[&str] = &["read:attack_protection"];
const UPDATE: &[&str] = &["update:attack_protection"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/attack-protection/brute-force-protection",
        "Says what becomes of wrong passwords in a row",
        READ,
        Gives::One(StatusCode::OK, &BRUTE_FORCE),
        |call| Box::pin(show(call, brute_force)),
    ),
    Endpoint::patch(
        "/attack-protection/brute-force-protection",
        "Changes that",
        UPDATE,
        (
            Takes::Change(&BRUTE_FORCE),
            Gives::One(StatusCode::OK, &BRUTE_FORCE),
        ),
        |call| Box::pin(change(call, "brute_force_protection", brute_force)),
    ),
    Endpoint::get(
        "/attack-protection/suspicious-ip-throttling",
        "Says what becomes of many failures from one address",
        READ,
        Gives::One(StatusCode::OK, &SUSPICIOUS_IP),
        |call| Box::pin(show(call, suspicious_ip)),
    ),
    Endpoint::patch(
        "/attack-protection/suspicious-ip-throttling",
        "Changes that",
        UPDATE,
        (
            Takes::Change(&SUSPICIOUS_IP),
            Gives::One(StatusCode::OK, &SUSPICIOUS_IP),
        ),
        |call| Box::pin(change(call, "suspicious_ip_throttling", suspicious_ip)),
    ),
    Endpoint::get(
        "/user-blocks",
        "Says where somebody is blocked after wrong passwords",
        &["read:users"],
        Gives::One(StatusCode::OK, &BLOCKS),
        |call| Box::pin(blocks(call)),
    )
    .query(&[IDENTIFIER]),
    Endpoint::delete(
        "/user-blocks",
        "Lifts somebody's blocks",
        &["update:users"],
        |call| Box::pin(unblock(call)),
    )
    .query(&[IDENTIFIER]),
    Endpoint::get(
        "/user-blocks/{user_id}",
        "Says where a user is blocked",
        &["read:users"],
        Gives::One(StatusCode::OK, &BLOCKS),
        |call| Box::pin(blocks_of(call)),
    ),
    Endpoint::delete(
        "/user-blocks/{user_id}",
        "Lifts a user's blocks",
        &["update:users"],
        |call| Box::pin(unblock_user(call)),
    ),
];

const IDENTIFIER: &[Field] = &[Field::input(
    "identifier",
    Shape::Text(320),
    "An e-mail address or a user name.",
)
.required()];

const ENABLED: Field = Field::new("enabled", Shape::Flag, "Whether it is on.");

const SHIELDS: Field = {
    const WORDS: &[&str] = &["block", "user_notification", "admin_notification"];
    Field::new(
        "shields",
        Shape::List(&Shape::Word(WORDS), 3),
        "What it does.",
    )
};

const ALLOWLIST: Field = Field::new(
    "allowlist",
    Shape::List(&Shape::Text(50), 100),
    "Addresses and networks that are not counted.",
);

static BRUTE_FORCE: Resource = Resource {
    name: "BruteForceProtection",
    fields: &[
        ENABLED,
        SHIELDS,
        ALLOWLIST,
        Field::new(
            "mode",
            Shape::Word(&["count_per_identifier_and_ip", "count_per_identifier"]),
            "What is counted together.",
        ),
        Field::new("max_attempts", Shape::Whole(1, 100), "Failures in a row."),
    ],
};

static SUSPICIOUS_IP: Resource = Resource {
    name: "SuspiciousIpThrottling",
    fields: &[
        ENABLED,
        SHIELDS,
        ALLOWLIST,
        Field::new(
            "stage",
            Shape::Object(STAGES),
            "How much, for each kind of attempt.",
        ),
    ],
};

const STAGES: &[Field] = &[
    Field::new("pre-login", Shape::Object(RATE), "Wrong passwords."),
    Field::new(
        "pre-user-registration",
        Shape::Object(RATE),
        "Sign-ups, and requests for a new password.",
    ),
];

const RATE: &[Field] = &[
    Field::new(
        "max_attempts",
        Shape::Whole(1, 100_000),
        "Attempts at once.",
    ),
    Field::new(
        "rate",
        Shape::Whole(1, 86_400_000),
        "Milliseconds until one is regained.",
    ),
];

static BLOCKS: Resource = Resource {
    name: "UserBlocks",
    fields: &[Field::output(
        "blocked_for",
        Shape::List(&Shape::Map, 10_000),
        "Where.",
    )],
};

fn brute_force(settings: &Protection) -> Value {
    let mut document = json!(settings.brute_force_protection);
    with_addresses(&mut document);
    document
}

fn suspicious_ip(settings: &Protection) -> Value {
    let mut document = json!(settings.suspicious_ip_throttling);
    with_addresses(&mut document);
    document
}

/// One address is written as one, not as the network that has only it.
fn with_addresses(document: &mut Value) {
    let list = document.get_mut("allowlist").and_then(Value::as_array_mut);
    for entry in list.into_iter().flatten() {
        let short = entry.as_str().and_then(|text| {
            let whole = text.strip_suffix("/32").filter(|text| !text.contains(':'));
            whole.or_else(|| text.strip_suffix("/128"))
        });
        if let Some(short) = short.map(str::to_owned) {
            *entry = short.into();
        }
    }
}

async fn show(call: Call, part: fn(&Protection) -> Value) -> Result<Answer, Refused> {
    let settings = protection::get(&call.server, &call.tenant.name).await?;
    Ok(Answer::One(part(&settings)))
}

async fn change(
    mut call: Call,
    name: &'static str,
    part: fn(&Protection) -> Value,
) -> Result<Answer, Refused> {
    // A single address is a network of one.
    if let Some(Value::Array(list)) = call.body.get_mut("allowlist") {
        for entry in list {
            let address = entry
                .as_str()
                .and_then(|text| text.parse::<std::net::IpAddr>().ok());
            if let Some(address) = address {
                *entry = ipnet::IpNet::from(address).to_string().into();
            }
        }
    }
    let changes = Map::from_iter([(name.to_owned(), Value::Object(call.body))]);
    let settings = protection::change(&call.server, &call.tenant.name, &changes).await?;
    Ok(Answer::One(part(&settings)))
}

async fn blocks(call: Call) -> Result<Answer, Refused> {
    let identifier = call.query.text("identifier").unwrap_or_default();
    let blocks = protection::blocks(&call.server, &call.tenant.name, identifier).await?;
    Ok(Answer::One(json!({ "blocked_for": blocks })))
}

async fn unblock(call: Call) -> Result<Answer, Refused> {
    let identifier = call.query.text("identifier").unwrap_or_default();
    protection::unblock(&call.server, &call.tenant.name, identifier, None).await?;
    Ok(Answer::Done)
}

/// A user's identifiers.
async fn identifiers(call: &Call) -> Result<Vec<String>, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let user = users::find_by_id(server, tenant, call.segment(0)).await?;
    Ok([user.email, user.username].into_iter().flatten().collect())
}

async fn blocks_of(call: Call) -> Result<Answer, Refused> {
    let mut all = Vec::new();
    for identifier in identifiers(&call).await? {
        all.extend(protection::blocks(&call.server, &call.tenant.name, &identifier).await?);
    }
    Ok(Answer::One(json!({ "blocked_for": all })))
}

async fn unblock_user(call: Call) -> Result<Answer, Refused> {
    for identifier in identifiers(&call).await? {
        protection::unblock(&call.server, &call.tenant.name, &identifier, None).await?;
    }
    Ok(Answer::Done)
}
