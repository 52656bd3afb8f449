//! Tenants are told apart by host name, and nothing of one is good at another.

use claimsmith::admin::tenants;
use claimsmith::tenant::{Issuer, TenantName};

use crate::support::app::{API, App};

async fn with_a_second_tenant() -> App {
    let app = App::start().await;
    let issuer = Issuer::parse("https://login.globex.example/").unwrap();
    tenants::create(&app.server, TenantName::parse("globex").unwrap(), issuer)
        .await
        .unwrap();
    app
}

#[tokio::test]
async fn a_server_with_one_tenant_answers_on_any_host() {
    let app = App::start().await;
    for host in [
        "acme.localhost",
        "acme.localhost:8080",
        "whatever.example",
        "127.0.0.1",
        "[::1]:80",
    ] {
        assert_eq!(app.request().at(host).send().await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn with_two_tenants_the_host_decides() {
    let app = with_a_second_tenant().await;
    assert_eq!(app.request().at("acme.localhost").send().await.status, 200);
    assert_eq!(
        app.request().at("ACME.localhost:99").send().await.status,
        200
    );
    let elsewhere = app.request().at("whatever.example").send().await;
    assert_eq!(
        elsewhere.refusal(),
        "404 invalid_request: No tenant answers to this host name."
    );
}

#[tokio::test]
async fn clients_and_users_of_one_tenant_do_not_exist_at_another() {
    let app = with_a_second_tenant().await;
    for host in ["globex.localhost", "login.globex.example"] {
        let answer = app.request().at(host).send().await;
        assert_eq!(
            answer.refusal(),
            "401 invalid_client: Client authentication failed",
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_token_of_one_tenant_opens_nothing_at_another() {
    let app = with_a_second_tenant().await;
    let answer = app
        .request()
        .with("audience", API)
        .with("scope", "openid")
        .send()
        .await;
    let opaque = app.request().send().await;
    for token in [answer.access_token(), opaque.access_token()] {
        assert_eq!(app.userinfo(token).await.status, 200);
        let request = app
            .http()
            .get(app.url("/userinfo"))
            .header("host", "globex.localhost");
        assert_eq!(
            request.bearer_auth(token).send().await.unwrap().status(),
            401
        );
    }
}

#[tokio::test]
async fn a_forged_host_changes_nothing_that_is_signed_or_published() {
    let app = App::start().await;
    let answer = app
        .request()
        .at("evil.example")
        .with("audience", API)
        .send()
        .await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["iss"], serde_json::json!(app.issuer));
}
