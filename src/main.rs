//! The `claimsmith` command.

fn main() -> std::process::ExitCode {
    claimsmith::cli::run(std::env::args_os()).into()
}
