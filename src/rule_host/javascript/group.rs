//! The rules that run in one instance, one after the other: whose turn it is, what each used and how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tracing::Span;
use wasmtime::{AsContext as _, AsContextMut as _, StoreContextMut};

use super::super::call::Trace;
use super::super::chain::{end_span, rule_span};
use super::super::fault::{Failure, Stop};
use super::super::fetch::Errands;
use super::super::guest::{Facts, Guest};
use super::super::journal::Journal;
use super::super::permissions::Reach;
use super::super::wasi::seed;
use super::super::{Fault, Level, Limits, Rule};
use super::ending::{self, Ending};

/// The largest answer to one request for random bytes.
const RANDOM_BYTES: usize = 64 << 10;

/// One rule of a group.
pub(in crate::rule_host) struct Member {
    pub(in crate::rule_host) rule: Rule,
    pub(in crate::rule_host) facts: Facts,
    pub(in crate::rule_host) limits: Limits,
    pub(in crate::rule_host) reach: Reach,
    pub(in crate::rule_host) name: String,
    pub(in crate::rule_host) version: u32,
}

/// How one rule ended, and what it left behind.
pub(in crate::rule_host) struct Finished {
    pub(in crate::rule_host) ending: Ending,
    pub(in crate::rule_host) trace: Trace,
}

/// The state of a group. The driver announces where a rule begins and ends; it is held to the order,
/// so that what runs in the instance cannot speak for another rule.
pub(in crate::rule_host) struct Group {
    members: Vec<Member>,
    finished: Vec<Finished>,
    running: bool,
    over: bool,
    random: Option<ChaCha20Rng>,
    /// The fuel that was there, and the time that had passed, when the last rule ended.
    fuel: u64,
    since: Duration,
    /// Of the rule that runs.
    span: Span,
}

const DISORDER: &str = "the engine's driver lost its place; the rule may have tampered with it";

impl Group {
    pub(super) fn new(members: Vec<Member>) -> Self {
        let fuel = members.first().map_or(0, |first| first.limits.fuel);
        Self {
            members,
            finished: Vec::new(),
            running: false,
            over: false,
            random: None,
            fuel,
            since: Duration::ZERO,
            span: Span::none(),
        }
    }

    /// The rule whose turn it is.
    fn current(&self) -> Option<&Member> {
        self.members.get(self.finished.len())
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Whether a rule runs; otherwise it is the driver alone that speaks.
    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    /// The tenant's values that the rule may read.
    pub(super) fn configuration(&self) -> BTreeMap<&str, &str> {
        let Some(Member { facts, .. }) = self.current() else {
            return BTreeMap::new();
        };
        let allowed = |key: &str| match &facts.manifest {
            Some(manifest) => manifest.allows_key(key),
            None => true,
        };
        let values = facts.configuration.iter();
        values
            .filter(|(key, _)| allowed(key))
            .map(|(key, value)| (key.as_str(), value.expose()))
            .collect()
    }

    /// Bytes that follow from the exchange and the rule, so that a replay gets the same.
    pub(super) fn random(&mut self, count: usize) -> Result<Vec<u8>, String> {
        if count > RANDOM_BYTES {
            return Err("ask for at most 64 KiB of random bytes at once".to_owned());
        }
        let mut bytes = vec![0; count];
        if let Some(random) = &mut self.random {
            random.fill_bytes(&mut bytes);
        }
        Ok(bytes)
    }
}

/// A rule begins: it gets fuel, time and a journal of its own.
pub(super) fn begin(store: &mut StoreContextMut<'_, Guest>, index: usize) -> Result<(), Stop> {
    let passed = store.data().watch.read();
    let group = group(store)?;
    if group.running || group.over || index != group.finished.len() {
        return Err(Stop::Refused(DISORDER));
    }
    let member = group.current().ok_or(Stop::Refused(DISORDER))?;
    let (fuel, deadline, journal) = (
        member.limits.fuel,
        member.limits.deadline,
        Journal::new(&member.limits),
    );
    let reach = member.reach.clone();
    let random = ChaCha20Rng::from_seed(seed(&member.facts));
    let span = rule_span(&member.name, member.version);
    group.random = Some(random);
    group.running = true;
    group.span = span.clone();
    // What the driver did before the first rule is the first rule's.
    if index > 0 {
        group.fuel = fuel;
        group.since = passed;
        // Fails only without `consume_fuel`.
        let _ = store.as_context_mut().set_fuel(fuel);
    }
    let since = self::group(store)?.since;
    let guest = store.data_mut();
    guest.deadline = since.saturating_add(deadline);
    guest.journal = journal;
    if let Some(errands) = &mut guest.errands {
        errands.begin_rule(reach, span);
    }
    Ok(())
}

/// A rule ended, as the driver tells it.
pub(super) fn end(store: &mut StoreContextMut<'_, Guest>, told: &str) -> Result<(), Stop> {
    let group = group(store)?;
    let member = group.current().filter(|_| group.running);
    let member = member.ok_or(Stop::Refused(DISORDER))?;
    let (ending, stack) = ending::read(told, &member.limits);
    for line in stack.lines() {
        store.data().journal.write(Level::Error, line.trim_end());
    }
    let left = store.as_context().get_fuel().unwrap_or_default();
    finish(store.data_mut(), ending, left);
    Ok(())
}

/// Notes how the current rule ended. Anything but effects is the end of the group.
fn finish(guest: &mut Guest, ending: Ending, fuel_left: u64) {
    let pages = guest.close();
    let (passed, memory) = (guest.watch.read(), guest.meter.peak);
    let instantiated = guest.instantiated.take();
    let Some(group) = &mut guest.group else {
        return;
    };
    group.running = false;
    group.over = !matches!(ending, Ok(Ok(_)));
    let last = group.over || group.finished.len() + 1 >= group.members.len();
    let fetches = guest.errands.as_mut().map(|errands| match last {
        // What failed may run again without the rule that did.
        true if ending.is_err() => errands.end_rule(),
        true => errands.leave_behind(),
        false => errands.reports(),
    });
    let trace = Trace {
        pages,
        fuel: group.fuel.saturating_sub(fuel_left),
        memory_bytes: memory as u64,
        keys_read: Vec::new(),
        fetches: fetches.unwrap_or_default(),
        duration: passed.saturating_sub(group.since),
        // Made once, for the first; the others come after it.
        instantiate: instantiated,
    };
    let outcome = match &ending {
        Ok(Ok(_)) => "allowed",
        Ok(Err(_)) => "denied",
        Err(failure) => failure.fault.word(),
    };
    end_span(
        &std::mem::replace(&mut group.span, Span::none()),
        outcome,
        trace.fuel,
    );
    group.fuel = fuel_left;
    group.since = passed;
    group.finished.push(Finished { ending, trace });
}

/// What became of each rule, once the instance is gone. Either all ended with effects, or the last
/// of the list is a denial or a fault.
pub(super) fn close(
    mut guest: Guest,
    failure: Option<Failure>,
    fuel_left: u64,
) -> (Vec<Finished>, Option<Errands>) {
    let open = guest
        .group
        .as_ref()
        .is_some_and(|group| !group.over && group.current().is_some());
    if open {
        let silent = || Failure::new(Fault::Trap, "the engine's driver ended before the rule did");
        finish(&mut guest, Err(failure.unwrap_or_else(silent)), fuel_left);
    }
    let finished = guest.group.map(|group| group.finished);
    (finished.unwrap_or_default(), guest.errands)
}

fn group<'s>(store: &'s mut StoreContextMut<'_, Guest>) -> Result<&'s mut Group, Stop> {
    let group = store.data_mut().group.as_deref_mut();
    group.ok_or(Stop::Refused("there is no exchange under way"))
}
