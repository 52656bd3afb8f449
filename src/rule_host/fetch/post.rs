//! Messages of the server's own to places that tenants chose: by the way that rules' requests go, with
//! the same checks of the address, and within the same bounds.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use http::header::RETRY_AFTER;
use tokio::time::Instant;

use super::host::HostPattern;
use super::network::{Errand, Network};
use super::request::{Outgoing, Redirects};
use crate::rule_host::Permissions;
use crate::rule_host::permissions::Reach;

/// What is read of an answer. A receiver of events has little to say.
const ANSWER_BYTES: usize = 64 << 10;

/// A message.
#[derive(Clone, Debug)]
pub struct Post {
    /// An `https` URL.
    pub url: String,
    /// Headers; those that frame a message are left out.
    pub headers: Vec<(String, String)>,
    /// At most [`super::FetchLimits::request_bytes`] together with the headers.
    pub body: Vec<u8>,
    /// How long all of it may take.
    pub timeout: Duration,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The status. A redirect is one like others: a message that is signed for one place goes to no
    /// other.
    pub status: u16,
    /// When to come again, in seconds, if it says so.
    pub retry_after: Option<u64>,
}

impl Network {
    /// Sends a message on behalf of a tenant.
    ///
    /// # Errors
    /// A sentence for the tenant: what failed.
    pub(in crate::rule_host) async fn post(
        &self,
        tenant: &str,
        post: Post,
    ) -> Result<Received, String> {
        let outgoing = Outgoing {
            method: "POST".to_owned(),
            url: post.url,
            headers: post.headers,
            body: post.body,
            timeout: Some(post.timeout),
            redirects: Redirects::Keep,
        };
        let request = outgoing.check(self.limits());
        let request = request.map_err(|failure| failure.detail)?;
        let host = request.url.host_str().unwrap_or_default();
        let host = match request.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let host: HostPattern = host
            .parse()
            .map_err(|error: super::host::HostPatternError| error.to_string())?;
        let errand = Errand {
            tenant: Arc::from(tenant),
            reach: Reach {
                binding: Permissions {
                    hosts: vec![host],
                    allow_http: false,
                },
                manifest: None,
            },
            deadline: Instant::now() + post.timeout,
            budget: Arc::new(AtomicUsize::new(ANSWER_BYTES)),
        };
        let answer = self.send(request, &errand).await;
        let response = answer.map_err(|failure| failure.detail)?;
        let retry_after = response
            .headers
            .iter()
            .find(|(name, _)| name == RETRY_AFTER.as_str());
        Ok(Received {
            status: response.status,
            retry_after: retry_after.and_then(|(_, value)| value.parse().ok()),
        })
    }
}
