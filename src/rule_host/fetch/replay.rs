//! Answers from a recording instead of the network: the same answers in the same order.

use super::answer::{Answer, Failure, FetchError};
use super::recording::{RecordedFetch, RecordedOutcome, Recording, Step, body_digest};
use super::redaction::is_url;
use super::request::Request;
use crate::rule_host::text::printable;

/// A recording that is being used up.
///
/// For the rules that made it, everything comes as it came then. A changed rule may ask for less, or
/// in another order: requests are found by what they ask for, and what nobody waits for is passed
/// over.
pub(super) struct Replay {
    fetches: Vec<Part<RecordedFetch>>,
    steps: Vec<Part<Step>>,
}

struct Part<T> {
    it: T,
    used: bool,
}

/// What a wait ends with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The request at this place of the recording is done.
    Fetch {
        place: usize,
        waited_ms: u64,
    },
    Timer {
        waited_ms: u64,
    },
    /// Nothing of what was recorded fits.
    Nothing,
}

impl Replay {
    pub(super) fn new(recording: Recording) -> Self {
        let all = 0..recording.fetches.len();
        let as_listed = |place| Step {
            fetch: Some(place),
            waited_ms: 0,
        };
        let steps = match recording.order.is_empty() {
            true => all.map(as_listed).collect(),
            false => recording.order,
        };
        let parts = |step| Part {
            it: step,
            used: false,
        };
        Self {
            steps: steps.into_iter().map(parts).collect(),
            fetches: recording
                .fetches
                .into_iter()
                .map(|it| Part { it, used: false })
                .collect(),
        }
    }

    /// The place of the first recorded request that is this one and was not asked for yet.
    pub(super) fn start(&mut self, request: &Request) -> Option<usize> {
        let digest = body_digest(request);
        let is_it = |fetch: &RecordedFetch| {
            fetch.method == request.method.as_str()
                && is_url(&fetch.url, request.url.as_str())
                && fetch.body_sha256.as_ref().is_none_or(|d| *d == digest)
        };
        let found = |part: &Part<RecordedFetch>| !part.used && is_it(&part.it);
        let place = self.fetches.iter().position(found)?;
        let part = self.fetches.get_mut(place)?;
        part.used = true;
        if let RecordedOutcome::Answered(response) = &mut part.it.outcome
            && response.url == part.it.url
        {
            // The rule sees the URL that it asked for, not one with holes.
            response.url = request.url.to_string();
        }
        Some(place)
    }

    /// The end of a wait for one of the requests at `places`, or for a timer.
    pub(super) fn wait(&mut self, places: &[usize], timer: bool) -> Next {
        let fits = |part: &&mut Part<Step>| {
            let wanted = match part.it.fetch {
                Some(place) => places.contains(&place),
                None => timer,
            };
            !part.used && wanted
        };
        let Some(step) = self.steps.iter_mut().find(fits) else {
            return Next::Nothing;
        };
        step.used = true;
        let waited_ms = step.it.waited_ms;
        match step.it.fetch {
            Some(place) => Next::Fetch { place, waited_ms },
            None => Next::Timer { waited_ms },
        }
    }

    /// What the request at a place came to.
    pub(super) fn answer(&self, place: usize) -> Answer {
        let part = self.fetches.get(place);
        match part.map(|part| &part.it.outcome) {
            Some(RecordedOutcome::Answered(response)) => Ok(response.clone()),
            Some(RecordedOutcome::Failed(error, detail)) => {
                Err(Failure::new(error.clone(), detail.clone()))
            }
            Some(RecordedOutcome::Unfinished) | None => Err(Failure::malformed(
                "the recording ends before this request does".to_owned(),
            )),
        }
    }
}

/// What becomes of a request that the recording does not have.
pub(super) fn not_recorded(request: &Request) -> Failure {
    Failure::new(
        FetchError::Unreachable("this request is not in the recording".to_owned()),
        format!(
            "{} {} is not in the recording, and a replay has no network",
            request.method,
            printable(request.url.as_str(), 300)
        ),
    )
}
