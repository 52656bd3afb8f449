//! A child that is ready before its upload comes, so that no upload waits for a process to start.
//!
//! It checks one upload and ends, as any other. While it waits it uses no processor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::child::Ready;
use super::wire::Task;
use super::{CheckError, UploadChecks};

/// How long it waits. It holds some 15 MB, which a server that nobody uploads to has better uses for.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// The one there is, maybe still getting ready.
type Started = JoinHandle<Result<Ready, CheckError>>;

#[derive(Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Option<Started>>>);

impl Spare {
    /// The child, once it is ready, if there is one and it still lives.
    pub(super) async fn take(&self) -> Option<Ready> {
        let started = self.lock().take()?;
        match started.await {
            Ok(Ok(mut ready)) => ready.lives().then_some(ready),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the child that should have been ready is not");
                None
            }
            Err(_) => None,
        }
    }

    /// Starts one, unless there is one.
    pub(super) fn refill(&self, checks: &UploadChecks, task: &Task) {
        let mut place = self.lock();
        if place.is_some() {
            return;
        }
        let (checks, task) = (checks.clone(), task.clone());
        let started = tokio::spawn(async move { Ready::start(&checks, &task).await });
        let id = started.id();
        *place = Some(started);
        let spare = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            let mut place = spare.lock();
            if place.as_ref().is_some_and(|started| started.id() == id) {
                *place = None;
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Started>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
