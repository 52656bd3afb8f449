//! Uploads are checked in a child process before anything of them is kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use claimsmith::rule_host::OnFault;
use serde_json::{Value, json};

use crate::rule_host::guest::{component, guest, text};
use crate::support::app::{Answer, App};
use crate::support::manager::Manager;

/// A folder with a program in it that a server takes for its own.
struct Stage(tempfile::TempDir);

impl Stage {
    /// `name` is one of the scripts beside this file.
    fn playing(name: &str) -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        stage.play(&script(name));
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self) -> PathBuf {
        self.path("claimsmith")
    }

    fn play(&self, program: &Path) {
        let next = self.path("next");
        std::os::unix::fs::symlink(program, &next).unwrap();
        std::fs::rename(next, self.program()).unwrap();
    }

    async fn server(&self) -> App {
        let program = self.program();
        App::start_with(|config| config.uploads.program = Some(program)).await
    }
}

fn script(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/routes/api_v2/checks");
    here.join(name)
}

fn real() -> PathBuf {
    env!("CARGO_BIN_EXE_claimsmith").into()
}

/// As many functions as admission lets through: the slowest of its size that is known.
fn bomb() -> Vec<u8> {
    let functions = "(func (param i32) (result i32) (local.get 0))".repeat(19_000);
    component(&text("empty").replacen("(memory", &format!("{functions}(memory"), 1))
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

async fn upload(manager: &Manager<'_>, component: &[u8]) -> Answer {
    let body = json!({ "component": base64(component) });
    manager.post("/rule-versions/r", &body).await
}

fn faults(answer: &Answer) -> &Vec<Value> {
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.body["errorCode"], "invalid_body");
    answer.body["faults"].as_array().unwrap()
}

async fn nothing_is_kept(manager: &Manager<'_>) {
    let versions = manager.get("/rule-versions/r").await;
    assert_eq!(versions.status, 404, "{versions:?}");
    assert_eq!(manager.get("/rules").await.document(200), json!([]));
}

#[tokio::test]
async fn what_takes_too_long_is_stopped_while_the_server_goes_on() {
    let compiled = tempfile::tempdir().unwrap();
    let app = App::start_with(|config| {
        config.uploads.usual.time = Duration::from_millis(250);
        config.compiled = compiled.path().to_owned();
    })
    .await;
    let manager = app.manager().await;
    let bomb = bomb();
    let meanwhile = async {
        let mut logins = 0;
        for _ in 0..5 {
            logins += usize::from(app.request().send().await.status == 200);
        }
        logins
    };
    let (answer, logins) = tokio::join!(upload(&manager, &bomb), meanwhile);
    let [fault] = faults(&answer).as_slice() else {
        panic!("{answer:?}");
    };
    assert_eq!(fault["code"], "check_too_slow");
    assert_eq!(fault["message"], "checking it took more than 250ms");
    assert_eq!(logins, 5);
    nothing_is_kept(&manager).await;
}

#[tokio::test]
async fn what_needs_too_much_memory_is_stopped_and_the_same_with_enough_is_not() {
    let bomb = bomb();
    let with = async |memory_mib: u64| {
        // What is compiled already costs nothing.
        let compiled = tempfile::tempdir().unwrap();
        let app = App::start_with(|config| {
            config.uploads.usual.memory_mib = memory_mib;
            config.compiled = compiled.path().to_owned();
        })
        .await;
        let manager = app.manager().await;
        let answer = upload(&manager, &bomb).await;
        if answer.status != 201 {
            nothing_is_kept(&manager).await;
        }
        answer
    };
    let answer = with(LITTLE).await;
    let fault = &faults(&answer)[0];
    assert_eq!(fault["code"], "check_too_much_memory", "{fault}");
    assert_eq!(
        fault["message"],
        format!("checking it needed more than {LITTLE} MiB")
    );
    with(512).await.document(201);
}

/// Enough to be ready, and for a small component.
const LITTLE: u64 = 120;

#[tokio::test]
async fn a_small_rule_needs_little() {
    let app = App::start_with(|config| config.uploads.usual.memory_mib = LITTLE).await;
    let manager = app.manager().await;
    upload(&manager, &guest("echo")).await.document(201);
    let script = json!({ "script": "function (user, context, callback) { callback(null, user, context); }" });
    manager
        .post("/rule-versions/r", &script)
        .await
        .document(201);
}

#[tokio::test]
async fn all_that_is_wrong_is_answered_at_once_with_the_place() {
    let app = App::start().await;
    let manager = app.manager().await;
    let sockets = text("sockets").replace(
        "(memory (export \"memory\") 4)",
        "(memory (export \"memory\") 1000)",
    );
    let body = json!({
        "component": base64(&component(&sockets)),
        "manifest": { "name": "r", "version": "", "claims": ["sub"], "fuel": 0 },
    });
    let answer = manager.post("/rule-versions/r", &body).await;
    let all = faults(&answer);
    let codes: Vec<&str> = all
        .iter()
        .map(|fault| fault["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "too_complex",
            "unknown_import",
            "unknown_import",
            "manifest",
            "manifest",
            "manifest"
        ],
        "{all:#?}"
    );
    assert_eq!(all[2]["import"], "wasi:sockets/instance-network@0.2.0");
    assert!(
        all[4]["message"]
            .as_str()
            .unwrap()
            .contains("`sub` is reserved")
    );
    let message = answer.body["message"].as_str().unwrap();
    assert!(
        message.contains("6 faults were found:\n1. the memory"),
        "{message}"
    );

    let body = json!({
        "script": "function (user, context, callback) {\n  const a = user.;\n}",
        "manifest": { "name": "", "version": "1" },
    });
    let answer = manager.post("/rule-versions/r", &body).await;
    let all = faults(&answer);
    assert_eq!(
        (&all[0]["code"], &all[0]["line"]),
        (&json!("script"), &json!(2))
    );
    let (column, excerpt) = (&all[0]["column"], all[0]["excerpt"].as_str().unwrap());
    assert_eq!(*column, excerpt.lines().nth(1).unwrap().len());
    assert_eq!(all[1]["code"], "manifest");
    nothing_is_kept(&manager).await;
}

#[tokio::test]
async fn an_action_is_checked_as_a_rule_is() {
    let stage = Stage::playing("dies.sh");
    stage.play(&real());
    let app = stage.server().await;
    let manager = app.manager().await;
    let action = |code: &str| {
        json!({
            "name": "greets",
            "supported_triggers": [{ "id": "post-login", "version": "v3" }],
            "code": code,
        })
    };
    let code = "const a = require('left-pad');\nconst b = require('right-pad');\nexports.onExecutePostLogin = async () => {};";
    let answer = manager.post("/actions/actions", &action(code)).await;
    let lines: Vec<&Value> = faults(&answer).iter().map(|fault| &fault["line"]).collect();
    assert_eq!(lines, [&json!(1), &json!(2)]);

    stage.play(&script("dies.sh"));
    let good = "exports.onExecutePostLogin = async () => {};";
    let answer = manager.post("/actions/actions", &action(good)).await;
    assert_eq!(faults(&answer)[0]["code"], "check_failed");
    let all = manager.get("/actions/actions").await.document(200);
    assert_eq!(all["actions"], json!([]));
}

#[tokio::test]
async fn a_child_may_be_ready_before_its_upload_comes() {
    let stage = Stage::playing("counts.sh");
    std::os::unix::fs::symlink(real(), stage.path("real")).unwrap();
    let program = stage.program();
    let app = App::start_with(|config| {
        config.uploads.program = Some(program);
        config.uploads.spare = true;
    })
    .await;
    let manager = app.manager().await;
    let upload = async |number: u32| {
        let script =
            format!("function (user, context, callback) {{ callback(null, user, {number}); }}");
        let body = json!({ "script": script });
        manager.post("/rule-versions/r", &body).await
    };
    upload(1).await.document(201);
    let started = async || {
        while lines(&stage.path("started")) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let patient = Duration::from_secs(120);
    tokio::time::timeout(patient, started()).await.unwrap();
    // Whoever is started from now on dies; the one that was ready does not.
    stage.play(&script("dies.sh"));
    upload(2).await.document(201);
    let answer = upload(3).await;
    assert_eq!(faults(&answer)[0]["code"], "check_failed");
    assert_eq!(lines(&stage.path("started")), 2);
}

fn lines(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().count()
}

#[tokio::test]
async fn what_ends_the_child_is_refused() {
    let stage = Stage::playing("dies.sh");
    let app = stage.server().await;
    let manager = app.manager().await;
    let answer = upload(&manager, &guest("empty")).await;
    let [fault] = faults(&answer).as_slice() else {
        panic!("{answer:?}");
    };
    assert_eq!(fault["code"], "check_failed");
    assert!(
        fault["message"].as_str().unwrap().contains("signal: 11"),
        "{fault}"
    );
    nothing_is_kept(&manager).await;
}

#[tokio::test]
async fn a_child_that_cannot_check_is_no_fault_of_the_upload() {
    let stage = Stage::playing("is-not-ready.sh");
    let missing = App::start_with(|config| config.uploads.program = Some(stage.path("missing")));
    let unset = App::start_with(|config| config.uploads.program = None);
    for app in [stage.server().await, missing.await, unset.await] {
        let manager = app.manager().await;
        let answer = upload(&manager, &guest("empty")).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.body["errorCode"], "temporarily_unavailable");
        assert!(answer.body.get("faults").is_none());
        assert_eq!(answer.header("retry-after"), "30");
        nothing_is_kept(&manager).await;
    }
}

#[tokio::test]
async fn as_many_as_may_are_checked_at_once_and_who_comes_later_comes_again() {
    let stage = Stage::playing("waits.sh");
    let pipe = stage.path("answer");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let program = stage.program();
    let app = App::start_with(|config| {
        config.uploads.program = Some(program);
        (config.uploads.at_once, config.uploads.waiting) = (1, 0);
    })
    .await;
    let manager = app.manager().await;
    let second = async {
        // Opened once the first child reads from it.
        let opened =
            tokio::task::spawn_blocking(|| std::fs::File::options().write(true).open(pipe));
        let mut answer = opened.await.unwrap().unwrap();
        let refused = upload(&manager, &guest("empty")).await;
        let report = json!({ "bad": [{ "code": "told", "message": "so it was told" }] });
        std::io::Write::write_all(&mut answer, report.to_string().as_bytes()).unwrap();
        refused
    };
    let empty = guest("empty");
    let (first, second) = tokio::join!(upload(&manager, &empty), second);
    assert_eq!(faults(&first)[0]["message"], "so it was told");
    assert_eq!(second.status, 503, "{second:?}");
    assert_eq!(second.header("retry-after"), "2");
}

#[tokio::test]
async fn a_child_inherits_nothing() {
    let stage = Stage::playing("tells.sh");
    let app = stage.server().await;
    let manager = app.manager().await;
    let answer = upload(&manager, &guest("empty")).await;
    assert_eq!(faults(&answer)[0]["code"], "check_failed");
    let environment = std::fs::read_to_string(stage.path("environment")).unwrap();
    assert!(
        environment.starts_with("RAYON_NUM_THREADS="),
        "{environment}"
    );
    assert_eq!(environment.lines().count(), 1, "{environment}");
    // Pipes are its streams; the script is read by the shell. What whoever started the tests has given to every
    // process behind is none of the server's.
    let files = std::fs::read_to_string(stage.path("files")).unwrap();
    let own = [stage.program(), script("tells.sh"), stage.path("files")];
    let foreign = files.lines().filter(|line| {
        let (number, target) = line.split_once(' ').unwrap();
        let known = target.starts_with("pipe:") || own.iter().any(|own| own == Path::new(target));
        !known && !is_handed_down(number)
    });
    assert_eq!(foreign.collect::<Vec<_>>(), [""; 0]);
    assert!(files.lines().count() >= 4, "{files}");
}

/// Whether this process passes the file of a number on to every process that it starts.
fn is_handed_down(number: &str) -> bool {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & CLOSE_ON_EXEC == 0)
}

#[tokio::test]
async fn what_is_stored_is_checked_again_unless_this_compiler_did_so_before() {
    let stage = Stage::playing("dies.sh");
    stage.play(&real());
    let (program, compiled) = (stage.program(), stage.path("compiled"));
    let app = App::start_with(|config| {
        config.uploads.program = Some(program);
        config.compiled = compiled.clone();
    })
    .await;
    app.bind_rule("r", guest("empty"), OnFault::Deny).await;
    // Another node that finds neither code nor a word of its having been checked, as after an update.
    std::fs::remove_dir_all(stage.path("compiled")).unwrap();
    stage.play(&script("dies.sh"));
    let node = app.another_node().await;
    let login = app.request().at_node(&node).send().await;
    assert_ne!(login.status, 200, "{login:?}");
    stage.play(&real());
    assert_eq!(app.request().at_node(&node).send().await.status, 200);
    // The next one takes the word for it.
    stage.play(&script("dies.sh"));
    let node = app.another_node().await;
    assert_eq!(app.request().at_node(&node).send().await.status, 200);
}
