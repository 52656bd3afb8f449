//! `event_log` of `/api/v2/tenants/settings`: for how long the log is kept, and what is not written.

use claimsmith::admin::{log_settings, recordings};
use claimsmith::recording::RecordingSettings;
use claimsmith::rule_host::OnFault;
use claimsmith::store::{KeyRange, Table};
use serde_json::{Value, json};

use crate::support::app::{API, App, EMAIL};

const DAY: u64 = 86_400;
const AGENT: &str = "Till/1.0";
const SECRET: &str = "seventeen seats";

/// Writes all it knows, and sets a claim.
const RULE: &str = "function talks(user, context, callback) {
  console.log('mail ' + user.email + ' at ' + context.request.ip + ' by ' + context.request.userAgent);
  context.accessToken['https://acme.example/seats'] = 'seventeen ' + 'seats';
  callback(null, user, context);
}";

const DENIES: &str = "function denies(user, context, callback) {
  callback(new UnauthorizedError('not you, ' + user.email));
}";

async fn app(rule: &str) -> App {
    let app =
        App::start_with(|config| config.limits.deadline = std::time::Duration::from_secs(60)).await;
    app.bind_rule("talks", rule.as_bytes().to_vec(), OnFault::Deny)
        .await;
    let settings = RecordingSettings {
        keep: 5,
        redact: Vec::new(),
    };
    recordings::set(&app.server, &app.tenant, Some(settings))
        .await
        .unwrap();
    app
}

async fn set(app: &App, settings: Value) -> Value {
    let manager = app.manager().await;
    let body = json!({ "event_log": settings });
    manager
        .patch("/tenants/settings", &body)
        .await
        .document(200)["event_log"]
        .clone()
}

async fn login(app: &App) -> u16 {
    let request = app
        .request()
        .with("audience", API)
        .with("scope", "read:orders");
    request.header("user-agent", AGENT).send().await.status
}

/// All that is stored in these tables.
async fn stored(app: &App, tables: &[Table]) -> String {
    let mut all = String::new();
    for table in tables {
        let range = KeyRange::prefix(*table, &["acme"]);
        for entry in app
            .server
            .records
            .store()
            .scan(&range, usize::MAX)
            .await
            .unwrap()
        {
            all += &String::from_utf8(entry.value).unwrap();
        }
    }
    all
}

const WRITTEN: &[Table] = &[Table::Log, Table::LogNumber, Table::Recording];

#[tokio::test]
async fn what_a_tenant_does_not_want_written_is_nowhere_from_then_on() {
    for (word, texts) in [
        ("ip", &["127.0.0.1"][..]),
        ("user_agent", &[AGENT]),
        ("user_name", &[EMAIL, "Ada Lovelace"]),
        ("claim_values", &[SECRET]),
    ] {
        let app = app(RULE).await;
        assert_eq!(login(&app).await, 200);
        let before = stored(&app, WRITTEN).await;
        for text in texts {
            assert!(
                before.contains(text),
                "{word}: {text} was not there before\n{before}"
            );
        }
        assert_eq!(
            set(&app, json!({"redact": [word]})).await,
            json!({"days": 30, "redact": [word]})
        );
        let kept = stored(&app, WRITTEN).await;
        let count = |all: &str, text: &str| all.matches(text).count();
        assert_eq!(login(&app).await, 200);
        app.request()
            .with("password", "wrong")
            .header("user-agent", AGENT)
            .send()
            .await;
        let after = stored(&app, WRITTEN).await;
        assert!(after.len() > kept.len());
        for text in texts {
            assert_eq!(count(&after, text), count(&kept, text), "{word}: {text}");
        }
    }
}

#[tokio::test]
async fn what_rules_write_may_be_left_out_and_who_set_what_stays() {
    let app = app(RULE).await;
    set(&app, json!({"redact": ["rule_texts", "claim_values"]})).await;
    assert_eq!(login(&app).await, 200);
    let manager = app.manager().await;
    let all = manager.get("/exchanges?per_page=5").await.document(200);
    let exchange = all
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["grant_type"] == "password")
        .unwrap();
    let provenance = json!([{"kind": "claim", "name": "https://acme.example/seats", "rule": "talks", "version": 1}]);
    assert_eq!(exchange["provenance"], provenance);
    let rule = &exchange["rules"][0];
    assert_eq!(
        (&rule["logs"], &rule["logs_dropped"]),
        (&json!([]), &json!(1))
    );
    assert_eq!(rule["effects"][0]["value"], Value::Null);
    assert!(rule["effects"][0]["name"].is_string(), "{rule}");
    let recorded = manager.get("/recordings").await.document(200);
    let all = recorded["recordings"].as_array().unwrap();
    let login = all
        .iter()
        .find(|one| one["exchange"]["grant"] == "password")
        .unwrap();
    assert_eq!(login["output"], Value::Null);
}

#[tokio::test]
async fn a_denial_that_names_the_user_is_logged_without_its_words() {
    for word in ["user_name", "rule_texts"] {
        let app = app(DENIES).await;
        set(&app, json!({"redact": [word]})).await;
        assert_eq!(login(&app).await, 401);
        let all = stored(&app, WRITTEN).await;
        assert!(!all.contains("not you"), "{word}: {all}");
    }
}

#[tokio::test]
async fn who_is_called_as_an_outcome_is_hides_nothing_that_rules_did() {
    let app = app(RULE).await;
    let manager = app.manager().await;
    let path = format!("/users/{}", app.user.user_id.replace('|', "%7C"));
    let named = json!({ "nickname": "allow", "given_name": "claim", "family_name": "talks" });
    manager.patch(&path, &named).await.document(200);
    set(&app, json!({"redact": ["user_name"]})).await;
    assert_eq!(login(&app).await, 200);
    let all = manager.get("/exchanges?per_page=5").await.document(200);
    let mut all = all.as_array().unwrap().iter();
    let exchange = all.find(|one| one["grant_type"] == "password").unwrap();
    let rule = &exchange["rules"][0];
    assert_eq!(
        (&rule["rule"], &rule["outcome"]["kind"]),
        (&json!("talks"), &json!("allowed"))
    );
    assert_eq!(exchange["provenance"][0]["kind"], "claim");
}

#[tokio::test]
async fn the_name_of_a_user_is_not_looked_up_for_a_log_that_is_to_have_none() {
    let app = app(RULE).await;
    login(&app).await;
    app.later(1);
    set(&app, json!({"redact": ["user_name"]})).await;
    login(&app).await;
    let events = app
        .manager()
        .await
        .get("/logs?q=type:sepft")
        .await
        .document(200);
    assert_eq!(events[0]["user_id"], json!(app.user.user_id));
    assert_eq!(events[0].get("user_name"), None, "{events}");
    assert_eq!(
        events[1]["user_name"], EMAIL,
        "what was written before is as it was"
    );
}

#[tokio::test]
async fn an_event_is_kept_for_the_days_that_its_tenant_chose() {
    let app = app(RULE).await;
    assert_eq!(
        set(&app, json!({"days": 3})).await,
        json!({"days": 3, "redact": []})
    );
    login(&app).await;
    app.later(3 * DAY - 1);
    assert!(stored(&app, WRITTEN).await.contains(AGENT));
    app.later(2);
    assert!(!stored(&app, WRITTEN).await.contains(AGENT));
}

#[tokio::test]
async fn fewer_days_hold_for_what_is_there_already() {
    let app = app(RULE).await;
    login(&app).await;
    app.later(2 * DAY);
    app.request()
        .header("user-agent", "Young/1")
        .send()
        .await
        .access_token();
    let of = |table| stored(&app, std::slice::from_ref(table));
    set(&app, json!({"days": 1})).await;
    log_settings::sweep(&app.server).await.unwrap();
    for table in [&Table::Log, &Table::Recording] {
        let left = of(table).await;
        assert!(
            !left.contains(AGENT) && left.contains("Young/1"),
            "{table:?}: {left}"
        );
    }
    // Those that were young then were written to be kept for thirty days, too.
    app.later(DAY + 1);
    log_settings::sweep(&app.server).await.unwrap();
    for table in [&Table::Log, &Table::LogNumber, &Table::Recording] {
        assert_eq!(of(table).await, "", "{table:?}");
    }
    let settings = log_settings::get(&app.server, &app.tenant).await.unwrap();
    assert!(settings.sweep_until.is_some());
    app.later(30 * DAY);
    log_settings::sweep(&app.server).await.unwrap();
    let settings = log_settings::get(&app.server, &app.tenant).await.unwrap();
    assert_eq!(settings.sweep_until, None, "nothing is left to look for");
}

#[tokio::test]
async fn another_tenant_s_log_is_left_alone() {
    let app = app(RULE).await;
    let (_, request) = app.add_tenant("beta").await;
    request.send().await.access_token();
    app.later(5 * DAY);
    set(&app, json!({"days": 1, "redact": ["ip"]})).await;
    log_settings::sweep(&app.server).await.unwrap();
    let range = KeyRange::prefix(Table::Log, &["beta"]);
    let left = app.server.records.store().scan(&range, 9).await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(String::from_utf8_lossy(&left[0].value).contains("127.0.0.1"));
}

#[tokio::test]
async fn the_days_are_1_to_365_and_the_words_are_those_that_are_documented() {
    let app = App::start().await;
    for (settings, expected) in [
        (
            json!({"days": 0}),
            "'Value 0 is less than minimum 1' on property event_log.days (For how many days; 30 if nothing is said).",
        ),
        (
            json!({"days": 366}),
            "'Value 366 is greater than maximum 365' on property event_log.days (For how many days; 30 if nothing is said).",
        ),
        (
            json!({"redact": ["shoe_size"]}),
            "'No enum match for: shoe_size' on property event_log.redact[0].",
        ),
    ] {
        let manager = app.manager().await;
        let answer = manager
            .patch("/tenants/settings", &json!({"event_log": settings}))
            .await;
        assert_eq!(
            answer.refused(),
            format!("400 invalid_body: Payload validation error: {expected}")
        );
    }
    assert_eq!(set(&app, json!({"days": 365})).await["days"], 365);
    assert_eq!(set(&app, json!({"days": 1})).await["days"], 1);
    assert_eq!(set(&app, json!({"redact": []})).await["days"], 1);
}
