//! The rule host's front door: bytes become rules, and a chain of rules becomes a verdict.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tracing::Instrument as _;
use wasmtime::Engine;

use super::chain::{End, Run};
use super::component::{Components, Inspection, Rule};
use super::fetch::{Errands, Network, NetworkOptions, Post, Received, Recording, Source, Turn};
use super::gate::{Full, Gate, Permit};
use super::guest::Facts;
use super::permissions::Reach;
use super::{
    ApprovedClaims, Error, Exchange, Limits, Manifest, OnFault, Permissions, Rejected, Rejection,
    Report, Subject, Verdict, admission, call, engine,
};
use crate::metrics::Metrics;
use crate::secret::Secret;
use crate::trace::span;

/// Runs rules. One for each process.
pub struct RuleHost {
    engine: Engine,
    limits: Limits,
    components: Components,
    /// The places that instances live in.
    slots: Gate,
    /// The turns to compute. A chain that waits for the network keeps its slot and gives up its turn.
    turns: Gate,
    network: Arc<Network>,
    metrics: Arc<Metrics>,
    /// Held by the one inspection that may run at a time, for which the pool has a slot to spare.
    inspecting: Mutex<()>,
}

/// What a component shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Names of its imports, in order.
    pub imports: Vec<String>,
    /// Names of its exports, in order.
    pub exports: Vec<String>,
    /// The linear memory it starts with, in bytes.
    pub memory_bytes_min: u64,
}

/// A rule at its place in a chain.
#[derive(Clone, Debug)]
pub struct BoundRule {
    /// Its name within the tenant.
    pub name: String,
    /// The version that runs.
    pub version: u32,
    /// The rule, or why it could not be loaded: a fault in its place.
    pub rule: Result<Rule, String>,
    /// What becomes of the login when it fails.
    pub on_fault: OnFault,
    /// What it may do; none allows all that the interface offers.
    pub manifest: Option<Arc<Manifest>>,
    /// What it may do beyond deciding.
    pub permissions: Permissions,
    /// What it is beside a rule, if it is an action.
    pub action: Option<AsAction>,
}

/// What an action has and a rule has not.
#[derive(Clone, Debug)]
pub struct AsAction {
    /// What it is called; a rule's name is all that it is known by.
    pub name: String,
    /// Values of its own, which it reads in the place of the tenant's.
    pub values: Arc<BTreeMap<String, Secret>>,
}

/// The tenant's values and, as `RULE/NAME`, those of the chain's actions: all that must not stay in a
/// recording, and that a replay puts back. No key of the tenant's has a `/`.
pub(crate) fn all_values<'c>(
    chain: &[BoundRule],
    configuration: &'c BTreeMap<String, Secret>,
) -> Cow<'c, BTreeMap<String, Secret>> {
    let mut all = Cow::Borrowed(configuration);
    for bound in chain {
        let own = bound.action.iter().flat_map(|action| action.values.iter());
        for (name, value) in own {
            let key = format!("{}/{name}", bound.name);
            all.to_mut().insert(key, value.clone());
        }
    }
    all
}

impl BoundRule {
    /// The limits that hold for it: the host's, or the lower ones that its manifest asks for.
    pub fn limits<'h>(&self, host: &'h Limits) -> Cow<'h, Limits> {
        let host = match &self.rule {
            Ok(rule) => host.of_rule(rule.inspection()),
            Err(_) => Cow::Borrowed(host),
        };
        match &self.manifest {
            Some(manifest) => Cow::Owned(manifest.limits(&host)),
            None => host,
        }
    }

    /// Where it may send requests.
    pub(super) fn may_reach(&self) -> Reach {
        Reach {
            binding: self.permissions.clone(),
            manifest: self.manifest.clone(),
        }
    }
}

impl RuleHost {
    /// A host with an engine of its own. Compiled code is kept in `cache_dir`, if there is one, from
    /// one process to the next; whoever can write there can run code as this process.
    pub fn new(limits: Limits, cache_dir: Option<&Path>) -> Result<Self, Error> {
        Self::with_network(limits, cache_dir, NetworkOptions::default())
    }

    /// The same with an operator's decisions about the network that rules see.
    pub fn with_network(
        limits: Limits,
        cache_dir: Option<&Path>,
        network: NetworkOptions,
    ) -> Result<Self, Error> {
        let host = Self::quiet(limits, cache_dir, network)?;
        host.wake()?;
        Ok(host)
    }

    /// The same with a heart that does not beat yet: whoever waits for work costs nothing meanwhile.
    /// Nothing may run before [`Self::wake`].
    fn quiet(
        limits: Limits,
        cache_dir: Option<&Path>,
        network: NetworkOptions,
    ) -> Result<Self, Error> {
        let engine = engine::new(&limits, cache_dir)?;
        let components =
            Components::new(engine.clone()).map_err(|e| Error::Engine(format!("{e:#}")))?;
        Ok(Self {
            slots: Gate::new(limits.in_flight as usize, limits.queue),
            // Only chains that have a slot come for a turn, so the queue is bounded by the slots.
            turns: Gate::new(limits.concurrency as usize, usize::MAX),
            network: Arc::new(Network::new(network, limits.fetch.clone())),
            inspecting: Mutex::new(()),
            metrics: Arc::default(),
            engine,
            limits,
            components,
        })
    }

    /// A host that checks one upload and runs nothing else: with few slots, and the engine of JavaScript
    /// compiled if the upload may need it. It finds and leaves compiled code where a host of the same
    /// limits does. It sleeps until [`Self::wake`].
    pub(crate) fn for_one_check(
        limits: Limits,
        cache_dir: Option<&Path>,
        javascript: bool,
    ) -> Result<Self, Error> {
        let limits = Limits {
            in_flight: 1,
            concurrency: 1,
            ..limits
        };
        let host = Self::quiet(limits, cache_dir, NetworkOptions::default())?;
        if javascript {
            host.prepare_javascript().map_err(Error::Engine)?;
        }
        Ok(host)
    }

    /// Starts what bounds the wall time of guests.
    pub(crate) fn wake(&self) -> Result<(), Error> {
        engine::tick(&self.engine)
    }

    /// Compiles the engine of JavaScript, or finds it compiled, so that nobody waits for it later. Blocks:
    /// for seconds the first time.
    pub(crate) fn prepare_javascript(&self) -> Result<(), String> {
        self.components.machine().prepare()
    }

    /// Names how this host compiles: what one of another name compiled, this one compiles anew.
    pub(crate) fn compiler(&self) -> String {
        engine::fingerprint(&self.engine)
    }

    /// The same, and says what calls of rules cost.
    #[must_use]
    pub fn measured(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// The limits that hold here.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Tries everything short of a call: admits, compiles, links and instantiates `bytes`.
    /// Blocks for as long as that takes, seconds at the worst.
    pub fn inspect(&self, bytes: &[u8]) -> Result<Inspection, Rejected> {
        let rule = self.load(bytes)?;
        if rule.script().is_some() {
            // It has been compiled in the sandbox, and there is nothing to instantiate.
            return Ok(rule.inspection().clone());
        }
        let _one = self
            .inspecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let facts = Facts::none(&rule);
        block_on(call::try_instantiate(
            &self.engine,
            &rule,
            facts,
            &self.limits.of_rule(rule.inspection()),
        ))
        .map_err(|failure| Rejection::Instantiate {
            detail: failure.detail,
        })?;
        Ok(rule.inspection().clone())
    }

    /// What a component shows, without compiling it.
    pub fn outline(&self, bytes: &[u8]) -> Result<Outline, Rejected> {
        let shape = admission::admit(bytes, &self.limits)?;
        Ok(Outline {
            imports: shape.imports,
            exports: shape.exports,
            memory_bytes_min: shape.memory_bytes_min,
        })
    }

    /// Admits, compiles and links `bytes`; the same bytes only once. Blocks likewise.
    pub fn load(&self, bytes: &[u8]) -> Result<Rule, Rejected> {
        self.components.load(bytes, &self.limits)
    }

    /// The rule of this digest (SHA-256, hexadecimal), if it is compiled in memory. Never blocks.
    pub fn cached(&self, digest: &str) -> Option<Rule> {
        self.components.cached(digest)
    }

    /// Instantiates a rule and drops the instance: what a call costs before `decide` is called.
    /// The error says what happened and what to do.
    pub async fn instantiate_once(&self, rule: &Rule) -> Result<(), String> {
        let _slot = self.slots.enter(&Arc::from("")).await.ok();
        let made = match rule.script() {
            Some(_) => self.components.machine().instantiate(&self.limits).await,
            None => {
                let facts = Facts::none(rule);
                let limits = self.limits.of_rule(rule.inspection());
                call::try_instantiate(&self.engine, rule, facts, &limits).await
            }
        };
        made.map_err(|failure| failure.detail)
    }

    /// Runs `chain` over `exchange`. The subject comes back inside the verdict, if it is approved.
    ///
    /// A denial ends the chain. So does a fault, unless its binding says `skip`: then the rule's
    /// effects are dropped. A demand for a second factor is answered when the chain is through.
    pub async fn run<S: Subject>(
        &self,
        chain: &[BoundRule],
        subject: S,
        exchange: Exchange,
        configuration: &BTreeMap<String, Secret>,
    ) -> (Verdict<S>, Report) {
        self.drive(chain, subject, exchange, configuration, Source::Network)
            .await
    }

    /// The same with `recording` in place of the network: what the rules fetch is answered as it was
    /// then, in the same order, and what is not in the recording is unreachable.
    pub async fn replay<S: Subject>(
        &self,
        chain: &[BoundRule],
        subject: S,
        exchange: Exchange,
        configuration: &BTreeMap<String, Secret>,
        recording: Recording,
    ) -> (Verdict<S>, Report) {
        let source = Source::Recording(recording);
        self.drive(chain, subject, exchange, configuration, source)
            .await
    }

    async fn drive<S: Subject>(
        &self,
        chain: &[BoundRule],
        subject: S,
        exchange: Exchange,
        configuration: &BTreeMap<String, Secret>,
        source: Source,
    ) -> (Verdict<S>, Report) {
        // 1. Wait for a slot and for a turn to compute; nobody needs either to run no rules.
        let tenant: Arc<str> = exchange.tenant.as_str().into();
        let (_slot, errands) = match chain {
            [] => (None, None),
            _ => match self
                .admit(&tenant)
                .instrument(span!("wait for a slot"))
                .await
            {
                Some((slot, turn)) => {
                    let errands = Errands::new(Arc::clone(&self.network), source, turn);
                    (Some(slot), Some(errands))
                }
                None => return (Verdict::Busy, Report::default()),
            },
        };
        // 2. Run the rules in order.
        let mut run = Run::new(
            self.components.machine(),
            &self.limits,
            exchange,
            configuration,
            errands,
            &self.metrics,
        );
        let end = run.chain(chain).await;
        let Run {
            mut draft,
            mut reports,
            errands,
            ..
        } = run;
        let demand = draft.factor_demand.take();
        let (changes, provenance) = draft.into_changes();
        let mut recording = errands.map(Errands::into_recording).unwrap_or_default();
        let fetches = reports.iter_mut().flat_map(|report| &mut report.fetches);
        recording.redact(fetches, &all_values(chain, configuration));
        let report = Report {
            rules: reports,
            provenance,
            recording,
        };
        // 3. Only a chain that came to its end approves.
        let verdict = match (end, demand) {
            (End::Denied(denial), _) => Verdict::Denied(denial),
            (End::Faulted, _) => Verdict::Faulted,
            (End::Reached, Some(demand)) => Verdict::MfaRequired {
                provider: demand.provider,
                allow_remember: demand.allow_remember,
            },
            (End::Reached, None) => Verdict::Approved(ApprovedClaims::new(subject, changes)),
        };
        (verdict, report)
    }

    /// Sends a message of the server's own to a place that a tenant chose, as its rules' requests go.
    ///
    /// # Errors
    /// A sentence for the tenant.
    pub async fn post(&self, tenant: &str, post: Post) -> Result<Received, String> {
        self.network.post(tenant, post).await
    }

    /// A slot for a chain, and its first turn to compute; none if that takes too long.
    async fn admit(&self, tenant: &Arc<str>) -> Option<(Permit, Turn)> {
        let admitted = async {
            let slot = self.slots.enter(tenant).await?;
            Ok::<_, Full>((slot, Turn::take(&self.turns, tenant).await?))
        };
        let within = tokio::time::timeout(self.limits.queueing, admitted);
        within.await.ok()?.ok()
    }
}

/// Drives a future that is never really waiting: the only thing that suspends an instantiation is
/// the epoch, which wakes it at once. So this works inside an executor and outside.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
