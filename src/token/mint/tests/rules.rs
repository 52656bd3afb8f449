//! What rules change of what is signed, and what they cannot.

use super::*;
use crate::rule_host::RESERVED_CLAIMS;
use crate::token::claims::Overlay;

fn set<const N: usize>(claims: [(&str, Value); N]) -> Overlay {
    claims
        .map(|(name, value)| (name.to_owned(), (!value.is_null()).then_some(value)))
        .into()
}

#[tokio::test]
async fn rules_claims_are_signed_and_profile_claims_need_their_scope() {
    let house = House::new().await;
    let api = api(SigningAlgorithm::EdDSA, TokenDialect::AccessToken);
    let mut changes = changes("openid profile read:x");
    changes.access_claims = set([
        ("https://ns/roles", json!(["admin"])),
        ("plain", json!(1)),
        ("email", json!("hidden@example.com")),
        ("https://ns/taken-back", Value::Null),
    ]);
    changes.id_claims = set([
        ("https://ns/tier", json!("gold")),
        ("name", json!("Alice the Great")),
        ("given_name", Value::Null),
        ("email", json!("hidden@example.com")),
    ]);
    let response = house.issue(Some(&api), &changes).await;
    let access = house.read(&response.access_token).await.1;
    assert_eq!(access["https://ns/roles"], json!(["admin"]));
    assert_eq!(access["plain"], 1);
    assert!(!access.contains_key("email") && !access.contains_key("https://ns/taken-back"));
    let id = house.read(response.id_token.as_ref().unwrap()).await.1;
    let info = house.userinfo(&response.access_token).await.unwrap();
    for claims in [id, info] {
        assert_eq!(claims["https://ns/tier"], "gold");
        assert_eq!(claims["name"], "Alice the Great");
        assert!(!claims.contains_key("given_name") && !claims.contains_key("email"));
        assert!(!claims.contains_key("https://ns/roles"));
    }
}

#[tokio::test]
async fn no_rule_sets_a_reserved_claim_or_one_that_reads_like_it() {
    let house = House::new().await;
    let mut hostile: Vec<String> = RESERVED_CLAIMS.map(str::to_owned).into();
    hostile
        .extend(["Iss", "ISS", "iss ", " iss", "iss\0", "s\u{a0}ub", "SUB\n"].map(str::to_owned));
    let overlay: Overlay = hostile
        .iter()
        .map(|name| (name.clone(), Some(json!("evil"))))
        .collect();
    for dialect in [TokenDialect::AccessToken, TokenDialect::Rfc9068Profile] {
        let api = api(SigningAlgorithm::EdDSA, dialect);
        let plain = changes("openid profile email phone read:x");
        let mut attacked = plain.clone();
        attacked.access_claims = overlay.clone();
        attacked.id_claims = overlay.clone();
        let (good, bad) = (
            house.issue(Some(&api), &plain).await,
            house.issue(Some(&api), &attacked).await,
        );
        let mut pairs = Vec::new();
        for response in [&good, &bad] {
            let mut access = house.read(&response.access_token).await.1;
            access.remove("jti");
            let mut id = house.read(response.id_token.as_ref().unwrap()).await.1;
            id.remove("at_hash");
            pairs.push((
                access,
                id,
                house.userinfo(&response.access_token).await.unwrap(),
            ));
        }
        assert_eq!(pairs[0], pairs[1]);
        assert!(!format!("{pairs:?}").contains("evil"));
    }
}

#[tokio::test]
async fn userinfo_repeats_the_claims_last_issued_to_this_client_and_writes_only_changes() {
    let house = House::new().await;
    let api = api(SigningAlgorithm::EdDSA, TokenDialect::AccessToken);
    let mut gold = changes("openid");
    gold.id_claims = set([("https://ns/tier", json!("gold"))]);
    let token = house.issue(Some(&api), &gold).await.access_token;
    let tier = async || {
        house
            .userinfo(&token)
            .await
            .unwrap()
            .get("https://ns/tier")
            .cloned()
    };
    assert_eq!(tier().await, Some(json!("gold")));

    let commits = house.store.commits();
    house.issue(Some(&api), &gold).await;
    assert_eq!(
        house.store.commits(),
        commits,
        "nothing changed, nothing is written"
    );

    // A login without `openid` says nothing to /userinfo, so it changes nothing there.
    house.issue(Some(&api), &changes("read:x")).await;
    assert_eq!(tier().await, Some(json!("gold")));

    // Another client's claims are its own.
    let other = Client {
        client_id: "c2".into(),
        ..house.client.clone()
    };
    let mut silver = changes("openid");
    silver.id_claims = set([("https://ns/tier", json!("silver"))]);
    let mint = Mint {
        client: &other,
        ..house.mint(Some(&api), &[])
    };
    mint.issue(&house.user.user_id, Some(&house.user), None, &silver)
        .await
        .unwrap();
    assert_eq!(tier().await, Some(json!("gold")));

    house.issue(Some(&api), &changes("openid")).await;
    assert_eq!(tier().await, None);
}
