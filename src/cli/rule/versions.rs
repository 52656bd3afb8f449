//! `claimsmith rule push, deploy, rollback, diff, versions`: a rule's versions on a running server.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use similar::TextDiff;

use super::load::Source;
use super::{CliError, OpenOptions, Output};
use crate::admin::rules;
use crate::cli::ExitCode;
use crate::cli::open::TenantOption;
use crate::cli::output::table;
use crate::cli::remote::{Remote, RemoteOptions};
use crate::cli::style::{GREEN, RED, paint};
use crate::rule_host::Limits;

#[derive(Subcommand)]
pub(in crate::cli) enum Verb {
    /// Upload a rule to a running server as its next version; with --deploy, put it to use
    ///
    /// Example: claimsmith rule push my-rule/ --note "asks for the region" --deploy
    Push {
        /// The folder of a rule, a component, or a source in JavaScript
        path: PathBuf,
        /// The rule's name; that of the folder or the file if not said
        #[arg(long)]
        name: Option<String>,
        /// What is new, for those who read the list of versions
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// The manifest; `rule.toml` beside the component if not said
        #[arg(long, value_name = "FILE")]
        manifest: Option<PathBuf>,
        /// Put the version to use
        #[arg(long)]
        deploy: bool,
        #[command(flatten)]
        remote: RemoteOptions,
    },
    /// Put a version of a rule to use on a running server
    ///
    /// Example: claimsmith rule deploy my-rule@3
    Deploy {
        /// The rule's name, and which version: a number, or a digest; the newest if not said
        #[arg(value_name = "NAME[@VERSION]")]
        rule: String,
        #[command(flatten)]
        remote: RemoteOptions,
    },
    /// Go back to the version of a rule that ran before, on a running server
    ///
    /// Example: claimsmith rule rollback my-rule
    Rollback {
        /// The rule's name
        name: String,
        #[command(flatten)]
        remote: RemoteOptions,
    },
    /// Say what differs between two versions of a rule, or between what runs on a server and a local file
    ///
    /// Exit codes: 0 nothing differs, 5 something does.
    ///
    /// Example: claimsmith rule diff my-rule 2 3
    ///
    /// Example: claimsmith rule diff my-rule my-rule/
    Diff {
        /// The rule's name
        name: String,
        /// A version; or, alone, a local folder or file
        #[arg(value_name = "VERSION|PATH")]
        from: String,
        /// The other version
        #[arg(value_name = "VERSION")]
        to: Option<String>,
        #[command(flatten)]
        remote: RemoteOptions,
    },
    /// List the versions of a rule, in a data directory or on a running server
    ///
    /// Example: claimsmith rule versions email-allow-list
    Versions {
        /// The rule's name
        name: String,
        #[command(flatten)]
        tenant: TenantOption,
        #[command(flatten)]
        remote: RemoteOptions,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    match verb {
        Verb::Push {
            path,
            name,
            note,
            manifest,
            deploy,
            remote,
        } => {
            let source = Source::read(&path, manifest.as_deref())?;
            let name = name.unwrap_or_else(|| source.name.clone());
            let body = upload(&source, note)?;
            push(&remote.connect().await?, &name, &body, deploy).await
        }
        Verb::Deploy { rule, remote } => {
            let remote = remote.connect().await?;
            let (name, version) = match rule.split_once('@') {
                Some((name, version)) => (name.to_owned(), version.to_owned()),
                None => (rule.clone(), newest(&remote, &rule).await?),
            };
            deployed(&deploy(&remote, &name, &version).await?, "runs")
        }
        Verb::Rollback { name, remote } => {
            let path = format!("rule-versions/{}/rollback", escaped(&name));
            let rule = remote
                .connect()
                .await?
                .send(Method::POST, &path, None)
                .await?;
            deployed(&rule, "runs again")
        }
        Verb::Diff {
            name,
            from,
            to: Some(to),
            remote,
        } => {
            let [from, to] = [from, to].map(|version| escaped(&version));
            let path = format!("rule-versions/{}/{from}/diff/{to}", escaped(&name));
            let found = remote.connect().await?.get(&path).await?;
            difference(&found)
        }
        Verb::Diff {
            name, from, remote, ..
        } => {
            let path = Path::new(&from);
            if !path.exists() {
                return Err(CliError::usage(format!(
                    "`{}` is no file; say two versions, or a file to compare with what runs",
                    path.display()
                )));
            }
            let source = Source::read(path, None)?;
            with_local(&remote.connect().await?, &name, &source).await
        }
        Verb::Versions {
            name,
            tenant,
            remote,
        } => {
            let versions = match remote.is_given() {
                true => of_server(&remote.connect().await?, &name).await?,
                false => {
                    let server = open.open_existing().await?;
                    let tenant = tenant.resolve(&server).await?;
                    let versions = rules::versions::list(&server, &tenant.name, &name).await?;
                    let read = |version| serde_json::to_value(version).map_err(CliError::failure);
                    versions.into_iter().map(read).collect::<Result<_, _>>()?
                }
            };
            let rows: Vec<[String; 6]> = versions.iter().map(row).collect();
            Ok(Output::new(versions, table(HEADER, rows)))
        }
    }
}

const HEADER: [&str; 6] = ["VERSION", "UPLOADED", "BYTES", "SHA-256", "AUTHOR", "NOTE"];

fn row(version: &Value) -> [String; 6] {
    ["version", "uploaded_at", "size", "digest", "author", "note"].map(|name| {
        match version.get(name) {
            None | Some(Value::Null) => "-".to_owned(),
            Some(Value::String(text)) => text.escape_debug().to_string(),
            Some(other) => other.to_string(),
        }
    })
}

fn escaped(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

async fn of_server(remote: &Remote, name: &str) -> Result<Vec<Value>, CliError> {
    let path = format!("rule-versions/{}", escaped(name));
    remote.list(&path, "versions").await
}

/// The number of the newest version.
async fn newest(remote: &Remote, name: &str) -> Result<String, CliError> {
    let versions = of_server(remote, name).await?;
    let number = versions.last().and_then(|version| version.get("version"));
    let number = number.and_then(Value::as_u64);
    let missing = || CliError::failure("the server's answer has no `version`");
    number.map(|number| number.to_string()).ok_or_else(missing)
}

/// The body of an upload: a component, or a script, which a component's first bytes are not.
fn upload(source: &Source, note: Option<String>) -> Result<Value, CliError> {
    let mut body = Map::new();
    match script(&source.component) {
        Some(script) => body.insert("script".to_owned(), script.into()),
        None => body.insert(
            "component".to_owned(),
            STANDARD.encode(&source.component).into(),
        ),
    };
    if let Some(manifest) = &source.manifest {
        let manifest = serde_json::to_value(&**manifest).map_err(CliError::failure)?;
        body.insert("manifest".to_owned(), manifest);
    }
    body.extend(note.map(|note| ("note".to_owned(), note.into())));
    Ok(body.into())
}

fn script(code: &[u8]) -> Option<&str> {
    let script = std::str::from_utf8(code).ok();
    script.filter(|_| !code.starts_with(b"\0asm"))
}

async fn push(
    remote: &Remote,
    name: &str,
    body: &Value,
    and_deploy: bool,
) -> Result<Output, CliError> {
    let path = format!("rule-versions/{}", escaped(name));
    let version = remote.send(Method::POST, &path, Some(body)).await?;
    let number = version.get("version").and_then(Value::as_u64).unwrap_or(0);
    let mut text = format!("{}@{number} is uploaded", name.escape_debug());
    let mut document = json!({ "version": version });
    if and_deploy {
        let rule = deploy(remote, name, &number.to_string()).await?;
        text.push_str(" and runs");
        if let Value::Object(members) = &mut document {
            members.insert("rule".to_owned(), rule);
        }
    }
    Ok(Output::new(document, text))
}

async fn deploy(remote: &Remote, name: &str, version: &str) -> Result<Value, CliError> {
    let [name, version] = [name, version].map(escaped);
    let path = format!("rule-versions/{name}/{version}/deploy");
    remote.send(Method::POST, &path, Some(&json!({}))).await
}

fn deployed(rule: &Value, what: &str) -> Result<Output, CliError> {
    let name = rule.get("name").and_then(Value::as_str).unwrap_or_default();
    let version = rule.get("version").and_then(Value::as_u64).unwrap_or(0);
    let text = format!("{}@{version} {what}", name.escape_debug());
    Ok(Output::new(rule, text))
}

/// What the server found between two versions.
fn difference(found: &Value) -> Result<Output, CliError> {
    let mut text = String::new();
    if let Some(source) = found.get("source").and_then(Value::as_str) {
        text.push_str(source);
    }
    for name in ["component", "manifest"] {
        match found.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Array(members)) if members.is_empty() => {}
            Some(value) => text.push_str(&format!("{name}: {value:#}\n")),
        }
    }
    let same = found.get("same") == Some(&Value::Bool(true));
    Ok(judged(found.clone(), &text, same))
}

fn judged(document: Value, text: &str, same: bool) -> Output {
    match same {
        true => Output::new(document, "nothing differs"),
        false => Output::new(document, coloured(text)).with_code(ExitCode::WouldChange),
    }
}

/// What runs, and a local file in its place.
async fn with_local(remote: &Remote, name: &str, source: &Source) -> Result<Output, CliError> {
    let all = remote.list("rules", "rules").await?;
    let named = |rule: &&Value| rule.get("name").and_then(Value::as_str) == Some(name);
    let rule = all.iter().find(named).ok_or_else(|| {
        let name = name.escape_debug();
        CliError::usage(format!("the server runs no rule `{name}`"))
    })?;
    let number = rule.get("version").and_then(Value::as_u64).unwrap_or(0);
    let version = format!("rule-versions/{}/{number}", escaped(name));
    let known = remote.get(&version).await?;
    let most = Limits::MOST_COMPONENT_BYTES;
    let code = remote.bytes(&format!("{version}/component"), most).await?;

    let (there, here) = (
        format!("{name}@{number}"),
        source.path.display().to_string(),
    );
    let mut text = String::new();
    match (script(&code), script(&source.component)) {
        (Some(old), Some(new)) => {
            let differences = TextDiff::from_lines(old, new);
            let unified = differences.unified_diff().header(&there, &here).to_string();
            text.push_str(&unified);
        }
        _ if code == source.component => {}
        _ => text.push_str(&format!(
            "{there} has {} bytes, {here} has {}, and they are not the same\n",
            code.len(),
            source.component.len()
        )),
    }
    let manifest = source.manifest.as_deref();
    let manifest = serde_json::to_value(manifest).map_err(CliError::failure)?;
    let of_server = known.get("manifest").cloned().unwrap_or_default();
    if manifest != of_server {
        text.push_str(&format!(
            "manifest of {there}: {of_server:#}\nof {here}: {manifest:#}\n"
        ));
    }
    let same = code == source.component && manifest == of_server;
    let document = json!({ "from": known, "to": here, "same": same, "text": text });
    Ok(judged(document, &text, same))
}

/// What goes in red, what comes in green; safe for a terminal.
fn coloured(unified: &str) -> String {
    let mut text = String::new();
    for line in unified.lines() {
        let shown: String = line
            .chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect();
        let shown = match line.chars().next() {
            Some('-') => paint(RED, &shown),
            Some('+') => paint(GREEN, &shown),
            _ => shown,
        };
        text.push_str(&shown);
        text.push('\n');
    }
    text
}
