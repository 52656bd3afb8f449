//! `/api/v2/resource-servers` (contract, section 7.4).

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::{read, take_kept, with_kept};
use super::query::{CHECKPOINTS, PAGES, PROJECTION};
use super::shape::{Field, Shape};
use crate::admin::apis::{self, Change, NewApi};
use crate::admin::page;
use crate::api::{Api, ApiScope, Authorization, ClientPolicy, TokenDialect, UserPolicy};
use crate::http::error::management::Refused;
use crate::secret::Secret;
use crate::token::SigningAlgorithm;

const READ: &[&str] = &["read:resource_servers"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/resource-servers",
        "Lists the APIs of the tenant",
        READ,
        Gives::Part("resource_servers", &RESOURCE_SERVER),
        |call| Box::pin(list(call)),
    )
    .query(&[PAGES, CHECKPOINTS, PROJECTION]),
    Endpoint::post(
        "/resource-servers",
        "Registers an API",
        &["create:resource_servers"],
        (
            Takes::New(&RESOURCE_SERVER),
            Gives::One(StatusCode::CREATED, &RESOURCE_SERVER),
        ),
        |call| Box::pin(create(call)),
    ),
    Endpoint::get(
        "/resource-servers/{id}",
        "Returns an API, by id or identifier",
        READ,
        Gives::One(StatusCode::OK, &RESOURCE_SERVER),
        |call| Box::pin(get(call)),
    )
    .query(&[PROJECTION]),
    Endpoint::patch(
        "/resource-servers/{id}",
        "Changes an API",
        &["update:resource_servers"],
        (
            Takes::Change(&RESOURCE_SERVER),
            Gives::One(StatusCode::OK, &RESOURCE_SERVER),
        ),
        |call| Box::pin(change(call)),
    ),
    Endpoint::delete(
        "/resource-servers/{id}",
        "Takes an API away, with the client grants for it and the permissions on it",
        &["delete:resource_servers"],
        |call| Box::pin(delete(call)),
    ),
];

static RESOURCE_SERVER: Resource = Resource {
    name: "ResourceServer",
    fields: &[
        Field::output("id", Shape::Text(24), "Its identity."),
        Field::new(
            "identifier",
            Shape::Text(600),
            "The audience of its tokens.",
        )
        .required()
        .fixed(),
        Field::new("name", Shape::Text(200), "A name for people."),
        Field::output("is_system", Shape::Flag, "Whether it is the server's own."),
        Field::new(
            "scopes",
            Shape::List(&Shape::Object(SCOPE), 1_000),
            "The scopes it defines.",
        ),
        Field::new(
            "signing_alg",
            Shape::Word(ALGORITHMS),
            "What its tokens are signed with.",
        ),
        Field::new(
            "signing_secret",
            Shape::Text(2_048),
            "The key of an HS256 API; returned once, when it is set.",
        ),
        Field::new(
            "allow_offline_access",
            Shape::Flag,
            "Whether clients may get refresh tokens for it.",
        ),
        Field::new(
            "token_lifetime",
            Shape::Whole(1, Api::MAX_TOKEN_LIFETIME as i64),
            "How long its tokens are valid, in seconds.",
        ),
        Field::new(
            "token_dialect",
            Shape::Word(DIALECTS),
            "Which claims and header its tokens have.",
        ),
        Field::new(
            "enforce_policies",
            Shape::Flag,
            "Whether users get only the scopes that are their permissions.",
        ),
        Field::new(
            "subject_type_authorization",
            Shape::Object(SUBJECT_TYPES),
            "Who may have tokens for it.",
        ),
        Field::kept(
            "skip_consent_for_verifiable_first_party_clients",
            Shape::Flag,
        ),
        Field::kept(
            "token_lifetime_for_web",
            Shape::Whole(1, Api::MAX_TOKEN_LIFETIME as i64),
        ),
        Field::kept("consent_policy", Shape::Text(100)),
        Field::kept("authorization_details", Shape::List(&Shape::Map, 10)),
        Field::kept("verificationKey", Shape::Prose(4_096)),
        Field::kept("verificationLocation", Shape::Text(2_048)),
        Field::new(
            "token_encryption",
            Shape::Map,
            "Must be null: tokens are not encrypted.",
        )
        .or_null(),
        Field::new(
            "proof_of_possession",
            Shape::Map,
            "Must be null, or not required: clients say what their tokens are bound to.",
        )
        .or_null(),
    ],
};

const ALGORITHMS: &[&str] = &["RS256", "PS256", "ES256", "EdDSA", "HS256"];
const DIALECTS: &[&str] = &[
    "access_token",
    "access_token_authz",
    "rfc9068_profile",
    "rfc9068_profile_authz",
];

const SCOPE: &[Field] = &[
    Field::new("value", Shape::Text(280), "The scope.").required(),
    Field::new(
        "description",
        Shape::Prose(500),
        "What it allows, for people.",
    ),
];

const SUBJECT_TYPES: &[Field] = &[
    Field::new(
        "client",
        Shape::Object(CLIENT_POLICY),
        "For tokens about a client.",
    ),
    Field::new(
        "user",
        Shape::Object(USER_POLICY),
        "For tokens about a user.",
    ),
];

const CLIENT_POLICY: &[Field] = &[Field::new(
    "policy",
    Shape::Word(&["require_client_grant", "deny_all"]),
    "Which clients may.",
)];

const USER_POLICY: &[Field] = &[Field::new(
    "policy",
    Shape::Word(&["allow_all", "require_client_grant", "deny_all"]),
    "Through which clients a user may.",
)];

#[derive(Deserialize)]
struct Body {
    identifier: Option<String>,
    name: Option<String>,
    scopes: Option<Vec<Scope>>,
    signing_alg: Option<SigningAlgorithm>,
    signing_secret: Option<Secret>,
    allow_offline_access: Option<bool>,
    token_lifetime: Option<u64>,
    token_dialect: Option<TokenDialect>,
    enforce_policies: Option<bool>,
    subject_type_authorization: Option<SubjectTypes>,
    token_encryption: Option<Value>,
    proof_of_possession: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Scope {
    value: String,
    #[serde(default)]
    description: String,
}

#[derive(Default, Deserialize)]
struct SubjectTypes {
    client: Option<Authorization<ClientPolicy>>,
    user: Option<Authorization<UserPolicy>>,
}

impl Body {
    /// What the contract has and this server cannot do is refused: who asks for encrypted tokens does
    /// not mean readable ones.
    fn check(&self) -> Result<(), Refused> {
        if self.token_encryption.is_some() {
            return Err(Refused::not_supported(
                "This server does not encrypt access tokens.",
            ));
        }
        let required = self.proof_of_possession.as_ref();
        let required = required.is_some_and(|asked| asked.get("required") != Some(&false.into()));
        if required {
            let message = "Here clients say what their tokens are bound to: set `require_proof_of_possession` of the client.";
            return Err(Refused::not_supported(message));
        }
        Ok(())
    }

    fn into_change(self, kept: Map<String, Value>) -> Change {
        let subjects = self.subject_type_authorization.unwrap_or_default();
        let scope = |scope: Scope| ApiScope {
            value: scope.value,
            description: scope.description,
        };
        Change {
            name: self.name,
            scopes: self
                .scopes
                .map(|scopes| scopes.into_iter().map(scope).collect()),
            signing_alg: self.signing_alg,
            signing_secret: self.signing_secret,
            token_lifetime: self.token_lifetime,
            allow_offline_access: self.allow_offline_access,
            client_policy: subjects.client.map(|client| client.policy),
            user_policy: subjects.user.map(|user| user.policy),
            enforce_policies: self.enforce_policies,
            token_dialect: self.token_dialect,
            kept,
        }
    }
}

async fn list(call: Call) -> Result<Answer, Refused> {
    let page = call.query.page()?;
    let of = [call.tenant.name.as_str()];
    let found = page::read(&call.server, &of, &page, |_: &Api| true).await?;
    let found = found.map(|api| document(&api, None));
    Ok(Answer::Part("resource_servers", page, found))
}

async fn get(call: Call) -> Result<Answer, Refused> {
    let api = apis::find(&call.server, &call.tenant.name, call.segment(0)).await?;
    Ok(Answer::One(document(&api, None)))
}

async fn create(mut call: Call) -> Result<Answer, Refused> {
    let kept = take_kept(&mut call.body, RESOURCE_SERVER.fields);
    let mut body: Body = read(call.body)?;
    body.check()?;
    let new = NewApi {
        identifier: body.identifier.take().unwrap_or_default(),
        name: body.name.take(),
        scopes: Vec::new(),
        signing_alg: body.signing_alg.unwrap_or_default(),
        token_dialect: TokenDialect::default(),
        token_lifetime: Api::DEFAULT_TOKEN_LIFETIME,
        allow_offline_access: false,
    };
    let change = body.into_change(kept);
    let made = apis::create_with(&call.server, &call.tenant.name, new, change).await;
    let (api, secret) = made?;
    Ok(Answer::Made(document(&api, secret.as_ref())))
}

async fn change(mut call: Call) -> Result<Answer, Refused> {
    let id = apis::find(&call.server, &call.tenant.name, call.segment(0)).await?;
    let kept = take_kept(&mut call.body, RESOURCE_SERVER.fields);
    let body: Body = read(call.body)?;
    body.check()?;
    let change = body.into_change(kept);
    let changed = apis::update(&call.server, &call.tenant.name, &id.identifier, change).await;
    let (api, secret) = changed?;
    Ok(Answer::One(document(&api, secret.as_ref())))
}

async fn delete(call: Call) -> Result<Answer, Refused> {
    let api = apis::find(&call.server, &call.tenant.name, call.segment(0)).await?;
    apis::delete(&call.server, &call.tenant.name, &api.identifier).await?;
    Ok(Answer::Done)
}

fn document(api: &Api, secret: Option<&Secret>) -> Value {
    let mut document = json!({
        "id": api.id(),
        "identifier": api.identifier,
        "name": api.name,
        "is_system": api.is_system,
        "scopes": api.scopes,
        "signing_alg": api.signing_alg,
        "allow_offline_access": api.allow_offline_access,
        "skip_consent_for_verifiable_first_party_clients": false,
        "token_lifetime": api.token_lifetime,
        "token_lifetime_for_web": 7_200,
        "token_dialect": api.token_dialect,
        "enforce_policies": api.enforce_policies,
        "subject_type_authorization": api.subject_type_authorization,
    });
    if let (Some(secret), Value::Object(members)) = (secret, &mut document) {
        members.insert("signing_secret".to_owned(), secret.expose().into());
    }
    with_kept(document, &api.kept)
}
