//! The demo's client: an ordinary one, over HTTP.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::seed::Seeded;
use crate::cli::CliError;
use crate::grant::GrantRequest;
use crate::tenant::Issuer;

/// The request, as it is sent and shown. It shows secrets, which are the demo's own.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    #[serde(skip)]
    form_url: String,
    grant_type: &'a str,
    username: &'a str,
    password: &'a str,
    client_id: &'a str,
    client_secret: &'a str,
    audience: &'a str,
    scope: &'a str,
}

impl<'a> Request<'a> {
    pub(super) fn new(issuer: &Issuer, seeded: &'a Seeded) -> Self {
        Self {
            form_url: issuer.endpoint("oauth/token"),
            grant_type: GrantRequest::PASSWORD,
            username: seeded.username,
            password: seeded.password.expose(),
            client_id: &seeded.client_id,
            client_secret: seeded.client_secret.expose(),
            audience: seeded.audience,
            scope: seeded.scope,
        }
    }

    /// Where the request goes.
    pub(super) fn url(&self) -> &str {
        &self.form_url
    }

    /// The parameters, in order.
    pub(super) fn parameters(&self) -> [(&str, &str); 7] {
        [
            ("grant_type", self.grant_type),
            ("username", self.username),
            ("password", self.password),
            ("client_id", self.client_id),
            ("client_secret", self.client_secret),
            ("audience", self.audience),
            ("scope", self.scope),
        ]
    }

    /// Posts the form, and returns the answer as it was received.
    pub(super) async fn send(&self) -> Result<Value, CliError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(CliError::failure)?;
        let response = client
            .post(self.url())
            .form(self)
            .send()
            .await
            .map_err(CliError::failure)?;
        let status = response.status();
        let body: Value = response.json().await.map_err(CliError::failure)?;
        if !status.is_success() {
            return Err(CliError::failure(format!(
                "the server answered {status}: {body}"
            )));
        }
        Ok(body)
    }
}
