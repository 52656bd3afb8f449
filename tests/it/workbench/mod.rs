//! The rule workbench, as an author without a server uses it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

mod bad_input;
mod cases;
mod check;
mod fetches;
mod fuzz;
mod measure;
mod new;
mod replay;
mod run;
mod watch;

/// A folder of a test's own, and the command in it.
struct Bench {
    folder: tempfile::TempDir,
}

struct Done {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders it is in.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claimsmith"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", crate::support::compiled())
            .env_remove("CLAIMSMITH_DATA")
            .env_remove("CLAIMSMITH_MASTER_KEY")
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(arguments).output().unwrap())
    }

    /// Runs it with `--json`, and takes the document, whatever the exit code.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let done = self.run(&[arguments, &["--json"]].concat());
        let document = serde_json::from_str(&done.stdout);
        (
            done.code,
            document.unwrap_or_else(|e| panic!("{e}: {}{}", done.stdout, done.stderr)),
        )
    }
}

impl Done {
    fn of(output: std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A file or folder of `rules/`.
fn shipped(path: &str) -> String {
    format!("{}/rules/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Copies a shipped rule's component and manifest into a folder of the test's own.
fn copy_rule(bench: &Bench, rule: &str) {
    for file in ["rule.wasm", "rule.toml"] {
        let from = shipped(&format!("{rule}/{file}"));
        bench.write(
            &format!("{rule}/{file}"),
            std::fs::read(Path::new(&from)).unwrap(),
        );
    }
}
