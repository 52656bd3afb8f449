//! `claimsmith rule record` and `rule pull-exchanges`: what really happened, as files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::replay::folder::{EXCHANGES, recorded as read_recorded, version_folder, write_version};
use super::{CliError, OpenOptions, Output};
use crate::admin::recordings;
use crate::admin::rules::versions;
use crate::cli::open::TenantOption;
use crate::cli::remote::{Remote, RemoteOptions};
use crate::recording::{Recorded, RecordingSettings};
use crate::rule_host::{Limits, Manifest};

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
    #[command(flatten)]
    remote: RemoteOptions,
}

/// A version of a rule, as it is written to the folder.
struct Version {
    component: Vec<u8>,
    manifest: Option<Manifest>,
}

/// Writes recorded exchanges, and the rules that ran on them, to a new folder.
pub(super) async fn pull(args: PullArgs, open: &OpenOptions) -> Result<Output, CliError> {
    if args.folder.exists() {
        return Err(CliError::usage(format!(
            "`{}` is there already; choose another name",
            args.folder.display()
        )));
    }
    let (recorded, versions) = match args.remote.is_given() {
        true => over_http(&args.remote.connect().await?).await?,
        false => from_data(&args.tenant, open).await?,
    };
    let exchanges = args.folder.join(EXCHANGES);
    make(&exchanges)?;
    for recorded in &recorded {
        let text = serde_json::to_string_pretty(recorded).map_err(CliError::failure)?;
        let file = exchanges.join(format!("{}.json", recorded.exchange.id));
        std::fs::write(&file, text).map_err(|error| cannot_write(&file, &error))?;
    }
    for ((rule, number), version) in &versions {
        let folder = version_folder(&args.folder, rule, *number);
        make(&folder)?;
        write_version(&folder, &version.component, version.manifest.as_ref())
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

/// Recorded exchanges, and the versions of rules that ran on them.
type Pulled = (Vec<Recorded>, BTreeMap<(String, u32), Version>);

async fn from_data(tenant: &TenantOption, open: &OpenOptions) -> Result<Pulled, CliError> {
    let server = open.open_existing().await?;
    let tenant = tenant.resolve(&server).await?.name;
    let recorded = recordings::list(&server, &tenant).await?;
    let mut versions = BTreeMap::new();
    for (rule, number) in that_ran(&recorded) {
        let version = versions::get(&server, &tenant, &rule, number).await?;
        let component = versions::code(&server, &version).await?;
        let manifest = version.manifest;
        versions.insert(
            (rule, number),
            Version {
                component,
                manifest,
            },
        );
    }
    Ok((recorded, versions))
}

async fn over_http(remote: &Remote) -> Result<Pulled, CliError> {
    let mut recorded = Vec::new();
    let mut from = String::new();
    loop {
        let page = remote.get(&format!("recordings?take=20{from}")).await?;
        let documents = page.get("recordings").and_then(Value::as_array);
        for document in documents.into_iter().flatten() {
            let text = document.to_string();
            recorded.push(read_recorded(text.as_bytes()).map_err(CliError::invalid)?);
        }
        match page.get("next").and_then(Value::as_str) {
            Some(next) => from = format!("&from={next}"),
            None => break,
        }
    }
    // They become names of files, and a server is trusted with none that leads elsewhere.
    let rules = recorded
        .iter()
        .flat_map(|recorded: &Recorded| &recorded.rules);
    let names = rules.map(|rule| &rule.rule);
    let mut names = names.chain(recorded.iter().map(|recorded| &recorded.exchange.id));
    if let Some(strange) = names.find(|name| !is_plain(name)) {
        let strange = strange.escape_debug();
        return Err(CliError::invalid(format!(
            "`{strange}` is no name that can be a file's"
        )));
    }
    recorded.sort_by(|a: &Recorded, b| (a.at, &a.exchange.id).cmp(&(b.at, &b.exchange.id)));
    let mut versions = BTreeMap::new();
    for (rule, number) in that_ran(&recorded) {
        // It becomes a path, here and there.
        let name = utf8_percent_encode(&rule, NON_ALPHANUMERIC);
        let path = format!("rule-versions/{name}/{number}");
        let known = remote.get(&path).await?;
        let manifest = known.get("manifest").cloned().unwrap_or_default();
        let manifest = serde_json::from_value(manifest);
        let manifest = manifest.map_err(CliError::invalid)?;
        let most = Limits::MOST_COMPONENT_BYTES;
        let component = remote.bytes(&format!("{path}/component"), most).await?;
        versions.insert(
            (rule, number),
            Version {
                component,
                manifest,
            },
        );
    }
    Ok((recorded, versions))
}

fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && name.chars().all(fits)
}

fn that_ran(recorded: &[Recorded]) -> BTreeSet<(String, u32)> {
    let rules = recorded.iter().flat_map(|recorded| &recorded.rules);
    rules
        .map(|rule| (rule.rule.clone(), rule.version))
        .collect()
}

fn make(folder: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failure(format!("cannot write `{}`: {error}", path.display()))
}
