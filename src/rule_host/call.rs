//! One call of one rule: a new store and a new instance, dropped with everything in it at the end.

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument as _;
use wasmtime::{Engine, Store, StoreContextMut, UpdateDeadline};

use super::bindings::types;
use super::component::{Program, Rule};
use super::fault::{Failure, Phase, Stop, explain};
use super::fetch::{Errands, FetchReport};
use super::guest::{Facts, Guest};
use super::journal::Pages;
use super::{Fault, Limits, bindings};
use crate::trace::span;

/// What a call came to: effects or a denial, as the rule gave them, or a fault.
pub(super) type Answer = Result<Result<Vec<types::Effect>, types::Denial>, Failure>;

/// What a call left behind, however it ended.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) pages: Pages,
    pub(super) keys_read: Vec<String>,
    pub(super) fuel: u64,
    pub(super) memory_bytes: u64,
    pub(super) duration: Duration,
    pub(super) fetches: Vec<FetchReport>,
    /// What of the duration went into making the instance, if one was made for this call.
    pub(super) instantiate: Option<Duration>,
}

/// Calls `decide`. Dropping the future in the middle (the client has gone) frees the slot.
///
/// The chain's errands are lent to the guest, and come back.
pub(super) async fn decide(
    engine: &Engine,
    rule: &Rule,
    facts: Facts,
    errands: Option<Errands>,
    exchange: types::Exchange<'_>,
    limits: &Limits,
) -> (Answer, Trace, Option<Errands>) {
    let mut store = store(engine, facts, errands, limits);
    let watch = Arc::clone(&store.data().watch);
    let answer = watch.time(answer(&mut store, rule, exchange, limits)).await;
    // Nothing is left when it ran out.
    let left = store.get_fuel().unwrap_or_default();
    let mut guest = store.into_data();
    let mut errands = guest.errands.take();
    let trace = Trace {
        pages: guest.close(),
        keys_read: std::mem::take(&mut guest.keys_read).into_iter().collect(),
        fuel: limits.fuel.saturating_sub(left),
        memory_bytes: guest.meter.peak as u64,
        duration: watch.elapsed(),
        instantiate: guest.instantiated,
        fetches: errands.as_mut().map(Errands::end_rule).unwrap_or_default(),
    };
    (answer, trace, errands)
}

/// Instantiates a rule without calling it: what an upload is tried with.
pub(super) async fn try_instantiate(
    engine: &Engine,
    rule: &Rule,
    facts: Facts,
    limits: &Limits,
) -> Result<(), Failure> {
    let mut store = store(engine, facts, None, limits);
    let watch = Arc::clone(&store.data().watch);
    let instance = watch.time(instantiate(&mut store, rule, limits)).await;
    instance.map(drop)
}

async fn answer(
    store: &mut Store<Guest>,
    rule: &Rule,
    exchange: types::Exchange<'_>,
    limits: &Limits,
) -> Answer {
    let instantiating = instantiate(store, rule, limits).instrument(span!("instantiate"));
    let instance = instantiating.await;
    store.data_mut().instantiated = Some(store.data().watch.read());
    instance?
        .call_decide(store, exchange)
        .instrument(span!("call"))
        .await
        .map_err(|e| explain(&e, Phase::Call, limits))
}

async fn instantiate(
    store: &mut Store<Guest>,
    rule: &Rule,
    limits: &Limits,
) -> Result<bindings::Rule, Failure> {
    let Program::Component(pre) = rule.program() else {
        let what = "a rule in JavaScript has no instance of its own";
        return Err(Failure::new(Fault::Load, what));
    };
    let instance = pre.instantiate_async(store).await;
    instance.map_err(|e| explain(&e, Phase::Instantiate, limits))
}

/// A store with every limit in place before the guest's first instruction, which may be that of
/// a start function.
///
/// Only what the guest computes counts towards its deadline; its waiting is bounded elsewhere.
pub(super) fn store(
    engine: &Engine,
    facts: Facts,
    errands: Option<Errands>,
    limits: &Limits,
) -> Store<Guest> {
    let mut store = Store::new(engine, Guest::new(limits, facts, errands));
    store.limiter(|guest| &mut guest.meter);
    // Fails only without `consume_fuel`; the guest would then have none and trap at once.
    let _ = store.set_fuel(limits.fuel);
    store.set_hostcall_fuel(limits.crossing_bytes);
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context: StoreContextMut<'_, Guest>| {
        let guest = context.data();
        if guest.watch.read() >= guest.deadline {
            return Err(Stop::Deadline.into());
        }
        // Other logins on this executor come first; then the guest has another tick.
        Ok(UpdateDeadline::Yield(1))
    });
    store
}
