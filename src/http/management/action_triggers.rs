//! `/api/v2/actions/triggers` and `/actions/executions` (contract, section 3.6): what sets actions off, in
//! which order they run, and what they came to.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::action_fields::{
    BRIEF, PAGE, PER_PAGE, RUNTIMES, SECRET, Sheet, TOTAL, brief, elsewhere,
};
use super::actions::READ;
use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::read;
use super::query::PAGES;
use super::shape::{Field, Shape};
use crate::action::Trigger;
use crate::admin::actions::bindings::{self, Ref, Wanted};
use crate::admin::actions::{self, executions};
use crate::http::error::management::Refused;
use crate::rule::Binding;
use crate::rule_host::{Outcome, RuleReport};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/actions/triggers",
        "Lists what sets actions off here",
        READ,
        Gives::One(StatusCode::OK, &TRIGGERS),
        |call| Box::pin(triggers(call)),
    ),
    Endpoint::get(
        "/actions/triggers/{trigger}/bindings",
        "Lists the actions that a trigger sets off, in the order they run, behind all rules",
        READ,
        Gives::One(StatusCode::OK, &LIST),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES]),
    Endpoint::patch(
        "/actions/triggers/{trigger}/bindings",
        "Lets a trigger set off these actions in this order, and no others",
        &["update:actions"],
        (Takes::Input(&WANTED), Gives::One(StatusCode::OK, &SET)),
        |call| Box::pin(set(call)),
    ),
    Endpoint::get(
        "/actions/executions/{id}",
        "Says what actions came to in an exchange, by the exchange's identity or its token's jti",
        READ,
        Gives::One(StatusCode::OK, &EXECUTION),
        |call| Box::pin(execution(call)),
    ),
];

const TRIGGER_ID: Field = Field::output("trigger_id", Shape::Text(100), "The trigger.");

static TRIGGERS: Resource = Resource {
    name: "ActionTriggers",
    fields: &[Field::output(
        "triggers",
        Shape::List(
            &Shape::Object(&[
                Field::output("id", Shape::Text(100), "Its name."),
                Field::output("version", Shape::Text(20), "Its version."),
                Field::output(
                    "status",
                    Shape::Word(&["CURRENT", "DEPRECATED"]),
                    "Whether there is a newer one. All run as the newest.",
                ),
                Field::output(
                    "runtimes",
                    Shape::List(&Shape::Text(50), 10),
                    "What may be named.",
                ),
                Field::output("default_runtime", Shape::Text(50), "What is named else."),
                Field::output(
                    "binding_policy",
                    Shape::Word(&["trigger-bound"]),
                    "Actions are bound to it.",
                ),
                Field::output("compatible_triggers", Shape::List(&Shape::Map, 0), "None."),
            ]),
            100,
        ),
        "The triggers.",
    )],
};

const BINDINGS: Field = Field::output(
    "bindings",
    Shape::List(
        &Shape::Object(&[
            Field::output("id", Shape::Text(100), "Its identity."),
            TRIGGER_ID,
            Field::output("display_name", Shape::Text(300), "What it is called."),
            Field::output("action", Shape::Object(BRIEF), "The action, in short."),
            Field::output("created_at", Shape::Moment, "When it was made."),
            Field::output("updated_at", Shape::Moment, "When it was last changed."),
        ]),
        100,
    ),
    "The bindings, in the order they run.",
);

static LIST: Resource = Resource {
    name: "ActionBindings",
    fields: &[BINDINGS, TOTAL, PER_PAGE, PAGE],
};

static SET: Resource = Resource {
    name: "ActionBindingsSet",
    fields: &[BINDINGS],
};

static WANTED: Resource = Resource {
    name: "ActionBindingsUpdate",
    fields: &[Field::input(
        "bindings",
        Shape::List(
            &Shape::Object(&[
                Field::input(
                    "ref",
                    Shape::Object(&[
                        Field::input(
                            "type",
                            Shape::Word(&["binding_id", "action_id", "action_name"]),
                            "By what it is named.",
                        )
                        .required(),
                        Field::input("value", Shape::Text(300), "The name.").required(),
                    ]),
                    "The action.",
                )
                .required(),
                Field::input(
                    "display_name",
                    Shape::Text(300),
                    "What the binding is called; as before, or as the action, if nobody says.",
                ),
                Field::input(
                    "secrets",
                    Shape::List(&Shape::Object(SECRET), 30),
                    "Must be empty: an action has its secrets itself.",
                ),
            ]),
            100,
        ),
        "The actions, in the order they run.",
    )
    .required()],
};

static EXECUTION: Resource = Resource {
    name: "ActionExecution",
    fields: &[
        Field::output("id", Shape::Text(100), "The exchange's identity."),
        TRIGGER_ID,
        Field::output("status", Shape::Word(&["final"]), "It is over."),
        Field::output(
            "results",
            Shape::List(
                &Shape::Object(&[
                    Field::output("action_name", Shape::Text(100), "What it was called."),
                    Field::output("action_id", Shape::Text(100), "The action."),
                    Field::output(
                        "version",
                        Shape::Whole(0, i64::MAX),
                        "The version that ran.",
                    ),
                    Field::output(
                        "outcome",
                        Shape::Word(&["allowed", "denied", "faulted"]),
                        "How it ended.",
                    ),
                    Field::output("error", Shape::Map, "How it failed, if it did.").or_null(),
                    Field::output("fuel", Shape::Whole(0, i64::MAX), "The fuel it used."),
                    Field::output("duration_us", Shape::Whole(0, i64::MAX), "Its time."),
                ]),
                100,
            ),
            "What each came to, in the order they ran.",
        ),
        Field::output("created_at", Shape::Moment, "When the exchange began."),
        Field::output("updated_at", Shape::Moment, "The same."),
    ],
};

async fn triggers(_: Call) -> Result<Answer, Refused> {
    let mut triggers = Vec::new();
    for trigger in Trigger::ALL {
        let versions = trigger.versions();
        for version in versions.iter().rev() {
            let status = match versions.last() == Some(version) {
                true => "CURRENT",
                false => "DEPRECATED",
            };
            triggers.push(json!({
                "id": trigger,
                "version": version,
                "status": status,
                "runtimes": RUNTIMES,
                "default_runtime": RUNTIMES.last(),
                "binding_policy": "trigger-bound",
                "compatible_triggers": [],
            }));
        }
    }
    Ok(Answer::One(json!({ "triggers": triggers })))
}

/// The trigger that the path names.
fn named(call: &Call) -> Result<Trigger, Refused> {
    let name = call.segment(0);
    Trigger::of_name(name)
        .ok_or_else(|| elsewhere(name).unwrap_or_else(|| Refused::missing("trigger")))
}

async fn list(call: Call) -> Result<Answer, Refused> {
    let trigger = named(&call)?;
    let mut all = bindings::list(&call.server, &call.tenant.name, trigger).await?;
    let sheet = Sheet::of(&call.query, &mut all);
    let documents = documents(&call, &all).await?;
    Ok(Answer::One(sheet.document("bindings", documents)))
}

#[derive(Deserialize)]
struct Body {
    bindings: Vec<WantedBody>,
}

#[derive(Deserialize)]
struct WantedBody {
    r#ref: RefBody,
    display_name: Option<String>,
    #[serde(default)]
    secrets: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "value")]
enum RefBody {
    BindingId(String),
    ActionId(String),
    ActionName(String),
}

async fn set(mut call: Call) -> Result<Answer, Refused> {
    let trigger = named(&call)?;
    let body: Body = read(std::mem::take(&mut call.body))?;
    if body.bindings.iter().any(|one| !one.secrets.is_empty()) {
        let message = "A binding has no secrets of its own: set them of the action.";
        return Err(Refused::not_supported(message));
    }
    let wanted = body.bindings.into_iter().map(|one| Wanted {
        action: match one.r#ref {
            RefBody::BindingId(id) => Ref::Binding(id),
            RefBody::ActionId(id) => Ref::Action(id),
            RefBody::ActionName(name) => Ref::Name(name),
        },
        display_name: one.display_name,
    });
    let (server, tenant) = (&call.server, &call.tenant.name);
    let all = bindings::set(server, tenant, trigger, wanted.collect()).await?;
    let documents = documents(&call, &all).await?;
    Ok(Answer::One(json!({ "bindings": documents })))
}

async fn documents(call: &Call, all: &[Binding]) -> Result<Vec<Value>, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let mut documents = Vec::with_capacity(all.len());
    for binding in all {
        let Some(bound) = &binding.action else {
            continue;
        };
        let action = actions::get(server, tenant, &binding.rule).await?;
        documents.push(json!({
            "id": binding.id,
            "trigger_id": bound.trigger,
            "display_name": bound.display_name,
            "action": brief(&action),
            "created_at": bound.created_at.to_string(),
            "updated_at": bound.updated_at.to_string(),
        }));
    }
    Ok(documents)
}

async fn execution(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let execution = executions::get(server, tenant, call.segment(0)).await?;
    let results: Vec<Value> = execution.reports.iter().map(result).collect();
    let at = execution.at.to_string();
    Ok(Answer::One(json!({
        "id": execution.id,
        "trigger_id": execution.trigger,
        "status": "final",
        "results": results,
        "created_at": at,
        "updated_at": at,
    })))
}

/// Without what the action wrote and set, which is about people: `/exchanges/{id}` has that, for who may
/// read exchanges.
fn result(report: &RuleReport) -> Value {
    let (outcome, error) = match &report.outcome {
        Outcome::Allowed => ("allowed", None),
        Outcome::Denied(_) => ("denied", None),
        Outcome::Faulted { fault, detail, .. } => {
            ("faulted", Some(json!({ "id": fault, "msg": detail })))
        }
    };
    json!({
        "action_name": report.action,
        "action_id": report.rule,
        "version": report.version,
        "outcome": outcome,
        "error": error,
        "fuel": report.fuel,
        "duration_us": report.duration_us,
    })
}
