//! The management API of a tenant, `/api/v2/…` (contract, section 7): one table of endpoints, and one
//! way through it for every request.
//!
//! Authorisation first, then the query, then the body: who may not ask learns nothing of what is
//! there, and costs a signature and no parser.

mod action_event;
mod action_fields;
mod action_triggers;
mod action_versions;
mod actions;
mod client_fields;
mod client_grants;
mod clients;
mod connection_options;
mod connections;
mod endpoint;
mod exchanges;
mod fields;
mod jobs;
mod journal;
mod json;
mod keys;
mod log_events;
mod log_streams;
mod logs;
mod multipart;
mod openapi;
mod permissions;
mod protection;
mod query;
mod refresh_tokens;
mod resource_servers;
mod roles;
mod rule_trials;
mod rule_versions;
mod rules;
mod rules_configs;
mod settings;
mod shape;
mod stats;
mod table;
mod tail;
mod tenants;
mod upload;
mod user_fields;
mod user_parts;
mod users;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, get, on};
use axum::{Json, Router};
use serde_json::{Map, Value};

use self::endpoint::{Answer, Call, Caller, Endpoint, Form, Method, Takes, envelope};
use self::journal::Journal;
use self::query::Query;
use self::shape::Stage;
use super::accept::Stopping;
use super::authorization::Authorization;
use super::body::{MAX_MANAGEMENT_BYTES, max_upload_bytes, read_body_up_to};
use super::error::management::Refused;
use super::error::no_store;
use super::host::AtTenant;
use super::possession::possession;
use crate::admin::management_api;
use crate::server::Server;
use crate::tenant::Tenant;
use crate::token::access::{AccessError, Presented};
use crate::token::management::verify_management_token;

/// All endpoints, to stand under `/api/v2`.
pub(super) fn router() -> Router<Arc<Server>> {
    let mut router = Router::new().route("/openapi.json", get(openapi::document));
    for endpoint in table::endpoints() {
        let method = match endpoint.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Patch => MethodFilter::PATCH,
            Method::Delete => MethodFilter::DELETE,
        };
        let run = move |State(server): State<Arc<Server>>, request: Request| async move {
            let answer = respond(endpoint, server, request).await;
            answer.unwrap_or_else(Refused::into_response)
        };
        router = router.route(endpoint.path, on(method, run));
    }
    router
        .fallback(|| async { Refused::no_endpoint() })
        .method_not_allowed_fallback(|| async { Refused::no_method() })
}

async fn respond(
    endpoint: &'static Endpoint,
    server: Arc<Server>,
    request: Request,
) -> Result<Response, Refused> {
    let (mut parts, body) = request.into_parts();

    // 1. Whose is it, and who asks.
    let AtTenant { tenant, hostname } = AtTenant::of(&parts, &server).await?;
    let caller = authorise(&server, &tenant, &parts).await?;
    if !endpoint.scopes.iter().any(|scope| caller.may(scope)) {
        return Err(Refused::insufficient_scope(endpoint.scopes));
    }

    // 2. What is asked.
    let path = segments(&mut parts).await?;
    let query = Query::parse(parts.uri.query().unwrap_or_default(), endpoint.query)?;
    let projection = query.clone();
    let (form, body) = match endpoint.takes {
        Takes::Form(_) => (Some(form(endpoint, &parts, body)?), Map::new()),
        _ => (None, payload(endpoint, &server, &parts, body).await?),
    };

    // 3. Do it, and answer.
    let journal = Journal::of(endpoint, &server, &tenant, &caller, &parts, hostname);
    let answer = (endpoint.run)(Call {
        last_event_id: last_event_id(&parts),
        stopping: parts.extensions.get::<Stopping>().cloned(),
        server,
        tenant,
        caller,
        path,
        query,
        body,
        form,
    });
    let project = |mut item| {
        projection.project(&mut item);
        item
    };
    let mut response = match answer.await? {
        Answer::One(document) => Json(project(document)).into_response(),
        Answer::Made(document) => (StatusCode::CREATED, Json(document)).into_response(),
        Answer::AcceptedWithoutWords => StatusCode::ACCEPTED.into_response(),
        Answer::Linked(items, next) => {
            let items: Vec<Value> = items.into_iter().map(project).collect();
            let mut response = Json(items).into_response();
            let link = next.map(|next| format!(r#"<{next}>; rel="next""#));
            if let Some(Ok(link)) = link.map(HeaderValue::try_from) {
                response.headers_mut().insert(header::LINK, link);
            }
            response
        }
        Answer::MadeWithoutWords => StatusCode::CREATED.into_response(),
        Answer::Accepted(document) => (StatusCode::ACCEPTED, Json(document)).into_response(),
        Answer::All(items) => {
            let items: Vec<Value> = items.into_iter().map(project).collect();
            Json(items).into_response()
        }
        Answer::Part(name, page, part) => {
            Json(envelope(name, page, part.map(project))).into_response()
        }
        Answer::Bytes(bytes) => bytes.into_response(),
        Answer::Streamed(media_type, body) => {
            ([(header::CONTENT_TYPE, media_type)], body).into_response()
        }
        Answer::Done => StatusCode::NO_CONTENT.into_response(),
    };
    no_store(response.headers_mut());
    if let Some(journal) = journal {
        journal.write(response.status()).await;
    }
    Ok(response)
}

/// What a client that was cut off had seen (HTML, section 9.2.4).
fn last_event_id(parts: &Parts) -> Option<String> {
    let value = parts.headers.get("last-event-id")?.to_str().ok()?;
    Some(value.chars().take(100).collect()).filter(|id: &String| !id.is_empty())
}

/// The token comes in the Authorization header only.
async fn authorise(server: &Server, tenant: &Tenant, parts: &Parts) -> Result<Caller, Refused> {
    let possession = possession(&parts.headers, &parts.extensions);
    let possession = possession.map_err(|_| AccessError::Unconfirmed)?;
    let (token, proof) = match Authorization::of(&parts.headers)? {
        Some(Authorization::Bearer(token)) => (token, None),
        // RFC 9449, section 7.1: the scheme says whether the proof means anything.
        Some(Authorization::Dpop(token)) => match possession.dpop.as_deref() {
            Some(proof) => (token, Some(proof)),
            None => return Err(AccessError::Unconfirmed.into()),
        },
        Some(Authorization::Basic(_)) | None => return Err(Refused::no_token()),
    };
    let presented = Presented {
        token: &token,
        dpop: proof.map(|proof| (proof, parts.method.as_str())),
        certificate: possession.certificate.as_deref(),
    };
    // The nested router sees the path without its prefix.
    let uri = tenant
        .issuer
        .endpoint(&format!("api/v2{}", parts.uri.path()));
    let audience = management_api::management_audience(tenant.home());
    let Server {
        records, keyring, ..
    } = server;
    let access = verify_management_token(
        (records, keyring),
        tenant,
        presented,
        (&audience, &uri),
        server.clock.now(),
    );
    let access = access.await.inspect_err(|reason| {
        tracing::info!(tenant = %tenant.name, %reason, "a management token was refused");
    })?;
    let scopes = management_api::scopes_of(server, tenant, &access).await?;
    Ok(Caller {
        client_id: access.client_id().to_owned(),
        scopes,
        access,
    })
}

async fn segments(parts: &mut Parts) -> Result<Vec<String>, Refused> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|_| Refused::invalid_path())?;
    Ok(params.iter().map(|(_, value)| value.to_owned()).collect())
}

/// A body that is left to the endpoint.
fn form(endpoint: &Endpoint, parts: &Parts, body: Body) -> Result<Form, Refused> {
    match media_type(parts) {
        MediaType::Form(boundary) => Ok(Form {
            boundary,
            body: Mutex::new(body),
        }),
        _ => Err(Refused::media_type(endpoint.media_types())),
    }
}

async fn payload(
    endpoint: &Endpoint,
    server: &Server,
    parts: &Parts,
    body: Body,
) -> Result<Map<String, Value>, Refused> {
    let (fields, stage) = match endpoint.takes {
        Takes::Nothing | Takes::Form(_) => (None, Stage::Create),
        Takes::New(resource) | Takes::Input(resource) => (Some(resource.fields), Stage::Create),
        Takes::Change(resource) => (Some(resource.fields), Stage::Update),
    };
    let most = match endpoint.large {
        true => max_upload_bytes(server.rule_host.limits().component_bytes),
        false => MAX_MANAGEMENT_BYTES,
    };
    let bytes = read_body_up_to(body, most).await?;
    let Some(fields) = fields else {
        // Some clients send `{}`, or `null`, where nothing is needed.
        return Ok(Map::new());
    };
    if endpoint.or_empty && bytes.is_empty() {
        return Ok(Map::new());
    }
    let refused =
        |what: String| Refused::invalid_body(format!("Payload validation error: '{what}'."));
    let members = match media_type(parts) {
        MediaType::Json => json::parse(&bytes),
        MediaType::Form(boundary) if endpoint.large => {
            multipart::parse(bytes, boundary, fields).await
        }
        _ => return Err(Refused::media_type(endpoint.media_types())),
    };
    let members = members.map_err(refused)?;
    shape::check(&members, fields, stage)
        .map_err(|problem| Refused::invalid_body(problem.message("Payload")))?;
    Ok(members)
}

/// What a body says it is.
enum MediaType {
    Json,
    /// A form of several parts, and what stands between them.
    Form(String),
    Other,
}

fn media_type(parts: &Parts) -> MediaType {
    let mut values = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return MediaType::Other;
    };
    let value = value.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return MediaType::Json;
    }
    match multer::parse_boundary(value) {
        Ok(boundary) => MediaType::Form(boundary),
        Err(_) => MediaType::Other,
    }
}
