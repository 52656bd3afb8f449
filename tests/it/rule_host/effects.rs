//! What effects do, and which are refused and reported.

use claimsmith::rule_host::{Fault, Provenanced, Verdict};
use serde_json::{Value, json};

use super::guest::{Effect, denying, returning};
use super::harness::{changes, detail, fault, report, run};

/// Why the first effect was refused, if it was.
async fn refusal(effect: Effect<'_>) -> Option<String> {
    let report = report(&returning(&[effect])).await;
    assert_eq!(fault(&report), None, "{effect:?}");
    report.effects[0].refused.clone()
}

#[tokio::test]
async fn reserved_claims_are_refused_and_reported_in_both_tokens() {
    let names = [
        "iss",
        "sub",
        "aud",
        "exp",
        "roles",
        "scope",
        "Iss",
        "iss ",
        "iss\u{0}",
        "ＩＳＳ",
    ];
    let effects: Vec<Effect<'_>> = names
        .iter()
        .flat_map(|n| [Effect::SetAccessClaim(n, "1"), Effect::SetIdClaim(n, "1")])
        .collect();
    let (verdict, reports) = run(&[&returning(&effects)]).await;
    let made = changes(verdict);
    assert_eq!((made.access_claims.len(), made.id_claims.len()), (0, 0));
    assert!(reports.provenance.is_empty());
    assert_eq!(reports.rules[0].effects.len(), 20);
    for effect in &reports.rules[0].effects {
        assert!(effect.refused.is_some(), "{effect:?}");
    }
    let first = &reports.rules[0].effects[0];
    assert_eq!(first.effect, "set-access-claim");
    assert_eq!(first.name.as_deref(), Some("iss"));
    assert_eq!(first.value, Some(json!(1)));
    assert_eq!(
        first.refused.as_deref(),
        Some("`iss` is reserved: only the server sets it; use a namespaced name")
    );
}

#[tokio::test]
async fn reserved_claims_cannot_be_taken_out_either() {
    assert!(refusal(Effect::RemoveAccessClaim("sub")).await.is_some());
    assert!(refusal(Effect::RemoveIdClaim("sub")).await.is_some());
}

#[tokio::test]
async fn claims_are_set_and_taken_out_and_the_rest_of_the_draft_stays() {
    let (verdict, reports) = run(&[&returning(&[
        Effect::SetAccessClaim("https://example.com/roles", r#"["admin"]"#),
        Effect::SetAccessClaim("gone", "1"),
        Effect::RemoveAccessClaim("gone"),
        Effect::RemoveAccessClaim("tier"),
        Effect::RemoveAccessClaim("never"),
        Effect::SetIdClaim("nickname", r#""countess""#),
        Effect::RemoveIdClaim("nickname"),
    ])])
    .await;
    let made = changes(verdict);
    let access: Vec<(&str, Option<&Value>)> = made
        .access_claims
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_ref()))
        .collect();
    let roles = json!(["admin"]);
    assert_eq!(
        access,
        [("https://example.com/roles", Some(&roles)), ("tier", None)]
    );
    assert_eq!(made.id_claims.get("nickname"), Some(&None));
    assert_eq!(reports.provenance.len(), 1);
    assert!(reports.rules[0].effects.iter().all(|e| e.refused.is_none()));
}

#[tokio::test]
async fn nonsense_in_one_effect_undoes_the_effects_before_it() {
    let rule = returning(&[
        Effect::SetAccessClaim("good", "1"),
        Effect::SetAccessClaim("bad", "{nope"),
    ]);
    let (verdict, reports) = run(&[&rule]).await;
    assert!(matches!(verdict, Verdict::Faulted));
    assert_eq!(fault(&reports.rules[0]), Some(Fault::Output));
    assert!(detail(&reports.rules[0]).contains("`set-access-claim` has for `bad` is not JSON"));
    assert!(reports.provenance.is_empty());
}

#[tokio::test]
async fn json_may_nest_32_deep_and_no_deeper() {
    let nest = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(refusal(Effect::SetAccessClaim("a", &nest(32))).await, None);
    for depth in [33, 10_000] {
        let refused = refusal(Effect::SetAccessClaim("a", &nest(depth))).await;
        assert!(refused.unwrap().contains("deep"));
    }
}

#[tokio::test]
async fn scopes_are_added_removed_and_replaced() {
    let (verdict, reports) = run(&[&returning(&[
        Effect::AddScope("read"),
        Effect::AddScope("extra"),
        Effect::RemoveScope("openid"),
    ])])
    .await;
    assert_eq!(changes(verdict).scopes, ["read", "extra"]);
    // `read` was there before: nobody added it.
    assert_eq!(reports.provenance.len(), 1);
    assert_eq!(reports.provenance[0].name, "extra");
    assert_eq!(reports.provenance[0].kind, Provenanced::Scope);

    let first = returning(&[Effect::AddScope("extra"), Effect::AddScope("more")]);
    let second = returning(&[Effect::ReplaceScopes(&["read", "more", "new", "new"])]);
    let (verdict, reports) = run(&[&first, &second]).await;
    assert_eq!(changes(verdict).scopes, ["read", "more", "new"]);
    let who: Vec<(&str, &str)> = reports
        .provenance
        .iter()
        .map(|p| (p.name.as_str(), p.rule.as_str()))
        .collect();
    assert_eq!(who, [("more", "rule-1"), ("new", "rule-2")]);
}

#[tokio::test]
async fn a_scope_is_what_rfc_6749_says() {
    for bad in ["", "two words", "quo\"te", "back\\slash", "naïve", "tab\t"] {
        assert!(refusal(Effect::AddScope(bad)).await.is_some(), "{bad}");
    }
    for good in ["read:orders", "!", "https://example.com/a?b#c", "~"] {
        assert_eq!(refusal(Effect::AddScope(good)).await, None, "{good}");
    }
    // One bad name, and the list as a whole does nothing.
    let (verdict, reports) = run(&[&returning(&[Effect::ReplaceScopes(&["a", "b c"])])]).await;
    assert!(reports.rules[0].effects[0].refused.is_some());
    assert_eq!(changes(verdict).scopes, ["openid", "read"]);
}

#[tokio::test]
async fn metadata_is_merged_and_bad_keys_are_refused() {
    let (verdict, _) = run(&[&returning(&[
        Effect::MergeUserMetadata(r#"{"colour": null, "size": 3}"#),
        Effect::MergeAppMetadata(r#"{"plan": "pro"}"#),
    ])])
    .await;
    let made = changes(verdict);
    assert_eq!(
        Value::from(made.user_metadata),
        json!({"colour": null, "size": 3})
    );
    assert_eq!(Value::from(made.app_metadata), json!({"plan": "pro"}));
    for bad in [
        r#"{"a.b": 1}"#,
        r#"{"$set": 1}"#,
        r#"{"": 1}"#,
        "[1]",
        "null",
    ] {
        assert!(
            refusal(Effect::MergeUserMetadata(bad)).await.is_some(),
            "{bad}"
        );
        assert!(
            refusal(Effect::MergeAppMetadata(bad)).await.is_some(),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_denial_has_a_known_code_and_a_plain_description() {
    let (verdict, _) = run(&[&denying(None, "not\u{1b}[31m\ntoday\u{202e}")]).await;
    let Verdict::Denied(denial) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(denial.error, "access_denied");
    assert_eq!(denial.description, "not[31m today");
    let (verdict, _) = run(&[&denying(Some("unauthorized"), "x")]).await;
    assert!(matches!(verdict, Verdict::Denied(d) if d.error == "unauthorized"));
    let unknown = report(&denying(Some("invalid_grant"), "x")).await;
    assert_eq!(fault(&unknown), Some(Fault::Output));
    assert!(detail(&unknown).contains("`invalid_grant`"));
}
