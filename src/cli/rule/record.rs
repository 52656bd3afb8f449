//! `claimsmith rule record` and `rule pull-exchanges`: what really happened, as files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::replay::folder::{EXCHANGES, version_folder, write_version};
use super::{CliError, OpenOptions, Output};
use crate::admin::recordings;
use crate::cli::open::TenantOption;
use crate::recording::RecordingSettings;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// Keep the last so many exchanges
    #[arg(long, value_name = "N", default_value_t = 100)]
    keep: u32,
    /// A field that never enters a recording: a JSON pointer into the exchange; may be repeated
    #[arg(long, value_name = "POINTER")]
    redact: Vec<String>,
    /// Stop, and delete what was recorded
    #[arg(long, conflicts_with_all = ["keep", "redact"])]
    off: bool,
    #[command(flatten)]
    tenant: TenantOption,
}

pub(super) async fn run(args: Args, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    let tenant = args.tenant.resolve(&server).await?;
    let settings = (!args.off).then_some(RecordingSettings {
        keep: args.keep,
        redact: args.redact,
    });
    recordings::set(&server, &tenant.name, settings.clone()).await?;
    let text = match &settings {
        None => format!(
            "{} records nothing, and what it had recorded is deleted",
            tenant.name
        ),
        Some(settings) => format!(
            "{} keeps its last {} exchanges, without {}",
            tenant.name,
            settings.keep,
            match settings.redact.as_slice() {
                [] => "credentials".to_owned(),
                marked => format!("credentials, {}", marked.join(", ")),
            }
        ),
    };
    Ok(Output::new(json!({ "recording": settings }), text))
}

#[derive(clap::Args)]
pub(in crate::cli) struct PullArgs {
    /// The folder to make
    folder: PathBuf,
    #[command(flatten)]
    tenant: TenantOption,
}

/// Writes recorded exchanges, and the rules that ran on them, to a new folder.
pub(super) async fn pull(args: PullArgs, open: &OpenOptions) -> Result<Output, CliError> {
    if args.folder.exists() {
        return Err(CliError::usage(format!(
            "`{}` is there already; choose another name",
            args.folder.display()
        )));
    }
    let server = open.open_existing().await?;
    let tenant = args.tenant.resolve(&server).await?;
    let recorded = recordings::list(&server, &tenant.name).await?;
    let versions: BTreeSet<(&str, u32)> = recorded
        .iter()
        .flat_map(|recorded| &recorded.rules)
        .map(|rule| (rule.rule.as_str(), rule.version))
        .collect();
    let exchanges = args.folder.join(EXCHANGES);
    make(&exchanges)?;
    for recorded in &recorded {
        let text = serde_json::to_string_pretty(recorded).map_err(CliError::failure)?;
        let file = exchanges.join(format!("{}.json", recorded.exchange.id));
        std::fs::write(&file, text).map_err(|error| cannot_write(&file, &error))?;
    }
    for (rule, number) in &versions {
        let (version, component) = recordings::rule(&server, &tenant.name, rule, *number).await?;
        let folder = version_folder(&args.folder, rule, *number);
        make(&folder)?;
        write_version(&folder, &component, version.manifest.as_ref())
            .map_err(|error| cannot_write(&folder, &error))?;
    }
    let text = format!(
        "{} exchanges and {} versions of rules in {}",
        recorded.len(),
        versions.len(),
        args.folder.display()
    );
    let document = json!({ "exchanges": recorded.len(), "rules": versions.len() });
    Ok(Output::new(document, text))
}

fn make(folder: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failure(format!("cannot write `{}`: {error}", path.display()))
}
