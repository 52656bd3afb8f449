//! `claimsmith export`: writes a tenant down as the files that `apply` reads.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::apply::{Kind, State, shapes, write};
use super::remote::{Remote, RemoteOptions};
use super::{CliError, Output, progress};
use crate::rule_host::Limits;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder to write to; made if it is not there
    folder: PathBuf,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: RemoteOptions,
}

/// What stands first in each thing; the rest is in alphabetical order.
const FIRST: [&str; 4] = ["name", "identifier", "client_id", "key"];

pub(super) async fn run(args: Args) -> Result<Output, CliError> {
    let remote = args.remote.connect().await?;
    let shapes = shapes(&remote).await?;
    let progress = progress::step("reading");
    let state = State::read(&remote, &shapes, &progress, |_| true).await?;
    let same = state.same_names();
    if !same.is_empty() {
        return Err(CliError::failure(format!(
            "files know things by name, and these have one together: {}; rename all but one of each",
            same.join("; ")
        )));
    }
    let files = describe(&remote, &state).await?;
    drop(progress);
    let written = store(&args.folder, &files, args.force)?;

    let left = state.left_alone();
    let mut text = format!("{} files in {}", written.len(), args.folder.display());
    for line in &left {
        text.push_str(&format!("\nleft out: {line}"));
    }
    Ok(Output::new(
        json!({ "files": written, "left_out": left }),
        text,
    ))
}

/// A file's name and what is in it.
type Contents = Vec<(PathBuf, Vec<u8>)>;

async fn describe(remote: &Remote, state: &State) -> Result<Contents, CliError> {
    let mut files = Contents::new();
    let (mut codes, mut drafts) = (BTreeSet::new(), BTreeSet::new());
    let mut done = BTreeSet::new();
    for kind in Kind::ALL {
        if !done.insert(kind.file()) {
            continue;
        }
        let mut things: Vec<_> = state
            .things
            .iter()
            .filter(|known| known.kind.file() == kind.file())
            .collect();
        things.sort_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
        let mut section = Vec::new();
        let mut parts = Map::new();
        for known in things {
            let mut members = known.members.clone();
            if known.kind == Kind::Actions
                && let Some(code) = known.code.as_ref().and_then(|code| code.draft.as_ref())
            {
                let name = unused(&plain(&known.key), &mut drafts)?;
                let path = format!("actions/{name}.js");
                members.insert("code".to_owned(), path.as_str().into());
                files.push((path.into(), code.clone().into_bytes()));
            } else if let Some(code) = known.code.as_ref().filter(|_| known.kind == Kind::Rules) {
                let extension = if code.is_script { "js" } else { "wasm" };
                let path = format!("rules/{}.{extension}", unused(&known.key, &mut codes)?);
                let name = utf8_percent_encode(&known.key, NON_ALPHANUMERIC);
                let from = format!("rule-versions/{name}/{}/component", code.version);
                let bytes = remote.bytes(&from, Limits::MOST_COMPONENT_BYTES).await?;
                let member = if code.is_script {
                    "script"
                } else {
                    "component"
                };
                members.insert(member.to_owned(), path.as_str().into());
                files.push((path.into(), bytes));
            }
            match known.kind.part() {
                Some(part) => {
                    // A trigger is a list.
                    let list = members.remove("bindings");
                    let value = list.unwrap_or_else(|| members.into());
                    parts.insert(part.to_owned(), value);
                }
                None if known.kind.is_single() => parts = members,
                None => section.push(Value::from(members)),
            }
        }
        let section = match kind.is_single() {
            true => Value::from(parts),
            false => Value::from(section),
        };
        let document = Map::from_iter([(kind.section().to_owned(), section)]);
        let mut text = "# Written by `claimsmith export`, read by `claimsmith apply`.\n".to_owned();
        write(&document, &FIRST, 0, &mut text);
        files.push((kind.file().into(), text.into_bytes()));
    }
    Ok(files)
}

/// An action may be called anything.
fn plain(action: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ');
    let plain = action.chars().map(|c| if fits(c) { c } else { '-' });
    plain.collect()
}

/// A name for a rule's file: no other rule's, on file systems too that do not tell `A` from `a`. A server is
/// trusted with none that leads elsewhere.
fn unused(rule: &str, codes: &mut BTreeSet<String>) -> Result<String, CliError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if rule.is_empty() || rule.len() > 200 || rule.starts_with('.') || !rule.chars().all(fits) {
        return Err(CliError::invalid(format!(
            "`{}` is no name that can be a file's",
            rule.escape_debug()
        )));
    }
    let mut name = rule.to_owned();
    let mut number = 1;
    while !codes.insert(name.to_lowercase()) {
        number += 1;
        name = format!("{rule}-{number}");
    }
    Ok(name)
}

/// Writes every file whole or not at all, and none if one is there that must not be overwritten.
fn store(folder: &Path, files: &Contents, force: bool) -> Result<Vec<String>, CliError> {
    if !force {
        let there = |name: &&PathBuf| std::fs::symlink_metadata(folder.join(name)).is_ok();
        let there: Vec<String> = files
            .iter()
            .map(|(name, _)| name)
            .filter(there)
            .map(|name| format!("`{}`", folder.join(name).display()))
            .collect();
        if !there.is_empty() {
            return Err(CliError::usage(format!(
                "{} is there already; choose another folder, or say --force",
                there.join(", ")
            )));
        }
    }
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        let failed = |error: std::io::Error| {
            CliError::failure(format!("cannot write `{}`: {error}", path.display()))
        };
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(failed)?;
        let mut new = new_file(parent).map_err(failed)?;
        new.write_all(bytes).map_err(failed)?;
        new.as_file().sync_all().map_err(failed)?;
        new.persist(&path).map_err(|error| failed(error.error))?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

/// There is no secret in what is exported: a file like any other.
#[cfg(unix)]
fn new_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut builder = tempfile::Builder::new();
    builder
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

#[cfg(not(unix))]
fn new_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    tempfile::NamedTempFile::new_in(folder)
}
