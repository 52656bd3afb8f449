//! What an author reads when a source is uploaded.

use claimsmith::rule_host::Dialect;

use super::super::harness::{host, limits};
use super::{classic, passing};

fn rejection(source: &str) -> String {
    match host().inspect(source.as_bytes()) {
        Err(rejection) => rejection.to_string(),
        Ok(inspection) => panic!("accepted: {inspection:?}"),
    }
}

#[test]
fn a_dialect_is_recognised_by_its_form() {
    for (source, dialect) in [
        ("function (user, context, callback) {}", Dialect::Classic),
        (
            "async function named(user, context, callback) {}",
            Dialect::Classic,
        ),
        (
            "(user, context, callback) => callback(null, user, context)",
            Dialect::Classic,
        ),
        (
            "module.exports = function (user, client, scope, audience, context, cb) {};",
            Dialect::PasswordExchange,
        ),
        (
            "module.exports = function (client, scope, audience, context, cb) {};",
            Dialect::ClientCredentialsExchange,
        ),
        (
            "exports.onExecutePostLogin = async (event, api) => {};",
            Dialect::PostLogin,
        ),
        (
            "exports.onExecuteCredentialsExchange = async (event, api) => {};",
            Dialect::CredentialsExchange,
        ),
    ] {
        let inspection = host()
            .inspect(source.as_bytes())
            .unwrap_or_else(|e| panic!("{source}: {e}"));
        assert_eq!(inspection.dialect, Some(dialect), "{source}");
        assert_eq!(inspection.size, source.len() as u64);
        assert!(
            inspection.code_bytes < 10_000,
            "{source}: {}",
            inspection.code_bytes
        );
    }
}

#[test]
fn a_syntax_error_is_shown_with_a_caret_under_it() {
    let said = rejection(&classic("  const name = user.;"));
    assert!(said.contains("line 2, column"), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    let place = lines
        .iter()
        .position(|line| line.contains("const name"))
        .unwrap();
    let caret = lines[place + 1].find('^').unwrap();
    assert_eq!(lines[place].as_bytes()[caret], b';', "{said}");
}

#[test]
fn a_module_that_is_not_there_fails_at_upload_with_the_list_of_those_that_are() {
    let said = rejection(&classic("const left = require('left-pad');"));
    assert!(said.contains("left-pad"), "{said}");
    for known in ["lodash", "axios", "moment", "jsonwebtoken"] {
        assert!(said.contains(known), "{known}: {said}");
    }
}

#[test]
fn every_module_that_is_not_there_is_told_and_the_syntax_error_besides() {
    let source = classic(
        "  const a = require('left-pad'), b = require('mongodb@3'), c = require('left-pad');\n  const d = user.;",
    );
    let rejected = host().inspect(source.as_bytes()).unwrap_err();
    let places: Vec<_> = rejected
        .faults()
        .iter()
        .map(|fault| (fault.line.unwrap(), fault.column.unwrap()))
        .collect();
    let lines: Vec<&str> = source.lines().collect();
    let column = |line: u32, what: &str| {
        let at = lines[line as usize - 1].find(what).unwrap();
        (line, at as u32 + 1)
    };
    assert_eq!(
        places,
        [
            column(2, "'left-pad'"),
            column(2, "'mongodb@3'"),
            column(3, ";")
        ],
        "{rejected}"
    );
    let said = |at: usize| rejected.faults()[at].message.as_str();
    assert!(said(0).contains("`left-pad` is not there"), "{rejected}");
    assert!(said(1).contains("rules reach no database"), "{rejected}");
}

#[test]
fn there_is_an_end_to_the_modules_that_are_told() {
    let requires: String = (0..2_000)
        .map(|n| format!("require('none-{n}');\n"))
        .collect();
    let rejected = host().inspect(classic(&requires).as_bytes()).unwrap_err();
    assert_eq!(rejected.faults().len(), 50, "{rejected}");
}

#[test]
fn what_is_no_rule_is_refused_with_what_a_rule_looks_like() {
    assert!(rejection("42").contains("function (user, context, callback)"));
    assert!(rejection("exports.other = 1;").contains("onExecutePostLogin"));
}

#[test]
fn a_top_level_without_end_is_stopped() {
    let said = rejection("for (;;) {}\nexports.onExecutePostLogin = async () => {};");
    assert!(said.contains("units of fuel"), "{said}");
    host().inspect(passing("").as_bytes()).unwrap();
}

#[test]
fn a_source_of_exactly_the_limit_loads_and_one_byte_more_does_not() {
    let rule = passing("");
    let mut source = format!(
        "{rule}//{}",
        "x".repeat(limits().script_bytes - rule.len() - 2)
    );
    host().inspect(source.as_bytes()).unwrap();
    source.push('x');
    let rejected = host().inspect(source.as_bytes()).unwrap_err();
    assert_eq!(rejected.faults()[0].code, "too_large", "{rejected}");
}
