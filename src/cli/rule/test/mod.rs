//! `claimsmith rule test`: cases against rules, without a server, a clock or a network.

mod coverage;
mod expect;
mod junit;
mod suite;
mod table;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use self::coverage::Coverage;
use self::expect::Expectation;
use self::suite::{Case, Suite};
use super::run::{limits, load};
use super::{CliError, Output, patient_engine, show, watch};
use crate::cli::style::{BOLD, GREEN, RED, YELLOW, paint};
use crate::cli::{ExitCode, progress};
use crate::replay::{Evaluation, evaluate};
use crate::rule_host::{BoundRule, RuleHost};

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// A rule's folder, a folder of rules' folders, or a table of cases
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The rules to run, in order, instead of the one in the folder or those of the table
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<PathBuf>,
    /// Only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write what came out into the `expect.json` of each case that failed or has none
    #[arg(long)]
    bless: bool,
    /// Show which rules set and read what, and what their manifests list for nothing
    #[arg(long)]
    coverage: bool,
    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Run again whenever a rule or a case changes, until Ctrl-C
    #[arg(long, conflicts_with = "bless")]
    watch: bool,
}

/// What became of the cases of one suite.
#[derive(Serialize)]
struct Results {
    name: String,
    cases: Vec<CaseResult>,
    coverage: Vec<Coverage>,
}

#[derive(Serialize)]
struct CaseResult {
    name: String,
    blessed: bool,
    differences: Vec<String>,
    /// How the rules ended, for a case that failed.
    #[serde(skip)]
    shown: String,
    #[serde(skip)]
    duration: Duration,
}

impl CaseResult {
    fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

pub(super) async fn run(args: Args) -> Result<Output, CliError> {
    if !args.watch {
        return once(&args).await;
    }
    watch::forever(async || {
        let done = once(&args).await;
        let suites = find(&args).unwrap_or_default();
        let sources = suites.into_iter().flat_map(|suite| suite.sources);
        (done, args.paths.iter().cloned().chain(sources).collect())
    })
    .await
}

async fn once(args: &Args) -> Result<Output, CliError> {
    let start = Instant::now();
    let suites = find(args)?;
    let host = patient_engine()?;
    let mut results = Vec::new();
    let step = progress::step("compiling");
    for suite in suites {
        results.push(run_suite(&host, suite, args, &step).await?);
    }
    drop(step);
    if let Some(path) = &args.junit {
        junit::write(path, &results)?;
    }
    let failed = results
        .iter()
        .any(|suite| !suite.cases.iter().all(CaseResult::passed));
    let code = match failed {
        true => ExitCode::Failure,
        false => ExitCode::Success,
    };
    let text = describe(&results, args.coverage, start.elapsed());
    let document = json!({ "passed": !failed, "suites": results });
    Ok(Output::new(document, text).with_code(code))
}

fn find(args: &Args) -> Result<Vec<Suite>, CliError> {
    let mut suites = Vec::new();
    for path in &args.paths {
        suites.extend(suite::find(path, &args.rules)?);
    }
    if let Some(filter) = &args.filter {
        for suite in &mut suites {
            suite.cases.retain(|case| case.name.contains(filter));
        }
    }
    Ok(suites)
}

async fn run_suite(
    host: &RuleHost,
    suite: Suite,
    args: &Args,
    step: &progress::Step,
) -> Result<Results, CliError> {
    step.now(&format!("compiling {}", suite.name));
    let chain = load(host, &suite.rules, None)?;
    step.now(&format!("running {}", suite.name));
    let mut coverage = Coverage::none(&chain);
    let mut cases = Vec::new();
    for case in &suite.cases {
        let start = Instant::now();
        let seen = evaluate(host, &chain, &case.input).await;
        Coverage::count(&mut coverage, &seen.report);
        let mut result = judge(host, &chain, case, &seen, args.bless)?;
        result.duration = start.elapsed();
        cases.push(result);
    }
    Coverage::finish(&mut coverage, &chain);
    Ok(Results {
        name: suite.name,
        cases,
        coverage,
    })
}

fn judge(
    host: &RuleHost,
    chain: &[BoundRule],
    case: &Case,
    seen: &Evaluation,
    bless: bool,
) -> Result<CaseResult, CliError> {
    let differences = match &case.expectation {
        Some(expectation) => expectation.differences(seen),
        None => vec!["there is no expect.json; `--bless` writes one".to_owned()],
    };
    let mut result = CaseResult {
        name: case.name.clone(),
        blessed: false,
        differences,
        shown: String::new(),
        duration: Duration::ZERO,
    };
    if result.passed() {
        return Ok(result);
    }
    if let (true, Some(file)) = (bless, &case.file) {
        let mut text = serde_json::to_string_pretty(&Expectation::of(seen)).unwrap_or_default();
        text.push('\n');
        std::fs::write(file, text).map_err(|error| {
            CliError::failure(format!("cannot write `{}`: {error}", file.display()))
        })?;
        result.blessed = true;
        result.differences.clear();
        return Ok(result);
    }
    if bless {
        let table = "the expectation is in a table, which `--bless` does not rewrite";
        result.differences.push(table.to_owned());
    }
    for (rule, bound) in seen.report.rules.iter().zip(chain) {
        result
            .shown
            .push_str(&show::rule(rule, &limits(host, bound)));
    }
    Ok(result)
}

/// Like `cargo test`.
fn describe(results: &[Results], coverage: bool, elapsed: Duration) -> String {
    let mut text = String::new();
    let (mut passed, mut failed) = (0, 0);
    for suite in results {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\nrunning {} cases of {}",
            suite.cases.len(),
            suite.name
        );
        for case in &suite.cases {
            let word = match (case.passed(), case.blessed) {
                (true, false) => paint(GREEN, "ok"),
                (true, true) => paint(YELLOW, "blessed"),
                (false, _) => paint(RED, "FAILED"),
            };
            passed += usize::from(case.passed());
            failed += usize::from(!case.passed());
            let _ = writeln!(text, "case {} ... {word}", case.name);
        }
        if coverage {
            let _ = writeln!(text, "\n{}", Coverage::show(&suite.coverage));
        }
    }
    if coverage {
        text.push_str(
            "(what a rule reads of an exchange cannot be seen: it is handed over whole)\n",
        );
    }
    if failed > 0 {
        text.push_str("\nfailures:\n");
    }
    for suite in results {
        for case in suite.cases.iter().filter(|case| !case.passed()) {
            let title = format!("---- {}: {} ----", suite.name, case.name);
            let _ = writeln!(text, "\n{}", paint(BOLD, &title));
            for difference in &case.differences {
                let _ = writeln!(text, "{difference}");
            }
            text.push_str(&case.shown);
        }
    }
    let word = match failed {
        0 => paint(GREEN, "ok"),
        _ => paint(RED, "FAILED"),
    };
    let _ = writeln!(
        text,
        "\nresult: {word}. {passed} passed; {failed} failed; finished in {:.2} s",
        elapsed.as_secs_f64()
    );
    text
}
