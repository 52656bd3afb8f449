//! Client assertions (RFC 7523, section 3; contract, section 1.2).

use std::sync::LazyLock;

use claimsmith::admin::client_credentials::{self, NewCredential};
use claimsmith::admin::client_grants::{self, NewClientGrant};
use claimsmith::admin::clients::{self, NewClient};
use claimsmith::admin::{self, tenants};
use claimsmith::client::{ClientAuthentication, Credential};
use claimsmith::clock::Timestamp;
use claimsmith::tenant::{ErrorProfile, Issuer, TenantName};
use claimsmith::token::AssertionAlgorithm;
use serde_json::{Value, json};

use crate::support::app::{API, Answer, App, NOW};
use crate::support::client_key::{ClientKey, encode};

const FAILED: &str = "401 invalid_client: Client authentication failed";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ALG: AssertionAlgorithm = AssertionAlgorithm::ES256;

/// Making one takes long.
static RSA: LazyLock<ClientKey> = LazyLock::new(ClientKey::rsa);

/// A server with a client that signs, and may have `read:orders`.
struct Signing {
    app: App,
    id: String,
    key: ClientKey,
    credential: Credential,
}

impl Signing {
    async fn start() -> Self {
        let app = App::start().await;
        let id = add_client(&app).await;
        let key = ClientKey::p256();
        let credential = register(&app, &id, &key.pem(), Some(ALG)).await.unwrap();
        Self {
            app,
            id,
            key,
            credential,
        }
    }

    /// Claims that are right, with a `jti` of their own.
    fn claims(&self, jti: &str) -> Value {
        let now = NOW / 1_000;
        json!({
            "iss": self.id, "sub": self.id, "aud": self.app.issuer, "jti": jti,
            "iat": now, "exp": now + 300,
        })
    }

    fn sign(&self, claims: &Value) -> String {
        self.key.jwt(ALG, &json!({ "alg": "ES256" }), claims)
    }

    async fn send(&self, assertion: &str) -> Answer {
        present(&self.app, assertion).await
    }

    /// Whether right claims with this change are accepted.
    async fn accepts(&self, jti: &str, change: impl FnOnce(&mut Value)) -> bool {
        let mut claims = self.claims(jti);
        change(&mut claims);
        let answer = self.send(&self.sign(&claims)).await;
        if answer.status != 200 {
            assert_eq!(answer.refusal(), FAILED);
        }
        answer.status == 200
    }
}

async fn add_client(app: &App) -> String {
    let new = NewClient {
        name: "Nightly".to_owned(),
        authentication: ClientAuthentication::PrivateKeyJwt,
        grant_types: vec!["client_credentials".to_owned(), "password".to_owned()],
        is_first_party: true,
        metadata: Default::default(),
    };
    let (client, secret) = clients::create(&app.server, &app.tenant, new)
        .await
        .unwrap();
    assert!(secret.is_none());
    let grant = NewClientGrant {
        client_id: client.client_id.clone(),
        audience: API.to_owned(),
        scope: vec!["read:orders".to_owned()],
        ..NewClientGrant::default()
    };
    client_grants::create(&app.server, &app.tenant, grant)
        .await
        .unwrap();
    client.client_id
}

async fn register(
    app: &App,
    client_id: &str,
    public_key: &str,
    alg: Option<AssertionAlgorithm>,
) -> Result<Credential, admin::Error> {
    let new = NewCredential {
        public_key: public_key.to_owned(),
        alg,
        name: None,
        kid: None,
        expires_at: None,
    };
    client_credentials::add(&app.server, &app.tenant, client_id, new).await
}

async fn present(app: &App, assertion: &str) -> Answer {
    let request = app.machine_request().without("client_secret");
    let request = request.with("client_assertion_type", JWT_BEARER);
    let request = request.with("client_assertion", assertion);
    request.without("client_id").send().await
}

#[tokio::test]
async fn every_algorithm_with_keys_in_pem() {
    let app = App::start().await;
    use AssertionAlgorithm as A;
    let (p256, p384) = (ClientKey::p256(), ClientKey::p384());
    let keys = [
        (A::RS256, &*RSA),
        (A::RS384, &*RSA),
        (A::PS256, &*RSA),
        (A::PS384, &*RSA),
        (A::ES256, &p256),
        (A::ES384, &p384),
    ];
    for (alg, key) in keys {
        // One key is used with one algorithm, so each has a client of its own.
        let id = add_client(&app).await;
        register(&app, &id, &key.pem(), Some(alg)).await.unwrap();
        let now = NOW / 1_000;
        let claims = json!({
            "iss": id, "sub": id, "aud": app.issuer, "jti": "1", "exp": now + 60,
        });
        for (other, _) in keys {
            // RFC 8725, section 3.1: the header may name the credential's algorithm only, even
            // where the key could make the other signature.
            let possible = matches!(key, ClientKey::Rsa(_)) == (other as u8 <= A::PS384 as u8);
            if other != alg && possible {
                let forged = key.jwt(other, &json!({ "alg": other }), &claims);
                assert_eq!(present(&app, &forged).await.refusal(), FAILED, "{other:?}");
            }
        }
        let assertion = key.jwt(alg, &json!({ "alg": alg, "typ": "JWT" }), &claims);
        let answer = present(&app, &assertion).await;
        assert_eq!(answer.text("scope"), "read:orders", "{alg:?}");
    }
}

#[tokio::test]
async fn a_client_id_may_repeat_whose_assertion_it_is_and_must_not_contradict_it() {
    let signing = Signing::start().await;
    let send = |client_id: &str, jti: &str| {
        let assertion = signing.sign(&signing.claims(jti));
        let request = signing.app.machine_request().without("client_secret");
        let request = request.with("client_assertion_type", JWT_BEARER);
        let request = request.with("client_assertion", &assertion);
        request.with("client_id", client_id).send()
    };
    assert_eq!(send(&signing.id, "1").await.status, 200);
    // RFC 7521, section 4.2.
    assert_eq!(
        send(&signing.app.client_id, "2").await.refusal(),
        FAILED,
        "another client's assertion"
    );
}

#[tokio::test]
async fn it_works_for_the_password_grant_too_and_is_no_parameter_for_rules() {
    let signing = Signing::start().await;
    let assertion = signing.sign(&signing.claims("1"));
    let request = signing.app.request().without("client_secret");
    let request = request.without("client_id");
    let request = request.with("client_assertion_type", JWT_BEARER);
    let answer = request
        .with("client_assertion", &assertion)
        .send_json()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn the_audience_is_the_issuer_with_its_slash_and_nobody_else() {
    let signing = Signing::start().await;
    let issuer = signing.app.issuer.clone();
    let elsewhere = "https://other.example/".to_owned();
    let cases = [
        (json!(issuer), true),
        (json!([issuer]), true),
        (json!(issuer.trim_end_matches('/')), false),
        (json!(format!("{issuer}oauth/token")), false),
        (json!([issuer, elsewhere]), false),
        (json!([issuer, issuer]), false),
        (json!([]), false),
        (json!(elsewhere), false),
        (json!(issuer.to_uppercase()), false),
        (json!({ "issuer": issuer }), false),
        (Value::Null, false),
    ];
    for (number, (aud, accepted)) in cases.into_iter().enumerate() {
        let jti = number.to_string();
        let outcome = signing
            .accepts(&jti, |claims| claims["aud"] = aud.clone())
            .await;
        assert_eq!(outcome, accepted, "{aud}");
    }
}

#[tokio::test]
async fn issuer_and_subject_are_the_client() {
    let signing = Signing::start().await;
    let other = signing.app.client_id.clone();
    for name in ["iss", "sub"] {
        for value in [json!(other), json!(""), json!(7), Value::Null] {
            assert!(
                !signing
                    .accepts("1", |claims| claims[name] = value.clone())
                    .await,
                "{name} {value}"
            );
        }
    }
    // Signed by this client's key, in the name of another that also signs.
    let victim = add_client(&signing.app).await;
    register(&signing.app, &victim, &ClientKey::p256().pem(), Some(ALG))
        .await
        .unwrap();
    let in_its_name = |claims: &mut Value| {
        claims["iss"] = json!(victim);
        claims["sub"] = json!(victim);
    };
    assert!(!signing.accepts("2", in_its_name).await);
    assert!(signing.accepts("3", |_| ()).await);
}

#[tokio::test]
async fn times_are_held_to_the_second_with_ten_of_skew_and_five_minutes_of_life() {
    let signing = Signing::start().await;
    let now = NOW / 1_000;
    let cases = [
        // exp, iat, nbf
        (json!(now + 300), json!(now), Value::Null, true),
        (json!(now + 1), json!(now - 299), Value::Null, true),
        (json!(now + 300), Value::Null, Value::Null, true),
        (json!(now + 310), json!(now + 10), json!(now + 10), true),
        (json!(now), json!(now - 10), Value::Null, false),
        (json!(now - 1), Value::Null, Value::Null, false),
        (json!(now + 300), json!(now - 1), Value::Null, false),
        (json!(now + 301), Value::Null, Value::Null, false),
        (json!(now + 301), json!(now), Value::Null, false),
        (json!(now + 315_360_000), json!(now), Value::Null, false),
        (json!(u64::MAX), json!(now), Value::Null, false),
        (json!(now + 300), json!(now + 11), Value::Null, false),
        (json!(now + 300), json!(now), json!(now + 11), false),
        (json!(now + 5), json!(now + 9), Value::Null, false),
    ];
    for (number, (exp, iat, nbf, accepted)) in cases.into_iter().enumerate() {
        let shown = format!("{exp} {iat} {nbf}");
        let change = |claims: &mut Value| {
            claims["exp"] = exp;
            claims["iat"] = iat;
            claims["nbf"] = nbf;
        };
        let outcome = signing.accepts(&number.to_string(), change).await;
        assert_eq!(outcome, accepted, "case {number}: {shown}");
    }
}

#[tokio::test]
async fn rfc7519_4_a_claim_of_the_wrong_type_missing_or_twice_is_refused() {
    let signing = Signing::start().await;
    let wrong = [
        json!("never"),
        json!(1.5),
        json!(1e99),
        json!(-1),
        json!([1]),
        json!(true),
    ];
    for name in ["exp", "iat", "nbf"] {
        for value in &wrong {
            let changed = signing.accepts("1", |claims| claims[name] = value.clone());
            assert!(!changed.await, "{name} {value}");
        }
    }
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        let changed = signing.accepts("1", |claims| {
            claims.as_object_mut().unwrap().remove(name);
        });
        assert!(!changed.await, "{name} is required");
    }
    let claims = signing.claims("1").to_string();
    for name in ["sub", "exp", "aud", "jti"] {
        let again = format!("{{\"{name}\":{},", signing.claims("1")[name]);
        let twice = claims.replacen('{', &again, 1);
        let header = r#"{"alg":"ES256"}"#;
        let assertion = signing.key.jwt_of_text(ALG, header, &twice);
        assert_eq!(signing.send(&assertion).await.refusal(), FAILED, "{name}");
    }
    for nonsense in ["", "[]", "null", "7", &"[".repeat(1_000)] {
        let assertion = signing.key.jwt_of_text(ALG, r#"{"alg":"ES256"}"#, nonsense);
        assert_eq!(signing.send(&assertion).await.refusal(), FAILED);
    }
    assert!(
        signing.accepts("1", |_| ()).await,
        "none of these used it up"
    );
}

#[tokio::test]
async fn rfc8725_3_1_confused_algorithms_prove_nothing() {
    let signing = Signing::start().await;
    let claims = signing.claims("1");
    let unsigned = |alg: &str| {
        let header = json!({ "alg": alg }).to_string();
        format!("{}.{}.", encode(header), encode(claims.to_string()))
    };
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        assert_eq!(
            signing.send(&unsigned(alg)).await.refusal(),
            FAILED,
            "{alg}"
        );
    }
    // HMAC under what everybody may know: the public key in each of its forms.
    let pem = signing.key.pem();
    let jwk = json!(signing.credential.public).to_string();
    let publics = [pem.trim().as_bytes(), pem.as_bytes(), jwk.as_bytes()];
    let der = signing.key.der();
    for secret in publics.into_iter().chain([der.as_slice(), b""]) {
        for alg in ["HS256", "ES256"] {
            let header = json!({ "alg": alg }).to_string();
            let message = format!("{}.{}", encode(header), encode(claims.to_string()));
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
            let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
            let forged = format!("{message}.{}", encode(tag));
            assert_eq!(signing.send(&forged).await.refusal(), FAILED, "{alg}");
        }
    }
    // A right signature under a header that names another algorithm.
    for alg in [
        "RS256",
        "ES384",
        "EdDSA",
        "es256",
        "ES256 ",
        &"E".repeat(17),
    ] {
        let forged = signing.key.jwt(ALG, &json!({ "alg": alg }), &claims);
        assert_eq!(signing.send(&forged).await.refusal(), FAILED, "{alg}");
    }
    assert!(signing.accepts("1", |_| ()).await);
}

#[tokio::test]
async fn rfc8725_3_10_a_kid_only_chooses_among_the_client_s_own_keys() {
    let signing = Signing::start().await;
    let attacker = ClientKey::p256();
    let claims = signing.claims("1");
    let send = async |header: Value| {
        let own = signing.key.jwt(ALG, &header, &claims);
        signing.send(&own).await.status
    };
    let other = add_client(&signing.app).await;
    let theirs = register(&signing.app, &other, &attacker.pem(), Some(ALG))
        .await
        .unwrap();
    let long = "k".repeat(1_000);
    let kid = signing.credential.kid.as_str();
    let prefix = &kid[..kid.len() - 1];
    let names = [
        "",
        "../../../dev/null",
        "' OR 1=1--",
        "\u{0}",
        &long,
        prefix,
    ];
    for name in names.into_iter().chain([theirs.kid.as_str()]) {
        assert_eq!(
            send(json!({ "alg": "ES256", "kid": name })).await,
            401,
            "{name}"
        );
    }
    for kid in [json!(7), json!(["a"]), json!({})] {
        assert_eq!(send(json!({ "alg": "ES256", "kid": kid })).await, 401);
    }
    // The attacker's key in the header, where RFC 7515, section 4.1 has places for it; and its
    // own name with the victim's.
    let embedded = json!(theirs.public);
    for header in [
        json!({ "alg": "ES256", "jwk": embedded }),
        json!({ "alg": "ES256", "jku": "https://evil.example/jwks" }),
        json!({ "alg": "ES256", "x5u": "https://evil.example/x" }),
        json!({ "alg": "ES256", "kid": theirs.kid }),
        json!({ "alg": "ES256", "kid": kid }),
    ] {
        let forged = attacker.jwt(ALG, &header, &claims);
        assert_eq!(signing.send(&forged).await.refusal(), FAILED, "{header}");
    }
    assert_eq!(send(json!({ "alg": "ES256", "kid": kid })).await, 200);
}

#[tokio::test]
async fn rfc7515_4_a_header_with_crit_twice_the_same_or_another_type_is_refused() {
    let signing = Signing::start().await;
    let claims = signing.claims("1").to_string();
    for header in [
        r#"{"alg":"ES256","crit":["b64"],"b64":true}"#,
        r#"{"alg":"ES256","crit":[]}"#,
        r#"{"alg":"ES256","b64":false}"#,
        r#"{"alg":"none","alg":"ES256"}"#,
        r#"{"alg":["ES256"]}"#,
        r#"{"kid":"x"}"#,
        r#"{"alg":"ES256","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","typ":"dpop+jwt"}"#,
        r#"{"alg":"ES256"} {}"#,
        "",
    ] {
        let assertion = signing.key.jwt_of_text(ALG, header, &claims);
        assert_eq!(signing.send(&assertion).await.refusal(), FAILED, "{header}");
    }
    // draft-ietf-oauth-rfc7523bis has a type for it.
    let header = r#"{"alg":"ES256","typ":"client-authentication+jwt"}"#;
    let assertion = signing.key.jwt_of_text(ALG, header, &claims);
    assert_eq!(signing.send(&assertion).await.status, 200);
}

#[tokio::test]
async fn a_signature_changed_cut_or_respelt_proves_nothing() {
    let signing = Signing::start().await;
    let good = signing.sign(&signing.claims("1"));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let mut bent = vec![
        format!("{message}."),
        format!("{good}="),
        format!("{good}A"),
        format!(".{good}"),
        format!("{good}.{signature}"),
        good[..good.len() - 1].to_owned(),
        ".".repeat(2_000),
        good.replace('.', ". "),
        // ECDSA with zeros (CVE-2022-21449).
        format!("{message}.{}", encode([0_u8; 64])),
    ];
    let mut other = signing.claims("1");
    other["jti"] = json!("2");
    bent.push(format!(
        "{header}.{}.{signature}",
        encode(other.to_string())
    ));
    for assertion in bent {
        let answer = signing.send(&assertion).await;
        assert_eq!(answer.refusal(), FAILED, "{assertion}");
    }
    assert_eq!(signing.send(&good).await.status, 200);
}

#[tokio::test]
async fn sizes_are_bounded_where_the_contract_says() {
    let signing = Signing::start().await;
    let jti = |length: usize| "é".repeat(length);
    assert!(signing.accepts(&jti(64), |_| ()).await);
    assert!(
        !signing.accepts(&jti(65), |_| ()).await,
        "one character more"
    );
    assert!(!signing.accepts(&jti(4_000), |_| ()).await, "a huge jti");
    assert!(!signing.accepts("", |_| ()).await, "an empty one");
    // 2048 bytes, and one more: the padding is a claim that nobody reads.
    let sized = |jti: &str, size: usize| {
        let padded = |length: usize| {
            let mut claims = signing.claims(jti);
            claims["pad"] = json!("x".repeat(length));
            signing.sign(&claims)
        };
        let mut lengths = (0..size).map(padded);
        lengths.find(|assertion| assertion.len() >= size).unwrap()
    };
    let exact = sized("a", 2_047);
    assert!((2_047..=2_048).contains(&exact.len()));
    assert_eq!(signing.send(&exact).await.status, 200);
    let over = sized("b", 2_049);
    assert_eq!(signing.send(&over).await.refusal(), FAILED);
}

#[tokio::test]
async fn rfc7523_3_an_assertion_is_good_once_and_of_many_at_once_one_wins() {
    let signing = Signing::start().await;
    let assertion = signing.sign(&signing.claims("once"));
    let sent = (0..40).map(|_| signing.send(&assertion));
    let answers = futures_util::future::join_all(sent).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.refusal(), FAILED);
    }
    // Signed anew with the same `jti`, it is the same assertion.
    assert!(
        !signing
            .accepts("once", |claims| claims["extra"] = json!(1))
            .await
    );
    assert!(signing.accepts("another", |_| ()).await);
    // Until its time is over, and a minute more for clocks that are behind.
    let last = Timestamp::from_millis(NOW + 300_000 + 59_000);
    signing.app.clock.set(last);
    let later = |claims: &mut Value| {
        claims["iat"] = json!(last.as_secs());
        claims["exp"] = json!(last.as_secs() + 60);
    };
    assert!(!signing.accepts("once", later).await);
    signing
        .app
        .clock
        .set(Timestamp::from_millis(NOW + 300_000 + 61_000));
    assert!(
        signing.accepts("once", later).await,
        "records do not pile up"
    );
}

#[tokio::test]
async fn one_client_s_jti_is_not_another_s() {
    let signing = Signing::start().await;
    assert!(signing.accepts("1", |_| ()).await);
    let other = add_client(&signing.app).await;
    register(&signing.app, &other, &signing.key.pem(), Some(ALG))
        .await
        .unwrap();
    let as_other = |claims: &mut Value| {
        claims["iss"] = json!(other);
        claims["sub"] = json!(other);
    };
    assert!(signing.accepts("1", as_other).await);
}

#[tokio::test]
async fn an_assertion_for_one_tenant_is_none_for_another() {
    let signing = Signing::start().await;
    let globex = TenantName::parse("globex").unwrap();
    let issuer = Issuer::parse("http://globex.localhost/").unwrap();
    tenants::create(&signing.app.server, globex, issuer)
        .await
        .unwrap();
    let assertion = signing.sign(&signing.claims("1"));
    let request = signing.app.machine_request().at("globex.localhost");
    let request = request.without("client_secret").without("client_id");
    let request = request.with("client_assertion_type", JWT_BEARER);
    let answer = request.with("client_assertion", &assertion).send().await;
    assert_eq!(answer.refusal(), FAILED);
}

#[tokio::test]
async fn rfc7521_4_2_both_parameters_and_no_second_way() {
    let signing = Signing::start().await;
    let app = &signing.app;
    let assertion = signing.sign(&signing.claims("1"));
    let request = || app.machine_request().without("client_secret");
    let half = request().with("client_assertion", &assertion).send().await;
    assert_eq!(
        half.refusal(),
        "400 invalid_request: Missing required parameter: client_assertion_type"
    );
    let half = request().with("client_assertion_type", JWT_BEARER);
    assert_eq!(
        half.send().await.refusal(),
        "400 invalid_request: Missing required parameter: client_assertion"
    );
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    let saml = request().with("client_assertion_type", saml);
    assert_eq!(
        saml.with("client_assertion", &assertion)
            .send()
            .await
            .refusal(),
        "400 invalid_request: The client_assertion_type is not supported."
    );
    let whole = || {
        let request = request().with("client_assertion_type", JWT_BEARER);
        request
            .with("client_assertion", &assertion)
            .with("client_id", &signing.id)
    };
    let twice = [
        whole().with("client_secret", "guess").send().await,
        whole().basic(&signing.id, "guess").send().await,
        whole()
            .basic(&app.client_id, &app.client_secret)
            .send()
            .await,
    ];
    for answer in twice {
        assert_eq!(
            answer.refusal(),
            "400 invalid_request: The client must authenticate in one way only."
        );
    }
    let repeated = whole().again("client_assertion", &assertion).send().await;
    assert_eq!(
        (repeated.status, repeated.text("error")),
        (400, "invalid_request")
    );
    assert_eq!(whole().send().await.status, 200);
}

#[tokio::test]
async fn a_secret_or_keys_never_both() {
    let signing = Signing::start().await;
    let app = &signing.app;
    let (server, tenant) = (&app.server, &app.tenant);
    // A client that signs has no secret to guess, and one with a secret does not sign.
    let guess = app.machine_request().with("client_id", &signing.id);
    assert_eq!(guess.send().await.refusal(), FAILED);
    let bare = app.machine_request().with("client_id", &signing.id);
    assert_eq!(bare.without("client_secret").send().await.refusal(), FAILED);
    assert!(
        clients::rotate_secret(server, tenant, &signing.id, 0)
            .await
            .is_err()
    );
    let refused = register(app, &app.client_id, &signing.key.pem(), Some(ALG)).await;
    assert!(matches!(refused, Err(admin::Error::Invalid { .. })));

    let by_secret = ClientAuthentication::ClientSecretPost;
    let (client, secret) = clients::set_authentication(server, tenant, &signing.id, by_secret)
        .await
        .unwrap();
    assert!(client.credentials.is_empty());
    assert!(!signing.accepts("1", |_| ()).await);
    let secret = secret.unwrap();
    let with_it = app.machine_request().with("client_id", &signing.id);
    let with_it = with_it.with("client_secret", secret.expose()).send().await;
    assert_eq!(with_it.status, 200);
    let by_key = ClientAuthentication::PrivateKeyJwt;
    let (client, none) = clients::set_authentication(server, tenant, &signing.id, by_key)
        .await
        .unwrap();
    assert!(none.is_none() && client.secret.is_none());
    let old = app.machine_request().with("client_id", &signing.id);
    let old = old.with("client_secret", secret.expose()).send().await;
    assert_eq!(old.refusal(), FAILED);
}

#[tokio::test]
async fn several_keys_while_changing_over_until_one_expires_or_is_removed() {
    let signing = Signing::start().await;
    let app = &signing.app;
    let next = ClientKey::p384();
    let new = NewCredential {
        public_key: next.pem(),
        alg: Some(AssertionAlgorithm::ES384),
        name: Some("2027".to_owned()),
        kid: Some("next".to_owned()),
        expires_at: Some(Timestamp::from_millis(NOW + 1_000)),
    };
    client_credentials::add(&app.server, &app.tenant, &signing.id, new)
        .await
        .unwrap();
    let by_next = |jti: &str| {
        let header = json!({ "alg": "ES384", "kid": "next" });
        let assertion = next.jwt(AssertionAlgorithm::ES384, &header, &signing.claims(jti));
        async move { present(app, &assertion).await.status }
    };
    assert_eq!(by_next("1").await, 200);
    assert!(signing.accepts("2", |_| ()).await);
    app.clock.set(Timestamp::from_millis(NOW + 1_000));
    assert_eq!(by_next("3").await, 401, "it has expired");
    assert!(signing.accepts("4", |_| ()).await);
    let kid = &signing.credential.kid;
    client_credentials::remove(&app.server, &app.tenant, &signing.id, kid)
        .await
        .unwrap();
    assert!(!signing.accepts("5", |_| ()).await, "it was removed");
}

#[tokio::test]
async fn keys_that_are_unsound_private_or_there_already_are_not_registered() {
    let signing = Signing::start().await;
    let app = &signing.app;
    let public = json!(signing.credential.public);
    let with = |key: &Value, name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        key.to_string()
    };
    let other = ClientKey::p256();
    let rsa = RSA.pem();
    let short_rsa = json!({ "kty": "RSA", "e": "AQAB", "n": "AQAB" });
    let cases = [
        (signing.key.pem(), Some(ALG)),
        (public.to_string(), Some(ALG)),
        (other.pem(), None),
        (other.pem(), Some(AssertionAlgorithm::ES384)),
        (other.pem(), Some(AssertionAlgorithm::RS256)),
        (rsa.clone(), Some(ALG)),
        (other.pem().replace("PUBLIC", "PRIVATE"), Some(ALG)),
        (other.pem()[..90].to_owned(), Some(ALG)),
        (String::new(), Some(ALG)),
        ("A".repeat(100_000), Some(ALG)),
        (with(&public, "d", json!("AQ")), Some(ALG)),
        (with(&public, "x", json!("AQ")), Some(ALG)),
        (with(&public, "alg", json!("ES384")), Some(ALG)),
        (with(&public, "alg", json!("HS256")), None),
        (with(&public, "use", json!("enc")), Some(ALG)),
        (short_rsa.to_string(), Some(AssertionAlgorithm::RS256)),
        (json!({ "kty": "oct", "k": "AAAA" }).to_string(), Some(ALG)),
    ];
    for (key, alg) in cases {
        let refused = register(app, &signing.id, &key, alg).await;
        assert!(refused.is_err(), "{key}");
    }
    // A JWK names itself, and says what it is for.
    let mut jwk = json!({ "alg": "ES256", "use": "sig", "kid": "mine" });
    let text = claimsmith::token::PublicKeyText::parse(&other.pem()).unwrap();
    for (name, value) in json!(text.key).as_object().unwrap() {
        jwk[name] = value.clone();
    }
    let added = register(app, &signing.id, &jwk.to_string(), None).await;
    assert_eq!(added.unwrap().kid, "mine");
    for _ in 2..8 {
        let key = ClientKey::p256().pem();
        register(app, &signing.id, &key, Some(ALG)).await.unwrap();
    }
    let ninth = register(app, &signing.id, &ClientKey::p256().pem(), Some(ALG)).await;
    assert!(matches!(ninth, Err(admin::Error::Invalid { .. })));
}

#[tokio::test]
async fn a_failure_looks_as_the_tenant_s_profile_says() {
    let signing = Signing::start().await;
    let bad = || signing.send("nonsense");
    let answer = bad().await;
    assert_eq!(answer.refusal(), FAILED);
    assert!(
        answer
            .header("www-authenticate")
            .starts_with("Basic realm=")
    );
    signing.app.answer_errors_as(ErrorProfile::Rfc6749).await;
    assert_eq!(bad().await.refusal(), FAILED);
    signing.app.answer_errors_as(ErrorProfile::Auth0).await;
    assert_eq!(bad().await.refusal(), "401 access_denied: Unauthorized");
}

#[tokio::test]
async fn the_metadata_names_it() {
    let app = App::start().await;
    let metadata = app.get("/.well-known/openid-configuration").await.body;
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array();
    assert!(methods.unwrap().contains(&json!("private_key_jwt")));
    assert_eq!(
        metadata["token_endpoint_auth_signing_alg_values_supported"],
        json!(["RS256", "RS384", "PS256", "PS384", "ES256", "ES384"])
    );
}
