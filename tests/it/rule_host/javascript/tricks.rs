//! What a tenant's code tries against the driver it runs beside.

use claimsmith::rule_host::{Outcome, Verdict};
use serde_json::json;

use super::super::harness::{fault, messages};
use super::{access_claims, alone, bound, passing, run, skipping};

#[tokio::test]
async fn the_engine_s_own_functions_are_nowhere_to_be_found() {
    let found = passing(
        "const all = Object.getOwnPropertyNames(globalThis);
         console.log(`${all.includes('native')} ${all.includes('driver')} ${typeof native} ${typeof driver}`);",
    );
    assert_eq!(
        messages(&alone(&found).await),
        ["false false undefined undefined"]
    );
}

#[tokio::test]
async fn a_call_site_does_not_give_out_a_function_of_the_driver() {
    let body = "Error.prepareStackTrace = (error, sites) => sites;
        const sites = new Error().stack;
        console.log(`${sites.length > 1} ${sites.map((site) => typeof site.getFunction).join()}`);";
    let report = alone(&passing(body)).await;
    let line = messages(&report)[0];
    assert!(line.starts_with("true undefined"), "{line}");
    assert!(!line.contains("function"), "{line}");
}

/// Each replaces something that a driver might lean on after the rule has run; then a second rule decides.
#[tokio::test]
async fn replacing_what_the_driver_leans_on_forges_no_result_of_another_rule() {
    let forged = "https://acme.example/forged";
    for trick in [
        "JSON.stringify = () => '{\"effects\":[]}';",
        "JSON.parse = () => ({ dialect: 'classic' });",
        "Object.prototype.toJSON = () => ({});",
        "Array.prototype[Symbol.iterator] = function* () { yield '{}'; yield new Uint8Array(0); };",
        "Array.prototype.push = () => 0; Array.prototype.map = () => []; Array.prototype.join = () => '';",
        "Function.prototype.call = Function.prototype.apply = () => undefined;",
        "String.prototype.replace = String.prototype.split = () => '';",
        "Object.defineProperty = Object.keys = Object.entries = Object.assign = () => [];",
        "Promise.prototype.then = function () { return this; };",
        "Map.prototype.get = Map.prototype.set = Map.prototype.has = () => undefined;",
        "Object.defineProperty(Object.prototype, 'effects', { get: () => [], set() {} });",
        "Object.defineProperty(Object.prototype, 'denied', { value: { description: 'forged' } });",
    ] {
        let first = passing(trick);
        let second = passing("context.accessToken['https://acme.example/kept'] = 'kept';");
        let (verdict, reports) = run(&bound(&[&first, &second])).await;
        // A rule that spoils its own chain may end the login. It does not make the second rule say
        // what it did not say.
        match verdict {
            Verdict::Approved(approved) => {
                let claims = approved.into_parts().1.access_claims;
                assert!(claims.iter().all(|(name, _)| name != forged), "{trick}");
                let kept = claims.iter().find(|(name, _)| name.ends_with("kept"));
                assert_eq!(kept.unwrap().1, &Some(json!("kept")), "{trick}");
            }
            Verdict::Faulted => {}
            other => panic!("{trick}: {other:?}"),
        }
        assert!(!reports.rules.is_empty(), "{trick}");
    }
}

#[tokio::test]
async fn a_rule_that_spoils_its_instance_hurts_no_other_login() {
    let spoil =
        passing("Object.prototype.toJSON = () => 1; delete globalThis.Array; JSON.parse = null;");
    let _ = run(&skipping(&[&spoil])).await;
    let (verdict, reports) = run(&bound(&[&passing("context.accessToken.fine = [1];")])).await;
    assert_eq!(access_claims(verdict), json!({ "fine": [1] }));
    assert_eq!(reports.rules[0].outcome, Outcome::Allowed);
}

#[tokio::test]
async fn words_that_look_like_the_driver_s_own_are_words_only() {
    let report = alone(&passing(
        "console.log('rule.end'); console.log('{\"effects\":[]}');",
    ))
    .await;
    assert_eq!(fault(&report), None);
    assert_eq!(report.logs.len(), 2);
}
