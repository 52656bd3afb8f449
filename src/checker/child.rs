//! One child: started, given its upload, heard, ended.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::wire::{MAX_REPORT_BYTES, Order, READY, Report, Task};
use super::{CheckError, UploadChecks};
use crate::rule_host::{Inspection, Rejected, printable};

/// What is kept of what a child writes to its standard error.
const SAID_BYTES: usize = 8 << 10;

/// The beginning of what the standard library says before it ends a process that gets no memory.
const NO_MEMORY: &str = "memory allocation of ";

/// How a child that waits for an upload ends when it gets one.
pub(super) enum Ended {
    /// It came to an answer.
    Found(Result<Inspection, Rejected>),
    /// It was ended after its time.
    OutOfTime,
    /// It got no more memory.
    OutOfMemory,
    /// It ended without an answer.
    Otherwise {
        /// Which signal, or which exit code.
        how: String,
        /// Its last words.
        said: String,
    },
}

/// A child that has prepared all that does not depend on an upload, and waits for it. Ends when dropped.
pub(super) struct Ready {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    said: JoinHandle<String>,
}

impl Ready {
    /// Starts a child. What goes wrong here is the server's trouble and nobody's fault who uploads.
    pub(super) async fn start(checks: &UploadChecks, task: &Task) -> Result<Self, CheckError> {
        let started = timeout(checks.start, Self::start_patiently(checks, task)).await;
        let started = started.unwrap_or_else(|_| Err("the child does not get ready".to_owned()));
        started.map_err(CheckError::Unavailable)
    }

    async fn start_patiently(checks: &UploadChecks, task: &Task) -> Result<Self, String> {
        let program = checks.program.as_ref();
        let program = program.ok_or("no program to check it with is configured")?;
        let mut command = Command::new(program);
        command
            .arg("check-upload")
            // Nothing of the server's: no keys, no passwords of proxies. Half of the cores stay free for logins.
            .env_clear()
            .env("RAYON_NUM_THREADS", compiling_threads().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // What ends a server from the terminal lets it finish what it does.
        #[cfg(unix)]
        command.arg0("claimsmith").process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = streams else {
            return Err("the child has no streams".to_owned());
        };
        let mut ready = Self {
            child,
            input,
            output: BufReader::new(output),
            said: tokio::spawn(listen(errors)),
        };
        match ready.prepare(task).await {
            Ok(()) => Ok(ready),
            Err(cause) => {
                drop((ready.input, ready.child));
                let said = ready.said.await.unwrap_or_default();
                Err(format!("the child is not ready: {cause} {said}"))
            }
        }
    }

    async fn prepare(&mut self, task: &Task) -> Result<(), String> {
        let words = |error: std::io::Error| error.to_string();
        let line = line_of(task)?;
        self.input.write_all(&line).await.map_err(words)?;
        let mut said = String::new();
        let mut first_line = (&mut self.output).take(READY.len() as u64);
        first_line.read_line(&mut said).await.map_err(words)?;
        match said == READY {
            true => Ok(()),
            false => Err(format!("it says `{}`", printable(&said, 50))),
        }
    }

    /// Whether it has not ended meanwhile.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Gives it its upload, and waits for what it finds, within its time.
    pub(super) async fn check(mut self, order: &Order, code: &[u8], time: Duration) -> Ended {
        let heard = timeout(time, self.hear(order, code)).await;
        let Ok(heard) = heard else {
            // It is waited for: its memory is free before the next one starts.
            let killed = self.child.kill().await;
            if let Err(error) = killed {
                tracing::error!(%error, "a child that checks an upload cannot be ended");
            }
            return Ended::OutOfTime;
        };
        let said = self.said.await.unwrap_or_default();
        match heard {
            Ok((status, report)) => ended(status, &report, said),
            Err(error) => Ended::Otherwise {
                how: error.to_string(),
                said,
            },
        }
    }

    async fn hear(&mut self, order: &Order, code: &[u8]) -> std::io::Result<(ExitStatus, Vec<u8>)> {
        let line = line_of(order).map_err(std::io::Error::other)?;
        // A child that ends early does not read all of it; how it ended says more than that.
        if self.input.write_all(&line).await.is_ok() {
            let _ = self.input.write_all(code).await;
        }
        let mut report = Vec::new();
        let most = MAX_REPORT_BYTES as u64 + 1;
        (&mut self.output)
            .take(most)
            .read_to_end(&mut report)
            .await?;
        if report.len() > MAX_REPORT_BYTES {
            self.child.kill().await?;
        }
        Ok((self.child.wait().await?, report))
    }
}

fn ended(status: ExitStatus, report: &[u8], said: String) -> Ended {
    if status.success()
        && let Ok(report) = serde_json::from_slice(report)
    {
        return match report {
            Report::Good(inspection) => Ended::Found(Ok(inspection)),
            Report::Bad(rejected) => Ended::Found(Err(rejected)),
            Report::OutOfMemory => Ended::OutOfMemory,
        };
    }
    if said.contains(NO_MEMORY) {
        return Ended::OutOfMemory;
    }
    if ran_out_of_time(status) {
        return Ended::OutOfTime;
    }
    Ended::Otherwise {
        how: status.to_string(),
        said,
    }
}

/// Whether the system ended it for the time that it computed.
#[cfg(unix)]
fn ran_out_of_time(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    /// On every system that has it.
    const SIGXCPU: i32 = 24;
    status.signal() == Some(SIGXCPU)
}

#[cfg(not(unix))]
fn ran_out_of_time(_: ExitStatus) -> bool {
    false
}

fn line_of(document: &impl serde::Serialize) -> Result<Vec<u8>, String> {
    let mut line = serde_json::to_vec(document).map_err(|error| error.to_string())?;
    line.push(b'\n');
    Ok(line)
}

/// The first of what it says; the rest is read, so that it is not held up by nobody's reading.
async fn listen(mut errors: ChildStderr) -> String {
    let mut said = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = errors.read(&mut piece).await {
        let room = SAID_BYTES.saturating_sub(said.len());
        said.extend(piece.iter().take(length.min(room)));
    }
    printable(&String::from_utf8_lossy(&said), SAID_BYTES)
}

fn compiling_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.div_ceil(2)
}
