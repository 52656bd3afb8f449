//! `/api/v2/actions/actions` (contract, section 3.6).

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::action_event;
use super::action_fields::{
    ACTION, ACTION_FIELDS, PAGE, PER_PAGE, Sheet, TOTAL, VERSION, change_of, document, elsewhere,
    version_document,
};
use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::query::PAGES;
use super::shape::{Field, Shape};
use crate::action::Trigger;
use crate::admin::actions::{self, trial, versions};
use crate::http::error::management::Refused;
use crate::replay::Evaluation;
use crate::rule_host::printable;

pub(super) const READ: &[&str] = &["read:actions"];
/// As the contract has it: who may make actions may deploy and try them.
pub(super) const CREATE: &[&str] = &["create:actions"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/actions/actions",
        "Lists the actions of the tenant, in order of name",
        READ,
        Gives::One(StatusCode::OK, &LIST),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, FILTER]),
    Endpoint::post(
        "/actions/actions",
        "Makes an action, which runs nowhere until it is deployed and bound to its trigger",
        CREATE,
        (Takes::New(&ACTION), Gives::One(StatusCode::CREATED, &ACTION)),
        |call| Box::pin(create(call)),
    ),
    Endpoint::get(
        "/actions/actions/{id}",
        "Returns an action: its draft, and what is deployed",
        READ,
        Gives::One(StatusCode::OK, &ACTION),
        |call| Box::pin(get(call)),
    ),
    Endpoint::patch(
        "/actions/actions/{id}",
        "Changes the draft; `permissions` and `on_fault` hold at once, whichever version runs",
        &["update:actions"],
        (Takes::Change(&ACTION), Gives::One(StatusCode::OK, &ACTION)),
        |call| Box::pin(change(call)),
    ),
    Endpoint::delete(
        "/actions/actions/{id}",
        "Deletes an action with its secrets and versions; one that is bound, with its binding, by `force`",
        &["delete:actions"],
        |call| Box::pin(delete(call)),
    )
    .query(&[FORCE]),
    Endpoint::post(
        "/actions/actions/{id}/deploy",
        "Makes a version of the draft; if the action is bound, the next exchange runs it",
        CREATE,
        (Takes::Nothing, Gives::One(StatusCode::ACCEPTED, &VERSION)),
        |call| Box::pin(deploy(call)),
    ),
    Endpoint::post(
        "/actions/actions/{id}/test",
        "Runs the draft on an event, without any effect and without the network",
        CREATE,
        (Takes::Input(&TEST), Gives::One(StatusCode::OK, &TESTED)),
        |call| Box::pin(test(call)),
    ),
];

static LIST: Resource = Resource {
    name: "Actions",
    fields: &[
        Field::output(
            "actions",
            Shape::List(&Shape::Object(ACTION_FIELDS), 100),
            "The actions.",
        ),
        TOTAL,
        PER_PAGE,
        PAGE,
    ],
};

const FILTER: &[Field] = &[
    Field::input("triggerId", Shape::Text(100), "Those for this trigger."),
    Field::input("actionName", Shape::Text(100), "The one of this name."),
    Field::input(
        "deployed",
        Shape::Flag,
        "Those that are deployed, or the others.",
    ),
    Field::input(
        "installed",
        Shape::Flag,
        "Those of a marketplace, of which there are none here, or the others.",
    ),
];

const FORCE: &[Field] = &[Field::input(
    "force",
    Shape::Flag,
    "Whether to delete it even if it is bound.",
)];

static TEST: Resource = Resource {
    name: "ActionTest",
    fields: &[Field::input(
        "payload",
        Shape::Object(&[Field::input(
            "event",
            Shape::Map,
            "An event as an action is given one; what is left out of it is empty.",
        )]),
        "What to run the draft on.",
    )
    .required()],
};

static TESTED: Resource = Resource {
    name: "ActionTested",
    fields: &[Field::output(
        "payload",
        Shape::Object(&[
            Field::output(
                "outcome",
                Shape::Word(&["allowed", "denied", "faulted", "mfa_required"]),
                "How it ended.",
            ),
            Field::output("denial", Shape::Map, "What the client would read.").or_null(),
            Field::output("fault", Shape::Map, "How it failed, if it did.").or_null(),
            Field::output(
                "effects",
                Shape::List(&Shape::Map, 1_000),
                "What it asked for, in order, each with what became of it.",
            ),
            Field::output("logs", Shape::List(&Shape::Map, 1_000), "What it wrote."),
            Field::output("before", Shape::Map, "What would have been signed."),
            Field::output("after", Shape::Map, "What would be signed.").or_null(),
            Field::output("fuel", Shape::Whole(0, i64::MAX), "The fuel it used."),
            Field::output("duration_us", Shape::Whole(0, i64::MAX), "Its time."),
            Field::output(
                "ignored",
                Shape::List(&Shape::Text(1_000), 1_000),
                "Members of the event that an action of this server is never given.",
            ),
        ]),
        "What came of it.",
    )],
};

async fn list(call: Call) -> Result<Answer, Refused> {
    let trigger = match call.query.text("triggerId") {
        None => None,
        Some(name) => match Trigger::of_name(name) {
            Some(trigger) => Some(trigger),
            None => return Err(elsewhere(name).unwrap_or_else(|| unknown(name))),
        },
    };
    let (server, tenant) = (&call.server, &call.tenant.name);
    let mut all = actions::list(server, tenant).await?;
    let name = call.query.text("actionName");
    let deployed = call.query.flag("deployed");
    let installed = call.query.flag("installed");
    all.retain(|action| {
        trigger.is_none_or(|trigger| action.makeup.trigger.id == trigger)
            && name.is_none_or(|name| action.name == name)
            && deployed.is_none_or(|deployed| action.deployed.is_some() == deployed)
            && installed != Some(true)
    });
    let sheet = Sheet::of(&call.query, &mut all);
    let mut documents = Vec::with_capacity(all.len());
    for action in &all {
        documents.push(document(server, tenant, action).await?);
    }
    Ok(Answer::One(sheet.document("actions", documents)))
}

fn unknown(trigger: &str) -> Refused {
    let trigger = printable(trigger, 100);
    Refused::invalid_query(format!(
        "Query validation error: 'No enum match for: {trigger}' on property triggerId."
    ))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let action = actions::get(server, tenant, call.segment(0)).await?;
    Ok(Answer::One(document(server, tenant, &action).await?))
}

async fn create(mut call: Call) -> Result<Answer, Refused> {
    let (mut change, deploy) = change_of(std::mem::take(&mut call.body))?;
    let trigger = change.trigger.take().ok_or_else(|| {
        Refused::invalid_body(
            "Payload validation error: 'Missing required property: supported_triggers'.",
        )
    })?;
    if deploy && change.code.is_none() {
        let message = "Payload validation error: 'there is no code to deploy' on property deploy.";
        return Err(Refused::invalid_body(message));
    }
    let (server, tenant) = (&call.server, &call.tenant.name);
    let mut action = actions::create(server, tenant, trigger, change).await?;
    if deploy {
        let author = &call.caller.client_id;
        (action, _) = versions::deploy(server, tenant, &action.id, author).await?;
    }
    Ok(Answer::Made(document(server, tenant, &action).await?))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let (change, _) = change_of(std::mem::take(&mut call.body))?;
    let (server, tenant) = (&call.server, &call.tenant.name);
    let action = actions::update(server, tenant, call.segment(0), change).await?;
    Ok(Answer::One(document(server, tenant, &action).await?))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    let force = call.query.flag("force").unwrap_or(false);
    let (server, tenant) = (&call.server, &call.tenant.name);
    actions::delete(server, tenant, call.segment(0), force).await?;
    Ok(Answer::Done)
}

async fn deploy(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let (id, author) = (call.segment(0), &call.caller.client_id);
    let (action, version) = versions::deploy(server, tenant, id, author).await?;
    let made = version.action.clone();
    let made = made.ok_or_else(|| Refused::missing("version of the action"))?;
    let document = version_document(server, &action, &version, &made).await?;
    Ok(Answer::Accepted(document))
}

async fn test(mut call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let action = actions::get(server, tenant, call.segment(0)).await?;
    let payload = call.body.get_mut("payload").map(Value::take);
    let event = payload.and_then(|mut payload| payload.get_mut("event").map(Value::take));
    let event = match event {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let trigger = action.makeup.trigger.id;
    let event = action_event::read(event, trigger, server.clock.now())?;
    let tried = trial::run(server, tenant, &action, event.exchange).await?;
    let payload = outcome(&tried, &event.ignored);
    Ok(Answer::One(json!({ "payload": payload })))
}

fn outcome(tried: &Evaluation, ignored: &[String]) -> Value {
    let fault = tried.fault();
    let fault = fault.map(|(fault, detail)| json!({ "fault": fault, "detail": detail }));
    let report = tried.report.rules.first();
    json!({
        "outcome": tried.ending,
        "denial": tried.denial,
        "fault": fault,
        "effects": report.map(|report| json!(report.effects)).unwrap_or(json!([])),
        "logs": report.map(|report| json!(report.logs)).unwrap_or(json!([])),
        "before": tried.before,
        "after": tried.after(),
        "fuel": report.map_or(0, |report| report.fuel),
        "duration_us": report.map_or(0, |report| report.duration_us),
        "ignored": ignored,
    })
}
