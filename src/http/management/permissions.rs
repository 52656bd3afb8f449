//! Permissions of users, and what roles and users have in common of them (contract, section 7.6).

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::query::PAGES;
use super::shape::{Field, Shape};
use crate::admin::page::Paged;
use crate::admin::{apis, permissions, roles, users};
use crate::api::Api;
use crate::http::error::management::Refused;
use crate::role::Holder;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/users/{user_id}/permissions",
        "Lists the permissions of a user, its own and those of its roles",
        &["read:users"],
        Gives::Part("permissions", &PERMISSION),
        |call| Box::pin(of_user(call)),
    )
    .query(&[PAGES]),
    Endpoint::post(
        "/users/{user_id}/permissions",
        "Gives a user permissions of its own",
        &["update:users"],
        (
            Takes::Input(&PERMISSIONS),
            Gives::Nothing(StatusCode::CREATED),
        ),
        |call| Box::pin(grant(call)),
    ),
    Endpoint::delete(
        "/users/{user_id}/permissions",
        "Takes permissions of its own from a user",
        &["update:users"],
        |call| Box::pin(revoke(call)),
    )
    .takes(Takes::Input(&PERMISSIONS)),
];

pub(super) static PERMISSION: Resource = Resource {
    name: "Permission",
    fields: &[
        Field::output("permission_name", Shape::Text(280), "The scope."),
        Field::output("description", Shape::Prose(500), "What it allows."),
        Field::output("resource_server_identifier", Shape::Text(600), "The API."),
        Field::output("resource_server_name", Shape::Text(200), "The API's name."),
        Field::output(
            "sources",
            Shape::List(&Shape::Map, 100),
            "Where a user has it from.",
        ),
    ],
};

pub(super) static PERMISSIONS: Resource = Resource {
    name: "Permissions",
    fields: &[Field::input(
        "permissions",
        Shape::List(&Shape::Object(ONE), 1_000),
        "Which.",
    )
    .required()],
};

const ONE: &[Field] = &[
    Field::input("resource_server_identifier", Shape::Text(600), "The API.").required(),
    Field::input("permission_name", Shape::Text(280), "The scope.").required(),
];

/// What a body names, by API.
pub(super) fn read_permissions(call: &Call) -> Result<BTreeMap<String, Vec<String>>, Refused> {
    let mut by_api: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let all = call.body.get("permissions").and_then(Value::as_array);
    for permission in all.into_iter().flatten() {
        let text = |name| {
            permission
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let scopes = by_api.entry(text("resource_server_identifier").to_owned());
        scopes.or_default().push(text("permission_name").to_owned());
    }
    match by_api.is_empty() {
        false => Ok(by_api),
        true => Err(Refused::invalid_body(
            "Payload validation error: 'Array is too short (0), minimum 1' on property permissions.",
        )),
    }
}

/// What a role holds.
pub(super) async fn permissions_of(call: &Call, holder: Holder<'_>) -> Result<Vec<Value>, Refused> {
    let known = apis(call).await?;
    let mut all = Vec::new();
    for held in permissions::list(&call.server, &call.tenant.name, holder).await? {
        all.extend(
            held.scopes
                .iter()
                .map(|scope| document(&known, &held.audience, scope)),
        );
    }
    Ok(all)
}

async fn apis(call: &Call) -> Result<BTreeMap<String, Api>, Refused> {
    let all = apis::list(&call.server, &call.tenant.name).await?;
    Ok(all
        .into_iter()
        .map(|api| (api.identifier.clone(), api))
        .collect())
}

fn document(known: &BTreeMap<String, Api>, audience: &str, scope: &str) -> Value {
    let api = known.get(audience);
    let defined = api.and_then(|api| api.scopes.iter().find(|defined| defined.value == scope));
    json!({
        "permission_name": scope,
        "description": defined.map_or("", |defined| defined.description.as_str()),
        "resource_server_identifier": audience,
        "resource_server_name": api.map_or("", |api| api.name.as_str()),
    })
}

async fn of_user(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let held = permissions::of_user(server, tenant, call.segment(0)).await?;
    let page = call.query.page()?;
    let (known, roles) = (apis(&call).await?, roles::list(server, tenant).await?);
    let mut sources: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    for one in held {
        let source = match &one.role {
            None => json!({ "source_id": "", "source_name": "", "source_type": "DIRECT" }),
            Some(name) => {
                let role = roles.iter().find(|role| role.name == *name);
                let id = role.map_or("", |role| role.id.as_str());
                json!({ "source_id": id, "source_name": name, "source_type": "ROLE" })
            }
        };
        sources
            .entry((one.audience, one.scope))
            .or_default()
            .push(source);
    }
    let all = sources.into_iter().map(|((audience, scope), sources)| {
        let mut permission = document(&known, &audience, &scope);
        if let Value::Object(members) = &mut permission {
            members.insert("sources".to_owned(), sources.into());
        }
        permission
    });
    let part = Paged::of(all.collect(), &page, ToString::to_string)?;
    Ok(Answer::Part("permissions", page, part))
}

async fn grant(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    users::find_by_id(server, tenant, call.segment(0)).await?;
    for (api, scopes) in read_permissions(&call)? {
        let holder = Holder::User(call.segment(0));
        permissions::grant(server, tenant, holder, &api, &scopes).await?;
    }
    Ok(Answer::MadeWithoutWords)
}

async fn revoke(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    users::find_by_id(server, tenant, call.segment(0)).await?;
    for (api, scopes) in read_permissions(&call)? {
        let holder = Holder::User(call.segment(0));
        permissions::revoke(server, tenant, holder, &api, &scopes).await?;
    }
    Ok(Answer::Done)
}
