//! The command line: one file for each verb.

mod api;
mod apply;
mod check_upload;
mod client;
mod client_credential;
mod client_grant;
mod completion;
mod connection;
mod demo;
mod exit;
mod export;
mod init;
mod input;
mod key;
mod log;
mod login;
mod open;
mod output;
mod progress;
mod protection;
mod refresh_settings;
mod refresh_token;
mod remote;
mod role;
mod rule;
mod serve;
mod style;
mod telemetry;
mod tenant;
mod user;
mod user_permission;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

pub use self::exit::{CliError, ExitCode};
use self::open::OpenOptions;
use self::output::Output;

/// A token server whose tenants decide with WebAssembly rules.
#[derive(Parser)]
#[command(name = "claimsmith", version, about, arg_required_else_help = true)]
#[command(
    after_help = "Start here:\n  claimsmith demo             a server with a tenant, a user and rules, in one step\n  claimsmith init --tenant acme && claimsmith serve\n  claimsmith rule check my-rule.wasm"
)]
struct Cli {
    #[command(flatten)]
    open: OpenOptions,

    /// Print one JSON document instead of text for people
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Make a demo tenant, log its user in over HTTP, show the token and who set what
    Demo(demo::Args),
    /// Make the first tenant and its administrator
    Init(init::Args),
    /// Run the server
    Serve(serve::Args),
    /// Check, run, upload and bind rules
    #[command(subcommand)]
    Rule(rule::Verb),
    /// Make, list and change tenants
    #[command(subcommand)]
    Tenant(tenant::Verb),
    /// Register, list and change clients
    #[command(subcommand)]
    Client(client::Verb),
    /// Grant clients scopes of APIs, list and take back what is granted
    #[command(subcommand)]
    ClientGrant(client_grant::Verb),
    /// Register, list and change APIs
    #[command(subcommand)]
    Api(api::Verb),
    /// Make and list connections
    #[command(subcommand)]
    Connection(connection::Verb),
    /// Make, list, find and block users
    #[command(subcommand)]
    User(user::Verb),
    /// List, rotate and revoke signing keys
    #[command(subcommand)]
    Key(key::Verb),
    /// Show and change how guessing is stopped, list and lift blocks
    #[command(subcommand)]
    Protection(protection::Verb),
    /// Make, list and delete roles, what they hold, and who has them
    #[command(subcommand)]
    Role(role::Verb),
    /// Give users permissions of their own, take them back, list all they hold
    #[command(subcommand)]
    UserPermission(user_permission::Verb),
    /// List and revoke users' refresh tokens
    #[command(subcommand)]
    RefreshToken(refresh_token::Verb),
    /// Get a token of a running server, for the verbs that ask one: `apply`, `export`, `rule push`…
    ///
    /// Example: claimsmith login --server https://acme.example/ --client-id ID
    Login(login::Args),
    /// Make a tenant on a running server what files say it is: print a plan, ask, apply it
    ///
    /// A second run changes nothing. Exit codes: 0 nothing to do or all done, 1 it stopped, 3 a file is not
    /// what it must be, 5 there is something to do (--dry-run).
    ///
    /// Example: claimsmith apply -f acme/ --dry-run
    ///
    /// Example: claimsmith apply -f acme/ --prune --yes --secrets-to secrets.jsonl
    Apply(apply::Args),
    /// Write a tenant of a running server down as the files that `apply` reads, without a secret
    ///
    /// Example: claimsmith export acme/
    Export(export::Args),
    /// Forget a login
    ///
    /// Example: claimsmith logout --profile acme.example
    Logout(login::LogoutArgs),
    /// Print what a shell needs to complete verbs and options
    ///
    /// Example: claimsmith completion bash > /etc/bash_completion.d/claimsmith
    Completion(completion::Args),
    /// Show a tenant's log, newest first
    Log(log::Args),
    /// What a server runs to check an upload
    #[command(hide = true)]
    CheckUpload,
}

/// Runs the command line and returns what to exit with.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() {
                ExitCode::Usage
            } else {
                ExitCode::Success
            };
            // Nobody is left to be told that the terminal is gone.
            drop(error.print());
            return code;
        }
    };
    if let Verb::CheckUpload = cli.verb {
        // Before there is anything that a check needs no memory and no threads for.
        return check_upload::run();
    }
    let json = cli.json;
    match dispatch(cli) {
        Ok(output) => output.print(json),
        Err(error) => error.print(json),
    }
}

fn dispatch(cli: Cli) -> Result<Output, CliError> {
    let (open, json) = (cli.open, cli.json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::failure)?;
    runtime.block_on(async move {
        match cli.verb {
            Verb::Demo(args) => demo::run(args, &open, json).await,
            Verb::Init(args) => init::run(args, &open).await,
            Verb::Serve(args) => serve::run(args, &open).await,
            Verb::Rule(verb) => rule::run(verb, &open, json).await,
            Verb::Tenant(verb) => tenant::run(verb, &open).await,
            Verb::Client(verb) => client::run(verb, &open).await,
            Verb::ClientGrant(verb) => client_grant::run(verb, &open).await,
            Verb::Api(verb) => api::run(verb, &open).await,
            Verb::Connection(verb) => connection::run(verb, &open).await,
            Verb::User(verb) => user::run(verb, &open).await,
            Verb::Key(verb) => key::run(verb, &open).await,
            Verb::Protection(verb) => protection::run(verb, &open).await,
            Verb::Role(verb) => role::run(verb, &open).await,
            Verb::UserPermission(verb) => user_permission::run(verb, &open).await,
            Verb::RefreshToken(verb) => refresh_token::run(verb, &open).await,
            Verb::Apply(args) => apply::run(args, json).await,
            Verb::Export(args) => export::run(args).await,
            Verb::Login(args) => login::login(args).await,
            Verb::Logout(args) => login::logout(&args),
            Verb::Completion(args) => Ok(completion::run(&args)),
            Verb::Log(args) => log::run(args, &open).await,
            Verb::CheckUpload => Ok(Output::silent(check_upload::run())),
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn every_verb_of_rule_shows_an_example() {
        let command = Cli::command();
        let rule = command.find_subcommand("rule").unwrap();
        for verb in rule.get_subcommands() {
            let about = verb.get_long_about().map(ToString::to_string);
            let example = format!("Example: claimsmith rule {} ", verb.get_name());
            assert!(about.unwrap_or_default().contains(&example), "{example}");
        }
    }
}
