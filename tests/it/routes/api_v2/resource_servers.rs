//! `/api/v2/resource-servers` (contract, section 7.4).

use claimsmith::admin::client_grants;
use claimsmith::client_grant::SubjectType;
use serde_json::{Value, json};

use crate::support::app::{API, App};

#[tokio::test]
async fn an_api_is_made_as_recorded_found_by_id_and_identifier_and_taken_away() {
    let app = App::start().await;
    let manager = app.manager().await;
    let identifier = "https://uat.example/a path/";
    let body = json!({ "identifier": identifier, "scopes": [{ "value": "read:x", "description": "Reads" }] });
    let made = manager.post("/resource-servers", &body).await.document(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(id.len(), 24);
    assert_eq!(
        made,
        json!({
            "id": id, "identifier": identifier, "name": identifier, "is_system": false,
            "scopes": [{ "value": "read:x", "description": "Reads" }],
            "allow_offline_access": false, "skip_consent_for_verifiable_first_party_clients": false,
            "subject_type_authorization": {
                "client": { "policy": "require_client_grant" }, "user": { "policy": "allow_all" },
            },
            "token_lifetime": 86_400, "token_lifetime_for_web": 7_200, "signing_alg": "RS256",
            "token_dialect": "access_token", "enforce_policies": false,
        })
    );
    let encoded = "https%3A%2F%2Fuat.example%2Fa%20path%2F";
    for key in [id, encoded] {
        let path = format!("/resource-servers/{key}");
        assert_eq!(manager.get(&path).await.document(200), made);
    }
    let again = manager.post("/resource-servers", &body).await;
    assert_eq!(
        again.refused(),
        format!("409 conflict: there already is an API `{identifier}`")
    );
    let path = format!("/resource-servers/{encoded}");
    assert_eq!(manager.delete(&path).await.document(204), Value::Null);
    assert_eq!(
        manager.get(&path).await.refused(),
        "404 inexistent_resource_server: The resource server does not exist"
    );
}

#[tokio::test]
async fn a_change_changes_what_it_names_and_counts_at_the_token_endpoint() {
    let app = App::start().await;
    let manager = app.manager().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let path = format!(
        "/resource-servers/{}",
        API.replace(':', "%3A").replace('/', "%2F")
    );
    let change =
        json!({ "token_lifetime": 60, "token_dialect": "rfc9068_profile", "signing_alg": "ES256" });
    let changed = manager.patch(&path, &change).await.document(200);
    assert_eq!(changed["name"], API);
    assert_eq!(changed["scopes"].as_array().unwrap().len(), 3);
    let answer = app.machine_request().send().await;
    assert_eq!(answer.body["expires_in"], 60);
    let (header, _) = app.verify(answer.access_token(), API).await;
    assert_eq!(format!("{:?}", header.alg), "ES256");
    let scopes = json!({ "scopes": [{ "value": "write:orders" }] });
    let changed = manager.patch(&path, &scopes).await.document(200);
    assert_eq!(
        changed["scopes"],
        json!([{ "value": "write:orders", "description": "" }])
    );
}

#[tokio::test]
async fn the_secret_of_an_hs256_api_is_returned_when_it_is_set_and_never_again() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({ "identifier": "https://h.example/", "signing_alg": "HS256" });
    let made = manager.post("/resource-servers", &body).await.document(201);
    assert_eq!(made["signing_secret"].as_str().unwrap().len(), 43);
    let path = format!("/resource-servers/{}", made["id"].as_str().unwrap());
    assert_eq!(
        manager.get(&path).await.document(200).get("signing_secret"),
        None
    );
    let chosen = "0123456789abcdef0123456789abcdef";
    let changed = manager
        .patch(&path, &json!({ "signing_secret": chosen }))
        .await
        .document(200);
    assert_eq!(changed["signing_secret"], chosen);
    let short = manager
        .patch(&path, &json!({ "signing_secret": "short" }))
        .await;
    assert_eq!(
        short.refused(),
        "400 invalid_body: Payload validation error: 'a signing secret for HS256 must have at least 32 bytes'."
    );
    manager
        .patch(&path, &json!({ "signing_alg": "RS256" }))
        .await
        .document(200);
    let none = manager
        .patch(&path, &json!({ "signing_secret": chosen }))
        .await;
    assert_eq!(
        none.refused(),
        "400 invalid_body: Payload validation error: 'the signing secret: only an HS256 API has one'."
    );
}

#[tokio::test]
async fn fields_without_a_meaning_here_come_back_as_they_were_set_until_null_takes_them_away() {
    let app = App::start().await;
    let manager = app.manager().await;
    let kept = json!({
        "skip_consent_for_verifiable_first_party_clients": true, "token_lifetime_for_web": 600,
        "consent_policy": "transactional-authorization-with-mfa",
        "authorization_details": [{ "type": "payment" }],
        "verificationLocation": "https://x.example/",
    });
    let mut body = kept.clone();
    body["identifier"] = json!("https://k.example/");
    let made = manager.post("/resource-servers", &body).await.document(201);
    for (name, value) in kept.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
    let path = format!("/resource-servers/{}", made["id"].as_str().unwrap());
    let change = json!({ "consent_policy": null, "token_lifetime_for_web": null });
    let changed = manager.patch(&path, &change).await.document(200);
    assert_eq!(changed.get("consent_policy"), None);
    assert_eq!(changed["token_lifetime_for_web"], 7_200);
    assert_eq!(changed["verificationLocation"], "https://x.example/");
}

#[tokio::test]
async fn what_would_promise_a_protection_that_is_not_there_is_refused() {
    let app = App::start().await;
    let manager = app.manager().await;
    let with = |name: &str, value: Value| {
        let mut body = json!({ "identifier": "https://p.example/" });
        body[name] = value;
        body
    };
    for body in [
        with(
            "token_encryption",
            json!({ "format": "compact-nested-jwe" }),
        ),
        with(
            "proof_of_possession",
            json!({ "mechanism": "dpop", "required": true }),
        ),
        with("proof_of_possession", json!({ "mechanism": "dpop" })),
    ] {
        let answer = manager.post("/resource-servers", &body).await;
        assert!(
            answer
                .refused()
                .starts_with("400 operation_not_supported: "),
            "{answer:?}"
        );
    }
    let body = with(
        "proof_of_possession",
        json!({ "mechanism": "dpop", "required": false }),
    );
    manager.post("/resource-servers", &body).await.document(201);
}

#[tokio::test]
async fn a_body_that_is_wrong_is_refused_with_the_place_and_changes_nothing() {
    let app = App::start().await;
    let manager = app.manager().await;
    let identifier = json!("https://b.example/");
    for (body, expected) in [
        (json!({}), "'Missing required property: identifier'."),
        (
            json!({ "identifier": identifier, "token_lifetime": 0 }),
            "'Value 0 is less than minimum 1' on property token_lifetime (How long its tokens are valid, in seconds).",
        ),
        (
            json!({ "identifier": identifier, "scopes": [{ "description": "x" }] }),
            "'Missing required property: value' on property scopes[0].",
        ),
        (
            json!({ "identifier": identifier, "scopes": [{ "value": "openid" }] }),
            "'the scopes: `openid` is a standard scope and cannot be an API's'.",
        ),
        (
            json!({ "identifier": app.management() }),
            "'the identifier: this is an API of the server's own'.",
        ),
    ] {
        let answer = manager.post("/resource-servers", &body).await;
        assert_eq!(
            answer.refused(),
            format!("400 invalid_body: Payload validation error: {expected}")
        );
    }
    let send = |content_type: &'static str, body: String| {
        app.http()
            .post(app.url("/api/v2/resource-servers"))
            .header("host", "acme.localhost")
            .bearer_auth(&manager.token)
            .header("content-type", content_type)
            .body(body)
            .send()
    };
    for (content_type, body, status) in [
        (
            "application/x-www-form-urlencoded",
            "identifier=x".to_owned(),
            415,
        ),
        ("application/json", "[]".to_owned(), 400),
        (
            "application/json",
            r#"{"identifier":"a","identifier":"b"}"#.to_owned(),
            400,
        ),
        (
            "application/json",
            format!(r#"{{"name":"{}"}}"#, "x".repeat(1 << 20)),
            413,
        ),
    ] {
        assert_eq!(send(content_type, body).await.unwrap().status(), status);
    }
    let own = manager.get(&format!("/resource-servers/{}", "x")).await;
    assert_eq!(own.status, 404);
    let listed = manager
        .get("/resource-servers?include_totals=true")
        .await
        .document(200);
    assert_eq!(listed["total"], 2);
}

#[tokio::test]
async fn pages_are_followed_by_number_and_by_cursor_and_both_show_each_once() {
    let app = App::start().await;
    let manager = app.manager().await;
    for number in 0..5 {
        let body = json!({ "identifier": format!("https://n{number}.example/") });
        manager.post("/resource-servers", &body).await.document(201);
    }
    let identifiers = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap();
        list.iter()
            .map(|api| api["identifier"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = identifiers(&manager.get("/resource-servers").await.document(200));
    assert_eq!(all.len(), 7);

    let mut by_number = Vec::new();
    for page in 0..4 {
        let path = format!("/resource-servers?page={page}&per_page=2&include_totals=true");
        let part = manager.get(&path).await.document(200);
        assert_eq!(
            (&part["start"], &part["limit"], &part["total"]),
            (&json!(page * 2), &json!(2), &json!(7))
        );
        by_number.extend(identifiers(&part["resource_servers"]));
    }
    assert_eq!(by_number, all);

    let (mut by_cursor, mut from) = (Vec::new(), String::new());
    loop {
        let path = format!("/resource-servers?take=3{from}");
        let part = manager.get(&path).await.document(200);
        by_cursor.extend(identifiers(&part["resource_servers"]));
        match part.get("next").and_then(Value::as_str) {
            Some(next) => from = format!("&from={next}"),
            None => break,
        }
    }
    assert_eq!(by_cursor, all);

    for (query, expected) in [
        (
            "per_page=101",
            "'Value 101 is greater than maximum 100' on property per_page (How many items a page has; 50 if not said).",
        ),
        (
            "page=x",
            "'Expected type integer but found type string' on property page (Which page, counted from 0).",
        ),
        ("page=0&page=1", "'page stands there twice'."),
        (
            "page=0&take=1",
            "'pages are asked for by `page` and `per_page`, or by `from` and `take`, not both'.",
        ),
        ("from=%25", "'the cursor: it is none of this listing's'."),
    ] {
        let answer = manager.get(&format!("/resource-servers?{query}")).await;
        assert_eq!(
            answer.refused(),
            format!("400 invalid_query_string: Query validation error: {expected}")
        );
    }
    let some = manager
        .get("/resource-servers?fields=name,id&per_page=1")
        .await
        .document(200);
    assert_eq!(some[0].as_object().unwrap().len(), 2);
    let rest = manager
        .get("/resource-servers?fields=name&include_fields=false&per_page=1")
        .await;
    assert_eq!(rest.document(200)[0].get("name"), None);
}

#[tokio::test]
async fn an_api_takes_its_client_grants_with_it_and_the_server_s_own_stays() {
    let app = App::start().await;
    let manager = app.manager().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let path = format!(
        "/resource-servers/{}",
        API.replace(':', "%3A").replace('/', "%2F")
    );
    manager.delete(&path).await.document(204);
    let grants = client_grants::list(&app.server, &app.tenant, Some(&app.client_id))
        .await
        .unwrap();
    assert!(grants.is_empty());
    let body = json!({ "identifier": API, "scopes": [{ "value": "read:orders" }] });
    manager.post("/resource-servers", &body).await.document(201);
    assert_eq!(app.machine_request().send().await.status, 403);

    let own = app.management().replace(':', "%3A").replace('/', "%2F");
    let path = format!("/resource-servers/{own}");
    assert_eq!(manager.get(&path).await.document(200)["is_system"], true);
    for answer in [
        manager.delete(&path).await,
        manager.patch(&path, &json!({ "token_lifetime": 1 })).await,
    ] {
        assert_eq!(
            answer.refused(),
            "400 invalid_body: Payload validation error: 'the API: the server's own is as it is'."
        );
    }
}
