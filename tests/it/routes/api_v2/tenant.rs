//! `/api/v2/tenants/settings`, `/keys/signing`, `/attack-protection` and `/user-blocks`.

use serde_json::{Value, json};

use crate::support::app::{API, App, EMAIL};

#[tokio::test]
async fn settings_that_count_do_and_others_are_kept() {
    let app = App::start().await;
    let manager = app.manager().await;
    let before = manager.get("/tenants/settings").await.document(200);
    assert_eq!(
        before["default_directory"],
        "Username-Password-Authentication"
    );
    assert_eq!(
        before["flags"],
        json!({ "revoke_refresh_token_grant": false })
    );
    let change = json!({
        "default_audience": API, "friendly_name": "Acme", "session_lifetime": 72,
        "flags": { "revoke_refresh_token_grant": true, "enable_pipeline2": true },
    });
    let after = manager
        .patch("/tenants/settings", &change)
        .await
        .document(200);
    assert_eq!(
        (&after["friendly_name"], &after["session_lifetime"]),
        (&json!("Acme"), &json!(72))
    );
    assert_eq!(
        after["flags"],
        json!({ "revoke_refresh_token_grant": true, "enable_pipeline2": true })
    );
    let answer = app.request().send().await;
    app.verify(answer.access_token(), API).await;
    let less = json!({ "default_audience": "", "session_lifetime": null, "flags": { "enable_sso": true } });
    let less = manager
        .patch("/tenants/settings", &less)
        .await
        .document(200);
    assert_eq!(
        (&less["default_audience"], less.get("session_lifetime")),
        (&json!(""), None)
    );
    assert_eq!(
        less["flags"]["enable_pipeline2"], true,
        "flags that are not named stay"
    );
    for (body, expected) in [
        (
            json!({ "default_audience": "https://nobody.example/" }),
            "404 inexistent_resource_server: ",
        ),
        (
            json!({ "default_token_quota": {} }),
            "400 operation_not_supported: ",
        ),
        (
            json!({ "flags": { "strange": true } }),
            "400 invalid_body: Payload validation error: 'Additional properties not allowed: strange' on property flags",
        ),
    ] {
        let refused = manager.patch("/tenants/settings", &body).await.refused();
        assert!(refused.starts_with(expected), "{refused}");
    }
    let some = manager
        .get("/tenants/settings?fields=friendly_name")
        .await
        .document(200);
    assert_eq!(some, json!({ "friendly_name": "Acme" }));
}

#[tokio::test]
async fn keys_are_listed_rotated_and_revoked() {
    let app = App::start().await;
    let manager = app.manager().await;
    claimsmith::admin::keys::tend(&app.server).await.unwrap();
    let keys = manager.get("/keys/signing").await.document(200);
    let of = |keys: &Value, state: &str| {
        let keys = keys.as_array().unwrap().iter();
        let mut found = keys.filter(|key| key["alg"] == "RS256" && key[state] == true);
        found.next().unwrap()["kid"].as_str().unwrap().to_owned()
    };
    let (current, next) = (of(&keys, "current"), of(&keys, "next"));
    let early = manager.post("/keys/signing/rotate", &json!({})).await;
    assert_eq!(early.status, 400, "{early:?}");
    app.later(1_000);
    let rotated = manager
        .post("/keys/signing/rotate", &json!({}))
        .await
        .document(201);
    assert_eq!(rotated["kid"], json!(next));
    let path = format!("/keys/signing/{current}");
    assert_eq!(manager.get(&path).await.document(200)["previous"], true);
    // The manager's own token was signed by it.
    let revoked = manager
        .put(&format!("{path}/revoke"), &json!({}))
        .await
        .document(200);
    assert_eq!(revoked["revoked"], true);
    assert_eq!(manager.get("/keys/signing").await.status, 401);
}

#[tokio::test]
async fn guessing_is_stopped_as_set_and_blocks_are_seen_and_lifted() {
    let app = App::start().await;
    let manager = app.manager().await;
    let path = "/attack-protection/brute-force-protection";
    let before = manager.get(path).await.document(200);
    assert_eq!(
        before,
        json!({
            "enabled": true, "shields": ["block", "user_notification"],
            "mode": "count_per_identifier_and_ip", "allowlist": [], "max_attempts": 10,
        })
    );
    let change = json!({ "max_attempts": 1, "allowlist": ["192.0.2.1", "2001:db8::/32"] });
    let after = manager.patch(path, &change).await.document(200);
    assert_eq!(after["allowlist"], json!(["192.0.2.1", "2001:db8::/32"]));
    assert_eq!(after["mode"], "count_per_identifier_and_ip");
    let wrong = || app.request().with("password", "wrong").send();
    wrong().await;
    assert_eq!(wrong().await.text("error"), "too_many_attempts");

    let by_name = format!("/user-blocks?identifier={}", EMAIL.replace('@', "%40"));
    let by_id = format!("/user-blocks/{}", app.user.user_id.replace('|', "%7C"));
    for path in [&by_name, &by_id] {
        let blocks = manager.get(path).await.document(200);
        assert_eq!(blocks["blocked_for"][0]["ip"], "127.0.0.1", "{path}");
        assert_eq!(
            app.request().send().await.text("error"),
            "too_many_attempts"
        );
        manager.delete(path).await.document(204);
        assert_eq!(
            manager.get(path).await.document(200),
            json!({ "blocked_for": [] })
        );
        app.request().send().await.access_token();
        wrong().await;
        wrong().await;
    }
    let bad = manager.patch(path, &json!({ "allowlist": ["here"] })).await;
    assert_eq!(bad.status, 400, "{bad:?}");
    let ip = "/attack-protection/suspicious-ip-throttling";
    let stage = json!({ "stage": { "pre-login": { "max_attempts": 5, "rate": 1000 } } });
    let changed = manager.patch(ip, &stage).await.document(200);
    assert_eq!(
        changed["stage"]["pre-login"],
        json!({ "max_attempts": 5, "rate": 1000 })
    );
    assert_eq!(
        changed["stage"]["pre-user-registration"]["max_attempts"],
        50
    );
}
