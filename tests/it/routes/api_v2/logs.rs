//! `/api/v2/logs` and `/api/v2/refresh-tokens`.

use serde_json::{Value, json};

use crate::support::app::{API, App, EMAIL};

fn types(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_log_is_read_newest_first_or_followed_from_an_event_on() {
    let app = App::start().await;
    let manager = app.manager().await;
    for (password, _) in [("wrong", 0), (crate::support::app::PASSWORD, 1)] {
        app.later(1);
        app.request().with("password", password).send().await;
    }
    let all = manager.get("/logs?sort=date:-1").await.document(200);
    assert_eq!(types(&all), ["sepft", "fp", "seccft"]);
    let newest = &all[0];
    assert_eq!(
        (
            &newest["client_name"],
            &newest["user_name"],
            &newest["strategy"]
        ),
        (&json!("Till"), &json!(EMAIL), &json!("auth0"))
    );
    assert_eq!(
        (&newest["_id"], &newest["isMobile"]),
        (&newest["log_id"], &json!(false))
    );
    assert_eq!(newest["details"]["grant_type"], "password");
    let path = format!("/logs/{}", newest["log_id"].as_str().unwrap());
    assert_eq!(&manager.get(&path).await.document(200), newest);
    let totals = manager
        .get("/logs?include_totals=true&per_page=1&q=type:fp")
        .await
        .document(200);
    assert_eq!(
        (types(&totals["logs"]), &totals["total"]),
        (vec!["fp"], &json!(1))
    );

    let oldest = all[2]["log_id"].as_str().unwrap();
    let answer = manager.get(&format!("/logs?from={oldest}&take=1")).await;
    let link = answer.header("link").to_owned();
    let after = answer.document(200);
    assert_eq!(types(&after), ["fp"]);
    assert!(link.ends_with(r#"&take=1>; rel="next""#), "{link}");
    let from = link
        .split("from=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let after = manager
        .get(&format!("/logs?from={from}&take=5"))
        .await
        .document(200);
    assert_eq!(types(&after), ["sepft"]);
    let begin = manager.get("/logs?take=2").await.document(200);
    assert_eq!(types(&begin), ["seccft", "fp"]);
    let end = manager
        .get(&format!(
            "/logs?from={}",
            newest["log_id"].as_str().unwrap()
        ))
        .await;
    assert!(end.headers.get("link").is_none());
    assert_eq!(end.document(200), json!([]));

    let user = app.user.user_id.replace('|', "%7C");
    let about = manager
        .get(&format!("/users/{user}/logs"))
        .await
        .document(200);
    // A wrong password is nobody's: the event says what was asked, and not about whom.
    assert_eq!(types(&about), ["sepft"]);
    assert_eq!(
        manager.get("/logs/x").await.refused(),
        "404 -: The log does not exist."
    );
    assert!(
        manager
            .get("/logs?from=x")
            .await
            .refused()
            .starts_with("400 invalid_query_string: ")
    );
    assert!(
        manager
            .get("/logs?page=20&per_page=100")
            .await
            .refused()
            .contains("first 1000 events")
    );
}

#[tokio::test]
async fn refresh_tokens_of_a_user_are_listed_and_revoked_one_by_one_and_at_once() {
    let app = App::start().await;
    let manager = app.manager().await;
    let login = async || {
        app.later(1);
        let request = app
            .request()
            .with("audience", API)
            .with("scope", "offline_access");
        request.send().await.text("refresh_token").to_owned()
    };
    let (first, second, third) = (login().await, login().await, login().await);
    let path = format!(
        "/users/{}/refresh-tokens",
        app.user.user_id.replace('|', "%7C")
    );
    let page = manager.get(&format!("{path}?take=2")).await.document(200);
    assert_eq!(page["tokens"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let rest = manager
        .get(&format!("{path}?from={next}"))
        .await
        .document(200);
    assert_eq!(
        (rest["tokens"].as_array().unwrap().len(), rest.get("next")),
        (1, None)
    );
    let token = &page["tokens"][0];
    assert_eq!(
        (&token["user_id"], &token["client_id"]),
        (&json!(app.user.user_id), &json!(app.client_id))
    );
    let one = format!("/refresh-tokens/{}", token["id"].as_str().unwrap());
    assert_eq!(&manager.get(&one).await.document(200), token);
    manager.delete(&one).await.document(204);
    assert_eq!(manager.get(&one).await.status, 404);
    let mut good = 0;
    for token in [&first, &second, &third] {
        good += usize::from(app.refresh(token).send().await.status == 200);
    }
    assert_eq!(good, 2);
    assert_eq!(manager.delete(&path).await.status, 202);
    let none = manager.get(&path).await.document(200);
    assert_eq!(none, json!({ "tokens": [] }));
    for token in [&first, &second, &third] {
        assert_eq!(
            app.refresh(token).send().await.text("error"),
            "invalid_grant"
        );
    }
}

#[tokio::test]
async fn what_administrators_change_is_in_the_log() {
    let app = App::start().await;
    let manager = app.manager().await;
    let answer = manager.post("/roles", &json!({ "name": "auditor" })).await;
    let role = answer.document(200)["id"].as_str().unwrap().to_owned();
    app.later(1);
    manager
        .delete(&format!("/roles/{role}"))
        .await
        .document(204);
    app.later(1);
    let user = app
        .add_user("bob@acme.example", crate::support::app::PASSWORD)
        .await;
    let path = format!("/users/{}", user.user_id.replace('|', "%7C"));
    let change = json!({ "email": "robert@acme.example" });
    manager.patch(&path, &change).await.document(200);
    app.later(1);
    manager.delete(&path).await.document(204);
    // What was refused changed nothing.
    manager.delete(&path).await.document(404);
    let all = manager.get("/logs?q=type:sapi").await.document(200);
    let requests: Vec<String> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            assert_eq!(event["client_id"], manager.client_id.as_str());
            assert_eq!(event["ip"], "127.0.0.1");
            let details = &event["details"];
            let part = |pointer: &str| details.pointer(pointer).unwrap().clone();
            let (method, path) = (part("/request/method"), part("/request/path"));
            format!("{method} {path} {}", part("/response/statusCode")).replace('"', "")
        })
        .collect();
    assert_eq!(
        requests,
        [
            format!("DELETE /api/v2{path} 204"),
            format!("PATCH /api/v2{path} 200"),
            format!("DELETE /api/v2/roles/{role} 204"),
            "POST /api/v2/roles 200".to_owned(),
        ]
    );
    let about = manager
        .get("/logs?q=type:sce%20OR%20type:sdu")
        .await
        .document(200);
    assert_eq!(types(&about), ["sdu", "sce"]);
    assert_eq!(about[0]["user_id"], user.user_id.as_str());
}
