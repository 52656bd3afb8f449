//! Chains of all dialects, in one order over one draft.

use serde_json::json;

use super::{passing, run};

#[tokio::test]
async fn every_rule_sees_the_draft_as_the_one_before_left_it() {
    let classic = passing(
        "context.accessToken['https://example.com/seen'] = ['classic']; context.accessToken.scope.push('write');",
    );
    let exchange = "module.exports = function (user, client, scope, audience, context, cb) {
        cb(null, { scope: scope.filter((each) => each !== 'read') });
    };";
    let action = "exports.onExecutePostLogin = async (event, api) => {
        api.accessToken.addScope('admin');
        console.log(typeof user, typeof context);
    };";
    let last = passing(
        "context.accessToken['https://example.com/seen'].push(context.accessToken.scope.join(' '), user.mark || 'fresh');",
    );
    let run = run(&[&classic, exchange, action, &last]).await;
    assert_eq!(run.messages(), ["undefined undefined"]);
    let approved = run.approved();
    assert_eq!(approved["scopes"], json!(["openid", "write", "admin"]));
    let seen = json!(["classic", "openid write admin", "fresh"]);
    assert_eq!(
        approved["access"],
        json!({ "https://example.com/seen": seen })
    );
}

#[tokio::test]
async fn a_denial_ends_the_chain() {
    let run = run(&[
        "exports.onExecutePostLogin = async (event, api) => api.access.deny('no');",
        &passing("console.log('never');"),
    ])
    .await;
    assert_eq!(run.denial(), ("access_denied", "no"));
    assert_eq!(run.messages(), [] as [String; 0]);
    assert_eq!(run.report.rules.len(), 1);
}
