//! `claimsmith login` and `logout`.

use claimsmith::admin::client_credentials::{self, NewCredential};
use claimsmith::client::ClientAuthentication;
use claimsmith::clock::{Clock as _, SystemClock};
use claimsmith::token::AssertionAlgorithm;
use serde_json::Value;

use super::Person;
use crate::support::app::App;
use crate::support::client_key::ClientKey;

fn logins(person: &Person) -> Vec<String> {
    let folder = person.path("config/claimsmith/logins");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| {
            let names = entries.map(|entry| entry.unwrap().file_name());
            names.map(|name| name.into_string().unwrap()).collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

fn stored(person: &Person, name: &str) -> Value {
    let path = person.path("config/claimsmith/logins").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn a_login_is_remembered_without_the_secret_and_for_its_owner_only() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut person = Person::at(&app);
    let none = person.run(&["export", "before"]).await;
    assert_eq!(none.code, 64, "{}", none.stderr);
    assert!(
        none.stderr.contains("claimsmith login --server URL"),
        "{}",
        none.stderr
    );

    // The secret is in the environment of this one command.
    person.environment = vec![(
        "CLAIMSMITH_CLIENT_SECRET".to_owned(),
        manager.secret.clone(),
    )];
    let login = [
        "login",
        "--server",
        &app.issuer,
        "--client-id",
        &manager.client_id,
    ];
    let document = person.json(&login, 0).await;
    assert_eq!(document["issuer"], app.issuer);
    assert!(!document.to_string().contains(&manager.secret));
    person.environment.clear();

    let names = logins(&person);
    assert_eq!(names.len(), 1, "{names:?}");
    let profile = stored(&person, &names[0]);
    assert_eq!(profile["client_id"], manager.client_id);
    assert!(
        !profile.to_string().contains(&manager.secret),
        "the secret is not kept"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| {
            let metadata = std::fs::metadata(person.path(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        let file = format!("config/claimsmith/logins/{}", names[0]);
        assert_eq!(mode("config/claimsmith/logins"), 0o700);
        assert_eq!(mode(&file), 0o600);
        // Who opens it up is told, and the token is not used.
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(person.path(&file), open).unwrap();
        let refused = person.run(&["export", "opened"]).await;
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
        let shut = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(person.path(&file), shut).unwrap();
    }

    // Neither server nor client need be said again.
    assert_eq!(person.run(&["export", "after"]).await.code, 0);
    // A second login makes the choice one that must be said.
    person.environment = vec![(
        "CLAIMSMITH_CLIENT_SECRET".to_owned(),
        manager.secret.clone(),
    )];
    person
        .json(&[login.as_slice(), &["--profile", "second"]].concat(), 0)
        .await;
    person.environment.clear();
    let which = person.run(&["export", "which"]).await;
    assert_eq!(which.code, 64);
    assert!(which.stderr.contains("--profile"), "{}", which.stderr);
    assert_eq!(
        person
            .run(&["export", "named", "--profile", "second"])
            .await
            .code,
        0
    );

    let out = person.json(&["logout", "--profile", "second"], 0).await;
    assert_eq!(out["forgotten"], serde_json::json!(["second"]));
    assert_eq!(logins(&person), names);
    assert_eq!(person.run(&["logout"]).await.code, 0);
    assert!(logins(&person).is_empty());
    assert_eq!(person.run(&["logout"]).await.code, 64);
}

#[tokio::test]
async fn a_login_that_ended_is_renewed_with_the_secret_if_that_is_kept() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::at(&app);
    let log_in = async |more: &[&str]| {
        let start = [
            "login",
            "--server",
            &app.issuer,
            "--client-id",
            &manager.client_id,
        ];
        let mut command = person.command(&[&start, more].concat());
        command.env("CLAIMSMITH_CLIENT_SECRET", &manager.secret);
        let done = tokio::task::spawn_blocking(move || command.output().unwrap());
        assert!(done.await.unwrap().status.success());
    };
    // The file, as it is when the token has ended.
    let end = || {
        let name = &logins(&person)[0];
        let mut profile = stored(&person, name);
        profile["expires_at"] = 0.into();
        profile["token"] = "ended".into();
        std::fs::write(
            person.path("config/claimsmith/logins").join(name),
            profile.to_string(),
        )
        .unwrap();
    };
    log_in(&[]).await;
    end();
    let ended = person.run(&["export", "one"]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("has ended"), "{}", ended.stderr);

    log_in(&["--keep-secret"]).await;
    assert_eq!(
        stored(&person, &logins(&person)[0])["client_secret"],
        manager.secret
    );
    end();
    assert_eq!(person.run(&["export", "two"]).await.code, 0);
    assert_ne!(
        stored(&person, &logins(&person)[0])["token"],
        "ended",
        "the new one is kept"
    );
}

#[tokio::test]
async fn a_private_key_logs_in_and_is_not_copied() {
    let app = App::start().await;
    // The command has the machine's clock, and what it signs is good for a minute.
    app.clock.set(SystemClock.now());
    for (key, alg) in [
        (ClientKey::p256(), AssertionAlgorithm::ES256),
        (ClientKey::p384(), AssertionAlgorithm::ES384),
        (ClientKey::rsa(), AssertionAlgorithm::RS256),
    ] {
        let by_key = ClientAuthentication::PrivateKeyJwt;
        let (client_id, _) = app.add_client(by_key, true).await;
        let new = NewCredential {
            public_key: key.pem(),
            alg: Some(alg),
            name: None,
            kid: None,
            expires_at: None,
        };
        client_credentials::add(&app.server, &app.tenant, &client_id, new)
            .await
            .unwrap();
        app.grant_management(&client_id, None).await;
        let person = Person::at(&app);
        person.write("key.pem", key.private_pem());
        let login = [
            "login",
            "--server",
            &app.issuer,
            "--client-id",
            &client_id,
            "--private-key",
            "key.pem",
        ];
        let done = person.run(&login).await;
        assert_eq!(done.code, 0, "{}", done.stderr);
        let profile = stored(&person, &logins(&person)[0]);
        assert!(
            profile["private_key"]
                .as_str()
                .unwrap()
                .ends_with("key.pem")
        );
        assert!(!profile.to_string().contains("PRIVATE KEY"));
        // The token works: its client and two others of its name are there.
        let refused = person.run(&["export", "out"]).await;
        let same = refused.stderr.contains("these have one together");
        assert!(refused.code == 0 || same, "{}", refused.stderr);
    }
}

#[tokio::test]
async fn a_wrong_secret_and_a_missing_one_are_said_and_nothing_is_written() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut person = Person::at(&app);
    let login = [
        "login",
        "--server",
        &app.issuer,
        "--client-id",
        &manager.client_id,
    ];
    let missing = person.run(&login).await;
    assert_eq!(missing.code, 64);
    assert!(
        missing.stderr.contains("--secret-stdin"),
        "{}",
        missing.stderr
    );
    person.environment = vec![("CLAIMSMITH_CLIENT_SECRET".to_owned(), "wrong".to_owned())];
    let wrong = person.run(&login).await;
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("401"), "{}", wrong.stderr);
    let away = person
        .run(&[
            "login",
            "--server",
            "http://acme.example/",
            "--client-id",
            "x",
        ])
        .await;
    assert_eq!(away.code, 64, "{}", away.stderr);
    let strange = person
        .run(&[login.as_slice(), &["--profile", "../x"]].concat())
        .await;
    assert_ne!(strange.code, 0);
    assert!(logins(&person).is_empty());
}
