//! `/api/v2/actions/…` (contract, section 3.6).

mod bindings;
mod drafts;
mod executions;
mod secrets;
mod trials;
mod versions;

use serde_json::{Value, json};

use crate::support::app::{API, App};
use crate::support::manager::Manager;

pub(super) const TIER: &str = "https://acme.example/tier";

/// An action for logins that sets the claim [`TIER`] to what an expression comes to.
pub(super) fn naming(tier: &str) -> String {
    format!(
        "exports.onExecutePostLogin = async (event, api) => {{\n  api.accessToken.setCustomClaim('{TIER}', {tier});\n}};"
    )
}

pub(super) fn action(name: &str, code: &str) -> Value {
    json!({
        "name": name,
        "supported_triggers": [{ "id": "post-login", "version": "v3" }],
        "code": code,
    })
}

pub(super) fn id_of(document: &Value) -> String {
    document["id"].as_str().unwrap().to_owned()
}

impl Manager<'_> {
    pub(super) async fn make_action(&self, name: &str, code: &str) -> String {
        let made = self.post("/actions/actions", &action(name, code)).await;
        id_of(&made.document(201))
    }

    pub(super) async fn deploy_action(&self, id: &str) -> Value {
        let path = format!("/actions/actions/{id}/deploy");
        self.send(reqwest::Method::POST, &path, None)
            .await
            .document(202)
    }

    /// Lets logins set off these actions, by name, and no others.
    pub(super) async fn bind_actions(&self, names: &[&str]) -> Value {
        let bindings: Vec<Value> = names
            .iter()
            .map(|name| json!({ "ref": { "type": "action_name", "value": name } }))
            .collect();
        let body = json!({ "bindings": bindings });
        let path = "/actions/triggers/post-login/bindings";
        self.patch(path, &body).await.document(200)["bindings"].clone()
    }
}

/// The claims of a login.
pub(super) async fn claims(app: &App) -> Value {
    let answer = app.request().with("audience", API).send().await;
    app.verify(answer.access_token(), API).await.1
}

pub(super) async fn tier(app: &App) -> Value {
    claims(app).await[TIER].clone()
}
