//! The command line against a running server: a real server, and the real command as another process.

mod apply;
mod apply_actions;
mod apply_refused;
mod apply_rules;
mod export;
mod login;
mod meanwhile;
mod rules;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::app::App;
use crate::support::manager::Manager;

/// A user of a machine, with a folder to work in and a configuration of its own.
struct Person {
    folder: tempfile::TempDir,
    server: String,
    client: Option<(String, String)>,
    environment: Vec<(String, String)>,
}

struct Done {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Person {
    /// Who knows a server, and no client of it.
    fn at(app: &App) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            server: app.issuer.clone(),
            client: None,
            environment: Vec::new(),
        }
    }

    /// Who has a client's secret in the environment, as CI has.
    fn who_is(app: &App, manager: &Manager<'_>) -> Self {
        Self {
            client: Some((manager.client_id.clone(), manager.secret.clone())),
            ..Self::at(app)
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claimsmith"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("HOME", self.path("home"))
            .stdin(Stdio::null());
        for name in [
            "SERVER",
            "PROFILE",
            "CLIENT_ID",
            "CLIENT_SECRET",
            "PRIVATE_KEY",
            "CA",
        ] {
            command.env_remove(format!("CLAIMSMITH_{name}"));
        }
        if let Some((client_id, secret)) = &self.client {
            command
                .env("CLAIMSMITH_SERVER", &self.server)
                .env("CLAIMSMITH_CLIENT_ID", client_id)
                .env("CLAIMSMITH_CLIENT_SECRET", secret);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The server of a test runs on the test's own thread, which must not wait for the command.
    async fn run(&self, arguments: &[&str]) -> Done {
        let mut command = self.command(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        Done {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it with `--json`, and takes the document if it ends with this code.
    async fn json(&self, arguments: &[&str], code: i32) -> Value {
        let done = self.run(&[arguments, &["--json"]].concat()).await;
        assert_eq!(done.code, code, "{}{}", done.stdout, done.stderr);
        serde_json::from_str(&done.stdout).unwrap()
    }

    /// `create clients Till`, one for each step of a plan.
    async fn steps(&self, arguments: &[&str], code: i32) -> Vec<String> {
        let plan = self.json(arguments, code).await;
        let steps = plan["steps"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        steps
            .map(|step| {
                let parts = [&step["action"], &step["section"], &step["name"]];
                parts.map(text).join(" ").trim_end().to_owned()
            })
            .collect()
    }
}
