//! `/.well-known/…`: metadata and keys.

use serde_json::{Value, json};

use crate::support::app::{Answer, App};

#[tokio::test]
async fn metadata_is_the_same_at_both_addresses_and_names_only_what_answers() {
    let app = App::start().await;
    let openid = app.get("/.well-known/openid-configuration").await;
    let oauth = app.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(openid.body, oauth.body);
    assert_eq!(openid.body["issuer"], json!(app.issuer));
    let endpoints: Vec<(&String, &Value)> = openid
        .body
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"))
        .collect();
    assert_eq!(endpoints.len(), 5);
    for (name, url) in endpoints {
        let path = url
            .as_str()
            .unwrap()
            .strip_prefix(app.issuer.trim_end_matches('/'))
            .unwrap();
        let status = app.get(path).await.status;
        assert_ne!(status, 404, "{name} {path}");
    }
}

#[tokio::test]
async fn a_forged_host_does_not_reach_the_metadata() {
    let app = App::start().await;
    let forged = app
        .http()
        .get(app.url("/.well-known/openid-configuration"))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example");
    let answer = Answer::read(forged.send().await.unwrap()).await;
    assert!(!answer.body.to_string().contains("evil"));
}

#[tokio::test]
async fn the_key_set_has_public_members_only_and_distinct_kids() {
    let app = App::start().await;
    let answer = app.get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let keys = answer.body["keys"].as_array().unwrap();
    let algorithms: Vec<&str> = keys
        .iter()
        .map(|key| key["alg"].as_str().unwrap())
        .collect();
    assert_eq!(algorithms, ["RS256", "PS256", "ES256", "EdDSA"]);
    let mut kids: Vec<&str> = keys
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect();
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), 4);
    for key in keys {
        assert_eq!(key["use"], json!("sig"));
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert_eq!(key.get(private), None);
        }
    }
}
