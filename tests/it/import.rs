//! Users from elsewhere, with their hashes (contract, section 7.7).

use claimsmith::admin::tenants::FIRST_CONNECTION;
use claimsmith::admin::users::import::{self, ImportError, Imported};
use serde_json::{Value, json};

use crate::support::app::{App, EMAIL};

const BCRYPT: &str = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

async fn user(app: &App, document: &Value, upsert: bool) -> Result<Imported, (String, String)> {
    let imported = import::user(&app.server, &app.tenant, FIRST_CONNECTION, document, upsert);
    match imported.await {
        Ok(imported) => Ok(imported),
        Err(ImportError::Refused(problem)) => Err((problem.code.to_owned(), problem.path)),
        Err(failed) => panic!("{failed}"),
    }
}

#[tokio::test]
async fn an_imported_user_logs_in_with_the_old_password() {
    let app = App::start().await;
    let document = json!({
        "email": "grace@acme.example", "username": "grace", "user_id": "auth0|old-1",
        "email_verified": true, "given_name": "Grace", "password_hash": BCRYPT,
        "app_metadata": {"plan": "gold"},
    });
    assert_eq!(user(&app, &document, false).await, Ok(Imported::Inserted));
    for name in ["grace", "GRACE@acme.example", "grace"] {
        let login = app.request().with("username", name).with("password", "U*U");
        login.send().await.access_token();
    }
    let login = app
        .request()
        .with("username", "grace")
        .with("password", "U*V");
    assert_eq!(login.send().await.status, 403);
    // The same again is a duplicate; with upsert it is the hash that is out of place by now.
    let duplicate = user(&app, &document, false).await.unwrap_err();
    assert_eq!(duplicate, ("DUPLICATED_USER".into(), "email".into()));
    let (code, _) = user(&app, &document, true).await.unwrap_err();
    assert_eq!(code, "NOT_PASSED");
    let document = json!({"email": "grace@acme.example", "app_metadata": {"size": 1}});
    assert_eq!(user(&app, &document, true).await, Ok(Imported::Updated));
    let found = claimsmith::admin::users::find(&app.server, &app.tenant, FIRST_CONNECTION, "grace");
    let found = found.await.unwrap().unwrap();
    assert_eq!(found.user_id, "auth0|old-1");
    assert_eq!(found.given_name.as_deref(), Some("Grace"));
    assert_eq!(Value::from(found.app_metadata.unwrap()), json!({"size": 1}));
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_named_and_nothing_is_stored() {
    let app = App::start().await;
    let hash = json!({"algorithm": "bcrypt", "hash": {"value": BCRYPT.replace("$05$", "$20$")}});
    for (document, code, path) in [
        (json!([]), "INVALID_TYPE", ""),
        (json!({}), "OBJECT_REQUIRED", "email"),
        (json!({"email": 1}), "INVALID_TYPE", "email"),
        (json!({"email": "x"}), "FORMAT", "email"),
        (json!({"email": ""}), "MIN_LENGTH", "email"),
        (json!({"email": "a b@c"}), "FORMAT", "email"),
        (
            json!({"email": format!("{}@c", "x".repeat(400))}),
            "MAX_LENGTH",
            "email",
        ),
        (
            json!({"email": "a@c", "admin": true}),
            "NOT_PASSED",
            "admin",
        ),
        (
            json!({"email": "a@c", "blocked": "no"}),
            "INVALID_TYPE",
            "blocked",
        ),
        (
            json!({"email": "a@c", "app_metadata": 1}),
            "INVALID_TYPE",
            "app_metadata",
        ),
        (
            json!({"email": "a@c", "mfa_factors": []}),
            "MFA_FACTORS_FAILED",
            "mfa_factors",
        ),
        (
            json!({"email": "a@c", "password_hash": "x"}),
            "FORMAT",
            "password_hash",
        ),
        (
            json!({"email": "a@c", "custom_password_hash": hash}),
            "MAXIMUM",
            "custom_password_hash.hash.value",
        ),
        (
            json!({"email": "a@c", "password_hash": BCRYPT, "custom_password_hash": hash}),
            "NOT_PASSED",
            "password_hash",
        ),
        (
            json!({"email": "a@c", "app_metadata": {"x": "x".repeat(200_000)}}),
            "MAX_LENGTH",
            "",
        ),
        (
            json!({"email": "new@acme.example", "username": EMAIL}),
            "CONFLICT",
            "",
        ),
    ] {
        let problem = user(&app, &document, false).await.unwrap_err();
        assert_eq!(problem, (code.to_owned(), path.to_owned()), "{document}");
    }
    let users = claimsmith::admin::users::list(&app.server, &app.tenant).await;
    assert_eq!(users.unwrap().len(), 1);
    let document = json!({"email": "a@c"});
    let nowhere = import::user(&app.server, &app.tenant, "nowhere", &document, false);
    assert!(
        matches!(nowhere.await, Err(ImportError::Refused(problem)) if problem.code == "CONNECTION_NOT_FOUND")
    );
}
