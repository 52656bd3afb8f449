//! `/api/v2/tenants/settings` (contract, section 7.8).

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::{given, read, take_kept, with_kept};
use super::query::PROJECTION;
use super::shape::{Field, Shape};
use crate::admin::log_settings::{self, DAYS};
use crate::admin::tenants::{self, Change};
use crate::http::error::management::Refused;
use crate::log::{LogSettings, Personal};
use crate::tenant::Tenant;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/tenants/settings",
        "Returns the settings of the tenant",
        &["read:tenant_settings"],
        Gives::One(StatusCode::OK, &SETTINGS),
        |call| Box::pin(get(call)),
    )
    .query(&[PROJECTION]),
    Endpoint::patch(
        "/tenants/settings",
        "Changes settings of the tenant",
        &["update:tenant_settings"],
        (
            Takes::Change(&SETTINGS),
            Gives::One(StatusCode::OK, &SETTINGS),
        ),
        |call| Box::pin(change(call)),
    ),
];

const TEXT: Shape = Shape::Prose(2_048);
const LINKS: Shape = Shape::List(&Shape::Text(2_048), 100);

static SETTINGS: Resource = Resource {
    name: "TenantSettings",
    fields: &[
        Field::new(
            "default_audience",
            Shape::Prose(600),
            "The API of requests that name none; empty for none.",
        )
        .or_null(),
        Field::new(
            "default_directory",
            Shape::Prose(128),
            "The connection of requests that name none; empty for none.",
        )
        .or_null(),
        Field::new("friendly_name", Shape::Text(200), "A name for people."),
        Field::new("flags", Shape::Object(FLAGS), "Switches."),
        Field::new(
            "event_log",
            Shape::Object(EVENT_LOG),
            "How the log, exchanges and recordings are kept; what is not named stays.",
        ),
        Field::new(
            "default_token_quota",
            Shape::Map,
            "Must be null: there are no quotas.",
        )
        .or_null(),
        Field::output(
            "sandbox_versions_available",
            Shape::List(&Shape::Text(10), 10),
            "Rules have one engine; there is nothing to choose.",
        ),
        Field::kept("support_email", TEXT),
        Field::kept("support_url", TEXT),
        Field::kept("picture_url", TEXT),
        Field::kept("allowed_logout_urls", LINKS),
        Field::kept("default_redirection_uri", TEXT),
        Field::kept("enabled_locales", Shape::List(&Shape::Text(20), 200)),
        Field::kept("session_lifetime", Shape::Whole(1, 8_760)),
        Field::kept("idle_session_lifetime", Shape::Whole(1, 8_760)),
        Field::kept("session_cookie", Shape::Map),
        Field::kept("sessions", Shape::Map),
        Field::kept("oidc_logout", Shape::Map),
        Field::kept("sandbox_version", Shape::Text(8)),
        Field::kept("legacy_sandbox_version", Shape::Text(8)),
        Field::kept("resource_parameter_profile", Shape::Text(50)),
        Field::kept("change_password", Shape::Map),
        Field::kept("guardian_mfa_page", Shape::Map),
        Field::kept("error_page", Shape::Map),
        Field::kept("device_flow", Shape::Map),
        Field::kept("universal_login", Shape::Map),
        Field::kept("customize_mfa_in_postlogin_action", Shape::Flag),
        Field::kept("acr_values_supported", Shape::List(&Shape::Text(100), 10)),
        Field::kept("pushed_authorization_requests_supported", Shape::Flag),
        Field::kept(
            "authorization_response_iss_parameter_supported",
            Shape::Flag,
        ),
    ],
};

const EVENT_LOG: &[Field] = &[
    Field::new(
        "days",
        Shape::Whole(*DAYS.start() as i64, *DAYS.end() as i64),
        "For how many days; 30 if nothing is said.",
    ),
    Field::new(
        "redact",
        Shape::List(&Shape::Word(Personal::WORDS), Personal::WORDS.len()),
        "What is not written from now on.",
    ),
];

const FLAGS: &[Field] = &[
    Field::new(
        "revoke_refresh_token_grant",
        Shape::Flag,
        "Whether handing back one refresh token ends all of its user, client and API.",
    ),
    Field::kept("allow_legacy_ro_grant_types", Shape::Flag),
    Field::kept("allow_legacy_delegation_grant_types", Shape::Flag),
    Field::kept("allow_legacy_tokeninfo_endpoint", Shape::Flag),
    Field::kept("allow_api1_non_global_clients", Shape::Flag),
    Field::kept("change_pwd_flow_v1", Shape::Flag),
    Field::kept("dashboard_insights_view", Shape::Flag),
    Field::kept("dashboard_log_streams_next", Shape::Flag),
    Field::kept("disable_clickjack_protection_headers", Shape::Flag),
    Field::kept("disable_fields_map_fix", Shape::Flag),
    Field::kept("disable_impersonation", Shape::Flag),
    Field::kept("disable_management_api_sms_obfuscation", Shape::Flag),
    Field::kept("enable_adfs_waad_email_verification", Shape::Flag),
    Field::kept("enable_apis_section", Shape::Flag),
    Field::kept("enable_client_connections", Shape::Flag),
    Field::kept("enable_custom_domain_in_emails", Shape::Flag),
    Field::kept("enable_dynamic_client_registration", Shape::Flag),
    Field::kept("enable_idtoken_api2", Shape::Flag),
    Field::kept("enable_legacy_logs_search_v2", Shape::Flag),
    Field::kept("enable_legacy_profile", Shape::Flag),
    Field::kept("enable_pipeline2", Shape::Flag),
    Field::kept("enable_public_signup_user_exists_error", Shape::Flag),
    Field::kept("enable_sso", Shape::Flag),
    Field::kept("mfa_show_factor_list_on_enrollment", Shape::Flag),
    Field::kept("no_disclose_enterprise_connections", Shape::Flag),
    Field::kept("remove_alg_from_jwks", Shape::Flag),
    Field::kept("require_pushed_authorization_requests", Shape::Flag),
    Field::kept(
        "trust_azure_adfs_email_verified_connection_property",
        Shape::Flag,
    ),
    Field::kept("use_scope_descriptions_for_consent", Shape::Flag),
];

#[derive(Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "given")]
    default_audience: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    default_directory: Option<Option<String>>,
    friendly_name: Option<String>,
    flags: Option<Map<String, Value>>,
    default_token_quota: Option<Value>,
    event_log: Option<EventLog>,
}

#[derive(Deserialize)]
struct EventLog {
    days: Option<u32>,
    redact: Option<Vec<Personal>>,
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let log = log_settings::get(&call.server, &call.tenant.name).await?;
    Ok(Answer::One(document(&call.tenant, &log)))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let mut kept = take_kept(&mut call.body, SETTINGS.fields);
    let body: Body = read(call.body)?;
    if body.default_token_quota.is_some() {
        return Err(Refused::not_supported("This server has no quotas."));
    }
    let mut revoke = None;
    if let Some(mut flags) = body.flags {
        revoke = flags
            .remove("revoke_refresh_token_grant")
            .and_then(|flag| flag.as_bool());
        // A flag that is not named stays as it is.
        let known = call.tenant.kept.get("flags").and_then(Value::as_object);
        let mut all = known.cloned().unwrap_or_default();
        for (name, value) in flags {
            match value {
                Value::Null => drop(all.remove(&name)),
                value => drop(all.insert(name, value)),
            }
        }
        kept.insert("flags".to_owned(), all.into());
    }
    let change = Change {
        default_audience: body.default_audience.map(Option::unwrap_or_default),
        default_directory: body.default_directory.map(Option::unwrap_or_default),
        friendly_name: body.friendly_name,
        revoke_refresh_token_grant: revoke,
        kept,
        ..Change::default()
    };
    let (server, name) = (&call.server, &call.tenant.name);
    let tenant = tenants::change(server, name, change).await?;
    let log = match body.event_log {
        None => log_settings::get(server, name).await?,
        Some(EventLog { days, redact }) => {
            log_settings::change(server, name, log_settings::Change { days, redact }).await?
        }
    };
    Ok(Answer::One(document(&tenant, &log)))
}

fn document(tenant: &Tenant, log: &LogSettings) -> Value {
    let mut kept = tenant.kept.clone();
    let flags = json!({ "revoke_refresh_token_grant": tenant.revoke_refresh_token_grant });
    let flags = match kept.remove("flags") {
        Some(Value::Object(kept)) => with_kept(flags, &kept),
        _ => flags,
    };
    let document = json!({
        "default_audience": tenant.default_audience.as_deref().unwrap_or_default(),
        "default_directory": tenant.default_directory.as_deref().unwrap_or_default(),
        "friendly_name": tenant.friendly_name,
        "flags": flags,
        "event_log": { "days": log.days, "redact": log.redact },
        "sandbox_versions_available": [],
    });
    with_kept(document, &kept)
}
