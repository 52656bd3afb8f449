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
use crate::admin::rules::manage::{self, Change, NewRule};
use crate::admin::rules::{self, versions};
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

pub(super) const SCRIPT: Field =
    Field::new("script", Shape::Prose(1 << 20), "Its source in JavaScript.");
pub(super) const COMPONENT: Field = Field::new(
    "component",
    Shape::Base64(48 << 20),
    "A component, instead of a script.",
);
pub(super) const MANIFEST: Field = Field::new(
    "manifest",
    Shape::Map,
    "What it may do; goes with a script or component.",
);
pub(super) const NOTE: Field = Field::new(
    "note",
    Shape::Text(1_000),
    "What is said of the version; goes with a script or component.",
);
pub(super) const ORDER: Field = Field::new(
    "order",
    Shape::Whole(0, u32::MAX as i64),
    "Its place; behind all others if not said.",
);
pub(super) const ENABLED: Field = Field::new("enabled", Shape::Flag, "Whether it runs.");
pub(super) const ON_FAULT: Field = Field::new(
    "on_fault",
    Shape::Word(&["deny", "skip"]),
    "What its failure means.",
);
pub(super) const MAY: Field = Field::new(
    "permissions",
    Shape::Object(PERMISSIONS),
    "What it may do beyond deciding.",
);

pub(super) static RULE: Resource = Resource {
    name: "Rule",
    fields: &[
        Field::output("id", Shape::Text(100), "Its identity."),
        Field::new(
            "name",
            Shape::Text(100),
            "Letters, digits, spaces, `-`, `_` and `.`.",
        )
        .required(),
        SCRIPT,
        COMPONENT.secret(),
        ORDER,
        ENABLED,
        Field::new(
            "stage",
            Shape::Word(&["login_success"]),
            "There is only this one.",
        )
        .fixed(),
        MANIFEST.secret(),
        NOTE.secret(),
        ON_FAULT,
        MAY,
        Field::output(
            "version",
            Shape::Whole(1, u32::MAX as i64),
            "The version that runs.",
        ),
        Field::output(
            "previous_version",
            Shape::Whole(1, u32::MAX as i64),
            "The version that a rollback goes back to.",
        )
        .or_null(),
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
    note: Option<String>,
    on_fault: Option<OnFault>,
    permissions: Option<Permissions>,
}

/// What a body says of a rule or of a version.
pub(super) fn change_of(body: Map<String, Value>) -> Result<Change, Refused> {
    let body: Body = read(body)?;
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
    if code.is_none() && body.manifest.is_some() {
        return Err(refused("a `manifest` goes with a script or a component"));
    }
    if code.is_none() && body.note.is_some() {
        return Err(refused("a `note` goes with a script or a component"));
    }
    Ok(Change {
        name: body.name,
        code,
        manifest: body.manifest,
        note: body.note,
        order: body.order,
        enabled: body.enabled,
        on_fault: body.on_fault,
        permissions: body.permissions,
    })
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
    let mut change = change_of(std::mem::take(&mut call.body))?;
    let code = code_of(&mut change)?;
    let name = change.name.take().unwrap_or_default();
    let (server, tenant) = (&call.server, &call.tenant.name);
    let binding = manage::create(
        server,
        tenant,
        NewRule { name, code, change },
        &call.caller.client_id,
    )
    .await?;
    Ok(Answer::Made(document(server, tenant, &binding).await?))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let change = change_of(std::mem::take(&mut call.body))?;
    let (server, tenant) = (&call.server, &call.tenant.name);
    let binding = manage::update(
        server,
        tenant,
        call.segment(0),
        change,
        &call.caller.client_id,
    )
    .await?;
    Ok(Answer::One(document(server, tenant, &binding).await?))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let binding = manage::find(server, tenant, call.segment(0)).await?;
    rules::unbind(server, tenant, &binding.rule).await?;
    Ok(Answer::Done)
}

/// The script or component, without which there is nothing to upload.
pub(super) fn code_of(change: &mut Change) -> Result<Vec<u8>, Refused> {
    change.code.take().ok_or_else(|| {
        Refused::invalid_body("Payload validation error: 'Missing required property: script'.")
    })
}

pub(super) async fn document(
    server: &Server,
    tenant: &TenantName,
    binding: &Binding,
) -> Result<Value, Refused> {
    let version = versions::get(server, tenant, &binding.rule, binding.version).await?;
    let mut document = json!({
        "id": binding.id(),
        "name": binding.rule,
        "order": binding.order,
        "enabled": binding.enabled,
        "stage": "login_success",
        "on_fault": binding.on_fault,
        "permissions": binding.permissions,
        "version": version.version,
        "previous_version": binding.earlier.last().map(|earlier| earlier.version),
        "digest": version.digest,
    });
    if let (Some(_), Value::Object(members)) = (version.dialect, &mut document)
        && let Ok(script) = String::from_utf8(versions::code(server, &version).await?)
    {
        members.insert("script".to_owned(), script.into());
    }
    Ok(document)
}
