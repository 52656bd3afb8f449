//! Files that `claimsmith apply` refuses: all that is wrong, each with its place, before anything is done.

use super::Person;
use crate::support::app::App;

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    person.write(
        "acme/a.yaml",
        "clients:\n  - name: Till 2\n    grant_typs: [password]\n    is_first_party: 'yes'\n  - name: 7\n",
    );
    person.write(
        "acme/b.yaml",
        "resourcesServers: []\nrules:\n  - name: gone\n    script: rules/gone.js\n  - name: out\n    script: ../secret.js\nrulesConfigs:\n  - key: K\n    value: in the clear\n",
    );
    person.write("acme/c.yaml", "clients:\n  - name: [\n");
    person.write("acme/d.yaml", "clients:\n  - name: Twice\ntenant: 3\n");
    person.write("acme/e.yaml", "clients:\n  - name: Twice\n");
    person.write("secret.js", "function f() {}");
    let refused = person.run(&["apply", "-f", "acme", "--yes"]).await;
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    for place in [
        "acme/a.yaml:3:5: `grant_typs` is not known here; did you mean `grant_types`?",
        "acme/a.yaml:4:21: `is_first_party`: true or false is needed, and this is text",
        "acme/a.yaml:5:11: `name`: text is needed, and this is a whole number; put it in quotes",
        "acme/b.yaml:1:1: there is no section `resourcesServers`; did you mean `resourceServers`?",
        "acme/b.yaml:4:13: cannot read `acme/rules/gone.js`",
        "acme/b.yaml:6:13: `acme/../secret.js` is not below `acme`",
        "acme/b.yaml:9:5: `value` is not known here",
        "acme/b.yaml:8:5: `from_env` is missing",
        "acme/c.yaml:",
        "acme/d.yaml:3:9: a map is needed, and this is a whole number",
        "acme/e.yaml:2:5: client `Twice` stands at acme/d.yaml:2 already",
    ] {
        assert!(
            refused.stderr.contains(place),
            "{place} in\n{}",
            refused.stderr
        );
    }
    assert!(
        !refused.stderr.contains("in the clear"),
        "{}",
        refused.stderr
    );
    let clients = manager.get("/clients").await.document(200);
    assert_eq!(
        clients.as_array().unwrap().len(),
        2,
        "nothing was made: {clients}"
    );
}

#[tokio::test]
async fn what_names_nothing_that_is_there_is_refused_before_anything_is_done() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    person.write(
        "acme/all.yaml",
        "
clients: [{ name: New, resource_server_identifier: 'https://no.example/' }]
clientGrants:
  - { client_id: Nobody, audience: 'https://orders.example/', scope: [] }
databases:
  - { name: db, strategy: auth0, enabled_clients: [New, Nobody] }
roles:
  - name: r
    permissions: [{ permission_name: x, resource_server_identifier: 'https://no.example/' }]
rulesConfigs: [{ key: K, from_env: TEST_NOT_SET }]
rules: [{ name: empty }]
tenant: { default_directory: nowhere }
",
    );
    let refused = person.run(&["apply", "-f", "acme", "--yes"]).await;
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    for place in [
        "acme/all.yaml:2:52: there is no API `https://no.example/`",
        "acme/all.yaml:4:18: there is no client `Nobody`",
        "acme/all.yaml:6:57: there is no client `Nobody`",
        "acme/all.yaml:9:69: there is no API `https://no.example/`",
        "acme/all.yaml:10:36: the environment variable `TEST_NOT_SET` is not set",
        "acme/all.yaml:11:9: a rule that is not there yet needs a `script` or a `component`",
        "acme/all.yaml:12:30: there is no connection `nowhere`",
    ] {
        assert!(
            refused.stderr.contains(place),
            "{place} in\n{}",
            refused.stderr
        );
    }
    let roles = manager.get("/roles").await.document(200);
    assert!(roles.as_array().unwrap().is_empty(), "{roles}");
}

#[tokio::test]
async fn an_empty_folder_a_missing_one_and_a_changed_fixed_member_are_refused() {
    let app = App::start().await;
    let manager = app.manager().await;
    let person = Person::who_is(&app, &manager);
    std::fs::create_dir(person.path("empty")).unwrap();
    for folder in ["empty", "missing"] {
        let refused = person.run(&["apply", "-f", folder, "--dry-run"]).await;
        assert_eq!(refused.code, 64, "{}", refused.stderr);
    }
    // The one thing of the App's connection that is as it is.
    person.write(
        "one.yaml",
        "databases: [{ name: Username-Password-Authentication, strategy: ldap }]\n",
    );
    let refused = person.run(&["apply", "-f", "one.yaml", "--dry-run"]).await;
    assert_eq!(refused.code, 3);
    assert!(
        refused.stderr.contains("one of auth0 is needed"),
        "{}",
        refused.stderr
    );
}
