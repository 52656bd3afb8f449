//! `fetch.start` and `wait`: requests of rules in JavaScript, several at a time if they like.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::door::Answer;
use crate::rule_host::fetch::{FetchError, Outgoing, Redirects, Response, Waited};
use crate::rule_host::guest::Guest;

/// A request as the driver writes it; the body comes beside it.
#[derive(Deserialize)]
struct Asked {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    timeout_ms: Option<f64>,
    redirect: Option<String>,
}

/// How long to wait for the first request that is done; none for as long as it takes.
#[derive(Deserialize)]
struct Patience {
    timeout_ms: Option<f64>,
}

/// A request that is done, as the driver reads it; the body comes beside it.
#[derive(Serialize)]
#[serde(untagged)]
enum Done<'r> {
    #[serde(rename_all = "camelCase")]
    Answered {
        handle: String,
        status: u16,
        status_text: &'r str,
        headers: &'r [(String, String)],
        url: &'r str,
        redirected: bool,
    },
    Failed {
        handle: String,
        error: String,
        /// As Node's sockets have them, because rules look for those.
        code: &'static str,
    },
}

/// What the driver reads when a timer was first.
const TIMEOUT: &str = "timeout";

/// Starts a request; the answer is the handle under which `wait` tells what came of it.
pub(in super::super) fn start(
    guest: &mut Guest,
    text: &str,
    body: Vec<u8>,
) -> Result<Answer, String> {
    let asked: Asked = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let number = guest.start_fetch(Outgoing {
        method: asked.method,
        url: asked.url,
        headers: asked.headers,
        body,
        timeout: asked.timeout_ms.map(milliseconds),
        redirects: match asked.redirect.as_deref() {
            None | Some("follow") => Redirects::Follow,
            Some("error") => Redirects::Refuse,
            Some(_) => Redirects::Keep,
        },
    });
    let number = number.ok_or("there is no exchange under way, so nothing can be sent")?;
    Ok(text_only(number.to_string()))
}

/// Waits for the first request that is done, or for a timer.
pub(in super::super) async fn wait(guest: &mut Guest, text: &str) -> Result<Answer, String> {
    let patience: Patience = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let timer = patience.timeout_ms.map(milliseconds);
    match guest.wait_for_fetch(timer).await {
        Waited::Timer => Ok(text_only(TIMEOUT.to_owned())),
        Waited::Nothing => Err("there is nothing to wait for".to_owned()),
        Waited::Answered {
            number,
            redirected,
            answer,
        } => match answer {
            Ok(response) => answered(number, redirected, response),
            Err(failure) => failed(number, &failure.error),
        },
    }
}

/// Not a number and less than nothing are nothing.
fn milliseconds(given: f64) -> Duration {
    Duration::try_from_secs_f64(given / 1000.0).unwrap_or_default()
}

fn answered(number: u32, redirected: bool, response: Response) -> Result<Answer, String> {
    let status = http::StatusCode::from_u16(response.status).ok();
    let reason = status.and_then(|status| status.canonical_reason());
    let done = Done::Answered {
        handle: number.to_string(),
        status: response.status,
        status_text: reason.unwrap_or_default(),
        headers: &response.headers,
        url: &response.url,
        redirected,
    };
    Ok(Answer {
        text: written(&done)?,
        bytes: response.body,
    })
}

fn failed(number: u32, error: &FetchError) -> Result<Answer, String> {
    let code = match error {
        FetchError::HostNotAllowed => "EACCES",
        FetchError::TimedOut => "ETIMEDOUT",
        FetchError::TooLarge => "EMSGSIZE",
        FetchError::Unreachable(_) => "EHOSTUNREACH",
    };
    let done = Done::Failed {
        handle: number.to_string(),
        error: error.to_string(),
        code,
    };
    Ok(text_only(written(&done)?))
}

fn written(done: &Done<'_>) -> Result<String, String> {
    serde_json::to_string(done).map_err(|error| error.to_string())
}

fn text_only(text: String) -> Answer {
    Answer {
        text,
        bytes: Vec::new(),
    }
}
