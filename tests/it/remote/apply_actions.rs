//! Actions and their triggers in files.

use serde_json::{Value, json};

use super::Person;
use crate::support::app::{API, App};

const TIER: &str = "https://acme.example/tier";

fn code(word: &str) -> String {
    format!(
        "exports.onExecutePostLogin = async (event, api) => {{\n  api.accessToken.setCustomClaim('{TIER}', '{word} ' + event.secrets.KEY);\n}};\n"
    )
}

const FILE: &str = "
actions:
  - name: Tier
    code: actions/tier.js
    supported_triggers: [{ id: post-login, version: v3 }]
    runtime: node22
    dependencies: [{ name: lodash, version: 4.17.21 }]
    secrets: [{ name: KEY, from_env: TEST_ACTION_KEY }]
    deployed: true
  - name: Idea
    supported_triggers: [{ id: credentials-exchange }]
triggers:
  post-login:
    - { action_name: Tier, display_name: The tier }
";

async fn tier(app: &App) -> Value {
    let answer = app.request().with("audience", API).send().await;
    app.verify(answer.access_token(), API).await.1[TIER].clone()
}

fn person_with_key(person: &mut Person, key: &str) {
    person.environment = vec![("TEST_ACTION_KEY".to_owned(), key.to_owned())];
}

#[tokio::test]
async fn actions_are_made_deployed_and_bound_and_a_second_run_changes_nothing() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut person = Person::who_is(&app, &manager);
    person.write("acme/actions.yaml", FILE);
    person.write("acme/actions/tier.js", code("gold"));
    let unset = person.run(&["apply", "-f", "acme", "--dry-run"]).await;
    assert_eq!(unset.code, 3);
    let expected = "actions.yaml:8:38: the environment variable `TEST_ACTION_KEY` is not set";
    assert!(unset.stderr.contains(expected), "{}", unset.stderr);

    person_with_key(&mut person, "s3cret-key");
    let dry = ["apply", "-f", "acme", "--dry-run"];
    let apply = ["apply", "-f", "acme", "--yes"];
    assert_eq!(
        person.steps(&dry, 5).await,
        [
            "create actions Tier",
            "create actions Idea",
            "update triggers post-login",
        ]
    );
    let done = person.json(&apply, 0).await;
    assert_eq!(
        (&done["applied"], &done["notes"]),
        (&json!(true), &json!([])),
        "{done}"
    );
    assert!(!done.to_string().contains("s3cret-key"));
    assert_eq!(tier(&app).await, "gold s3cret-key");
    let idea = manager.get("/actions/actions?actionName=Idea").await;
    assert_eq!(idea.document(200)["actions"][0]["status"], "pending");
    // The value of a secret is not compared, for nobody can read it.
    person_with_key(&mut person, "another");
    assert_eq!(person.steps(&dry, 0).await, [""; 0]);

    // Other code is deployed as the file says; values stay.
    person.write("acme/actions/tier.js", code("tin"));
    assert_eq!(person.steps(&apply, 0).await, ["update actions Tier"]);
    assert_eq!(tier(&app).await, "tin s3cret-key");
    assert_eq!(person.steps(&dry, 0).await, [""; 0]);
    let set = ["apply", "-f", "acme", "--yes", "--set-configs"];
    assert_eq!(person.steps(&set, 0).await, ["update actions Tier"]);
    assert_eq!(tier(&app).await, "tin another");

    // Who says nothing of deploying changes the draft.
    let draft = FILE.replace("    deployed: true\n", "");
    person.write("acme/actions.yaml", draft);
    person.write("acme/actions/tier.js", code("draft"));
    assert_eq!(person.steps(&apply, 0).await, ["update actions Tier"]);
    assert_eq!(tier(&app).await, "tin another");
    assert_eq!(person.steps(&dry, 0).await, [""; 0]);
    // And who says it then deploys what is there.
    person.write("acme/actions.yaml", FILE);
    let plan = person.json(&dry, 5).await;
    let changes = json!([{ "member": "deployed", "from": false, "to": true }]);
    assert_eq!(plan["steps"][0]["changes"], changes);
    assert_eq!(person.steps(&apply, 0).await, ["update actions Tier"]);
    assert_eq!(tier(&app).await, "draft another");
    assert_eq!(person.steps(&dry, 0).await, [""; 0]);
}

#[tokio::test]
async fn a_secret_that_is_new_is_set_and_others_keep_their_values() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut person = Person::who_is(&app, &manager);
    person.write("acme/actions.yaml", FILE);
    person.write("acme/actions/tier.js", code("gold"));
    person_with_key(&mut person, "first");
    person.json(&["apply", "-f", "acme", "--yes"], 0).await;
    let more = FILE.replace(
        "secrets: [",
        "secrets: [{ name: MORE, from_env: TEST_ACTION_MORE }, ",
    );
    person.write("acme/actions.yaml", more);
    // Only the new one is needed.
    person.environment = vec![("TEST_ACTION_MORE".to_owned(), "more".to_owned())];
    person.write(
        "acme/actions/tier.js",
        code("gold").replace(
            "event.secrets.KEY",
            "event.secrets.KEY + event.secrets.MORE",
        ),
    );
    let plan = person.json(&["apply", "-f", "acme", "--yes"], 0).await;
    let changes = plan["steps"][0]["changes"].as_array().unwrap();
    let secrets = changes
        .iter()
        .find(|one| one["member"] == "secrets")
        .unwrap();
    assert_eq!(
        (&secrets["from"], &secrets["to"]),
        (&json!(["KEY"]), &json!(["KEY", "MORE"]))
    );
    assert_eq!(tier(&app).await, "gold firstmore");
}

#[tokio::test]
async fn bindings_change_places_and_pruned_actions_go_with_theirs() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    let file = |names: &[&str], bound: &[&str]| {
        let mut text = "actions:\n".to_owned();
        for name in names {
            text.push_str(&format!(
                "  - {{ name: {name}, code: a.js, deployed: true, supported_triggers: [{{ id: post-login }}] }}\n"
            ));
        }
        text.push_str("triggers:\n  post-login:\n");
        for name in bound {
            text.push_str(&format!("    - action_name: {name}\n"));
        }
        if bound.is_empty() {
            text = text.replace("post-login:\n", "post-login: []\n");
        }
        text
    };
    person.write("acme/a.js", "exports.onExecutePostLogin = async () => {};");
    let apply = ["apply", "-f", "acme", "--yes", "--prune"];
    let order = async || {
        let all = manager.get("/actions/triggers/post-login/bindings").await;
        let all = all.document(200)["bindings"].clone();
        let names = all.as_array().unwrap().iter();
        let names: Vec<String> = names
            .map(|one| one["action"]["name"].as_str().unwrap().to_owned())
            .collect();
        names.join(" ")
    };
    for (names, bound) in [
        (&["a", "b", "c"][..], &["a", "b"][..]),
        (&["a", "b", "c"], &["c", "b", "a"]),
        (&["b", "d"], &["d", "b"]),
        (&["b"], &[]),
    ] {
        person.write("acme/actions.yaml", file(names, bound));
        let done = person.json(&apply, 0).await;
        assert_eq!(done["notes"], json!([]), "{done}");
        assert_eq!(order().await, bound.join(" "));
        assert_eq!(person.json(&apply, 0).await["steps"], json!([]));
    }
    // An action that is bound goes with its binding, and the plan says so.
    person.write("acme/actions.yaml", file(&["b"], &["b"]));
    person.json(&apply, 0).await;
    person.write("acme/actions.yaml", "actions: []\n");
    let plan = person
        .run(&["apply", "-f", "acme", "--prune", "--dry-run"])
        .await;
    assert!(
        plan.stdout.contains("action b, with its binding"),
        "{}",
        plan.stdout
    );
    assert_eq!(person.steps(&apply, 0).await, ["delete actions b"]);
    assert_eq!(order().await, "");
}

#[tokio::test]
async fn what_cannot_be_is_named_with_its_place() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    for (text, expected) in [
        (
            "triggers:\n  post-coffee: []\n",
            "2:3: only `post-login` and `credentials-exchange` are known here",
        ),
        (
            "triggers:\n  post-login:\n    - action_name: nobody\n",
            "3:20: there is no action `nobody`",
        ),
        (
            "triggers:\n  post-login: { a: b }\n",
            "`bindings`: a list is needed",
        ),
        (
            "actions:\n  - name: a\n    supported_triggers: []\n    code: ../outside.js\n",
            "4:11: ",
        ),
        (
            "actions:\n  - name: a\n    supported_triggers: []\n    deploy: true\n",
            "4:5: `deploy` is not known here; did you mean `deployed`?",
        ),
        (
            "actions:\n  - name: a\n    supported_triggers: []\n    secrets: [{ name: K, value: v }]\n",
            "`secrets[0].value` is not known here",
        ),
    ] {
        person.write("acme/actions.yaml", text);
        let refused = person.run(&["apply", "-f", "acme", "--dry-run"]).await;
        assert_eq!(refused.code, 3, "{text}: {}", refused.stderr);
        assert!(
            refused.stderr.contains(expected),
            "{text}: {}",
            refused.stderr
        );
    }
}
