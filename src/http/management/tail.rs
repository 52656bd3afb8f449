//! One reader of the log as it is written: what it is sent next, and when it is let go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::endpoint::Call;
use super::log_events::{READ_RULES, end, frame};
use super::logs::READ;
use crate::admin::events::documents;
use crate::admin::{self, management_api};
use crate::http::accept::Stopping;
use crate::log::{EventType, Follower, LogEvent, Part};
use crate::server::Server;
use crate::tenant::{Status, Tenant};
use crate::token::management::ManagementAccess;

/// How many events are read at once: an event has up to 128 KiB, and this is what a reader can hold
/// of the server's memory.
const STEP: usize = 16;

/// For who was cut off: when to come again, in milliseconds.
const GREETING: &str = ": here\nretry: 3000\n\n";

/// Which events a reader wants.
pub(super) struct Wanted {
    /// All if there are none.
    pub(super) types: Vec<EventType>,
    pub(super) rule: Option<String>,
}

impl Wanted {
    pub(super) fn takes(&self, event: &LogEvent) -> bool {
        let of_type = self.types.is_empty() || self.types.contains(&event.event_type);
        of_type
            && self.rule.as_ref().is_none_or(|name| {
                let reports = event.rules.iter().flat_map(|report| &report.rules);
                reports.into_iter().any(|report| report.rule == *name)
            })
    }
}

/// The reader.
pub(super) struct Tail {
    server: Arc<Server>,
    tenant: Tenant,
    access: ManagementAccess,
    wanted: Wanted,
    /// Where in the log it is.
    number: u64,
    follower: Follower,
    follows: bool,
    stopping: Option<Stopping>,
    /// When it was last sent something.
    sent: Option<Instant>,
    ended: bool,
}

/// Why a reader gets no more.
enum Ending {
    Slow,
    Expired,
    Forbidden,
    CaughtUp,
    Stopping,
    Failed(admin::Error),
}

enum Step {
    Send(String),
    Again,
}

impl Tail {
    pub(super) fn new(
        call: Call,
        wanted: Wanted,
        number: u64,
        follower: Follower,
        follows: bool,
    ) -> Self {
        Self {
            server: call.server,
            tenant: call.tenant,
            access: call.caller.access,
            wanted,
            number,
            follower,
            follows,
            stopping: call.stopping,
            sent: None,
            ended: false,
        }
    }

    /// What it is sent next; none at the end.
    pub(super) async fn next(mut self) -> Option<(String, Self)> {
        if self.ended {
            return None;
        }
        let text = match self.sent {
            None => GREETING.to_owned(),
            Some(sent) => match self.after(sent).await {
                Ok(text) => text,
                Err(ending) => {
                    self.ended = true;
                    ending.text(&self.tenant)
                }
            },
        };
        self.sent = Some(Instant::now());
        Some((text, self))
    }

    async fn after(&mut self, sent: Instant) -> Result<String, Ending> {
        // It is asked for the next only when what it was sent is on its way: if that took long, it was
        // the reader's doing. The front door ends it a little later, without a word.
        if sent.elapsed() > self.server.log.limits().patience {
            return Err(Ending::Slow);
        }
        loop {
            if let Step::Send(text) = self.step(sent).await? {
                return Ok(text);
            }
        }
    }

    async fn step(&mut self, sent: Instant) -> Result<Step, Ending> {
        if self.stopping.as_ref().is_some_and(Stopping::has_begun) {
            return Err(Ending::Stopping);
        }
        let rules_too = self.check().await?;
        self.follower.look();
        let log = self.server.log.clone();
        let part = log.from(&self.tenant.name, self.number, STEP).await;
        let part = part.map_err(|error| Ending::Failed(error.into()))?;
        let is_last = part.is_last;
        let text = self.show(part, rules_too).await.map_err(Ending::Failed)?;
        if !text.is_empty() {
            return Ok(Step::Send(text));
        }
        let beat = log.limits().heartbeat;
        if !is_last {
            // Much that is not wanted is no reason to be silent.
            return Ok(match sent.elapsed() > beat {
                true => Step::Send(heartbeat()),
                false => Step::Again,
            });
        }
        if !self.follows {
            return Err(Ending::CaughtUp);
        }
        self.wait(beat).await
    }

    /// Whether it may still read, and whether it may read what rules wrote.
    async fn check(&self) -> Result<bool, Ending> {
        if self.time_left().is_zero() {
            return Err(Ending::Expired);
        }
        let (server, tenant) = (&self.server, &self.tenant.name);
        let found = server.tenant(tenant).await;
        let found = found.map_err(|error| Ending::Failed(error.into()))?;
        // The tenant of today: its issuer may have changed, and with it what the token was for.
        let Some(tenant) = found.filter(|tenant| tenant.status == Status::Active) else {
            return Err(Ending::Forbidden);
        };
        let scopes = management_api::scopes_of(server, &tenant, &self.access).await;
        let scopes = scopes.map_err(Ending::Failed)?;
        let may = |scope: &str| scopes.iter().any(|held| held == scope);
        let rules_too = may(READ_RULES);
        match READ.iter().any(|scope| may(scope)) && (rules_too || self.wanted.rule.is_none()) {
            true => Ok(rules_too),
            false => Err(Ending::Forbidden),
        }
    }

    fn time_left(&self) -> Duration {
        let (end, now) = (self.access.expires_at(), self.server.clock.now());
        Duration::from_millis(end.as_millis().saturating_sub(now.as_millis()))
    }

    async fn show(&mut self, part: Part, rules_too: bool) -> Result<String, admin::Error> {
        let wanted: Vec<LogEvent> = part
            .events
            .into_iter()
            .filter(|event| self.wanted.takes(event))
            .collect();
        let shown = documents(&self.server, &self.tenant.name, wanted.clone()).await?;
        let mut text = String::new();
        for (event, document) in wanted.iter().zip(shown) {
            let reports = event.rules.iter().flat_map(|report| &report.rules);
            let named = |rule: &String| self.wanted.rule.as_ref().is_none_or(|name| name == rule);
            let reports = reports.filter(|report| named(&report.rule)).collect();
            text.push_str(&frame(event, document, rules_too.then_some(reports)));
        }
        self.number = part.next;
        Ok(text)
    }

    async fn wait(&mut self, beat: Duration) -> Result<Step, Ending> {
        let until = beat.min(self.time_left());
        let stopping = async {
            match &mut self.stopping {
                Some(stopping) => stopping.begun().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopping => Err(Ending::Stopping),
            () = self.follower.news() => Ok(Step::Again),
            () = tokio::time::sleep(until) => match until < beat {
                // The token ends now.
                true => Ok(Step::Again),
                false => Ok(Step::Send(heartbeat())),
            },
        }
    }
}

fn heartbeat() -> String {
    ": still here\n\n".to_owned()
}

impl Ending {
    fn text(&self, tenant: &Tenant) -> String {
        match self {
            Self::Slow => end(
                "too_slow",
                "what was sent was left for too long; come again behind the last event",
            ),
            Self::Expired => end(
                "token_expired",
                "the token has expired; come again with another",
            ),
            Self::Forbidden => end("forbidden", "the client may not read this any more"),
            Self::CaughtUp => end("caught_up", "these are all that there are yet"),
            Self::Stopping => end("stopping", "the server is stopping; come again in a moment"),
            Self::Failed(error) => {
                tracing::error!(%error, tenant = %tenant.name, "a stream of the log ended");
                end(
                    "unavailable",
                    "the log cannot be read at the moment; come again later",
                )
            }
        }
    }
}
