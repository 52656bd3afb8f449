//! Chains of JavaScript rules, in all their dialects, as the clients of a tenant see them (contract, sections 2 and 3).

use std::time::Duration;

use claimsmith::client_grant::SubjectType;
use claimsmith::rule_host::OnFault;
use claimsmith::user::User;
use serde_json::{Value, json};

use super::rules::shipped;
use crate::rule_host::guest::{Effect, returning};
use crate::support::app::{API, Answer, App};

/// A server whose rules have time: debug builds are slow, and machines busy.
async fn app() -> App {
    App::start_with(|config| config.limits.deadline = Duration::from_secs(60)).await
}

/// Binds these sources behind each other.
async fn bind(app: &App, sources: &[&str]) {
    for (number, source) in sources.iter().enumerate() {
        let name = format!("rule-{}", number + 1);
        app.bind_rule(&name, source.as_bytes().to_vec(), OnFault::Deny)
            .await;
    }
}

/// A rule says something else from now on.
async fn replace(app: &App, name: &str, source: &str) {
    app.bind_rule(name, source.as_bytes().to_vec(), OnFault::Deny)
        .await;
}

async fn login(app: &App) -> Answer {
    let request = app.request().with("audience", API);
    request.with("scope", "openid read:orders").send().await
}

/// The claims of both tokens of a login.
async fn claims(app: &App, answer: &Answer) -> (Value, Value) {
    let (_, access) = app.verify(answer.access_token(), API).await;
    let (_, id) = app.verify(answer.text("id_token"), &app.client_id).await;
    (access, id)
}

async fn stored_user(app: &App) -> User {
    let key = [app.tenant.as_str(), app.user.user_id.as_str()];
    app.server
        .records
        .get::<User>(&key)
        .await
        .unwrap()
        .unwrap()
        .record
}

#[tokio::test]
async fn classic_rules_see_what_those_before_them_changed_and_the_tokens_have_it_all() {
    let app = app().await;
    app.configure("PLAN", "gold").await;
    let first = "function (user, context, callback) {
        global.greet = (name) => 'Hello ' + name;
        user.app_metadata = user.app_metadata || {};
        user.app_metadata.plan = configuration.PLAN;
        context.accessToken.scope.push('export:orders');
        auth0.users.updateAppMetadata(user.user_id, user.app_metadata)
            .then(() => callback(null, user, context), callback);
    }";
    let second = "async function second(user, context, callback) {
        await null;
        context.accessToken['https://acme.example/plan'] = user.app_metadata.plan;
        context.idToken['https://acme.example/seen'] =
            [global.greet(user.name), context.accessToken.scope, context.authorization.roles, context.protocol,
             context.clientMetadata.region, context.stats.loginsCount];
        callback(null, user, context);
    }";
    bind(&app, &[first, second]).await;
    let answer = login(&app).await;
    assert_eq!(answer.text("scope"), "openid read:orders export:orders");
    let (access, id) = claims(&app, &answer).await;
    assert_eq!(access["https://acme.example/plan"], json!("gold"));
    let scopes = ["openid", "read:orders", "export:orders"];
    let name = "Hello Ada Lovelace";
    assert_eq!(
        id["https://acme.example/seen"],
        json!([name, scopes, ["editor"], "oauth2-password", "north", 1])
    );
    assert_eq!(
        json!(stored_user(&app).await.app_metadata),
        json!({ "plan": "gold" })
    );
    // Nothing of it is there in the next login but what was stored.
    replace(
        &app,
        "rule-1",
        "function (user, context, callback) {
            global.greet = () => user.plan + ' ' + context.stats.loginsCount;
            callback(null, user, context);
        }",
    )
    .await;
    let (_, id) = claims(&app, &login(&app).await).await;
    assert_eq!(id["https://acme.example/seen"][0], json!("gold 2"));
}

#[tokio::test]
async fn the_exchange_form_answers_with_claims_and_scopes_of_both_tokens() {
    let app = app().await;
    let rule = "module.exports = function (user, client, scope, audience, context, cb) {
        cb(null, {
            accessToken: { scope: scope.concat('write:orders'), 'https://acme.example/who': [user.email, client.name, audience] },
            idToken: { 'https://acme.example/ip': context.ip },
        });
    };";
    bind(&app, &[rule]).await;
    let answer = login(&app).await;
    assert_eq!(answer.text("scope"), "openid read:orders write:orders");
    let (access, id) = claims(&app, &answer).await;
    let who = json!([app.user.email, "Till", API]);
    assert_eq!(access["https://acme.example/who"], who);
    assert_eq!(id["https://acme.example/ip"], json!("127.0.0.1"));
}

#[tokio::test]
async fn a_machine_s_token_is_the_business_of_both_forms_made_for_it_and_of_no_other() {
    let app = app().await;
    app.grant_client(SubjectType::Client, &["read:orders", "write:orders"])
        .await;
    let exchange = "module.exports = function (client, scope, audience, context, cb) {
        cb(null, { scope: scope.concat('export:orders'), 'https://acme.example/region': client.metadata.region });
    };";
    let action = "exports.onExecuteCredentialsExchange = async (event, api) => {
        api.accessToken.setCustomClaim('https://acme.example/asked', event.accessToken.scope);
    };";
    let classic = "function (user, context, callback) { callback(new Error('for users only')); }";
    bind(&app, &[exchange, action, classic]).await;
    let request = app.machine_request().with("scope", "read:orders");
    let answer = request.send().await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["https://acme.example/region"], json!("north"));
    let scopes = json!(["read:orders", "export:orders"]);
    assert_eq!(claims["https://acme.example/asked"], scopes);
    assert_eq!(claims["scope"], json!("read:orders export:orders"));
    assert_eq!(
        login(&app).await.refusal(),
        "403 access_denied: for users only"
    );

    for (said, refusal) in [
        (
            "new InvalidScopeError('Scope is not permitted.')",
            "400 invalid_scope: Scope is not permitted.",
        ),
        (
            "new InvalidRequestError('Bad request.')",
            "400 invalid_request: Bad request.",
        ),
        ("new ServerError('remote')", "500 server_error: remote"),
        (
            "new Error('a detail')",
            "500 server_error: Unknown error occurred.",
        ),
    ] {
        let source = format!(
            "module.exports = function (client, scope, audience, context, cb) {{ cb({said}); }};"
        );
        replace(&app, "rule-1", &source).await;
        assert_eq!(app.machine_request().send().await.refusal(), refusal);
    }
}

#[tokio::test]
async fn a_chain_of_every_kind_runs_in_its_order_over_one_draft() {
    let app = app().await;
    app.configure("CLAIMS_NAMESPACE", "https://acme.example")
        .await;
    app.bind_rule("component", shipped("roles-to-claims"), OnFault::Deny)
        .await;
    let classic = "function (user, context, callback) {
        context.accessToken['https://acme.example/roles'] = (context.accessToken['https://acme.example/roles'] || []).concat('classic');
        callback(null, user, context);
    }";
    let action = "exports.onExecutePostLogin = async (event, api) => {
        api.accessToken.addScope('write:orders').accessToken.removeScope('read:orders');
        api.idToken.setCustomClaim('https://acme.example/trigger', event.transaction.protocol);
        api.user.setUserMetadata('seen', true);
    };";
    let last = "function (user, context, callback) {
        context.accessToken['https://acme.example/last'] = context.accessToken.scope;
        callback(null, user, context);
    }";
    bind(&app, &[classic, action, last]).await;
    app.bind_rule(
        "tail",
        returning(&[Effect::AddScope("export:orders")]),
        OnFault::Deny,
    )
    .await;
    let answer = login(&app).await;
    assert_eq!(answer.text("scope"), "openid write:orders export:orders");
    let (access, id) = claims(&app, &answer).await;
    assert_eq!(
        access["https://acme.example/roles"],
        json!(["editor", "classic"])
    );
    assert_eq!(
        access["https://acme.example/last"],
        json!(["openid", "write:orders"])
    );
    assert_eq!(id["https://acme.example/trigger"], json!("oauth2-password"));
    assert_eq!(
        json!(stored_user(&app).await.user_metadata),
        json!({ "seen": true })
    );
    let event = app.newest_event().await;
    let who: Vec<String> = event["rules"]["provenance"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| {
            format!(
                "{} {}",
                set["name"].as_str().unwrap(),
                set["rule"].as_str().unwrap()
            )
        })
        .collect();
    for set in [
        "https://acme.example/roles rule-1",
        "https://acme.example/last rule-3",
        "write:orders rule-2",
        "export:orders tail",
    ] {
        assert!(who.iter().any(|each| each == set), "{set} of {who:?}");
    }
}

#[tokio::test]
async fn how_a_rule_ends_a_login_is_what_the_client_reads() {
    let app = app().await;
    let classic =
        |said: &str| format!("function (user, context, callback) {{ callback({said}); }}");
    let action =
        |body: &str| format!("exports.onExecutePostLogin = async (event, api) => {{ {body} }};");
    let failed =
        "403 access_denied: The login could not be completed. Please contact the administrator.";
    for (source, refusal) in [
        (
            classic("new UnauthorizedError('Not today.')"),
            "401 unauthorized: Not today.",
        ),
        (
            classic("new Error('E7: not you')"),
            "403 access_denied: E7: not you",
        ),
        (classic("'a text'"), "403 access_denied: a text"),
        (
            classic("null, user, Object.assign(context, { redirect: { url: 'https://acme.example' } })"),
            "403 interaction_required",
        ),
        (
            classic("null, user, Object.assign(context, { multifactor: { provider: 'any' } })"),
            "403 mfa_required: Multifactor authentication required",
        ),
        (
            "module.exports = function (user, client, scope, audience, context, cb) { cb(new Error('access denied')); };".to_owned(),
            "403 access_denied: access denied",
        ),
        (action("api.access.deny('no');"), "403 access_denied: no"),
        (
            action("api.multifactor.enable('any');"),
            "403 mfa_required: Multifactor authentication required",
        ),
        (
            action("api.validation.error('code', 'not valid');"),
            "400 invalid_request: not valid",
        ),
        (action("throw new Error('a detail');"), failed),
        (classic("null, user.missing.more"), failed),
    ] {
        replace(&app, "rule-1", &source).await;
        let answer = login(&app).await;
        let read = answer.refusal();
        assert!(read.starts_with(refusal), "{source}: {read}");
        assert!(answer.body.get("access_token").is_none(), "{answer:?}");
    }
    replace(&app, "rule-1", &classic("null, user, context")).await;
    assert_eq!(login(&app).await.status, 200);
}

#[tokio::test]
async fn a_fault_is_named_in_the_tenant_s_log_with_its_place_and_nowhere_else() {
    let app = app().await;
    let passing = "function (user, context, callback) { console.log('first'); callback(null, user, context); }";
    let failing = "function (user, context, callback) {\n  const plan = user.missing.plan;\n  callback(null, user, context);\n}";
    bind(&app, &[passing, failing]).await;
    let answer = login(&app).await;
    assert!(
        !answer.body.to_string().contains("missing"),
        "{answer:?} tells a client of a rule's inside"
    );
    let event = app.newest_event().await;
    let rules = &event["rules"]["rules"];
    assert_eq!(rules[0]["logs"][0]["message"], json!("first"), "{event}");
    let outcome = rules[1]["outcome"].to_string();
    assert!(
        outcome.contains("exception")
            && outcome.contains("TypeError")
            && outcome.contains("rule.js:2:"),
        "{outcome}"
    );
}

#[tokio::test]
async fn an_exchange_of_a_refresh_token_runs_them_again_and_says_so() {
    let app = app().await;
    let classic = "function (user, context, callback) {
        context.accessToken['https://acme.example/protocol'] = context.protocol;
        callback(null, user, context);
    }";
    let action = "exports.onExecutePostLogin = async (event, api) => {
        api.idToken.setCustomClaim('https://acme.example/protocol', event.transaction.protocol);
    };";
    bind(&app, &[classic, action]).await;
    let answer = app
        .request()
        .with("audience", API)
        .with("scope", "openid offline_access read:orders")
        .send()
        .await;
    let at = |protocol: &str| (json!(protocol), json!(protocol));
    let said = async |answer: &Answer| {
        let (access, id) = claims(&app, answer).await;
        let name = "https://acme.example/protocol";
        (access[name].clone(), id[name].clone())
    };
    assert_eq!(said(&answer).await, at("oauth2-password"));
    let token = answer.text("refresh_token");
    let again = app.refresh(token).send().await;
    assert_eq!(said(&again).await, at("oauth2-refresh-token"));

    let demand = "function (user, context, callback) { context.multifactor = { provider: 'any' }; callback(null, user, context); }";
    replace(&app, "rule-1", demand).await;
    assert_eq!(
        app.refresh(token).send().await.refusal(),
        "403 mfa_required: Multifactor authentication required"
    );
    let deny = "function (user, context, callback) { callback(new UnauthorizedError('gone')); }";
    replace(&app, "rule-1", deny).await;
    assert_eq!(
        app.refresh(token).send().await.refusal(),
        "401 unauthorized: gone"
    );
}
