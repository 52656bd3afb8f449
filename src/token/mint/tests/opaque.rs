//! Access tokens that are references.

use super::*;

#[tokio::test]
async fn without_an_api_the_access_token_is_opaque_stored_by_digest_and_ends() {
    let house = House::new().await;
    let response = house.issue(None, &changes("openid email")).await;
    let token = &response.access_token;
    assert_eq!((token.expose().len(), response.expires_in), (43, 86_400));
    assert!(!house.store.dump().contains(token.expose()));
    let stored = house
        .records
        .list::<OpaqueToken>(&["acme"], 9)
        .await
        .unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].key.part(1).unwrap(), Digest::of(token).as_str());
    assert_eq!(
        <OpaqueToken as crate::store::Record>::TABLE,
        Table::OpaqueToken
    );

    assert_eq!(
        house.userinfo(token).await.unwrap()["email"],
        "alice@example.com"
    );
    let end = NOW.plus_secs(OPAQUE_TOKEN_LIFETIME);
    let before = Timestamp::from_millis(end.as_millis() - 1);
    house.userinfo_at(token, before).await.unwrap();
    let outcome = house.userinfo_at(token, end).await;
    assert!(
        matches!(outcome, Err(AccessError::Invalid(_))),
        "{outcome:?}"
    );
    house.store.set_now(end);
    assert!(
        house
            .records
            .list::<OpaqueToken>(&["acme"], 9)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn no_variant_of_an_opaque_token_is_valid() {
    let house = House::new().await;
    let token = house.issue(None, &changes("openid")).await.access_token;
    let text = token.expose();
    let mut variants: Vec<String> = (0..text.len()).map(|end| text[..end].to_owned()).collect();
    variants.push(format!("{text}A"));
    variants.push(format!("{text}="));
    variants.extend((0..text.len()).map(|position| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[position] ^= 0x20;
        String::from_utf8_lossy(&bytes).into_owned()
    }));
    for variant in variants {
        let outcome = house.userinfo(&Secret::new(variant.clone())).await;
        assert!(matches!(outcome, Err(AccessError::Invalid(_))), "{variant}");
    }
    // Nor is it another tenant's.
    let other = Tenant {
        name: TenantName::parse("other").unwrap(),
        ..house.tenant.clone()
    };
    let token = Presented::bearer(&token);
    let outcome = verify_access_token(&house.records, &house.keyring, &other, token, NOW).await;
    assert!(matches!(outcome, Err(AccessError::Invalid(_))));
}

#[tokio::test]
async fn an_opaque_token_without_openid_has_too_little_scope() {
    let house = House::new().await;
    let token = house.issue(None, &changes("")).await.access_token;
    let outcome = house.userinfo(&token).await;
    assert!(
        matches!(outcome, Err(AccessError::InsufficientScope)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn nothing_is_answered_that_could_not_be_stored() {
    let house = House::new().await;
    house.store.break_down();
    let outcome = house
        .mint(None, &[])
        .issue(&house.user.user_id, Some(&house.user), None, &changes(""))
        .await;
    assert!(matches!(outcome, Err(MintError::Store(_))), "{outcome:?}");
}
