//! `claimsmith rule check`: parse, validate, link and instantiate, as the server does at upload.

use std::path::PathBuf;

use serde_json::json;

use super::load::Source;
use super::{CliError, Output, engine};
use crate::cli::output::table;
use crate::cli::progress;
use crate::rule_host::fetch::HostPattern;
use crate::rule_host::{Inspection, Limits, Manifest, Metadata, Pattern};

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The component, the source in JavaScript, or the folder of a rule
    #[arg(value_name = "RULE")]
    file: PathBuf,
    /// The manifest; `rule.toml` beside it if not said
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<Output, CliError> {
    let source = Source::read(&args.file, args.manifest.as_deref())?;
    let host = engine()?;
    let step = progress::step("compiling");
    let inspected = host.inspect(&source.component);
    drop(step);
    let inspection = inspected.map_err(|error| source.invalid(&error))?;
    let manifest = source.manifest.as_deref();
    if let Some(manifest) = manifest {
        let fits = manifest.fits(&inspection);
        fits.map_err(|error| source.invalid(&error))?;
    }
    let limits = host.limits().of_rule(&inspection);
    let remarks = manifest.map(|manifest| manifest.remarks(&inspection, &limits));
    let mut remarks = remarks.unwrap_or_default();
    remarks.extend(large(&inspection));
    let mut document = json!(inspection);
    if let Some(document) = document.as_object_mut() {
        document.insert("manifest".to_owned(), json!(manifest));
        document.insert("remarks".to_owned(), json!(remarks));
    }
    let mut text = describe(&inspection, manifest, host.limits());
    for remark in remarks {
        text = format!("{text}\nnote: {remark}");
    }
    Ok(Output::new(document, text))
}

/// What an author must ask the operator for.
fn large(inspection: &Inspection) -> Option<String> {
    let size = inspection.size;
    (inspection.dialect.is_none() && size > Limits::USUAL_COMPONENT_BYTES as u64).then(|| {
        format!(
            "it is a large component: a server takes it only if its operator says `--max-rule-mib {}`, at upload and when it serves",
            size.div_ceil(1 << 20)
        )
    })
}

/// What a component is and may do, for people.
pub(super) fn describe(
    inspection: &Inspection,
    manifest: Option<&Manifest>,
    limits: &Limits,
) -> String {
    let imports = match inspection.imports.is_empty() {
        true => "(none)".to_owned(),
        false => inspection.imports.join("\n"),
    };
    let of_rule = limits.of_rule(inspection);
    let limits = manifest.map_or_else(|| of_rule.clone().into_owned(), |m| m.limits(&of_rule));
    let most = inspection.memory_bytes_max.min(limits.memory_bytes as u64);
    let memory = format!(
        "{} bytes to start with, at most {most}",
        inspection.memory_bytes_min
    );
    let mut rows = vec![
        ["interface".to_owned(), inspection.interface.clone()],
        ["imports".to_owned(), imports],
        ["size".to_owned(), format!("{} bytes", inspection.size)],
        ["memory".to_owned(), memory],
        ["fuel".to_owned(), format!("at most {}", limits.fuel)],
        ["digest".to_owned(), format!("sha256:{}", inspection.digest)],
    ];
    rows.extend(permissions(manifest));
    table(["", "it loads as a rule"], rows)
}

/// What a rule may do, in rows.
fn permissions(manifest: Option<&Manifest>) -> Vec<[String; 2]> {
    let Some(manifest) = manifest else {
        let all = "everything the interface offers: there is no rule.toml";
        return vec![["may do".to_owned(), all.to_owned()]];
    };
    let lines = |entries: Vec<String>| match entries.is_empty() {
        true => "(none)".to_owned(),
        false => entries.join("\n"),
    };
    let list = |patterns: &[Pattern]| lines(patterns.iter().map(Pattern::to_string).collect());
    let hosts = manifest.hosts.iter().map(HostPattern::to_string).collect();
    let metadata = manifest.metadata.iter().map(|which| match which {
        Metadata::User => "user_metadata",
        Metadata::App => "app_metadata",
    });
    let metadata: Vec<&str> = metadata.collect();
    let metadata = match metadata.as_slice() {
        [] => "(none)".to_owned(),
        some => some.join("\n"),
    };
    [
        (
            "manifest",
            format!("{} {}", manifest.name, manifest.version),
        ),
        ("may set claims", list(&manifest.claims)),
        ("may add scopes", list(&manifest.scopes)),
        ("may change", metadata),
        ("may read keys", list(&manifest.configuration)),
        ("may reach hosts", lines(hosts)),
    ]
    .map(|(what, value)| [what.to_owned(), value])
    .into()
}
