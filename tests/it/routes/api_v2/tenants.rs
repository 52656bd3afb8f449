//! `/api/v2/tenants`: what an operator does.

mod deleted;
mod quotas;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{API, Answer, App};

/// An App whose tenant is the operator's.
async fn operator() -> App {
    let app = App::start().await;
    app.become_operator().await;
    app
}

/// A request to the management API of another tenant.
async fn manage_at(app: &App, host: &str, token: &str, path: &str) -> Answer {
    let request = app.http().get(app.url(&format!("/api/v2{path}")));
    let request = request.header("host", host).bearer_auth(token);
    Answer::read_or_empty(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_tenant_is_made_read_listed_changed_and_administered() {
    let app = operator().await;
    let manager = app.manager().await;
    let new = json!({
        "name": "beta", "issuer": "https://login.beta.example", "friendly_name": "Beta",
        "quotas": { "users": 5 },
    });
    let made = manager.post("/tenants", &new).await.document(201);
    assert_eq!(
        (&made["issuer"], &made["status"], &made["quotas"]),
        (
            &json!("https://login.beta.example/"),
            &json!("active"),
            &json!({ "rules": null, "users": 5, "fuel_per_second": null, "exchanges_per_second": null })
        )
    );
    assert_eq!(manager.get("/tenants/beta").await.document(200), made);
    let all = manager
        .get("/tenants?include_totals=true")
        .await
        .document(200);
    assert_eq!((&all["total"], &all["tenants"][1]), (&json!(2), &made));
    let first = manager.get("/tenants?take=1").await.document(200);
    assert_eq!(first["tenants"][0]["name"], "acme");
    let next = first["next"].as_str().unwrap();
    let second = manager.get(&format!("/tenants?take=1&from={next}")).await;
    assert_eq!(second.document(200)["tenants"], json!([made]));

    let change = json!({ "friendly_name": "B", "quotas": { "users": null, "rules": 2 } });
    let changed = manager.patch("/tenants/beta", &change).await.document(200);
    assert_eq!(
        (
            &changed["friendly_name"],
            &changed["quotas"]["users"],
            &changed["quotas"]["rules"]
        ),
        (&json!("B"), &Value::Null, &json!(2))
    );

    // The new tenant's administrator rules there, and nowhere else.
    let made = manager
        .post("/tenants/beta/administrators", &json!({}))
        .await;
    let robot = made.document(201);
    let text = |name: &str| robot[name].as_str().unwrap().to_owned();
    let host = "login.beta.example";
    let request = app
        .machine_request()
        .at(host)
        .with("client_id", &text("client_id"));
    let request = request.with("client_secret", &text("client_secret"));
    let answer = request.with("audience", &text("audience")).send().await;
    let token = answer.access_token();
    let clients = manage_at(&app, host, token, "/clients").await.document(200);
    assert_eq!(clients[0]["client_id"], robot["client_id"]);
    let tenants = manage_at(&app, host, token, "/tenants").await;
    assert_eq!(tenants.status, 403, "{tenants:?}");
    assert_eq!(
        app.manage(Some(token), Method::GET, "/clients", None)
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn what_cannot_be_a_tenant_is_refused() {
    let app = operator().await;
    let manager = app.manager().await;
    let issuer = "https://login.beta.example/";
    for (body, expected) in [
        (
            json!({ "name": "acme", "issuer": issuer }),
            "409 conflict: there already is a tenant",
        ),
        (
            json!({ "name": "settings", "issuer": issuer }),
            "400 invalid_body: ",
        ),
        (
            json!({ "name": "Beta", "issuer": issuer }),
            "400 invalid_body: Payload validation error: '`Beta` cannot be",
        ),
        (
            json!({ "name": "beta", "issuer": "https://x.example/path" }),
            "400 invalid_body: ",
        ),
        (
            json!({ "name": "beta", "issuer": "http://acme.localhost/" }),
            "400 invalid_body: Payload validation error: 'the host name: names under `localhost`",
        ),
        (
            json!({ "name": "beta" }),
            "400 invalid_body: Payload validation error: 'Missing required property: issuer'.",
        ),
    ] {
        let refused = manager.post("/tenants", &body).await.refused();
        assert!(refused.starts_with(expected), "{refused}");
    }
    for path in ["/tenants/nobody", "/tenants/No.Name"] {
        assert_eq!(
            manager.get(path).await.refused(),
            "404 inexistent_tenant: The tenant does not exist."
        );
    }
    // An operator does not lock himself out by a slip.
    let refused = manager
        .patch("/tenants/acme", &json!({ "suspended": true }))
        .await
        .refused();
    assert!(
        refused.contains("the operator's tenant is not suspended"),
        "{refused}"
    );
    let refused = manager.delete("/tenants/acme").await.refused();
    assert!(
        refused.contains("the operator's tenant is not deleted"),
        "{refused}"
    );
}

#[tokio::test]
async fn only_the_operator_s_tenant_has_the_scopes_and_loses_them_with_the_mark() {
    let app = App::start().await;
    let before = app.manager().await;
    assert_eq!(before.get("/tenants").await.status, 403);
    let all = app.get("/api/v2/openapi.json").await.body.to_string();
    assert!(all.contains("create:tenants"));
    app.become_operator().await;
    // What a token says was decided when it was issued.
    assert_eq!(before.get("/tenants").await.status, 403);
    let manager = app.manager().await;
    assert_eq!(manager.get("/tenants").await.status, 200);
    claimsmith::admin::tenants::set_operator(&app.server, &app.tenant, false)
        .await
        .unwrap();
    assert_eq!(
        manager.get("/tenants").await.refused(),
        "403 insufficient_scope: Insufficient scope, expected any of: read:tenants"
    );
    assert_eq!(manager.get("/clients").await.status, 200);
}

#[tokio::test]
async fn nothing_of_a_suspended_tenant_answers_until_it_is_resumed() {
    let app = operator().await;
    let (_, request) = app.add_tenant("beta").await;
    let manager = app.manager().await;
    let host = "beta.localhost";
    let token = request
        .clone()
        .with("scope", "openid offline_access")
        .send()
        .await;
    let access = token.access_token().to_owned();
    let get = async |path: &str| {
        let request = app.http().get(app.url(path)).header("host", host);
        let answer = request.bearer_auth(&access).send().await.unwrap();
        Answer::read(answer).await
    };
    assert_eq!(get("/userinfo").await.status, 200);
    let suspend = async |suspended: bool| {
        let change = json!({ "suspended": suspended });
        manager.patch("/tenants/beta", &change).await.document(200)["status"].clone()
    };
    assert_eq!(suspend(true).await, "suspended");
    const REFUSED: &str = "403 access_denied: This tenant is suspended.";
    assert_eq!(request.clone().send().await.refusal(), REFUSED);
    for path in [
        "/userinfo",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
    ] {
        assert_eq!(get(path).await.refusal(), REFUSED, "{path}");
    }
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let about = request.clone().with("token", &access).to(path);
        assert_eq!(about.send().await.refusal(), REFUSED, "{path}");
    }
    assert_eq!(
        get("/api/v2/clients").await.refused(),
        "403 tenant_suspended: This tenant is suspended."
    );
    // Others are served, and so is the probe.
    assert_eq!(app.request().send().await.status, 200);
    assert_eq!(app.get("/health").await.status, 200);

    assert_eq!(suspend(false).await, "active");
    assert_eq!(get("/userinfo").await.status, 200);
    assert_eq!(request.send().await.status, 200);
}

#[tokio::test]
async fn a_tenant_answers_under_a_domain_of_its_own_as_that_issuer() {
    let app = operator().await;
    app.add_tenant("beta").await;
    let manager = app.manager().await;
    const DOMAIN: &str = "login.acme.example";
    assert_eq!(app.request().at(DOMAIN).send().await.status, 404);
    let body = json!({ "domain": DOMAIN.to_uppercase() });
    let added = manager
        .post("/tenants/acme/domains", &body)
        .await
        .document(201);
    assert_eq!(added["domains"], json!([DOMAIN]));

    let answer = app
        .request()
        .at(DOMAIN)
        .with("audience", API)
        .with("scope", "openid")
        .send()
        .await;
    let claims = claims(answer.access_token());
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (
            &json!("https://login.acme.example/"),
            &json!([API, "https://login.acme.example/userinfo"])
        )
    );
    let at = async |host: &str, path: &str| {
        let request = app.http().get(app.url(path)).header("host", host);
        Answer::read(
            request
                .bearer_auth(answer.access_token())
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    assert_eq!(
        at(DOMAIN, "/.well-known/openid-configuration").await.body["issuer"],
        "https://login.acme.example/"
    );
    // A token is good where it came from.
    assert_eq!(at(DOMAIN, "/userinfo").await.status, 200);
    assert_eq!(at("acme.localhost", "/userinfo").await.status, 401);
    assert_eq!(at("beta.localhost", "/userinfo").await.status, 401);
    // The management API has one name, and answers on both.
    let robot = app
        .machine_request()
        .at(DOMAIN)
        .with("audience", &app.management());
    app.grant_client_management(&["read:clients"]).await;
    let token = robot.send().await.access_token().to_owned();
    assert_eq!(
        manage_at(&app, DOMAIN, &token, "/clients").await.status,
        200
    );
    assert_eq!(
        manage_at(&app, "acme.localhost", &token, "/clients")
            .await
            .status,
        401
    );

    let again = manager
        .post("/tenants/beta/domains", &json!({ "domain": DOMAIN }))
        .await;
    let refused = again.refused();
    assert!(
        refused.starts_with("409 conflict: there already is a tenant that answers to"),
        "{refused}"
    );
    for domain in [
        "beta.localhost",
        "localhost",
        "x",
        "10.0.0.1",
        "a..b",
        "-a.example",
        "a_b.example",
        "https://a.example",
        "a.example:80",
        "xn--a.example/",
        "\u{e4}.example",
    ] {
        let refused = manager
            .post("/tenants/acme/domains", &json!({ "domain": domain }))
            .await;
        assert_eq!(refused.status, 400, "{domain}: {refused:?}");
    }
    manager
        .delete(&format!("/tenants/acme/domains/{DOMAIN}"))
        .await
        .document(204);
    assert_eq!(
        manager
            .delete(&format!("/tenants/acme/domains/{DOMAIN}"))
            .await
            .status,
        404
    );
    assert_eq!(app.request().at(DOMAIN).send().await.status, 404);
    // It is free for another, who gets nothing of what the first signed there.
    manager
        .post("/tenants/beta/domains", &json!({ "domain": DOMAIN }))
        .await
        .document(201);
    assert_eq!(at(DOMAIN, "/userinfo").await.status, 401);
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    serde_json::from_slice(&engine.decode(payload).unwrap()).unwrap()
}
