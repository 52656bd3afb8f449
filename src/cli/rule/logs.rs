//! `claimsmith rule logs`: what a rule wrote on a running server, as it writes it.

use std::io::Write as _;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{CliError, Output};
use crate::cli::ExitCode;
use crate::cli::remote::RemoteOptions;
use crate::http::outgoing::Event;

/// How long to wait before asking again: first, and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The rule's name
    name: String,
    /// Wait for more, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Begin with so many of the newest exchanges in which it ran
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=1000))]
    last: u16,
    #[command(flatten)]
    remote: RemoteOptions,
}

/// How a connection came to its end.
enum End {
    /// There is nothing more to come.
    Done,
    /// Ask again: at once, or after a pause and with a word about it.
    Again(Option<String>),
}

pub(super) async fn run(args: Args, json: bool) -> Result<Output, CliError> {
    let mut seen = None;
    let mut pause = PAUSE;
    loop {
        let before = seen.clone();
        let end = follow(&args, &mut seen, json).await;
        if seen != before {
            pause = PAUSE;
        }
        let problem = match end {
            Ok(End::Done) => return Ok(Output::silent(ExitCode::Success)),
            Ok(End::Again(None)) => continue,
            Ok(End::Again(Some(problem))) => problem,
            // What fails at once will fail again; what worked before may have a bad moment.
            Err(error) if seen.is_none() || !args.follow => return Err(error),
            Err(error) => error.to_string(),
        };
        if !args.follow {
            return Err(CliError::failure(problem));
        }
        eprintln!("{problem}; asking again in {} s", pause.as_secs());
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Follows until the server or the connection ends it.
async fn follow(args: &Args, seen: &mut Option<String>, json: bool) -> Result<End, CliError> {
    let remote = args.remote.connect().await?;
    let name = utf8_percent_encode(&args.name, NON_ALPHANUMERIC);
    let path = format!(
        "log-events?rule={name}&last={}&follow={}",
        args.last, args.follow
    );
    let mut events = remote.follow(&path, seen.as_deref()).await?;
    // From here on a broken connection is worth another.
    seen.get_or_insert_default();
    loop {
        match events.next().await {
            Ok(Some(event)) if event.event == "end" => return ended(&event),
            Ok(Some(event)) => {
                show(&event, json)?;
                if !event.id.is_empty() {
                    *seen = Some(event.id);
                }
            }
            Ok(None) => {
                let problem = "the server ended the connection".to_owned();
                return Ok(End::Again(Some(problem)));
            }
            Err(problem) => return Ok(End::Again(Some(problem))),
        }
    }
}

fn ended(event: &Event) -> Result<End, CliError> {
    let document: Value = serde_json::from_str(&event.data).map_err(CliError::failure)?;
    let said = |name: &str| document.get(name).and_then(Value::as_str);
    let message = printable(said("message").unwrap_or_default());
    match said("reason") {
        Some("caught_up") => Ok(End::Done),
        Some("token_expired" | "too_slow") => Ok(End::Again(None)),
        Some("forbidden") => Err(CliError::failure(message)),
        _ => Ok(End::Again(Some(message))),
    }
}

/// One exchange: a line about it, and the lines of the rule.
fn show(event: &Event, json: bool) -> Result<(), CliError> {
    let text = match json {
        true => format!("{}\n", event.data),
        false => {
            let document: Value = serde_json::from_str(&event.data).map_err(CliError::failure)?;
            in_words(&document)
        }
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(CliError::failure)
}

fn in_words(document: &Value) -> String {
    let date = document.pointer("/data/date").and_then(Value::as_str);
    let mut text = String::new();
    let rules = document.get("rules").and_then(Value::as_array);
    for rule in rules.into_iter().flatten() {
        let number = |name: &str| rule.get(name).and_then(Value::as_u64).unwrap_or_default();
        let word = |pointer: &str| rule.pointer(pointer).and_then(Value::as_str);
        text.push_str(&format!(
            "{}  {}  {}@{}  {} µs  fuel {}\n",
            printable(date.unwrap_or_default()),
            outcome(rule),
            printable(word("/rule").unwrap_or_default()),
            number("version"),
            number("duration_us"),
            number("fuel"),
        ));
        if let Some(detail) = word("/outcome/detail").or(word("/outcome/description")) {
            text.push_str(&format!("    {}\n", printable(detail)));
        }
        let lines = rule.get("logs").and_then(Value::as_array);
        for line in lines.into_iter().flatten() {
            let word = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
            text.push_str(&format!(
                "    {:5}  {}\n",
                printable(word("level")),
                printable(word("message"))
            ));
        }
        if number("logs_dropped") > 0 {
            text.push_str(&format!(
                "    … and {} lines more\n",
                number("logs_dropped")
            ));
        }
    }
    text
}

fn outcome(rule: &Value) -> String {
    let word = |pointer: &str| rule.pointer(pointer).and_then(Value::as_str);
    let kind = printable(word("/outcome/kind").unwrap_or_default());
    match word("/outcome/fault") {
        Some(fault) => format!("{kind} ({})", printable(fault)),
        None => kind,
    }
}

/// A server is not trusted with the terminal.
fn printable(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => plain.extend(c.escape_debug()),
            false => plain.push(c),
        }
    }
    plain
}
