//! What the network answered to the rules of one exchange, in a form that can be kept and replayed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Failure, FetchError, Response};
use super::request::Request;
use crate::rule_host::text::printable;

/// The requests of one exchange and what came of them. As large as the limits let it be: the
/// responses that the rules saw, and the URLs they asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recording {
    /// In the order they were started.
    pub fetches: Vec<RecordedFetch>,
    /// What the rules waited for, in the order it came. May be left out by who writes one: then the
    /// answers come in the order of `fetches`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<Step>,
}

/// The end of one wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Which request was done, by its place in `fetches`; none if a timer was first.
    pub fetch: Option<usize>,
    /// How long the rule waited for it.
    pub waited_ms: u64,
}

/// One request and what it came to. Headers that were sent are not kept: keys are among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct RecordedFetch {
    /// The method.
    pub method: String,
    /// The URL as the rule asked for it, without user and password, and without what looks like a key.
    pub url: String,
    /// The SHA-256 of the body that was sent, in hexadecimal; none in a fixture fits every body.
    pub body_sha256: Option<String>,
    /// What came back.
    pub outcome: RecordedOutcome,
}

/// What a request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedOutcome {
    /// A response.
    Answered(Response),
    /// None, and why; the second text is the tenant's.
    Failed(FetchError, String),
    /// The rules ended before it did.
    Unfinished,
}

/// What a tenant's log says of a request: neither its query, which may hold a key, nor its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchReport {
    /// The method.
    pub method: String,
    /// The URL without its query.
    pub url: String,
    /// The response's status, if there was one.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<FetchError>,
    /// Headers and body of the response, in bytes.
    pub bytes: u64,
    /// From the start of the request to its end.
    pub duration_ms: u64,
}

impl FetchReport {
    pub(super) fn of(request: &Request) -> Self {
        let mut url = request.url.clone();
        url.set_query(None);
        Self {
            method: request.method.as_str().to_owned(),
            url: printable(url.as_str(), 300),
            status: None,
            error: None,
            bytes: 0,
            duration_ms: 0,
        }
    }

    pub(super) fn ended(self, answer: &Answer, duration_ms: u64) -> Self {
        let response = answer.as_ref().ok();
        Self {
            status: response.map(|response| response.status),
            error: answer.as_ref().err().map(|failure| failure.error.clone()),
            bytes: response.map_or(0, |response| response.size() as u64),
            duration_ms,
            ..self
        }
    }
}

impl Recording {
    /// Notes a request that begins; its place in the list.
    pub(super) fn begin(&mut self, request: &Request) -> usize {
        self.fetches.push(RecordedFetch {
            method: request.method.as_str().to_owned(),
            url: request.url.to_string(),
            body_sha256: Some(body_digest(request)),
            outcome: RecordedOutcome::Unfinished,
        });
        self.fetches.len().saturating_sub(1)
    }

    /// Notes how a request ended.
    pub(super) fn end(&mut self, place: usize, answer: &Answer, waited_ms: u64) {
        if let Some(fetch) = self.fetches.get_mut(place) {
            fetch.outcome = match answer {
                Ok(response) => RecordedOutcome::Answered(response.clone()),
                Err(Failure { error, detail }) => {
                    RecordedOutcome::Failed(error.clone(), detail.clone())
                }
            };
        }
        let fetch = Some(place);
        self.order.push(Step { fetch, waited_ms });
    }

    /// Notes that a timer was first.
    pub(super) fn timer(&mut self, waited_ms: u64) {
        let fetch = None;
        self.order.push(Step { fetch, waited_ms });
    }
}

/// The SHA-256 of a request's body, in hexadecimal.
pub(super) fn body_digest(request: &Request) -> String {
    crate::rule_host::component::digest(&request.body)
}

/// A fetch as it stands in a file: of a response only what is said, the rest as it mostly is.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<(String, String)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// Where the response came from, if redirects led elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<FetchError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    unfinished: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl TryFrom<Written> for RecordedFetch {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let answered = written.status.is_some()
            || written.headers.is_some()
            || written.body.is_some()
            || written.body_base64.is_some();
        let outcome = match (written.error, written.unfinished) {
            (Some(_), true) => return Err("a fetch cannot have failed and be unfinished".into()),
            (Some(_), _) | (_, true) if answered => {
                return Err("a fetch that has no answer has no status, headers or body".into());
            }
            (Some(error), false) => {
                RecordedOutcome::Failed(error, written.detail.unwrap_or_default())
            }
            (None, true) => RecordedOutcome::Unfinished,
            (None, false) => RecordedOutcome::Answered(Response {
                status: written.status.unwrap_or(200),
                headers: written.headers.unwrap_or_default(),
                body: body(written.body, written.body_base64)?,
                url: written.from_url.unwrap_or_else(|| written.url.clone()),
            }),
        };
        Ok(Self {
            method: written.method.unwrap_or_else(|| "GET".to_owned()),
            url: parsed(&written.url)?,
            body_sha256: written.body_sha256,
            outcome,
        })
    }
}

/// In the form that requests are compared in.
fn parsed(url: &str) -> Result<String, String> {
    let mut parsed = url::Url::parse(url).map_err(|error| format!("`{url}`: {error}"))?;
    parsed.set_fragment(None);
    Ok(parsed.into())
}

fn body(text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, String> {
    match (text, base64) {
        (Some(_), Some(_)) => Err("a fetch has `body` or `body_base64`, not both".to_owned()),
        (text, None) => Ok(text.unwrap_or_default().into_bytes()),
        (None, Some(base64)) => STANDARD
            .decode(base64)
            .map_err(|error| format!("`body_base64`: {error}")),
    }
}

impl From<RecordedFetch> for Written {
    fn from(fetch: RecordedFetch) -> Self {
        let mut written = Self {
            method: Some(fetch.method),
            url: fetch.url,
            body_sha256: fetch.body_sha256,
            ..Self::default()
        };
        match fetch.outcome {
            RecordedOutcome::Answered(response) => {
                written.status = Some(response.status);
                written.headers = Some(response.headers);
                match String::from_utf8(response.body) {
                    Ok(text) => written.body = Some(text),
                    Err(error) => {
                        written.body_base64 = Some(STANDARD.encode(error.into_bytes()));
                    }
                }
                written.from_url = (response.url != written.url).then_some(response.url);
            }
            RecordedOutcome::Failed(error, detail) => {
                written.error = Some(error);
                written.detail = Some(detail);
            }
            RecordedOutcome::Unfinished => written.unfinished = true,
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixture_says_no_more_than_it_must() {
        let json = r#"{"fetches": [
            {"url": "https://a.example/", "body": "{}"},
            {"url": "https://a.example/b", "method": "POST", "error": "timed-out"},
            {"url": "https://a.example/c", "error": {"unreachable": "down"}}
        ]}"#;
        let read: Recording = serde_json::from_str(json).unwrap();
        let RecordedOutcome::Answered(first) = &read.fetches[0].outcome else {
            panic!("{read:?}")
        };
        assert_eq!((first.status, first.body.as_slice()), (200, &b"{}"[..]));
        assert_eq!(read.fetches[0].method, "GET");
        assert_eq!(
            read.fetches[1].outcome,
            RecordedOutcome::Failed(FetchError::TimedOut, String::new())
        );
    }

    #[test]
    fn what_was_recorded_is_read_again() {
        let answered = |body: &[u8], url: &str| {
            RecordedOutcome::Answered(Response {
                status: 404,
                headers: vec![("a".into(), "b".into())],
                body: body.to_vec(),
                url: url.into(),
            })
        };
        let outcomes = [
            answered(b"text", "https://a.example/"),
            answered(&[0xff, 0], "https://b.example/"),
            RecordedOutcome::Failed(FetchError::Unreachable("x".into()), "detail".into()),
            RecordedOutcome::Unfinished,
        ];
        let fetches = outcomes.map(|outcome| RecordedFetch {
            method: "PUT".into(),
            url: "https://a.example/".into(),
            body_sha256: Some("00".into()),
            outcome,
        });
        let recording = Recording {
            fetches: fetches.into(),
            order: vec![
                Step {
                    fetch: None,
                    waited_ms: 5,
                },
                Step {
                    fetch: Some(1),
                    waited_ms: 7,
                },
            ],
        };
        let json = serde_json::to_string(&recording).unwrap();
        assert_eq!(serde_json::from_str::<Recording>(&json).unwrap(), recording);
    }

    #[test]
    fn contradictions_and_unknown_keys_are_named() {
        for (json, complaint) in [
            (
                r#"{"url": "https://a/", "error": "timed-out", "status": 200}"#,
                "no answer",
            ),
            (
                r#"{"url": "https://a/", "body": "", "body_base64": ""}"#,
                "not both",
            ),
            (
                r#"{"url": "https://a/", "body_base64": "?"}"#,
                "body_base64",
            ),
            (r#"{"url": "a"}"#, "relative URL"),
            (r#"{"url": "https://a/", "statsu": 200}"#, "statsu"),
            (r#"{"url": "https://a/", "error": "slow"}"#, "timed-out"),
        ] {
            let error = serde_json::from_str::<RecordedFetch>(json).unwrap_err();
            assert!(error.to_string().contains(complaint), "{json}: {error}");
        }
    }
}
