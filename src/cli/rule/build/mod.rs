//! `claimsmith rule build`: runs the toolchain of the rule's language, and wraps what it makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use wit_component::ComponentEncoder;

use super::check::describe;
use super::load::{COMPONENT, SCRIPT, Source};
use super::{CliError, Output, engine};
use crate::rule_host::printable;

mod c;
mod python;
mod rust;
mod typescript;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The rule's folder
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Output, CliError> {
    let component = build(&args.folder)?;
    let source = Source::read(&component, None)?;
    let host = engine()?;
    let inspected = host.inspect(&source.component);
    let inspection = inspected.map_err(|error| source.invalid(&error))?;
    let shown = describe(&inspection, source.manifest.as_deref(), host.limits());
    let text = format!("built {}\n{shown}", component.display());
    let document = json!({ "component": component, "inspection": inspection });
    Ok(Output::new(document, text))
}

/// Builds the rule in a folder, and says where its component is, or its source in JavaScript.
pub(super) fn build(folder: &Path) -> Result<PathBuf, CliError> {
    let (component, script) = (folder.join(COMPONENT), folder.join(SCRIPT));
    if folder.join(typescript::SOURCE).is_file() {
        return typescript::build(folder).map(|()| script);
    }
    if script.is_file() {
        // It is compiled where it runs.
        return Ok(script);
    }
    // Nobody else can know its name, and it goes with its folder.
    let scratch = tempfile::tempdir().map_err(CliError::failure)?;
    let made = scratch.path().join(COMPONENT);
    let bytes = if folder.join(rust::SOURCE).is_file() {
        wrap(&rust::build(folder)?)?
    } else if folder.join(c::SOURCE).is_file() {
        c::build(folder, &made)?;
        wrap(&made)?
    } else if folder.join(python::SOURCE).is_file() {
        python::build(folder, &made)?;
        read(&made)?
    } else {
        return Err(CliError::usage(format!(
            "`{}` has nothing to build: a rule in Rust has a `Cargo.toml`, one in TypeScript a `src/rule.ts`, one in C a `src/rule.c`, one in Python a `src/app.py`",
            folder.display()
        )));
    };
    std::fs::write(&component, bytes).map_err(|error| {
        CliError::failure(format!("cannot write `{}`: {error}", component.display()))
    })?;
    Ok(component)
}

/// From a core module, which carries the types of its world, to a component.
fn wrap(core: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = read(core)?;
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| {
        let cause = format!("{error:#}");
        if cause.contains("wasi_snapshot_preview1") {
            return CliError::invalid(
                "the rule uses WASI (printf, files, the clock), of which it has none: write to the log and take the time from the exchange",
            );
        }
        CliError::invalid(format!(
            "`{}` does not become a component: {}",
            core.display(),
            printable(&cause, 500)
        ))
    })
}

/// What a compiler made.
fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path)
        .map_err(|error| CliError::failure(format!("cannot read `{}`: {error}", path.display())))
}

/// The first of these programs that is on the path.
fn found(programs: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    programs.iter().find_map(|program| {
        let places = folders.iter().map(|folder| folder.join(program));
        places.into_iter().find(|place| place.is_file())
    })
}

/// The folder as the compiler finds it from within.
fn whole(folder: &Path) -> Result<PathBuf, CliError> {
    folder
        .canonicalize()
        .map_err(|error| CliError::usage(format!("cannot read `{}`: {error}", folder.display())))
}

/// Runs a compiler, whose complaints go where the author sees them.
fn finish(command: &mut Command, folder: &Path, name: &str) -> Result<(), CliError> {
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(CliError::failure(format!(
            "{name} could not build `{}`; it says why above",
            folder.display()
        ))),
        Err(error) => Err(CliError::failure(format!("cannot run {name}: {error}"))),
    }
}
