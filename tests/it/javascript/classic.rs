//! `function (user, context, callback)`.

use serde_json::json;

use super::{exchange, logged, logged_json, object, passing, run, run_on};

#[tokio::test]
async fn every_form_of_a_function_is_a_rule() {
    for rule in [
        "function (user, context, callback) { callback(null, user, context); }",
        "// first a comment\n/* and another */\nfunction named(a, b, c) { c(null, a, b); }",
        "async function (user, context, callback) { await 1; callback(null, user, context); }",
        "(user, context, callback) => callback(null, user, context)",
        "async (user, context, callback) => { callback(); };\n",
        "function (user, context, callback) { callback(); }; // said twice ;",
    ] {
        assert_eq!(
            run(&[rule]).await.approved()["scopes"],
            json!(["openid", "read"]),
            "{rule}"
        );
    }
}

#[tokio::test]
async fn what_is_written_to_the_context_is_written_to_the_tokens() {
    let approved = run(&[&passing(
        "context.accessToken['https://example.com/plan'] = user.plan;
         context.accessToken['https://example.com/none'] = undefined;
         context.idToken.tier = { client: context.clientMetadata.tier };
         context.accessToken.scope.push('write');
         user.name = 'Jane D.';",
    )])
    .await
    .approved();
    assert_eq!(
        approved["access"],
        json!({ "https://example.com/plan": "free" })
    );
    assert_eq!(
        approved["id"],
        json!({ "tier": { "client": "gold" }, "name": "Jane D." })
    );
    assert_eq!(approved["scopes"], json!(["openid", "read", "write"]));
}

#[tokio::test]
async fn a_scope_may_be_a_text_with_spaces_between() {
    let approved = run(&[&passing("context.accessToken.scope = 'read  write';")])
        .await
        .approved();
    assert_eq!(approved["scopes"], json!(["read", "write"]));
    let approved = run(&[&passing("context.accessToken.scope = [];")])
        .await
        .approved();
    assert_eq!(approved["scopes"], json!([]));
}

#[tokio::test]
async fn the_user_is_as_documented() {
    let seen = logged_json(
        "console.log(JSON.stringify([user.user_id, user.email, user.email_verified, user.name, user.identities,
            user.created_at, user.user_metadata === undefined, user.app_metadata, user.plan, 'password' in user]));",
    )
    .await;
    let expected = json!([
        "auth0|jane", "jane@example.com", true, "Jane",
        [{ "connection": "people", "isSocial": false, "provider": "auth0", "user_id": "jane" }],
        "1970-01-01T00:00:00.000Z", true, { "plan": "free" }, "free", false
    ]);
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn app_metadata_lies_over_the_root_and_cannot_reach_a_prototype() {
    let mut exchange = exchange();
    let user = exchange.user.as_mut().expect("a user");
    user.app_metadata = object(json!({ "nickname": "boss", "__proto__": { "admin": true } }));
    let rule = passing("console.log(user.nickname, user.admin, ({}).admin);");
    let run = run_on(exchange, &[&rule]).await;
    assert_eq!(run.messages(), ["boss undefined undefined"]);
}

#[tokio::test]
async fn every_parent_that_rules_write_to_is_there() {
    let seen = logged_json(
        "context.samlConfiguration.mappings = {};
         console.log(JSON.stringify([context.protocol, context.stats, context.request, context.authorization,
            context.authentication, context.tenant, context.clientID, context.connection, context.connectionStrategy]));",
    )
    .await;
    let expected = json!([
        "oauth2-password", { "loginsCount": 3 },
        { "ip": "192.0.2.7", "hostname": "acme.example.com", "userAgent": "test", "query": {},
          "body": { "scope": "openid read" }, "geoip": {} },
        { "roles": ["staff"] },
        { "methods": [{ "name": "pwd", "timestamp": 1_768_201_200_000_u64 }] },
        "acme", "client", "people", "auth0"
    ]);
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn metadata_is_kept_for_the_user_of_the_login_only() {
    let approved = run(&["function (user, context, callback) {
        auth0.users.updateAppMetadata(user.user_id, { plan: 'gold', old: null })
            .then(() => auth0.users.updateUserMetadata(user.user_id, { seen: true }))
            .then(() => callback(null, user, context), callback);
    }"])
    .await
    .approved();
    assert_eq!(approved["app"], json!({ "plan": "gold", "old": null }));
    assert_eq!(approved["user"], json!({ "seen": true }));

    let run = run(&["function (user, context, callback) {
        auth0.users.updateAppMetadata('auth0|other', { plan: 'gold' }).catch((e) => callback(e));
    }"])
    .await;
    let (error, description) = run.denial();
    assert_eq!(error, "access_denied");
    assert!(
        description.contains("only for the user of this login"),
        "{description}"
    );
}

#[tokio::test]
async fn a_second_factor_is_demanded() {
    let run = run(&[&passing(
        "context.multifactor = { provider: 'any', allowRememberBrowser: false };",
    )])
    .await;
    assert!(matches!(
        run.verdict,
        claimsmith::rule_host::Verdict::MfaRequired { ref provider, allow_remember: false } if provider == "any"
    ));
}

#[tokio::test]
async fn a_redirect_ends_the_login() {
    let run = run(&[&passing(
        "context.redirect = { url: 'https://example.com' };",
    )])
    .await;
    assert_eq!(run.denial().0, "interaction_required");
}

#[tokio::test]
async fn another_account_cannot_be_made_the_login_s() {
    let run = run(&[&passing("context.primaryUser = 'auth0|other';")]).await;
    assert!(
        run.fault()
            .contains("context.primaryUser names another account"),
        "{}",
        run.fault()
    );
    super::run(&[&passing("context.primaryUser = user.user_id;")])
        .await
        .approved();
}

#[tokio::test]
async fn configuration_is_read_when_it_is_wanted() {
    assert_eq!(logged("console.log(configuration.API_KEY);").await, ["k3y"]);
}
