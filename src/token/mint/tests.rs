//! Everything that is signed, read back by a verifier that knows the JWK set only.

mod id_token;
mod opaque;
mod rules;

use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::*;
use crate::api::TokenDialect;
use crate::client::ClientAuthentication;
use crate::store::Table;
use crate::tenant::{Issuer, TenantName};
use crate::token::MasterKey;
use crate::token::access::{AccessError, Presented, userinfo, verify_access_token};
use crate::token::claims::draft;
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
        let tenant = Tenant::new(name, Issuer::parse(ISSUER).unwrap(), NOW);
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
            jti: "exchange",
            requested_scopes,
            permissions: &[],
            confirmation: None,
            offline: Offline::No,
            now: NOW,
        }
    }

    async fn issue(&self, api: Option<&Api>, changes: &Changes) -> TokenResponse {
        self.mint(api, &changes.scopes)
            .issue(&self.user.user_id, Some(&self.user), None, changes)
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
        let access =
            verify_access_token(records, keyring, tenant, Presented::bearer(token), now).await?;
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
        id: String::new(),
        kept: Default::default(),
        identifier: API.into(),
        name: "api".into(),
        scopes: Vec::new(),
        signing_alg,
        signing_secret: None,
        token_dialect,
        token_lifetime: 600,
        subject_type_authorization: Default::default(),
        enforce_policies: false,
        is_system: false,
        allow_offline_access: false,
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
    let (header, claims) = house.read(&one.access_token).await;
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let expected = json!({
        "iss": ISSUER, "sub": "auth0|1", "aud": API, "client_id": "c1", "jti": "exchange",
        "iat": NOW_SECS, "exp": NOW_SECS + 600, "scope": "read:x",
    });
    assert_eq!(claims, object(expected));
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
            .issue(
                &house.user.user_id,
                Some(&house.user),
                None,
                &changes("read:x"),
            )
            .await;
        assert!(matches!(outcome, Err(MintError::Key(_))), "{outcome:?}");
    }
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
        let user = &house.user;
        let changes = changes(granted);
        let response = mint
            .issue(&user.user_id, Some(user), None, &changes)
            .await
            .unwrap();
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

#[tokio::test]
async fn the_draft_is_what_would_be_signed_without_times() {
    let house = House::new().await;
    let api = api(SigningAlgorithm::EdDSA, TokenDialect::Rfc9068Profile);
    let granted = changes("openid email read:x");
    let mint = house.mint(Some(&api), &[]);
    let draft = |scopes: &[String]| {
        let user = Some(&house.user);
        draft(&mint.parties(), &house.user.user_id, user, scopes)
    };
    let drafted = draft(&granted.scopes);
    let response = house.issue(Some(&api), &granted).await;
    let mut access = house.read(&response.access_token).await.1;
    access.retain(|name, _| !["iat", "exp", "jti"].contains(&name.as_str()));
    assert_eq!(drafted.access_claims, access);
    let mut id = house.read(&response.id_token.unwrap()).await.1;
    id.retain(|name, _| !["iat", "exp", "at_hash"].contains(&name.as_str()));
    assert_eq!(drafted.id_claims, id);
    assert!(draft(&scopes("read:x")).id_claims.is_empty());
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
