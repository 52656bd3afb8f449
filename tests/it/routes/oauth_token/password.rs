//! `grant_type=password` and the realm grant: what a right password gets (contract, sections 1.3,
//! 1.4 and 1.6).

use base64::Engine as _;
use claimsmith::api::TokenDialect;
use claimsmith::token::SigningAlgorithm;
use serde_json::{Value, json};

use crate::support::app::{API, App, EMAIL};

const REALM_GRANT: &str = "http://auth0.com/oauth/grant-type/password-realm";

#[tokio::test]
async fn a_right_password_becomes_a_token_that_the_published_keys_verify() {
    let app = App::start().await;
    let answer = app
        .request()
        .with("audience", API)
        .with("scope", "read:orders")
        .send()
        .await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    let mut body = answer.body.clone();
    body["access_token"] = json!("…");
    assert_eq!(
        body,
        json!({"access_token": "…", "token_type": "Bearer", "expires_in": 86400})
    );

    let (header, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    assert_eq!(
        claims,
        json!({
            "iss": app.issuer, "sub": app.user.user_id, "aud": API, "azp": app.client_id,
            "iat": 1_795_435_200, "exp": 1_795_435_200 + 86_400, "scope": "read:orders", "gty": "password",
        })
    );
}

#[tokio::test]
async fn a_json_body_gets_the_same() {
    let app = App::start().await;
    let answer = app
        .request()
        .with("audience", API)
        .with("scope", "read:orders")
        .send_json()
        .await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["sub"], json!(app.user.user_id));
}

#[tokio::test]
async fn the_e_mail_address_is_compared_in_its_canonical_form() {
    let app = App::start().await;
    let answer = app
        .request()
        .with("username", "ADA@Acme.EXAMPLE")
        .send()
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_realm_grant_names_its_connection() {
    let app = App::start().await;
    let realm = claimsmith::admin::tenants::FIRST_CONNECTION;
    let request = || {
        app.request()
            .with("grant_type", REALM_GRANT)
            .with("audience", API)
    };
    let answer = request().with("realm", realm).send().await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["gty"], json!("password"));
    assert_eq!(
        request().send().await.refusal(),
        "400 invalid_request: Missing required parameter: realm"
    );
    assert_eq!(
        request().with("realm", "Nowhere").send().await.refusal(),
        "400 invalid_request: the connection was not found"
    );
}

#[tokio::test]
async fn openid_brings_an_id_token_bound_to_the_access_token() {
    let app = App::start().await;
    let scope = "openid profile email read:orders";
    let answer = app
        .request()
        .with("audience", API)
        .with("scope", scope)
        .send()
        .await;
    let access = answer.access_token();
    let (_, id) = app.verify(answer.text("id_token"), &app.client_id).await;
    assert_eq!(id["sub"], json!(app.user.user_id));
    assert_eq!(id["name"], json!("Ada Lovelace"));
    assert_eq!(id["email"], json!(EMAIL));
    assert_eq!(id["email_verified"], json!(true));
    assert_eq!(id["exp"], json!(1_795_435_200 + 36_000));
    // OpenID Connect Core, section 3.1.3.6: the left half of the hash of the access token.
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, access.as_bytes());
    let half = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]);
    assert_eq!(id["at_hash"], json!(half));

    let (_, claims) = app.verify(access, API).await;
    assert_eq!(
        claims["aud"],
        json!([API, format!("{}userinfo", app.issuer)])
    );
}

#[tokio::test]
async fn profile_claims_need_their_scopes() {
    let app = App::start().await;
    let answer = app.request().with("scope", "openid phone").send().await;
    let (_, id) = app.verify(answer.text("id_token"), &app.client_id).await;
    for claim in ["name", "nickname", "email", "email_verified", "updated_at"] {
        assert_eq!(id.get(claim), None, "{claim}");
    }
}

#[tokio::test]
async fn every_asymmetric_algorithm_verifies_under_a_key_of_its_own() {
    let app = App::start().await;
    let mut kids = std::collections::BTreeSet::new();
    for alg in SigningAlgorithm::ASYMMETRIC {
        let api = format!("https://{alg:?}.example/");
        app.add_api(&api, alg, TokenDialect::AccessToken).await;
        let answer = app.request().with("audience", &api).send().await;
        let (header, _) = app.verify(answer.access_token(), &api).await;
        assert_eq!(format!("{:?}", header.alg), format!("{alg:?}"));
        kids.insert(header.kid);
    }
    assert_eq!(kids.len(), SigningAlgorithm::ASYMMETRIC.len());
}

#[tokio::test]
async fn an_hs256_api_verifies_with_its_secret_and_gets_no_userinfo_audience() {
    let app = App::start().await;
    let api = "https://hs256.example/";
    let secret = app
        .add_api(api, SigningAlgorithm::HS256, TokenDialect::AccessToken)
        .await
        .unwrap();
    let answer = app
        .request()
        .with("audience", api)
        .with("scope", "openid read:orders")
        .send()
        .await;
    let key = jsonwebtoken::DecodingKey::from_secret(secret.expose().as_bytes());
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_audience(&[api]);
    validation.validate_exp = false;
    let token = jsonwebtoken::decode::<Value>(answer.access_token(), &key, &validation).unwrap();
    assert_eq!(token.claims["aud"], json!(api));
    assert_eq!(app.userinfo(answer.access_token()).await.status, 401);
}

#[tokio::test]
async fn the_rfc9068_dialect_has_its_type_and_claims() {
    let app = App::start().await;
    let api = "https://rfc9068.example/";
    app.add_api(api, SigningAlgorithm::RS256, TokenDialect::Rfc9068Profile)
        .await;
    let answer = app
        .request()
        .with("audience", api)
        .with("scope", "read:orders")
        .send()
        .await;
    let (header, claims) = app.verify(answer.access_token(), api).await;
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let mut names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "aud",
            "client_id",
            "exp",
            "iat",
            "iss",
            "jti",
            "scope",
            "sub"
        ]
    );
    assert_eq!(claims["client_id"], json!(app.client_id));
    let again = app
        .request()
        .with("audience", api)
        .with("scope", "read:orders")
        .send()
        .await;
    let (_, second) = app.verify(again.access_token(), api).await;
    assert_ne!(claims["jti"], second["jti"]);
}

#[tokio::test]
async fn the_password_that_a_user_was_made_with_is_no_reset() {
    use claimsmith::admin::{tenants::FIRST_CONNECTION, users};
    use claimsmith::clock::Clock as _;
    use claimsmith::connection::Connection;
    use claimsmith::credential::Login;
    let app = App::start().await;
    let connection = Connection {
        name: FIRST_CONNECTION.to_owned(),
        ..Connection::default()
    };
    let login = async |password: &'static str| {
        let (server, password) = (&app.server, claimsmith::secret::Secret::new(password));
        let authenticated = server.passwords.authenticate(
            &server.records,
            &server.guard,
            Login {
                tenant: &app.tenant,
                connection: &connection,
                identifier: EMAIL,
                password,
                address: [192, 0, 2, 1].into(),
            },
            app.clock.now(),
        );
        authenticated.await.unwrap().last_password_reset()
    };
    assert_eq!(login(crate::support::app::PASSWORD).await, None);
    let later = app.clock.now().plus_secs(60);
    app.clock.set(later);
    let new = claimsmith::secret::Secret::new("another password");
    users::set_password(&app.server, &app.tenant, &app.user.user_id, new)
        .await
        .unwrap();
    assert_eq!(login("another password").await, Some(later));
}
