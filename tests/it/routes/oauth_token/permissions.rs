//! Permissions: what a user holds decides what it may be granted (contract, sections 1.5, 1.6, 7.6).

use claimsmith::admin::permissions;
use claimsmith::admin::roles;
use claimsmith::admin::users::{self, NewUser};
use claimsmith::admin::{self, apis};
use claimsmith::api::TokenDialect;
use claimsmith::client_grant::SubjectType;
use claimsmith::role::{Holder, Role};
use claimsmith::rule_host::OnFault;
use claimsmith::secret::Secret;
use claimsmith::store::Batch;
use claimsmith::user::User;
use serde_json::{Value, json};

use crate::rule_host::guest::{Effect, returning};
use crate::support::app::{API, App};

/// The user of [`App`] is `editor` by name, before there is such a role.
const ROLE: &str = "editor";

async fn settings(app: &App, enforce: bool, dialect: Option<TokenDialect>) {
    let change = apis::Change {
        enforce_policies: Some(enforce),
        token_dialect: dialect,
        ..apis::Change::default()
    };
    apis::change(&app.server, &app.tenant, API, change)
        .await
        .unwrap();
}

async fn grant(app: &App, holder: Holder<'_>, scopes: &[&str]) -> Result<(), admin::Error> {
    let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
    permissions::grant(&app.server, &app.tenant, holder, API, &scopes)
        .await
        .map(drop)
}

async fn make_role(app: &App, name: &str, scopes: &[&str]) {
    roles::create(&app.server, &app.tenant, name, "")
        .await
        .unwrap();
    grant(app, Holder::Role(name), scopes).await.unwrap();
}

/// The claims of a token that asks for this scope, or for none.
async fn claims(app: &App, scope: &str) -> Value {
    let request = app.request().with("audience", API);
    let answer = request.with("scope", scope).send().await;
    app.verify(answer.access_token(), API).await.1
}

#[tokio::test]
async fn where_policies_are_enforced_a_user_gets_what_it_asks_and_holds() {
    let app = App::start().await;
    assert_eq!(
        claims(&app, "").await["scope"],
        json!("read:orders write:orders export:orders"),
        "before that, whatever the API has"
    );
    settings(&app, true, None).await;
    assert_eq!(
        claims(&app, "").await["scope"],
        Value::Null,
        "it holds nothing"
    );
    assert_eq!(claims(&app, "read:orders").await["scope"], Value::Null);
    make_role(&app, ROLE, &["write:orders", "read:orders"]).await;
    assert_eq!(
        claims(&app, "").await["scope"],
        json!("read:orders write:orders"),
        "asking for none brings all that it holds"
    );
    assert_eq!(
        claims(&app, "write:orders export:orders").await["scope"],
        json!("write:orders")
    );
    assert_eq!(claims(&app, "export:orders").await["scope"], Value::Null);
    assert_eq!(
        claims(&app, "openid").await["scope"],
        json!("openid profile email address phone read:orders write:orders"),
        "standard scopes are nobody's permission"
    );
    let answer = app.request().with("audience", API);
    let answer = answer.with("scope", "write:orders export:orders").send();
    assert_eq!(
        answer.await.text("scope"),
        "write:orders",
        "and the answer says so"
    );
}

#[tokio::test]
async fn permissions_come_from_every_role_and_from_the_user_itself_and_go_at_once() {
    let app = App::start().await;
    settings(&app, true, None).await;
    let user_id = app.user.user_id.as_str();
    make_role(&app, ROLE, &["read:orders"]).await;
    make_role(&app, "exporter", &["export:orders", "read:orders"]).await;
    roles::assign(&app.server, &app.tenant, user_id, "exporter")
        .await
        .unwrap();
    assert_eq!(
        claims(&app, "").await["scope"],
        json!("read:orders export:orders")
    );
    grant(&app, Holder::User(user_id), &["write:orders"])
        .await
        .unwrap();
    assert_eq!(
        claims(&app, "").await["scope"],
        json!("read:orders write:orders export:orders")
    );
    let all = permissions::of_user(&app.server, &app.tenant, user_id)
        .await
        .unwrap();
    let all: Vec<(&str, Option<&str>)> = all
        .iter()
        .map(|held| (held.scope.as_str(), held.role.as_deref()))
        .collect();
    assert_eq!(
        all,
        [
            ("write:orders", None),
            ("read:orders", Some(ROLE)),
            ("export:orders", Some("exporter")),
            ("read:orders", Some("exporter")),
        ]
    );

    roles::unassign(&app.server, &app.tenant, user_id, "exporter")
        .await
        .unwrap();
    assert_eq!(
        claims(&app, "").await["scope"],
        json!("read:orders write:orders")
    );
    let role = Holder::Role(ROLE);
    permissions::revoke(&app.server, &app.tenant, role, API, &[])
        .await
        .unwrap();
    assert_eq!(claims(&app, "").await["scope"], json!("write:orders"));
    let scopes = ["write:orders".to_owned()];
    permissions::revoke(
        &app.server,
        &app.tenant,
        Holder::User(user_id),
        API,
        &scopes,
    )
    .await
    .unwrap();
    assert_eq!(claims(&app, "").await["scope"], Value::Null);
}

#[tokio::test]
async fn the_permissions_claim_has_all_that_the_user_holds_whatever_is_granted() {
    let app = App::start().await;
    make_role(&app, ROLE, &["export:orders", "read:orders"]).await;
    let dialects = [
        (TokenDialect::AccessTokenAuthz, "JWT", "azp", true),
        (
            TokenDialect::Rfc9068ProfileAuthz,
            "at+jwt",
            "client_id",
            false,
        ),
    ];
    for enforced in [false, true] {
        for (dialect, typ, client_claim, gty) in dialects {
            settings(&app, enforced, Some(dialect)).await;
            let request = app.request().with("audience", API);
            let answer = request.with("scope", "read:orders").send().await;
            let (header, claims) = app.verify(answer.access_token(), API).await;
            assert_eq!(header.typ.as_deref(), Some(typ));
            assert_eq!(claims[client_claim], json!(app.client_id));
            assert_eq!(claims.get("gty").is_some(), gty);
            assert_eq!(claims.get("jti").is_some(), !gty);
            assert_eq!(claims["scope"], json!("read:orders"));
            assert_eq!(
                claims["permissions"],
                json!(["read:orders", "export:orders"])
            );
        }
    }
    for dialect in [TokenDialect::AccessToken, TokenDialect::Rfc9068Profile] {
        settings(&app, true, Some(dialect)).await;
        assert_eq!(claims(&app, "").await.get("permissions"), None);
    }
}

#[tokio::test]
async fn a_user_without_permissions_has_an_empty_list_and_a_machine_has_its_scopes() {
    let app = App::start().await;
    settings(&app, true, Some(TokenDialect::AccessTokenAuthz)).await;
    assert_eq!(claims(&app, "").await["permissions"], json!([]));
    app.grant_client(SubjectType::Client, &["read:orders", "write:orders"])
        .await;
    let answer = app.machine_request().send().await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(
        claims["permissions"],
        json!(["read:orders", "write:orders"])
    );
    assert_eq!(claims["scope"], json!("read:orders write:orders"));
}

#[tokio::test]
async fn rules_override_scopes_but_not_permissions() {
    let app = App::start().await;
    settings(&app, true, Some(TokenDialect::AccessTokenAuthz)).await;
    make_role(&app, ROLE, &["read:orders"]).await;
    let effects = [
        Effect::AddScope("export:orders"),
        Effect::RemoveScope("read:orders"),
        Effect::SetAccessClaim("permissions", "[\"everything\"]"),
    ];
    app.bind_rule("generous", returning(&effects), OnFault::Deny)
        .await;
    let claims = claims(&app, "").await;
    assert_eq!(claims["scope"], json!("export:orders"));
    assert_eq!(claims["permissions"], json!(["read:orders"]));
}

#[tokio::test]
async fn a_client_grant_and_permissions_bind_together() {
    let app = App::start().await;
    make_role(&app, ROLE, &["read:orders", "write:orders"]).await;
    app.grant_client(SubjectType::User, &["write:orders", "export:orders"])
        .await;
    let change = apis::Change {
        enforce_policies: Some(true),
        user_policy: Some(claimsmith::api::UserPolicy::RequireClientGrant),
        ..apis::Change::default()
    };
    apis::change(&app.server, &app.tenant, API, change)
        .await
        .unwrap();
    let all = "read:orders write:orders export:orders";
    assert_eq!(claims(&app, all).await["scope"], json!("write:orders"));
}

#[tokio::test]
async fn a_role_s_name_stays_good_for_rules_before_and_after_there_is_the_role() {
    let app = App::start().await;
    settings(&app, true, None).await;
    let rule = super::rules::shipped("roles-to-claims");
    app.bind_rule("roles", rule, OnFault::Deny).await;
    let named = async || claims(&app, "").await["https://claimsmith.example/roles"].clone();
    assert_eq!(named().await, json!([ROLE]));
    make_role(&app, ROLE, &["read:orders"]).await;
    assert_eq!(named().await, json!([ROLE]));
    roles::delete(&app.server, &app.tenant, ROLE).await.unwrap();
    assert_eq!(named().await, json!([ROLE]));
    assert_eq!(claims(&app, "").await["scope"], Value::Null);
    roles::create(&app.server, &app.tenant, ROLE, "again")
        .await
        .unwrap();
    assert_eq!(
        claims(&app, "").await["scope"],
        Value::Null,
        "a new role of an old name holds nothing"
    );
}

#[tokio::test]
async fn nothing_is_granted_that_is_not_there() {
    let app = App::start().await;
    let user_id = app.user.user_id.as_str();
    make_role(&app, ROLE, &["read:orders"]).await;
    let nobody = grant(&app, Holder::Role("nobody"), &["read:orders"]).await;
    assert!(matches!(nobody, Err(admin::Error::NotFound { .. })));
    let nobody = grant(&app, Holder::User("auth0|nobody"), &["read:orders"]).await;
    assert!(matches!(nobody, Err(admin::Error::NotFound { .. })));
    for scope in ["read:invoices", "openid", ""] {
        let unknown = grant(&app, Holder::Role(ROLE), &[scope]).await;
        assert!(
            matches!(unknown, Err(admin::Error::Invalid { .. })),
            "{scope}"
        );
    }
    let nowhere = permissions::grant(
        &app.server,
        &app.tenant,
        Holder::Role(ROLE),
        "https://nowhere.example/",
        &[],
    );
    assert!(matches!(nowhere.await, Err(admin::Error::NotFound { .. })));
    let (server, tenant) = (&app.server, &app.tenant);
    assert!(
        roles::assign(server, tenant, user_id, "nobody")
            .await
            .is_err()
    );
    assert!(
        roles::unassign(server, tenant, user_id, "nobody")
            .await
            .is_err()
    );
    assert!(roles::create(server, tenant, ROLE, "").await.is_err());
    assert!(roles::create(server, tenant, " ", "").await.is_err());
    assert!(
        roles::create(server, tenant, &"r".repeat(201), "")
            .await
            .is_err()
    );
    let not_held = ["write:orders".to_owned()];
    let revoked = permissions::revoke(server, tenant, Holder::Role(ROLE), API, &not_held).await;
    assert!(matches!(revoked, Err(admin::Error::NotFound { .. })));
}

#[tokio::test]
async fn a_user_has_fifty_roles_a_role_a_thousand_permissions_and_a_tenant_a_thousand_roles() {
    let app = App::start().await;
    let (server, tenant) = (&app.server, &app.tenant);
    make_role(&app, ROLE, &["read:orders"]).await;
    let names: Vec<String> = (0..51).map(|number| format!("role-{number}")).collect();
    let new = |roles: &[String]| NewUser {
        connection: app.user.connection.clone(),
        email: Some("bob@acme.example".to_owned()),
        roles: roles.to_vec(),
        ..NewUser::default()
    };
    let password = || Secret::new("correct horse battery");
    let refused = users::create(server, tenant, new(&names), password()).await;
    assert!(matches!(refused, Err(admin::Error::Invalid { .. })));
    let bob = users::create(server, tenant, new(&names[..50]), password())
        .await
        .unwrap();
    let one_more = roles::assign(server, tenant, &bob.user_id, ROLE).await;
    assert!(matches!(one_more, Err(admin::Error::Invalid { .. })));

    let many: Vec<String> = (0..600).map(|number| format!("read:{number}")).collect();
    for api in ["https://a.example/", "https://b.example/"] {
        let scope = |value: &String| claimsmith::api::ApiScope {
            value: value.clone(),
            description: String::new(),
        };
        let new = apis::NewApi {
            identifier: api.to_owned(),
            name: None,
            scopes: many.iter().map(scope).collect(),
            signing_alg: Default::default(),
            token_dialect: Default::default(),
            allow_offline_access: false,
            token_lifetime: 60,
        };
        apis::create(server, tenant, new).await.unwrap();
    }
    let role = Holder::Role(ROLE);
    let grant = async |api: &str, many: &[String]| {
        permissions::grant(server, tenant, role, api, many)
            .await
            .is_ok()
    };
    assert!(grant("https://a.example/", &many).await);
    assert!(grant("https://a.example/", &many).await, "again is no more");
    assert!(!grant("https://b.example/", &many[..400]).await, "1001");
    assert!(grant("https://b.example/", &many[..399]).await, "1000");

    let mut batches = Vec::new();
    for number in 0..999 {
        if number % 250 == 0 {
            batches.push(Batch::durable());
        }
        let name = format!("filler-{number}");
        let role = Role {
            id: name.clone(),
            name: name.clone(),
            description: String::new(),
            created_at: app.user.created_at,
        };
        let batch = batches.pop().unwrap();
        batches.push(batch.put(&[tenant.as_str(), &name], &role));
    }
    for batch in batches {
        server.records.commit(batch).await.unwrap();
    }
    assert!(roles::create(server, tenant, "one-more", "").await.is_err());
}

#[tokio::test]
async fn a_user_of_the_version_before_is_read_with_its_roles() {
    let app = App::start().await;
    let old = json!({
        "user_id": "auth0|old", "connection": "c", "roles": [ROLE],
        "created_at": app.user.created_at, "updated_at": app.user.updated_at,
    });
    let user: User = serde_json::from_value(old).unwrap();
    assert_eq!(user.roles, [ROLE]);
}
