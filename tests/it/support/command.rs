//! The command as a process: run to its end, or serving until it is killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A data directory of a test's own, and the command on it.
pub(crate) struct Cli {
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cli {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claimsmith"));
        command
            .args(arguments)
            .args([
                "--data",
                self.data().to_str().unwrap(),
                "--reserve-mib",
                "0",
            ])
            // The cheapest that Argon2 allows: these tests are about everything else.
            .args(["--argon2-memory-kib", "8", "--argon2-passes", "1"])
            .env("XDG_CACHE_HOME", super::compiled())
            .env_remove("CLAIMSMITH_DATA")
            .env_remove("CLAIMSMITH_MASTER_KEY")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(arguments).output().unwrap())
    }

    /// Runs it with `--json`, and takes the document.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(done.code, 0, "{}", done.stderr);
        serde_json::from_str(&done.stdout).unwrap()
    }

    pub(crate) fn with_input(&self, arguments: &[&str], input: &str) -> Done {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        Done::of(child.wait_with_output().unwrap())
    }

    /// Serves on a port of its own.
    pub(crate) fn serve(&self) -> Serving {
        Serving::start(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A server that is killed, with SIGKILL, when it is dropped: at the end of its test at the latest.
pub(crate) struct Serving {
    child: Child,
    address: String,
    metrics: String,
}

impl Serving {
    /// Waits until it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut serving = Self {
            child,
            address: String::new(),
            metrics: String::new(),
        };
        let mut lines = log.lines().map(Result::unwrap);
        let listening = lines.find(|line| {
            let document: Value = serde_json::from_str(line).unwrap();
            if let Some(address) = document["metrics_address"].as_str() {
                address.clone_into(&mut serving.metrics);
            }
            line.contains("listening")
        });
        let listening: Value = serde_json::from_str(&listening.expect("it listens")).unwrap();
        listening["address"]
            .as_str()
            .unwrap()
            .clone_into(&mut serving.address);
        // A full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        serving
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// On the operator's listener, if it has one.
    pub(crate) fn metrics_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.metrics)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
