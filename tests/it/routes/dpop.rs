//! Tokens that are bound to a DPoP key (RFC 9449), from the token endpoint to /userinfo.

use claimsmith::admin::{clients, tenants};
use claimsmith::client::SenderConstraint;
use claimsmith::clock::Timestamp;
use claimsmith::secret::{Digest, Secret};
use reqwest::Method;
use serde_json::json;

use crate::support::app::{API, Answer, App, NOW};
use crate::support::dpop::{Holder, with};

async fn userinfo(app: &App, scheme: &str, token: &str, proofs: &[&str]) -> Answer {
    let mut request = app
        .http()
        .request(Method::GET, app.url("/userinfo"))
        .header("host", "acme.localhost")
        .header("authorization", format!("{scheme} {token}"));
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    Answer::read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_bound_token_opens_userinfo_with_its_key_and_with_nothing_else() {
    let app = App::start().await;
    let holder = Holder::new();
    // A JWT for an API, and an opaque token.
    for audience in [Some(API), None] {
        let mut request = app.request().with("scope", "openid");
        if let Some(audience) = audience {
            request = request.with("audience", audience);
        }
        let answer = request.dpop(&holder.for_token(&app)).send().await;
        let token = answer.access_token();
        assert_eq!(answer.text("token_type"), "DPoP");
        if audience.is_some() {
            let (_, claims) = app.verify(token, API).await;
            assert_eq!(claims["cnf"], json!({ "jkt": holder.prover.thumbprint() }));
        }

        let good = userinfo(&app, "DPoP", token, &[&holder.for_userinfo(&app, token)]).await;
        assert_eq!(
            (good.status, good.text("sub")),
            (200, app.user.user_id.as_str())
        );
        let proof = || holder.for_userinfo(&app, token);

        // RFC 9449, section 7.2: without the proof it is worth nothing.
        let bearer = userinfo(&app, "Bearer", token, &[]).await;
        assert_eq!(
            bearer.refusal(),
            "401 invalid_token: The access token is invalid or has expired"
        );
        assert_eq!(
            userinfo(&app, "Bearer", token, &[&proof()]).await.status,
            401
        );
        let form = app
            .http()
            .post(app.url("/userinfo"))
            .header("host", "acme.localhost");
        let form = form.form(&[("access_token", token)]).send().await.unwrap();
        assert_eq!(form.status(), 401);

        // Nor with another key, for another token or method, used before, twice or not at all.
        let thief = Holder::new().for_userinfo(&app, token);
        let stolen = userinfo(&app, "DPoP", token, &[&thief]).await;
        assert_eq!(
            (stolen.status, stolen.text("error")),
            (401, "invalid_token")
        );
        let post = holder.claims(&app, "POST", "userinfo");
        let post = holder.prover.prove(&with(
            post,
            "ath",
            json!(Digest::of(&Secret::new(token)).as_str()),
        ));
        let once = proof();
        assert_eq!(userinfo(&app, "dpop", token, &[&once]).await.status, 200);
        for proofs in [
            &[holder.for_userinfo(&app, "another").as_str()][..],
            &[&holder.for_token(&app)],
            &[&post],
            &[&once],
            &[&proof(), &proof()],
            &[],
        ] {
            let refused = userinfo(&app, "DPoP", token, proofs).await;
            assert_eq!(
                refused.refusal(),
                "401 invalid_dpop_proof: The DPoP proof is invalid"
            );
            assert!(
                refused.header("www-authenticate").starts_with("DPoP "),
                "{refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn rfc9449_7_1_a_token_that_is_bound_to_nothing_is_no_dpop_token() {
    let app = App::start().await;
    let answer = app.request().with("scope", "openid").send().await;
    let token = answer.access_token();
    assert_eq!(answer.text("token_type"), "Bearer");
    let proof = Holder::new().for_userinfo(&app, token);
    let refused = userinfo(&app, "DPoP", token, &[&proof]).await;
    assert_eq!(
        (refused.status, refused.text("error")),
        (401, "invalid_token")
    );
    assert_eq!(userinfo(&app, "Bearer", token, &[]).await.status, 200);
}

#[tokio::test]
async fn rfc9449_5_a_wrong_proof_gets_no_token() {
    let app = App::start().await;
    let holder = Holder::new();
    let get = holder
        .prover
        .prove(&holder.claims(&app, "GET", "oauth/token"));
    let elsewhere = holder
        .prover
        .prove(&holder.claims(&app, "POST", "userinfo"));
    for proof in [get.as_str(), &elsewhere, "garbage", ""] {
        let refused = app.request().dpop(proof).send().await;
        assert_eq!(
            refused.refusal(),
            "400 invalid_dpop_proof: The DPoP proof is invalid"
        );
    }
    let proof = holder.for_token(&app);
    let twice = app
        .request()
        .dpop(&proof)
        .dpop(&holder.for_token(&app))
        .send()
        .await;
    assert_eq!(twice.text("error"), "invalid_dpop_proof");
    assert_eq!(app.request().dpop(&proof).send().await.status, 200);
    let replayed = app.request().dpop(&proof).send().await;
    assert_eq!(replayed.text("error"), "invalid_dpop_proof");
    // Who is no client does not use up a proof.
    let proof = holder.for_token(&app);
    let stranger = app
        .request()
        .with("client_secret", "wrong")
        .dpop(&proof)
        .send()
        .await;
    assert_eq!(stranger.text("error"), "invalid_client");
    assert_eq!(app.request().dpop(&proof).send().await.status, 200);
}

#[tokio::test]
async fn a_client_can_be_held_to_prove_its_key() {
    let app = App::start().await;
    let set = async |constraint| {
        let set =
            clients::set_sender_constraint(&app.server, &app.tenant, &app.client_id, constraint);
        set.await.unwrap();
    };
    set(SenderConstraint::Dpop).await;
    let refused = app.request().send().await;
    assert_eq!(
        refused.refusal(),
        "400 invalid_request: This client must send a DPoP proof."
    );
    let proof = Holder::new().for_token(&app);
    assert_eq!(
        app.request().dpop(&proof).send().await.text("token_type"),
        "DPoP"
    );
    set(SenderConstraint::Optional).await;
    assert_eq!(app.request().send().await.text("token_type"), "Bearer");
}

#[tokio::test]
async fn rfc9449_8_a_nonce_is_handed_out_where_it_is_required() {
    let app = App::start().await;
    let change = tenants::Change {
        require_dpop_nonce: Some(true),
        ..tenants::Change::default()
    };
    tenants::change(&app.server, &app.tenant, change)
        .await
        .unwrap();
    let holder = Holder::new();
    let refused = app.request().dpop(&holder.for_token(&app)).send().await;
    assert_eq!(
        (refused.status, refused.text("error")),
        (400, "use_dpop_nonce")
    );
    let nonce = refused.header("dpop-nonce").to_owned();
    let again = with(
        holder.claims(&app, "POST", "oauth/token"),
        "nonce",
        json!(nonce),
    );
    let request = app.request().with("scope", "openid");
    let answer = request.dpop(&holder.prover.prove(&again)).send().await;
    let token = answer.access_token();

    let refused = userinfo(&app, "DPoP", token, &[&holder.for_userinfo(&app, token)]).await;
    assert_eq!(
        (refused.status, refused.text("error")),
        (401, "use_dpop_nonce")
    );
    assert!(
        refused
            .header("www-authenticate")
            .contains("error=\"use_dpop_nonce\"")
    );
    let nonce = refused.header("dpop-nonce").to_owned();
    let claims = with(
        holder.claims(&app, "GET", "userinfo"),
        "nonce",
        json!(nonce),
    );
    let claims = with(
        claims,
        "ath",
        json!(Digest::of(&Secret::new(token)).as_str()),
    );
    let proof = holder.prover.prove(&claims);
    assert_eq!(userinfo(&app, "DPoP", token, &[&proof]).await.status, 200);
    // Nobody who sends no proof is bothered.
    assert_eq!(app.request().send().await.status, 200);
    app.clock.set(Timestamp::from_millis(NOW));
}

#[tokio::test]
async fn the_metadata_names_the_algorithms_and_a_challenge_does_too() {
    let app = App::start().await;
    let metadata = app.get("/.well-known/openid-configuration").await.body;
    assert_eq!(
        metadata["dpop_signing_alg_values_supported"],
        json!(["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
    );
    let none = app.get("/userinfo").await;
    let challenges: Vec<_> = none.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(
        challenges,
        ["Bearer", "DPoP algs=\"RS256 PS256 ES256 EdDSA Ed25519\""]
    );
}
