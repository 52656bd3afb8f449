//! `/api/v2/exchanges` and `/api/v2/recordings`: who set what.

use claimsmith::admin::recordings;
use claimsmith::api::TokenDialect;
use claimsmith::recording::RecordingSettings;
use claimsmith::rule_host::OnFault;
use claimsmith::token::SigningAlgorithm;
use serde_json::{Value, json};

use crate::rule_host::guest::{Effect, denying, returning};
use crate::support::app::{App, EMAIL};

#[tokio::test]
async fn the_jti_of_a_token_leads_to_the_rule_version_that_set_each_claim() {
    let app = App::start().await;
    let manager = app.manager().await;
    let api = "https://at.example/";
    app.add_api(api, SigningAlgorithm::RS256, TokenDialect::Rfc9068Profile)
        .await;
    let rule = returning(&[
        Effect::SetAccessClaim("https://acme.example/tier", r#""gold""#),
        Effect::AddScope("extra:orders"),
    ]);
    app.bind_rule("tiers", rule, OnFault::Deny).await;
    let answer = app.request().with("audience", api).send().await;
    let (_, claims) = app.verify(answer.access_token(), api).await;
    let jti = claims["jti"].as_str().unwrap();

    let found = manager
        .get(&format!("/exchanges/{jti}"))
        .await
        .document(200);
    assert_eq!(found["id"], jti);
    assert_eq!(
        (&found["outcome"], &found["type"]),
        (&json!("issued"), &json!("sepft"))
    );
    assert_eq!(
        (&found["user_id"], &found["audience"]),
        (&json!(app.user.user_id), &json!(api))
    );
    assert_eq!(
        found["provenance"],
        json!([
            { "kind": "claim", "name": "https://acme.example/tier", "rule": "tiers", "version": 1 },
            { "kind": "scope", "name": "extra:orders", "rule": "tiers", "version": 1 },
        ])
    );
    let rule = &found["rules"][0];
    assert_eq!(
        (&rule["rule"], &rule["version"]),
        (&json!("tiers"), &json!(1))
    );
    assert_eq!(rule["outcome"], json!({ "kind": "allowed" }));
    assert!(rule["fuel"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn exchanges_are_listed_newest_first_and_by_client_user_rule_and_outcome() {
    let app = App::start().await;
    let manager = app.manager().await;
    app.later(1);
    app.request().send().await.access_token();
    app.later(1);
    app.bind_rule("wall", denying(Some("access_denied"), "no"), OnFault::Deny)
        .await;
    assert_eq!(app.request().send().await.status, 403);
    let list = async |query: &str| {
        let answer = manager
            .get(&format!("/exchanges?{query}"))
            .await
            .document(200);
        let list = answer.as_array().unwrap().clone();
        list.iter()
            .map(|one| one["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list("").await, ["fepft", "sepft", "seccft"]);
    assert_eq!(list("outcome=refused").await, ["fepft"]);
    assert_eq!(list("rule=wall").await, ["fepft"]);
    assert_eq!(
        list(&format!("client_id={}", manager.client_id)).await,
        ["seccft"]
    );
    let user = app.user.user_id.replace('|', "%7C");
    assert_eq!(
        list(&format!("user_id={user}&outcome=issued")).await,
        ["sepft"]
    );
    let page = manager.get("/exchanges?take=2").await.document(200);
    let next = page["next"].as_str().unwrap();
    let rest = manager
        .get(&format!("/exchanges?take=2&from={next}"))
        .await
        .document(200);
    assert_eq!(rest["exchanges"][0]["type"], "seccft");
    assert_eq!(rest.get("next"), None);
}

#[tokio::test]
async fn what_is_no_exchange_is_not_found() {
    let app = App::start().await;
    let manager = app.manager().await;
    for id in [
        "x",
        "00000000000000ffffffff",
        "%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4",
        "%00",
    ] {
        let answer = manager.get(&format!("/exchanges/{id}")).await;
        assert_eq!(
            answer.refused(),
            "404 inexistent_exchange: The exchange does not exist",
            "{id}"
        );
    }
    let answer = manager.get("/exchanges/%FF").await;
    assert!(answer.refused().starts_with("400 invalid_uri: "));
}

#[tokio::test]
async fn recordings_and_the_rules_that_ran_come_over_http_as_they_are_stored() {
    let app = App::start().await;
    let manager = app.manager().await;
    let settings = RecordingSettings {
        keep: 3,
        redact: vec!["/user/email".to_owned()],
    };
    recordings::set(&app.server, &app.tenant, Some(settings))
        .await
        .unwrap();
    let component = returning(&[]);
    app.bind_rule("quiet", component.clone(), OnFault::Deny)
        .await;
    for _ in 0..3 {
        app.request().send().await.access_token();
    }
    let first = manager.get("/recordings?take=2").await.document(200);
    assert_eq!(first["recordings"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    let rest = manager
        .get(&format!("/recordings?from={next}"))
        .await
        .document(200);
    let stored = recordings::list(&app.server, &app.tenant).await.unwrap();
    let served = [&first["recordings"], &rest["recordings"]];
    let served: Vec<Value> = served
        .iter()
        .flat_map(|part| part.as_array().unwrap().clone())
        .collect();
    assert_eq!(served.len(), 3);
    for recorded in stored {
        assert!(served.contains(&json!(recorded)));
    }
    assert!(!json!(served).to_string().contains(EMAIL));

    let version = manager.get("/rule-versions/quiet/1").await.document(200);
    assert_eq!(
        (&version["version"], &version["size"]),
        (&json!(1), &json!(component.len()))
    );
    let versions = manager.get("/rule-versions/quiet").await.document(200);
    assert_eq!(versions, json!([version]));
    let bytes = app
        .http()
        .get(app.url("/api/v2/rule-versions/quiet/1/component"))
        .header("host", "acme.localhost")
        .bearer_auth(&manager.token);
    let bytes = bytes.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes, component);
    for path in [
        "/rules/quiet/versions/2",
        "/rules/quiet/versions/x",
        "/rules/loud/versions",
    ] {
        assert_eq!(manager.get(path).await.status, 404, "{path}");
    }
}

/// The same folder as from the data directory, which nobody else can open while the server runs.
#[tokio::test]
async fn a_running_server_s_exchanges_are_pulled_by_the_command_line_and_reproduced() {
    let app = App::start().await;
    let settings = RecordingSettings {
        keep: 30,
        redact: Vec::new(),
    };
    recordings::set(&app.server, &app.tenant, Some(settings))
        .await
        .unwrap();
    let component = returning(&[Effect::AddScope("extra:orders")]);
    app.bind_rule("adds scopes", component.clone(), OnFault::Deny)
        .await;
    for _ in 0..25 {
        app.request().send().await.access_token();
    }
    app.grant_client_management(&["read:exchanges", "read:rules"])
        .await;
    let folder = tempfile::tempdir().unwrap();
    let run = async |arguments: &[&str], secret: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_claimsmith"));
        command
            .current_dir(folder.path())
            .args(arguments)
            .arg("--json");
        command.env_remove("CLAIMSMITH_CLIENT_SECRET");
        if let Some(secret) = secret {
            command.env("CLAIMSMITH_CLIENT_SECRET", secret);
        }
        let done = tokio::task::spawn_blocking(move || command.output().unwrap());
        let done = done.await.unwrap();
        let text =
            String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap();
        (done.status.code().unwrap(), text)
    };
    let pull = [
        "rule",
        "pull-exchanges",
        "pulled",
        "--server",
        &app.issuer,
        "--client-id",
        &app.client_id,
    ];
    let (code, text) = run(&pull, None).await;
    assert_eq!(
        (code, text.contains("CLAIMSMITH_CLIENT_SECRET")),
        (64, true),
        "{text}"
    );
    let (code, text) = run(&pull, Some("wrong")).await;
    assert_eq!(
        (code, text.contains("Client authentication failed")),
        (1, true),
        "{text}"
    );
    let (code, text) = run(&pull, Some(&app.client_secret)).await;
    assert_eq!(code, 0, "{text}");
    // The client's own exchange has no recorded rules, but is recorded like the others.
    let files = std::fs::read_dir(folder.path().join("pulled/exchanges")).unwrap();
    assert!(files.count() >= 25);
    let rule = folder.path().join("pulled/rules/adds scopes@1");
    let pulled: Vec<_> = std::fs::read_dir(&rule)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(std::fs::read(&pulled[0]).unwrap(), component);
    let (code, text) = run(&["rule", "replay", "pulled"], None).await;
    assert_eq!(code, 0, "{text}");

    let elsewhere = [
        "rule",
        "pull-exchanges",
        "x",
        "--server",
        "http://acme.example/",
        "--client-id",
        "x",
    ];
    let (code, text) = run(&elsewhere, Some("secret")).await;
    assert_eq!((code, text.contains("use https")), (64, true), "{text}");
}
