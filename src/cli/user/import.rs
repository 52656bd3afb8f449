//! `claimsmith user import`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::PathBuf;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::admin::tenants::FIRST_CONNECTION;
use crate::admin::users::documents::Documents;
use crate::admin::users::import::{self, ImportError, Imported, Problem};
use crate::cli::open::TenantOption;
use crate::cli::output::Output;
use crate::cli::{CliError, ExitCode, progress};
use crate::server::Server;
use crate::tenant::TenantName;

/// Users on their way to the disk at a time: they share its fsyncs.
const AT_ONCE: usize = 64;

/// Failures that are shown; `--report` has all.
const SHOWN: usize = 100;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// A JSON array of users, or one user a line (NDJSON), in the form of Auth0's import
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Overwrite users who have the same e-mail address
    #[arg(long)]
    upsert: bool,
    /// Write what became of each user to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The connection
    #[arg(long, value_name = "NAME", default_value = FIRST_CONNECTION)]
    connection: String,
    #[command(flatten)]
    pub(super) tenant: TenantOption,
}

#[derive(Default)]
struct Summary {
    inserted: u64,
    updated: u64,
    failed: u64,
    shown: Vec<Value>,
}

pub(super) async fn run(
    args: Args,
    server: &Server,
    tenant: &TenantName,
) -> Result<Output, CliError> {
    let open = |error: std::io::Error| {
        CliError::usage(format!("cannot use `{}`: {error}", args.file.display()))
    };
    let documents = Documents::new(BufReader::new(File::open(&args.file).map_err(open)?));
    let mut report = match &args.report {
        Some(path) => Some(BufWriter::new(File::create(path).map_err(|error| {
            CliError::usage(format!("cannot write `{}`: {error}", path.display()))
        })?)),
        None => None,
    };
    let step = progress::step("importing");
    let mut summary = Summary::default();
    let mut cut_short = None;
    let read = documents.map_while(|document| match document {
        Ok(document) => Some(document),
        Err(error) => {
            cut_short = Some(error.to_string());
            None
        }
    });
    let (connection, upsert) = (args.connection.as_str(), args.upsert);
    let mut done = futures_util::stream::iter(read)
        .map(async |text| one(server, tenant, connection, &text, upsert).await)
        .buffered(AT_ONCE);
    let mut number = 0_u64;
    while let Some(outcome) = done.next().await {
        number += 1;
        let line = summary.add(number, outcome?);
        if let Some(report) = &mut report {
            writeln!(report, "{line}").map_err(CliError::failure)?;
        }
        if number.is_multiple_of(100) {
            step.now(&format!("{number} users"));
        }
    }
    drop(done);
    if let Some(mut report) = report {
        report.flush().map_err(CliError::failure)?;
    }
    drop(step);
    if let Some(error) = cut_short {
        summary.failed += 1;
        summary
            .shown
            .push(json!({ "user": number + 1, "errors": [{ "message": error }] }));
    }
    Ok(summary.output(number))
}

/// What became of one user, with what names it.
async fn one(
    server: &Server,
    tenant: &TenantName,
    connection: &str,
    text: &[u8],
    upsert: bool,
) -> Result<(Value, Result<Imported, Problem>), CliError> {
    let document: Value = match serde_json::from_slice(text) {
        Ok(document) => document,
        Err(error) => {
            let problem = Problem {
                code: "INVALID_TYPE",
                message: format!("not JSON: line {}, column {}", error.line(), error.column()),
                path: String::new(),
            };
            return Ok((Value::Null, Err(problem)));
        }
    };
    let name = document.get("email").cloned().unwrap_or_default();
    match import::user(server, tenant, connection, &document, upsert).await {
        Ok(imported) => Ok((name, Ok(imported))),
        Err(ImportError::Refused(problem)) => Ok((name, Err(problem))),
        Err(ImportError::Failed(error)) => Err(error.into()),
    }
}

impl Summary {
    fn add(&mut self, number: u64, (email, outcome): (Value, Result<Imported, Problem>)) -> Value {
        match outcome {
            Ok(imported) => {
                match imported {
                    Imported::Inserted => self.inserted += 1,
                    Imported::Updated => self.updated += 1,
                }
                json!({ "user": number, "email": email, "status": imported })
            }
            Err(problem) => {
                self.failed += 1;
                let line = json!({
                    "user": number, "email": email, "status": "failed", "errors": [problem]
                });
                if self.shown.len() < SHOWN {
                    self.shown.push(line.clone());
                }
                line
            }
        }
    }

    fn output(self, total: u64) -> Output {
        let Self {
            inserted,
            updated,
            failed,
            shown,
        } = self;
        let mut text = format!("{inserted} inserted, {updated} updated, {failed} failed");
        for line in &shown {
            text.push_str(&format!("\n{line}"));
        }
        let summary = json!({
            "total": total, "inserted": inserted, "updated": updated, "failed": failed
        });
        let code = match failed {
            0 => ExitCode::Success,
            _ => ExitCode::Invalid,
        };
        Output::new(json!({ "summary": summary, "errors": shown }), text).with_code(code)
    }
}
