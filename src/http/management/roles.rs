//! `/api/v2/roles`, and who has them (contract, section 7.6).

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::permissions::{PERMISSION, PERMISSIONS, permissions_of, read_permissions};
use super::query::{CHECKPOINTS, PAGES};
use super::shape::{Field, Shape};
use crate::admin::page::{self, Paged};
use crate::admin::{permissions, roles, users};
use crate::http::error::management::Refused;
use crate::role::{Holder, Role};
use crate::user::User;

const READ: &[&str] = &["read:roles"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/roles",
        "Lists the roles of the tenant",
        READ,
        Gives::Part("roles", &ROLE),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, FILTER]),
    Endpoint::post(
        "/roles",
        "Makes a role",
        &["create:roles"],
        // Recorded so, unlike every other.
        (Takes::New(&ROLE), Gives::One(StatusCode::OK, &ROLE)),
        |call| Box::pin(create(call)),
    ),
    Endpoint::get(
        "/roles/{role_id}",
        "Returns a role",
        READ,
        Gives::One(StatusCode::OK, &ROLE),
        |call| Box::pin(get(call)),
    ),
    Endpoint::patch(
        "/roles/{role_id}",
        "Changes a role's description",
        &["update:roles"],
        (Takes::Change(&ROLE), Gives::One(StatusCode::OK, &ROLE)),
        |call| Box::pin(change(call)),
    ),
    Endpoint::delete(
        "/roles/{role_id}",
        "Takes a role away, from its users too",
        &["delete:roles"],
        |call| Box::pin(delete(call)),
    ),
    Endpoint::get(
        "/roles/{role_id}/permissions",
        "Lists the permissions that a role holds",
        READ,
        Gives::Part("permissions", &PERMISSION),
        |call| Box::pin(held(call)),
    )
    .query(&[PAGES]),
    Endpoint::post(
        "/roles/{role_id}/permissions",
        "Gives a role permissions",
        &["update:roles"],
        (
            Takes::Input(&PERMISSIONS),
            Gives::One(StatusCode::CREATED, &NOTHING),
        ),
        |call| Box::pin(grant(call)),
    ),
    Endpoint::delete(
        "/roles/{role_id}/permissions",
        "Takes permissions from a role",
        &["update:roles"],
        |call| Box::pin(revoke(call)),
    )
    .takes(Takes::Input(&PERMISSIONS)),
    Endpoint::get(
        "/roles/{role_id}/users",
        "Lists the users that have a role",
        &["read:users", "read:role_members"],
        Gives::Part("users", &MEMBER),
        |call| Box::pin(members(call)),
    )
    .query(&[PAGES, CHECKPOINTS]),
    Endpoint::post(
        "/roles/{role_id}/users",
        "Gives users a role",
        &["update:roles", "create:role_members"],
        (Takes::Input(&MEMBERS), Gives::One(StatusCode::OK, &NOTHING)),
        |call| Box::pin(assign(call)),
    ),
    Endpoint::get(
        "/users/{user_id}/roles",
        "Lists the roles of a user",
        &["read:users", "read:roles", "read:role_members"],
        Gives::Part("roles", &ROLE),
        |call| Box::pin(of_user(call)),
    )
    .query(&[PAGES]),
    Endpoint::post(
        "/users/{user_id}/roles",
        "Gives a user roles",
        &["update:users", "create:role_members"],
        (Takes::Input(&ROLES), Gives::Nothing(StatusCode::NO_CONTENT)),
        |call| Box::pin(assign_to_user(call)),
    ),
    Endpoint::delete(
        "/users/{user_id}/roles",
        "Takes roles from a user",
        &["update:users", "delete:role_members"],
        |call| Box::pin(unassign(call)),
    )
    .takes(Takes::Input(&ROLES)),
];

const FILTER: &[Field] = &[Field::input(
    "name_filter",
    Shape::Text(200),
    "Those whose name begins so, whatever the case.",
)];

static ROLE: Resource = Resource {
    name: "Role",
    fields: &[
        Field::output("id", Shape::Text(100), "Its identity."),
        Field::new("name", Shape::Text(200), "Its name, which never changes.").required(),
        Field::new("description", Shape::Prose(1_000), "What it is for."),
    ],
};

static NOTHING: Resource = Resource {
    name: "Nothing",
    fields: &[],
};

static MEMBER: Resource = Resource {
    name: "RoleMember",
    fields: &[
        Field::output("user_id", Shape::Text(300), "The user."),
        Field::output("email", Shape::Text(320), "Its e-mail address.").or_null(),
        Field::output("name", Shape::Text(300), "Its name.").or_null(),
        Field::output("picture", Shape::Text(2_048), "Its picture.").or_null(),
    ],
};

static MEMBERS: Resource = Resource {
    name: "RoleMembers",
    fields: &[Field::input("users", Shape::List(&Shape::Text(300), 100), "The users.").required()],
};

static ROLES: Resource = Resource {
    name: "RoleIds",
    fields: &[Field::input("roles", Shape::List(&Shape::Text(100), 50), "The roles.").required()],
};

async fn list(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let begins = call.query.text("name_filter").map(str::to_lowercase);
    let mut all = roles::list(&call.server, &call.tenant.name).await?;
    all.retain(|role| {
        let name = role.name.to_lowercase();
        begins
            .as_ref()
            .is_none_or(|begins| name.starts_with(begins))
    });
    let part = Paged::of(all, &page, |role| role.id.clone())?;
    Ok(Answer::Part(
        "roles",
        page,
        part.map(|role| document(&role)),
    ))
}

async fn find(call: &Call) -> Result<Role, Refused> {
    Ok(roles::find(&call.server, &call.tenant.name, call.segment(0)).await?)
}

async fn create(call: Call) -> Result<Answer, Refused> {
    let text = |name| {
        call.body
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (name, description) = (text("name"), text("description"));
    let role = roles::create(&call.server, &call.tenant.name, name, description).await?;
    Ok(Answer::One(document(&role)))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    Ok(Answer::One(document(&find(&call).await?)))
}

async fn change(call: Call) -> Result<Answer, Refused> {
    let role = find(&call).await?;
    let text = |name| call.body.get(name).and_then(Value::as_str);
    if text("name").is_some_and(|name| name != role.name) {
        return Err(Refused::not_supported(
            "A role keeps its name: users have it by that.",
        ));
    }
    let description = text("description").unwrap_or(&role.description);
    let tenant = &call.tenant.name;
    let role = roles::describe(&call.server, tenant, &role.name, description).await?;
    Ok(Answer::One(document(&role)))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    let role = find(&call).await?;
    roles::delete_everywhere(&call.server, &call.tenant.name, &role.name).await?;
    Ok(Answer::Done)
}

async fn held(call: Call) -> Result<Answer, Refused> {
    let role = find(&call).await?;
    let page = call.query.page()?;
    let all = permissions_of(&call, Holder::Role(&role.name)).await?;
    let part = Paged::of(all, &page, ToString::to_string)?;
    Ok(Answer::Part("permissions", page, part))
}

async fn grant(call: Call) -> Result<Answer, Refused> {
    let role = find(&call).await?;
    for (api, scopes) in read_permissions(&call)? {
        let holder = Holder::Role(&role.name);
        permissions::grant(&call.server, &call.tenant.name, holder, &api, &scopes).await?;
    }
    Ok(Answer::Made(json!({})))
}

async fn revoke(call: Call) -> Result<Answer, Refused> {
    let role = find(&call).await?;
    for (api, scopes) in read_permissions(&call)? {
        let holder = Holder::Role(&role.name);
        permissions::revoke(&call.server, &call.tenant.name, holder, &api, &scopes).await?;
    }
    Ok(Answer::Done)
}

async fn members(call: Call) -> Result<Answer, Refused> {
    let role = find(&call).await?;
    let page = call.query.page()?;
    let has = |user: &User| user.roles.contains(&role.name);
    let found = page::read(&call.server, &[call.tenant.name.as_str()], &page, has).await?;
    let found = found.map(|user| {
        json!({
            "user_id": user.user_id, "email": user.email, "name": user.name, "picture": user.picture,
        })
    });
    Ok(Answer::Part("users", page, found))
}

fn texts<'a>(call: &'a Call, name: &str) -> impl Iterator<Item = &'a str> {
    let items = call.body.get(name).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str)
}

async fn assign(call: Call) -> Result<Answer, Refused> {
    let role = find(&call).await?;
    for user_id in texts(&call, "users") {
        roles::assign(&call.server, &call.tenant.name, user_id, &role.name).await?;
    }
    Ok(Answer::One(json!({})))
}

async fn of_user(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let user = users::find_by_id(server, tenant, call.segment(0)).await?;
    let page = call.query.page()?;
    let mut all = roles::list(server, tenant).await?;
    all.retain(|role| user.roles.contains(&role.name));
    let part = Paged::of(all, &page, |role| role.id.clone())?;
    Ok(Answer::Part(
        "roles",
        page,
        part.map(|role| document(&role)),
    ))
}

async fn assign_to_user(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    for id in texts(&call, "roles") {
        let role = roles::find(server, tenant, id).await?;
        roles::assign(server, tenant, call.segment(0), &role.name).await?;
    }
    users::find_by_id(server, tenant, call.segment(0)).await?;
    Ok(Answer::Done)
}

async fn unassign(call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let user = users::find_by_id(server, tenant, call.segment(0)).await?;
    for id in texts(&call, "roles") {
        let role = roles::find(server, tenant, id).await?;
        if user.roles.contains(&role.name) {
            roles::unassign(server, tenant, call.segment(0), &role.name).await?;
        }
    }
    Ok(Answer::Done)
}

fn document(role: &Role) -> Value {
    json!({ "id": role.id, "name": role.name, "description": role.description })
}
