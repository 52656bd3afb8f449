//! `/api/v2/tenants`: what an operator does with tenants. Ours; only the operator's tenant has the scopes
//! (decision 0016).

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::read;
use super::query::{CHECKPOINTS, PAGES, PROJECTION};
use super::shape::{Field, Shape};
use crate::admin::management_api::management_audience;
use crate::admin::tenants::{self, Change, NewTenant, QuotaChange};
use crate::http::error::management::Refused;
use crate::quota::Quotas;
use crate::tenant::{Issuer, Tenant, TenantName};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/tenants",
        "Lists all tenants, by name",
        &["read:tenants"],
        Gives::Part("tenants", &TENANT),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, CHECKPOINTS, PROJECTION]),
    Endpoint::post(
        "/tenants",
        "Makes a tenant with its signing keys and a first connection",
        &["create:tenants"],
        (
            Takes::New(&TENANT),
            Gives::One(StatusCode::CREATED, &TENANT),
        ),
        |call| Box::pin(create(call)),
    ),
    Endpoint::get(
        "/tenants/{tenant}",
        "Returns a tenant",
        &["read:tenants"],
        Gives::One(StatusCode::OK, &TENANT),
        |call| Box::pin(get(call)),
    )
    .query(&[PROJECTION]),
    Endpoint::patch(
        "/tenants/{tenant}",
        "Changes a tenant, suspends or resumes it, sets its quotas",
        &["update:tenants"],
        (Takes::Change(&TENANT), Gives::One(StatusCode::OK, &TENANT)),
        |call| Box::pin(change(call)),
    ),
    Endpoint::delete(
        "/tenants/{tenant}",
        "Deletes a tenant with everything that is its own",
        &["delete:tenants"],
        |call| Box::pin(delete(call)),
    ),
    Endpoint::post(
        "/tenants/{tenant}/domains",
        "Lets a tenant answer under a host name of its own",
        &["update:tenants"],
        (
            Takes::Input(&DOMAIN),
            Gives::One(StatusCode::CREATED, &TENANT),
        ),
        |call| Box::pin(add_domain(call)),
    ),
    Endpoint::delete(
        "/tenants/{tenant}/domains/{domain}",
        "Ends that",
        &["update:tenants"],
        |call| Box::pin(remove_domain(call)),
    ),
    Endpoint::post(
        "/tenants/{tenant}/administrators",
        "Makes a client that may do all that the tenant's management API has; its secret is in this answer only",
        &["create:tenant_administrators"],
        (
            Takes::New(&ADMINISTRATOR),
            Gives::One(StatusCode::CREATED, &ADMINISTRATOR),
        ),
        |call| Box::pin(administrator(call)),
    ),
];

static TENANT: Resource = Resource {
    name: "Tenant",
    fields: &[
        Field::new(
            "name",
            Shape::Text(63),
            "Its name: 1 to 63 of a-z, 0-9 and `-`.",
        )
        .required()
        .fixed(),
        Field::new(
            "issuer",
            Shape::Text(300),
            "What its tokens name as `iss`; its host name leads to the tenant.",
        )
        .required(),
        Field::new("friendly_name", Shape::Text(200), "A name for people."),
        Field::new(
            "quotas",
            Shape::Object(QUOTAS),
            "How much it may have and use; what is not named stays.",
        ),
        Field::new(
            "suspended",
            Shape::Flag,
            "Whether nothing of it answers until it is resumed.",
        )
        .later(),
        Field::output(
            "status",
            Shape::Word(&["active", "suspended", "deleting"]),
            "Whether it is served.",
        ),
        Field::output(
            "domains",
            Shape::List(&Shape::Text(253), 20),
            "Further host names, each with an issuer of its own.",
        ),
        Field::output(
            "is_operator",
            Shape::Flag,
            "Whether its management API administers all tenants.",
        ),
        Field::output("created_at", Shape::Moment, "When it was made."),
    ],
};

const MOST: Shape = Shape::Whole(0, i64::MAX);

const QUOTAS: &[Field] = &[
    Field::new("rules", Shape::Whole(0, u32::MAX as i64), "Rules.").or_null(),
    Field::new("users", MOST, "Users, of all connections together.").or_null(),
    Field::new(
        "fuel_per_second",
        MOST,
        "Fuel that its rules may use in a second.",
    )
    .or_null(),
    Field::new(
        "exchanges_per_second",
        Shape::Whole(0, u32::MAX as i64),
        "Requests for tokens in a second.",
    )
    .or_null(),
];

static DOMAIN: Resource = Resource {
    name: "TenantDomain",
    fields: &[Field::new(
        "domain",
        Shape::Text(253),
        "A host name, without scheme and port; its tokens name `https://DOMAIN/` as `iss`.",
    )
    .required()],
};

static ADMINISTRATOR: Resource = Resource {
    name: "TenantAdministrator",
    fields: &[
        Field::new("name", Shape::Text(100), "What the client is called."),
        Field::output("client_id", Shape::Text(100), "Its identity."),
        Field::output("client_secret", Shape::Text(200), "Its secret."),
        Field::output(
            "audience",
            Shape::Text(600),
            "What it asks `/oauth/token` of the tenant for.",
        ),
    ],
};

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    issuer: Option<String>,
    friendly_name: Option<String>,
    quotas: Option<Map<String, Value>>,
    suspended: Option<bool>,
}

async fn list(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let found = tenants::paged(&call.server, &page).await?;
    let part = found.map(|tenant| document(&tenant));
    Ok(Answer::Part("tenants", page, part))
}

async fn create(call: Call) -> Result<Answer, Refused> {
    let body: Body = read(call.body)?;
    let name = TenantName::parse(&body.name.unwrap_or_default()).map_err(invalid)?;
    let quotas = body.quotas.as_ref().map(quotas).unwrap_or_default();
    let new = NewTenant {
        name,
        issuer: Issuer::parse(&body.issuer.unwrap_or_default()).map_err(invalid)?,
        friendly_name: body.friendly_name,
        quotas: quotas.of(Quotas::default()),
    };
    let tenant = tenants::create_with(&call.server, new).await?;
    Ok(Answer::Made(document(&tenant)))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let tenant = tenants::get(&call.server, &name(&call)?).await?;
    Ok(Answer::One(document(&tenant)))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let name = name(&call)?;
    let server = &call.server;
    let body: Body = read(std::mem::take(&mut call.body))?;
    let issuer = body.issuer.as_deref().map(Issuer::parse).transpose();
    let issuer = issuer.map_err(invalid)?;
    let mut tenant = tenants::get(server, &name).await?;
    if let Some(suspended) = body.suspended {
        tenant = tenants::set_suspended(server, &name, suspended).await?;
    }
    if issuer.is_some() || body.friendly_name.is_some() {
        let change = Change {
            issuer,
            friendly_name: body.friendly_name,
            ..Change::default()
        };
        tenant = tenants::change(server, &name, change).await?;
    }
    if let Some(members) = &body.quotas {
        tenant = tenants::set_quotas(server, &name, quotas(members)).await?;
    }
    Ok(Answer::One(document(&tenant)))
}

/// Whoever asked may go away: the deletion does not end with the connection.
async fn delete(call: Call) -> Result<Answer, Refused> {
    let (name, server) = (name(&call)?, Arc::clone(&call.server));
    let deletion = tokio::spawn(async move { tenants::delete(&server, &name).await });
    let done = deletion.await;
    done.map_err(|error| Refused::unexpected(&error))??;
    Ok(Answer::Done)
}

async fn add_domain(call: Call) -> Result<Answer, Refused> {
    let domain = call.body.get("domain").and_then(Value::as_str);
    let domain = domain.unwrap_or_default();
    let tenant = tenants::add_domain(&call.server, &name(&call)?, domain).await?;
    Ok(Answer::Made(document(&tenant)))
}

async fn remove_domain(call: Call) -> Result<Answer, Refused> {
    tenants::remove_domain(&call.server, &name(&call)?, call.segment(1)).await?;
    Ok(Answer::Done)
}

async fn administrator(call: Call) -> Result<Answer, Refused> {
    let called = call.body.get("name").and_then(Value::as_str);
    let called = called.unwrap_or("Administrator");
    let tenant = tenants::get(&call.server, &name(&call)?).await?;
    let made = tenants::administrator(&call.server, &tenant.name, called).await;
    let (client, secret) = made?;
    Ok(Answer::Made(json!({
        "name": client.name,
        "client_id": client.client_id,
        "client_secret": secret.expose(),
        "audience": management_audience(&tenant.issuer),
    })))
}

/// What cannot be a tenant's name is no tenant's.
fn name(call: &Call) -> Result<TenantName, Refused> {
    TenantName::parse(call.segment(0)).map_err(|_| Refused::missing("tenant"))
}

fn invalid(error: impl std::fmt::Display) -> Refused {
    Refused::invalid_body(format!("Payload validation error: '{error}'."))
}

/// Whole numbers within their bounds, or null, as the shape has it.
fn quotas(members: &Map<String, Value>) -> QuotaChange {
    let most = |name: &str| members.get(name).map(Value::as_u64);
    let small = |name| most(name).map(|most| most.and_then(|most| u32::try_from(most).ok()));
    QuotaChange {
        rules: small("rules"),
        users: most("users"),
        fuel_per_second: most("fuel_per_second"),
        exchanges_per_second: small("exchanges_per_second"),
    }
}

fn document(tenant: &Tenant) -> Value {
    json!({
        "name": tenant.name,
        "issuer": tenant.issuer,
        "friendly_name": tenant.friendly_name,
        "quotas": tenant.quotas,
        "status": tenant.status,
        "domains": tenant.domains,
        "is_operator": tenant.is_operator,
        "created_at": tenant.created_at.to_string(),
    })
}
