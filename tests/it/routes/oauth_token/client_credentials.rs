//! A client asks for itself (RFC 6749, section 4.4; contract, section 1.7).

use claimsmith::admin::client_grants::{self, NewClientGrant};
use claimsmith::admin::clients::{self, NewClient};
use claimsmith::admin::rules::{self, NewBinding};
use claimsmith::admin::tenants::{self, Change};
use claimsmith::admin::{self, apis};
use claimsmith::api::{ClientPolicy, TokenDialect, UserPolicy};
use claimsmith::client::{Client, ClientAuthentication};
use claimsmith::client_grant::SubjectType;
use claimsmith::clock::Timestamp;
use claimsmith::rule_host::{Grant, OnFault};
use claimsmith::store::Batch;
use claimsmith::tenant::{Denials, ErrorProfile};
use claimsmith::token::SigningAlgorithm;
use serde_json::{Value, json};

use crate::rule_host::guest::{Effect, denying, guest, returning};
use crate::support::app::{API, Answer, App, NOW};

const NO_GRANT: &str = r#"403 access_denied: Client is not authorized to access "https://orders.example/". You need to create a "client-grant" associated to this API."#;
const NOT_ALLOWED: &str =
    "403 unauthorized_client: Grant type 'client_credentials' not allowed for the client.";

#[tokio::test]
async fn the_token_is_about_the_client_and_there_is_no_other() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders", "write:orders"])
        .await;
    let answer = app
        .machine_request()
        .with("scope", "read:orders")
        .send()
        .await;
    let mut members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["access_token", "expires_in", "token_type"]);
    assert_eq!(answer.body["expires_in"], json!(86_400));
    let (header, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let now = NOW / 1_000;
    assert_eq!(
        claims,
        json!({
            "iss": app.issuer, "sub": format!("{}@clients", app.client_id), "aud": API,
            "azp": app.client_id, "gty": "client-credentials", "scope": "read:orders",
            "iat": now, "exp": now + 86_400,
        })
    );
    assert_eq!(app.userinfo(answer.access_token()).await.status, 401);
}

#[tokio::test]
async fn asking_for_no_scope_brings_all_that_is_granted_in_json_too() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["export:orders", "read:orders"])
        .await;
    for answer in [
        app.machine_request().send().await,
        app.machine_request().send_json().await,
    ] {
        assert_eq!(answer.text("scope"), "read:orders export:orders");
    }
}

#[tokio::test]
async fn other_dialects_and_a_shared_secret() {
    let app = App::start().await;
    let apis = [
        ("https://a.example/", SigningAlgorithm::ES256),
        ("https://b.example/", SigningAlgorithm::HS256),
    ];
    for (api, alg) in apis {
        app.add_api(api, alg, TokenDialect::Rfc9068Profile).await;
        let new = NewClientGrant {
            client_id: app.client_id.clone(),
            audience: api.to_owned(),
            allow_all_scopes: true,
            ..NewClientGrant::default()
        };
        client_grants::create(&app.server, &app.tenant, new)
            .await
            .unwrap();
        let answer = app.machine_request().with("audience", api).send().await;
        assert_eq!(
            answer.text("scope"),
            "read:orders write:orders export:orders"
        );
        if alg.is_asymmetric() {
            let (header, claims) = app.verify(answer.access_token(), api).await;
            assert_eq!(header.typ.as_deref(), Some("at+jwt"));
            assert_eq!(claims["client_id"], json!(app.client_id));
            assert_eq!(claims["gty"], Value::Null);
        }
    }
}

#[tokio::test]
async fn without_a_client_grant_there_is_no_token_in_any_profile() {
    let app = App::start().await;
    app.grant_client(SubjectType::User, &["read:orders"]).await;
    assert_eq!(app.machine_request().send().await.refusal(), NO_GRANT);
    app.answer_errors_as(ErrorProfile::Auth0).await;
    assert_eq!(app.machine_request().send().await.refusal(), NO_GRANT);
    app.answer_errors_as(ErrorProfile::Rfc6749).await;
    assert_eq!(
        app.machine_request().send().await.refusal(),
        "400 invalid_target: Client is not authorized to access 'https://orders.example/'. You need to create a 'client-grant' associated to this API."
    );
}

#[tokio::test]
async fn a_client_grant_that_is_taken_back_or_narrowed_counts_at_once() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders", "write:orders"])
        .await;
    let of = (app.client_id.as_str(), SubjectType::Client, API);
    let narrower = vec!["write:orders".to_owned()];
    client_grants::set_scope(&app.server, &app.tenant, of, narrower)
        .await
        .unwrap();
    let answer = app.machine_request().send().await;
    assert_eq!(answer.text("scope"), "write:orders");
    client_grants::delete(&app.server, &app.tenant, of)
        .await
        .unwrap();
    assert_eq!(app.machine_request().send().await.refusal(), NO_GRANT);
    let again = client_grants::delete(&app.server, &app.tenant, of).await;
    assert!(matches!(again, Err(admin::Error::NotFound { .. })));
}

#[tokio::test]
async fn more_scopes_than_are_granted_are_refused_and_named_in_any_profile() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let ask = || {
        app.machine_request()
            .with("scope", "read:orders write:orders openid nonsense")
            .send()
    };
    let refused = "Client has not been granted scopes: write:orders, openid, nonsense";
    assert_eq!(
        ask().await.refusal(),
        format!("403 access_denied: {refused}")
    );
    app.answer_errors_as(ErrorProfile::Auth0).await;
    assert_eq!(
        ask().await.refusal(),
        format!("403 access_denied: {refused}")
    );
    app.answer_errors_as(ErrorProfile::Rfc6749).await;
    assert_eq!(
        ask().await.refusal(),
        format!("400 invalid_scope: {refused}")
    );
}

#[tokio::test]
async fn the_audience_must_be_named_and_the_tenant_s_default_is_for_users() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let change = Change {
        default_audience: Some(API.to_owned()),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    let answer = app.machine_request().without("audience").send().await;
    assert_eq!(
        answer.refusal(),
        "400 invalid_request: Missing required parameter: audience"
    );
    let unknown = app.machine_request().with("audience", "https://x.example/");
    assert_eq!(
        unknown.send().await.refusal(),
        "403 access_denied: Service not enabled within domain: https://x.example/"
    );
    // RFC 6749, section 3.2.
    let twice = app.machine_request().again("audience", API).send().await;
    assert_eq!(
        (twice.status, twice.text("error")),
        (400, "invalid_request")
    );
}

#[tokio::test]
async fn an_api_may_shut_all_clients_out() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    set_policies(&app, Some(ClientPolicy::DenyAll), None).await;
    assert_eq!(app.machine_request().send().await.refusal(), NO_GRANT);
    assert_eq!(
        app.request().with("audience", API).send().await.status,
        200,
        "users are another matter"
    );
}

#[tokio::test]
async fn an_api_may_want_a_client_grant_for_users_too_and_then_scopes_are_explicit() {
    let app = App::start().await;
    set_policies(&app, None, Some(UserPolicy::RequireClientGrant)).await;
    app.grant_client(SubjectType::Client, &["write:orders"])
        .await;
    let ask = |scope: &'static str| {
        app.request()
            .with("audience", API)
            .with("scope", scope)
            .send()
    };
    let before = app.server.passwords.evaluations();
    assert_eq!(ask("read:orders").await.refusal(), NO_GRANT);
    assert_eq!(
        app.server.passwords.evaluations(),
        before,
        "refused before any hashing"
    );
    app.grant_client(SubjectType::User, &["read:orders"]).await;
    assert_eq!(ask("read:orders").await.body.get("scope"), None);
    assert_eq!(
        ask("read:orders write:orders").await.text("scope"),
        "read:orders"
    );
    let (_, claims) = app.verify(ask("").await.access_token(), API).await;
    assert_eq!(claims["scope"], Value::Null, "nothing that was not asked");
    set_policies(&app, None, Some(UserPolicy::DenyAll)).await;
    assert_eq!(ask("read:orders").await.refusal(), NO_GRANT);
}

async fn set_policies(app: &App, client: Option<ClientPolicy>, user: Option<UserPolicy>) {
    let change = apis::Change {
        client_policy: client,
        user_policy: user,
        ..apis::Change::default()
    };
    apis::change(&app.server, &app.tenant, API, change)
        .await
        .unwrap();
}

#[tokio::test]
async fn rfc6749_4_4_a_public_client_never_gets_one() {
    let app = App::start().await;
    let (id, _) = app.add_client(ClientAuthentication::None, true).await;
    let grants = vec!["client_credentials".to_owned()];
    let refused = clients::set_grants(&app.server, &app.tenant, &id, grants.clone()).await;
    assert!(matches!(refused, Err(admin::Error::Invalid { .. })));
    // However such a record came to be.
    change_client(&app, &id, |client| client.grant_types = grants).await;
    let request = app.machine_request().without("client_secret");
    assert_eq!(
        request.with("client_id", &id).send().await.refusal(),
        NOT_ALLOWED
    );
}

#[tokio::test]
async fn the_grant_is_off_until_switched_on() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let id = app.client_id.clone();
    change_client(&app, &id, |client| client.grant_types.clear()).await;
    assert_eq!(app.machine_request().send().await.refusal(), NOT_ALLOWED);
}

#[tokio::test]
async fn a_third_party_s_client_may_have_what_the_tenant_granted_it() {
    let app = App::start().await;
    let new = |grant: &str| NewClient {
        name: "A partner's".to_owned(),
        authentication: ClientAuthentication::ClientSecretBasic,
        grant_types: vec![grant.to_owned()],
        is_first_party: false,
        metadata: Default::default(),
    };
    let refused = clients::create(&app.server, &app.tenant, new("password")).await;
    assert!(matches!(refused, Err(admin::Error::Invalid { .. })));
    let (client, secret) = clients::create(&app.server, &app.tenant, new("client_credentials"))
        .await
        .unwrap();
    let ask = || {
        let request = app.machine_request().without("client_secret");
        let secret = secret.as_ref().unwrap().expose();
        request
            .without("client_id")
            .basic(&client.client_id, secret)
            .send()
    };
    assert_eq!(ask().await.refusal(), NO_GRANT);
    let grant = NewClientGrant {
        client_id: client.client_id.clone(),
        audience: API.to_owned(),
        scope: vec!["read:orders".to_owned()],
        ..NewClientGrant::default()
    };
    client_grants::create(&app.server, &app.tenant, grant)
        .await
        .unwrap();
    assert_eq!(ask().await.text("scope"), "read:orders");
}

async fn change_client(app: &App, id: &str, change: impl FnOnce(&mut Client)) {
    let key = [app.tenant.as_str(), id];
    let stored = app.server.records.get::<Client>(&key).await;
    let stored = stored.unwrap().unwrap();
    let mut client = stored.record.clone();
    change(&mut client);
    let batch = Batch::durable().replace(&stored, &client);
    app.server.records.commit(batch).await.unwrap();
}

async fn bind(app: &App, name: &str, component: Vec<u8>) {
    rules::upload(&app.server, &app.tenant, name, component, None)
        .await
        .unwrap();
    let binding = NewBinding {
        version: None,
        order: None,
        grants: vec![Grant::ClientCredentials],
        on_fault: Some(OnFault::Deny),
        permissions: None,
    };
    rules::bind(&app.server, &app.tenant, name, binding)
        .await
        .unwrap();
}

#[tokio::test]
async fn only_rules_that_are_bound_to_it_run_and_they_see_no_user() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let denies = denying(Some("access_denied"), "users only");
    app.bind_rule("for-users", denies, OnFault::Deny).await;
    let effects = [
        Effect::SetAccessClaim("https://acme.example/tier", "\"gold\""),
        Effect::SetAccessClaim("sub", "\"auth0|somebody\""),
        Effect::AddScope("extra"),
        Effect::AddScope("openid"),
        Effect::MergeAppMetadata("{\"a\":1}"),
    ];
    bind(&app, "for-machines", returning(&effects)).await;
    let answer = app.machine_request().send().await;
    assert_eq!(answer.text("scope"), "read:orders extra");
    assert_eq!(answer.body.get("id_token"), None);
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["https://acme.example/tier"], json!("gold"));
    assert_eq!(claims["sub"], json!(format!("{}@clients", app.client_id)));
    assert_eq!(
        claims["aud"],
        json!(API),
        "openid opens nothing for a machine"
    );
    assert_eq!(app.userinfo(answer.access_token()).await.status, 401);
    let event = app.newest_event().await;
    let refused: Vec<&str> = event["rules"]["rules"][0]["effects"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|effect| !effect["refused"].is_null())
        .map(|effect| effect["effect"].as_str().unwrap())
        .collect();
    assert_eq!(refused, ["set-access-claim", "merge-app-metadata"]);
}

#[tokio::test]
async fn denials_have_the_statuses_of_the_hook_s_error_classes() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    // To conceal denials is for passwords: there is none here.
    let change = Change {
        denials: Some(Denials::Conceal),
        ..Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    let cases = [
        ("invalid_scope", 400),
        ("invalid_request", 400),
        ("server_error", 500),
        ("access_denied", 403),
    ];
    for (code, status) in cases {
        bind(
            &app,
            "denying",
            denying(Some(code), "Scope is not permitted."),
        )
        .await;
        let answer = app.machine_request().send().await;
        assert_eq!(
            answer.refusal(),
            format!("{status} {code}: Scope is not permitted.")
        );
    }
    bind(&app, "denying", guest("endless-loop")).await;
    assert_eq!(
        app.machine_request().send().await.refusal(),
        "500 server_error: Unknown error occurred."
    );
}

#[tokio::test]
async fn a_factor_that_no_machine_has_ends_the_exchange() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    bind(
        &app,
        "careful",
        returning(&[Effect::RequireMfa("any", false)]),
    )
    .await;
    assert_eq!(
        app.machine_request().send().await.refusal(),
        "403 mfa_required: Multifactor authentication required"
    );
}

#[tokio::test]
async fn the_log_has_types_of_its_own_for_machines() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    assert_eq!(app.machine_request().send().await.status, 200);
    let event = app.newest_event().await;
    assert_eq!(event["type"], json!("seccft"));
    assert_eq!(event["user_id"], Value::Null);
    assert_eq!(event["client_id"], json!(app.client_id));
    assert_eq!(event["scope"], json!("read:orders"));
    app.clock.set(Timestamp::from_millis(NOW + 1_000));
    let refused = app.machine_request().with("scope", "write:orders");
    assert_eq!(refused.send().await.status, 403);
    assert_eq!(app.newest_event().await["type"], json!("feccft"));
}

#[tokio::test]
async fn the_tenant_s_management_is_an_api_that_can_be_granted_and_not_changed() {
    let app = App::start().await;
    let management = format!("{}api/v2/", app.issuer);
    let ask = || app.machine_request().with("audience", &management);
    let unknown = ask().send().await;
    assert_eq!(
        (unknown.status, unknown.text("error")),
        (403, "access_denied")
    );
    let new = |scope: &str| NewClientGrant {
        client_id: app.client_id.clone(),
        audience: management.clone(),
        scope: vec![scope.to_owned()],
        ..NewClientGrant::default()
    };
    let refused = client_grants::create(&app.server, &app.tenant, new("read:everything")).await;
    assert!(matches!(refused, Err(admin::Error::Invalid { .. })));
    client_grants::create(&app.server, &app.tenant, new("create:users"))
        .await
        .unwrap();
    let answer = ask().send().await;
    assert_eq!(answer.text("scope"), "create:users");
    app.verify(answer.access_token(), &management).await;

    // Nobody who merely can log in administers the tenant.
    let user = app.request().with("audience", &management).send().await;
    assert_eq!((user.status, user.text("error")), (403, "access_denied"));
    let change = apis::Change {
        user_policy: Some(UserPolicy::AllowAll),
        ..apis::Change::default()
    };
    let changed = apis::change(&app.server, &app.tenant, &management, change).await;
    assert!(matches!(changed, Err(admin::Error::Invalid { .. })));
    let forged = apis::NewApi {
        identifier: management.clone(),
        name: None,
        scopes: Vec::new(),
        signing_alg: SigningAlgorithm::RS256,
        token_dialect: TokenDialect::AccessToken,
        allow_offline_access: false,
        token_lifetime: 60,
    };
    let created = apis::create(&app.server, &app.tenant, forged).await;
    assert!(matches!(created, Err(admin::Error::Invalid { .. })));
}

#[tokio::test]
async fn a_client_grant_names_a_client_an_api_and_scopes_that_exist_once() {
    let app = App::start().await;
    let new = |client_id: &str, audience: &str, scope: &str| NewClientGrant {
        client_id: client_id.to_owned(),
        audience: audience.to_owned(),
        scope: vec![scope.to_owned()],
        ..NewClientGrant::default()
    };
    let create = async |new| {
        client_grants::create(&app.server, &app.tenant, new)
            .await
            .map(|grant| grant.id)
    };
    let id = app.client_id.as_str();
    let cases = [
        new("nobody", API, "read:orders"),
        new(id, "https://nothing.example/", "read:orders"),
        new(id, API, "read:invoices"),
        new(id, API, "openid"),
    ];
    for case in cases {
        assert!(create(case).await.is_err());
    }
    assert!(
        create(new(id, API, "read:orders"))
            .await
            .unwrap()
            .starts_with("cgr_")
    );
    let twice = create(new(id, API, "write:orders")).await;
    assert!(matches!(twice, Err(admin::Error::AlreadyExists { .. })));
    let listed = client_grants::list(&app.server, &app.tenant, Some(id))
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].scope, ["read:orders"]);
}

#[tokio::test]
async fn a_wrong_secret_gets_the_answer_of_any_grant_and_leaves_no_event() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let wrong: Answer = app
        .machine_request()
        .with("client_secret", "wrong")
        .send()
        .await;
    assert_eq!(
        wrong.refusal(),
        "401 invalid_client: Client authentication failed"
    );
    let events = claimsmith::log::newest(&app.server.records, &app.tenant, 1).await;
    assert!(events.unwrap().is_empty());
}
