//! `claimsmith completion`: what a shell needs to complete verbs and options.

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::Value;

use super::{Cli, Output};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Output {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "claimsmith", &mut script);
    Output::new(Value::Null, String::from_utf8_lossy(&script))
}
