//! Consecutive classic rules share an instance, and are told apart all the same.

use claimsmith::rule_host::{Fault, Outcome, Verdict};
use serde_json::json;

use super::super::guest::{Effect, returning};
use super::super::harness::{bind, fault, host, messages};
use super::{access_claims, bound, classic, passing, run, skipping};

const CLAIM: &str = "https://acme.example/seen";

#[tokio::test]
async fn consecutive_rules_see_each_other_s_user_context_and_global() {
    let first = passing("user.tag = 'u'; context.tag = 'c'; global.tag = 'g'; console.log('one');");
    let second = passing(&format!(
        "console.log('two'); context.accessToken['{CLAIM}'] = user.tag + context.tag + global.tag;"
    ));
    let (verdict, reports) = run(&bound(&[&first, &second])).await;
    assert_eq!(access_claims(verdict), json!({ CLAIM: "ucg" }));
    assert_eq!(messages(&reports.rules[0]), ["one"]);
    assert_eq!(messages(&reports.rules[1]), ["two"]);
    assert_eq!(reports.rules[0].effects, []);
    assert_eq!(reports.rules[1].effects.len(), 1);
    let set = reports.provenance.iter().find(|set| set.name == CLAIM);
    assert_eq!(set.unwrap().rule, "rule-2");
}

#[tokio::test]
async fn nothing_stays_for_the_next_login() {
    let rule = passing(&format!(
        "global.count = (global.count || 0) + 1; Array.prototype.mark = (Array.prototype.mark || 0) + 1;
         context.accessToken['{CLAIM}'] = [global.count, [].mark];"
    ));
    for _ in 0..2 {
        let (verdict, _) = run(&bound(&[&rule])).await;
        assert_eq!(access_claims(verdict), json!({ CLAIM: [1, 1] }));
    }
}

#[tokio::test]
async fn each_rule_has_fuel_of_its_own() {
    // Together more than one rule may use.
    let busy = passing("let n = 0; for (let i = 0; i < 200000; i++) n += i;");
    let (verdict, reports) = run(&bound(&[&busy, &busy, &busy, &busy, &busy])).await;
    assert!(matches!(verdict, Verdict::Approved(_)), "{verdict:?}");
    let fuel: Vec<u64> = reports.rules.iter().map(|rule| rule.fuel).collect();
    assert!(
        fuel.iter().sum::<u64>() > host().limits().javascript_fuel,
        "{fuel:?}"
    );
    assert!(
        fuel.iter()
            .all(|fuel| *fuel < host().limits().javascript_fuel),
        "{fuel:?}"
    );
}

#[tokio::test]
async fn a_rule_that_is_skipped_leaves_no_trace_in_what_the_others_share() {
    let first = passing("global.seen = ['one']; console.log('one');");
    let failing = classic("global.seen.push('two'); user.spoilt = true; for (;;) {}");
    let last = passing(&format!(
        "global.seen.push('three'); context.accessToken['{CLAIM}'] = [global.seen, user.spoilt || false];"
    ));
    let (verdict, reports) = run(&skipping(&[&first, &failing, &last])).await;
    assert_eq!(
        access_claims(verdict),
        json!({ CLAIM: [["one", "three"], false] })
    );
    let faults: Vec<_> = reports.rules.iter().map(fault).collect();
    assert_eq!(faults, [None, Some(Fault::Fuel), None]);
    assert_eq!(messages(&reports.rules[0]), ["one"], "reported once");
}

#[tokio::test]
async fn a_fault_that_is_not_skipped_ends_the_chain_and_keeps_the_reports_before_it() {
    let first = passing("console.log('one');");
    let (verdict, reports) = run(&bound(&[
        &first,
        &classic("throw new Error('no');"),
        &first,
    ]))
    .await;
    assert!(matches!(verdict, Verdict::Faulted), "{verdict:?}");
    assert_eq!(reports.rules.len(), 2);
    assert_eq!(reports.rules[0].outcome, Outcome::Allowed);
    assert_eq!(fault(&reports.rules[1]), Some(Fault::Exception));
}

#[tokio::test]
async fn a_denial_ends_the_chain() {
    let deny = classic("callback(new UnauthorizedError('Not today.'));");
    let (verdict, reports) = run(&skipping(&[&deny, &passing("")])).await;
    let Verdict::Denied(denial) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(denial.description, "Not today.");
    assert_eq!(reports.rules.len(), 1);
}

#[tokio::test]
async fn a_chain_made_of_faults_does_not_run_for_as_long_as_it_likes() {
    let failing = classic("for (;;) {}");
    let (verdict, reports) = run(&skipping(&[failing.as_str(); 12])).await;
    assert!(matches!(verdict, Verdict::Faulted), "{verdict:?}");
    assert_eq!(
        reports.rules.len(),
        6,
        "five that failed, and the word that there are too many"
    );
}

#[tokio::test]
async fn a_mixed_chain_runs_in_order_over_one_draft() {
    let component = returning(&[Effect::SetAccessClaim("tier", "\"gold\"")]);
    let before = passing("context.accessToken.before = context.accessToken.tier || 'none';");
    let after = passing("context.accessToken.after = 1; console.log(user.email);");
    let chain = bind(host(), &[before.as_bytes(), &component, after.as_bytes()]);
    let (verdict, reports) = run(&chain).await;
    let claims = access_claims(verdict);
    assert_eq!(claims["tier"], json!("gold"));
    assert_eq!(claims["after"], json!(1));
    assert_eq!(messages(&reports.rules[2]), ["ada@example.com"]);
}
