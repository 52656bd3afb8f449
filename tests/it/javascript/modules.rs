//! `require`, and what is there without it.

use claimsmith::rule_host::MODULES;

use super::{logged, refused};

#[test]
fn a_module_that_is_not_there_is_refused_at_upload_with_those_that_are() {
    let refused = refused(
        "function (u, c, callback) {\n  const x = require('left-pad@1.0.0');\n  callback();\n}",
    );
    assert!(
        refused.contains("`left-pad@1.0.0` is not there"),
        "{refused}"
    );
    assert!(
        refused.contains("lodash, moment, moment-timezone"),
        "{refused}"
    );
    assert!(
        refused.contains("const x = require('left-pad@1.0.0');"),
        "{refused}"
    );
}

/// What an Action says it needs is held against this list, without asking the engine.
#[test]
fn the_list_of_modules_is_the_engine_s() {
    let refused = refused("function (u, c, callback) { require('left-pad'); callback(); }");
    let known = refused.split("those that are: ").nth(1).unwrap();
    let known = known.lines().next().unwrap();
    let mut known: Vec<&str> = known.split(", ").collect();
    known.sort_unstable();
    assert_eq!(known, MODULES);
}

#[test]
fn databases_are_refused_with_the_reason() {
    for name in ["mongodb", "mysql@2.0.0", "pg"] {
        let refused = refused(&format!(
            "function (u, c, callback) {{ require('{name}'); callback(); }}"
        ));
        assert!(refused.contains("rules reach no database"), "{refused}");
    }
}

#[test]
fn a_name_in_a_comment_or_a_text_is_no_module() {
    let source = "function (u, c, callback) {
        // require('fs')
        const a = \"require('net')\", b = /require('x')/, d = `require('y') ${ 1 }`, e = u.require;
        callback();
    }";
    super::host().load(source.as_bytes()).expect("a rule");
}

#[tokio::test]
async fn every_module_that_is_listed_can_be_required_with_and_without_a_version() {
    let lines = logged(
        "for (const name of ['async', 'auth0', 'axios', 'buffer', 'crypto', 'ipaddr.js', 'jsonwebtoken', 'lodash', 'moment',
            'moment-timezone', 'node-fetch', 'querystring', 'request', 'request-promise', 'url', 'util', 'uuid', 'q', 'xtend']) {
            if (typeof require(name) !== typeof require(name + '@1.2.3') || !require(name)) console.log(name);
        }
        console.log(require('lodash').VERSION, require('lodash@2.4.1').VERSION, _.VERSION);",
    )
    .await;
    assert_eq!(lines, ["4.17.21 2.4.2 2.4.2"]);
}

#[tokio::test]
async fn modules_do_their_work() {
    let lines = logged(
        "console.log(require('lodash').groupBy([1, 2, 3], (n) => n % 2));
         console.log(_.pluck([{ a: 1 }, { a: 2 }], 'a'), _.contains([1], 1));
         console.log(require('moment')().toISOString(), require('moment-timezone')().tz('Europe/Berlin').format());
         console.log(require('querystring').stringify({ a: [1, 2], b: 'c d' }), require('url').parse('https://a.example/b?c=d', true).query.c);
         console.log(require('util').format('%s-%d', 'a', 1), ip('10.1.2.3').in_range('10.0.0.0/8'));
         console.log(xtend({ a: 1 }, { b: 2 }), require('ipaddr.js').parse('::1').range());
         console.log(/^[0-9a-f]{8}-[0-9a-f]{4}-4/.test(uuid.v4()), uuid() !== uuid(), require('uuid/v4')().length);
         async.map([1, 2], (n, done) => done(null, n * 2), (error, all) => console.log(error, all));",
    )
    .await;
    assert_eq!(
        lines,
        [
            "{ '0': [ 2 ], '1': [ 1, 3 ] }",
            "[ 1, 2 ] true",
            "2026-01-12T07:00:00.000Z 2026-01-12T08:00:00+01:00",
            "a=1&a=2&b=c%20d d",
            "a-1 true",
            "{ a: 1, b: 2 } loopback",
            "true true 36",
            "undefined [ 2, 4 ]",
        ]
    );
}

#[tokio::test]
async fn tokens_are_signed_and_verified() {
    let lines = logged(
        "const token = jwt.sign({ a: 1 }, 'secret', { expiresInMinutes: 5, audience: 'x' });
         const { a, exp, iat, aud } = jwt.verify(token, 'secret', { audience: 'x' });
         console.log(a, exp - iat, aud);
         try { jwt.verify(token, 'other'); } catch (e) { console.log(e.name, e.message); }
         try { jwt.verify(token.slice(0, -1), 'secret'); } catch (e) { console.log(e.message); }
         console.log(jwt.decode(token).a);",
    )
    .await;
    assert_eq!(
        lines,
        [
            "1 300 x",
            "JsonWebTokenError invalid signature",
            "invalid signature",
            "1"
        ]
    );
}

#[tokio::test]
async fn names_that_are_not_there_say_so() {
    let lines = logged("for (const f of [() => mongo, () => mysql, () => bcrypt, () => auth0.accessToken]) try { f(); } catch (e) { console.log(e.message); }").await;
    assert_eq!(lines.len(), 4);
    assert!(
        lines[0].starts_with("`mongo` is not there: rules reach no database"),
        "{lines:?}"
    );
    assert!(
        lines[3].starts_with("auth0.accessToken is not there"),
        "{lines:?}"
    );
}
