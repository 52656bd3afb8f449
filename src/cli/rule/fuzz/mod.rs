//! `claimsmith rule fuzz`: does a rule ever fault, whatever exchange the schema allows?
//!
//! Running out of fuel and doing what the manifest does not allow are faults, too. What fails is made
//! as small as it can be and still fail, and kept as a case.

mod generate;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde::Serialize;
use serde_json::{Map, Value, json};

use self::generate::Input;
use super::fixture::Fixture;
use super::flags::Flags;
use super::run::{limits, load};
use super::{CliError, Output, patient_engine, show};
use crate::cli::{ExitCode, progress};
use crate::clock::{Clock as _, SystemClock};
use crate::replay::{Ending, Evaluation, evaluate};
use crate::rule_host::exchange::User;
use crate::rule_host::{BoundRule, Exchange, Manifest, OnFault, Pattern, RuleHost};
use crate::secret::Secret;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The rules, in the order they run: components, or folders of rules
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<PathBuf>,
    /// How many exchanges to try
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    cases: u32,
    /// The same seed tries the same exchanges; another each time if not said
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where a failing input becomes a case; `cases` in the first rule's folder if not said
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

/// What was seen of all exchanges.
#[derive(Default, Serialize)]
struct Tally {
    exchanges: u32,
    allowed: u32,
    denied: u32,
    mfa_required: u32,
    most_fuel: u64,
}

pub(super) async fn run(args: Args) -> Result<Output, CliError> {
    let host = patient_engine()?;
    let step = progress::step("compiling");
    let chain = load(&host, &args.rules, Some(OnFault::Deny))?;
    let keys = keys(&host, &chain).await?;
    let seed = args.seed.unwrap_or_else(|| SystemClock.now().as_millis());
    step.now("trying exchanges");
    let (tally, found) = search(&host, &chain, &keys, args.cases, seed)?;
    drop(step);

    let limits: Vec<_> = chain.iter().map(|rule| limits(&host, rule)).collect();
    let Some(input) = found else {
        let text = format!(
            "{} exchanges, and no fault: {} allowed, {} denied, {} asked for a second factor; at most {} of {} fuel; seed {seed}",
            tally.exchanges,
            tally.allowed,
            tally.denied,
            tally.mfa_required,
            tally.most_fuel,
            limits
                .iter()
                .map(|limits| limits.fuel)
                .max()
                .unwrap_or_default(),
        );
        return Ok(Output::new(json!({ "seed": seed, "tally": tally }), text));
    };
    let seen = evaluate(&host, &chain, &fixture(&input)).await;
    let kind = seen.fault().map(|(fault, _)| json!(fault));
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or("fault");
    let cases = args.save.clone().unwrap_or_else(|| cases_of(&args.rules));
    let saved = save(&cases.join(format!("fuzz-{kind}-{seed}")), &input)?;
    let text = format!(
        "{}after {} exchanges; the smallest that fails is the case {}; seed {seed}\n",
        show::run(&seen, &limits),
        tally.exchanges,
        saved.display(),
    );
    let document = json!({
        "seed": seed, "tally": tally, "case": saved, "input": input, "rules": seen.report.rules,
    });
    Ok(Output::new(document, text).with_code(ExitCode::Faulted))
}

/// Tries exchanges up to the first that faults, made small.
fn search(
    host: &RuleHost,
    chain: &[BoundRule],
    keys: &[String],
    cases: u32,
    seed: u64,
) -> Result<(Tally, Option<Input>), CliError> {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4096,
        ..Config::default()
    };
    let seed: Vec<u8> = seed.to_le_bytes().repeat(4);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let tally = RefCell::new(Tally::default());
    let failed = RefCell::new(false);
    let runtime = tokio::runtime::Handle::current();
    let result = tokio::task::block_in_place(|| {
        runner
            .run(&generate::inputs(keys), |input| {
                let seen = runtime.block_on(evaluate(host, chain, &fixture(&input)));
                if !*failed.borrow() {
                    tally.borrow_mut().count(&seen);
                }
                match seen.fault() {
                    None => Ok(()),
                    Some((_, detail)) => {
                        *failed.borrow_mut() = true;
                        Err(TestCaseError::fail(detail.to_owned()))
                    }
                }
            })
            .map_err(Box::new)
    });
    let Err(error) = result else {
        return Ok((tally.into_inner(), None));
    };
    match *error {
        TestError::Fail(_, input) => Ok((tally.into_inner(), Some(input))),
        TestError::Abort(reason) => Err(CliError::failure(reason)),
    }
}

impl Tally {
    fn count(&mut self, seen: &Evaluation) {
        self.exchanges += 1;
        match seen.ending {
            Ending::Allowed => self.allowed += 1,
            Ending::Denied => self.denied += 1,
            Ending::MfaRequired => self.mfa_required += 1,
            Ending::Faulted => {}
        }
        let fuel = seen.report.rules.iter().map(|rule| rule.fuel).max();
        self.most_fuel = self.most_fuel.max(fuel.unwrap_or_default());
    }
}

/// Keys worth configuring: those the manifests list, and those a usual exchange makes the rules ask for.
async fn keys(host: &RuleHost, chain: &[BoundRule]) -> Result<Vec<String>, CliError> {
    let seen = evaluate(host, chain, &Flags::default().fixture()?).await;
    let asked = seen
        .report
        .rules
        .into_iter()
        .flat_map(|rule| rule.keys_read);
    let listed = |manifest: &Manifest| manifest.configuration.clone();
    let listed = chain
        .iter()
        .filter_map(|rule| rule.manifest.as_deref().map(listed))
        .flatten()
        .map(|pattern: Pattern| pattern.to_string())
        .filter(|key| !key.ends_with('*'));
    let mut keys: Vec<String> = asked.chain(listed).collect();
    keys.sort();
    keys.dedup();
    Ok(keys)
}

fn fixture(input: &Input) -> Fixture {
    let values = input.configuration.iter();
    Fixture {
        exchange: input.exchange.clone(),
        configuration: values
            .map(|(key, value)| (key.clone(), Secret::new(value.clone())))
            .collect::<BTreeMap<_, _>>(),
        ..Fixture::default()
    }
}

fn cases_of(rules: &[PathBuf]) -> PathBuf {
    let first = rules.first().map(PathBuf::as_path);
    let first = first.unwrap_or(Path::new("."));
    match first.is_dir() {
        true => first.join("cases"),
        false => first.with_file_name("cases"),
    }
}

/// Writes `input.json` without what is as it is anyway. What the rule should do with it, its author says.
fn save(folder: &Path, input: &Input) -> Result<PathBuf, CliError> {
    let mut document = json!(input);
    let mut usual = json!(Exchange::default());
    if let (true, Some(usual)) = (input.exchange.user.is_some(), usual.as_object_mut()) {
        usual.insert("user".to_owned(), json!(User::default()));
    }
    if let Some(exchange) = document.get_mut("exchange") {
        prune(exchange, &usual);
        // A user of whom everything is empty is still a user.
        if let (true, Some(members)) = (input.exchange.user.is_some(), exchange.as_object_mut()) {
            members.entry("user").or_insert_with(|| json!({}));
        }
    }
    let failed = |error| CliError::failure(format!("cannot write `{}`: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let text = format!("{document:#}\n");
    std::fs::write(folder.join("input.json"), text).map_err(failed)?;
    Ok(folder.to_owned())
}

/// Takes out members that are equal to the usual ones.
fn prune(value: &mut Value, usual: &Value) {
    let (Some(members), Some(usual)) = (value.as_object_mut(), usual.as_object()) else {
        return;
    };
    members.retain(|name, member| {
        let Some(usual) = usual.get(name) else {
            return true;
        };
        let is_record = usual.as_object().is_some_and(|object| !object.is_empty());
        if is_record {
            prune(member, usual);
        }
        member != usual && !(is_record && member.as_object().is_some_and(Map::is_empty))
    });
}
