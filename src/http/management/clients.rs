//! `/api/v2/clients` (contract, section 7.3).

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client_fields::{CLIENT, WITHOUT_MEANING};
use super::endpoint::{Answer, Call, Endpoint, Gives, Takes};
use super::fields::{given, read, take_kept, with_kept};
use super::query::{CHECKPOINTS, PAGES, PROJECTION};
use super::shape::{Field, Shape};
use crate::admin::clients::{self, Change, NewClient};
use crate::admin::page;
use crate::client::{Client, ClientAuthentication, RefreshSettings, SenderConstraint};
use crate::http::error::management::Refused;
use crate::secret::Secret;

const READ: &[&str] = &["read:clients", "read:client_keys"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/clients",
        "Lists the clients of the tenant",
        READ,
        Gives::Part("clients", &CLIENT),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, CHECKPOINTS, PROJECTION, FILTER]),
    Endpoint::post(
        "/clients",
        "Registers a client; its secret is in this answer and in no other",
        &["create:clients"],
        (
            Takes::New(&CLIENT),
            Gives::One(StatusCode::CREATED, &CLIENT),
        ),
        |call| Box::pin(create(call)),
    ),
    Endpoint::get(
        "/clients/{client_id}",
        "Returns a client",
        READ,
        Gives::One(StatusCode::OK, &CLIENT),
        |call| Box::pin(get(call)),
    )
    .query(&[PROJECTION]),
    Endpoint::patch(
        "/clients/{client_id}",
        "Changes a client",
        &["update:clients", "update:client_keys"],
        (Takes::Change(&CLIENT), Gives::One(StatusCode::OK, &CLIENT)),
        |call| Box::pin(change(call)),
    ),
    Endpoint::delete(
        "/clients/{client_id}",
        "Takes a client away, with its client grants",
        &["delete:clients"],
        |call| Box::pin(delete(call)),
    ),
    Endpoint::post(
        "/clients/{client_id}/rotate-secret",
        "Gives a client a new secret; the old one is refused from now on",
        &["update:client_keys"],
        (Takes::Nothing, Gives::One(StatusCode::OK, &CLIENT)),
        |call| Box::pin(rotate(call)),
    ),
];

const FILTER: &[Field] = &[
    Field::input(
        "is_first_party",
        Shape::Flag,
        "Those that the tenant itself runs, or the others.",
    ),
    Field::input(
        "is_global",
        Shape::Flag,
        "There is no global client: false, or nothing is found.",
    ),
    Field::input(
        "app_type",
        Shape::Text(200),
        "Those of these types, separated by commas.",
    ),
];

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    token_endpoint_auth_method: Option<ClientAuthentication>,
    grant_types: Option<Vec<String>>,
    is_first_party: Option<bool>,
    is_token_endpoint_ip_header_trusted: Option<bool>,
    #[serde(default)]
    client_metadata: BTreeMap<String, Option<String>>,
    jwt_configuration: Option<JwtConfiguration>,
    refresh_token: Option<Map<String, Value>>,
    require_proof_of_possession: Option<bool>,
    client_authentication_methods: Option<Value>,
    token_quota: Option<Value>,
    compliance_level: Option<String>,
    #[serde(default, deserialize_with = "given")]
    resource_server_identifier: Option<Option<String>>,
}

#[derive(Deserialize)]
struct JwtConfiguration {
    alg: Option<String>,
    lifetime_in_seconds: Option<u64>,
    secret_encoded: Option<bool>,
    scopes: Option<Value>,
}

/// What a body asks for, beside the members that are only kept.
struct Wish {
    change: Change,
    settings: Option<Map<String, Value>>,
}

impl Body {
    fn into_wish(self, mut kept: Map<String, Value>) -> Result<Wish, Refused> {
        self.check()?;
        if let Some(jwt) = &self.jwt_configuration {
            // Kept beside what counts of it.
            for (name, value) in [
                ("secret_encoded", jwt.secret_encoded.map(Value::from)),
                ("scopes", jwt.scopes.clone()),
            ] {
                if let Some(value) = value {
                    kept.insert(format!("jwt_configuration.{name}"), value);
                }
            }
        }
        let grant_types = self.grant_types.map(|all| {
            // As they were set, those included that no endpoint of this server answers to.
            kept.insert("grant_types".to_owned(), json!(all));
            let counts = |grant: &String| !WITHOUT_MEANING.contains(&grant.as_str());
            all.into_iter().filter(counts).collect()
        });
        let bound = self
            .require_proof_of_possession
            .map(|required| match required {
                true => SenderConstraint::Dpop,
                false => SenderConstraint::Optional,
            });
        Ok(Wish {
            change: Change {
                name: self.name,
                authentication: self.token_endpoint_auth_method,
                grant_types,
                is_first_party: self.is_first_party,
                metadata: self.client_metadata,
                ip_header_trusted: self.is_token_endpoint_ip_header_trusted,
                refresh_token: None,
                id_token_lifetime: self
                    .jwt_configuration
                    .and_then(|jwt| jwt.lifetime_in_seconds),
                sender_constraint: bound,
                resource_server: self.resource_server_identifier,
                kept,
            },
            settings: self.refresh_token,
        })
    }

    /// What the contract has and this server cannot do is refused where keeping it would promise
    /// something.
    fn check(&self) -> Result<(), Refused> {
        let alg = self
            .jwt_configuration
            .as_ref()
            .and_then(|jwt| jwt.alg.as_deref());
        let refused = match self {
            _ if alg.is_some_and(|alg| alg != "RS256") => "ID tokens are signed with RS256.",
            Self {
                client_authentication_methods: Some(_),
                ..
            } => "Public keys of clients are registered with the command line.",
            Self {
                token_quota: Some(_),
                ..
            } => "Clients have no quotas.",
            Self {
                compliance_level: Some(level),
                ..
            } if level != "none" => "Compliance is set field by field.",
            _ => return Ok(()),
        };
        Err(Refused::not_supported(refused))
    }
}

impl Wish {
    /// Settings of refresh tokens are merged with those that count at present.
    fn with_settings_over(self, present: RefreshSettings) -> Result<Change, Refused> {
        let Some(mut wanted) = self.settings else {
            return Ok(self.change);
        };
        let mut change = self.change;
        if let Some(policies) = wanted.remove("policies") {
            change
                .kept
                .insert("refresh_token.policies".to_owned(), policies);
        }
        let Value::Object(mut settings) = json!(present) else {
            return Ok(change);
        };
        settings.extend(wanted);
        change.refresh_token = Some(read(settings)?);
        Ok(change)
    }
}

async fn list(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let first_party = call.query.flag("is_first_party");
    let types = call.query.text("app_type");
    let types: Option<Vec<&str>> = types.map(|types| types.split(',').collect());
    let wanted = |client: &Client| {
        first_party.is_none_or(|wanted| client.is_first_party == wanted)
            && call.query.flag("is_global") != Some(true)
            && types.as_ref().is_none_or(|types| {
                let app_type = client.kept.get("app_type").and_then(Value::as_str);
                app_type.is_some_and(|app_type| types.contains(&app_type))
            })
    };
    let of = [call.tenant.name.as_str()];
    let found = page::read(&call.server, &of, &page, wanted).await?;
    Ok(Answer::Part(
        "clients",
        page,
        found.map(|client| document(&client, None)),
    ))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let client = clients::find(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::One(document(&client, None)))
}

async fn create(mut call: Call) -> Result<Answer, Refused> {
    let kept = take_kept(&mut call.body, CLIENT.fields);
    let body: Body = read(call.body)?;
    let app_type = kept
        .get("app_type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut wish = body.into_wish(kept)?;
    let authentication = wish
        .change
        .authentication
        .take()
        .unwrap_or(match app_type.as_str() {
            "native" | "spa" => ClientAuthentication::None,
            _ => ClientAuthentication::ClientSecretPost,
        });
    if wish.change.grant_types.is_none() {
        // The recorded defaults, of which those count that this server has.
        let public = authentication == ClientAuthentication::None;
        let all: &[&str] = match public {
            true => &["authorization_code", "implicit", "refresh_token"],
            false => &[
                "authorization_code",
                "implicit",
                "refresh_token",
                "client_credentials",
            ],
        };
        wish.change
            .kept
            .insert("grant_types".to_owned(), json!(all));
        let counts = all.iter().filter(|grant| !WITHOUT_MEANING.contains(grant));
        wish.change.grant_types = Some(counts.map(|&grant| grant.to_owned()).collect());
    }
    let change = wish.with_settings_over(RefreshSettings::default_for(authentication))?;
    let new = NewClient {
        name: change.name.clone().unwrap_or_default(),
        authentication,
        grant_types: Vec::new(),
        is_first_party: true,
        metadata: BTreeMap::new(),
    };
    let made = clients::create_with(&call.server, &call.tenant.name, new, change).await;
    let (client, secret) = made?;
    Ok(Answer::Made(document(&client, secret.as_ref())))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let (server, tenant) = (&call.server, &call.tenant.name);
    let client =
        clients::find(server, tenant, call.path.first().map_or("", String::as_str)).await?;
    let kept = take_kept(&mut call.body, CLIENT.fields);
    let body: Body = read(std::mem::take(&mut call.body))?;
    let change = body
        .into_wish(kept)?
        .with_settings_over(client.refresh_settings())?;
    let changed = clients::update(server, tenant, &client.client_id, change).await;
    let (client, secret) = changed?;
    Ok(Answer::One(document(&client, secret.as_ref())))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    clients::delete(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::Done)
}

async fn rotate(call: Call) -> Result<Answer, Refused> {
    let rotated = clients::rotate_secret(&call.server, &call.tenant.name, call.segment(0), 0).await;
    let (client, secret) = rotated?;
    Ok(Answer::One(document(&client, Some(&secret))))
}

/// A secret is known only at the moment that it is made: afterwards the server has its digest.
fn document(client: &Client, secret: Option<&Secret>) -> Value {
    let mut kept = client.kept.clone();
    let mut jwt = json!({
        "secret_encoded": false,
        "lifetime_in_seconds": client.id_token_lifetime,
        "alg": "RS256",
    });
    let mut refresh_token = json!(client.refresh_settings());
    put_back(&mut jwt, &mut kept, "jwt_configuration");
    put_back(&mut refresh_token, &mut kept, "refresh_token");
    let grant_types = grant_types(client, kept.remove("grant_types"));
    let mut document = json!({
        "client_id": client.client_id,
        "name": client.name,
        "is_first_party": client.is_first_party,
        "is_token_endpoint_ip_header_trusted": client.is_token_endpoint_ip_header_trusted,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "oidc_conformant": true,
        "jwt_configuration": jwt,
        "sso_disabled": false,
        "cross_origin_authentication": false,
        "grant_types": grant_types,
        "custom_login_page_on": true,
        "client_metadata": client.metadata,
        "refresh_token": refresh_token,
        "require_proof_of_possession": client.sender_constraint == SenderConstraint::Dpop,
    });
    if let Value::Object(members) = &mut document {
        if client.token_endpoint_auth_method == ClientAuthentication::PrivateKeyJwt {
            let ids: Vec<Value> = client
                .credentials
                .iter()
                .map(|known| json!({ "id": known.id }))
                .collect();
            members.insert("token_endpoint_auth_method".to_owned(), Value::Null);
            let methods = json!({ "private_key_jwt": { "credentials": ids } });
            members.insert("client_authentication_methods".to_owned(), methods);
        }
        if let Some(api) = &client.resource_server_identifier {
            members.insert("resource_server_identifier".to_owned(), api.as_str().into());
        }
        if let Some(secret) = secret {
            members.insert("client_secret".to_owned(), secret.expose().into());
        }
    }
    with_kept(document, &kept)
}

/// Members of an inner object that are only kept.
fn put_back(object: &mut Value, kept: &mut Map<String, Value>, of: &str) {
    let Value::Object(members) = object else {
        return;
    };
    for name in ["secret_encoded", "scopes", "policies"] {
        if let Some(value) = kept.remove(&format!("{of}.{name}")) {
            members.insert(name.to_owned(), value);
        }
    }
}

/// As they were set, unless the command line set others since.
fn grant_types(client: &Client, as_set: Option<Value>) -> Value {
    let as_set: Option<Vec<String>> = as_set.and_then(|value| serde_json::from_value(value).ok());
    let still = as_set.filter(|all| {
        let counts = all
            .iter()
            .filter(|grant| !WITHOUT_MEANING.contains(&grant.as_str()));
        counts.eq(client.grant_types.iter())
    });
    json!(still.unwrap_or_else(|| client.grant_types.clone()))
}
