//! One chain under way: each rule sees the draft as the earlier ones left it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::bindings::types;
use super::call::{self, Answer, Trace};
use super::draft::{Author, Working};
use super::fault::Failure;
use super::fetch::Errands;
use super::guest::Facts;
use super::input::Input;
use super::javascript::{self, Machine, Member};
use super::request::{self, Request};
use super::text::{plain, printable};
use super::{
    BoundRule, DENIAL_CODES, Denial, EffectReport, Exchange, Fault, Limits, OnFault, Outcome, Rule,
    RuleReport, effect,
};
use crate::metrics::{Metrics, RuleCall};
use crate::secret::Secret;
use crate::trace::span;

/// How much of a message about a rule that could not be loaded is reported, in bytes.
const REASON_BYTES: usize = 1000;

/// How many faults of one group of rules in JavaScript can be skipped.
const SKIPS: usize = 4;

/// What a rule came to that did not fail.
type Decided = Result<Vec<Request>, Denial>;

/// How a chain ended.
pub(super) enum End {
    Reached,
    Denied(Denial),
    Faulted,
}

/// The state of one chain.
pub(super) struct Run<'h> {
    machine: &'h Machine,
    limits: &'h Limits,
    pub(super) draft: Working,
    pub(super) reports: Vec<RuleReport>,
    exchange_id: Arc<str>,
    /// The requests of all its rules; lent to the one that runs.
    pub(super) errands: Option<Errands>,
    configuration: &'h BTreeMap<String, Secret>,
    tenant: Arc<str>,
    metrics: &'h Metrics,
    /// A copy for the stores, made when the first rule comes that can read it.
    copied: Option<Arc<BTreeMap<String, Secret>>>,
}

impl<'h> Run<'h> {
    pub(super) fn new(
        machine: &'h Machine,
        limits: &'h Limits,
        exchange: Exchange,
        configuration: &'h BTreeMap<String, Secret>,
        errands: Option<Errands>,
        metrics: &'h Metrics,
    ) -> Self {
        Self {
            tenant: exchange.tenant.as_str().into(),
            metrics,
            machine,
            limits,
            exchange_id: exchange.id.as_str().into(),
            draft: Working::new(exchange),
            reports: Vec::new(),
            errands,
            configuration,
            copied: None,
        }
    }

    /// Runs the rules in order, up to the first that ends the chain.
    pub(super) async fn chain(&mut self, chain: &[BoundRule]) -> End {
        if let Some(excess) = chain.get(self.limits.chain) {
            // Whatever the bindings say of faults: the rules left out might have denied.
            return self.too_long(excess, chain.len());
        }
        let mut rest = chain;
        while let Some((bound, others)) = rest.split_first() {
            let scripts = rest.split_at_checked(javascript::group_length(rest));
            let end = match scripts {
                Some((scripts @ [_, ..], behind)) => {
                    rest = behind;
                    self.scripts(scripts).await
                }
                _ => {
                    rest = others;
                    self.rule(bound).await
                }
            };
            match end {
                End::Reached => {}
                end => return end,
            }
        }
        End::Reached
    }

    /// Runs rules in JavaScript that share an instance.
    ///
    /// After a fault that its binding says to skip, the others run again without that rule, from the
    /// start, since it may have changed what they share. They are deterministic, so the ones before it
    /// come out as they did; they are neither applied nor reported again.
    async fn scripts(&mut self, group: &[BoundRule]) -> End {
        let Some(dialect) = group.first().and_then(javascript::dialect) else {
            return End::Reached;
        };
        let exchange = javascript::shown(&self.draft, dialect);
        let mut left: Vec<&BoundRule> = group.iter().collect();
        let mut through = 0;
        for _ in 0..=SKIPS {
            let members = left.iter().filter_map(|bound| self.member(bound)).collect();
            let errands = self.errands.take();
            let (finished, errands) = self.machine.run(members, &exchange, errands).await;
            self.errands = errands;
            let mut skipped = false;
            for (place, finished) in finished.into_iter().enumerate().skip(through) {
                let Some(bound) = left.get(place).copied() else {
                    break;
                };
                let decided = self.parse(bound, finished.ending);
                skipped = decided.is_err();
                match self.conclude(bound, decided, finished.trace) {
                    End::Reached if skipped => {
                        left.remove(place);
                        break;
                    }
                    End::Reached => through = place.saturating_add(1),
                    end => return end,
                }
            }
            if !skipped || through == left.len() {
                return End::Reached;
            }
        }
        self.too_many_faults(left.get(through).copied())
    }

    fn member(&mut self, bound: &BoundRule) -> Option<Member> {
        let rule = bound.rule.as_ref().ok()?;
        Some(Member {
            facts: self.facts(bound, rule),
            limits: bound.limits(self.limits).into_owned(),
            reach: bound.may_reach(),
            rule: rule.clone(),
            name: bound.name.clone(),
            version: bound.version,
        })
    }

    async fn rule(&mut self, bound: &BoundRule) -> End {
        let rule = match &bound.rule {
            Ok(rule) => rule,
            Err(reason) => {
                let failure = Failure::new(Fault::Load, printable(reason, REASON_BYTES));
                return self.fault(bound, failure, Trace::default());
            }
        };
        let limits = bound.limits(self.limits);
        let span = rule_span(&bound.name, bound.version);
        let called = self.call(bound, rule, &limits).instrument(span.clone());
        let (answer, trace) = called.await;
        let decided = self.parse(bound, answer);
        let end = self.conclude(bound, decided, trace);
        if let Some(report) = self.reports.last() {
            end_span(&span, report.outcome.word(), report.fuel);
        }
        end
    }

    /// Takes a rule's answer apart.
    fn parse(&self, bound: &BoundRule, answer: Answer) -> Result<Decided, Failure> {
        let limits = bound.limits(self.limits);
        let decided = match answer? {
            Ok(effects) => Ok(request::parse(effects, &limits)?),
            Err(denial) => Err(parse_denial(denial, &limits)?),
        };
        // What its manifest does not allow undoes all that the rule asked for.
        self.permitted(bound, decided)
    }

    fn conclude(
        &mut self,
        bound: &BoundRule,
        decided: Result<Decided, Failure>,
        trace: Trace,
    ) -> End {
        match decided {
            Ok(Ok(requests)) => {
                let effects = self.apply(bound, requests);
                self.report(bound, Outcome::Allowed, effects, trace);
                End::Reached
            }
            Ok(Err(denial)) => {
                self.report(bound, Outcome::Denied(denial.clone()), Vec::new(), trace);
                End::Denied(denial)
            }
            Err(failure) => self.fault(bound, failure, trace),
        }
    }

    async fn call(&mut self, bound: &BoundRule, rule: &Rule, limits: &Limits) -> (Answer, Trace) {
        self.draft.refresh();
        let facts = self.facts(bound, rule);
        let input = Input::of(&self.draft);
        let mut errands = self.errands.take();
        if let Some(errands) = &mut errands {
            errands.begin_rule(bound.may_reach(), Span::current());
        }
        let engine = self.machine.engine();
        let (answer, trace, errands) =
            call::decide(engine, rule, facts, errands, input.exchange(), limits).await;
        self.errands = errands;
        (answer, trace)
    }

    fn permitted(&self, bound: &BoundRule, decided: Decided) -> Result<Decided, Failure> {
        if let (Some(manifest), Ok(requests)) = (&bound.manifest, &decided) {
            manifest.check(requests, &self.draft.scopes)?;
        }
        Ok(decided)
    }

    fn apply(&mut self, bound: &BoundRule, requests: Vec<Request>) -> Vec<EffectReport> {
        let author = Author {
            rule: &bound.name,
            version: bound.version,
        };
        requests
            .into_iter()
            .map(|request| effect::apply(&mut self.draft, request, author, self.limits))
            .collect()
    }

    fn facts(&mut self, bound: &BoundRule, rule: &Rule) -> Facts {
        let mut facts = Facts::none(rule);
        facts.exchange_id = Arc::clone(&self.exchange_id);
        facts.now = self.draft.exchange.now;
        facts.manifest = bound.manifest.clone();
        if let Some(action) = &bound.action {
            facts.configuration = Arc::clone(&action.values);
        } else if rule.reads_configuration() {
            let all = self.configuration;
            facts.configuration =
                Arc::clone(self.copied.get_or_insert_with(|| Arc::new(all.clone())));
        }
        facts
    }

    fn too_long(&mut self, excess: &BoundRule, length: usize) -> End {
        let detail = format!(
            "{length} rules are bound and {} may be; unbind some",
            self.limits.chain
        );
        let outcome = Outcome::Faulted {
            fault: Fault::Load,
            detail,
            skipped: false,
        };
        self.report(excess, outcome, Vec::new(), Trace::default());
        End::Faulted
    }

    /// Each skipped fault makes the others run again; a chain that is made of faults must not run
    /// for as long as it likes.
    fn too_many_faults(&mut self, next: Option<&BoundRule>) -> End {
        if let Some(next) = next {
            let detail = format!(
                "more than {SKIPS} of the consecutive rules failed; unbind them, or put them right"
            );
            let outcome = Outcome::Faulted {
                fault: Fault::Load,
                detail,
                skipped: false,
            };
            self.report(next, outcome, Vec::new(), Trace::default());
        }
        End::Faulted
    }

    fn fault(&mut self, bound: &BoundRule, failure: Failure, trace: Trace) -> End {
        let skipped = bound.on_fault == OnFault::Skip;
        let outcome = Outcome::Faulted {
            fault: failure.fault,
            detail: failure.detail,
            skipped,
        };
        self.report(bound, outcome, Vec::new(), trace);
        if skipped { End::Reached } else { End::Faulted }
    }

    fn report(
        &mut self,
        bound: &BoundRule,
        outcome: Outcome,
        effects: Vec<EffectReport>,
        trace: Trace,
    ) {
        self.metrics.rule_call(RuleCall {
            tenant: &self.tenant,
            rule: &bound.name,
            version: bound.version,
            outcome: outcome.word(),
            duration: trace.duration,
            instantiate: trace.instantiate,
            fuel: trace.fuel,
        });
        self.reports.push(RuleReport {
            rule: bound.name.clone(),
            action: bound.action.as_ref().map(|action| action.name.clone()),
            version: bound.version,
            outcome,
            effects,
            logs: trace.pages.lines,
            logs_dropped: trace.pages.dropped,
            fetches: trace.fetches,
            keys_read: trace.keys_read,
            fuel: trace.fuel,
            memory_bytes: trace.memory_bytes,
            duration_us: u64::try_from(trace.duration.as_micros()).unwrap_or(u64::MAX),
        });
    }
}

/// The span of a rule's call.
pub(super) fn rule_span(name: &str, version: u32) -> Span {
    let span = span!(
        "rule",
        otel.name = Empty,
        claimsmith.rule.name = name,
        claimsmith.rule.version = version,
        claimsmith.rule.outcome = Empty,
        claimsmith.rule.fuel = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("rule {name}"));
    }
    span
}

/// Says how it ended. What a rule said of that is for the tenant's log.
pub(super) fn end_span(span: &Span, outcome: &'static str, fuel: u64) {
    span.record("claimsmith.rule.outcome", outcome);
    span.record("claimsmith.rule.fuel", fuel);
    if !matches!(outcome, "allowed" | "denied") {
        span.record("error.type", outcome);
        span.record("otel.status_code", "ERROR");
    }
    // A span ends with its last exit, whoever may hold it for longer: a request that is left behind, say.
    span.in_scope(|| ());
}

/// What a denial may say to the client: a code that is known there, and bounded plain text.
fn parse_denial(denial: types::Denial, limits: &Limits) -> Result<Denial, Failure> {
    let error = denial.error.as_deref().unwrap_or("access_denied");
    if !DENIAL_CODES.contains(&error) {
        return Err(Failure::new(
            Fault::Output,
            format!(
                "the rule denied with the code `{}`; there are {}",
                printable(error, limits.name_bytes),
                DENIAL_CODES.map(|code| format!("`{code}`")).join(", ")
            ),
        ));
    }
    Ok(Denial {
        error: error.to_owned(),
        description: plain(&denial.description, limits.description_chars),
    })
}
