//! `/api/v2/roles`, and the roles and permissions of users (contract, section 7.6).

use serde_json::{Value, json};

use crate::support::app::{API, App};

fn user_path(app: &App, rest: &str) -> String {
    format!("/users/{}/{rest}", app.user.user_id.replace('|', "%7C"))
}

fn permissions(scopes: &[&str]) -> Value {
    let one = |scope: &&str| json!({ "resource_server_identifier": API, "permission_name": scope });
    json!({ "permissions": scopes.iter().map(one).collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_role_is_made_described_found_and_taken_away_from_its_users_too() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({ "name": "auditor", "description": "Reads" });
    let made = manager.post("/roles", &body).await.document(200);
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        made,
        json!({ "id": id, "name": "auditor", "description": "Reads" })
    );
    assert!(id.starts_with("rol_"));
    assert_eq!(manager.post("/roles", &body).await.status, 409);
    let path = format!("/roles/{id}");
    let changed = manager
        .patch(&path, &json!({ "description": "Reads all" }))
        .await;
    assert_eq!(changed.document(200)["description"], "Reads all");
    let renamed = manager.patch(&path, &json!({ "name": "other" })).await;
    assert!(
        renamed
            .refused()
            .starts_with("400 operation_not_supported: ")
    );
    let found = manager.get("/roles?name_filter=AUD").await.document(200);
    assert_eq!(found[0]["id"], id);
    assert_eq!(
        manager.get("/roles?name_filter=x").await.document(200),
        json!([])
    );

    let roles = json!({ "roles": [id] });
    manager
        .post(&user_path(&app, "roles"), &roles)
        .await
        .document(204);
    let of_user = manager.get(&user_path(&app, "roles")).await.document(200);
    assert_eq!(of_user[0]["name"], "auditor");
    let members = manager.get(&format!("{path}/users")).await.document(200);
    assert_eq!(members[0]["user_id"], json!(app.user.user_id));
    manager.delete(&path).await.document(204);
    assert_eq!(
        manager.get(&path).await.refused(),
        "404 inexistent_role: The role does not exist."
    );
    let user = claimsmith::admin::users::list(&app.server, &app.tenant)
        .await
        .unwrap()[0]
        .clone();
    assert_eq!(user.roles, ["editor"]);
}

#[tokio::test]
async fn permissions_of_roles_and_users_say_where_they_come_from_and_count_in_tokens() {
    let app = App::start().await;
    let manager = app.manager().await;
    let role = manager
        .post("/roles", &json!({ "name": "reader" }))
        .await
        .document(200);
    let role = format!("/roles/{}", role["id"].as_str().unwrap());
    let granted = manager
        .post(
            &format!("{role}/permissions"),
            &permissions(&["read:orders"]),
        )
        .await;
    assert_eq!(granted.document(201), json!({}));
    let members = json!({ "users": [app.user.user_id] });
    assert_eq!(
        manager
            .post(&format!("{role}/users"), &members)
            .await
            .document(200),
        json!({})
    );
    let own = permissions(&["read:orders", "write:orders"]);
    manager
        .post(&user_path(&app, "permissions"), &own)
        .await
        .document(201);

    let held = manager
        .get(&user_path(&app, "permissions"))
        .await
        .document(200);
    let source = |of: &Value| {
        let sources = of["sources"].as_array().unwrap().iter();
        sources
            .map(|source| source["source_type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(held[0]["permission_name"], "read:orders");
    assert_eq!(
        (source(&held[0]), source(&held[1])),
        (
            vec!["DIRECT".to_owned(), "ROLE".to_owned()],
            vec!["DIRECT".to_owned()]
        )
    );

    let api = format!(
        "/resource-servers/{}",
        API.replace(':', "%3A").replace('/', "%2F")
    );
    let enforced = json!({ "enforce_policies": true, "token_dialect": "access_token_authz" });
    manager.patch(&api, &enforced).await.document(200);
    let token = async || {
        let answer = app.request().with("audience", API).send().await;
        app.verify(answer.access_token(), API).await.1["permissions"].clone()
    };
    assert_eq!(token().await, json!(["read:orders", "write:orders"]));
    let gone = manager
        .send(
            reqwest::Method::DELETE,
            &user_path(&app, "permissions"),
            Some(&own),
        )
        .await;
    gone.document(204);
    assert_eq!(token().await, json!(["read:orders"]));
    let of_role = permissions(&["read:orders"]);
    let path = format!("{role}/permissions");
    manager
        .send(reqwest::Method::DELETE, &path, Some(&of_role))
        .await
        .document(204);
    assert_eq!(manager.get(&path).await.document(200), json!([]));
    assert_eq!(token().await, json!([]));

    let nothing = manager.post(&path, &json!({ "permissions": [] })).await;
    assert!(
        nothing
            .refused()
            .contains("Array is too short (0), minimum 1")
    );
    let unknown = manager.post(&path, &permissions(&["fly"])).await;
    assert!(unknown.refused().contains("the API does not define `fly`"));
}
