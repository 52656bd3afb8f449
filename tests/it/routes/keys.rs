//! Rotation as clients and resource servers see it.

use std::sync::atomic::{AtomicBool, Ordering};

use claimsmith::admin::keys;
use claimsmith::api::TokenDialect;
use claimsmith::clock::{Clock as _, Timestamp};
use claimsmith::token::{NOTICE, Notice, SigningAlgorithm};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::Value;

use crate::support::app::{API, Answer, App, NOW};

/// A resource server that believes `Cache-Control` to the letter: it fetches the key set when the
/// kept one is too old, and never because a key is missing.
#[derive(Default)]
struct Verifier {
    kept: Option<(JwkSet, Timestamp)>,
    fetched: usize,
}

impl Verifier {
    async fn verify(&mut self, app: &App, token: &str) {
        let now = app.clock.now();
        if self.kept.as_ref().is_none_or(|(_, until)| *until <= now) {
            let answer = app.get("/.well-known/jwks.json").await;
            let until = now.plus_secs(max_age(&answer));
            self.kept = Some((serde_json::from_value(answer.body).unwrap(), until));
            self.fetched += 1;
        }
        let (keys, _) = self.kept.as_ref().unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        let kid = header.kid.unwrap();
        let key = keys
            .find(&kid)
            .unwrap_or_else(|| panic!("a gap: `{kid}` is not known yet"));
        let mut validation = Validation::new(header.alg);
        validation.validate_exp = false;
        validation.validate_aud = false;
        let key = DecodingKey::from_jwk(key).unwrap();
        jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap();
    }
}

fn max_age(answer: &Answer) -> u64 {
    let control = answer.header("cache-control");
    let age = control.strip_prefix("public, max-age=");
    age.unwrap_or_else(|| panic!("{control}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidc_core_10_1_1_a_verifier_that_caches_meets_no_gap_while_keys_rotate() {
    let app = App::start().await;
    keys::tend(&app.server).await.unwrap();
    let done = AtomicBool::new(false);

    let rotating = async {
        let mut clock = NOW;
        for _ in 0..6 {
            // In steps, so that verifiers are caught with sets of all ages; at the end of the notice
            // the keys change while requests are under way.
            for _ in 0..6 {
                clock += NOTICE * 1000 / 6;
                app.clock.set(Timestamp::from_millis(clock));
                tokio::task::yield_now().await;
            }
            keys::rotate(&app.server, &app.tenant, None, Notice::Given)
                .await
                .unwrap();
        }
        done.store(true, Ordering::SeqCst);
    };
    let using = || async {
        let (mut verifier, mut tokens, mut kids) = (Verifier::default(), Vec::new(), Vec::new());
        while !done.load(Ordering::SeqCst) {
            let answer = app
                .request()
                .with("audience", API)
                .with("scope", "openid")
                .send()
                .await;
            for token in [answer.access_token(), answer.text("id_token")] {
                kids.push(jsonwebtoken::decode_header(token).unwrap().kid.unwrap());
                tokens.push(token.to_owned());
            }
            for token in &tokens {
                verifier.verify(&app, token).await;
            }
            assert_eq!(app.userinfo(answer.access_token()).await.status, 200);
        }
        kids.dedup();
        (kids.len(), verifier.fetched)
    };
    let ((), one, two, three) = tokio::join!(rotating, using(), using(), using());
    for (signed_with, fetched) in [one, two, three] {
        assert!(
            signed_with >= 3,
            "the keys changed under way: {signed_with}"
        );
        assert!(fetched >= 3, "the set was fetched again: {fetched}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_a_new_one_believed_without_a_restart() {
    let app = App::start().await;
    let token = async || {
        let request = app.request().with("audience", API).with("scope", "openid");
        request.send().await.access_token().to_owned()
    };
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let old = token().await;
    let rotated = keys::rotate(
        &app.server,
        &app.tenant,
        Some(SigningAlgorithm::RS256),
        Notice::Waived,
    );
    let rotated = rotated.await.unwrap();
    let new = token().await;
    assert_eq!(kid(&new), rotated[0].kid);
    assert_eq!(app.userinfo(&old).await.status, 200);
    assert_eq!(app.userinfo(&new).await.status, 200);

    keys::revoke(&app.server, &app.tenant, &kid(&old))
        .await
        .unwrap();
    assert_eq!(app.userinfo(&old).await.status, 401);
    assert_eq!(app.userinfo(&new).await.status, 200);
    let published = app.get("/.well-known/jwks.json").await.body.to_string();
    assert!(!published.contains(&kid(&old)) && published.contains(&kid(&new)));
}

#[tokio::test]
async fn next_keys_are_published_and_sign_nothing_yet() {
    let app = App::start().await;
    app.add_api(
        "https://es.example/",
        SigningAlgorithm::ES256,
        TokenDialect::Rfc9068Profile,
    )
    .await;
    keys::tend(&app.server).await.unwrap();
    let published = app.get("/.well-known/jwks.json").await.body;
    let published = published["keys"].as_array().unwrap();
    assert_eq!(published.len(), 8);
    let listed = keys::list(&app.server, &app.tenant).await.unwrap();
    let es: Vec<_> = listed
        .iter()
        .filter(|key| key.alg == SigningAlgorithm::ES256)
        .collect();
    assert_eq!(
        es.iter()
            .map(|key| (key.current, key.next))
            .collect::<Vec<_>>(),
        [(true, false), (false, true)]
    );
    let answer = app
        .request()
        .with("audience", "https://es.example/")
        .send()
        .await;
    let header = jsonwebtoken::decode_header(answer.access_token()).unwrap();
    assert_eq!(header.kid.unwrap(), es[0].kid);
}
