//! `/api/v2/connections` (contract, section 7.5).

use serde_json::json;

use crate::support::app::App;

#[tokio::test]
async fn a_directory_is_made_for_nobody_until_clients_are_let_in() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body =
        json!({ "name": "staff", "strategy": "auth0", "options": { "passwordPolicy": "low" } });
    let made = manager.post("/connections", &body).await.document(201);
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("con_"));
    assert_eq!(
        (
            &made["enabled_clients"],
            &made["realms"],
            &made["authentication"]
        ),
        (&json!([]), &json!(["staff"]), &json!({ "active": true }))
    );
    assert_eq!(
        made["options"]["password_complexity_options"],
        json!({ "min_length": 8 })
    );
    let user =
        json!({ "connection": "staff", "email": "bob@acme.example", "password": "password1" });
    manager.post("/users", &user).await.document(201);
    let login = || {
        let request = app
            .request()
            .with("realm", "staff")
            .with("username", "bob@acme.example");
        request.with("password", "password1").send()
    };
    assert_eq!(
        login().await.text("error_description"),
        "the connection was disabled"
    );
    let path = format!("/connections/{id}");
    let open = json!({ "enabled_clients": [app.client_id] });
    manager.patch(&path, &open).await.document(200);
    login().await.access_token();

    let deleted = manager.delete(&path).await.document(202);
    assert_eq!(deleted["deleted_at"], "2026-11-23T12:00:00.000Z");
    assert_eq!(manager.get(&path).await.status, 404);
    let users = manager
        .get("/users?include_totals=true")
        .await
        .document(200);
    assert_eq!(users["total"], 1, "its user is gone, the other is there");
    assert_eq!(
        login().await.text("error_description"),
        "the connection was not found"
    );
}

#[tokio::test]
async fn options_are_replaced_as_a_whole_and_say_what_counts() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({
        "name": "staff", "strategy": "auth0", "metadata": { "a": "b" },
        "options": {
            "passwordPolicy": "good", "password_history": { "enable": true, "size": 3 },
            "disable_signup": true, "mfa": { "active": true },
        },
    });
    let made = manager.post("/connections", &body).await.document(201);
    let options = &made["options"];
    assert_eq!(options["passwordPolicy"], "good");
    assert_eq!(
        options["password_history"],
        json!({ "enable": true, "size": 3 })
    );
    assert_eq!(
        (&options["disable_signup"], &options["mfa"]),
        (&json!(true), &json!({ "active": true }))
    );
    assert_eq!(made["metadata"], json!({ "a": "b" }));
    let weak = json!({ "connection": "staff", "email": "b@acme.example", "password": "password" });
    assert_eq!(
        manager.post("/users", &weak).await.refused(),
        "400 invalid_body: PasswordStrengthError: Password is too weak"
    );

    let path = format!("/connections/{}", made["id"].as_str().unwrap());
    let changed = manager
        .patch(&path, &json!({ "options": {} }))
        .await
        .document(200);
    let options = &changed["options"];
    assert_eq!(
        options["password_complexity_options"],
        json!({ "min_length": 15 })
    );
    assert_eq!(
        (&options["disable_signup"], options.get("mfa")),
        (&json!(false), None)
    );
    assert_eq!(changed["metadata"], json!({ "a": "b" }));
    for (name, value) in [
        ("import_mode", json!(true)),
        ("enabledDatabaseCustomization", json!(true)),
        ("configuration", json!({ "KEY": "value" })),
        ("password_options", json!({})),
    ] {
        let answer = manager
            .patch(&path, &json!({ "options": { name: value } }))
            .await;
        assert!(
            answer
                .refused()
                .starts_with("400 operation_not_supported: "),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn the_first_directory_has_an_identity_and_cannot_be_taken_away_while_it_is_the_default() {
    let app = App::start().await;
    let manager = app.manager().await;
    let all = manager.get("/connections").await.document(200);
    let first = &all[0];
    assert_eq!(first["name"], "Username-Password-Authentication");
    let enabled = first["enabled_clients"].as_array().unwrap();
    assert!(enabled.contains(&json!(app.client_id)), "it is open to all");
    let path = format!("/connections/{}", first["id"].as_str().unwrap());
    assert_eq!(&manager.get(&path).await.document(200), first);
    assert_eq!(
        manager.delete(&path).await.refused(),
        "400 invalid_body: Payload validation error: 'the connection: it is the tenant's default directory; choose another first'."
    );
    let none = manager.get("/connections?name=nothing").await.document(200);
    assert_eq!(none, json!([]));
    let same = json!({ "name": "Username-Password-Authentication", "strategy": "auth0" });
    assert_eq!(manager.post("/connections", &same).await.status, 409);
    let other = json!({ "name": "x", "strategy": "google-oauth2" });
    assert!(
        manager
            .post("/connections", &other)
            .await
            .refused()
            .contains("No enum match for: google-oauth2")
    );
}
