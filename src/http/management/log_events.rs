//! `GET /api/v2/log-events`: the tenant's log as it is written, by server-sent events (HTML, section
//! 9.2), with what rules wrote.
//!
//! A reader gets events from the store, at its own speed: it is woken, never fed. So nothing is kept
//! for it, no login waits for it, and whoever was cut off goes on behind the last event it had.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource};
use super::exchanges::RULE_IN_SHORT;
use super::logs::{EVENT_FIELDS, READ};
use super::shape::{Field, Shape};
use super::tail::{Tail, Wanted};
use crate::admin::events;
use crate::http::error::management::Refused;
use crate::log::{EventType, LogEvent};
use crate::rule_host::RuleReport;

/// What rules wrote may hold anything about a user.
pub(super) const READ_RULES: &str = "read:exchanges";

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    "/log-events",
    "Follows the log by server-sent events: each is a `log` with its `log_id` as id; `Last-Event-ID` goes on behind one, and `end` says why no more follows",
    READ,
    Gives::Events(&FOLLOWED),
    |call| Box::pin(follow(call)),
)
.query(&[FILTER])];

const FILTER: &[Field] = &[
    Field::input(
        "type",
        Shape::Text(500),
        "Only these types, separated by commas.",
    ),
    Field::input(
        "rule",
        Shape::Text(200),
        "Only exchanges in which this rule ran, and of their rules this one; needs `read:exchanges`.",
    ),
    Field::input(
        "after",
        Shape::Text(100),
        "The `log_id` of the event behind which to begin; `Last-Event-ID` says the same and counts more. What happens from now on if neither is said.",
    ),
    Field::input(
        "last",
        Shape::Whole(0, 1_000),
        "Begin with so many of the newest events that are wanted, among the last 10,000.",
    ),
    Field::input(
        "follow",
        Shape::Flag,
        "Whether to wait for more at the end of the log; true if not said.",
    ),
];

static FOLLOWED: Resource = Resource {
    name: "FollowedEvent",
    fields: &[
        Field::output("log_id", Shape::Text(100), "Its identity."),
        Field::output(
            "data",
            Shape::Object(EVENT_FIELDS),
            "The event, as `/logs/{id}` has it.",
        ),
        Field::output(
            "rules",
            Shape::List(&Shape::Object(RULE_IN_SHORT), 100),
            "What each rule came to and wrote, in order, for who may `read:exchanges`.",
        ),
    ],
};

async fn follow(call: Call) -> Result<Answer, Refused> {
    let wanted = Wanted {
        types: types(call.query.text("type"))?,
        rule: call.query.text("rule").map(str::to_owned),
    };
    if wanted.rule.is_some() && !call.caller.may(READ_RULES) {
        return Err(Refused::insufficient_scope(&[READ_RULES]));
    }
    let (server, tenant) = (&call.server, &call.tenant.name);
    let seen = call.last_event_id.as_deref().or(call.query.text("after"));
    let number = match (seen, call.query.number("last")) {
        (Some(log_id), _) => events::behind(server, tenant, log_id).await?,
        (None, Some(count)) => {
            events::last(server, tenant, count, |event| wanted.takes(event)).await?
        }
        (None, None) => server.log.end().await.map_err(Refused::from)?,
    };
    let follower = server.log.follow(tenant);
    let follower = follower.map_err(|_| Refused::too_many_streams())?;
    let follows = call.query.flag("follow").unwrap_or(true);
    let tail = Tail::new(call, wanted, number, follower, follows);
    let frames = stream::unfold(tail, |tail| async {
        let (frame, tail) = tail.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(frame)), tail))
    });
    Ok(Answer::Streamed(
        "text/event-stream",
        Body::from_stream(frames),
    ))
}

fn types(text: Option<&str>) -> Result<Vec<EventType>, Refused> {
    let parse = |code: &str| {
        let code = code.trim();
        serde_json::from_value(code.into()).map_err(|_| {
            let code: String = code.escape_debug().take(50).collect();
            Refused::invalid_query(format!(
                "Query validation error: 'there is no type `{code}`' on property type."
            ))
        })
    };
    text.into_iter()
        .flat_map(|text| text.split(','))
        .map(parse)
        .collect()
}

/// One event as it is sent.
pub(super) fn frame(event: &LogEvent, data: Value, rules: Option<Vec<&RuleReport>>) -> String {
    let mut document = json!({ "log_id": event.log_id, "data": data });
    if let (Some(rules), Value::Object(members)) = (rules, &mut document) {
        let rules: Vec<Value> = rules.into_iter().map(rule).collect();
        members.insert("rules".to_owned(), rules.into());
    }
    // JSON has no line breaks of its own, so the data is one line.
    format!("id: {}\nevent: log\ndata: {document}\n\n", event.log_id)
}

fn rule(report: &RuleReport) -> Value {
    json!({
        "rule": report.rule,
        "version": report.version,
        "outcome": report.outcome,
        "duration_us": report.duration_us,
        "fuel": report.fuel,
        "logs": report.logs,
        "logs_dropped": report.logs_dropped,
    })
}

/// The last event, which says why there are no more. It has no id: the place is behind the one before.
pub(super) fn end(reason: &str, message: &str) -> String {
    let document = json!({ "reason": reason, "message": message });
    format!("event: end\ndata: {document}\n\n")
}
