//! Rules have their say between the password and the signature (contract, sections 2.5 and 2.9).

use std::time::Duration;

use claimsmith::admin::tenants::{self, Change};
use claimsmith::log;
use claimsmith::rule::{Binding, ConfigurationValue};
use claimsmith::rule_host::{Fault, OnFault, Outcome};
use claimsmith::store::Batch;
use claimsmith::tenant::Denials;
use claimsmith::user::User;
use serde_json::json;

use crate::rule_host::guest::{Effect, guest, returning};
use crate::support::app::{API, App};

pub(super) fn shipped(name: &str) -> Vec<u8> {
    let path = format!("{}/rules/{name}/rule.wasm", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn a_rule_adds_a_claim_and_a_scope_and_the_log_says_which_version_did() {
    let app = App::start().await;
    app.configure("CLAIMS_NAMESPACE", "https://acme.example")
        .await;
    app.configure("EXTRA_SCOPE", "export:orders").await;
    app.configure("EXTRA_SCOPE_CLIENT_ID", &app.client_id).await;
    for rule in ["roles-to-claims", "extra-scope"] {
        app.bind_rule(rule, shipped(rule), OnFault::Deny).await;
    }
    let request = app
        .request()
        .with("audience", API)
        .with("scope", "openid read:orders");
    let answer = request.send().await;
    assert_eq!(answer.text("scope"), "openid read:orders export:orders");
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["https://acme.example/roles"], json!(["editor"]));
    assert_eq!(claims["scope"], json!("openid read:orders export:orders"));
    let (_, id) = app.verify(answer.text("id_token"), &app.client_id).await;
    assert_eq!(id["https://acme.example/roles"], json!(["editor"]));
    let userinfo = app.userinfo(answer.access_token()).await;
    assert_eq!(
        userinfo.body["https://acme.example/roles"],
        json!(["editor"])
    );

    let event = &log::newest(&app.server.records, &app.tenant, 1)
        .await
        .unwrap()[0];
    let set: Vec<String> = event
        .rules
        .as_ref()
        .unwrap()
        .provenance
        .iter()
        .map(|set| format!("{:?} {} {}@{}", set.kind, set.name, set.rule, set.version))
        .collect();
    assert_eq!(
        set,
        [
            "Claim https://acme.example/roles roles-to-claims@1",
            "IdClaim https://acme.example/roles roles-to-claims@1",
            "Scope export:orders extra-scope@1",
        ]
    );
}

#[tokio::test]
async fn a_denial_reaches_the_client_with_the_rule_s_code_and_words() {
    let app = App::start().await;
    app.configure("ALLOWED_EMAIL_DOMAINS", "globex.example")
        .await;
    app.bind_rule(
        "email-allow-list",
        shipped("email-allow-list"),
        OnFault::Deny,
    )
    .await;
    let answer = app.request().send().await;
    assert_eq!((answer.status, answer.text("error")), (401, "unauthorized"));
    let wrong = app.request().with("password", "wrong").send().await;
    assert_eq!(
        wrong.refusal(),
        "403 invalid_grant: Wrong email or password.",
        "rules run after the password"
    );
}

#[tokio::test]
async fn a_tenant_may_conceal_that_a_denied_password_was_right() {
    let app = App::start().await;
    let change = Change {
        denials: Some(Denials::Conceal),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    app.configure("ALLOWED_EMAIL_DOMAINS", "globex.example")
        .await;
    app.bind_rule(
        "email-allow-list",
        shipped("email-allow-list"),
        OnFault::Deny,
    )
    .await;
    let denied = app.request().send().await;
    let wrong = app.request().with("password", "wrong").send().await;
    assert_eq!(denied.refusal(), wrong.refusal());
}

#[tokio::test]
async fn a_rule_that_fails_ends_the_login_and_the_log_says_why() {
    // Its fuel is to run out, on however busy a machine.
    let app = App::start_with(|config| config.limits.deadline = Duration::from_secs(60)).await;
    app.bind_rule("looping", guest("endless-loop"), OnFault::Deny)
        .await;
    let answer = app.request().send().await;
    assert_eq!(
        answer.refusal(),
        "403 access_denied: The login could not be completed. Please contact the administrator."
    );
    let event = &log::newest(&app.server.records, &app.tenant, 1)
        .await
        .unwrap()[0];
    let report = &event.rules.as_ref().unwrap().rules[0];
    assert_eq!((report.rule.as_str(), report.version), ("looping", 1));
    let Outcome::Faulted { fault, skipped, .. } = &report.outcome else {
        panic!("{report:?}")
    };
    assert_eq!((*fault, *skipped), (Fault::Fuel, false));
}

#[tokio::test]
async fn a_binding_may_let_the_login_go_on_without_a_rule_that_fails() {
    let app = App::start().await;
    app.bind_rule("looping", guest("endless-loop"), OnFault::Skip)
        .await;
    app.bind_rule("roles-to-claims", shipped("roles-to-claims"), OnFault::Deny)
        .await;
    let answer = app.request().with("audience", API).send().await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(
        claims["https://claimsmith.example/roles"],
        json!(["editor"])
    );
}

#[tokio::test]
async fn reserved_claims_are_refused_and_reported_and_the_rest_takes_effect() {
    let app = App::start().await;
    let effects = [
        Effect::SetAccessClaim("sub", "\"somebody else\""),
        Effect::SetAccessClaim("https://acme.example/tier", "\"gold\""),
    ];
    app.bind_rule("greedy", returning(&effects), OnFault::Deny)
        .await;
    let answer = app.request().with("audience", API).send().await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["sub"], json!(app.user.user_id));
    assert_eq!(claims["https://acme.example/tier"], json!("gold"));
    let event = &log::newest(&app.server.records, &app.tenant, 1)
        .await
        .unwrap()[0];
    let effects = &event.rules.as_ref().unwrap().rules[0].effects;
    assert_eq!(effects[0].name.as_deref(), Some("sub"));
    assert!(effects[0].refused.is_some() && effects[1].refused.is_none());
}

#[tokio::test]
async fn metadata_that_a_rule_merges_is_stored_before_the_token_leaves() {
    let app = App::start().await;
    let effects = [Effect::MergeAppMetadata(r#"{"logins":{"first":true}}"#)];
    app.bind_rule("remember", returning(&effects), OnFault::Deny)
        .await;
    assert_eq!(app.request().send().await.status, 200);
    let key = [app.tenant.as_str(), app.user.user_id.as_str()];
    let user = app
        .server
        .records
        .get::<User>(&key)
        .await
        .unwrap()
        .unwrap()
        .record;
    assert_eq!(json!(user.app_metadata), json!({"logins": {"first": true}}));
}

#[tokio::test]
async fn a_second_factor_that_a_rule_demands_is_mfa_required() {
    let app = App::start().await;
    app.bind_rule(
        "careful",
        returning(&[Effect::RequireMfa("any", false)]),
        OnFault::Deny,
    )
    .await;
    let answer = app.request().send().await;
    assert_eq!(
        answer.refusal(),
        "403 mfa_required: Multifactor authentication required"
    );
}

#[tokio::test]
async fn what_is_no_rule_never_reaches_the_store() {
    let app = App::start().await;
    let upload = async |component: &[u8]| {
        let uploaded = claimsmith::admin::rules::upload(
            &app.server,
            &app.tenant,
            "broken",
            component.to_vec(),
            None,
        );
        uploaded.await.unwrap_err().to_string()
    };
    upload(b"not wasm").await;
    upload(b"\0asm\x01\0\0\0").await;
    let mut corrupt = shipped("roles-to-claims");
    let middle = corrupt.len() / 2;
    corrupt.truncate(middle);
    upload(&corrupt).await;
    let versions = claimsmith::admin::rules::versions::list(&app.server, &app.tenant, "broken")
        .await
        .unwrap();
    assert!(versions.is_empty());
}

#[tokio::test]
async fn a_chain_that_is_too_long_lets_nobody_in_rather_than_leaving_out_a_rule() {
    let app = App::start().await;
    app.bind_rule("0-first", returning(&[]), OnFault::Skip)
        .await;
    let key = [app.tenant.as_str(), "0-first"];
    let bound = app
        .server
        .records
        .get::<Binding>(&key)
        .await
        .unwrap()
        .unwrap()
        .record;
    // More than an administrator may bind, as two who bind at the same time could leave behind;
    // the rule that denies comes last by name.
    let most = app.server.rule_host.limits().chain;
    let mut batch = Batch::durable();
    for number in 0..most {
        let name = format!("z-{number:03}");
        batch = batch.put(
            &[app.tenant.as_str(), &name],
            &Binding {
                rule: name.clone(),
                ..bound.clone()
            },
        );
    }
    app.server.records.commit(batch).await.unwrap();
    let answer = app.request().send().await;
    assert_eq!(
        (answer.status, answer.text("error")),
        (403, "access_denied")
    );
}

#[tokio::test]
async fn a_tenant_that_conceals_denials_conceals_faults_too() {
    let app = App::start().await;
    let change = Change {
        denials: Some(Denials::Conceal),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    app.bind_rule("looping", guest("endless-loop"), OnFault::Deny)
        .await;
    let faulted = app.request().send().await;
    let wrong = app.request().with("password", "wrong").send().await;
    assert_eq!(faulted.refusal(), wrong.refusal());
}

#[tokio::test]
async fn values_that_no_rule_reads_are_not_unsealed() {
    let app = App::start().await;
    app.configure("KEY", "value").await;
    // Sealed for another place: whoever unseals it fails the login.
    let parts = [app.tenant.as_str(), "KEY"];
    let stored = app
        .server
        .records
        .get::<ConfigurationValue>(&parts)
        .await
        .unwrap()
        .unwrap();
    let moved = ConfigurationValue {
        key: "OTHER".to_owned(),
        ..stored.record
    };
    let batch = Batch::durable().put(&[app.tenant.as_str(), "OTHER"], &moved);
    app.server.records.commit(batch).await.unwrap();
    app.bind_rule("silent", returning(&[]), OnFault::Deny).await;
    assert_eq!(app.request().send().await.status, 200);
    app.bind_rule("roles-to-claims", shipped("roles-to-claims"), OnFault::Deny)
        .await;
    assert_eq!(
        app.request().send().await.refusal().split(':').next(),
        Some("500 server_error")
    );
}
