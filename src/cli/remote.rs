//! A server that is administered over its management API, as a client of the tenant.

use std::path::PathBuf;

use http::{HeaderName, Method, header};
use serde_json::Value;

use super::CliError;
use crate::http::outgoing::{Events, Incoming, Outgoing, Sent};
use crate::rule_host::fetch::read_certificates;
use crate::secret::Secret;

/// The largest answer that is not a component.
const MAX_JSON_BYTES: usize = 16 << 20;

/// Which server, and as whom.
#[derive(clap::Args, Clone)]
pub(super) struct RemoteOptions {
    /// Ask a running server instead of a data directory: the tenant's issuer. Its client must be
    /// granted `read:exchanges` and `read:rules` of the management API
    #[arg(long, value_name = "URL", requires = "client_id")]
    server: Option<String>,
    /// The client to ask as
    #[arg(
        long,
        env = "CLAIMSMITH_CLIENT_ID",
        value_name = "ID",
        requires = "server"
    )]
    client_id: Option<String>,
    /// The client's secret; better in the environment than on the command line
    #[arg(
        long,
        env = "CLAIMSMITH_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    client_secret: Option<String>,
    /// A file of certificates (PEM) to trust beside those of the operating system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// A server that let this client in.
pub(super) struct Remote {
    server: Outgoing,
    token: Secret,
}

impl RemoteOptions {
    /// Whether a server is meant, rather than a data directory.
    pub(super) fn is_given(&self) -> bool {
        self.server.is_some()
    }

    /// Gets a token.
    pub(super) async fn connect(&self) -> Result<Remote, CliError> {
        let base = self.server.as_deref().unwrap_or_default();
        let client_id = self.client_id.as_deref().unwrap_or_default();
        let Some(secret) = &self.client_secret else {
            return Err(CliError::usage(
                "the client's secret is missing: set CLAIMSMITH_CLIENT_SECRET",
            ));
        };
        let extra = match &self.ca {
            None => Vec::new(),
            Some(file) => read_certificates(file).map_err(CliError::usage)?,
        };
        let server = Outgoing::to(base, extra).map_err(CliError::usage)?;
        let path = ".well-known/openid-configuration";
        let metadata = server.send(Method::GET, path, None, Sent::Nothing, MAX_JSON_BYTES);
        let metadata = document(metadata.await.map_err(CliError::failure)?)?;
        let issuer = text(&metadata, "issuer")?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", secret),
            ("audience", &format!("{issuer}api/v2/")),
        ];
        let sent = Sent::Form(&form);
        let answer = server.send(Method::POST, "oauth/token", None, sent, MAX_JSON_BYTES);
        let answer = document(answer.await.map_err(CliError::failure)?)?;
        let token = Secret::new(text(&answer, "access_token")?);
        Ok(Remote { server, token })
    }
}

impl Remote {
    /// A document, at a path behind `/api/v2/`.
    pub(super) async fn get(&self, path: &str) -> Result<Value, CliError> {
        document(self.ask(path, MAX_JSON_BYTES).await?)
    }

    /// Bytes, likewise.
    pub(super) async fn bytes(&self, path: &str, most: usize) -> Result<Vec<u8>, CliError> {
        let answer = self.ask(path, most).await?;
        match answer.status.is_success() {
            true => Ok(answer.body.to_vec()),
            false => document(answer).map(|_| Vec::new()),
        }
    }

    /// An answer that goes on, likewise, behind the last event that was seen.
    pub(super) async fn follow(
        &self,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<Events, CliError> {
        let mut headers = vec![(header::ACCEPT, "text/event-stream")];
        if let Some(id) = last_event_id.filter(|id| !id.is_empty()) {
            headers.push((HeaderName::from_static("last-event-id"), id));
        }
        let path = format!("api/v2/{path}");
        let answer = self.server.open(&path, &self.token, &headers).await;
        let answer = answer.map_err(CliError::failure)?;
        if answer.status.is_success() {
            return Ok(answer.events());
        }
        let whole = answer.whole(MAX_JSON_BYTES).await;
        document(whole.map_err(CliError::failure)?)
            .and_then(|_| Err(CliError::failure("the server answered with no events")))
    }

    async fn ask(&self, path: &str, most: usize) -> Result<Incoming, CliError> {
        let path = format!("api/v2/{path}");
        let answer = self
            .server
            .send(Method::GET, &path, Some(&self.token), Sent::Nothing, most);
        answer.await.map_err(CliError::failure)
    }
}

/// The document, or what the server said instead.
fn document(answer: Incoming) -> Result<Value, CliError> {
    let status = answer.status;
    let document: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| CliError::failure(format!("the server answered {status} without JSON")))?;
    if status.is_success() {
        return Ok(document);
    }
    let said = ["message", "error_description", "error"];
    let said = said.iter().find_map(|name| document.get(*name)?.as_str());
    let said: String = said.unwrap_or_default().escape_debug().collect();
    Err(CliError::failure(format!(
        "the server answered {status}: {said}"
    )))
}

fn text<'a>(document: &'a Value, name: &str) -> Result<&'a str, CliError> {
    let text = document.get(name).and_then(Value::as_str);
    text.ok_or_else(|| CliError::failure(format!("the server's answer has no `{name}`")))
}
