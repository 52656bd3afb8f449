//! Proofs of possession, check by check (RFC 9449, section 4.3).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimsmith::clock::Timestamp;
use claimsmith::secret::{Digest, Secret};
use claimsmith::store::Records;
use claimsmith::tenant::{Issuer, Tenant, TenantName};
use claimsmith::token::dpop::{DpopError, NONCE_LIFETIME, Target, WINDOW, nonce, verify};
use claimsmith::token::{Confirmation, Keyring, MasterKey};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::dpop::{Prover, with};
use crate::support::memory::Memory;

const SECS: u64 = 1_700_000_000;
const NOW: Timestamp = Timestamp::from_millis(SECS * 1000);
const URI: &str = "https://acme.example/oauth/token";

struct House {
    store: Arc<Memory>,
    records: Records,
    keyring: Keyring,
    tenant: Tenant,
    prover: Prover,
}

impl House {
    fn new() -> Self {
        let (store, records) = Memory::records();
        store.set_now(NOW);
        Self {
            store,
            records,
            keyring: keyring(),
            tenant: tenant("acme"),
            prover: Prover::new(),
        }
    }

    async fn verify(&self, proof: &str) -> Result<Confirmation, DpopError> {
        self.verify_at(proof, NOW).await
    }

    async fn verify_at(&self, proof: &str, now: Timestamp) -> Result<Confirmation, DpopError> {
        let target = Target {
            method: "POST",
            uri: URI,
            access_token: None,
        };
        let Self {
            records, keyring, ..
        } = self;
        verify(records, keyring, &self.tenant, proof, target, now).await
    }

    async fn assert_invalid(&self, proof: &str, what: &str) {
        let outcome = self.verify(proof).await;
        let invalid = matches!(outcome, Err(DpopError::Invalid(_)));
        assert!(invalid, "{what}: {outcome:?}");
    }
}

fn keyring() -> Keyring {
    Keyring::new(MasterKey::from_env_text(&Secret::new("ab".repeat(32))).unwrap())
}

fn tenant(name: &str) -> Tenant {
    let issuer = Issuer::parse(&format!("https://{name}.example/")).unwrap();
    Tenant::new(TenantName::parse(name).unwrap(), issuer, NOW)
}

fn claims(jti: &str) -> Value {
    json!({ "jti": jti, "htm": "POST", "htu": URI, "iat": SECS })
}

#[tokio::test]
async fn the_examples_of_rfc_9449_verify() {
    let house = House::new();
    let jkt = Confirmation::Key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned());
    let header = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZy\
        aHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFq\
        SG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19";
    // Section 4.1.
    let proof = format!(
        "{header}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLm\
         V4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvw\
         nQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    );
    let target = Target {
        method: "POST",
        uri: "https://server.example.com/token",
        access_token: None,
    };
    let (records, keyring, tenant) = (&house.records, &house.keyring, &house.tenant);
    let at = Timestamp::from_millis(1_562_262_616_000);
    let confirmed = verify(records, keyring, tenant, &proof, target, at).await;
    assert_eq!(confirmed.unwrap(), jkt);
    // Section 7.1.
    let proof = format!(
        "{header}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS\
         5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaN\
         TNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6\
         pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
    );
    let token = Secret::new("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
    let target = Target {
        method: "GET",
        uri: "https://resource.example.org/protectedresource",
        access_token: Some(&token),
    };
    let confirmed = verify(records, keyring, tenant, &proof, target, at).await;
    assert_eq!(confirmed.unwrap(), jkt);
}

#[tokio::test]
async fn a_proof_names_the_key_that_made_it() {
    let house = House::new();
    let confirmed = house.verify(&house.prover.prove(&claims("1"))).await;
    assert_eq!(
        confirmed.unwrap(),
        Confirmation::Key(house.prover.thumbprint())
    );
}

#[tokio::test]
async fn check_2_a_proof_is_one_well_formed_jwt() {
    let house = House::new();
    let proof = house.prover.prove(&claims("1"));
    let (message, signature) = proof.rsplit_once('.').unwrap();
    for (bent, what) in [
        (String::new(), "empty"),
        (message.to_owned(), "two parts"),
        (format!("{proof}."), "four parts"),
        (".".repeat(7_000), "dots"),
        (format!("{proof}="), "padding"),
        (format!("{proof} "), "a space"),
        (format!("{proof},{proof}"), "two"),
        (format!("{message}.{signature}A"), "a longer signature"),
        ("x".repeat(1_000_000), "huge"),
    ] {
        house.assert_invalid(&bent, what).await;
    }
    // A `jti` that fits is taken, whatever its length: only a digest is kept.
    let long = house.prover.prove(&claims(&"j".repeat(4_000)));
    house.verify(&long).await.unwrap();
    assert!(!house.store.dump().contains("jjjj"));
    let longer = house.prover.prove(&claims(&"j".repeat(8_000)));
    house.assert_invalid(&longer, "a huge jti").await;
}

#[tokio::test]
async fn check_3_all_claims_are_there_once_and_of_their_type() {
    let house = House::new();
    for name in ["jti", "htm", "htu", "iat"] {
        for value in [
            Value::Null,
            json!([]),
            json!({}),
            json!(-1),
            json!(1.5),
            json!(true),
        ] {
            let bent = house.prover.prove(&with(claims("1"), name, value.clone()));
            house
                .assert_invalid(&bent, &format!("{name}: {value}"))
                .await;
        }
    }
    for name in ["nonce", "ath"] {
        let bent = house.prover.prove(&with(claims("1"), name, json!(1)));
        house.assert_invalid(&bent, name).await;
    }
    let empty = house.prover.prove(&claims(""));
    house.assert_invalid(&empty, "an empty jti").await;
    let twice = claims("1")
        .to_string()
        .replacen('{', "{\"htm\":\"GET\",", 1);
    let twice = house
        .prover
        .sign(&house.prover.header().to_string(), &twice);
    house.assert_invalid(&twice, "htm twice").await;
    let date = house
        .prover
        .prove(&with(claims("1"), "iat", json!("2023-11-14")));
    house.assert_invalid(&date, "iat as a date").await;
    // Claims that nobody knows are no concern of ours.
    let more = house
        .prover
        .prove(&with(claims("1"), "exp", json!(SECS + 60)));
    house.verify(&more).await.unwrap();
}

#[tokio::test]
async fn checks_4_and_5_the_header_says_what_it_is_and_names_an_asymmetric_algorithm() {
    let house = House::new();
    let header = || house.prover.header();
    let sign = |header: Value| {
        house
            .prover
            .sign(&header.to_string(), &claims("1").to_string())
    };
    for typ in ["JWT", "at+jwt", "dpop", "application/dpop+jwt", ""] {
        let bent = sign(with(header(), "typ", json!(typ)));
        house.assert_invalid(&bent, typ).await;
    }
    for alg in [
        "none", "None", "nOnE", "HS256", "HS512", "RS256", "ES512", "EdDSA", "",
    ] {
        let bent = sign(with(header(), "alg", json!(alg)));
        house.assert_invalid(&bent, alg).await;
    }
    for name in ["typ", "alg", "jwk"] {
        let bent = sign(with(header(), name, Value::Null));
        house.assert_invalid(&bent, name).await;
    }
    let critical = sign(with(header(), "crit", json!(["exp"])));
    house.assert_invalid(&critical, "crit").await;
    // An HMAC under the public key as it stands in the header (RFC 8725, section 2.1).
    let hs256 = with(header(), "alg", json!("HS256")).to_string();
    let key = jsonwebtoken::EncodingKey::from_secret(house.prover.jwk().to_string().as_bytes());
    let parts = house.prover.sign(&hs256, &claims("1").to_string());
    let (message, _) = parts.rsplit_once('.').unwrap();
    let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256);
    house
        .assert_invalid(&format!("{message}.{}", mac.unwrap()), "HMAC")
        .await;
}

#[tokio::test]
async fn rfc9864_2_2_ed25519_is_eddsa_by_its_new_name() {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    let house = House::new();
    let pair = Ed25519KeyPair::generate().unwrap();
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) });
    for alg in ["EdDSA", "Ed25519"] {
        let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": jwk });
        let [header, claims] =
            [header, claims(alg)].map(|part| encode(part.to_string().as_bytes()));
        let message = format!("{header}.{claims}");
        let signature = encode(pair.sign(message.as_bytes()).as_ref());
        house
            .verify(&format!("{message}.{signature}"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn checks_6_and_7_the_key_is_public_sound_and_made_the_signature() {
    let house = House::new();
    let sign = |jwk: Value| {
        let header = with(house.prover.header(), "jwk", jwk).to_string();
        house.prover.sign(&header, &claims("1").to_string())
    };
    let jwk = || house.prover.jwk();
    for (bent, what) in [
        (Prover::new().jwk(), "somebody else's key"),
        (with(jwk(), "d", json!("AAAA")), "a private key"),
        (with(jwk(), "k", json!("AAAA")), "a secret"),
        (with(jwk(), "x", json!("AAAA")), "a short coordinate"),
        (
            with(jwk(), "x", jwk()["y"].clone()),
            "no point of the curve",
        ),
        (with(jwk(), "crv", json!("P-384")), "another curve"),
        (with(jwk(), "kty", json!("oct")), "another kind"),
        (with(jwk(), "use", json!("enc")), "a key for encryption"),
        (json!("https://evil.example/jwk.json"), "an address"),
        (json!([]), "a list"),
    ] {
        house.assert_invalid(&sign(bent), what).await;
    }
    let proof = house.prover.prove(&claims("1"));
    let other = house.prover.prove(&claims("2"));
    let (message, _) = proof.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    house
        .assert_invalid(&format!("{message}.{signature}"), "another's signature")
        .await;
}

#[tokio::test]
async fn checks_8_and_9_it_is_for_this_method_and_this_url() {
    let house = House::new();
    for method in ["GET", "post", "PUT", ""] {
        let bent = house.prover.prove(&with(claims("1"), "htm", json!(method)));
        house.assert_invalid(&bent, method).await;
    }
    for url in [
        "https://acme.example/oauth/token/",
        "https://acme.example/oauth",
        "https://acme.example/userinfo",
        "https://acme.example:8443/oauth/token",
        "http://acme.example/oauth/token",
        "https://evil.example/oauth/token",
        "https://user@acme.example/oauth/token",
        "https://acme.example/oauth/token%2f",
        "/oauth/token",
        "",
    ] {
        let bent = house.prover.prove(&with(claims("1"), "htu", json!(url)));
        house.assert_invalid(&bent, url).await;
    }
    for (number, same) in [
        "HTTPS://ACME.example:443/oauth/token",
        "https://acme.example/oauth/../oauth/token",
        "https://acme.example/oauth/token?audience=x#y",
    ]
    .into_iter()
    .enumerate()
    {
        let jti = number.to_string();
        let proof = house.prover.prove(&with(claims(&jti), "htu", json!(same)));
        house.verify(&proof).await.unwrap();
    }
}

#[tokio::test]
async fn check_10_a_nonce_is_ours_and_fresh_and_demanded_if_the_tenant_says_so() {
    let mut house = House::new();
    let with_nonce = |jti: &str, nonce: &str| {
        house
            .prover
            .prove(&with(claims(jti), "nonce", json!(nonce)))
    };
    let ours = |tenant: &Tenant, at: Timestamp| nonce(&house.keyring, tenant, at).unwrap();
    let old = Timestamp::from_millis((SECS - NONCE_LIFETIME) * 1000);
    let older = Timestamp::from_millis((SECS - NONCE_LIFETIME - 1) * 1000);
    let good = with_nonce("1", &ours(&house.tenant, old));
    let bad = [
        with_nonce("2", &ours(&house.tenant, older)),
        with_nonce("2", &ours(&tenant("other"), NOW)),
        with_nonce("2", "garbage"),
        with_nonce("2", ""),
    ];
    let none = house.prover.prove(&claims("3"));
    house.verify(&good).await.unwrap();
    for proof in &bad {
        let refused = house.verify(proof).await;
        assert!(
            matches!(refused, Err(DpopError::NonceNeeded(_))),
            "{refused:?}"
        );
    }
    house.verify(&none).await.unwrap();

    house.tenant.require_dpop_nonce = true;
    let none = house.prover.prove(&claims("4"));
    let Err(DpopError::NonceNeeded(nonce)) = house.verify(&none).await else {
        panic!("a nonce is required");
    };
    // RFC 9449, section 8.1: `NQCHAR`.
    assert!(
        nonce
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    );
    let proof = house
        .prover
        .prove(&with(claims("4"), "nonce", json!(nonce)));
    house.verify(&proof).await.unwrap();
}

#[tokio::test]
async fn check_11_it_was_made_just_now() {
    let house = House::new();
    let made = |iat: u64| {
        house
            .prover
            .prove(&with(claims(&iat.to_string()), "iat", json!(iat)))
    };
    for iat in [0, SECS - WINDOW - 1, SECS + WINDOW + 1, u64::MAX] {
        house.assert_invalid(&made(iat), &iat.to_string()).await;
    }
    for iat in [SECS - WINDOW, SECS, SECS + WINDOW] {
        house.verify(&made(iat)).await.unwrap();
    }
}

#[tokio::test]
async fn check_12_it_is_for_the_access_token_that_is_sent_along() {
    let house = House::new();
    let token = Secret::new("token");
    let hash = Digest::of(&token);
    let verify = async |jti: &str, ath: Value, sent: Option<&Secret>| {
        let proof = house.prover.prove(&with(claims(jti), "ath", ath));
        let target = Target {
            method: "POST",
            uri: URI,
            access_token: sent,
        };
        let (records, keyring, tenant) = (&house.records, &house.keyring, &house.tenant);
        verify(records, keyring, tenant, &proof, target, NOW).await
    };
    let ath = || json!(hash.as_str());
    verify("1", ath(), Some(&token)).await.unwrap();
    assert!(verify("2", Value::Null, Some(&token)).await.is_err());
    assert!(
        verify("2", ath(), Some(&Secret::new("other")))
            .await
            .is_err()
    );
    assert!(verify("2", json!("token"), Some(&token)).await.is_err());
    assert!(verify("2", ath(), None).await.is_err());
}

#[tokio::test]
async fn rfc9449_11_1_a_proof_is_used_once_whatever_happens_to_the_process() {
    let mut house = House::new();
    let proof = house.prover.prove(&claims("1"));
    let all = join_all((0..50).map(|_| house.verify(&proof))).await;
    assert_eq!(all.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    // A restart: what the store keeps is all there is.
    house.keyring = keyring();
    house.assert_invalid(&proof, "after a restart").await;
    // The same `jti` of another key is another proof.
    let other = Prover::new().prove(&claims("1"));
    house.verify(&other).await.unwrap();

    // Remembered to the end of the window, even for a clock that goes ahead; then forgotten.
    let ahead = house
        .prover
        .prove(&with(claims("2"), "iat", json!(SECS + WINDOW)));
    house.verify(&ahead).await.unwrap();
    let last = NOW.plus_secs(2 * WINDOW);
    house.store.set_now(last);
    assert!(matches!(
        house.verify_at(&ahead, last).await,
        Err(DpopError::Invalid(_))
    ));
    let after = NOW.plus_secs(2 * WINDOW + 1);
    house.store.set_now(after);
    assert!(matches!(
        house.verify_at(&ahead, after).await,
        Err(DpopError::Invalid(_))
    ));
}

#[tokio::test]
async fn a_store_that_fails_does_not_let_a_proof_pass() {
    let house = House::new();
    house.store.break_down();
    let outcome = house.verify(&house.prover.prove(&claims("1"))).await;
    assert!(matches!(outcome, Err(DpopError::Store(_))), "{outcome:?}");
}
