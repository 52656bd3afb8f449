//! What is asked of a server that let this client in.

use std::time::Duration;

use http::{HeaderName, Method, StatusCode, header};
use serde_json::Value;

use super::CliError;
use crate::http::outgoing::{Events, Incoming, Outgoing, Sent};
use crate::secret::Secret;

/// The largest answer that is not a component.
pub(super) const MAX_JSON_BYTES: usize = 16 << 20;

/// A listing that goes on behind so many items is not read to its end: the server is not believed that
/// it has one.
const MOST_ITEMS: usize = 1_000_000;

/// How often a request is sent again that the server had no time for, and the longest wait.
const MOST_ATTEMPTS: u32 = 5;
const LONGEST_WAIT_SECS: u64 = 60;

/// A server that let this client in.
pub(in crate::cli) struct Remote {
    server: Outgoing,
    token: Secret,
    issuer: String,
    client_id: String,
}

impl Remote {
    pub(super) fn new(server: Outgoing, token: Secret, issuer: &str, client_id: &str) -> Self {
        Self {
            server,
            token,
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
        }
    }

    /// The tenant's issuer, as the server says.
    pub(in crate::cli) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The client that asks.
    pub(in crate::cli) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// A document, at a path behind `/api/v2/`.
    pub(in crate::cli) async fn get(&self, path: &str) -> Result<Value, CliError> {
        document(self.ask(Method::GET, path, None, MAX_JSON_BYTES).await?)
    }

    /// The same, or none if there is no such thing.
    pub(in crate::cli) async fn find(&self, path: &str) -> Result<Option<Value>, CliError> {
        let answer = self.ask(Method::GET, path, None, MAX_JSON_BYTES).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            _ => document(answer).map(Some),
        }
    }

    /// Bytes, likewise.
    pub(in crate::cli) async fn bytes(&self, path: &str, most: usize) -> Result<Vec<u8>, CliError> {
        let answer = self.ask(Method::GET, path, None, most).await?;
        match answer.status.is_success() {
            true => Ok(answer.body.to_vec()),
            false => document(answer).map(|_| Vec::new()),
        }
    }

    /// An answer that goes on, likewise, behind the last event that was seen.
    pub(in crate::cli) async fn follow(
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

    /// Changes something. An answer without a body is null.
    pub(in crate::cli) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let answer = self.ask(method, path, body, MAX_JSON_BYTES).await?;
        match answer.status.is_success() && answer.body.is_empty() {
            true => Ok(Value::Null),
            false => document(answer),
        }
    }

    /// All items of a listing, by cursor.
    pub(in crate::cli) async fn list(
        &self,
        path: &str,
        name: &str,
    ) -> Result<Vec<Value>, CliError> {
        let mut items = Vec::new();
        let mut from = String::new();
        loop {
            let mut page = self.get(&format!("{path}?take=100{from}")).await?;
            take(&mut page, name, &mut items)?;
            match page.get("next").and_then(Value::as_str) {
                Some(next) if items.len() < MOST_ITEMS => from = format!("&from={next}"),
                _ => return Ok(items),
            }
        }
    }

    /// The same of a listing that has numbered pages only.
    pub(in crate::cli) async fn list_by_number(
        &self,
        path: &str,
        name: &str,
    ) -> Result<Vec<Value>, CliError> {
        let mut items = Vec::new();
        for number in 0_u64.. {
            let query = format!("{path}?per_page=100&page={number}&include_totals=true");
            let mut page = self.get(&query).await?;
            let before = items.len();
            take(&mut page, name, &mut items)?;
            let total = page.get("total").and_then(Value::as_u64).unwrap_or(0);
            let all = items.len() as u64 >= total;
            if all || items.len() == before || items.len() >= MOST_ITEMS {
                break;
            }
        }
        Ok(items)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        most: usize,
    ) -> Result<Incoming, CliError> {
        let path = format!("api/v2/{path}");
        for attempt in 1.. {
            let sent = body.map_or(Sent::Nothing, Sent::Json);
            let answer = self
                .server
                .send(method.clone(), &path, Some(&self.token), sent, most);
            let answer = answer.await.map_err(CliError::failure)?;
            // Refused before anything was done; other failures are not known to have done nothing.
            let busy = answer.status == StatusCode::TOO_MANY_REQUESTS;
            match answer.retry_after {
                Some(seconds) if busy && attempt < MOST_ATTEMPTS => {
                    let wait = seconds.clamp(1, LONGEST_WAIT_SECS);
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                }
                _ => return Ok(answer),
            }
        }
        Err(CliError::failure("the server has no time"))
    }
}

fn take(page: &mut Value, name: &str, items: &mut Vec<Value>) -> Result<(), CliError> {
    match page.get_mut(name).map(Value::take) {
        Some(Value::Array(some)) => {
            items.extend(some);
            Ok(())
        }
        _ => Err(CliError::failure(format!(
            "the server's answer has no `{name}`"
        ))),
    }
}

/// The document, or what the server said instead.
pub(super) fn document(answer: Incoming) -> Result<Value, CliError> {
    let status = answer.status;
    let document: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| CliError::failure(format!("the server answered {status} without JSON")))?;
    if status.is_success() {
        return Ok(document);
    }
    let said = ["message", "error_description", "error"];
    let said = said.iter().find_map(|name| document.get(*name)?.as_str());
    let said: String = said.unwrap_or_default().escape_debug().collect();
    // What it refuses in a token is nothing to correct in a file.
    let advice = match status {
        StatusCode::UNAUTHORIZED => "; `claimsmith login` gets a new token",
        StatusCode::FORBIDDEN => "; its client needs a client grant with that scope",
        _ => "",
    };
    Err(CliError::failure(format!(
        "the server answered {status}: {said}{advice}"
    )))
}

pub(super) fn text<'a>(document: &'a Value, name: &str) -> Result<&'a str, CliError> {
    let text = document.get(name).and_then(Value::as_str);
    text.ok_or_else(|| CliError::failure(format!("the server's answer has no `{name}`")))
}
