//! `POST /oauth/introspect` (RFC 7662; RFC 9701).

use claimsmith::admin::{clients, users};
use claimsmith::api::{Api, TokenDialect};
use claimsmith::client::{Client, ClientAuthentication};
use claimsmith::client_grant::{ClientGrant, SubjectType};
use claimsmith::rule_host::OnFault;
use claimsmith::store::{Batch, Record};
use claimsmith::token::SigningAlgorithm;
use jsonwebtoken::{DecodingKey, EncodingKey, Header};
use serde_json::{Value, json};

use crate::rule_host::guest::{Effect, returning};
use crate::support::app::{API, Answer, App, NOW, TokenForm};
use crate::support::dpop::Prover;

const FAILED: &str = "401 invalid_client: Client authentication failed";

async fn login(app: &App) -> Answer {
    app.request()
        .with("audience", API)
        .with("scope", "openid read:orders offline_access")
        .send()
        .await
}

/// Another confidential client.
async fn other(app: &App) -> (String, String) {
    let (id, secret) = app
        .add_client(ClientAuthentication::ClientSecretPost, true)
        .await;
    (id, secret.unwrap())
}

fn by<'a>(form: TokenForm<'a>, (id, secret): &(String, String)) -> TokenForm<'a> {
    form.with("client_id", id).with("client_secret", secret)
}

/// RFC 7662, section 2.2: nothing else is said of a token that is not active.
async fn inactive(form: TokenForm<'_>) {
    let answer = form.send().await;
    assert_eq!(
        (answer.status, &answer.body),
        (200, &json!({"active": false}))
    );
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn is_active(app: &App, token: &str) -> bool {
    let answer = app.introspect(token).send().await;
    assert_eq!(answer.status, 200);
    answer.body["active"] == json!(true)
}

/// Deletes a record behind the administrator's back.
async fn delete<R: Record>(app: &App, key: &[&str]) {
    let stored = app.server.records.get::<R>(key).await.unwrap().unwrap();
    let batch = Batch::durable().delete(&stored);
    app.server.records.commit(batch).await.unwrap();
}

#[tokio::test]
async fn a_client_reads_what_its_access_token_is_worth() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let answer = app.introspect(tokens.access_token()).send().await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let now = NOW / 1_000;
    assert_eq!(
        answer.body,
        json!({
            "active": true, "client_id": app.client_id, "token_type": "Bearer",
            "iss": app.issuer, "sub": app.user.user_id,
            "aud": [API, format!("{}userinfo", app.issuer)], "azp": app.client_id,
            "gty": "password", "scope": "openid read:orders offline_access",
            "iat": now, "exp": now + 86_400,
        })
    );
    let json = app.introspect(tokens.access_token()).send_json().await;
    assert_eq!(json.body, answer.body);
}

#[tokio::test]
async fn an_opaque_token_is_good_for_userinfo() {
    let app = App::start().await;
    let tokens = app.request().with("scope", "openid email").send().await;
    let answer = app.introspect(tokens.access_token()).send().await;
    let now = NOW / 1_000;
    assert_eq!(
        answer.body,
        json!({
            "active": true, "client_id": app.client_id, "token_type": "Bearer",
            "iss": app.issuer, "sub": app.user.user_id, "aud": format!("{}userinfo", app.issuer),
            "scope": "openid email", "iat": now, "exp": now + 86_400,
        })
    );
}

#[tokio::test]
async fn a_refresh_token_is_shown_to_its_client_alone() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let token = tokens.text("refresh_token");
    for hint in ["refresh_token", "access_token"] {
        let answer = app.introspect(token).with("token_type_hint", hint);
        assert_eq!(
            answer.send().await.body,
            json!({
                "active": true, "client_id": app.client_id, "iss": app.issuer,
                "sub": app.user.user_id, "aud": API, "iat": NOW / 1_000,
                "scope": "openid read:orders offline_access",
            })
        );
    }
    let other = other(&app).await;
    clients::set_resource_server(&app.server, &app.tenant, &other.0, Some(API.to_owned()))
        .await
        .unwrap();
    inactive(by(app.introspect(token), &other)).await;
}

/// Keycloak CVE-2026-37979: who is not in the audience learns nothing.
#[tokio::test]
async fn a_resource_server_reads_tokens_of_its_own_api_only() {
    let app = App::start().await;
    app.add_api(
        "https://bills.example/",
        SigningAlgorithm::RS256,
        TokenDialect::AccessToken,
    )
    .await;
    let tokens = login(&app).await;
    let server = other(&app).await;
    let ask = || by(app.introspect(tokens.access_token()), &server);
    inactive(ask()).await;
    let set = |api: Option<&str>| {
        let api = api.map(str::to_owned);
        clients::set_resource_server(&app.server, &app.tenant, &server.0, api)
    };
    set(Some("https://bills.example/")).await.unwrap();
    inactive(ask()).await;
    set(Some(API)).await.unwrap();
    assert_eq!(ask().send().await.body["sub"], json!(app.user.user_id));
    set(None).await.unwrap();
    inactive(ask()).await;
    assert!(set(Some("https://nowhere.example/")).await.is_err());
    let (public, _) = app.add_client(ClientAuthentication::None, true).await;
    let api = Some(API.to_owned());
    let refused = clients::set_resource_server(&app.server, &app.tenant, &public, api).await;
    assert!(refused.unwrap_err().to_string().contains("public"));
}

/// An audience that a client's resource server has in common with every other token: /userinfo.
#[tokio::test]
async fn opaque_tokens_are_shown_to_their_client_alone() {
    let app = App::start().await;
    let tokens = app.request().with("scope", "openid").send().await;
    let server = other(&app).await;
    inactive(by(app.introspect(tokens.access_token()), &server)).await;
    assert!(is_active(&app, tokens.access_token()).await);
}

/// RFC 7662, section 2.1: "to prevent token scanning attacks".
#[tokio::test]
async fn who_does_not_prove_who_it_is_learns_nothing() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let ask = || app.introspect(tokens.access_token());
    let (public, _) = app.add_client(ClientAuthentication::None, true).await;
    for request in [
        ask().with("client_secret", "wrong"),
        ask().without("client_secret"),
        ask().without("client_secret").with("client_id", &public),
    ] {
        assert_eq!(request.send().await.refusal(), FAILED);
    }
    let bearer = format!("Bearer {}", tokens.access_token());
    let request = ask().without("client_secret").without("client_id");
    let answer = request.header("authorization", &bearer).send().await;
    assert_eq!(
        (answer.status, answer.text("error")),
        (401, "invalid_client")
    );
    // RFC 6749, section 2.3.1.
    let basic = ask().without("client_secret").without("client_id");
    let basic = basic.basic(&app.client_id, &app.client_secret).send().await;
    assert_eq!(basic.body["active"], json!(true));
}

/// Wrong secrets are counted over all endpoints together.
#[tokio::test]
async fn guesses_at_a_secret_are_stopped_here_too() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let mut refused = 0;
    for _ in 0..200 {
        let guess = app.introspect(tokens.access_token());
        match guess.with("client_secret", "wrong").send().await.status {
            401 => {}
            429 => refused += 1,
            status => panic!("{status}"),
        }
    }
    assert!(refused > 0);
    let request = app.request().with("client_secret", "wrong").send().await;
    assert_eq!(request.status, 429);
}

#[tokio::test]
async fn a_request_without_a_token_is_refused() {
    let app = App::start().await;
    assert_eq!(
        app.introspect("").send().await.refusal(),
        "400 invalid_request: Missing required parameter: token"
    );
    let twice = app.introspect("one").again("token", "two").send().await;
    assert_eq!(
        (twice.status, twice.text("error")),
        (400, "invalid_request")
    );
    assert_eq!(app.get("/oauth/introspect").await.status, 405);
}

/// RFC 7662, section 2.2 and section 4: all of these look the same.
#[tokio::test]
async fn garbage_and_forgeries_are_not_active() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let (token, id_token) = (tokens.access_token(), tokens.text("id_token"));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let none = crate::support::client_key::encode(br#"{"alg":"none","typ":"JWT"}"#);
    let long = "a.".repeat(20_000);
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    for forged in [
        "garbage".to_owned(),
        "..".to_owned(),
        long,
        format!("{message}."),
        format!("{message}.{other}{}", &signature[1..]),
        format!("{none}.{payload}."),
        format!("{header}..{signature}"),
        id_token.to_owned(),
    ] {
        inactive(app.introspect(&forged)).await;
    }
    // RFC 8725, section 3.1: our public key is no secret.
    let jwks = app.get("/.well-known/jwks.json").await.body;
    let rsa = &jwks["keys"][0];
    let claims = app.introspect(token).send().await.body;
    for secret in [rsa.to_string(), rsa["n"].as_str().unwrap().to_owned()] {
        let mut header = Header::new(jsonwebtoken::Algorithm::HS256);
        let key = EncodingKey::from_secret(secret.as_bytes());
        for kid in [None, rsa["kid"].as_str()] {
            header.kid = kid.map(str::to_owned);
            let forged = jsonwebtoken::encode(&header, &claims, &key).unwrap();
            inactive(app.introspect(&forged)).await;
        }
    }
}

#[tokio::test]
async fn another_tenants_token_is_not_active() {
    let app = App::start().await;
    let (_, foreign) = app.add_tenant("bolt").await;
    let tokens = foreign.clone().with("scope", "openid").send().await;
    let there = foreign.with("token", tokens.access_token());
    let there = there.to("/oauth/introspect").send().await;
    assert_eq!(there.body["active"], json!(true));
    inactive(app.introspect(tokens.access_token())).await;
}

#[tokio::test]
async fn tokens_end_with_their_time() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let opaque = app.request().with("scope", "openid").send().await;
    app.later(86_399);
    assert!(is_active(&app, tokens.access_token()).await);
    assert!(is_active(&app, opaque.access_token()).await);
    app.later(1);
    inactive(app.introspect(tokens.access_token())).await;
    inactive(app.introspect(opaque.access_token())).await;
}

/// Pocket ID CVE-2026-43983 and its kin: whatever is taken away, its tokens end.
#[tokio::test]
async fn tokens_end_with_their_user() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let all = [tokens.access_token(), tokens.text("refresh_token")];
    let block = |blocked| users::set_blocked(&app.server, &app.tenant, &app.user.user_id, blocked);
    block(true).await.unwrap();
    for token in all {
        inactive(app.introspect(token)).await;
    }
    block(false).await.unwrap();
    for token in all {
        assert!(is_active(&app, token).await);
    }
    delete::<claimsmith::user::User>(&app, &[app.tenant.as_str(), &app.user.user_id]).await;
    for token in all {
        inactive(app.introspect(token)).await;
    }
}

#[tokio::test]
async fn tokens_end_with_their_api() {
    let app = App::start().await;
    let tokens = login(&app).await;
    delete::<Api>(&app, &[app.tenant.as_str(), API]).await;
    for token in [tokens.access_token(), tokens.text("refresh_token")] {
        inactive(app.introspect(token)).await;
    }
}

#[tokio::test]
async fn tokens_end_with_their_client() {
    let app = App::start().await;
    let tokens = login(&app).await;
    let server = other(&app).await;
    clients::set_resource_server(&app.server, &app.tenant, &server.0, Some(API.to_owned()))
        .await
        .unwrap();
    let ask = || by(app.introspect(tokens.access_token()), &server);
    assert_eq!(ask().send().await.body["active"], json!(true));
    delete::<Client>(&app, &[app.tenant.as_str(), &app.client_id]).await;
    inactive(ask()).await;
}

#[tokio::test]
async fn a_machines_token_ends_with_its_client_grant() {
    let app = App::start().await;
    app.grant_client(SubjectType::Client, &["read:orders"])
        .await;
    let tokens = app.machine_request().send().await;
    let answer = app.introspect(tokens.access_token()).send().await;
    assert_eq!(
        answer.body["sub"],
        json!(format!("{}@clients", app.client_id))
    );
    let tenant = app.tenant.as_str();
    let key = ClientGrant::parts(tenant, &app.client_id, SubjectType::Client, API);
    delete::<ClientGrant>(&app, &key).await;
    inactive(app.introspect(tokens.access_token())).await;
}

/// A token of an HS256 API is signed with a secret that the API shares.
#[tokio::test]
async fn tokens_of_an_hs256_api_are_verified_with_its_secret() {
    let app = App::start().await;
    const SHARED: &str = "https://shared.example/";
    let secret = app
        .add_api(SHARED, SigningAlgorithm::HS256, TokenDialect::AccessToken)
        .await
        .unwrap();
    let tokens = app.request().with("audience", SHARED).send().await;
    let token = tokens.access_token();
    assert!(is_active(&app, token).await);
    // Somebody else's secret, and the right one for another API.
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    let wrong = EncodingKey::from_secret(&[7; 32]);
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_audience(&[SHARED]);
    validation.validate_exp = false;
    let decoding = DecodingKey::from_secret(secret.expose().as_bytes());
    let claims = jsonwebtoken::decode::<Value>(token, &decoding, &validation);
    let mut claims = claims.unwrap().claims;
    let sign = |claims: &Value, key| jsonwebtoken::encode(&Header::default(), claims, key).unwrap();
    assert!(is_active(&app, &sign(&claims, &key)).await);
    inactive(app.introspect(&sign(&claims, &wrong))).await;
    claims["aud"] = json!(API);
    inactive(app.introspect(&sign(&claims, &key))).await;
    claims["aud"] = json!([SHARED, API]);
    inactive(app.introspect(&sign(&claims, &key))).await;
}

#[tokio::test]
async fn a_bound_token_says_to_which_key() {
    let app = App::start().await;
    let prover = Prover::new();
    let proof = json!({
        "jti": "1", "htm": "POST", "htu": format!("{}oauth/token", app.issuer), "iat": NOW / 1000,
    });
    let request = app
        .request()
        .with("audience", API)
        .dpop(&prover.prove(&proof));
    let tokens = request.send().await;
    let answer = app.introspect(tokens.access_token()).send().await;
    assert_eq!(answer.body["token_type"], json!("DPoP"));
    assert_eq!(answer.body["cnf"], json!({ "jkt": prover.thumbprint() }));
}

#[tokio::test]
async fn claims_of_rules_are_told_and_cannot_say_what_the_server_says() {
    let app = App::start().await;
    let component = returning(&[
        Effect::SetAccessClaim("https://acme.example/region", r#""north""#),
        Effect::SetAccessClaim("active", "false"),
        Effect::SetAccessClaim("token_type", r#""pin""#),
    ]);
    app.bind_rule("region", component, OnFault::Deny).await;
    let tokens = login(&app).await;
    let answer = app.introspect(tokens.access_token()).send().await;
    assert_eq!(answer.body["https://acme.example/region"], json!("north"));
}

/// RFC 9701, sections 4 and 5.
#[tokio::test]
async fn the_answer_is_signed_for_who_asks_for_that() {
    let app = App::start().await;
    let tokens = login(&app).await;
    for (token, active) in [(tokens.access_token(), true), ("nothing", false)] {
        let plain = app.introspect(token).send().await.body;
        let (content_type, jwt) = app
            .introspect(token)
            .header("accept", "application/token-introspection+jwt")
            .send_for_text()
            .await;
        assert_eq!(content_type, "application/token-introspection+jwt");
        let (header, claims) = app.verify(&jwt, &app.client_id).await;
        assert_eq!(header.typ.as_deref(), Some("token-introspection+jwt"));
        assert_eq!(header.alg, jsonwebtoken::Algorithm::RS256);
        assert_eq!(plain["active"], json!(active));
        assert_eq!(
            claims,
            json!({
                "iss": app.issuer, "aud": app.client_id, "iat": NOW / 1_000,
                "token_introspection": plain,
            })
        );
        // RFC 9701, section 8.1: it is no token itself.
        inactive(app.introspect(&jwt)).await;
        assert_eq!(app.userinfo(&jwt).await.status, 401);
    }
}

#[tokio::test]
async fn a_stopped_store_answers_503() {
    let app = App::start().await;
    let tokens = login(&app).await;
    app.server.close();
    let answer = app.introspect(tokens.access_token()).send().await;
    assert_eq!(
        (answer.status, answer.text("error")),
        (503, "temporarily_unavailable")
    );
}
