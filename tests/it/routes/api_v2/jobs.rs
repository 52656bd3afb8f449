//! `/api/v2/jobs`: imports and exports of users (contract, section 7.7).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use claimsmith::admin::tenants::{self, QuotaChange};
use claimsmith::admin::{connections, jobs, users};
use claimsmith::job::{KEPT_SECS, LONGEST_SECS, MAX_UPLOAD_BYTES};
use claimsmith::store::{KeyRange, Table};
use serde_json::{Value, json};

use crate::support::app::{Answer, App, EMAIL};
use crate::support::failing::{ALWAYS, Failing};
use crate::support::manager::Manager;

const BCRYPT: &str = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// A form, by its parts.
fn form(parts: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, content) in parts {
        let file = if *name == "users" {
            "; filename=\"u.json\""
        } else {
            ""
        };
        body += &format!(
            "--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n"
        );
    }
    body + "--x--\r\n"
}

async fn send(manager: &Manager<'_>, body: String) -> Answer {
    let app = manager.app();
    let request = app
        .http()
        .post(app.url("/api/v2/jobs/users-imports"))
        .header("host", "acme.localhost")
        .header("content-type", "multipart/form-data; boundary=x")
        .bearer_auth(&manager.token);
    Answer::read(request.body(body).send().await.unwrap()).await
}

async fn connection(app: &App) -> String {
    connections::list(&app.server, &app.tenant).await.unwrap()[0].id()
}

async fn import(manager: &Manager<'_>, users: &str, upsert: bool) -> Value {
    let connection = connection(manager.app()).await;
    let upsert = upsert.to_string();
    let parts = [
        ("users", users),
        ("connection_id", &connection),
        ("upsert", &upsert),
        ("external_id", "ours"),
        ("send_completion_email", "false"),
    ];
    send(manager, form(&parts)).await.document(202)
}

/// Does a job, and returns what is said of it then.
async fn done(manager: &Manager<'_>, job: &Value) -> Value {
    let (app, id) = (manager.app(), job["id"].as_str().unwrap());
    jobs::run(&app.server, &app.tenant, id).await.unwrap();
    manager.get(&format!("/jobs/{id}")).await.document(200)
}

async fn errors(manager: &Manager<'_>, job: &Value) -> Value {
    let id = job["id"].as_str().unwrap();
    manager
        .get(&format!("/jobs/{id}/errors"))
        .await
        .document(200)
}

/// How many records the tenant has in a table.
async fn count(app: &App, table: Table) -> usize {
    let range = KeyRange::prefix(table, &["acme"]);
    app.server
        .records
        .store()
        .scan(&range, usize::MAX)
        .await
        .unwrap()
        .len()
}

async fn download(manager: &Manager<'_>, location: &str) -> (u16, String, String) {
    let app = manager.app();
    let path = location.strip_prefix(&app.issuer).unwrap();
    let request = app.http().get(app.url(&format!("/{path}")));
    let request = request
        .header("host", "acme.localhost")
        .bearer_auth(&manager.token);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let media_type = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    (status, media_type, answer.text().await.unwrap())
}

#[tokio::test]
async fn the_users_of_a_file_are_there_when_the_job_is_done_and_the_report_says_who_is_not() {
    for (store, app) in App::start_on_each_store().await {
        let manager = app.manager().await;
        let file = json!([
            {"email": "grace@acme.example", "username": "grace", "password_hash": BCRYPT},
            {"email": EMAIL, "name": "another Ada", "password_hash": BCRYPT},
            {"email": "alan@acme.example", "password_hash": "$2b$99$secret", "app_metadata": {"a": 1}},
            {"email": "joan@acme.example", "admin": true},
            7,
        ]);
        let job = import(&manager, &file.to_string(), false).await;
        let connection = connection(&app).await;
        assert_eq!(job["status"], "pending", "{store}");
        assert_eq!(job["type"], "users_import");
        assert_eq!(job["connection_id"], json!(connection));
        assert_eq!(
            (&job["upsert"], &job["external_id"]),
            (&json!(false), &json!("ours"))
        );
        assert!(job["id"].as_str().unwrap().starts_with("job_"));
        assert!(job.get("summary").is_none());

        let job = done(&manager, &job).await;
        assert_eq!(
            job["status"], "failed",
            "a file is users and nothing else: {job}"
        );
        let summary = json!({"total": 5, "inserted": 1, "updated": 0, "failed": 4});
        assert_eq!(job["summary"], summary);
        let report = errors(&manager, &job).await;
        let of = |report: &Value, index: usize| {
            let failure = &report[index];
            let error = &failure["errors"][0];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (
                text(&failure["user"]["email"]),
                text(&error["code"]),
                text(&error["path"]),
            )
        };
        let expected = [
            (EMAIL, "DUPLICATED_USER", "email"),
            ("alan@acme.example", "MAXIMUM", "password_hash"),
            ("joan@acme.example", "NOT_PASSED", "admin"),
            ("", "INVALID_TYPE", ""),
        ];
        assert_eq!(report.as_array().unwrap().len(), 4, "{report}");
        for (index, (email, code, path)) in expected.into_iter().enumerate() {
            let expected = (email.to_owned(), code.to_owned(), path.to_owned());
            assert_eq!(of(&report, index), expected, "{report}");
        }
        assert!(!report.to_string().contains('$'), "no hash in {report}");
        let login = app
            .request()
            .with("username", "grace")
            .with("password", "U*U");
        login.send().await.access_token();
        assert_eq!(
            count(&app, Table::JobPart).await,
            0,
            "{store}: hashes are left"
        );
        let events = manager.get("/logs?q=type:fui").await.document(200);
        let description = events[0]["description"].as_str().unwrap();
        assert!(
            description.contains("1 inserted, 0 updated, 4 failed"),
            "{events}"
        );
    }
}

#[tokio::test]
async fn with_upsert_the_file_takes_the_place_of_who_is_there_and_the_last_line_counts() {
    let app = App::start().await;
    let manager = app.manager().await;
    let file = format!(
        "{}\n{}\n{}\n",
        json!({"email": EMAIL, "app_metadata": {"plan": "tin", "size": 1}}),
        json!({"email": "grace@acme.example"}),
        json!({"email": EMAIL.to_uppercase(), "app_metadata": {"plan": "gold"}}),
    );
    let job = import(&manager, &file, true).await;
    let job = done(&manager, &job).await;
    assert_eq!(job["status"], "completed");
    let summary = json!({"total": 3, "inserted": 1, "updated": 2, "failed": 0});
    assert_eq!(job["summary"], summary);
    assert_eq!(
        manager
            .get(&format!("/jobs/{}/errors", job["id"].as_str().unwrap()))
            .await
            .status,
        204
    );
    let user = users::find_by_id(&app.server, &app.tenant, &app.user.user_id)
        .await
        .unwrap();
    assert_eq!(
        Value::from(user.app_metadata.unwrap()),
        json!({"plan": "gold"})
    );
    let events = manager.get("/logs?q=type:sui").await.document(200);
    assert_eq!(events.as_array().unwrap().len(), 1);
    assert_eq!(count(&app, Table::JobLine).await, 0);
}

#[tokio::test]
async fn a_user_by_a_password_s_hash_may_stand_once_in_a_file_without_upsert() {
    let app = App::start().await;
    let manager = app.manager().await;
    let twice = format!("[{0},{0},{0}]", json!({"email": "grace@acme.example"}));
    let job = import(&manager, &twice, false).await;
    let job = done(&manager, &job).await;
    assert_eq!(
        job["summary"],
        json!({"total": 3, "inserted": 1, "updated": 0, "failed": 2})
    );
    let report = errors(&manager, &job).await;
    assert_eq!(report[1]["errors"][0]["code"], "DUPLICATED_USER");
}

#[tokio::test]
async fn what_is_no_form_of_an_import_is_refused_and_takes_no_place() {
    let app = App::start().await;
    let manager = app.manager().await;
    let connection = connection(&app).await;
    let (users, right) = (("users", "[]"), ("connection_id", connection.as_str()));
    let payload = |what: &str| format!("400 invalid_body: Payload validation error: '{what}'.");
    for (body, expected) in [
        (form(&[right]), payload("Missing required property: users")),
        (
            form(&[users]),
            payload("Missing required property: connection_id"),
        ),
        (
            form(&[users, right, ("strange", "1")]),
            payload("Additional properties not allowed: strange"),
        ),
        (
            form(&[users, right, users]),
            payload("A member stands there twice"),
        ),
        (
            form(&[users, right, ("upsert", "maybe")]),
            payload("Invalid JSON in part upsert"),
        ),
        (
            form(&[("users", ""), right]),
            payload("the file of users: it is empty"),
        ),
        (
            form(&[users, ("connection_id", "con_1")]),
            "404 inexistent_connection: The connection does not exist".to_owned(),
        ),
        (
            form(&[users, right]).replace("--x--", ""),
            payload("The form is cut short or malformed"),
        ),
        (
            form(&[users, right, ("external_id", &"x".repeat(5_000))]),
            "413 invalid_body: the request body is too large".to_owned(),
        ),
    ] {
        // More often than there are places.
        for _ in 0..3 {
            let answer = send(&manager, body.clone()).await;
            assert_eq!(answer.refused(), expected, "{body:.200}");
        }
    }
    assert_eq!(count(&app, Table::JobPart).await, 0);
    assert_eq!(count(&app, Table::JobPlaces).await, 0);
    let answer = manager
        .post("/jobs/users-imports", &json!({"users": "[]"}))
        .await;
    assert_eq!(
        answer.refused(),
        "415 invalid_body: The body must be multipart/form-data."
    );
    import(&manager, "[]", false).await;
    import(&manager, "[]", false).await;
}

#[tokio::test]
async fn a_file_of_ten_mebibytes_is_taken_in() {
    let app = App::start().await;
    let manager = app.manager().await;
    let mut file = json!({"email": "grace@acme.example"}).to_string();
    file += &" ".repeat(usize::try_from(MAX_UPLOAD_BYTES).unwrap() - 2 * file.len());
    file += &json!({"email": "alane@acme.example"}).to_string();
    assert_eq!(file.len() as u64, MAX_UPLOAD_BYTES);
    let job = import(&manager, &file, false).await;
    let job = done(&manager, &job).await;
    assert_eq!(job["summary"]["inserted"], 2, "{job}");
}

#[tokio::test]
async fn a_file_of_a_byte_more_is_refused_and_nothing_of_it_is_kept() {
    let app = App::start().await;
    let manager = app.manager().await;
    let file = " ".repeat(usize::try_from(MAX_UPLOAD_BYTES).unwrap() + 1);
    let connection = connection(&app).await;
    let answer = send(
        &manager,
        form(&[("users", &file), ("connection_id", &connection)]),
    )
    .await;
    assert_eq!(
        answer.refused(),
        "413 invalid_body: the request body is too large"
    );
    assert_eq!(count(&app, Table::JobPart).await, 0);
    assert_eq!(count(&app, Table::JobPlaces).await, 0);
}

#[tokio::test]
async fn two_jobs_are_under_way_at_a_time_and_the_third_waits_for_one_to_end() {
    let app = App::start().await;
    let manager = app.manager().await;
    let first = import(&manager, "[]", false).await;
    import(&manager, "[]", false).await;
    let connection = connection(&app).await;
    let parts = [("users", "[]"), ("connection_id", connection.as_str())];
    let refused = send(&manager, form(&parts)).await;
    let expected = "429 too_many_requests: There are 2 active import users jobs";
    assert_eq!(refused.refused(), expected);
    refused.header("retry-after");
    assert_eq!(
        manager
            .post("/jobs/users-exports", &json!({}))
            .await
            .refused(),
        expected
    );
    done(&manager, &first).await;
    manager
        .post("/jobs/users-exports", &json!({}))
        .await
        .document(200);
    let mixed = send(&manager, form(&parts)).await;
    assert_eq!(
        mixed.refused(),
        "429 too_many_requests: There are 2 active users jobs"
    );
    // Nothing holds a place for ever.
    app.later(LONGEST_SECS);
    import(&app.manager().await, "[]", false).await;
}

#[tokio::test]
async fn what_is_written_is_every_user_by_the_name_that_an_import_takes() {
    for (store, app) in App::start_on_each_store().await {
        let manager = app.manager().await;
        let mut file = String::new();
        for number in 0..250 {
            let padding = "x".repeat(3_000);
            let user = json!({"email": format!("u{number:03}@acme.example"), "user_id": format!("n{number:03}"),
                "app_metadata": {"padding": padding}});
            file += &format!("{user}\n");
        }
        let job = import(&manager, &file, false).await;
        done(&manager, &job).await;
        let wanted = json!({"connection_id": connection(&app).await});
        let job = manager
            .post("/jobs/users-exports", &wanted)
            .await
            .document(200);
        assert_eq!(
            (&job["type"], &job["status"]),
            (&json!("users_export"), &json!("pending"))
        );
        assert!(job.get("location").is_none());
        let path = format!("/jobs/{}/file", job["id"].as_str().unwrap());
        let early = manager.get(&path).await;
        assert_eq!(
            early.refused(),
            "404 inexistent_file: The job has no file, or not yet."
        );

        let job = done(&manager, &job).await;
        assert_eq!(job["status"], "completed", "{job}");
        let (status, media_type, text) =
            download(&manager, job["location"].as_str().unwrap()).await;
        assert_eq!((status, media_type.as_str()), (200, "application/x-ndjson"));
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 251, "{store}");
        let ids: std::collections::BTreeSet<&str> = lines
            .iter()
            .map(|line| line["user_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), 251);
        assert!(ids.contains("auth0|n007"));
        for line in &lines {
            let id = line["user_id"].as_str().unwrap().replace('|', "%7C");
            if id.ends_with("99") || !id.contains('n') {
                assert_eq!(
                    *line,
                    manager.get(&format!("/users/{id}")).await.document(200)
                );
            }
        }
    }
}

#[tokio::test]
async fn a_table_has_the_columns_that_are_asked_for() {
    let app = App::start().await;
    let manager = app.manager().await;
    let file = json!([{"email": "grace@acme.example", "name": "=1+1", "app_metadata": {"plan": "gold, \"24\""}}]);
    let job = import(&manager, &file.to_string(), false).await;
    done(&manager, &job).await;
    let fields = json!([{"name": "email"}, {"name": "name", "export_as": "Full name"},
        {"name": "app_metadata.plan"}, {"name": "identities[0].connection", "export_as": "directory"}]);
    let export = json!({"format": "csv", "fields": fields});
    let job = manager
        .post("/jobs/users-exports", &export)
        .await
        .document(200);
    let job = done(&manager, &job).await;
    let (_, media_type, text) = download(&manager, job["location"].as_str().unwrap()).await;
    assert_eq!(media_type, "text/csv");
    let mut lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(
        lines.remove(0),
        "email,Full name,app_metadata.plan,directory"
    );
    lines.sort_unstable();
    let expected = [
        "ada@acme.example,Ada Lovelace,,Username-Password-Authentication",
        r#"grace@acme.example,'=1+1,"gold, ""24""",Username-Password-Authentication"#,
    ];
    assert_eq!(lines, expected);

    let export = json!({"format": "csv", "limit": 1});
    let job = manager
        .post("/jobs/users-exports", &export)
        .await
        .document(200);
    let job = done(&manager, &job).await;
    let (_, _, text) = download(&manager, job["location"].as_str().unwrap()).await;
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.starts_with("user_id,email,"), "{text}");
    let nowhere = manager
        .post("/jobs/users-exports", &json!({"connection_id": "con_1"}))
        .await;
    assert_eq!(
        nowhere.refused(),
        "404 inexistent_connection: The connection does not exist"
    );
}

#[tokio::test]
async fn who_may_import_may_not_therefore_read_what_was_exported() {
    let app = App::start().await;
    let manager = app.manager().await;
    let job = manager
        .post("/jobs/users-exports", &json!({}))
        .await
        .document(200);
    let job = done(&manager, &job).await;
    let path = format!("/jobs/{}", job["id"].as_str().unwrap());
    let importer = app.manager_with(Some(&["create:users"])).await;
    importer.get(&path).await.document(200);
    let answer = importer.get(&format!("{path}/file")).await;
    assert_eq!(
        answer.refused(),
        "403 insufficient_scope: Insufficient scope, expected any of: read:users"
    );
}

#[tokio::test]
async fn addresses_are_not_verified_here_and_the_refusal_says_so() {
    let app = App::start().await;
    let manager = app.manager().await;
    let body = json!({"user_id": app.user.user_id});
    let answer = manager.post("/jobs/verification-email", &body).await;
    assert!(
        answer
            .refused()
            .starts_with("400 operation_not_supported: "),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_job_is_forgotten_after_a_day_with_all_that_is_its_own() {
    let app = App::start().await;
    let manager = app.manager().await;
    let job = import(&manager, r#"[{"email":"nobody"}]"#, false).await;
    done(&manager, &job).await;
    let export = manager
        .post("/jobs/users-exports", &json!({}))
        .await
        .document(200);
    done(&manager, &export).await;
    import(&manager, "[]", false).await;
    let tables = [Table::Job, Table::JobPart, Table::JobLine];
    for table in tables {
        assert_ne!(count(&app, table).await, 0, "{table:?}");
    }
    app.later(KEPT_SECS);
    for table in tables {
        assert_eq!(count(&app, table).await, 0, "{table:?}");
    }
    let path = format!("/jobs/{}", job["id"].as_str().unwrap());
    let manager = app.manager().await;
    assert_eq!(
        manager.get(&path).await.refused(),
        "404 inexistent_job: The job does not exist."
    );
}

#[tokio::test]
async fn a_job_that_takes_longer_than_two_hours_has_failed_and_gives_its_place_back() {
    let app = App::start().await;
    let manager = app.manager().await;
    let job = import(&manager, r#"[{"email":"grace@acme.example"}]"#, false).await;
    app.later(LONGEST_SECS);
    let manager = app.manager().await;
    let job = done(&manager, &job).await;
    assert_eq!(job["status"], "failed");
    assert_eq!(job["status_details"], "It was not done within 2 hours.");
    assert_eq!(job["summary"]["total"], 0);
    assert_eq!(count(&app, Table::JobPlaces).await, 0);
    assert_eq!(count(&app, Table::JobPart).await, 0);
}

#[tokio::test]
async fn a_tenant_s_quota_of_users_holds_for_those_of_a_file() {
    let app = App::start().await;
    let manager = app.manager().await;
    let quota = QuotaChange {
        users: Some(Some(11)),
        ..QuotaChange::default()
    };
    tenants::set_quotas(&app.server, &app.tenant, quota)
        .await
        .unwrap();
    let file: Vec<Value> = (0..100)
        .map(|number| json!({"email": format!("u{number}@acme.example")}))
        .collect();
    let job = import(&manager, &json!(file).to_string(), false).await;
    let job = done(&manager, &job).await;
    assert_eq!(
        job["summary"],
        json!({"total": 100, "inserted": 10, "updated": 0, "failed": 90})
    );
    let report = errors(&manager, &job).await;
    assert_eq!(report.as_array().unwrap().len(), 90);
    let error = &report[89]["errors"][0];
    assert_eq!(error["code"], "NOT_PASSED");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("its quota is 11 users"),
        "{error}"
    );
    assert_eq!(
        users::list(&app.server, &app.tenant).await.unwrap().len(),
        11
    );
}

#[tokio::test]
async fn for_a_suspended_tenant_nothing_is_done_until_it_is_resumed_and_for_a_deleted_one_never() {
    let app = App::start().await;
    let manager = app.manager().await;
    let job = import(&manager, r#"[{"email":"grace@acme.example"}]"#, false).await;
    let id = job["id"].as_str().unwrap();
    tenants::set_suspended(&app.server, &app.tenant, true)
        .await
        .unwrap();
    jobs::run(&app.server, &app.tenant, id).await.unwrap();
    assert_eq!(
        users::list(&app.server, &app.tenant).await.unwrap().len(),
        1
    );
    tenants::set_suspended(&app.server, &app.tenant, false)
        .await
        .unwrap();
    assert_eq!(done(&manager, &job).await["status"], "completed");
    let job = import(&manager, r#"[{"email":"alan@acme.example"}]"#, false).await;
    tenants::delete(&app.server, &app.tenant).await.unwrap();
    jobs::run(&app.server, &app.tenant, job["id"].as_str().unwrap())
        .await
        .unwrap();
    for table in [Table::Job, Table::JobPart, Table::JobPlaces, Table::User] {
        assert_eq!(count(&app, table).await, 0, "{table:?}");
    }
}

#[tokio::test]
async fn cut_short_wherever_it_may_be_no_user_is_lost_or_doubled_and_the_count_is_right() {
    let mut cut_short = 0;
    for (commits, applies) in [
        (1, false),
        (1, true),
        (2, true),
        (5, false),
        (40, true),
        (67, false),
    ] {
        let store = Failing::new();
        let app = App::start_on(Arc::clone(&store) as _).await;
        let manager = app.manager().await;
        let mut file: Vec<Value> = (0..150)
            .map(|number| json!({"email": format!("u{number}@acme.example"), "user_id": format!("n{number}")}))
            .collect();
        file[20] = json!({"email": EMAIL});
        file[100] = json!({"email": "nobody"});
        let job = import(&manager, &json!(file).to_string(), false).await;
        let export = manager
            .post("/jobs/users-exports", &json!({}))
            .await
            .document(200);
        store.applies.store(applies, Ordering::SeqCst);
        for job in [&job, &export] {
            let id = job["id"].as_str().unwrap();
            loop {
                store.left.store(commits, Ordering::SeqCst);
                let ended = jobs::run(&app.server, &app.tenant, id).await;
                let used_up = store.left.load(Ordering::SeqCst) < 0;
                if ended.is_ok() && !used_up {
                    break;
                }
                cut_short += 1;
                assert!(cut_short < 5_000, "it does not go on");
            }
        }
        store.left.store(ALWAYS, Ordering::SeqCst);
        let job = done(&manager, &job).await;
        let summary = json!({"total": 150, "inserted": 148, "updated": 0, "failed": 2});
        assert_eq!(job["summary"], summary, "{commits} {applies}");
        assert_eq!(
            users::list(&app.server, &app.tenant).await.unwrap().len(),
            149
        );
        let report = errors(&manager, &job).await;
        assert_eq!(report[0]["user"]["email"], EMAIL);
        assert_eq!(report[1]["user"]["email"], "nobody");
        assert_eq!(report.as_array().unwrap().len(), 2);
        assert_eq!(count(&app, Table::JobLine).await, 2);
        assert_eq!(count(&app, Table::JobPlaces).await, 0);
        let export = done(&manager, &export).await;
        let (_, _, text) = download(&manager, export["location"].as_str().unwrap()).await;
        let lines: std::collections::BTreeSet<&str> = text.lines().collect();
        assert_eq!(
            (text.lines().count(), lines.len()),
            (149, 149),
            "{commits} {applies}"
        );
    }
    assert!(cut_short > 150, "{cut_short}");
}

#[tokio::test]
async fn two_who_do_one_job_do_each_line_once() {
    let app = App::start().await;
    let manager = app.manager().await;
    let file: Vec<Value> = (0..300)
        .map(|number| json!({"email": format!("u{number}@acme.example")}))
        .collect();
    let job = import(&manager, &json!(file).to_string(), true).await;
    let id = job["id"].as_str().unwrap();
    let run = || jobs::run(&app.server, &app.tenant, id);
    let (one, other) = tokio::join!(run(), run());
    one.and(other).unwrap();
    let job = done(&manager, &job).await;
    assert_eq!(
        job["summary"],
        json!({"total": 300, "inserted": 300, "updated": 0, "failed": 0})
    );
}
