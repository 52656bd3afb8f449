//! A manifest holds: obeyed and violated, side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use claimsmith::rule_host::{Fault, Manifest, OnFault, RuleReport, Verdict};
use claimsmith::secret::Secret;
use serde_json::json;

use super::guest::{Effect, guest, returning};
use super::harness::{Somebody, bind, changes, detail, exchange, fault, host, messages};

fn manifest(entries: &str) -> Arc<Manifest> {
    let text = format!("name = \"tested\"\nversion = \"1\"\n{entries}");
    Arc::new(Manifest::parse(&text).unwrap())
}

/// Runs one component under a manifest.
async fn run(component: &[u8], entries: &str) -> (Verdict<Somebody>, RuleReport) {
    let mut chain = bind(host(), &[component]);
    chain[0].manifest = Some(manifest(entries));
    let configuration = BTreeMap::from([("colour".to_owned(), Secret::new("blue"))]);
    let (verdict, mut report) = host()
        .run(&chain, Somebody("ada"), exchange(), &configuration)
        .await;
    (verdict, report.rules.pop().unwrap())
}

#[tokio::test]
async fn what_a_manifest_lists_takes_effect_and_anything_else_is_a_fault() {
    for (effect, listed) in [
        (Effect::SetAccessClaim("plan", "1"), "claims = [\"plan\"]"),
        (Effect::SetIdClaim("plan", "1"), "claims = [\"pl*\"]"),
        (Effect::RemoveAccessClaim("tier"), "claims = [\"tier\"]"),
        (Effect::RemoveIdClaim("nickname"), "claims = [\"*\"]"),
        (Effect::AddScope("write"), "scopes = [\"write\"]"),
        (
            Effect::ReplaceScopes(&["read", "write"]),
            "scopes = [\"wri*\"]",
        ),
        (
            Effect::MergeUserMetadata("{\"a\":1}"),
            "metadata = [\"user\"]",
        ),
        (
            Effect::MergeAppMetadata("{\"a\":1}"),
            "metadata = [\"app\"]",
        ),
    ] {
        let component = returning(&[effect]);
        let (_, obeyed) = run(&component, listed).await;
        assert_eq!(fault(&obeyed), None, "{effect:?}");
        assert_eq!(obeyed.effects[0].refused, None, "{effect:?}");
        let (verdict, violated) = run(&component, "").await;
        assert_eq!(fault(&violated), Some(Fault::Manifest), "{effect:?}");
        assert!(matches!(verdict, Verdict::Faulted));
        assert!(
            detail(&violated).contains("rule.toml"),
            "{}",
            detail(&violated)
        );
    }
}

#[tokio::test]
async fn taking_scopes_away_denying_and_sharing_need_no_permission() {
    let component = returning(&[
        Effect::RemoveScope("read"),
        Effect::ReplaceScopes(&["openid"]),
        Effect::RequireMfa("any", true),
        Effect::Share("x", "1"),
    ]);
    let (_, report) = run(&component, "").await;
    assert_eq!(fault(&report), None);
}

#[tokio::test]
async fn one_effect_outside_the_manifest_undoes_them_all_even_where_faults_are_skipped() {
    let component = returning(&[
        Effect::SetAccessClaim("plan", "1"),
        Effect::AddScope("admin"),
    ]);
    let mut chain = bind(host(), &[&component]);
    chain[0].manifest = Some(manifest("claims = [\"plan\"]\nscopes = [\"write\"]"));
    chain[0].on_fault = OnFault::Skip;
    let (verdict, report) = host()
        .run(&chain, Somebody("ada"), exchange(), &BTreeMap::new())
        .await;
    assert_eq!(
        detail(&report.rules[0]),
        "the rule added the scope `admin`, and its manifest allows `write`: add it to `scopes` in rule.toml, or leave it alone"
    );
    let made = changes(verdict);
    assert_eq!(made.scopes, ["openid", "read"]);
    assert!(made.access_claims.is_empty() && report.provenance.is_empty());
}

#[tokio::test]
async fn a_listed_key_is_read_and_another_is_a_fault_that_the_guest_does_not_survive() {
    let (_, obeyed) = run(&guest("echo"), "configuration = [\"colour\"]").await;
    assert_eq!(messages(&obeyed).last(), Some(&"blue"));
    let (_, violated) = run(&guest("echo"), "configuration = [\"color\"]").await;
    assert_eq!(fault(&violated), Some(Fault::Manifest));
    assert_eq!(
        detail(&violated),
        "the rule read the configuration key `colour`, and its manifest allows `color`: add it to `configuration` in rule.toml, or leave it alone"
    );
}

#[tokio::test]
async fn fuel_and_memory_asked_for_are_the_limits() {
    let (_, obeyed) = run(&guest("empty"), "").await;
    let used = obeyed.fuel;
    let (_, exact) = run(&guest("empty"), &format!("fuel = {}", used + 1)).await;
    assert_eq!(fault(&exact), None);
    let (_, violated) = run(&guest("endless-loop"), "fuel = 5_000").await;
    assert_eq!(
        (fault(&violated), violated.fuel),
        (Some(Fault::Fuel), 5_000)
    );
    assert!(detail(&violated).contains("its 5000 units of fuel"));

    let (_, violated) = run(&guest("grow-memory"), "memory_bytes = 1_048_576").await;
    assert_eq!(fault(&violated), Some(Fault::Memory));
    assert!(violated.memory_bytes <= 1 << 20);
}

#[test]
fn a_check_says_where_manifest_and_component_do_not_agree() {
    let path = format!("{}/rules/extra-scope/rule.wasm", env!("CARGO_MANIFEST_DIR"));
    let inspection = host().inspect(&std::fs::read(path).unwrap()).unwrap();
    let remarks = |entries: &str| manifest(entries).remarks(&inspection, host().limits());
    assert_eq!(remarks("configuration = [\"EXTRA_SCOPE\"]"), [""; 0]);
    assert_eq!(
        remarks("hosts = [\"api.example.com\"]\nfuel = 99_000_000"),
        [
            "the component imports `configuration`, and `configuration` is empty: to use it will be a fault",
            "`hosts` lists 1, and the component does not import `fetch`: it needs none",
            "`fuel` asks for 99000000, and the limit is 50000000: that holds",
        ]
    );
    let too_little = manifest("memory_bytes = 65_536")
        .fits(&inspection)
        .unwrap_err();
    assert!(too_little.to_string().contains("starts with 1048576 bytes"));
    assert_eq!(json!(manifest("").name), json!("tested"));
}
