//! `claimsmith rule replay`: recorded exchanges through the versions that ran, and through a new one.

mod describe;
pub(super) mod folder;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use self::folder::Versions;
use super::fixture::Fixture;
use super::flags::pair;
use super::load::Source;
use super::{CliError, Output, patient_engine, watch};
use crate::cli::{ExitCode, progress};
use crate::replay::{Summary, evaluate_permitted as evaluate};
use crate::rule_host::BoundRule;
use crate::secret::Secret;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// A folder that `rule pull-exchanges` made
    #[arg(value_name = "FOLDER")]
    exchanges: PathBuf,
    /// The new version, in the place of the rule of its name; without it only the versions that ran
    #[arg(long, value_name = "RULE")]
    rule: Option<PathBuf>,
    /// The name of the rule that it replaces, if its own is another
    #[arg(long, value_name = "NAME", requires = "rule")]
    name: Option<String>,
    /// A value of the tenant's configuration, which recordings do not contain; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    configuration: Vec<(String, String)>,
    /// Replay again at every change of the new version, until Ctrl-C
    #[arg(long, requires = "rule")]
    watch: bool,
}

pub(super) async fn run(args: Args) -> Result<Output, CliError> {
    if !args.watch {
        return once(&args).await;
    }
    watch::forever(async || (once(&args).await, args.rule.iter().cloned().collect())).await
}

async fn once(args: &Args) -> Result<Output, CliError> {
    let recorded = folder::exchanges(&args.exchanges)?;
    let host = patient_engine()?;
    let step = progress::step("compiling");
    let new = match &args.rule {
        None => None,
        Some(path) => {
            let mut bound = Source::read(path, None)?.bind(&host, None)?;
            if let Some(name) = &args.name {
                bound.name.clone_from(name);
            }
            Some(bound)
        }
    };
    let values = args.configuration.iter();
    let configuration: BTreeMap<String, Secret> = values
        .map(|(key, value)| (key.clone(), Secret::new(value.clone())))
        .collect();
    let mut versions = Versions::default();
    let mut summary = Summary::default();
    let mut replaced = 0_usize;
    step.now("replaying");
    for recorded in recorded {
        let chain = versions.chain(&host, &args.exchanges, &recorded.rules)?;
        let output = recorded.output.clone();
        let fixture = Fixture {
            configuration: configuration.clone(),
            ..Fixture::of(recorded)
        };
        let before = evaluate(&host, &chain, &fixture).await;
        let id = &fixture.exchange.id;
        summary.exchanges += 1;
        match &output {
            None => summary.without_output += 1,
            Some(output) if *output == before.output => summary.reproduced += 1,
            Some(_) => summary.not_reproduced.push(id.clone()),
        }
        let Some(new) = &new else {
            continue;
        };
        let (chain, found) = with(chain, new);
        replaced += usize::from(found);
        let after = evaluate(&host, &chain, &fixture).await;
        let user = fixture.exchange.user.as_ref();
        let subject = user.map_or(&fixture.exchange.client.id, |user| &user.id);
        summary.count(id, subject, &before, &after);
    }
    drop(step);
    if let Some(new) = &new
        && replaced == 0
    {
        return Err(CliError::usage(format!(
            "no recorded exchange ran a rule `{}`; say with --name which rule this is a version of",
            new.name
        )));
    }
    let clean = summary.changed.is_empty() && summary.not_reproduced.is_empty();
    let code = match clean {
        true => ExitCode::Success,
        false => ExitCode::Failure,
    };
    let text = describe::describe(&summary, new.is_some());
    Ok(Output::new(json!(summary), text).with_code(code))
}

/// The chain with the new version in the place of the old one, and whether there was an old one.
fn with(mut chain: Vec<BoundRule>, new: &BoundRule) -> (Vec<BoundRule>, bool) {
    let old = chain.iter_mut().find(|bound| bound.name == new.name);
    let Some(old) = old else {
        return (chain, false);
    };
    *old = BoundRule {
        on_fault: old.on_fault,
        version: old.version,
        permissions: old.permissions.clone(),
        ..new.clone()
    };
    (chain, true)
}
