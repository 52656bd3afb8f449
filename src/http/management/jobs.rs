//! `/api/v2/jobs` (contract, section 7.7): imports and exports of users.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::read;
use super::query::PROJECTION;
use super::shape::{Field, Shape};
use super::upload::receive;
use crate::admin::jobs::{self, NewExport, NewImport, Upload, document};
use crate::http::error::management::Refused;
use crate::job::{Column, Format, Job, MAX_UPLOAD_BYTES};

/// As the contract's tools ask for them.
const LOOK: &[&str] = &["create:users", "read:users"];

/// Which media types a file may have.
const FILES: &[&str] = &["application/x-ndjson", "text/csv"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "/jobs/users-imports",
        "Makes or changes the users of a file, in the background",
        &["create:users"],
        (Takes::Form(&IMPORT), Gives::One(StatusCode::ACCEPTED, &JOB)),
        |call| Box::pin(import(call)),
    )
    .limited(),
    Endpoint::post(
        "/jobs/users-exports",
        "Writes users into a file, in the background",
        &["read:users"],
        (Takes::Input(&EXPORT), Gives::One(StatusCode::OK, &JOB)),
        |call| Box::pin(export(call)),
    )
    .limited()
    .or_empty(),
    Endpoint::post(
        "/jobs/verification-email",
        "Is refused: this server verifies no addresses",
        &["update:users"],
        (
            Takes::Input(&VERIFICATION),
            Gives::One(StatusCode::CREATED, &JOB),
        ),
        |call| Box::pin(verification(call)),
    ),
    Endpoint::get(
        "/jobs/{id}",
        "Returns a job of the last 24 hours",
        LOOK,
        Gives::One(StatusCode::OK, &JOB),
        |call| Box::pin(get(call)),
    )
    .query(&[PROJECTION]),
    Endpoint::get(
        "/jobs/{id}/errors",
        "Lists the users of a job that were refused, and why",
        LOOK,
        Gives::AllOrNothing(&FAILURE),
        |call| Box::pin(errors(call)),
    ),
    Endpoint::get(
        "/jobs/{id}/file",
        "Returns the file that a job has written",
        &["read:users"],
        Gives::Bytes(FILES),
        |call| Box::pin(file(call)),
    ),
];

static IMPORT: Resource = Resource {
    name: "UsersImport",
    fields: &[
        Field::input(
            "users",
            Shape::File(MAX_UPLOAD_BYTES),
            "A JSON array of users, or one user a line; at most 10 MiB.",
        )
        .required(),
        Field::input(
            "connection_id",
            Shape::Text(100),
            "The connection that they become users of.",
        )
        .required(),
        Field::input(
            "upsert",
            Shape::Flag,
            "Whether a user who has the same e-mail address is overwritten; false if not said.",
        ),
        Field::input("external_id", Shape::Text(200), "What you call the job."),
        Field::input(
            "send_completion_email",
            Shape::Flag,
            "Without effect: nobody is written to.",
        ),
    ],
};

const COLUMNS: &[Field] = &[
    Field::new(
        "name",
        Shape::Text(200),
        "A member, or a path such as `app_metadata.plan`.",
    )
    .required(),
    Field::new("export_as", Shape::Text(200), "What it is called."),
];

static EXPORT: Resource = Resource {
    name: "UsersExport",
    fields: &[
        Field::input(
            "connection_id",
            Shape::Text(100),
            "Whose users; those of all connections if not said.",
        )
        .or_null(),
        Field::input(
            "format",
            Shape::Word(&["json", "csv"]),
            "One document a line, or RFC 4180; json if not said.",
        )
        .or_null(),
        Field::input("limit", Shape::Whole(1, i64::MAX), "The most users.").or_null(),
        Field::input(
            "fields",
            Shape::List(&Shape::Object(COLUMNS), 100),
            "Which members; all in JSON, the usual ones in CSV, if not said.",
        )
        .or_null(),
    ],
};

static VERIFICATION: Resource = Resource {
    name: "VerificationEmail",
    fields: &[
        Field::input("user_id", Shape::Text(300), "The user.").required(),
        Field::input("client_id", Shape::Text(100), "The client."),
        Field::input("identity", Shape::Map, "The identity."),
        Field::input("organization_id", Shape::Text(100), "The organization."),
    ],
};

static JOB: Resource = Resource {
    name: "Job",
    fields: &[
        Field::output("id", Shape::Text(100), "Its identity."),
        Field::output(
            "type",
            Shape::Word(&["users_import", "users_export"]),
            "What it does.",
        ),
        Field::output(
            "status",
            Shape::Word(&["pending", "completed", "failed"]),
            "How it stands.",
        ),
        Field::output("status_details", Shape::Prose(1_000), "Why it failed."),
        Field::output("created_at", Shape::Moment, "When it was asked for."),
        Field::output("connection_id", Shape::Text(100), "The connection."),
        Field::output("connection", Shape::Text(128), "The connection's name."),
        Field::output("upsert", Shape::Flag, "Whether users are overwritten."),
        Field::output("external_id", Shape::Text(200), "What you call it."),
        Field::output(
            "percentage_done",
            Shape::Whole(0, 100),
            "How much of its file is done.",
        ),
        Field::output(
            "summary",
            Shape::Object(SUMMARY),
            "What became of the users, once it is over.",
        ),
        Field::output("format", Shape::Word(&["json", "csv"]), "The file's form."),
        Field::output("limit", Shape::Whole(1, i64::MAX), "The most users."),
        Field::output(
            "fields",
            Shape::List(&Shape::Object(COLUMNS), 100),
            "Which members.",
        ),
        Field::output(
            "location",
            Shape::Text(1_000),
            "Where its file is, for 24 hours, for who may `read:users`.",
        ),
    ],
};

const SUMMARY: &[Field] = &[
    Field::output("total", Shape::Whole(0, i64::MAX), "Users of the file."),
    Field::output("inserted", Shape::Whole(0, i64::MAX), "Those that are new."),
    Field::output(
        "updated",
        Shape::Whole(0, i64::MAX),
        "Those that were there.",
    ),
    Field::output(
        "failed",
        Shape::Whole(0, i64::MAX),
        "Those that were refused.",
    ),
];

static FAILURE: Resource = Resource {
    name: "JobFailure",
    fields: &[
        Field::output(
            "user",
            Shape::Map,
            "Who it is, as the file says; without hashes and metadata.",
        ),
        Field::output(
            "errors",
            Shape::List(&Shape::Object(FAULT), 10),
            "What is wrong.",
        ),
    ],
};

const FAULT: &[Field] = &[
    Field::output("code", Shape::Text(100), "For programs."),
    Field::output("message", Shape::Prose(1_000), "What would be right."),
    Field::output("path", Shape::Text(300), "Which member."),
];

#[derive(Deserialize)]
struct ImportBody {
    connection_id: String,
    upsert: Option<bool>,
    external_id: Option<String>,
}

#[derive(Deserialize)]
struct ExportBody {
    connection_id: Option<String>,
    format: Option<Format>,
    limit: Option<u64>,
    fields: Option<Vec<Column>>,
}

/// A place that was taken is given back before the refusal is answered: the next request finds it free.
async fn import(mut call: Call) -> Result<Answer, Refused> {
    let Some(form) = call.form.take() else {
        return Err(Refused::media_type("multipart/form-data"));
    };
    let mut upload = Upload::begin(&call.server, &call.tenant.name).await?;
    let made = async {
        let members = receive(form, IMPORT.fields, &mut upload).await?;
        let body: ImportBody = read(members)?;
        let new = NewImport {
            connection_id: body.connection_id,
            upsert: body.upsert.unwrap_or_default(),
            external_id: body.external_id,
        };
        Ok::<_, Refused>(upload.finish(new).await?)
    };
    match made.await {
        Ok(job) => Ok(Answer::Accepted(shown(&call, &job))),
        Err(refused) => {
            upload.give_up().await;
            Err(refused)
        }
    }
}

async fn export(mut call: Call) -> Result<Answer, Refused> {
    let body: ExportBody = read(std::mem::take(&mut call.body))?;
    let new = NewExport {
        connection_id: body.connection_id,
        format: body.format.unwrap_or_default(),
        limit: body.limit,
        fields: body.fields.unwrap_or_default(),
    };
    let job = jobs::begin_export(&call.server, &call.tenant.name, new).await?;
    Ok(Answer::One(shown(&call, &job)))
}

async fn verification(_: Call) -> Result<Answer, Refused> {
    let message =
        "This server verifies no e-mail addresses; set `email_verified` where you know better.";
    Err(Refused::not_supported(message))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let job = jobs::get(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::One(shown(&call, &job)))
}

/// As long as the report is, a few lines of it are in memory.
async fn errors(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (Arc::clone(&call.server), call.tenant.name.clone());
    let Some(failures) = jobs::failures(server, tenant, call.segment(0)).await? else {
        return Ok(Answer::Done);
    };
    let items = failures.enumerate().map(|(index, failure)| {
        let before = if index == 0 { "[" } else { "," };
        failure.map(|failure| format!("{before}{}", json!(failure)))
    });
    let all = items.chain(stream::iter([Ok("]".to_owned())]));
    Ok(Answer::Streamed("application/json", Body::from_stream(all)))
}

async fn file(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (Arc::clone(&call.server), call.tenant.name.clone());
    let (format, parts) = jobs::file(server, tenant, call.segment(0)).await?;
    let media_type = match format {
        Format::Json => "application/x-ndjson",
        Format::Csv => "text/csv",
    };
    Ok(Answer::Streamed(media_type, Body::from_stream(parts)))
}

fn shown(call: &Call, job: &Job) -> serde_json::Value {
    document(job, |id| {
        call.tenant
            .issuer
            .endpoint(&format!("api/v2/jobs/{id}/file"))
    })
}
