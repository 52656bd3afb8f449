//! When a rule is over, and what its callback says.

use serde_json::json;

use super::{passing, run};

#[tokio::test]
async fn an_unauthorized_error_is_unauthorized_and_any_other_is_access_denied() {
    for (call, error, description) in [
        ("new UnauthorizedError('no')", "unauthorized", "no"),
        ("new Error('E7: no')", "access_denied", "E7: no"),
        ("'a text'", "access_denied", "a text"),
        (
            "new ValidationError('code', 'not valid')",
            "access_denied",
            "not valid",
        ),
    ] {
        let rule = format!("function (user, context, callback) {{ callback({call}); }}");
        assert_eq!(run(&[&rule]).await.denial(), (error, description));
    }
}

#[tokio::test]
async fn a_callback_that_is_never_called_is_a_fault() {
    for body in [
        "",
        "return new Promise(() => {});",
        "setTimeout(() => {}, 5000);",
    ] {
        let rule = format!("function (user, context, callback) {{ {body} }}");
        let run = run(&[&rule]).await;
        assert!(
            run.fault().contains("never called its callback"),
            "{}",
            run.fault()
        );
    }
}

#[tokio::test]
async fn of_two_calls_the_first_counts() {
    let run = run(&["function (user, context, callback) {
        callback(null, user, context);
        callback(new Error('too late'));
    }"])
    .await;
    assert_eq!(
        run.messages(),
        ["the callback was called again; only the first call counts"]
    );
    run.approved();
}

#[tokio::test]
async fn new_objects_take_the_place_of_the_old_ones() {
    let first = "function (user, context, callback) {
        callback(null, { ...user, mark: 1 }, { ...context, accessToken: { 'https://example.com/a': 1 } });
    }";
    let second = passing("context.accessToken['https://example.com/b'] = user.mark;");
    let approved = run(&[first, &second]).await.approved();
    assert_eq!(
        approved["access"],
        json!({ "https://example.com/a": 1, "https://example.com/b": 1 })
    );
}

#[tokio::test]
async fn a_rule_may_call_back_later_and_time_does_not_pass_meanwhile() {
    let rule = "function (user, context, callback) {
        const before = Date.now();
        setTimeout(() => {
            context.idToken.waited = Date.now() - before;
            callback(null, user, context);
        }, 15000);
    }";
    assert_eq!(
        run(&[rule]).await.approved()["id"],
        json!({ "waited": 15000 })
    );
}

#[tokio::test]
async fn rules_wait_twenty_seconds_and_no_longer() {
    let wait = |ms: u32| {
        format!("function (u, c, callback) {{ setTimeout(() => callback(null, u, c), {ms}); }}")
    };
    run(&[&wait(20_000)]).await.approved();
    let run = run(&[&wait(10_000), &wait(10_001)]).await;
    assert!(
        run.fault().contains("waited longer than 20 s"),
        "{}",
        run.fault()
    );
}

#[tokio::test]
async fn what_fails_after_the_callback_is_a_line_in_the_log() {
    let run = run(&["async function (user, context, callback) {
        callback(null, user, context);
        throw new Error('late');
    }"])
    .await;
    assert_eq!(
        run.messages(),
        ["the rule failed after it had called its callback: late"]
    );
    run.approved();
}
