//! The requests of one chain: started by its rules, waited for, counted, reported and recorded.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::answer::{Answer, Failure};
use super::network::{Errand, Network, check_reach};
use super::recording::{FetchReport, Recording};
use super::replay::{Next, Replay, not_recorded};
use super::request::{Outgoing, Request};
use crate::rule_host::gate::{Full, Gate, Permit};
use crate::rule_host::permissions::Reach;
use crate::trace::span;

/// A tenant's right to compute, which it gives back while it waits.
pub(in crate::rule_host) struct Turn {
    gate: Gate,
    tenant: Arc<str>,
    permit: Option<Permit>,
}

impl Turn {
    pub(in crate::rule_host) async fn take(gate: &Gate, tenant: &Arc<str>) -> Result<Self, Full> {
        Ok(Self {
            permit: Some(gate.enter(tenant).await?),
            gate: gate.clone(),
            tenant: Arc::clone(tenant),
        })
    }

    async fn resume(&mut self) {
        // The queue for turns has room for every chain that is under way.
        self.permit = self.gate.enter(&self.tenant).await.ok();
    }
}

/// Where answers come from.
pub(in crate::rule_host) enum Source {
    Network,
    Recording(Recording),
}

/// The requests of one chain.
pub(in crate::rule_host) struct Errands {
    network: Arc<Network>,
    replay: Option<Replay>,
    turn: Turn,
    /// When the chain's time for waiting is over.
    until: Instant,
    budget: Arc<AtomicUsize>,
    reach: Reach,
    /// Of the rule that asks.
    span: Span,
    started: u32,
    timers: u32,
    under_way: Vec<UnderWay>,
    /// Refused without being sent.
    refused: VecDeque<(u32, Failure)>,
    recording: Recording,
    reports: Vec<FetchReport>,
}

struct UnderWay {
    number: u32,
    /// Its place in the recording.
    place: usize,
    started: Instant,
    report: FetchReport,
    going: Going,
}

enum Going {
    Live(Pin<Box<dyn Future<Output = Answer> + Send>>),
    /// Replayed from this place of a recording.
    Recorded(usize),
    Unrecorded(Failure),
    /// Nothing waits for it any more.
    Over,
}

/// How a wait ends: with a request, by its position among those under way, or with the timer.
type Done = Option<(usize, Answer)>;

/// How a wait ended.
pub(in crate::rule_host) enum Waited {
    /// A request is done.
    Answered {
        number: u32,
        /// Whether redirects led elsewhere.
        redirected: bool,
        answer: Answer,
    },
    /// A timer was first, or nothing but the timer was waited for.
    Timer,
    /// There is nothing to wait for.
    Nothing,
}

impl Errands {
    pub(in crate::rule_host) fn new(network: Arc<Network>, source: Source, turn: Turn) -> Self {
        let limits = network.limits();
        Self {
            until: Instant::now() + limits.waiting,
            budget: Arc::new(AtomicUsize::new(limits.responses_bytes)),
            replay: match source {
                Source::Network => None,
                Source::Recording(recording) => Some(Replay::new(recording)),
            },
            network,
            turn,
            reach: Reach::default(),
            span: Span::none(),
            started: 0,
            timers: 0,
            under_way: Vec::new(),
            refused: VecDeque::new(),
            recording: Recording::default(),
            reports: Vec::new(),
        }
    }

    /// From here on requests are those of a rule that may reach this, and within its span.
    pub(in crate::rule_host) fn begin_rule(&mut self, reach: Reach, span: Span) {
        self.reach = reach;
        self.span = span;
    }

    /// Gives up what the rule did not wait for, and says what it fetched.
    pub(in crate::rule_host) fn end_rule(&mut self) -> Vec<FetchReport> {
        self.refused.clear();
        let unfinished = self.under_way.drain(..).map(|left| FetchReport {
            duration_ms: millis(left.started.elapsed()),
            ..left.report
        });
        self.reports.extend(unfinished);
        std::mem::take(&mut self.reports)
    }

    /// The same, but what the rules did not wait for is sent all the same, and nobody reads the answer: many
    /// tell others of a login and do not wait to be heard. More than there is room for is given up.
    pub(in crate::rule_host) fn leave_behind(&mut self) -> Vec<FetchReport> {
        for left in &mut self.under_way {
            let Going::Live(answer) = std::mem::replace(&mut left.going, Going::Over) else {
                continue;
            };
            let Some(place) = self.network.left_behind.try_enter(&self.turn.tenant, 1) else {
                break;
            };
            tokio::spawn(async move {
                drop(answer.await);
                drop(place);
            });
        }
        self.end_rule()
    }

    /// What was fetched and is done. What is still under way goes on: the rules of a group share an
    /// instance, and a promise of one may be kept while the next runs.
    pub(in crate::rule_host) fn reports(&mut self) -> Vec<FetchReport> {
        std::mem::take(&mut self.reports)
    }

    pub(in crate::rule_host) fn into_recording(self) -> Recording {
        self.recording
    }

    /// Starts a request; its number, under which it will be answered.
    pub(in crate::rule_host) fn start(&mut self, outgoing: Outgoing) -> u32 {
        let number = self.started;
        self.started = self.started.saturating_add(1);
        match self.admit(outgoing) {
            Ok(request) => self.set_out(number, request),
            Err(failure) => self.refused.push_back((number, failure)),
        }
        number
    }

    /// What follows from the request, the binding and the limits alone. It comes out the same in
    /// every replay, so it is not recorded.
    fn admit(&self, outgoing: Outgoing) -> Result<Request, Failure> {
        let limits = self.network.limits();
        if self.started > limits.requests {
            return Err(Failure::malformed(format!(
                "the rules of one exchange may send {} requests",
                limits.requests
            )));
        }
        let request = outgoing.check(limits)?;
        check_reach(&request.url, &self.reach)?;
        Ok(request)
    }

    fn set_out(&mut self, number: u32, request: Request) {
        let place = self.recording.begin(&request);
        let report = FetchReport::of(&request);
        let going = match &mut self.replay {
            None => Going::Live(Box::pin(self.send(request))),
            Some(replay) => match replay.start(&request) {
                Some(recorded) => Going::Recorded(recorded),
                None => Going::Unrecorded(not_recorded(&request)),
            },
        };
        self.under_way.push(UnderWay {
            number,
            place,
            started: Instant::now(),
            report,
            going,
        });
    }

    fn send(&self, request: Request) -> impl Future<Output = Answer> + Send + use<> {
        let most = self.network.limits().timeout;
        let timeout = request.timeout.unwrap_or(most).min(most);
        let network = Arc::clone(&self.network);
        let errand = Errand {
            tenant: Arc::clone(&self.turn.tenant),
            reach: self.reach.clone(),
            deadline: self.until.min(Instant::now() + timeout),
            budget: Arc::clone(&self.budget),
        };
        let span = span!(
            parent: &self.span,
            "fetch",
            otel.name = request.method.as_str(),
            otel.kind = "client",
            http.request.method = request.method.as_str(),
            server.address = request.url.host_str(),
            server.port = request.url.port_or_known_default(),
            http.response.status_code = Empty,
            otel.status_code = Empty,
        );
        async move {
            let answer = network
                .send(request, &errand)
                .instrument(span.clone())
                .await;
            match &answer {
                Ok(response) => span.record("http.response.status_code", response.status),
                Err(_) => span.record("otel.status_code", "ERROR"),
            };
            answer
        }
    }

    /// Waits until a request is done, or for as long as `timer` says. Meanwhile the guest holds
    /// `held_bytes` of memory, and others compute.
    pub(in crate::rule_host) async fn wait(
        &mut self,
        timer: Option<Duration>,
        held_bytes: usize,
    ) -> Waited {
        if let Some((number, failure)) = self.refused.pop_front() {
            return Waited::Answered {
                number,
                redirected: false,
                answer: Err(failure),
            };
        }
        if self.under_way.is_empty() {
            // Nothing but the timer is waited for: its time is over at once, as in every replay.
            return match timer {
                Some(_) => Waited::Timer,
                None => Waited::Nothing,
            };
        }
        // Past the limit a timer waits for the next request.
        let timer = timer.filter(|_| self.timers < self.network.limits().timers);
        let (done, waited_ms) = match &mut self.replay {
            Some(replay) => replayed(replay, &self.under_way, timer),
            None => {
                let start = Instant::now();
                let done = self.really(timer, held_bytes).await;
                (done, millis(start.elapsed()))
            }
        };
        match done {
            Some((position, answer)) => self.complete(position, answer, waited_ms),
            None => {
                self.timers = self.timers.saturating_add(1);
                self.recording.timer(waited_ms);
                Waited::Timer
            }
        }
    }

    /// Waits for the network. The turn to compute is somebody else's meanwhile.
    async fn really(&mut self, timer: Option<Duration>, held_bytes: usize) -> Done {
        let mebibytes = held_bytes.div_ceil(1 << 20).max(1);
        let waiting = &self.network.waiting;
        let Some(_place) = waiting.try_enter(&self.turn.tenant, mebibytes) else {
            let busy = Failure::unreachable(
                "too many rules wait",
                "the memory for rules that wait for the network is used up",
            );
            return Some((0, Err(busy)));
        };
        self.turn.permit = None;
        let at_once = self.network.limits().at_once;
        let under_way = &mut self.under_way;
        let mut timer = timer.map(|timer| Box::pin(sleep(timer)));
        let done = poll_fn(|context| {
            for (position, fetch) in under_way.iter_mut().take(at_once).enumerate() {
                if let Going::Live(answer) = &mut fetch.going
                    && let Poll::Ready(answer) = answer.as_mut().poll(context)
                {
                    return Poll::Ready(Some((position, answer)));
                }
            }
            match timer.as_mut().map(|timer| timer.as_mut().poll(context)) {
                Some(Poll::Ready(())) => Poll::Ready(None),
                _ => Poll::Pending,
            }
        })
        .await;
        self.turn.resume().await;
        done
    }

    fn complete(&mut self, position: usize, answer: Answer, waited_ms: u64) -> Waited {
        let done = self.under_way.remove(position);
        self.recording.end(done.place, &answer, waited_ms);
        self.reports
            .push(done.report.ended(&answer, millis(done.started.elapsed())));
        let asked = self.recording.fetches.get(done.place);
        let redirected = match (asked, &answer) {
            (Some(asked), Ok(response)) => asked.url != response.url,
            _ => false,
        };
        Waited::Answered {
            number: done.number,
            redirected,
            answer,
        }
    }
}

/// How the same wait ended when it was recorded.
fn replayed(replay: &mut Replay, under_way: &[UnderWay], timer: Option<Duration>) -> (Done, u64) {
    let mut places = Vec::with_capacity(under_way.len());
    for (position, fetch) in under_way.iter().enumerate() {
        match &fetch.going {
            Going::Unrecorded(failure) => return (Some((position, Err(failure.clone()))), 0),
            Going::Recorded(place) => places.push(*place),
            Going::Live(_) | Going::Over => {}
        }
    }
    match (replay.wait(&places, timer.is_some()), timer) {
        (Next::Fetch { place, waited_ms }, _) => {
            let position = places.iter().position(|other| *other == place);
            (
                position.map(|position| (position, replay.answer(place))),
                waited_ms,
            )
        }
        (Next::Timer { waited_ms }, _) => (None, waited_ms),
        // A rule that was changed since waits for what nobody waited for then.
        (Next::Nothing, Some(timer)) => (None, millis(timer)),
        (Next::Nothing, None) => {
            let first = places.first().map(|place| (0, replay.answer(*place)));
            (first, 0)
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
