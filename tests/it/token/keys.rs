//! A tenant's keys: made, sealed, published.

use std::collections::BTreeSet;

use claimsmith::clock::Timestamp;
use claimsmith::secret::Secret;
use claimsmith::store::{Batch, Records};
use claimsmith::tenant::TenantName;
use claimsmith::token::{
    KeyError, KeyState, Keyring, MasterKey, SealError, SigningAlgorithm, SigningKey, VerifyingKey,
};

use crate::support::memory::Memory;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn keyring(byte: &str) -> Keyring {
    Keyring::new(MasterKey::from_env_text(&Secret::new(byte.repeat(32))).unwrap())
}

fn acme() -> TenantName {
    TenantName::parse("acme").unwrap()
}

async fn insert(records: &Records, key: &SigningKey) {
    let batch = Batch::durable().insert(&["acme", &key.kid], key);
    records.commit(batch).await.unwrap();
}

#[tokio::test]
async fn a_tenant_gets_a_key_for_each_asymmetric_algorithm_and_publishes_only_public_halves() {
    let (store, records) = Memory::records();
    let keyring = keyring("ab");
    let keys = keyring.generate_for_tenant(&acme(), NOW).await.unwrap();
    let algs: Vec<_> = keys.iter().map(|key| key.alg).collect();
    assert_eq!(algs, SigningAlgorithm::ASYMMETRIC);
    for key in &keys {
        assert_eq!((key.state, key.created_at), (KeyState::Current, NOW));
        assert_eq!(key.kid, key.public.thumbprint());
        insert(&records, key).await;
    }

    let jwks = keyring.jwks(&records, &acme()).await.unwrap();
    let published = jwks["keys"].as_array().unwrap();
    let algs: Vec<_> = published
        .iter()
        .map(|key| key["alg"].as_str().unwrap())
        .collect();
    assert_eq!(algs, ["RS256", "PS256", "ES256", "EdDSA"]);
    let kids: BTreeSet<_> = published
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect();
    assert_eq!(kids.len(), 4);
    for jwk in published {
        VerifyingKey::from_jwk(jwk).unwrap();
        let members: BTreeSet<_> = jwk
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let expected: &[&str] = match jwk["kty"].as_str().unwrap() {
            "RSA" => &["alg", "e", "kid", "kty", "n", "use"],
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        assert_eq!(members, expected.iter().copied().collect());
        assert_eq!(jwk["use"], "sig");
    }
    // PKCS#8 of these keys begins with these bytes; none is in the store in clear.
    for start in ["MIIE", "MIG", "MFE", "MC4C"] {
        assert!(!store.dump().contains(&format!("\"{start}")));
    }
}

#[tokio::test]
async fn the_jwk_set_has_next_and_previous_keys_behind_the_current_and_no_revoked() {
    let (_, records) = Memory::records();
    let keyring = keyring("ab");
    let mut kids = Vec::new();
    for state in [
        KeyState::Previous,
        KeyState::Next,
        KeyState::Revoked,
        KeyState::Current,
    ] {
        let key = keyring
            .generate(&acme(), SigningAlgorithm::ES256, state, NOW)
            .unwrap();
        insert(&records, &key).await;
        kids.push(key.kid);
    }
    let jwks = keyring.jwks(&records, &acme()).await.unwrap();
    let published = jwks["keys"].as_array().unwrap();
    let published: Vec<_> = published
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect();
    assert_eq!(published, [&kids[3], &kids[1], &kids[0]]);
    // Another tenant publishes none of them.
    let other = TenantName::parse("other").unwrap();
    assert_eq!(
        keyring.jwks(&records, &other).await.unwrap(),
        serde_json::json!({ "keys": [] })
    );
}

#[test]
fn a_private_half_opens_under_its_own_master_key_tenant_and_name_only() {
    let alg = SigningAlgorithm::EdDSA;
    let [one, two] = [0; 2].map(|_| {
        keyring("ab")
            .generate(&acme(), alg, KeyState::Current, NOW)
            .unwrap()
    });
    let open = |key: &SigningKey, master: &Keyring, tenant: &str, kid: &str| {
        key.private
            .open(master.master(), &["signing-key", tenant, kid])
    };
    open(&one, &keyring("ab"), "acme", &one.kid).unwrap();
    let refused = open(&one, &keyring("cd"), "acme", &one.kid).unwrap_err();
    assert!(matches!(refused, SealError::OtherKey));
    for (tenant, kid) in [("evil", &one.kid), ("acme", &two.kid)] {
        let refused = open(&one, &keyring("ab"), tenant, kid).unwrap_err();
        assert!(matches!(refused, SealError::Refused));
    }
}

#[test]
fn an_api_secret_below_256_bits_is_refused() {
    let keyring = keyring("ab");
    for short in ["", "hunter2", &"x".repeat(31)] {
        let refused = keyring.seal_api_secret(&acme(), "https://api", &Secret::new(short));
        assert!(matches!(refused, Err(KeyError::ShortSecret)), "{short}");
    }
    keyring
        .seal_api_secret(&acme(), "https://api", &Secret::new("x".repeat(32)))
        .unwrap();
}
