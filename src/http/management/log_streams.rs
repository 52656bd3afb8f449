//! `/api/v2/log-streams`: where events are delivered to, in Auth0's shape. Of its types there is `http`.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::{given, read, take_kept, with_kept};
use super::shape::{Field, Shape};
use crate::admin::log_streams::{self, Change};
use crate::clock::Timestamp;
use crate::http::error::management::Refused;
use crate::log_stream::{Category, Cursor, Format, LogStream, Status};
use crate::secret::Secret;

const READ: &[&str] = &["read:log_streams"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/log-streams",
        "Lists where events are delivered to",
        READ,
        Gives::All(&LOG_STREAM),
        |call| Box::pin(list(call)),
    ),
    Endpoint::post(
        "/log-streams",
        "Delivers events to a webhook from now on; the answer has the secret that deliveries are signed with, and no other has",
        &["create:log_streams"],
        (
            Takes::New(&LOG_STREAM),
            Gives::One(StatusCode::OK, &LOG_STREAM),
        ),
        |call| Box::pin(create(call)),
    ),
    Endpoint::get(
        "/log-streams/{id}",
        "Returns where events are delivered to, and how that goes",
        READ,
        Gives::One(StatusCode::OK, &LOG_STREAM),
        |call| Box::pin(get(call)),
    ),
    Endpoint::patch(
        "/log-streams/{id}",
        "Changes, pauses or resumes a delivery; it goes on where it stopped, at once",
        &["update:log_streams"],
        (
            Takes::Change(&LOG_STREAM),
            Gives::One(StatusCode::OK, &LOG_STREAM),
        ),
        |call| Box::pin(change(call)),
    ),
    Endpoint::delete(
        "/log-streams/{id}",
        "Ends a delivery; what is not delivered yet never is",
        &["delete:log_streams"],
        |call| Box::pin(delete(call)),
    ),
];

static LOG_STREAM: Resource = Resource {
    name: "LogStream",
    fields: &[
        Field::output("id", Shape::Text(100), "Its identity."),
        Field::new("name", Shape::Text(255), "For people.").required(),
        Field::new("type", Shape::Word(&["http"]), "There is only this one.")
            .required()
            .fixed(),
        Field::new(
            "status",
            Shape::Word(&["active", "paused", "suspended"]),
            "Whether it is delivered to; the server makes it `suspended` when the receiver has failed for three days.",
        )
        .later(),
        Field::new(
            "sink",
            Shape::Object(SINK),
            "Where to, and in which form; members that are not named stay.",
        )
        .required(),
        Field::new(
            "filters",
            Shape::List(&Shape::Object(FILTER), 50),
            "The categories that are delivered; all if there are none.",
        ),
        Field::input(
            "startFrom",
            Shape::Moment,
            "Begin with what happened at this moment of the last 30 days; with what happens from now on if not said.",
        ),
        Field::kept("isPriority", Shape::Flag),
        Field::kept("pii_config", Shape::Map),
        Field::output(
            "signing_secret",
            Shape::Text(200),
            "What deliveries are signed with, as Standard Webhooks writes it; in the answer that made it only.",
        ),
        Field::output("failures", Shape::Whole(0, i64::MAX), "Attempts that failed since the last that did not."),
        Field::output("failing_since", Shape::Moment, "The first of them."),
        Field::output("last_error", Shape::Prose(500), "How the last one failed."),
    ],
};

const SINK: &[Field] = &[
    Field::new(
        "httpEndpoint",
        Shape::Text(2_000),
        "An https URL. What is not of the public internet is reached only if the operator opened it.",
    ),
    Field::new(
        "httpContentFormat",
        Shape::Word(&["JSONLINES", "JSONARRAY", "JSONOBJECT"]),
        "How events are put into a body: one on each line, an array, or one for each delivery.",
    ),
    Field::new(
        "httpContentType",
        Shape::Text(200),
        "The body's media type.",
    ),
    Field::new(
        "httpAuthorization",
        Shape::Prose(4_000),
        "The `Authorization` header; in no answer. Null takes it away.",
    )
    .or_null()
    .secret(),
    Field::new(
        "httpCustomHeaders",
        Shape::List(&Shape::Object(HEADER), 20),
        "Further headers.",
    ),
];

const HEADER: &[Field] = &[
    Field::new("header", Shape::Text(200), "Its name."),
    Field::new("value", Shape::Prose(2_000), "Its value."),
];

const FILTER: &[Field] = &[
    Field::new(
        "type",
        Shape::Word(&["category"]),
        "There is only this one.",
    ),
    Field::new(
        "name",
        Shape::Word(Category::WORDS),
        "A category of events.",
    ),
];

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    status: Option<Status>,
    #[serde(default)]
    sink: SinkBody,
    filters: Option<Vec<FilterBody>>,
    #[serde(rename = "startFrom")]
    start_from: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SinkBody {
    http_endpoint: Option<String>,
    http_content_format: Option<Format>,
    http_content_type: Option<String>,
    #[serde(deserialize_with = "given")]
    http_authorization: Option<Option<String>>,
    http_custom_headers: Option<Vec<HeaderBody>>,
}

#[derive(Deserialize)]
struct HeaderBody {
    #[serde(default)]
    header: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct FilterBody {
    name: Category,
}

async fn list(call: Call) -> Result<Answer, Refused> {
    let all = log_streams::list(&call.server, &call.tenant.name).await?;
    let shown = all.iter().map(|(stream, cursor)| document(stream, cursor));
    Ok(Answer::All(shown.collect()))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let found = log_streams::get(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::One(document(&found.0, &found.1)))
}

async fn create(mut call: Call) -> Result<Answer, Refused> {
    let body = body(&mut call)?;
    let since = body.1.start_from.as_deref().map(moment).transpose()?;
    if body.1.sink.http_endpoint.is_none() {
        return Err(Refused::invalid_body(
            "Payload validation error: 'Missing required property: httpEndpoint' on property sink.",
        ));
    }
    let change = change_of(body);
    let made = log_streams::create(&call.server, &call.tenant.name, change, since);
    let (stream, secret) = made.await?;
    let mut document = document(&stream, &Cursor::default());
    if let Value::Object(members) = &mut document {
        members.insert("signing_secret".to_owned(), secret.expose().into());
    }
    Ok(Answer::One(document))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let change = change_of(body(&mut call)?);
    if change.status == Some(Status::Suspended) {
        return Err(Refused::invalid_body(
            "Payload validation error: 'use `paused`; the server alone suspends' on property status.",
        ));
    }
    let (server, tenant) = (&call.server, &call.tenant.name);
    let changed = log_streams::update(server, tenant, call.segment(0), change).await?;
    Ok(Answer::One(document(&changed.0, &changed.1)))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    log_streams::delete(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::Done)
}

type Kept = serde_json::Map<String, Value>;

fn body(call: &mut Call) -> Result<(Kept, Body), Refused> {
    let kept = take_kept(&mut call.body, LOG_STREAM.fields);
    let body: Body = read(std::mem::take(&mut call.body))?;
    Ok((kept, body))
}

fn change_of((kept, body): (Kept, Body)) -> Change {
    let headers = body.sink.http_custom_headers;
    let headers = headers.map(|all| {
        let pairs = all.into_iter().map(|header| (header.header, header.value));
        pairs.collect()
    });
    let filters = body.filters;
    Change {
        name: body.name,
        status: body.status,
        endpoint: body.sink.http_endpoint,
        format: body.sink.http_content_format,
        content_type: body.sink.http_content_type,
        authorization: body
            .sink
            .http_authorization
            .map(|value| value.filter(|value| !value.is_empty()).map(Secret::new)),
        headers,
        filters: filters.map(|all| all.into_iter().map(|filter| filter.name).collect()),
        kept,
    }
}

fn moment(text: &str) -> Result<Timestamp, Refused> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    let millis = parsed.map(|at| u64::try_from(at.as_millisecond()).unwrap_or(0));
    millis.map(Timestamp::from_millis).map_err(|_| {
        Refused::invalid_body(
            "Payload validation error: 'it is no moment of the form 2026-11-23T12:00:00Z' on property startFrom.",
        )
    })
}

fn document(stream: &LogStream, cursor: &Cursor) -> Value {
    let headers: Vec<Value> = stream
        .sink
        .headers
        .iter()
        .map(|(name, value)| json!({ "header": name, "value": value }))
        .collect();
    let filters: Vec<Value> = stream
        .filters
        .iter()
        .map(|name| json!({ "type": "category", "name": name }))
        .collect();
    let mut document = json!({
        "id": stream.id,
        "name": stream.name,
        "type": "http",
        "status": stream.status,
        "sink": {
            "httpEndpoint": stream.sink.endpoint,
            "httpContentFormat": stream.sink.format,
            "httpContentType": stream.sink.content_type,
            "httpCustomHeaders": headers,
        },
        "filters": filters,
        "failures": cursor.failures,
    });
    if let Value::Object(members) = &mut document {
        if let Some(since) = cursor.failing_since {
            members.insert("failing_since".to_owned(), since.to_string().into());
        }
        if let Some(error) = &cursor.last_error {
            members.insert("last_error".to_owned(), error.as_str().into());
        }
    }
    with_kept(document, &stream.kept)
}
