//! `claimsmith rule push, deploy, rollback, diff, versions` against a running server.

use base64::Engine as _;
use serde_json::json;

use super::Person;
use super::meanwhile::Meanwhile;
use crate::support::app::{API, App};

fn script(claim: &str) -> String {
    format!(
        "function rule(user, context, callback) {{\n  context.accessToken['https://acme.example/v'] = '{claim}';\n  callback(null, user, context);\n}}\n"
    )
}

#[tokio::test]
async fn a_rule_is_pushed_put_to_use_compared_and_taken_back() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    person.write("greets/rule.js", script("one"));
    let first = person
        .json(&["rule", "push", "greets", "--note", "the first"], 0)
        .await;
    assert_eq!(first["version"]["version"], 1, "{first}");
    let claim = async || {
        let token = app
            .request()
            .with("audience", API)
            .send()
            .await
            .access_token()
            .to_owned();
        let payload = token.split('.').nth(1).unwrap().to_owned();
        let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
        let payload: serde_json::Value = serde_json::from_slice(&payload.unwrap()).unwrap();
        payload["https://acme.example/v"].clone()
    };
    assert_eq!(claim().await, json!(null), "it is there, and does not run");
    let done = person.run(&["rule", "deploy", "greets"]).await;
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (0, "greets@1 runs\n"),
        "{}",
        done.stderr
    );
    assert_eq!(claim().await, "one");

    // What is on the disk and what runs.
    assert_eq!(
        person.run(&["rule", "diff", "greets", "greets"]).await.code,
        0
    );
    person.write("greets/rule.js", script("two"));
    let differs = person.run(&["rule", "diff", "greets", "greets"]).await;
    assert_eq!(differs.code, 5, "{}", differs.stderr);
    assert!(
        differs
            .stdout
            .contains("-  context.accessToken['https://acme.example/v'] = 'one';"),
        "{}",
        differs.stdout
    );
    assert!(
        differs
            .stdout
            .contains("+  context.accessToken['https://acme.example/v'] = 'two';"),
        "{}",
        differs.stdout
    );

    let second = person
        .json(
            &[
                "rule",
                "push",
                "greets/rule.js",
                "--name",
                "greets",
                "--deploy",
            ],
            0,
        )
        .await;
    assert_eq!(second["rule"]["version"], 2, "{second}");
    assert_eq!(claim().await, "two");
    let versions = person.json(&["rule", "diff", "greets", "1", "2"], 5).await;
    assert!(
        versions["source"].as_str().unwrap().contains("'two'"),
        "{versions}"
    );
    assert_eq!(
        person.json(&["rule", "diff", "greets", "2", "2"], 0).await["same"],
        true
    );

    let back = person.run(&["rule", "rollback", "greets"]).await;
    assert_eq!(
        (back.code, back.stdout.as_str()),
        (0, "greets@1 runs again\n"),
        "{}",
        back.stderr
    );
    assert_eq!(claim().await, "one");
    person.json(&["rule", "deploy", "greets@2"], 0).await;
    assert_eq!(claim().await, "two");

    let list = person.json(&["rule", "versions", "greets"], 0).await;
    let of = |name: &str| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|one| one[name].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("version"), [json!(1), json!(2)]);
    assert_eq!(of("note"), [json!("the first"), json!(null)]);
    assert_eq!(of("author")[0], manager.client_id);
}

#[tokio::test]
async fn what_cannot_be_pushed_or_found_is_said() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    person.write("broken.js", "function (");
    let broken = person.run(&["rule", "push", "broken.js"]).await;
    assert_eq!(broken.code, 1);
    assert!(broken.stderr.contains("400"), "{}", broken.stderr);
    for arguments in [
        &["rule", "deploy", "nobody"][..],
        &["rule", "rollback", "nobody"],
        &["rule", "versions", "nobody"],
        &["rule", "diff", "nobody", "1", "2"],
        &["rule", "diff", "nobody", "broken.js"],
        &["rule", "diff", "nobody", "no-such-file"],
    ] {
        let refused = person.run(arguments).await;
        assert!(
            refused.code == 1 || refused.code == 64,
            "{arguments:?}: {}",
            refused.stderr
        );
        assert!(
            refused.stderr.starts_with("error: "),
            "{arguments:?}: {}",
            refused.stderr
        );
    }
}

#[tokio::test]
async fn what_a_busy_server_refuses_is_asked_again_and_in_the_end_given_up() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut person = Person::who_is(&app, &manager);
    person.write("greets/rule.js", script("one"));
    let relay = Meanwhile::start(&person.server).await;
    person.server = relay.url.clone();
    let push = "POST /api/v2/rule-versions/greets";
    relay.refuse(push, 2);
    let pushed = person.json(&["rule", "push", "greets"], 0).await;
    assert_eq!(pushed["version"]["version"], 1, "{pushed}");
    assert_eq!(relay.to_refuse(), 0);

    relay.refuse(push, 100);
    person.write("greets/rule.js", script("two"));
    let refused = person.run(&["rule", "push", "greets"]).await;
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("no time at all"),
        "{}",
        refused.stderr
    );
    assert_eq!(relay.to_refuse(), 95);
    let versions = manager.get("/rule-versions/greets").await.document(200);
    assert_eq!(versions.as_array().unwrap().len(), 1);
}
