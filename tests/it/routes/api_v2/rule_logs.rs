//! `claimsmith rule logs`, against a server that runs, stops and comes again.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use claimsmith::http::accept::{self, ConnectionLimits};
use claimsmith::rule_host::OnFault;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::support::app::App;

const SOURCE: &str = "function (user, context, callback) { console.log('seen', user.name, '\\u001b[31m'); callback(null, user, context); }";

/// A front door of the app's server at an address, until it is told to stop.
async fn open(
    app: &App,
    address: &str,
) -> (
    SocketAddr,
    oneshot::Sender<()>,
    tokio::task::JoinHandle<std::io::Result<()>>,
) {
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let router = claimsmith::http::router(Arc::clone(&app.server));
    let served = tokio::spawn(accept::serve(
        listener,
        router,
        ConnectionLimits::default(),
        async { drop(stopped.await) },
    ));
    (address, stop, served)
}

fn logs(app: &App, address: SocketAddr, further: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claimsmith"));
    command
        .args(["rule", "logs", "mine", "--server"])
        .arg(format!("http://{address}/"))
        .args(["--client-id", &app.client_id])
        .args(further)
        .env("CLAIMSMITH_CLIENT_SECRET", &app.client_secret)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A command that goes on, and what it prints. It ends with its test.
struct Following {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Following {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || errors.lines().for_each(drop));
        let (send, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in out.lines() {
                let _ = send.send(line.unwrap());
            }
        });
        Self { child, lines }
    }

    /// The next exchange's `log_id`.
    async fn next(&mut self) -> String {
        let within = std::time::Duration::from_secs(60);
        let line = tokio::time::timeout(within, self.lines.recv()).await;
        let line = line.expect("a line comes").expect("it goes on");
        let document: Value = serde_json::from_str(&line).unwrap();
        document["log_id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_s_lines_are_followed_across_a_restart_of_the_server() {
    let app = App::start_with(|config| {
        config.limits.deadline = std::time::Duration::from_secs(60);
    })
    .await;
    app.bind_rule("mine", SOURCE.into(), OnFault::Deny).await;
    app.bind_rule("theirs", SOURCE.into(), OnFault::Deny).await;
    app.grant_client_management(&["read:logs", "read:exchanges"])
        .await;
    let (address, stop, served) = open(&app, "127.0.0.1:0").await;
    let login = async || {
        app.later(1);
        assert_eq!(app.request().send().await.status, 200);
        let newest = claimsmith::log::newest(&app.server.records, &app.tenant, 1);
        newest.await.unwrap()[0].log_id.clone()
    };
    let first = login().await;

    let once = logs(&app, address, &[]);
    let once = tokio::task::spawn_blocking(move || {
        let mut once = once;
        once.output().unwrap()
    });
    let once = once.await.unwrap();
    let text = String::from_utf8(once.stdout).unwrap();
    assert_eq!(once.status.code(), Some(0), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "one exchange, one rule, one line: {text}");
    assert!(
        lines[0].starts_with("2026-11-23T12:00:01.000Z  allowed  mine@1  "),
        "{text}"
    );
    assert!(lines[1].contains("info   seen Ada Lovelace"), "{text}");
    assert!(
        !text.contains('\u{1b}'),
        "a rule does not speak to the terminal"
    );

    let mut following = Following::start(logs(&app, address, &["-f", "--json"]));
    assert_eq!(following.next().await, first);
    let second = login().await;
    assert_eq!(following.next().await, second);
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
    // Nobody is there to tell of this one.
    let third = login().await;
    let (_, _stop, _) = open(&app, &address.to_string()).await;
    assert_eq!(following.next().await, third);
    let fourth = login().await;
    assert_eq!(following.next().await, fourth);
}

#[tokio::test]
async fn who_may_not_read_what_rules_wrote_is_told_so() {
    let app = App::start().await;
    app.grant_client_management(&["read:logs"]).await;
    let (address, _stop, _) = open(&app, "127.0.0.1:0").await;
    let refused = logs(&app, address, &["-f"]);
    let refused = tokio::task::spawn_blocking(move || {
        let mut refused = refused;
        refused.output().unwrap()
    });
    let refused = refused.await.unwrap();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{text}");
    assert!(text.contains("read:exchanges"), "{text}");
}
