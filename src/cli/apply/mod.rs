//! `claimsmith apply`: makes a tenant what files say it is.

mod actions;
mod carry_out;
mod files;
mod kind;
mod order;
mod plan;
mod shape;
mod show;
mod state;
mod yaml;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use self::carry_out::{Run, SecretsFile};
use self::files::Files;
pub(super) use self::kind::{Kind, Shapes};
use self::plan::{Options, Plan};
pub(super) use self::state::State;
pub(super) use self::yaml::write;
use super::exit::ExitCode;
use super::progress;
use super::remote::{Remote, RemoteOptions};
use super::{CliError, Output};

#[derive(clap::Args)]
pub(super) struct Args {
    /// A folder, of which every `*.yaml` is read, or one file
    #[arg(short = 'f', long = "file", value_name = "DIR|FILE")]
    file: PathBuf,
    /// Print what would be done, and do nothing; exit with 5 if there is something
    #[arg(long, visible_alias = "plan-only")]
    dry_run: bool,
    /// Delete what is on the server and in no file, in the sections that stand in some file
    #[arg(long)]
    prune: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
    /// Set values for rules that are there again: nobody can see whether they are still the same
    #[arg(long)]
    set_configs: bool,
    /// A new file for the secrets that the server makes for new clients, a line of JSON for each; they are
    /// shown nowhere else
    #[arg(long, value_name = "FILE")]
    secrets_to: Option<PathBuf>,
    #[command(flatten)]
    remote: RemoteOptions,
}

/// What the server says a file may hold.
pub(super) async fn shapes(remote: &Remote) -> Result<Shapes, CliError> {
    let document = remote.get("openapi.json").await?;
    Shapes::of(&document).ok_or_else(|| {
        CliError::failure("the server's openapi.json does not describe what this command knows; use one of its version")
    })
}

pub(super) async fn run(args: Args, json: bool) -> Result<Output, CliError> {
    let remote = args.remote.connect().await?;
    let shapes = shapes(&remote).await?;
    let mut files = Files::read(&args.file, &shapes)?;
    std::mem::take(&mut files.problems).into_result()?;

    let progress = progress::step("reading");
    // Who describes rules needs no right to read roles. What others name is needed by all.
    let is_wanted = |kind: Kind| {
        let described = |kind: Kind| files.sections.contains(&kind.section());
        described(kind)
            || matches!(kind, Kind::ResourceServers | Kind::Databases)
            || kind == Kind::Actions && described(Kind::PostLogin)
    };
    let state = State::read(&remote, &shapes, &progress, is_wanted).await?;
    drop(progress);
    let options = Options {
        prune: args.prune,
        set_configs: args.set_configs,
    };
    let mut problems = files::Problems::default();
    let plan = Plan::of(&files, &state, &shapes, &options, &mut problems);
    problems.into_result()?;

    let issuer = remote.issuer().to_owned();
    if args.dry_run || plan.steps.is_empty() {
        let code = match plan.steps.is_empty() {
            true => ExitCode::Success,
            false => ExitCode::WouldChange,
        };
        let output = Output::new(
            show::document(&plan, &issuer, None),
            show::text(&plan, &issuer),
        );
        return Ok(output.with_code(code));
    }
    if !args.yes {
        confirm(&show::text(&plan, &issuer), json)?;
    }
    let secrets = args.secrets_to.as_deref().map(SecretsFile::create);
    let run = Run::new(&remote, &shapes, state, secrets.transpose()?);
    let outcome = run.all(&plan.steps).await;
    let mut text = show::outcome_text(&plan, &outcome);
    if args.yes {
        text = format!("{}\n{text}", show::text(&plan, &issuer));
    }
    let code = match outcome.failure {
        None => ExitCode::Success,
        Some(_) => ExitCode::Failure,
    };
    let document = show::document(&plan, &issuer, Some(&outcome));
    Ok(Output::new(document, text).with_code(code))
}

/// Shows the plan and asks whoever sits at the terminal.
fn confirm(plan: &str, json: bool) -> Result<(), CliError> {
    if json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(CliError::usage(
            "nobody is there to say yes: --yes applies without asking, --dry-run shows what it would do",
        ));
    }
    let mut terminal = anstream::stderr();
    write!(terminal, "{plan}\nApply? [y/N] ").map_err(CliError::failure)?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(CliError::failure)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CliError::failure("nothing was done")),
    }
}
