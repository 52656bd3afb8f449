//! ID tokens, and what /userinfo says alike.

use super::*;

#[tokio::test]
async fn an_id_token_has_the_profile_that_its_scopes_let_out() {
    let house = House::new().await;
    let base = json!({
        "iss": ISSUER, "sub": "auth0|1", "aud": "c1", "iat": NOW_SECS, "exp": NOW_SECS + 36_000,
    });
    let profile = json!({
        "name": "Alice Example", "given_name": "Alice", "updated_at": "2023-06-14T20:36:36.399Z",
    });
    let email = json!({ "email": "alice@example.com", "email_verified": false });
    let phone = json!({ "phone_number": "+4930123456", "phone_number_verified": true });
    for (granted, parts) in [
        ("openid", vec![]),
        ("openid profile", vec![&profile]),
        ("openid email", vec![&email]),
        ("openid phone", vec![&phone]),
        (
            "openid profile email address phone",
            vec![&profile, &email, &phone],
        ),
    ] {
        let response = house.issue(None, &changes(granted)).await;
        let (header, mut claims) = house.read(&response.id_token.unwrap()).await;
        assert_eq!(
            (header.typ.as_deref(), header.alg),
            (Some("JWT"), Algorithm::RS256)
        );
        assert_eq!(
            claims.remove("at_hash").unwrap(),
            at_hash(&response.access_token)
        );
        let mut user = Map::new();
        user.extend(parts.into_iter().flat_map(|part| object(part.clone())));
        let mut expected = object(base.clone());
        expected.extend(user.clone());
        assert_eq!(claims, expected, "{granted}");
        // /userinfo says the same of the user.
        user.insert("sub".into(), "auth0|1".into());
        assert_eq!(
            house.userinfo(&response.access_token).await.unwrap(),
            user,
            "{granted}"
        );
    }
}

/// OpenID Connect Core, appendix A.4.
#[test]
fn at_hash_is_that_of_the_specifications_example() {
    let token = Secret::new("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    assert_eq!(at_hash(&token), "77QmUPtjPfzWtF2AnpK9RQ");
}
