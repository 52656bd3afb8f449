//! Who may ask (contract, section 7.1).

use claimsmith::admin::client_grants;
use claimsmith::admin::clients;
use claimsmith::client::SenderConstraint;
use claimsmith::client_grant::SubjectType;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{API, App};
use crate::support::dpop::Prover;

const PATH: &str = "/resource-servers";

#[tokio::test]
async fn the_token_of_a_user_of_another_api_and_an_id_token_are_none() {
    let app = App::start().await;
    let manager = app.manager().await;
    assert_eq!(manager.get(PATH).await.status, 200);
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let user = app
        .request()
        .with("audience", API)
        .with("scope", "openid")
        .send()
        .await;
    let machine = app.machine_request().send().await;
    let opaque = app.request().with("scope", "openid").send().await;
    for token in [
        user.access_token(),
        user.text("id_token"),
        machine.access_token(),
        opaque.access_token(),
        &format!("{}x", manager.token),
        "x",
        "a.b.c",
    ] {
        let answer = app.manage(Some(token), Method::GET, PATH, None).await;
        assert_eq!(
            answer.refused(),
            "401 invalid_token: Invalid token",
            "{token}"
        );
        assert_eq!(
            answer.header("www-authenticate"),
            r#"Bearer error="invalid_token""#
        );
    }
}

#[tokio::test]
async fn a_header_that_is_none_is_a_bad_request_and_a_token_in_the_query_is_not_read() {
    let app = App::start().await;
    let manager = app.manager().await;
    let request = || {
        app.http()
            .get(app.url("/api/v2/resource-servers"))
            .header("host", "acme.localhost")
    };
    let answer = request()
        .header("authorization", "Token x")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    let url = format!("/api/v2/resource-servers?access_token={}", manager.token);
    let in_query = app
        .http()
        .get(app.url(&url))
        .header("host", "acme.localhost");
    let answer = in_query.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let answer = request().basic_auth("a", Some("b")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn what_is_taken_from_a_client_is_taken_at_once() {
    let app = App::start().await;
    let manager = app
        .manager_with(Some(&["read:resource_servers", "read:exchanges"]))
        .await;
    assert_eq!(manager.get(PATH).await.status, 200);
    let management = app.management();
    let of = (
        manager.client_id.as_str(),
        SubjectType::Client,
        management.as_str(),
    );
    let less = vec!["read:exchanges".to_owned()];
    client_grants::set_scope(&app.server, &app.tenant, of, less)
        .await
        .unwrap();
    assert_eq!(
        manager.get(PATH).await.refused(),
        "403 insufficient_scope: Insufficient scope, expected any of: read:resource_servers"
    );
    assert_eq!(manager.get("/exchanges").await.status, 200);
    client_grants::delete(&app.server, &app.tenant, of)
        .await
        .unwrap();
    assert_eq!(manager.get("/exchanges").await.status, 403);
}

#[tokio::test]
async fn a_token_that_has_expired_is_none() {
    let app = App::start().await;
    let manager = app.manager().await;
    app.later(86_399);
    assert_eq!(manager.get(PATH).await.status, 200);
    app.later(1);
    assert_eq!(manager.get(PATH).await.status, 401);
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_needs_the_proof_for_this_very_request() {
    let app = App::start().await;
    let bound = SenderConstraint::Dpop;
    let manager = app.manager().await;
    clients::set_sender_constraint(&app.server, &app.tenant, &app.client_id, bound)
        .await
        .unwrap();
    let grant = client_grants::NewClientGrant {
        client_id: app.client_id.clone(),
        audience: app.management(),
        allow_all_scopes: true,
        ..Default::default()
    };
    client_grants::create(&app.server, &app.tenant, grant)
        .await
        .unwrap();
    let prover = Prover::new();
    let now = app.server.clock.now().as_secs();
    let claims = |jti: &str, method: &str, path: &str| json!({ "jti": jti, "htm": method, "htu": format!("{}{path}", app.issuer), "iat": now });
    let request = app.machine_request().with("audience", &app.management());
    let answer = request
        .dpop(&prover.prove(&claims("1", "POST", "oauth/token")))
        .send()
        .await;
    let token = answer.access_token().to_owned();
    let ath = {
        use base64::Engine as _;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
    };
    let ask = async |scheme: &str, jti: &str, method: &str, path: &str| {
        let mut claims = claims(jti, method, path);
        claims["ath"] = json!(ath);
        let request = app.http().get(app.url("/api/v2/resource-servers"));
        let request = request
            .header("host", "acme.localhost")
            .header("authorization", format!("{scheme} {token}"))
            .header("dpop", prover.prove(&claims));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        ask("DPoP", "2", "GET", "api/v2/resource-servers").await,
        200
    );
    assert_eq!(
        ask("DPoP", "2", "GET", "api/v2/resource-servers").await,
        401
    );
    assert_eq!(ask("DPoP", "3", "GET", "api/v2/clients").await, 401);
    assert_eq!(
        ask("DPoP", "4", "POST", "api/v2/resource-servers").await,
        401
    );
    assert_eq!(
        ask("Bearer", "5", "GET", "api/v2/resource-servers").await,
        401
    );
    assert_eq!(manager.get(PATH).await.status, 200);
}
