//! `/api/v2/clients` and `/api/v2/client-grants` (contract, sections 7.3 and 7.4).

use serde_json::{Value, json};

use crate::support::app::{API, App, EMAIL, PASSWORD};

#[tokio::test]
async fn a_client_is_made_with_the_recorded_defaults_and_its_secret_is_told_once() {
    let app = App::start().await;
    let manager = app.manager().await;
    let made = manager
        .post("/clients", &json!({ "name": "Till" }))
        .await
        .document(201);
    let id = made["client_id"].as_str().unwrap();
    let secret = made["client_secret"].as_str().unwrap();
    assert_eq!(secret.len(), 43);
    for (name, value) in [
        ("is_first_party", json!(true)),
        ("is_token_endpoint_ip_header_trusted", json!(false)),
        ("sso_disabled", json!(false)),
        ("cross_origin_authentication", json!(false)),
        ("custom_login_page_on", json!(true)),
        ("token_endpoint_auth_method", json!("client_secret_post")),
        (
            "grant_types",
            json!([
                "authorization_code",
                "implicit",
                "refresh_token",
                "client_credentials"
            ]),
        ),
        (
            "jwt_configuration",
            json!({ "secret_encoded": false, "lifetime_in_seconds": 36_000, "alg": "RS256" }),
        ),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    let path = format!("/clients/{id}");
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(manager.get(&path).await.document(200), shown);

    let rotated = manager
        .post(&format!("{path}/rotate-secret"), &json!({}))
        .await
        .document(200);
    assert_ne!(rotated["client_secret"], made["client_secret"]);
    let with = |secret: &str| {
        let request = app.machine_request().with("client_id", id);
        request.with("client_secret", secret).send()
    };
    assert_eq!(with(secret).await.text("error"), "invalid_client");
    let known = with(rotated["client_secret"].as_str().unwrap()).await;
    assert!(
        known.text("error_description").contains("client-grant"),
        "{known:?}"
    );

    manager.delete(&path).await.document(204);
    assert_eq!(
        manager.get(&path).await.refused(),
        "404 inexistent_client: The client does not exist"
    );
}

#[tokio::test]
async fn what_is_changed_counts_at_the_token_endpoint_and_the_rest_is_kept() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({
        "name": "Phone", "app_type": "native", "callbacks": ["https://x.example/cb"],
        "client_metadata": { "region": "north", "tier": "gold" },
        "jwt_configuration": { "scopes": { "a": 1 }, "lifetime_in_seconds": 60 },
    });
    let made = manager.post("/clients", &body).await.document(201);
    assert_eq!(made["token_endpoint_auth_method"], "none");
    assert_eq!(made.get("client_secret"), None);
    let id = made["client_id"].as_str().unwrap();
    let path = format!("/clients/{id}");
    let login = || {
        let request = app.request().with("client_id", id).without("client_secret");
        request.with("scope", "openid").send()
    };
    assert_eq!(login().await.text("error"), "unauthorized_client");

    let change = json!({
        "grant_types": ["password", "authorization_code"],
        "client_metadata": { "tier": null, "seats": "3" },
        "refresh_token": { "rotation_type": "rotating", "expiration_type": "expiring", "leeway": 5 },
    });
    let changed = manager.patch(&path, &change).await.document(200);
    assert_eq!(
        changed["grant_types"],
        json!(["password", "authorization_code"])
    );
    assert_eq!(
        changed["client_metadata"],
        json!({ "region": "north", "seats": "3" })
    );
    assert_eq!(changed["refresh_token"]["leeway"], 5);
    assert_eq!(changed["refresh_token"]["idle_token_lifetime"], 1_296_000);
    assert_eq!(changed["callbacks"], json!(["https://x.example/cb"]));
    assert_eq!(
        changed["jwt_configuration"],
        json!({ "lifetime_in_seconds": 60, "scopes": { "a": 1 }, "secret_encoded": false, "alg": "RS256" })
    );
    let answer = login().await;
    let (_, claims) = app.verify(answer.text("id_token"), id).await;
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        60
    );
}

#[tokio::test]
async fn what_would_promise_something_that_is_not_there_is_refused_and_leaves_nothing() {
    let app = App::start().await;
    let manager = app.manager().await;
    for (name, value) in [
        ("jwt_configuration", json!({ "alg": "HS256" })),
        (
            "client_authentication_methods",
            json!({ "tls_client_auth": {} }),
        ),
        ("token_quota", json!({ "client_credentials": {} })),
        ("compliance_level", json!("fapi1_adv_pkj_par")),
    ] {
        let mut body = json!({ "name": "X" });
        body[name] = value;
        let answer = manager.post("/clients", &body).await;
        assert!(
            answer
                .refused()
                .starts_with("400 operation_not_supported: "),
            "{answer:?}"
        );
    }
    for (body, expected) in [
        (
            json!({ "name": "X", "grant_types": ["unheard-of"] }),
            "'the grant types: `unheard-of` is none of password, http://auth0.com/oauth/grant-type/password-realm, client_credentials, refresh_token'.",
        ),
        (
            json!({ "name": "X", "token_endpoint_auth_method": "none", "grant_types": ["client_credentials"] }),
            "'the grant types: a public client never gets a token about itself: it cannot prove who it is'.",
        ),
        (
            json!({ "name": "X", "token_endpoint_auth_method": "none", "is_token_endpoint_ip_header_trusted": true }),
            "'the client: it is public: anybody could say in its name where a user is'.",
        ),
    ] {
        let answer = manager.post("/clients", &body).await;
        assert_eq!(
            answer.refused(),
            format!("400 invalid_body: Payload validation error: {expected}")
        );
    }
    let all = manager
        .get("/clients?include_totals=true")
        .await
        .document(200);
    assert_eq!(all["total"], 2, "the App's own, and the manager's");
    let third = manager
        .get("/clients?is_first_party=false")
        .await
        .document(200);
    assert_eq!(third, json!([]));
}

#[tokio::test]
async fn a_client_grant_is_made_changed_found_and_taken_back() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({ "client_id": app.client_id, "audience": API, "scope": ["read:orders"] });
    let made = manager.post("/client-grants", &body).await.document(201);
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("cgr_"));
    assert_eq!(
        made,
        json!({
            "id": id, "client_id": app.client_id, "audience": API, "scope": ["read:orders"],
            "subject_type": "client", "allow_all_scopes": false,
        })
    );
    assert_eq!(
        app.machine_request().send().await.text("scope"),
        "read:orders"
    );
    let again = manager.post("/client-grants", &body).await;
    assert_eq!(again.status, 409, "{again:?}");
    let path = format!("/client-grants/{id}");
    assert_eq!(manager.get(&path).await.document(200), made);

    manager
        .patch(&path, &json!({ "scope": ["write:orders"] }))
        .await
        .document(200);
    assert_eq!(
        app.machine_request().send().await.text("scope"),
        "write:orders"
    );
    let all = manager
        .patch(&path, &json!({ "allow_all_scopes": true }))
        .await
        .document(200);
    assert_eq!(
        (&all["scope"], &all["allow_all_scopes"]),
        (&json!([]), &json!(true))
    );
    assert_eq!(
        app.machine_request().send().await.text("scope"),
        "read:orders write:orders export:orders"
    );
    let unknown = manager
        .patch(
            &path,
            &json!({ "allow_all_scopes": false, "scope": ["fly"] }),
        )
        .await;
    assert_eq!(
        unknown.refused(),
        "400 invalid_body: Payload validation error: 'the scopes: the API does not define `fly`'."
    );
    for (query, count) in [
        (format!("client_id={}", app.client_id), 1),
        ("audience=https%3A%2F%2Forders.example%2F".to_owned(), 1),
        ("subject_type=user".to_owned(), 0),
    ] {
        let list = manager
            .get(&format!("/client-grants?{query}"))
            .await
            .document(200);
        assert_eq!(list.as_array().unwrap().len(), count, "{query}");
    }
    manager.delete(&path).await.document(204);
    assert_eq!(manager.get(&path).await.status, 404);
    assert_eq!(app.machine_request().send().await.status, 403);
    let nobody = json!({ "client_id": "nobody", "audience": API, "scope": [] });
    assert_eq!(
        manager.post("/client-grants", &nobody).await.refused(),
        "404 inexistent_client: The client does not exist"
    );
}

#[tokio::test]
async fn a_client_that_was_taken_away_gets_no_token_and_its_grants_are_gone() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({ "client_id": app.client_id, "audience": API, "scope": ["read:orders"] });
    manager.post("/client-grants", &body).await.document(201);
    manager
        .delete(&format!("/clients/{}", app.client_id))
        .await
        .document(204);
    let login = app
        .request()
        .with("username", EMAIL)
        .with("password", PASSWORD)
        .send()
        .await;
    assert_eq!(login.text("error"), "invalid_client");
    let left = manager
        .get(&format!("/client-grants?client_id={}", app.client_id))
        .await;
    assert_eq!(left.document(200), Value::Array(Vec::new()));
}
