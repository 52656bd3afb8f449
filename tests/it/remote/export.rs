//! `claimsmith export`: what it writes is what `apply` reads, and describes the tenant to the last member.

use std::collections::BTreeMap;
use std::path::Path;

use claimsmith::client::ClientAuthentication;
use serde_json::json;

use super::Person;
use crate::support::app::App;
use crate::support::manager::Manager;

/// One of everything, with members that mean something and members that are only kept.
async fn furnish(app: &App, manager: &Manager<'_>) {
    let api = json!({
        "identifier": "https://stock.example/", "name": "Stock: \"all\" of it", "token_lifetime": 600,
        "scopes": [{"value": "read:stock", "description": "Reads #stock"}, {"value": "write:stock"}],
        "enforce_policies": true, "token_dialect": "rfc9068_profile_authz", "signing_alg": "PS256",
        "subject_type_authorization": {"user": {"policy": "require_client_grant"}},
        "authorization_details": [{"type": "payment", "null": null}],
    });
    manager.post("/resource-servers", &api).await.document(201);
    let hs256 = json!({"identifier": "urn:shared", "signing_alg": "HS256"});
    manager
        .post("/resource-servers", &hs256)
        .await
        .document(201);
    let robot = json!({
        "name": "Robot", "grant_types": ["client_credentials", "implicit"], "app_type": "non_interactive",
        "client_metadata": {"yes": "no", "010": "1e3"}, "callbacks": ["https://x/?a=b#c"],
        "addons": {"deep": [[1, [2]], {"a": null}, "multi\nline"]}, "description": "- begins like a list: ",
        "jwt_configuration": {"lifetime_in_seconds": 60, "scopes": {"a": {}}},
        "refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring", "token_lifetime": 5000, "infinite_token_lifetime": false, "policies": []},
        "require_proof_of_possession": true, "resource_server_identifier": "https://stock.example/",
    });
    let robot = manager.post("/clients", &robot).await.document(201);
    let kiosk =
        json!({"name": "Kiosk", "token_endpoint_auth_method": "none", "grant_types": ["password"]});
    let kiosk = manager.post("/clients", &kiosk).await.document(201);
    for grant in [
        json!({"client_id": robot["client_id"], "audience": "https://stock.example/", "scope": ["write:stock"]}),
        json!({"client_id": robot["client_id"], "audience": app.management(), "scope": ["read:users"]}),
        json!({
            "client_id": kiosk["client_id"], "audience": "https://stock.example/", "subject_type": "user",
            "allow_all_scopes": true, "organization_usage": "allow",
        }),
    ] {
        manager.post("/client-grants", &grant).await.document(201);
    }
    let staff = json!({
        "name": "staff", "strategy": "auth0", "realms": ["staff", "people"],
        "enabled_clients": [kiosk["client_id"], manager.client_id, robot["client_id"]],
        "options": {
            "passwordPolicy": "fair", "password_dictionary": {"enable": true, "dictionary": ["acme"]},
            "requires_username": true, "customScripts": {"login": "function () {\n}\n"},
        },
        "display_name": "Staff", "metadata": {"k": "v"},
    });
    manager.post("/connections", &staff).await.document(201);
    let guests = json!({"name": "guests", "strategy": "auth0", "enabled_for_all": true});
    manager.post("/connections", &guests).await.document(201);
    let role = json!({"name": "clerk @ night", "description": ""});
    let role = manager.post("/roles", &role).await.document(200);
    let permissions = json!({"permissions": [
        {"resource_server_identifier": "https://stock.example/", "permission_name": "write:stock"},
        {"resource_server_identifier": app.management(), "permission_name": "read:users"},
        {"resource_server_identifier": "https://stock.example/", "permission_name": "read:stock"},
    ]});
    let held = format!("/roles/{}/permissions", role["id"].as_str().unwrap());
    manager.post(&held, &permissions).await.document(201);
    manager
        .put(
            "/rules-configs/TEST_EXPORT_KEY",
            &json!({"value": "s3cret-value"}),
        )
        .await
        .document(200);
    let script = json!({
        "name": "adds", "script": "function a(user, context, callback) {\n  callback(null, user, context);\n}",
        "order": 3, "enabled": false, "permissions": {"hosts": ["*.risk.example"], "allow_http": false},
    });
    manager.post("/rules", &script).await.document(201);
    let component = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/rules/extra-scope/rule.wasm"
    ));
    let component = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(component.unwrap())
    };
    let component = json!({
        "name": "Adds", "component": component, "order": 4, "on_fault": "skip", "manifest": {"name": "extra-scope", "version": "1.0.0", "on_fault": "skip"},
    });
    manager.post("/rules", &component).await.document(201);
    let word = json!({
        "name": "Wörd/of: the \"user\"", "code": "exports.onExecutePostLogin = async () => {\n};\n", "deploy": true,
        "supported_triggers": [{"id": "post-login", "version": "v2"}], "runtime": "node18-actions",
        "dependencies": [{"name": "lodash", "version": "latest"}], "on_fault": "skip",
        "secrets": [{"name": "TEST_EXPORT_KEY", "value": "s3cret-value"}],
        "permissions": {"hosts": ["risk.example"], "allow_http": true},
    });
    manager.post("/actions/actions", &word).await.document(201);
    let draft = json!({
        "name": "Draft", "supported_triggers": [{"id": "credentials-exchange"}],
        "code": "exports.onExecuteCredentialsExchange = async () => {};",
    });
    manager.post("/actions/actions", &draft).await.document(201);
    let bound = json!({"bindings": [{
        "ref": {"type": "action_name", "value": word["name"]}, "display_name": "Wörd",
    }]});
    let path = "/actions/triggers/post-login/bindings";
    manager.patch(path, &bound).await.document(200);
    let brute = json!({"max_attempts": 7, "allowlist": ["192.0.2.1", "10.0.0.0/8"]});
    let hooks = json!({
        "name": "Hooks", "type": "http", "filters": [{"type": "category", "name": "auth.login.fail"}],
        "sink": {
            "httpEndpoint": "https://hooks.example/in", "httpContentFormat": "JSONARRAY",
            "httpAuthorization": "s3cret-value", "httpCustomHeaders": [{"header": "x-key", "value": "s3cret-value"}],
        },
    });
    let hooks = manager.post("/log-streams", &hooks).await.document(200);
    let hooks = format!("/log-streams/{}", hooks["id"].as_str().unwrap());
    let paused = json!({"status": "paused"});
    manager.patch(&hooks, &paused).await.document(200);
    let path = "/attack-protection/brute-force-protection";
    manager.patch(path, &brute).await.document(200);
    let settings = json!({
        "friendly_name": "Acme: \u{2028}no", "default_audience": "https://stock.example/", "default_directory": "staff",
        "flags": {"revoke_refresh_token_grant": true, "enable_sso": true}, "enabled_locales": ["no", "en"],
    });
    manager
        .patch("/tenants/settings", &settings)
        .await
        .document(200);
}

fn read(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(read(&path));
        } else {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(path).unwrap());
        }
    }
    files
}

#[tokio::test]
async fn a_tenant_made_of_what_was_exported_exports_the_same_bytes() {
    let source = App::start().await;
    let manager = source.manager().await;
    furnish(&source, &manager).await;
    // Left out: nobody can make it anew without its keys.
    source
        .add_client(ClientAuthentication::PrivateKeyJwt, true)
        .await;
    let person = Person::who_is(&source, &manager);
    let exported = person.json(&["export", "one"], 0).await;
    assert_eq!(
        exported["left_out"].as_array().unwrap().len(),
        2,
        "{exported}"
    );
    let one = read(&person.path("one"));
    assert_eq!(one.len(), 16, "{:?}", one.keys());
    let secrets = [
        manager.secret.as_str(),
        &source.client_secret,
        "s3cret-value",
    ];
    for (name, bytes) in &one {
        let text = String::from_utf8_lossy(bytes);
        assert!(
            !secrets.iter().any(|secret| text.contains(secret)),
            "a secret in {name}"
        );
    }
    // What it describes is so.
    assert_eq!(
        person
            .steps(&["apply", "-f", "one", "--prune", "--dry-run"], 0)
            .await,
        [""; 0]
    );

    let target = App::start().await;
    let other = target.manager().await;
    let taken = person.path("one");
    let mut second = Person::who_is(&target, &other);
    second.environment = vec![("TEST_EXPORT_KEY".to_owned(), "another".to_owned())];
    let taken = taken.to_str().unwrap();
    let applied = second
        .json(&["apply", "-f", taken, "--prune", "--yes"], 0)
        .await;
    assert_eq!(applied["applied"], true, "{applied}");
    let notes = applied["notes"].as_array().unwrap();
    assert!(
        notes
            .iter()
            .all(|note| note.as_str().unwrap().contains("--secrets-to")),
        "{applied}"
    );
    second.json(&["export", "two"], 0).await;
    let two = read(&second.path("two"));
    for (name, bytes) in &one {
        let (one, two) = (
            String::from_utf8_lossy(bytes),
            String::from_utf8_lossy(&two[name]),
        );
        assert_eq!(one, two, "{name}");
    }
    assert_eq!(one.len(), two.len());
}

#[tokio::test]
async fn nothing_is_overwritten_unless_that_is_asked_for() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    person.write("out/clients.yaml", "# mine\n");
    let refused = person.run(&["export", "out"]).await;
    assert_eq!(refused.code, 64);
    assert!(
        refused.stderr.contains("clients.yaml"),
        "{}",
        refused.stderr
    );
    assert_eq!(std::fs::read_dir(person.path("out")).unwrap().count(), 1);
    assert_eq!(person.run(&["export", "out", "--force"]).await.code, 0);
    let text = std::fs::read_to_string(person.path("out/clients.yaml")).unwrap();
    assert!(text.contains("name: Till"), "{text}");
}

#[tokio::test]
async fn clients_of_one_name_are_named() {
    let app = App::start().await;
    let manager = app.manager().await;
    app.add_client(ClientAuthentication::None, true).await;
    let person = Person::who_is(&app, &manager);
    let refused = person.run(&["export", "out"]).await;
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("`Till`") && refused.stderr.contains(&app.client_id),
        "{}",
        refused.stderr
    );
    assert!(!person.path("out").exists());
}

#[tokio::test]
async fn a_large_tenant_is_read_page_by_page() {
    let app = App::start().await;
    let manager = app.manager().await;
    for number in 0..130 {
        let role = json!({"name": format!("role {number:03}")});
        manager.post("/roles", &role).await.document(200);
        let api = json!({"identifier": format!("urn:api:{number:03}")});
        manager.post("/resource-servers", &api).await.document(201);
    }
    let person = Person::who_is(&app, &manager);
    person.json(&["export", "out"], 0).await;
    let count = |file: &str, what: &str| {
        let text = std::fs::read_to_string(person.path("out").join(file)).unwrap();
        text.matches(what).count()
    };
    assert_eq!(count("roles.yaml", "name: role "), 130);
    assert_eq!(
        count("resource-servers.yaml", "identifier: "),
        131,
        "with the App's own"
    );
    assert_eq!(
        person.steps(&["apply", "-f", "out", "--dry-run"], 0).await,
        [""; 0]
    );
}
