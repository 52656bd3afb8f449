//! `GET /health`.

use serde_json::json;

use crate::support::app::App;

#[tokio::test]
async fn says_ok_on_any_host_while_the_store_takes_writes() {
    let app = App::start().await;
    let answer = app.get("/health").await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("ok")));
}

#[tokio::test]
async fn an_unknown_path_is_a_json_404() {
    let app = App::start().await;
    let answer = app.get("/authorize").await;
    assert_eq!((answer.status, answer.text("error")), (404, "not_found"));
}
