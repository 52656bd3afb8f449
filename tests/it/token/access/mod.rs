//! Which tokens open /userinfo, and for how long.

mod forged;

use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimsmith::client::{Client, ClientAuthentication};
use claimsmith::clock::Timestamp;
use claimsmith::secret::Secret;
use claimsmith::store::{self, Batch, Records};
use claimsmith::tenant::{Issuer, Tenant, TenantName};
use claimsmith::token::access::{
    AccessError, Presented, UserinfoAccess, userinfo, verify_access_token,
};
use claimsmith::token::{KeyState, Keyring, MasterKey, SigningAlgorithm, SigningKey};
use claimsmith::user::User;
use serde_json::{Value, json};

use crate::support::memory::Memory;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const NOW_SECS: u64 = 1_700_000_000;

struct House {
    store: Arc<Memory>,
    records: Records,
    keyring: Keyring,
    acme: Tenant,
    /// Acme's EdDSA key: its signatures are cheap to forge with.
    key: SigningKey,
}

fn tenant(name: &str) -> Tenant {
    let issuer = Issuer::parse(&format!("https://{name}.example/")).unwrap();
    Tenant::new(TenantName::parse(name).unwrap(), issuer, NOW)
}

impl House {
    async fn new() -> Self {
        let (store, records) = Memory::records();
        let master = MasterKey::from_env_text(&Secret::new("ab".repeat(32))).unwrap();
        let keyring = Keyring::new(master);
        let acme = tenant("acme");
        let key = add_key(&records, &keyring, &acme, KeyState::Current).await;
        let user = User {
            user_id: "auth0|1".into(),
            name: Some("Alice".into()),
            email: Some("alice@example.com".into()),
            ..User::default()
        };
        let client = Client {
            is_token_endpoint_ip_header_trusted: false,
            resource_server_identifier: None,
            client_id: "c1".into(),
            name: "one".into(),
            token_endpoint_auth_method: ClientAuthentication::None,
            previous_secret: None,
            credentials: Vec::new(),
            secret: None,
            grant_types: Vec::new(),
            is_first_party: true,
            metadata: Default::default(),
            kept: Default::default(),
            sender_constraint: Default::default(),
            refresh_token: None,
            id_token_lifetime: 36_000,
            created_at: NOW,
        };
        let batch = Batch::durable()
            .insert(&["acme", "auth0|1"], &user)
            .insert(&["acme", "c1"], &client);
        records.commit(batch).await.unwrap();
        Self {
            store,
            records,
            keyring,
            acme,
            key,
        }
    }

    fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.key.kid })
    }

    /// Signed with Acme's key, whatever header and claims say.
    fn sign(&self, header: &Value, claims: &str) -> String {
        sign(&self.keyring, "acme", &self.key, header, claims)
    }

    async fn verify(&self, token: &str) -> Result<UserinfoAccess, AccessError> {
        verify_access_token(
            &self.records,
            &self.keyring,
            &self.acme,
            Presented::bearer(&Secret::new(token)),
            NOW,
        )
        .await
    }

    async fn assert_invalid(&self, token: &str, what: &str) {
        let outcome = self.verify(token).await;
        assert!(
            matches!(outcome, Err(AccessError::Invalid(_))),
            "{what}: {outcome:?}"
        );
    }
}

async fn add_key(
    records: &Records,
    keyring: &Keyring,
    tenant: &Tenant,
    state: KeyState,
) -> SigningKey {
    let key = keyring
        .generate(&tenant.name, SigningAlgorithm::EdDSA, state, NOW)
        .unwrap();
    let batch = Batch::durable().insert(&[tenant.name.as_str(), &key.kid], &key);
    records.commit(batch).await.unwrap();
    key
}

fn sign(keyring: &Keyring, tenant: &str, key: &SigningKey, header: &Value, claims: &str) -> String {
    let context = ["signing-key", tenant, &key.kid];
    let private = key.private.open(keyring.master(), &context).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(&private).unwrap();
    let message = message(header, claims);
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn message(header: &Value, claims: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims))
}

fn claims() -> Value {
    json!({
        "iss": "https://acme.example/", "sub": "auth0|1",
        "aud": ["https://api.example", "https://acme.example/userinfo"],
        "azp": "c1", "iat": NOW_SECS - 10, "exp": NOW_SECS + 10, "scope": "openid profile read:x",
    })
}

fn with(mut value: Value, member: &str, to: impl Into<Value>) -> Value {
    value[member] = to.into();
    value
}

fn without(mut value: Value, member: &str) -> Value {
    value.as_object_mut().unwrap().remove(member).unwrap();
    value
}

#[tokio::test]
async fn an_access_token_of_either_dialect_gives_access() {
    let house = House::new().await;
    let rfc9068 = with(without(claims(), "azp"), "client_id", "c1");
    for (typ, claims) in [
        ("JWT", claims()),
        ("at+jwt", rfc9068),
        (
            "JWT",
            with(claims(), "aud", "https://acme.example/userinfo"),
        ),
        ("JWT", with(claims(), "nbf", NOW_SECS)),
        (
            "JWT",
            with(claims(), "https://ns/custom", json!({ "deep": [1] })),
        ),
    ] {
        let token = house.sign(&with(house.header(), "typ", typ), &claims.to_string());
        let access = house.verify(&token).await.unwrap();
        assert_eq!(access.user_id(), "auth0|1");
        assert_eq!(access.client_id(), "c1");
        assert_eq!(access.scopes(), ["openid", "profile", "read:x"]);
    }
}

#[tokio::test]
async fn a_previous_key_still_verifies_and_a_revoked_one_does_not() {
    let house = House::new().await;
    for (state, good) in [
        (KeyState::Previous, true),
        (KeyState::Next, true),
        (KeyState::Revoked, false),
    ] {
        let key = add_key(&house.records, &house.keyring, &house.acme, state).await;
        let header = with(house.header(), "kid", key.kid.as_str());
        let token = sign(&house.keyring, "acme", &key, &header, &claims().to_string());
        assert_eq!(house.verify(&token).await.is_ok(), good, "{state:?}");
    }
}

#[tokio::test]
async fn a_token_without_openid_has_too_little_scope() {
    let house = House::new().await;
    for claims in [
        with(claims(), "scope", "profile"),
        without(claims(), "scope"),
    ] {
        let token = house.sign(&house.header(), &claims.to_string());
        let outcome = house.verify(&token).await;
        assert!(
            matches!(outcome, Err(AccessError::InsufficientScope)),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_broken_store_does_not_make_a_token_invalid() {
    let house = House::new().await;
    let token = house.sign(&house.header(), &claims().to_string());
    let access = house.verify(&token).await.unwrap();
    house.store.break_down();
    for outcome in [
        house.verify(&token).await.map(drop),
        house.verify(&"x".repeat(43)).await.map(drop),
        userinfo(&house.records, &house.acme, &access)
            .await
            .map(drop),
    ] {
        assert!(
            matches!(
                outcome,
                Err(AccessError::Store(store::Error::Unavailable(_)))
            ),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_token_outlives_neither_its_user_nor_its_client() {
    let house = House::new().await;
    let token = house.sign(&house.header(), &claims().to_string());
    let access = house.verify(&token).await.unwrap();
    let claims = userinfo(&house.records, &house.acme, &access)
        .await
        .unwrap();
    assert_eq!(claims["sub"], "auth0|1");

    let user = house
        .records
        .get::<User>(&["acme", "auth0|1"])
        .await
        .unwrap()
        .unwrap();
    let blocked = User {
        blocked: true,
        ..user.record.clone()
    };
    house
        .records
        .commit(Batch::durable().replace(&user, &blocked))
        .await
        .unwrap();
    assert_gone(&house, &access).await;

    let user = house
        .records
        .get::<User>(&["acme", "auth0|1"])
        .await
        .unwrap()
        .unwrap();
    house
        .records
        .commit(Batch::durable().delete(&user))
        .await
        .unwrap();
    assert_gone(&house, &access).await;

    let back = User {
        user_id: "auth0|1".into(),
        ..User::default()
    };
    house
        .records
        .commit(Batch::durable().insert(&["acme", "auth0|1"], &back))
        .await
        .unwrap();
    userinfo(&house.records, &house.acme, &access)
        .await
        .unwrap();
    let client = house
        .records
        .get::<Client>(&["acme", "c1"])
        .await
        .unwrap()
        .unwrap();
    house
        .records
        .commit(Batch::durable().delete(&client))
        .await
        .unwrap();
    assert_gone(&house, &access).await;
}

async fn assert_gone(house: &House, access: &UserinfoAccess) {
    let outcome = userinfo(&house.records, &house.acme, access).await;
    assert!(
        matches!(outcome, Err(AccessError::Invalid(_))),
        "{outcome:?}"
    );
}
