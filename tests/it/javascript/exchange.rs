//! `module.exports = function (…)`, with and without a user.

use serde_json::json;

use super::{machine, run, run_on};

#[tokio::test]
async fn a_password_exchange_may_answer_flat_or_by_token() {
    let flat = "module.exports = function (user, client, scope, audience, context, cb) {
        cb(null, { 'https://example.com/who': [user.id, user.displayName, client.id, audience, context.ip],
            'plain': 1, scope: scope.concat('write') });
    };";
    let run = run(&[flat]).await;
    assert_eq!(
        run.messages(),
        ["`plain` is dropped: in this form a claim's name is a URL"]
    );
    let approved = run.approved();
    let who = json!([
        "auth0|jane",
        "Jane",
        "client",
        "https://api.example.com",
        "192.0.2.7"
    ]);
    assert_eq!(
        approved["access"],
        json!({ "https://example.com/who": who })
    );
    assert_eq!(approved["scopes"], json!(["openid", "read", "write"]));

    let nested = "module.exports = (user, client, scope, audience, context, cb) => cb(null, {
        accessToken: { scope: ['read'], 'https://example.com/a': 1 },
        idToken: { 'https://example.com/b': context.webtask.secrets.API_KEY },
    });";
    let approved = super::run(&[nested]).await.approved();
    assert_eq!(approved["access"], json!({ "https://example.com/a": 1 }));
    assert_eq!(approved["id"], json!({ "https://example.com/b": "k3y" }));
    assert_eq!(approved["scopes"], json!(["read"]));
}

#[tokio::test]
async fn a_client_credentials_exchange_adds_a_scope() {
    let rule = "module.exports = function (client, scope, audience, context, cb) {
        scope.push('extra');
        cb(null, { scope, 'https://example.com/tier': client.metadata.tier });
    };";
    let approved = run_on(machine(), &[rule]).await.approved();
    assert_eq!(approved["scopes"], json!(["read", "extra"]));
    assert_eq!(
        approved["access"],
        json!({ "https://example.com/tier": "gold" })
    );
}

#[tokio::test]
async fn errors_of_a_hook_are_known_by_their_names() {
    for (error, code, description) in [
        (
            "new InvalidScopeError('Scope is not permitted.')",
            "invalid_scope",
            "Scope is not permitted.",
        ),
        (
            "new InvalidRequestError('Bad request.')",
            "invalid_request",
            "Bad request.",
        ),
        ("new ServerError('remote')", "server_error", "remote"),
        (
            "Object.assign(new Error('own'), { name: 'InvalidScopeError' })",
            "invalid_scope",
            "own",
        ),
        (
            "new Error('secret detail')",
            "server_error",
            "Unknown error occurred.",
        ),
    ] {
        let rule = format!(
            "module.exports = function (client, scope, audience, context, cb) {{ cb({error}); }};"
        );
        assert_eq!(
            run_on(machine(), &[&rule]).await.denial(),
            (code, description),
            "{error}"
        );
    }
    let rule = "module.exports = function (user, client, scope, audience, context, cb) { cb(new Error('access denied')); };";
    assert_eq!(
        run(&[rule]).await.denial(),
        ("access_denied", "access denied")
    );
}
