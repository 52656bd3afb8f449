//! The `fetch` interface, and what every kind of guest does to reach the network.

use std::time::Duration;

use super::answer::{Answer, FetchError};
use super::{Outgoing, Redirects, Waited};
use crate::rule_host::Level;
use crate::rule_host::bindings::fetch;
use crate::rule_host::guest::Guest;

impl Guest {
    /// Starts a request; none outside an exchange, where nothing may be sent.
    pub(in crate::rule_host) fn start_fetch(&mut self, outgoing: Outgoing) -> Option<u32> {
        Some(self.errands.as_mut()?.start(outgoing))
    }

    /// Waits for the first request that is done, or for a timer. What failed is a line in the
    /// tenant's log.
    pub(in crate::rule_host) async fn wait_for_fetch(&mut self, timer: Option<Duration>) -> Waited {
        let Some(errands) = &mut self.errands else {
            return Waited::Nothing;
        };
        let waited = errands.wait(timer, self.meter.held()).await;
        if let Waited::Answered {
            answer: Err(failure),
            ..
        } = &waited
        {
            let line = format!("fetch: {}", failure.detail);
            self.journal.write(Level::Warn, &line);
        }
        waited
    }
}

impl fetch::Host for Guest {
    async fn send(
        &mut self,
        request: fetch::Outgoing,
    ) -> Result<fetch::Incoming, fetch::FetchError> {
        let Some(ours) = self.start_fetch(request.into()) else {
            return Err(fetch::FetchError::HostNotAllowed);
        };
        // One at a time: whatever is done is this one.
        match self.wait_for_fetch(None).await {
            Waited::Answered { number, answer, .. } if number == ours => incoming(answer),
            _ => Err(fetch::FetchError::Unreachable("it was given up".to_owned())),
        }
    }
}

impl From<fetch::Outgoing> for Outgoing {
    fn from(request: fetch::Outgoing) -> Self {
        Self {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            timeout: Some(Duration::from_millis(request.timeout_ms.into())),
            redirects: Redirects::Follow,
        }
    }
}

fn incoming(answer: Answer) -> Result<fetch::Incoming, fetch::FetchError> {
    match answer {
        Ok(response) => Ok(fetch::Incoming {
            status: response.status,
            headers: response.headers,
            body: response.body,
        }),
        Err(failure) => Err(match failure.error {
            FetchError::HostNotAllowed => fetch::FetchError::HostNotAllowed,
            FetchError::TimedOut => fetch::FetchError::TimedOut,
            FetchError::TooLarge => fetch::FetchError::TooLarge,
            FetchError::Unreachable(why) => fetch::FetchError::Unreachable(why),
        }),
    }
}
