//! Checks what is uploaded in a child process, before this process touches it.
//!
//! Compiling strangers' bytes may take any time and memory, and a compiler has faults: wasmtime counts
//! neither as a vulnerability. So a process of the same program, with the limits of [`Bounds`], does all that
//! this one would do, leaves the code in wasmtime's own cache, and says what it found. Only what a child
//! survived is compiled here, which then mostly means that it is read from the cache.

mod bounds;
mod child;
pub(crate) mod inside;
mod spare;
mod vouched;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

pub use self::bounds::{Bounds, UploadChecks};
use self::child::{Ended, Ready};
use self::spare::Spare;
use self::vouched::Vouched;
use self::wire::{Order, Task};
use crate::rule_host::{
    Full, Gate, Inspection, Rejected, RuleHost, UploadFault, digest, is_script,
};

/// How long a login, or whoever puts a stored version to use, waits for its turn.
const STORED_WAIT: Duration = Duration::from_secs(15);

/// Checks uploads, a bounded number at a time.
pub struct Checker {
    checks: UploadChecks,
    task: Task,
    gate: Gate,
    vouched: Vouched,
    spare: Spare,
    host: Arc<RuleHost>,
}

/// Why there is no good news of an upload.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is no rule, or cost more than it may.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// Too many are checked already.
    #[error("too many uploads are being checked; try again in a moment")]
    Busy,
    /// It could not be checked, which is not its fault. The text is for the operator.
    #[error("the upload could not be checked: {0}")]
    Unavailable(String),
}

impl Checker {
    /// For uploads to `host`, whose compiled code is kept in `compiled`.
    pub(crate) fn new(checks: UploadChecks, host: Arc<RuleHost>, compiled: PathBuf) -> Self {
        let compiled = std::path::absolute(&compiled).unwrap_or(compiled);
        Self {
            gate: Gate::new(checks.at_once, checks.waiting),
            vouched: Vouched::new(&compiled, &host.compiler()),
            spare: Spare::default(),
            task: Task {
                limits: host.limits().clone(),
                compiled,
                javascript: true,
            },
            checks,
            host,
        }
    }

    /// Checks what a tenant uploads. All that is wrong with it comes at once.
    ///
    /// Dropping the future ends the child.
    pub async fn check(&self, tenant: &str, code: Bytes) -> Result<Inspection, CheckError> {
        self.check_within(self.checks.wait, tenant, code).await
    }

    async fn check_within(
        &self,
        wait: Duration,
        tenant: &str,
        code: Bytes,
    ) -> Result<Inspection, CheckError> {
        let digest = digest(&code);
        let inspection = self.in_a_child(wait, tenant, &code).await?;
        if inspection.digest != digest {
            let cause = "the child speaks of another upload".to_owned();
            return Err(CheckError::Unavailable(cause));
        }
        if inspection.dialect.is_none() {
            self.vouched.note(digest).await;
        }
        Ok(inspection)
    }

    /// Checks what is stored, unless a child of this compiler did so before: the store may have been
    /// filled by an earlier release, or by another node.
    ///
    /// A source needs no second check: it is compiled by the engine of JavaScript, in the sandbox and within the
    /// bounds in which rules run.
    pub(crate) async fn check_stored(
        &self,
        tenant: &str,
        digest: &str,
        code: &Bytes,
    ) -> Result<(), CheckError> {
        if is_script(code) || self.vouched.has(digest).await {
            return Ok(());
        }
        // Who else needs the same waits for the one that checks it, and finds it done.
        let _one = self.vouched.only_one(digest).await;
        if self.vouched.has(digest).await {
            return Ok(());
        }
        let checked = self.check_within(STORED_WAIT, tenant, code.clone());
        checked.await.map(drop)
    }

    async fn in_a_child(
        &self,
        wait: Duration,
        tenant: &str,
        code: &[u8],
    ) -> Result<Inspection, CheckError> {
        let tenant = Arc::from(tenant);
        let _place = match timeout(wait, self.gate.enter(&tenant)).await {
            Ok(Ok(place)) => place,
            Ok(Err(Full)) | Err(_) => return Err(CheckError::Busy),
        };
        let bounds = self.checks.bounds(code.len());
        let script = is_script(code);
        let ready = self.ready(script).await?;
        let order = Order::new(code, bounds);
        let ended = ready.check(&order, code, bounds.time).await;
        // Where scripts come there may be more of them. A component is so long in the compiler that the start
        // of a child is lost in it.
        if script && self.checks.spare {
            self.spare.refill(&self.checks, &self.task);
        }
        judge(ended, bounds)
    }

    /// A child that waits for its upload.
    async fn ready(&self, javascript: bool) -> Result<Ready, CheckError> {
        // The one that waits is for scripts: a component would leave the next script without it.
        let spare = match javascript {
            true => {
                self.prepare().await?;
                self.spare.take().await
            }
            false => None,
        };
        match spare {
            Some(spare) => Ok(spare),
            None => {
                let task = Task {
                    javascript,
                    ..self.task.clone()
                };
                Ready::start(&self.checks, &task).await
            }
        }
    }

    /// The engine of JavaScript is our own code: this process compiles it, once, and children find it in
    /// the cache.
    async fn prepare(&self) -> Result<(), CheckError> {
        let host = Arc::clone(&self.host);
        let prepared = tokio::task::spawn_blocking(move || host.prepare_javascript()).await;
        let cause = match prepared {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(cause)) => cause,
            Err(failed) => failed.to_string(),
        };
        Err(CheckError::Unavailable(cause))
    }
}

/// What a child's end says of the upload. That it ended other than by an answer is the upload's fault:
/// nothing else is done in it.
fn judge(ended: Ended, bounds: &Bounds) -> Result<Inspection, CheckError> {
    let fault = match ended {
        Ended::Found(found) => return Ok(found?),
        Ended::OutOfTime => bounds.too_slow(),
        Ended::OutOfMemory => bounds.too_much_memory(),
        Ended::Otherwise { how, said } => {
            tracing::error!(how, said, "an upload ended the process that checked it");
            UploadFault::new(
                "check_failed",
                format!("the compiler failed on it ({how})"),
                "build it with another release of your tools, and tell this server's operator",
            )
        }
    };
    Err(Rejected::from(fault).into())
}
