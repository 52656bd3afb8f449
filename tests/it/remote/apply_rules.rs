//! `claimsmith apply` on rules: new versions, their order, and changes of others meanwhile.

use serde_json::{Value, json};

use super::Person;
use super::meanwhile::Meanwhile;
use crate::support::app::App;
use crate::support::manager::Manager;

fn script(what: &str) -> String {
    format!(
        "function rule(user, context, callback) {{ /* {what} */ callback(null, user, context); }}"
    )
}

async fn order(manager: &Manager<'_>) -> Vec<(String, u64)> {
    let rules = manager.get("/rules").await.document(200);
    let rules = rules.as_array().unwrap().iter();
    rules
        .map(|rule| {
            let name = rule["name"].as_str().unwrap().to_owned();
            (name, rule["order"].as_u64().unwrap())
        })
        .collect()
}

fn rules(person: &Person, rules: &[(&str, u64)]) {
    let mut text = "rules:\n".to_owned();
    for (name, order) in rules {
        person.write(&format!("acme/{name}.js"), script(name));
        text.push_str(&format!(
            "  - {{ name: {name}, script: {name}.js, order: {order} }}\n"
        ));
    }
    person.write("acme/rules.yaml", text);
}

#[tokio::test]
async fn rules_change_places_whatever_is_in_the_way() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    let apply = ["apply", "-f", "acme", "--yes", "--prune"];
    for wanted in [
        &[("a", 1), ("b", 2), ("c", 3)][..],
        &[("a", 2), ("b", 3), ("c", 4)],
        &[("a", 3), ("b", 4), ("c", 2)],
        &[("c", 2), ("d", 3)],
        &[("e", 2), ("d", 3)],
    ] {
        rules(&person, wanted);
        let done = person.json(&apply, 0).await;
        assert_eq!(done["notes"], json!([]), "{done}");
        let now = order(&manager).await;
        let wanted: std::collections::BTreeMap<u64, &str> =
            wanted.iter().map(|(name, order)| (*order, *name)).collect();
        let wanted: Vec<(String, u64)> = wanted
            .iter()
            .map(|(order, name)| ((*name).to_owned(), *order))
            .collect();
        assert_eq!(now, wanted);
        assert_eq!(person.json(&apply, 0).await["steps"], json!([]));
    }
    // Without --prune the one that is in the way stays, and is named.
    rules(&person, &[("f", 3)]);
    let refused = person.run(&["apply", "-f", "acme", "--yes"]).await;
    assert_eq!(refused.code, 3);
    assert!(
        refused.stderr.contains("rule `d` has the place 3"),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn a_changed_script_or_manifest_is_a_new_version_and_an_unchanged_one_none() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    rules(&person, &[("a", 1)]);
    let apply = ["apply", "-f", "acme", "--yes"];
    person.json(&apply, 0).await;
    let version = async || {
        let rules = manager.get("/rules").await.document(200);
        rules[0]["version"].clone()
    };
    person.write("acme/a.js", script("another"));
    let done = person.json(&apply, 0).await;
    assert_eq!(done["steps"][0]["changes"][0]["member"], "script", "{done}");
    assert_eq!(version().await, 2);
    assert_eq!(person.json(&apply, 0).await["steps"], json!([]));
    assert_eq!(version().await, 2);

    let component = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/rules/extra-scope/rule.wasm"
    ));
    person.write("acme/extra.wasm", component.unwrap());
    person.write(
        "acme/rules.yaml",
        "rules:\n  - { name: extra, component: extra.wasm, order: 2, manifest: { name: extra, version: '1', on_fault: skip } }\n",
    );
    person.json(&apply, 0).await;
    assert_eq!(person.json(&apply, 0).await["steps"], json!([]));
    person.write(
        "acme/rules.yaml",
        "rules:\n  - { name: extra, component: extra.wasm, order: 2, manifest: { name: extra, version: '1', on_fault: deny } }\n",
    );
    let plan = person.json(&["apply", "-f", "acme", "--dry-run"], 5).await;
    assert_eq!(
        plan["steps"][0]["changes"][0]["member"], "manifest",
        "{plan}"
    );
    person.json(&apply, 0).await;
    let extra = manager.get("/rule-versions/extra/2").await.document(200);
    assert_eq!(extra["manifest"]["on_fault"], "deny");
    assert_eq!(person.json(&apply, 0).await["steps"], json!([]));
}

#[tokio::test]
async fn a_rule_that_does_not_load_stops_it_with_the_servers_reason() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    rules(&person, &[("a", 1)]);
    person.write("acme/a.js", "function (");
    let stopped = person.json(&["apply", "-f", "acme", "--yes"], 1).await;
    assert!(
        stopped["failure"].as_str().unwrap().contains("400"),
        "{stopped}"
    );
    let none: Vec<(String, u64)> = Vec::new();
    assert_eq!(order(&manager).await, none);
}

/// Between the plan and its application somebody else changes what the plan would: it is not written over.
#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_not_written_over() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut person = Person::who_is(&app, &manager);
    rules(&person, &[("a", 1), ("b", 2)]);
    let apply = ["apply", "-f", "acme", "--yes", "--json"];
    assert_eq!(person.run(&apply).await.code, 0);

    person.write(
        "acme/rules.yaml",
        "rules: [{ name: b, script: b.js, enabled: false }]\n",
    );
    let id = manager.get("/rules").await.document(200)[1]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let relay = Meanwhile::start(&person.server).await;
    person.server.clone_from(&relay.url);
    // It lists rules to plan, and reads the one again when it comes to it.
    relay.hold("GET /api/v2/rules/");
    let meanwhile = async {
        relay.reached().await;
        let on_fault = json!({"on_fault": "skip"});
        let path = format!("/rules/{id}");
        manager.patch(&path, &on_fault).await.document(200);
        relay.go_on();
    };
    let mut applying = std::pin::pin!(person.run(&apply));
    let done = tokio::select! {
        done = &mut applying => panic!("it did not read the rule again: {}{}", done.stdout, done.stderr),
        () = meanwhile => applying.await,
    };
    assert_eq!(done.code, 1, "{}", done.stderr);
    let stopped: Value = serde_json::from_str(&done.stdout).unwrap();
    let failure = stopped["failure"].as_str().unwrap();
    assert!(failure.contains("changed by somebody else"), "{failure}");
    let now = manager.get(&format!("/rules/{id}")).await.document(200);
    let now = (&now["enabled"], &now["on_fault"]);
    assert_eq!(now, (&json!(true), &json!("skip")));
}
