//! `claimsmith rule check`: parse, validate, link and instantiate, as the server does at upload.

use std::path::PathBuf;

use super::{CliError, Output, engine, read_component};
use crate::cli::output::table;
use crate::cli::progress;
use crate::rule_host::Inspection;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The component
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Output, CliError> {
    let bytes = read_component(&args.file)?;
    let step = progress::step("compiling");
    let inspected = engine()?.inspect(&bytes);
    drop(step);
    let inspection = inspected
        .map_err(|error| CliError::invalid(format!("`{}`: {error}", args.file.display())))?;
    let text = describe(&inspection);
    Ok(Output::new(inspection, text))
}

/// What an inspection found, for people.
pub(super) fn describe(inspection: &Inspection) -> String {
    let imports = match inspection.imports.is_empty() {
        true => "(none)".to_owned(),
        false => inspection.imports.join("\n"),
    };
    let rows = [
        ["interface".to_owned(), inspection.interface.clone()],
        ["imports".to_owned(), imports],
        ["size".to_owned(), format!("{} bytes", inspection.size)],
        [
            "memory".to_owned(),
            format!("at most {} bytes", inspection.memory_bytes_max),
        ],
        ["digest".to_owned(), format!("sha256:{}", inspection.digest)],
    ];
    table(["", "it loads as a rule"], rows)
}
