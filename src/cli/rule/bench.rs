//! `claimsmith rule bench`: what a rule or a chain costs, beside a rule that does nothing.
//!
//! Fuel is exact and the same everywhere. Time is not, least of all on a shared machine, so that all
//! candidates take turns within one run, and what is compared is compared pair by pair.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use super::fixture::{self, Fixture, NobodyLoggedIn};
use super::flags::Flags;
use super::run::load;
use super::{CliError, Output, engine};
use crate::cli::output::table;
use crate::cli::progress;
use crate::replay::Ending;
use crate::rule_host::{BoundRule, OnFault, Permissions, RuleHost};

/// Returns no effects.
const EMPTY: &[u8] = include_bytes!("empty.wasm");

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The rules, in the order they run: components, or folders of rules
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<PathBuf>,
    /// Another version to compare with; several make a chain
    #[arg(long, value_name = "RULE")]
    vs: Vec<PathBuf>,
    /// How many times each is called
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rounds: u32,
    /// The exchange: `{"exchange": {…}, "configuration": {…}}`; a usual one if not said
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// One chain and what was measured of it.
struct Candidate {
    name: String,
    chain: Vec<BoundRule>,
    ending: Ending,
    fuel: u64,
    instantiate: Vec<Duration>,
    call: Vec<Duration>,
}

/// The figures of one chain, in microseconds.
#[derive(Serialize)]
struct Figures {
    name: String,
    outcome: Ending,
    fuel: u64,
    instantiate_p50_us: f64,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    /// Of the medians, to the rule that does nothing.
    times_empty: f64,
}

pub(super) async fn run(args: Args) -> Result<Output, CliError> {
    let fixture = match &args.input {
        Some(path) => args.flags.apply(fixture::read(path)?)?,
        None => args.flags.fixture()?,
    };
    let host = engine()?;
    let step = progress::step("compiling");
    let mut candidates = vec![
        Candidate::empty(&host)?,
        Candidate::new(load(&host, &args.rules, None)?),
    ];
    if !args.vs.is_empty() {
        candidates.push(Candidate::new(load(&host, &args.vs, None)?));
    }
    step.now("measuring");
    let warm_up = (args.rounds / 10).clamp(5, 200);
    for round in 0..args.rounds.saturating_add(warm_up) {
        for candidate in &mut candidates {
            candidate.measure(&host, &fixture, round >= warm_up).await?;
        }
    }
    drop(step);
    Ok(report(&candidates, args.rounds))
}

impl Candidate {
    fn new(chain: Vec<BoundRule>) -> Self {
        let names: Vec<&str> = chain.iter().map(|rule| rule.name.as_str()).collect();
        Self {
            name: names.join(" + "),
            chain,
            ending: Ending::Allowed,
            fuel: 0,
            instantiate: Vec::new(),
            call: Vec::new(),
        }
    }

    fn empty(host: &RuleHost) -> Result<Self, CliError> {
        Ok(Self::new(vec![BoundRule {
            name: "(a rule that does nothing)".to_owned(),
            version: 1,
            rule: Ok(host.load(EMPTY)?),
            on_fault: OnFault::Deny,
            manifest: None,
            permissions: Permissions::default(),
            action: None,
        }]))
    }

    async fn measure(
        &mut self,
        host: &RuleHost,
        fixture: &Fixture,
        keep: bool,
    ) -> Result<(), CliError> {
        let start = Instant::now();
        for rule in self
            .chain
            .iter()
            .filter_map(|bound| bound.rule.as_ref().ok())
        {
            host.instantiate_once(rule)
                .await
                .map_err(CliError::invalid)?;
        }
        let instantiate = start.elapsed();
        let (exchange, answers) = (fixture.exchange.clone(), fixture.recording(&self.chain));
        let (chain, configuration) = (fixture.permit(&self.chain), &fixture.configuration);
        let start = Instant::now();
        let (verdict, report) = host
            .replay(&chain, NobodyLoggedIn, exchange, configuration, answers)
            .await;
        let call = start.elapsed();
        if keep {
            self.instantiate.push(instantiate);
            self.call.push(call);
        }
        self.ending = Ending::of(&verdict);
        self.fuel = report.rules.iter().map(|rule| rule.fuel).sum();
        Ok(())
    }

    fn figures(&self, empty_p50: f64) -> Figures {
        let p50 = percentile(micros(&self.call), 50);
        Figures {
            name: self.name.clone(),
            outcome: self.ending,
            fuel: self.fuel,
            instantiate_p50_us: percentile(micros(&self.instantiate), 50),
            p50_us: p50,
            p90_us: percentile(micros(&self.call), 90),
            p99_us: percentile(micros(&self.call), 99),
            times_empty: p50 / empty_p50,
        }
    }
}

fn report(candidates: &[Candidate], rounds: u32) -> Output {
    let empty = candidates
        .first()
        .map(|empty| percentile(micros(&empty.call), 50));
    let empty = empty.unwrap_or(f64::NAN);
    let figures: Vec<Figures> = candidates.iter().map(|c| c.figures(empty)).collect();
    let rows = figures.iter().map(|f| {
        [
            f.name.clone(),
            json!(f.outcome).as_str().unwrap_or_default().to_owned(),
            f.fuel.to_string(),
            format!("{:.1}", f.instantiate_p50_us),
            format!("{:.1}", f.p50_us),
            format!("{:.1}", f.p90_us),
            format!("{:.1}", f.p99_us),
            format!("{:.2}", f.times_empty),
        ]
    });
    let header = [
        "RULE",
        "OUTCOME",
        "FUEL",
        "INSTANTIATE p50 µs",
        "WHOLE p50 µs",
        "p90 µs",
        "p99 µs",
        "× NOTHING",
    ];
    let mut text = table(header, rows);
    let mut document = json!({ "rounds": rounds, "candidates": figures });
    if let [_, this, other] = candidates {
        let ratios: Vec<f64> = micros(&this.call)
            .zip(micros(&other.call))
            .map(|(this, other)| this / other)
            .collect();
        let [low, middle, high] =
            [10, 50, 90].map(|percent| percentile(ratios.iter().copied(), percent));
        let fuel = this.fuel as f64 / other.fuel as f64;
        text = format!(
            "{text}\n{} against {}: fuel × {fuel:.4}, time pair by pair × {middle:.3} (p10 {low:.3}, p90 {high:.3})",
            this.name, other.name
        );
        if let Some(document) = document.as_object_mut() {
            let ratio =
                json!({ "fuel": fuel, "time_p10": low, "time_p50": middle, "time_p90": high });
            document.insert("ratio".to_owned(), ratio);
        }
    }
    Output::new(document, text)
}

fn micros(samples: &[Duration]) -> impl Iterator<Item = f64> + '_ {
    samples.iter().map(|sample| sample.as_secs_f64() * 1e6)
}

fn percentile(samples: impl Iterator<Item = f64>, percent: usize) -> f64 {
    let mut samples: Vec<f64> = samples.collect();
    samples.sort_by(f64::total_cmp);
    let at = (samples.len() * percent / 100).min(samples.len().saturating_sub(1));
    samples.get(at).copied().unwrap_or(f64::NAN)
}
