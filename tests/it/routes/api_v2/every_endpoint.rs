//! What holds for every endpoint, whatever it does. The list is the served document, which is made of
//! the table that also makes the routes: an endpoint that is not in it does not exist.

use claimsmith::action::{SupportedTrigger, Trigger};
use claimsmith::admin::actions::bindings::{self, Ref, Wanted};
use claimsmith::admin::actions::{self, Change};
use claimsmith::admin::client_grants::{self, NewClientGrant};
use claimsmith::admin::rules;
use claimsmith::store::{Entry, Key, KeyRange};
use claimsmith::tenant::TenantName;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::rule_host::guest::returning;
use crate::support::app::App;

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    scopes: Vec<String>,
    body: Option<Value>,
    lists: bool,
}

async fn operations(app: &App) -> Vec<Operation> {
    let document = app.get("/api/v2/openapi.json").await.document(200);
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let requirements = operation["security"].as_array().unwrap();
            let scopes = requirements
                .iter()
                .map(|one| one["management"][0].as_str().unwrap().to_owned());
            let schema = operation.pointer("/requestBody/content/application~1json/schema");
            let parameters = operation["parameters"].as_array();
            let lists = parameters.is_some_and(|all| all.iter().any(|one| one["name"] == "from"));
            all.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.strip_prefix("/api/v2").unwrap().to_owned(),
                scopes: scopes.collect(),
                body: schema.map(|schema| sample(&document, schema)),
                lists,
            });
        }
    }
    assert!(all.len() > 5);
    all
}

/// The smallest value that a schema takes.
fn sample(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = document.pointer(&reference[1..]).unwrap();
        return sample(document, target);
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words[0].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str().unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    };
    match kind {
        "object" => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let member = |name: &Value| {
                let name = name.as_str().unwrap();
                (
                    name.to_owned(),
                    sample(document, &schema["properties"][name]),
                )
            };
            Value::Object(required.iter().map(member).collect::<Map<_, _>>())
        }
        "array" => json!([]),
        "string" => json!("x"),
        "boolean" => json!(true),
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        _ => Value::Null,
    }
}

/// A path with each variable segment replaced.
fn fill(path: &str, with: impl Fn(&str) -> String) -> String {
    let segment = |part: &str| match part.strip_prefix('{') {
        Some(name) => with(name.trim_end_matches('}')),
        None => part.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn without_a_token_nothing_is_said() {
    let app = App::start().await;
    for operation in operations(&app).await {
        let path = fill(&operation.path, |_| "x".to_owned());
        let answer = app
            .manage(None, operation.method, &path, operation.body.as_ref())
            .await;
        assert_eq!(answer.refused(), "401 -: Missing authentication", "{path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn another_tenant_s_token_opens_nothing() {
    let app = App::start().await;
    let (tenant, request) = app.add_tenant("beta").await;
    let client_id = claimsmith::admin::clients::list(&app.server, &tenant)
        .await
        .unwrap()[0]
        .client_id
        .clone();
    let grant = NewClientGrant {
        client_id,
        audience: "https://beta.example/api/v2/".to_owned(),
        allow_all_scopes: true,
        ..NewClientGrant::default()
    };
    client_grants::create(&app.server, &tenant, grant)
        .await
        .unwrap();
    let request = request
        .without("username")
        .without("password")
        .with("grant_type", "client_credentials")
        .with("audience", "https://beta.example/api/v2/");
    let token = request.send().await.access_token().to_owned();
    for operation in operations(&app).await {
        let path = fill(&operation.path, |_| "x".to_owned());
        let answer = app
            .manage(
                Some(&token),
                operation.method,
                &path,
                operation.body.as_ref(),
            )
            .await;
        assert_eq!(
            answer.refused(),
            "401 invalid_token: Invalid token",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_token_with_all_scopes_but_the_endpoint_s_is_not_enough() {
    let app = App::start().await;
    app.become_operator().await;
    let every: Vec<String> = claimsmith::admin::management_api::scopes()
        .into_iter()
        .map(|scope| scope.value)
        .collect();
    for operation in operations(&app).await {
        for needed in &operation.scopes {
            assert!(every.contains(needed), "no client can be granted {needed}");
        }
        let others: Vec<&str> = every
            .iter()
            .map(String::as_str)
            .filter(|scope| !operation.scopes.iter().any(|needed| needed == scope))
            .collect();
        let manager = app.manager_with(Some(&others)).await;
        let path = fill(&operation.path, |_| "x".to_owned());
        let answer = manager
            .send(operation.method, &path, operation.body.as_ref())
            .await;
        assert_eq!(
            answer.refused(),
            format!(
                "403 insufficient_scope: Insufficient scope, expected any of: {}",
                operation.scopes.join(",")
            ),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_another_tenant_has_is_not_there_and_stays_as_it_was() {
    let app = App::start().await;
    let (beta, request) = app.add_tenant("beta").await;
    rules::upload(&app.server, &beta, "theirs", returning(&[]), None)
        .await
        .unwrap();
    let manager = app.manager().await;
    let body = request.send().await;
    assert_eq!(body.status, 200);
    let exchange = claimsmith::log::newest(&app.server.records, &beta, 1)
        .await
        .unwrap()[0]
        .clone();
    let client = claimsmith::admin::clients::list(&app.server, &beta)
        .await
        .unwrap()[0]
        .clone();
    let user = claimsmith::admin::users::list(&app.server, &beta)
        .await
        .unwrap()[0]
        .clone();
    let connections = claimsmith::admin::connections::list(&app.server, &beta).await;
    let connection = connections.unwrap()[0].clone();
    let new = rules::NewBinding {
        version: None,
        order: None,
        grants: Vec::new(),
        on_fault: None,
        permissions: None,
    };
    let binding = rules::bind(&app.server, &beta, "theirs", new)
        .await
        .unwrap();
    let secret = claimsmith::secret::Secret::new("x");
    rules::configure(&app.server, &beta, "THEIRS", &secret)
        .await
        .unwrap();
    let (action, version) = action_of(&app, &beta).await;
    let before = everything_of(&app, "beta").await;
    let mut tried = 0;
    for operation in operations(&app).await {
        if !operation.path.contains('{') {
            continue;
        }
        let path = fill(&operation.path, |name| match name {
            "id" if operation.path.starts_with("/actions/actions") => action.clone(),
            "version" if operation.path.starts_with("/actions/actions") => version.clone(),
            "client_id" => client.client_id.clone(),
            "connection_id" => connection.id(),
            "rule_id" => binding.id(),
            "key" => "THEIRS".to_owned(),
            "user_id" => user.user_id.replace('|', "%7C"),
            "rule" => "theirs".to_owned(),
            "version" => "1".to_owned(),
            "tenant" => "beta".to_owned(),
            "domain" => "beta.example".to_owned(),
            _ => exchange.exchange_id.clone(),
        });
        let answer = manager
            .send(operation.method, &path, operation.body.as_ref())
            .await;
        // A key is the tenant's own, whoever else has one of that name.
        let own = operation.path == "/rules-configs/{key}" && answer.status == 200;
        // Tenants as such are the operator's alone.
        let own = own || operation.path.starts_with("/tenants/{") && answer.status == 403;
        // So is the name of a rule; this body has nothing to upload under it.
        let own = own || operation.path == "/rule-versions/{rule}" && answer.status == 400;
        assert!(own || answer.status == 404, "{path}: {answer:?}");
        tried += 1;
    }
    assert!(tried > 4);
    // Nor is it bound to one's own trigger by naming it.
    for (kind, value) in [("action_id", action.as_str()), ("action_name", "Theirs")] {
        let body = json!({ "bindings": [{ "ref": { "type": kind, "value": value } }] });
        let path = "/actions/triggers/post-login/bindings";
        let refused = manager.patch(path, &body).await.refused();
        assert!(refused.contains("there is no action"), "{refused}");
    }
    assert_eq!(everything_of(&app, "beta").await, before);
}

/// An action that is deployed and bound: its identity, and its version's.
async fn action_of(app: &App, tenant: &TenantName) -> (String, String) {
    let trigger = SupportedTrigger {
        id: Trigger::PostLogin,
        version: "v3".to_owned(),
    };
    let new = Change {
        name: Some("Theirs".to_owned()),
        code: Some("exports.onExecutePostLogin = async () => {};".to_owned()),
        ..Change::default()
    };
    let action = actions::create(&app.server, tenant, trigger, new).await;
    let id = action.unwrap().id;
    let deployed = actions::versions::deploy(&app.server, tenant, &id, "somebody").await;
    let wanted = Wanted {
        action: Ref::Action(id.clone()),
        display_name: None,
    };
    bindings::set(&app.server, tenant, Trigger::PostLogin, vec![wanted])
        .await
        .unwrap();
    (id, deployed.unwrap().1.action.unwrap().id)
}

#[tokio::test]
async fn a_cursor_of_another_listing_shows_nothing_of_it() {
    let app = App::start().await;
    let (_, _) = app.add_tenant("beta").await;
    let manager = app.manager().await;
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    // What a key of another tenant, of another table, and of nothing looks like.
    for cursor in [
        encode(Key::new(claimsmith::store::Table::Client, &["beta", ""]).as_bytes()),
        encode(b"\0\0beta\0"),
        encode(b""),
        encode(&[0xff; 64]),
    ] {
        for operation in operations(&app).await {
            let is_operator_s = operation.path == "/tenants";
            if !operation.lists || operation.path.contains('{') || is_operator_s {
                continue;
            }
            let path = format!("{}?from={cursor}&take=100", operation.path);
            let answer = manager.get(&path).await;
            let text = answer.body.to_string();
            assert!(!text.contains("beta"), "{path}: {text}");
            assert!(matches!(answer.status, 200 | 400), "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_member_a_parameter_and_a_path_that_nobody_documented_are_refused_by_name() {
    let app = App::start().await;
    app.become_operator().await;
    let manager = app.manager().await;
    for operation in operations(&app).await {
        let path = fill(&operation.path, |_| "x".to_owned());
        let strange = format!("{path}?strange=1");
        let answer = manager
            .send(operation.method.clone(), &strange, operation.body.as_ref())
            .await;
        assert_eq!(
            answer.refused(),
            "400 invalid_query_string: Query validation error: 'Additional properties not allowed: strange'."
        );
        if let Some(mut body) = operation.body {
            body["strange"] = json!(1);
            let answer = manager.send(operation.method, &path, Some(&body)).await;
            assert_eq!(
                answer.refused(),
                "400 invalid_body: Payload validation error: 'Additional properties not allowed: strange'.",
                "{path}"
            );
        }
    }
    assert_eq!(manager.get("/strange").await.refused(), "404 -: Not Found");
    let answer = manager.put("/resource-servers", &json!({})).await;
    assert_eq!(
        answer.refused(),
        "405 -: The endpoint does not answer to this method."
    );
}

/// All that is stored for a tenant.
async fn everything_of(app: &App, tenant: &str) -> Vec<Entry> {
    let all = KeyRange {
        start: Key::from_bytes([0]),
        end: None,
    };
    let mut entries = app
        .server
        .records
        .store()
        .scan(&all, usize::MAX)
        .await
        .unwrap();
    entries.retain(|entry| entry.key.part(0).as_deref() == Some(tenant));
    assert!(entries.len() > 5);
    entries
}
