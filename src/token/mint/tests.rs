//! Everything that is signed, read back by a verifier that knows the JWK set only.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test helper that cannot go on has found a failure"
)]

use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::*;
use crate::client::ClientAuthentication;
use crate::store::Table;
use crate::tenant::{Issuer, TenantName};
use crate::token::MasterKey;
use crate::token::access::{AccessError, userinfo, verify_access_token};
use crate::token::claims::{draft, iso};
use crate::token::testing::memory::Memory;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_399);
const NOW_SECS: u64 = 1_700_000_000;
const ISSUER: &str = "https://acme.example/";
const USERINFO: &str = "https://acme.example/userinfo";
const API: &str = "https://api.example";

struct House {
    store: Arc<Memory>,
    records: Records,
    keyring: Keyring,
    tenant: Tenant,
    client: Client,
    user: User,
}

impl House {
    async fn new() -> Self {
        let (store, records) = Memory::records();
        let keyring =
            Keyring::new(MasterKey::from_env_text(&Secret::new("ab".repeat(32))).unwrap());
        let name = TenantName::parse("acme").unwrap();
        let tenant = Tenant {
            issuer: Issuer::parse(ISSUER).unwrap(),
            friendly_name: "Acme".into(),
            default_audience: None,
            default_directory: None,
            errors: Default::default(),
            denials: Default::default(),
            created_at: NOW,
            name,
        };
        let client = Client {
            client_id: "c1".into(),
            name: "one".into(),
            token_endpoint_auth_method: ClientAuthentication::None,
            secret: None,
            grant_types: Vec::new(),
            is_first_party: true,
            metadata: Default::default(),
            id_token_lifetime: 36_000,
            created_at: NOW,
        };
        let user = User {
            user_id: "auth0|1".into(),
            connection: "main".into(),
            email: Some("alice@example.com".into()),
            phone_number: Some("+4930123456".into()),
            phone_verified: true,
            name: Some("Alice Example".into()),
            given_name: Some("Alice".into()),
            updated_at: Timestamp::from_millis(1_686_774_996_399),
            ..User::default()
        };
        let mut batch = Batch::durable()
            .insert(&["acme", "auth0|1"], &user)
            .insert(&["acme", "c1"], &client);
        for key in keyring
            .generate_for_tenant(&tenant.name, NOW)
            .await
            .unwrap()
        {
            batch = batch.insert(&["acme", &key.kid], &key);
        }
        records.commit(batch).await.unwrap();
        Self {
            store,
            records,
            keyring,
            tenant,
            client,
            user,
        }
    }

    fn mint<'a>(&'a self, api: Option<&'a Api>, requested_scopes: &'a [String]) -> Mint<'a> {
        Mint {
            records: &self.records,
            keyring: &self.keyring,
            tenant: &self.tenant,
            client: &self.client,
            api,
            gty: "password",
            requested_scopes,
            now: NOW,
        }
    }

    async fn issue(&self, api: Option<&Api>, changes: &Changes) -> TokenResponse {
        self.mint(api, &changes.scopes)
            .issue(&self.user, changes)
            .await
            .unwrap()
    }

    /// Header and claims, verified with the published key that the header names.
    async fn read(&self, token: &Secret) -> (jsonwebtoken::Header, Map<String, Value>) {
        let jwks = self
            .keyring
            .jwks(&self.records, &self.tenant.name)
            .await
            .unwrap();
        let jwks: JwkSet = serde_json::from_value(jwks).unwrap();
        let header = jsonwebtoken::decode_header(token.expose()).unwrap();
        let jwk = jwks.find(header.kid.as_deref().unwrap()).unwrap();
        let key = DecodingKey::from_jwk(jwk).unwrap();
        let claims = verify(token, header.alg, &key);
        (header, claims)
    }

    async fn userinfo(&self, token: &Secret) -> Result<Map<String, Value>, AccessError> {
        self.userinfo_at(token, NOW).await
    }

    async fn userinfo_at(
        &self,
        token: &Secret,
        now: Timestamp,
    ) -> Result<Map<String, Value>, AccessError> {
        let Self {
            records,
            keyring,
            tenant,
            ..
        } = self;
        let access = verify_access_token(records, keyring, tenant, token, now).await?;
        userinfo(records, tenant, &access).await
    }
}

fn verify(token: &Secret, alg: Algorithm, key: &DecodingKey) -> Map<String, Value> {
    let mut validation = Validation::new(alg);
    // The tests stand in the past; the claims are compared one by one.
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode(token.expose(), key, &validation)
        .unwrap()
        .claims
}

fn api(signing_alg: SigningAlgorithm, token_dialect: TokenDialect) -> Api {
    Api {
        identifier: API.into(),
        name: "api".into(),
        scopes: Vec::new(),
        signing_alg,
        signing_secret: None,
        token_dialect,
        token_lifetime: 600,
        created_at: NOW,
    }
}

fn scopes(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn changes(granted: &str) -> Changes {
    Changes {
        scopes: scopes(granted),
        ..Changes::default()
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn an_access_token_of_auth0s_dialect_has_exactly_its_claims() {
    let house = House::new().await;
    let api = api(SigningAlgorithm::RS256, TokenDialect::AccessToken);
    let response = house.issue(Some(&api), &changes("read:x write:x")).await;
    let (header, claims) = house.read(&response.access_token).await;
    assert_eq!(
        (header.typ.as_deref(), header.alg),
        (Some("JWT"), Algorithm::RS256)
    );
    let expected = json!({
        "iss": ISSUER, "sub": "auth0|1", "aud": API, "azp": "c1", "gty": "password",
        "iat": NOW_SECS, "exp": NOW_SECS + 600, "scope": "read:x write:x",
    });
    assert_eq!(claims, object(expected));
    assert_eq!(response.expires_in, 600);
    assert!(response.id_token.is_none() && response.refresh_token.is_none());
}

#[tokio::test]
async fn an_access_token_of_rfc_9068_has_exactly_its_claims() {
    let house = House::new().await;
    let api = api(SigningAlgorithm::RS256, TokenDialect::Rfc9068Profile);
    let one = house.issue(Some(&api), &changes("read:x")).await;
    let two = house.issue(Some(&api), &changes("read:x")).await;
    let (header, mut claims) = house.read(&one.access_token).await;
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let jti = claims.remove("jti").unwrap();
    let expected = json!({
        "iss": ISSUER, "sub": "auth0|1", "aud": API, "client_id": "c1",
        "iat": NOW_SECS, "exp": NOW_SECS + 600, "scope": "read:x",
    });
    assert_eq!(claims, object(expected));
    assert_ne!(jti, house.read(&two.access_token).await.1["jti"]);
}

#[tokio::test]
async fn every_asymmetric_algorithm_signs_and_its_token_opens_userinfo() {
    let house = House::new().await;
    for (alg, expected) in [
        (SigningAlgorithm::RS256, Algorithm::RS256),
        (SigningAlgorithm::PS256, Algorithm::PS256),
        (SigningAlgorithm::ES256, Algorithm::ES256),
        (SigningAlgorithm::EdDSA, Algorithm::EdDSA),
    ] {
        for dialect in [TokenDialect::AccessToken, TokenDialect::Rfc9068Profile] {
            let response = house
                .issue(Some(&api(alg, dialect)), &changes("openid read:x"))
                .await;
            let (header, claims) = house.read(&response.access_token).await;
            assert_eq!(header.alg, expected);
            assert_eq!(claims["aud"], json!([API, USERINFO]));
            assert_eq!(claims["scope"], "openid read:x");
            let info = house.userinfo(&response.access_token).await.unwrap();
            assert_eq!(info, object(json!({ "sub": "auth0|1" })));
            // The ID token is RS256 whatever the API chose, and does not open /userinfo.
            let id_token = response.id_token.unwrap();
            assert_eq!(house.read(&id_token).await.0.alg, Algorithm::RS256);
            let outcome = house.userinfo(&id_token).await;
            assert!(
                matches!(outcome, Err(AccessError::Invalid(_))),
                "{outcome:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_token_of_an_hs256_api_is_for_the_api_alone() {
    let house = House::new().await;
    let secret = "s".repeat(32);
    let mut api = api(SigningAlgorithm::HS256, TokenDialect::AccessToken);
    let sealed = house
        .keyring
        .seal_api_secret(&house.tenant.name, API, &Secret::new(&secret));
    api.signing_secret = Some(sealed.unwrap());
    let response = house.issue(Some(&api), &changes("openid read:x")).await;
    let key = DecodingKey::from_secret(secret.as_bytes());
    let claims = verify(&response.access_token, Algorithm::HS256, &key);
    assert_eq!(claims["aud"], API);
    let header = jsonwebtoken::decode_header(response.access_token.expose()).unwrap();
    assert_eq!(header.kid, None);
    let outcome = house.userinfo(&response.access_token).await;
    assert!(
        matches!(outcome, Err(AccessError::Invalid(_))),
        "{outcome:?}"
    );
    assert!(response.id_token.is_some());

    // Without its secret, or with the secret of another API, nothing is signed.
    for (identifier, secret) in [
        (API, None),
        ("https://other.example", api.signing_secret.clone()),
    ] {
        let api = Api {
            identifier: identifier.into(),
            signing_secret: secret,
            ..api.clone()
        };
        let outcome = house
            .mint(Some(&api), &[])
            .issue(&house.user, &changes("read:x"))
            .await;
        assert!(matches!(outcome, Err(MintError::Key(_))), "{outcome:?}");
    }
}

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
    let outcome = verify_access_token(&house.records, &house.keyring, &other, &token, NOW).await;
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
async fn scope_is_echoed_only_if_it_differs_and_is_not_empty() {
    let house = House::new().await;
    for (asked, granted, echoed) in [
        ("", "openid profile", Some("openid profile")),
        ("openid", "openid profile", Some("openid profile")),
        ("a b", "a", Some("a")),
        ("a b", "b a", None),
        ("a a", "a", None),
        ("a", "a", None),
        ("extra", "", None),
        ("", "", None),
    ] {
        let asked_scopes = scopes(asked);
        let mint = house.mint(None, &asked_scopes);
        let response = mint.issue(&house.user, &changes(granted)).await.unwrap();
        assert_eq!(response.scope.as_deref(), echoed, "{asked} -> {granted}");
        assert_eq!(response.to_wire().contains_key("scope"), echoed.is_some());
    }
}

#[tokio::test]
async fn no_scope_means_no_scope_claim() {
    let house = House::new().await;
    let api = api(SigningAlgorithm::EdDSA, TokenDialect::AccessToken);
    let response = house.issue(Some(&api), &changes("")).await;
    assert!(
        !house
            .read(&response.access_token)
            .await
            .1
            .contains_key("scope")
    );
}

fn set<const N: usize>(claims: [(&str, Value); N]) -> crate::token::claims::Overlay {
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
    let mut hostile: Vec<String> = super::super::claims::RESERVED.map(str::to_owned).into();
    hostile
        .extend(["Iss", "ISS", "iss ", " iss", "iss\0", "s\u{a0}ub", "SUB\n"].map(str::to_owned));
    let overlay: crate::token::claims::Overlay = hostile
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
    mint.issue(&house.user, &silver).await.unwrap();
    assert_eq!(tier().await, Some(json!("gold")));

    house.issue(Some(&api), &changes("openid")).await;
    assert_eq!(tier().await, None);
}

#[tokio::test]
async fn nothing_is_answered_that_could_not_be_stored() {
    let house = House::new().await;
    house.store.break_down();
    let outcome = house.mint(None, &[]).issue(&house.user, &changes("")).await;
    assert!(matches!(outcome, Err(MintError::Store(_))), "{outcome:?}");
}

#[tokio::test]
async fn the_draft_is_what_would_be_signed_without_times() {
    let house = House::new().await;
    let api = api(SigningAlgorithm::EdDSA, TokenDialect::Rfc9068Profile);
    let granted = changes("openid email read:x");
    let mint = house.mint(Some(&api), &[]);
    let draft = draft(&mint.parties(), &house.user, &granted.scopes);
    let response = house.issue(Some(&api), &granted).await;
    let mut access = house.read(&response.access_token).await.1;
    access.retain(|name, _| !["iat", "exp", "jti"].contains(&name.as_str()));
    assert_eq!(draft.access_claims, access);
    let mut id = house.read(&response.id_token.unwrap()).await.1;
    id.retain(|name, _| !["iat", "exp", "at_hash"].contains(&name.as_str()));
    assert_eq!(draft.id_claims, id);
    let without = super::super::claims::draft(&mint.parties(), &house.user, &scopes("read:x"));
    assert!(without.id_claims.is_empty());
}

#[tokio::test]
async fn the_wire_has_the_fields_of_rfc_6749_and_the_response_prints_no_token() {
    let house = House::new().await;
    let response = house.issue(None, &changes("openid")).await;
    let wire = response.to_wire();
    let names: Vec<_> = wire.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["access_token", "expires_in", "id_token", "token_type"]
    );
    assert_eq!(wire["token_type"], "Bearer");
    assert_eq!(wire["expires_in"], 86_400);
    assert!(!format!("{response:?}").contains(response.access_token.expose()));
}

#[test]
fn moments_are_written_as_dates() {
    for (secs, text) in [
        (0, "1970-01-01T00:00:00.007Z"),
        (951_782_399, "2000-02-28T23:59:59.007Z"),
        (951_782_400, "2000-02-29T00:00:00.007Z"),
        (951_868_800, "2000-03-01T00:00:00.007Z"),
        (1_709_164_800, "2024-02-29T00:00:00.007Z"),
        (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        (1_735_689_599, "2024-12-31T23:59:59.007Z"),
    ] {
        assert_eq!(iso(Timestamp::from_millis(secs * 1000 + 7)), text);
    }
}
