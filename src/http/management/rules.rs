//! `/api/v2/rules` (contract, section 7.2).

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::read;
use super::query::{CHECKPOINTS, PAGES, PROJECTION};
use super::shape::{Field, Shape};
use crate::admin::page::Paged;
use crate::admin::rules;
use crate::admin::rules::manage::{self, Change, NewRule};
use crate::http::error::management::Refused;
use crate::rule::Binding;
use crate::rule_host::{Manifest, OnFault, Permissions};
use crate::server::Server;
use crate::tenant::TenantName;

const READ: &[&str] = &["read:rules"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/rules",
        "Lists the rules of the tenant, in the order they run",
        READ,
        Gives::Part("rules", &RULE),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, CHECKPOINTS, PROJECTION, FILTER]),
    Endpoint::post(
        "/rules",
        "Makes a rule of a script or a component",
        &["create:rules"],
        (Takes::New(&RULE), Gives::One(StatusCode::CREATED, &RULE)),
        |call| Box::pin(create(call)),
    )
    .large(),
    Endpoint::get(
        "/rules/{rule_id}",
        "Returns a rule",
        READ,
        Gives::One(StatusCode::OK, &RULE),
        |call| Box::pin(get(call)),
    )
    .query(&[PROJECTION]),
    Endpoint::patch(
        "/rules/{rule_id}",
        "Changes a rule; a new script or component is a new version, which runs from now on",
        &["update:rules"],
        (Takes::Change(&RULE), Gives::One(StatusCode::OK, &RULE)),
        |call| Box::pin(change(call)),
    )
    .large(),
    Endpoint::delete(
        "/rules/{rule_id}",
        "Takes a rule out of use; its versions stay",
        &["delete:rules"],
        |call| Box::pin(delete(call)),
    ),
];

const FILTER: &[Field] = &[Field::input(
    "enabled",
    Shape::Flag,
    "Those that run, or the others.",
)];

static RULE: Resource = Resource {
    name: "Rule",
    fields: &[
        Field::output("id", Shape::Text(100), "Its identity."),
        Field::new(
            "name",
            Shape::Text(100),
            "Letters, digits, spaces, `-`, `_` and `.`.",
        )
        .required(),
        Field::new("script", Shape::Prose(1 << 20), "Its source in JavaScript."),
        Field::new(
            "component",
            Shape::Prose(48 << 20),
            "A component in base64, instead of a script.",
        )
        .secret(),
        Field::new(
            "order",
            Shape::Whole(0, u32::MAX as i64),
            "Its place; behind all others if not said.",
        ),
        Field::new("enabled", Shape::Flag, "Whether it runs."),
        Field::new(
            "stage",
            Shape::Word(&["login_success"]),
            "There is only this one.",
        )
        .fixed(),
        Field::new(
            "manifest",
            Shape::Map,
            "What it may do; goes with a script or component.",
        )
        .secret(),
        Field::new(
            "on_fault",
            Shape::Word(&["deny", "skip"]),
            "What its failure means.",
        ),
        Field::new(
            "permissions",
            Shape::Object(PERMISSIONS),
            "What it may do beyond deciding.",
        ),
        Field::output(
            "version",
            Shape::Whole(1, u32::MAX as i64),
            "The version that runs.",
        ),
        Field::output(
            "digest",
            Shape::Text(64),
            "The SHA-256 of the script or component.",
        ),
    ],
};

const PERMISSIONS: &[Field] = &[
    Field::new(
        "hosts",
        Shape::List(&Shape::Text(253), 100),
        "The hosts that it may send requests to.",
    ),
    Field::new(
        "allow_http",
        Shape::Flag,
        "Whether it may send them without TLS.",
    ),
];

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    script: Option<String>,
    component: Option<String>,
    order: Option<u32>,
    enabled: Option<bool>,
    manifest: Option<Manifest>,
    on_fault: Option<OnFault>,
    permissions: Option<Permissions>,
}

impl Body {
    fn read(body: Map<String, Value>) -> Result<Change, Refused> {
        let body: Self = read(body)?;
        let refused =
            |what: &str| Refused::invalid_body(format!("Payload validation error: '{what}'."));
        let code = match (body.script, body.component) {
            (Some(_), Some(_)) => {
                return Err(refused("a rule has a `script` or a `component`, not both"));
            }
            (Some(script), None) => Some(script.into_bytes()),
            (None, Some(component)) => match STANDARD.decode(component) {
                Ok(bytes) => Some(bytes),
                Err(_) => return Err(refused("the component is not base64")),
            },
            (None, None) => None,
        };
        if body.manifest.is_some() && code.is_none() {
            return Err(refused("a `manifest` goes with a script or a component"));
        }
        Ok(Change {
            name: body.name,
            code,
            manifest: body.manifest,
            order: body.order,
            enabled: body.enabled,
            on_fault: body.on_fault,
            permissions: body.permissions,
        })
    }
}

async fn list(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let (server, tenant) = (&call.server, &call.tenant.name);
    let mut all = rules::bindings(server, tenant).await?;
    let enabled = call.query.flag("enabled");
    all.retain(|binding| enabled.is_none_or(|enabled| binding.enabled == enabled));
    let part = Paged::of(all, &page, |binding| binding.id())?;
    let mut items = Vec::new();
    for binding in &part.items {
        items.push(document(server, tenant, binding).await?);
    }
    let (total, next) = (part.total, part.next);
    Ok(Answer::Part("rules", page, Paged { items, total, next }))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let binding = manage::find(server, tenant, call.segment(0)).await?;
    Ok(Answer::One(document(server, tenant, &binding).await?))
}

async fn create(mut call: Call) -> Result<Answer, Refused> {
    let mut change = Body::read(std::mem::take(&mut call.body))?;
    let Some(code) = change.code.take() else {
        let message = "Payload validation error: 'Missing required property: script'.";
        return Err(Refused::invalid_body(message));
    };
    let name = change.name.take().unwrap_or_default();
    let (server, tenant) = (&call.server, &call.tenant.name);
    let binding = manage::create(server, tenant, NewRule { name, code, change }).await?;
    Ok(Answer::Made(document(server, tenant, &binding).await?))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let change = Body::read(std::mem::take(&mut call.body))?;
    let (server, tenant) = (&call.server, &call.tenant.name);
    let binding = manage::update(server, tenant, call.segment(0), change).await?;
    Ok(Answer::One(document(server, tenant, &binding).await?))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let binding = manage::find(server, tenant, call.segment(0)).await?;
    rules::unbind(server, tenant, &binding.rule).await?;
    Ok(Answer::Done)
}

async fn document(
    server: &Server,
    tenant: &TenantName,
    binding: &Binding,
) -> Result<Value, Refused> {
    let version = rules::version(server, tenant, &binding.rule, binding.version).await?;
    let mut document = json!({
        "id": binding.id(),
        "name": binding.rule,
        "order": binding.order,
        "enabled": binding.enabled,
        "stage": "login_success",
        "on_fault": binding.on_fault,
        "permissions": binding.permissions,
        "version": version.version,
        "digest": version.digest,
    });
    if let (Some(_), Value::Object(members)) = (version.dialect, &mut document)
        && let Ok(script) = String::from_utf8(rules::code(server, &version).await?)
    {
        members.insert("script".to_owned(), script.into());
    }
    Ok(document)
}
