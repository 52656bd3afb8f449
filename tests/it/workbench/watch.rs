//! `--watch`: again at every change.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::Bench;

/// A command that watches, and the lines that it prints.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let mut command = bench.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Reads until a line begins like this.
    #[track_caller]
    fn until(&self, beginning: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(120)).unwrap();
            if line.starts_with(beginning) {
                return line;
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn cases_run_again_when_a_rule_changes_and_a_mistake_does_not_end_it() {
    let bench = Bench::new();
    bench.run(&["rule", "new", "seen", "--lang", "action"]);
    let watching = Watching::start(&bench, &["rule", "test", "seen", "--watch"]);
    assert!(watching.until("result: ").contains("ok. 2 passed"));
    let good = std::fs::read_to_string(bench.path("seen/rule.js")).unwrap();
    bench.write("seen/rule.js", good.replace("roles\", roles", "roles\", 1"));
    assert!(watching.until("result: ").contains("0 passed; 2 failed"));
    bench.write("seen/rule.js", "exports.onExecutePostLogin = (");
    bench.write("seen/rule.js", good);
    loop {
        if watching.until("result: ").contains("ok. 2 passed") {
            break;
        }
    }
}

#[test]
fn recordings_are_replayed_again_at_every_build_of_the_new_version() {
    let bench = Bench::new();
    let claim = |name: &str| {
        format!(
            "exports.onExecutePostLogin = async (event, api) => api.idToken.setCustomClaim(\"https://acme.example/{name}\", 1);"
        )
    };
    let recorded = serde_json::json!({
        "format": 1, "at": 0, "output": null,
        "exchange": {"id": "1", "user": {"id": "auth0|1"}, "draft": {"id_claims": {"sub": "auth0|1"}}},
        "rules": [{"rule": "new", "version": 1, "on_fault": "deny"}]
    });
    bench.write("pulled/exchanges/1.json", recorded.to_string());
    bench.write("pulled/rules/new@1/rule.wasm", claim("a"));
    bench.write("new/rule.js", claim("a"));
    let arguments = ["rule", "replay", "pulled", "--rule", "new", "--watch"];
    let watching = Watching::start(&bench, &arguments);
    assert_eq!(watching.until("0 would"), "0 would change");
    bench.write("new/rule.js", claim("other"));
    watching.until("1 would change");
    assert_eq!(
        watching.until("  claim gained"),
        "  claim gained: https://acme.example/other (1 times)"
    );
}
