//! `exports.onExecutePostLogin` and `exports.onExecuteCredentialsExchange`.

use serde_json::json;

use super::{machine, run, run_on};

#[tokio::test]
async fn what_the_api_is_told_becomes_effects() {
    let approved = run(&["exports.onExecutePostLogin = async (event, api) => {
        await null;
        api.accessToken.setCustomClaim('https://example.com/roles', event.authorization.roles);
        api.accessToken.setCustomClaim('https://example.com/none', undefined);
        api.accessToken.addScope('write').accessToken.removeScope('read');
        api.idToken.setCustomClaim('key', event.secrets.API_KEY);
        api.user.setAppMetadata('plan', 'gold').user.setAppMetadata('old', null);
        api.user.setUserMetadata('seen', event.stats.logins_count);
    };"])
    .await
    .approved();
    assert_eq!(
        approved["access"],
        json!({ "https://example.com/roles": ["staff"] })
    );
    assert_eq!(approved["id"], json!({ "key": "k3y" }));
    assert_eq!(approved["scopes"], json!(["openid", "write"]));
    assert_eq!(approved["app"], json!({ "plan": "gold", "old": null }));
    assert_eq!(approved["user"], json!({ "seen": 3 }));
}

#[tokio::test]
async fn the_event_is_as_documented() {
    let run = run(&["exports.onExecutePostLogin = (event) => console.log(JSON.stringify([
        event.client, event.connection, event.request.method, event.request.body, event.transaction.protocol,
        event.transaction.requested_scopes, event.resource_server, event.tenant, event.user.app_metadata,
        event.user.user_metadata, event.user.user_id, event.authentication.methods[0].name]));"])
    .await;
    let expected = json!([
        { "client_id": "client", "name": "The App", "metadata": { "tier": "gold" } },
        { "name": "people", "strategy": "auth0", "metadata": {} },
        "POST", { "scope": "openid read" }, "oauth2-password", ["openid", "read"],
        { "identifier": "https://api.example.com" }, { "id": "acme" }, { "plan": "free" }, {}, "auth0|jane", "pwd"
    ]);
    assert_eq!(run.logged_json(), expected);
}

#[tokio::test]
async fn a_denial_takes_effect_when_the_action_returns() {
    let run = run(&["exports.onExecutePostLogin = async (event, api) => {
        api.access.deny('not today');
        api.access.deny('nor tomorrow');
        console.log('still here');
    };"])
    .await;
    assert_eq!(run.denial(), ("access_denied", "not today"));
    assert_eq!(run.messages(), ["still here"]);
}

#[tokio::test]
async fn a_call_that_cannot_be_says_which_and_why() {
    for call in [
        "authentication.challengeWith({ type: 'otp' })",
        "authentication.enrollWith({})",
        "authentication.recordMethod('x')",
        "prompt.render('x')",
        "redirect.encodeToken({})",
        "refreshToken.revoke()",
        "session.revoke()",
        "transaction.setMetadata('a', 'b')",
        "samlResponse.setAttribute('a', 'b')",
        "rules.wasExecuted('x')",
    ] {
        let rule = format!("exports.onExecutePostLogin = async (event, api) => {{ api.{call}; }};");
        let run = run(&[&rule]).await;
        let name = call.split('(').next().expect("a name");
        assert!(
            run.fault().contains(&format!("api.{name} is not there: ")),
            "{}",
            run.fault()
        );
    }
}

#[tokio::test]
async fn a_redirect_is_denied_and_can_be_asked_about_first() {
    let run = run(&["exports.onExecutePostLogin = async (event, api) => {
        if (!api.redirect.canRedirect()) api.redirect.sendUserTo('https://example.com');
    };"])
    .await;
    assert_eq!(run.denial().0, "interaction_required");
}

#[tokio::test]
async fn the_cache_lasts_as_long_as_the_run() {
    let rule = "exports.onExecutePostLogin = async (event, api) => {
        const before = api.cache.get('k');
        api.cache.set('k', 'v', { ttl: 1000 });
        console.log(before === undefined, api.cache.get('k').value);
        api.cache.delete('k');
        console.log(api.cache.get('k') === undefined);
    };";
    assert_eq!(
        run(&[rule, rule]).await.messages(),
        ["true v", "true", "true v", "true"]
    );
}

#[tokio::test]
async fn a_machine_s_exchange_has_a_handler_of_its_own() {
    let approved = run_on(
        machine(),
        &[
            "exports.onExecuteCredentialsExchange = async (event, api) => {
        api.accessToken.setCustomClaim('https://example.com/asked', event.accessToken.scope);
        api.transaction.addTargetScope('write');
    };",
        ],
    )
    .await
    .approved();
    assert_eq!(
        approved["access"],
        json!({ "https://example.com/asked": ["read"] })
    );
    assert_eq!(approved["scopes"], json!(["read", "write"]));

    let run = run_on(
        machine(),
        &[
            "exports.onExecuteCredentialsExchange = async (event, api) => {
        api.access.deny('invalid_scope', 'too much');
    };",
        ],
    )
    .await;
    assert_eq!(run.denial(), ("invalid_scope", "too much"));
}

#[tokio::test]
async fn an_action_that_throws_or_never_ends_is_a_fault() {
    let run =
        run(&["exports.onExecutePostLogin = async () => { throw new Error('boom'); };"]).await;
    assert!(run.fault().contains("boom"), "{}", run.fault());
    let run = super::run(&["exports.onExecutePostLogin = () => new Promise(() => {});"]).await;
    assert!(run.fault().contains("never ended"), "{}", run.fault());
}
