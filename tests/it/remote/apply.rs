//! `claimsmith apply`: a plan, its application, and nothing to do afterwards.

use serde_json::{Value, json};

use super::Person;
use crate::support::app::App;

const SCRIPT: &str = "function adds(user, context, callback) { callback(null, user, context); }\n";

/// Everything that files can describe, each naming the others.
fn describe(person: &Person) {
    person.write("acme/apis.yaml", API);
    person.write("acme/clients.yml", CLIENTS);
    person.write("acme/rest.yaml", REST);
    person.write("acme/rules/adds.js", SCRIPT);
    // Not in the folder itself, so not read.
    person.write("acme/rules/cases.yaml", "- this: is\n  no: section\n");
}

const API: &str = "
resourceServers:
  - identifier: https://stock.example/
    name: Stock
    scopes:
      - value: read:stock
        description: Reads stock
      - value: write:stock
    token_lifetime: 600
";

const CLIENTS: &str = "
clients:
  - name: Robot
    grant_types: [client_credentials]
    client_metadata: { region: north, kind: robot }
    refresh_token: { idle_token_lifetime: 1000 }
  - name: Kiosk
    token_endpoint_auth_method: none
    grant_types: [password]
clientGrants:
  - client_id: Robot
    audience: https://stock.example/
    scope: ['read:stock']
  - client_id: Robot
    audience: '@@MANAGEMENT_API@@'
    scope: ['read:users']
";

const REST: &str = "
databases:
  - name: staff
    strategy: auth0
    enabled_clients: [Kiosk, Robot]
    options: { disable_signup: true, password_history: { enable: true, size: 3 } }
  - name: guests
    strategy: auth0
    enabled_for_all: true
roles:
  - name: clerk
    description: Looks after the stock
    permissions:
      - { resource_server_identifier: 'https://stock.example/', permission_name: 'write:stock' }
      - { resource_server_identifier: 'https://stock.example/', permission_name: 'read:stock' }
rulesConfigs:
  - key: RISK_KEY
    from_env: TEST_RISK_KEY
rules:
  - name: adds
    script: rules/adds.js
    order: 7
    on_fault: skip
attackProtection:
  bruteForceProtection: { max_attempts: 7 }
tenant:
  friendly_name: Acme
  default_audience: https://stock.example/
  default_directory: staff
";

#[tokio::test]
async fn a_tenant_becomes_what_files_say_and_a_second_run_changes_nothing() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut person = Person::who_is(&app, &manager);
    person.environment = vec![("TEST_RISK_KEY".to_owned(), "s3cret-of-risk".to_owned())];
    describe(&person);

    let wanted = [
        "create resourceServers https://stock.example/",
        "create clients Robot",
        "create clients Kiosk",
        "create clientGrants Robot for https://stock.example/",
        "create clientGrants Robot for @@MANAGEMENT_API@@",
        "create databases staff",
        "create databases guests",
        "create roles clerk",
        "create rulesConfigs RISK_KEY",
        "create rules adds",
        "update attackProtection bruteForceProtection",
        "update tenant",
    ];
    let dry = ["apply", "-f", "acme", "--dry-run"];
    assert_eq!(person.steps(&dry, 5).await, wanted);
    // Nothing was done, and without a terminal nothing is done unasked.
    assert_eq!(person.steps(&dry, 5).await, wanted);
    let unasked = person.run(&["apply", "-f", "acme"]).await;
    assert_eq!(unasked.code, 64);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);

    let apply = [
        "apply",
        "-f",
        "acme",
        "--yes",
        "--secrets-to",
        "secrets.jsonl",
    ];
    let done = person.json(&apply, 0).await;
    assert_eq!(done["applied"], true, "{done}");
    assert_eq!(done["notes"], json!([]), "{done}");
    assert!(!done.to_string().contains("s3cret-of-risk"));
    let secrets = std::fs::read_to_string(person.path("secrets.jsonl")).unwrap();
    let secret: Value = serde_json::from_str(&secrets).unwrap();
    assert_eq!(secret["name"], "Robot", "one secret was made: {secrets}");
    assert!(
        !done
            .to_string()
            .contains(secret["client_secret"].as_str().unwrap())
    );

    // It is there, and what names others names the right ones.
    let robot = secret["client_id"].as_str().unwrap();
    let grants = manager
        .get(&format!("/client-grants?client_id={robot}"))
        .await
        .document(200);
    assert_eq!(grants.as_array().unwrap().len(), 2, "{grants}");
    assert!(grants.to_string().contains(&app.management()));
    let connections = manager.get("/connections?name=staff").await.document(200);
    let enabled = connections[0]["enabled_clients"].as_array().unwrap();
    assert!(
        enabled.contains(&robot.into()) && enabled.len() == 2,
        "{connections}"
    );
    assert_eq!(connections[0]["options"]["password_history"]["size"], 3);
    let settings = manager.get("/tenants/settings").await.document(200);
    assert_eq!(settings["default_directory"], "staff");
    let rules = manager.get("/rules").await.document(200);
    assert_eq!(
        (&rules[0]["script"], &rules[0]["order"]),
        (&json!(SCRIPT), &json!(7))
    );
    // The new client's secret works, for the scope that the file grants.
    let token = app
        .machine_request()
        .with("client_id", robot)
        .with("client_secret", secret["client_secret"].as_str().unwrap())
        .with("audience", "https://stock.example/")
        .send()
        .await;
    assert_eq!(token.text("scope"), "read:stock");

    let events = manager
        .get("/logs?per_page=1&include_totals=true")
        .await
        .document(200);
    let again = person.json(&["apply", "-f", "acme", "--yes"], 0).await;
    assert_eq!(again["steps"], json!([]));
    assert_eq!(person.steps(&dry, 0).await, [""; 0]);
    drop(events);
}

#[tokio::test]
async fn what_files_do_not_mention_stays_and_null_takes_away() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut person = Person::who_is(&app, &manager);
    person.environment = vec![("TEST_RISK_KEY".to_owned(), "x".to_owned())];
    describe(&person);
    person.json(&["apply", "-f", "acme", "--yes"], 0).await;
    let robot = async || {
        let clients = manager.get("/clients?per_page=100").await.document(200);
        let clients = clients.as_array().unwrap().iter();
        clients
            .clone()
            .find(|client| client["name"] == "Robot")
            .unwrap()
            .clone()
    };
    let path = format!("/clients/{}", robot().await["client_id"].as_str().unwrap());
    let kept =
        json!({"logo_uri": "https://x/", "description": "Kept", "refresh_token": {"leeway": 5}});
    manager.patch(&path, &kept).await.document(200);
    assert_eq!(
        person.json(&["apply", "-f", "acme", "--yes"], 0).await["steps"],
        json!([])
    );

    let changed = CLIENTS
        .replace(
            "{ region: north, kind: robot }",
            "{ region: south }\n    logo_uri: null",
        )
        .replace("idle_token_lifetime: 1000", "idle_token_lifetime: 2000");
    person.write("acme/clients.yml", &changed);
    let plan = person.json(&["apply", "-f", "acme", "--dry-run"], 5).await;
    assert_eq!(plan["steps"].as_array().unwrap().len(), 1, "{plan}");
    let step = &plan["steps"][0];
    let members = step["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["member"]);
    assert_eq!(
        members.collect::<Vec<_>>(),
        ["client_metadata", "logo_uri", "refresh_token"]
    );
    assert_eq!(
        (&step["file"], &step["line"]),
        (&json!("acme/clients.yml"), &json!(3))
    );
    person.json(&["apply", "-f", "acme", "--yes"], 0).await;
    let now = robot().await;
    assert_eq!(now["client_metadata"], json!({"region": "south"}));
    assert_eq!(now.get("logo_uri"), None);
    assert_eq!(now["description"], "Kept");
    assert_eq!(now["refresh_token"]["leeway"], 5);
    assert_eq!(now["refresh_token"]["idle_token_lifetime"], 2000);
    assert_eq!(
        person.json(&["apply", "-f", "acme", "--yes"], 0).await["steps"],
        json!([])
    );
}

#[tokio::test]
async fn only_prune_deletes_only_in_sections_that_are_there_and_never_the_client_that_asks() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut person = Person::who_is(&app, &manager);
    person.environment = vec![("TEST_RISK_KEY".to_owned(), "x".to_owned())];
    describe(&person);
    person.json(&["apply", "-f", "acme", "--yes"], 0).await;
    person.write(
        "less/tenant.yaml",
        "clients: []\nroles: []\ntenant: { friendly_name: Acme }\n",
    );
    let without = person.json(&["apply", "-f", "less", "--dry-run"], 0).await;
    assert_eq!(
        without["unmentioned"], 4,
        "two clients, the App's own and a role: {without}"
    );
    let prune = ["apply", "-f", "less", "--prune", "--dry-run"];
    let steps = person.steps(&prune, 5).await;
    assert_eq!(steps[0], "delete roles clerk", "{steps:?}");
    assert_eq!(steps.len(), 4, "{steps:?}");
    let mut human = person.command(&["apply", "-f", "less", "--prune", "--dry-run"]);
    human.env("CLICOLOR_FORCE", "1");
    let shown = tokio::task::spawn_blocking(move || human.output().unwrap())
        .await
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("\u{1b}[31m- role clerk"),
        "in red: {shown:?}"
    );

    person
        .json(&["apply", "-f", "less", "--prune", "--yes"], 0)
        .await;
    let clients = manager.get("/clients").await.document(200);
    assert_eq!(clients.as_array().unwrap().len(), 1, "{clients}");
    assert_eq!(clients[0]["client_id"], manager.client_id);
    // No section named them.
    assert_eq!(
        manager
            .get("/rules")
            .await
            .document(200)
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(person.steps(&prune, 0).await, [""; 0]);
}

#[tokio::test]
async fn it_stops_at_the_first_failure_and_says_what_was_done() {
    let app = App::start().await;
    // It may not make roles, and not read what the files do not mention.
    let scopes = [
        "read:clients",
        "create:clients",
        "read:roles",
        "read:connections",
        "read:resource_servers",
        "read:tenant_settings",
        "update:tenant_settings",
    ];
    let manager = app.manager_with(Some(&scopes)).await;
    let person = Person::who_is(&app, &manager);
    person.write(
        "acme/all.yaml",
        "clients: [{ name: Kiosk, token_endpoint_auth_method: none, grant_types: [] }]\nroles: [{ name: clerk }]\ntenant: { friendly_name: Acme }\n",
    );
    let stopped = person.json(&["apply", "-f", "acme", "--yes"], 1).await;
    let became = stopped["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["became"]);
    assert_eq!(became.collect::<Vec<_>>(), ["done", "failed", "not done"]);
    assert!(
        stopped["failure"].as_str().unwrap().contains("403"),
        "{stopped}"
    );
    assert_eq!(stopped["applied"], false);
    let people = person.run(&["apply", "-f", "acme", "--yes"]).await;
    assert_eq!(people.code, 1);
    assert!(
        people.stdout.contains("stopped after 0 of 2"),
        "{}",
        people.stdout
    );
    assert!(
        people.stdout.contains("FAILED    create role clerk"),
        "{}",
        people.stdout
    );
    let settings = manager.get("/tenants/settings").await.document(200);
    assert_ne!(settings["friendly_name"], "Acme");
}
