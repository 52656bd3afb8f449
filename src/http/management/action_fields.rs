//! What the API says of actions and their versions, and what it takes (contract, section 3.6).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::endpoint::Resource;
use super::fields::read;
use super::query::Query;
use super::rules::{MAY, ON_FAULT, SCRIPT};
use super::shape::{Field, Shape};
use crate::action::{Action, ActionVersion, Dependency, Makeup, SupportedTrigger, Trigger};
use crate::admin::actions::{self, Change, NewSecret, versions};
use crate::http::error::management::Refused;
use crate::rule::RuleVersion;
use crate::rule_host::{OnFault, Permissions, printable};
use crate::secret::Secret;
use crate::server::Server;
use crate::tenant::TenantName;

/// Those of the contract. Whichever is named, an action runs in this server's engine.
pub(super) const RUNTIMES: &[&str] = &["node12", "node16", "node18", "node18-actions", "node22"];

pub(super) static ACTION: Resource = Resource {
    name: "Action",
    fields: ACTION_FIELDS,
};

const ID: Field = Field::output("id", Shape::Text(100), "Its identity.");
const CREATED_AT: Field = Field::output("created_at", Shape::Moment, "When it was made.");
const UPDATED_AT: Field = Field::output("updated_at", Shape::Moment, "When it was last changed.");
const BUILT_AT: Field = Field::output("built_at", Shape::Moment, "When its code was checked.");
const STATUS: Field = Field::output(
    "status",
    Shape::Word(&["pending", "built"]),
    "Whether there is code. It was checked before it was taken.",
);
const TRIGGERS: Field = Field::new(
    "supported_triggers",
    Shape::List(&Shape::Object(TRIGGER), 1),
    "What it is for: one trigger.",
);
const DEPENDENCIES: Field = Field::new(
    "dependencies",
    Shape::List(&Shape::Object(DEPENDENCY), 10),
    "Modules that it needs. The engine has one version of each, whichever is asked for.",
);
const RUNTIME: Field = Field::new(
    "runtime",
    Shape::Word(RUNTIMES),
    "Kept and returned; all actions run in this server's engine.",
);
const SECRETS: Field = Field::new(
    "secrets",
    Shape::List(&Shape::Object(SECRET), 30),
    "What only it reads. One without a value keeps the value that it has.",
);

pub(super) const ACTION_FIELDS: &[Field] = &[
    ID,
    Field::new("name", Shape::Text(100), "Its name, which no other has.").required(),
    TRIGGERS.required(),
    Field::new("code", SCRIPT.shape, "The draft's source in JavaScript."),
    DEPENDENCIES,
    RUNTIME,
    SECRETS,
    MAY,
    ON_FAULT,
    Field::input("deploy", Shape::Flag, "Whether to deploy it at once."),
    STATUS,
    Field::output(
        "all_changes_deployed",
        Shape::Flag,
        "Whether the draft is what is deployed.",
    ),
    Field::output(
        "deployed_version",
        Shape::Object(VERSION_FIELDS),
        "What is deployed, if anything is.",
    ),
    CREATED_AT,
    UPDATED_AT,
    BUILT_AT,
];

pub(super) static VERSION: Resource = Resource {
    name: "ActionVersion",
    fields: VERSION_FIELDS,
};

pub(super) const VERSION_FIELDS: &[Field] = &[
    ID,
    Field::output("action_id", Shape::Text(100), "The action."),
    Field::output(
        "number",
        Shape::Whole(1, u32::MAX as i64),
        "1, 2, 3… in the order of deployments.",
    ),
    Field::output("code", Shape::Prose(1 << 20), "Its source."),
    TRIGGERS,
    DEPENDENCIES,
    RUNTIME,
    SECRETS,
    Field::output("deployed", Shape::Flag, "Whether it is what is deployed."),
    STATUS,
    Field::output("errors", Shape::List(&Shape::Map, 0), "There are none."),
    Field::output("action", Shape::Object(BRIEF), "The action, in short."),
    Field::output("digest", Shape::Text(64), "The SHA-256 of the source."),
    Field::output("author", Shape::Text(100), "The client that deployed it.").or_null(),
    CREATED_AT,
    UPDATED_AT,
    BUILT_AT,
];

pub(super) const BRIEF: &[Field] = &[
    ID,
    Field::output("name", Shape::Text(100), "Its name."),
    TRIGGERS,
    CREATED_AT,
    UPDATED_AT,
];

const TRIGGER: &[Field] = &[
    Field::new(
        "id",
        Shape::Text(100),
        "`post-login` or `credentials-exchange`.",
    )
    .required(),
    Field::new(
        "version",
        Shape::Text(20),
        "All run as the current one, which it is if nobody says.",
    ),
];

const DEPENDENCY: &[Field] = &[
    Field::new("name", Shape::Text(100), "The module.").required(),
    Field::new("version", Shape::Text(100), "Kept and returned.").required(),
];

pub(super) const SECRET: &[Field] = &[
    Field::new("name", Shape::Text(128), "Its name.").required(),
    Field::new(
        "value",
        Shape::Prose(4_096),
        "Its value, which is never returned.",
    )
    .secret(),
    Field::output("updated_at", Shape::Moment, "When the value was set."),
];

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    supported_triggers: Option<Vec<TriggerBody>>,
    code: Option<String>,
    runtime: Option<String>,
    dependencies: Option<Vec<Dependency>>,
    secrets: Option<Vec<SecretBody>>,
    permissions: Option<Permissions>,
    on_fault: Option<OnFault>,
    #[serde(default)]
    deploy: bool,
}

#[derive(Deserialize)]
struct TriggerBody {
    id: String,
    version: Option<String>,
}

#[derive(Deserialize)]
struct SecretBody {
    name: String,
    value: Option<Secret>,
}

/// What a body says of an action, and whether to deploy it.
pub(super) fn change_of(body: Map<String, Value>) -> Result<(Change, bool), Refused> {
    let body: Body = read(body)?;
    let secrets = body.secrets.map(|secrets| {
        let secrets = secrets.into_iter();
        let new = secrets.map(|SecretBody { name, value }| NewSecret { name, value });
        new.collect()
    });
    let change = Change {
        name: body.name,
        trigger: body.supported_triggers.map(trigger_of).transpose()?,
        code: body.code,
        runtime: body.runtime,
        dependencies: body.dependencies,
        secrets,
        permissions: body.permissions,
        on_fault: body.on_fault,
    };
    Ok((change, body.deploy))
}

fn trigger_of(triggers: Vec<TriggerBody>) -> Result<SupportedTrigger, Refused> {
    let [TriggerBody { id, version }] = <[TriggerBody; 1]>::try_from(triggers).map_err(|_| {
        Refused::invalid_body(
            "Payload validation error: 'An action is for one trigger' on property supported_triggers.",
        )
    })?;
    let Some(known) = Trigger::of_name(&id) else {
        return Err(elsewhere(&id).unwrap_or_else(|| {
            let id = printable(&id, 100);
            Refused::invalid_body(format!(
                "Payload validation error: 'No enum match for: {id}' on property supported_triggers[0].id."
            ))
        }));
    };
    let current = || {
        known
            .versions()
            .last()
            .copied()
            .unwrap_or_default()
            .to_owned()
    };
    Ok(SupportedTrigger {
        id: known,
        version: version.unwrap_or_else(current),
    })
}

/// A trigger of the contract that nothing sets off here is refused by its name.
pub(super) fn elsewhere(name: &str) -> Option<Refused> {
    let known = Trigger::ELSEWHERE.contains(&name);
    known.then(|| {
        let here = Trigger::ALL.map(Trigger::name).join(" and ");
        Refused::not_supported(format!(
            "Nothing on this server sets the trigger `{name}` off; there are {here}."
        ))
    })
}

/// An action as documents have it.
pub(super) async fn document(
    server: &Server,
    tenant: &TenantName,
    action: &Action,
) -> Result<Value, Refused> {
    let code = actions::code(server, action).await?;
    let deployed = versions::deployed(server, tenant, action).await?;
    let same = deployed.as_ref().is_some_and(|(version, made)| {
        Some(&version.digest) == action.code.as_ref() && made.makeup == action.makeup
    });
    let mut document = made_of(&action.makeup);
    document.extend(brief(action));
    document.insert("all_changes_deployed".to_owned(), same.into());
    document.insert("permissions".to_owned(), json!(action.permissions));
    document.insert("on_fault".to_owned(), json!(action.on_fault));
    let status = match &code {
        Some(_) => "built",
        None => "pending",
    };
    document.insert("status".to_owned(), status.into());
    if let Some(code) = code {
        document.insert("code".to_owned(), code.into());
    }
    if let Some(at) = action.built_at {
        document.insert("built_at".to_owned(), at.to_string().into());
    }
    if let Some((version, made)) = deployed {
        let version = version_document(server, action, &version, &made).await?;
        document.insert("deployed_version".to_owned(), version);
    }
    Ok(document.into())
}

/// A version as documents have it.
pub(super) async fn version_document(
    server: &Server,
    action: &Action,
    version: &RuleVersion,
    made: &ActionVersion,
) -> Result<Value, Refused> {
    let code = crate::admin::rules::versions::code(server, version).await?;
    let at = version.uploaded_at.to_string();
    let mut document = made_of(&made.makeup);
    let rest = json!({
        "id": made.id,
        "action_id": action.id,
        "number": version.version,
        "code": String::from_utf8_lossy(&code),
        "deployed": action.deployed == Some(version.version),
        "status": "built",
        "errors": [],
        "action": brief(action),
        "digest": version.digest,
        "author": version.author,
        "created_at": at,
        "updated_at": at,
        "built_at": at,
    });
    if let Value::Object(rest) = rest {
        document.extend(rest);
    }
    Ok(document.into())
}

/// An action in short.
pub(super) fn brief(action: &Action) -> Map<String, Value> {
    [
        ("id", json!(action.id)),
        ("name", json!(action.name)),
        ("supported_triggers", json!([action.makeup.trigger])),
        ("created_at", json!(action.created_at.to_string())),
        ("updated_at", json!(action.updated_at.to_string())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

fn made_of(makeup: &Makeup) -> Map<String, Value> {
    let secret = |one: &crate::action::SecretName| json!({ "name": one.name, "updated_at": one.updated_at.to_string() });
    let secrets: Vec<Value> = makeup.secrets.iter().map(secret).collect();
    [
        ("supported_triggers", json!([makeup.trigger])),
        ("dependencies", json!(makeup.dependencies)),
        ("runtime", json!(makeup.runtime)),
        ("secrets", json!(secrets)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

/// Listings of actions have an envelope of their own: always with totals, and with `page` unless it is the
/// first (contract, section 3.6).
pub(super) struct Sheet {
    page: usize,
    per_page: usize,
    total: usize,
}

/// What the envelope has beside the items.
pub(super) const TOTAL: Field = Field::output(
    "total",
    Shape::Whole(0, i64::MAX),
    "How many there are in all.",
);
pub(super) const PER_PAGE: Field = Field::output(
    "per_page",
    Shape::Whole(0, i64::MAX),
    "How many a page has.",
);
pub(super) const PAGE: Field = Field::output(
    "page",
    Shape::Whole(0, i64::MAX),
    "Which page it is, if it is not the first.",
);

impl Sheet {
    /// Leaves the items of the page that is asked for.
    pub(super) fn of<T>(query: &Query, all: &mut Vec<T>) -> Self {
        const USUAL: usize = 50;
        let (page, total) = (query.number("page").unwrap_or(0), all.len());
        let per_page = query.number("per_page").unwrap_or(USUAL);
        let before = page.saturating_mul(per_page).min(total);
        all.drain(..before);
        all.truncate(per_page);
        Self {
            page,
            per_page,
            total,
        }
    }

    pub(super) fn document(self, name: &str, items: Vec<Value>) -> Value {
        let mut document = json!({ name: items, "total": self.total, "per_page": self.per_page });
        if let (Some(members), true) = (document.as_object_mut(), self.page > 0) {
            members.insert("page".to_owned(), self.page.into());
        }
        document
    }
}
