//! What a rule's author reads when something is wrong: file, line and column of the author's own source.

use super::{passing, refused, run};

#[test]
fn a_syntax_error_is_shown_with_a_caret_under_the_place() {
    let refused = refused("function (user, context, callback) {\n  const x = ;\n}");
    assert!(
        refused.contains("  const x = ;\n            ^"),
        "{refused}"
    );
    assert!(refused.contains('2'), "{refused}");
}

#[test]
fn what_is_no_rule_is_told_what_one_is() {
    for source in ["const x = 1;", "42", "'text'", "import x from 'y';"] {
        assert!(
            refused(source).contains("this is not a rule"),
            "{source}: {}",
            refused(source)
        );
    }
    let exported = refused("exports.handler = () => {};");
    assert!(exported.contains("it exports `handler`"), "{exported}");
    let arguments = refused("module.exports = function (a, b) {};");
    assert!(arguments.contains("takes 2 arguments"), "{arguments}");
    let failing = refused("exports.onExecutePostLogin = 1;\nnull.x;");
    assert!(
        failing.contains("code outside its functions failed") && failing.contains("null.x;"),
        "{failing}"
    );
}

#[tokio::test]
async fn an_exception_names_the_line_and_column() {
    let run = run(&["function addRoles(user, context, callback) {\n  const roles = user.missing.roles;\n  callback();\n}"]).await;
    assert!(run.fault().contains("rule.js:2:"), "{}", run.fault());
    assert!(
        run.fault().contains("missing") || run.fault().contains("undefined"),
        "{}",
        run.fault()
    );
}

#[tokio::test]
async fn a_rejected_promise_nobody_handles_is_a_fault_with_its_place() {
    let run =
        run(&["function (user, context, callback) {\n  Promise.reject(new Error('lost'));\n}"])
            .await;
    assert!(
        run.fault().contains("lost") && run.fault().contains("rule.js:2:"),
        "{}",
        run.fault()
    );
}

#[tokio::test]
async fn an_error_in_the_log_says_where_it_was_made() {
    let run = run(&[&passing("console.error(new Error('odd'));")]).await;
    let [line] = run.messages().try_into().expect("one line");
    assert!(
        line.starts_with("Error: odd ") && line.contains("rule.js:2:"),
        "{line}"
    );
    assert!(!line.contains("driver.js"), "{line}");
}

#[tokio::test]
async fn an_endless_loop_in_a_promise_s_callback_ends_its_login_only() {
    let run =
        run(&["async function (user, context, callback) { await null; while (true) {} }"]).await;
    assert!(run.fault().contains("fuel"), "{}", run.fault());
    super::run(&[&passing("")]).await.approved();
}

#[tokio::test]
async fn a_runaway_recursion_is_an_error_that_can_be_caught() {
    let run = run(&[&passing(
        "function f() { return f() + 1; } try { f(); } catch (e) { console.log(e.name); }",
    )])
    .await;
    assert_eq!(run.messages(), ["RangeError"]);
}
