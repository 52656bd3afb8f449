//! Refresh tokens that are bound to a key (RFC 9449, section 5; RFC 9700, section 4.14.2).

use claimsmith::client::SenderConstraint;

use super::*;
use crate::support::dpop::Holder;

const WRONG_PROOF: &str = "400 invalid_dpop_proof: The DPoP proof is invalid";

/// A public client's requests.
struct Phone {
    app: App,
    client_id: String,
}

impl Phone {
    async fn start() -> Self {
        let app = App::start().await;
        let (client_id, _) = app.add_client(ClientAuthentication::None, true).await;
        Self { app, client_id }
    }

    fn login(&self) -> TokenForm<'_> {
        self.of(login(&self.app))
    }

    fn refresh(&self, token: &str) -> TokenForm<'_> {
        self.of(self.app.refresh(token))
    }

    fn of<'a>(&self, form: TokenForm<'a>) -> TokenForm<'a> {
        form.with("client_id", &self.client_id)
            .without("client_secret")
    }

    async fn token_of(&self, holder: &Holder) -> String {
        let login = self.login().dpop(&holder.for_token(&self.app));
        login.send().await.text("refresh_token").to_owned()
    }
}

#[tokio::test]
async fn rfc9449_5_a_public_client_s_is_good_for_the_key_of_its_login_and_no_other() {
    let phone = Phone::start().await;
    let (holder, thief) = (Holder::new(), Holder::new());
    let mut token = phone.token_of(&holder).await;
    for _ in 0..2 {
        let stolen = phone.refresh(&token).dpop(&thief.for_token(&phone.app));
        assert_eq!(stolen.send().await.refusal(), REFUSED);
        let unproved = phone.refresh(&token).send().await;
        assert_eq!(unproved.refusal(), REFUSED, "as a bearer token");
        // None of it spent the token, or ended the family. And it stays bound through rotations.
        let answer = phone.refresh(&token).dpop(&holder.for_token(&phone.app));
        let answer = answer.send().await;
        assert_eq!(answer.text("token_type"), "DPoP");
        let (_, claims) = phone.app.verify(answer.access_token(), API).await;
        assert_eq!(claims["cnf"], json!({ "jkt": holder.prover.thumbprint() }));
        assert_ne!(answer.text("refresh_token"), token);
        answer.text("refresh_token").clone_into(&mut token);
    }
}

#[tokio::test]
async fn rfc9449_5_a_proof_that_is_wrong_or_was_used_is_refused_and_spends_nothing() {
    let phone = Phone::start().await;
    let (app, holder) = (&phone.app, Holder::new());
    let used = holder.for_token(app);
    let login = phone.login().dpop(&used).send().await;
    let token = login.text("refresh_token");
    let get = holder.claims(app, "GET", "oauth/token");
    let elsewhere = holder.claims(app, "POST", "userinfo");
    let mut old = holder.claims(app, "POST", "oauth/token");
    old["iat"] = json!(crate::support::app::NOW / 1_000 - 3_600);
    for proof in [
        used.as_str(),
        &holder.prover.prove(&get),
        &holder.prover.prove(&elsewhere),
        &holder.prover.prove(&old),
        "garbage",
        "",
    ] {
        let refused = phone.refresh(token).dpop(proof).send().await;
        assert_eq!(refused.refusal(), WRONG_PROOF, "{proof}");
    }
    let twice = phone.refresh(token).dpop(&holder.for_token(app));
    let twice = twice.dpop(&holder.for_token(app)).send().await;
    assert_eq!(twice.refusal(), WRONG_PROOF);
    let right = phone.refresh(token).dpop(&holder.for_token(app));
    assert_eq!(right.send().await.status, 200);
}

/// A thief who has a spent token and not the key raises the alarm all the same.
#[tokio::test]
async fn a_spent_token_ends_its_family_whoever_shows_it() {
    let phone = Phone::start().await;
    let (app, holder) = (&phone.app, Holder::new());
    let first = phone.token_of(&holder).await;
    let second = phone.refresh(&first).dpop(&holder.for_token(app));
    let second = second.send().await.text("refresh_token").to_owned();
    let thief = phone.refresh(&first).dpop(&Holder::new().for_token(app));
    assert_eq!(thief.send().await.refusal(), REFUSED);
    let ended = phone.refresh(&second).dpop(&holder.for_token(app));
    assert_eq!(ended.send().await.refusal(), REFUSED);
}

/// A confidential client's is bound to its credentials already.
#[tokio::test]
async fn rfc9449_5_a_confidential_client_may_change_its_key() {
    let app = App::start().await;
    let login = login(&app).dpop(&Holder::new().for_token(&app));
    let token = login.send().await.text("refresh_token").to_owned();
    let next = Holder::new();
    let answer = app.refresh(&token).dpop(&next.for_token(&app)).send().await;
    let (_, claims) = app.verify(answer.access_token(), API).await;
    assert_eq!(claims["cnf"], json!({ "jkt": next.prover.thumbprint() }));
    let bearer = app.refresh(&token).send().await;
    assert_eq!(bearer.text("token_type"), "Bearer");
}

#[tokio::test]
async fn a_client_that_must_prove_its_key_must_do_so_at_each_exchange() {
    let phone = Phone::start().await;
    let (app, holder) = (&phone.app, Holder::new());
    let token = phone.token_of(&holder).await;
    let dpop = SenderConstraint::Dpop;
    clients::set_sender_constraint(&app.server, &app.tenant, &phone.client_id, dpop)
        .await
        .unwrap();
    assert_eq!(
        phone.refresh(&token).send().await.refusal(),
        "400 invalid_request: This client must send a DPoP proof."
    );
    let right = phone.refresh(&token).dpop(&holder.for_token(app));
    assert_eq!(right.send().await.status, 200);
}
