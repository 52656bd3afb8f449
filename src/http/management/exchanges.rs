//! `/api/v2/exchanges` and `/api/v2/recordings`: what happened to a token request, and why a token
//! has what it has.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource};
use super::query::{CHECKPOINTS, PAGES, PROJECTION};
use super::shape::{Field, Shape};
use crate::admin::exchanges::{self, Filter};
use crate::admin::page::Page;
use crate::http::error::management::Refused;
use crate::log::LogEvent;

const SCOPES: &[&str] = &["read:exchanges"];

/// A recording has up to 100 KB.
const MOST_RECORDINGS: usize = 20;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/exchanges",
        "Lists token requests of the days for which the log is kept, newest first",
        SCOPES,
        Gives::Part("exchanges", &EXCHANGE),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, CHECKPOINTS, PROJECTION, FILTER]),
    Endpoint::get(
        "/exchanges/{id}",
        "Says which version of which rule set each claim and scope; by id, or by the token's jti",
        SCOPES,
        Gives::One(StatusCode::OK, &EXCHANGE),
        |call| Box::pin(get(call)),
    )
    .query(&[PROJECTION]),
    Endpoint::get(
        "/recordings",
        "Lists recorded exchanges, as new versions of rules can be tried on them",
        SCOPES,
        Gives::Part("recordings", &RECORDING),
        |call| Box::pin(recordings(call)),
    )
    .query(&[RECORDING_PAGES]),
];

const FILTER: &[Field] = &[
    Field::input("client_id", Shape::Text(100), "Those of this client."),
    Field::input("user_id", Shape::Text(300), "Those about this user."),
    Field::input("rule", Shape::Text(200), "Those in which this rule ran."),
    Field::input("outcome", Shape::Word(OUTCOMES), "Those that ended so."),
];

const OUTCOMES: &[&str] = &["issued", "refused"];

const RECORDING_PAGES: &[Field] = &[
    Field::input("from", Shape::Text(2_000), "The `next` of the page before."),
    Field::input(
        "take",
        Shape::Whole(1, MOST_RECORDINGS as i64),
        "How many; 20 if not said.",
    ),
];

static EXCHANGE: Resource = Resource {
    name: "Exchange",
    fields: &[
        Field::output(
            "id",
            Shape::Text(100),
            "Its identity, and the token's `jti`.",
        ),
        Field::output("date", Shape::Moment, "When."),
        Field::output(
            "outcome",
            Shape::Word(OUTCOMES),
            "Whether a token was issued.",
        ),
        Field::output(
            "type",
            Shape::Text(20),
            "The event's type in the tenant's log.",
        ),
        Field::output("description", Shape::Prose(1_000), "Why not, if not.").or_null(),
        Field::output("grant_type", Shape::Text(100), "The grant."),
        Field::output("client_id", Shape::Text(100), "Who asked."),
        Field::output("user_id", Shape::Text(300), "About whom, if that is known.").or_null(),
        Field::output(
            "connection",
            Shape::Text(128),
            "The connection, if it came so far.",
        )
        .or_null(),
        Field::output("audience", Shape::Text(1_000), "The API asked for.").or_null(),
        Field::output(
            "scope",
            Shape::Text(1_000),
            "The scopes granted, or asked for.",
        )
        .or_null(),
        Field::output("ip", Shape::Text(50), "Where the user is."),
        Field::output(
            "client_ip",
            Shape::Text(50),
            "Where the client is, if it said where its user is.",
        )
        .or_null(),
        Field::output("user_agent", Shape::Text(1_000), "The `User-Agent`.").or_null(),
        Field::output(
            "hostname",
            Shape::Text(300),
            "The host name that was asked.",
        ),
        Field::output(
            "rules",
            Shape::List(&Shape::Object(RULE), 100),
            "What each rule did, in order.",
        ),
        Field::output(
            "provenance",
            Shape::List(&Shape::Object(PROVENANCE), 10_000),
            "Who set what.",
        ),
    ],
};

const NAME: Field = Field::output("rule", Shape::Text(200), "Its name.");
const VERSION: Field = Field::output(
    "version",
    Shape::Whole(1, i64::MAX),
    "The version that ran.",
);
const OUTCOME: Field = Field::output("outcome", Shape::Map, "How it ended.");
const LOGS: Field = Field::output(
    "logs",
    Shape::List(&Shape::Map, 10_000),
    "The lines it wrote, each with `level` and `message`.",
);
const LOGS_DROPPED: Field = Field::output(
    "logs_dropped",
    Shape::Whole(0, i64::MAX),
    "Log lines past the limit.",
);
const FUEL: Field = Field::output("fuel", Shape::Whole(0, i64::MAX), "Fuel used.");
const DURATION: Field = Field::output(
    "duration_us",
    Shape::Whole(0, i64::MAX),
    "Wall time, in microseconds.",
);

/// What is told of a rule to who follows the log.
pub(super) const RULE_IN_SHORT: &[Field] =
    &[NAME, VERSION, OUTCOME, DURATION, FUEL, LOGS, LOGS_DROPPED];

const RULE: &[Field] = &[
    NAME,
    VERSION,
    OUTCOME,
    Field::output(
        "effects",
        Shape::List(&Shape::Map, 10_000),
        "What it asked for, and what became of that.",
    ),
    LOGS,
    LOGS_DROPPED,
    Field::output(
        "fetches",
        Shape::List(&Shape::Map, 10_000),
        "What it asked of the network.",
    ),
    Field::output(
        "keys_read",
        Shape::List(&Shape::Text(128), 1_000),
        "Configuration that it read.",
    ),
    FUEL,
    Field::output(
        "memory_bytes",
        Shape::Whole(0, i64::MAX),
        "The most memory it held.",
    ),
    DURATION,
];

const PROVENANCE: &[Field] = &[
    Field::output(
        "kind",
        Shape::Word(&["claim", "id_claim", "scope"]),
        "What was set.",
    ),
    Field::output("name", Shape::Text(1_000), "The claim or scope."),
    Field::output("rule", Shape::Text(200), "The rule that last set it."),
    Field::output("version", Shape::Whole(1, i64::MAX), "Its version."),
];

static RECORDING: Resource = Resource {
    name: "Recording",
    fields: &[
        Field::output(
            "format",
            Shape::Whole(1, i64::MAX),
            "The form of the recording.",
        ),
        Field::output(
            "at",
            Shape::Whole(0, i64::MAX),
            "When, in milliseconds since 1970.",
        ),
        Field::output("exchange", Shape::Map, "What the first rule was told."),
        Field::output("network", Shape::Map, "What the network answered."),
        Field::output(
            "rules",
            Shape::List(&Shape::Map, 100),
            "The rules that ran.",
        ),
        Field::output("output", Shape::Map, "All that came of it.").or_null(),
    ],
};

async fn list(call: Call) -> Result<Answer, Refused> {
    let text = |name| call.query.text(name).map(str::to_owned);
    let filter = Filter {
        client_id: text("client_id"),
        user_id: text("user_id"),
        rule: text("rule"),
        issued: call
            .query
            .text("outcome")
            .map(|outcome| outcome == "issued"),
    };
    let page = call.query.page()?;
    let found = exchanges::list(&call.server, &call.tenant.name, &page, &filter).await?;
    Ok(Answer::Part("exchanges", page, found.map(document)))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let event = exchanges::get(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::One(document(event)))
}

async fn recordings(call: Call) -> Result<Answer, Refused> {
    let page = Page::Behind {
        cursor: call.query.text("from").map(str::to_owned),
        take: call.query.number("take").unwrap_or(MOST_RECORDINGS),
    };
    let found = exchanges::recordings(&call.server, &call.tenant.name, &page).await?;
    Ok(Answer::Part(
        "recordings",
        page,
        found.map(|recorded| json!(recorded)),
    ))
}

fn document(event: LogEvent) -> Value {
    let outcome = match event.event_type.is_issue() {
        true => "issued",
        false => "refused",
    };
    let report = event.rules.unwrap_or_default();
    json!({
        "id": event.exchange_id,
        "date": event.date.to_string(),
        "outcome": outcome,
        "type": event.event_type,
        "description": event.description,
        "grant_type": event.grant_type,
        "client_id": event.client_id,
        "user_id": event.user_id,
        "connection": event.connection,
        "audience": event.audience,
        "scope": event.scope,
        "ip": event.ip,
        "client_ip": event.client_ip,
        "user_agent": event.user_agent,
        "hostname": event.hostname,
        "rules": report.rules,
        "provenance": report.provenance,
    })
}
