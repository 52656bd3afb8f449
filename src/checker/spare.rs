//! A child that is ready before its upload comes, so that no upload waits for a process to start.
//!
//! It checks one upload and ends, as any other. While it waits it uses no processor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::UploadChecks;
use super::child::Ready;
use super::wire::Task;

/// How long it waits. It holds some 15 MB, which a server that nobody uploads to has better uses for.
const IDLE: Duration = Duration::from_secs(15 * 60);

#[derive(Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Slot>>);

#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Starting,
    Waiting(Box<Ready>),
}

impl Spare {
    /// The one that waits, if there is one and it still lives.
    pub(super) fn take(&self) -> Option<Ready> {
        let mut slot = self.lock();
        match std::mem::take(&mut *slot) {
            Slot::Waiting(mut ready) => ready.lives().then_some(*ready),
            other => {
                *slot = other;
                None
            }
        }
    }

    /// Starts one, unless there is one.
    pub(super) fn refill(&self, checks: &UploadChecks, task: &Task) {
        {
            let mut slot = self.lock();
            if !matches!(*slot, Slot::Empty) {
                return;
            }
            *slot = Slot::Starting;
        }
        let (spare, checks, task) = (self.clone(), checks.clone(), task.clone());
        tokio::spawn(async move {
            let started = Ready::start(&checks, &task).await;
            let ready = match started {
                Ok(ready) => ready,
                Err(error) => {
                    tracing::warn!(%error, "no child is ready for the next upload");
                    *spare.lock() = Slot::Empty;
                    return;
                }
            };
            let id = ready.id();
            *spare.lock() = Slot::Waiting(Box::new(ready));
            tokio::time::sleep(IDLE).await;
            let mut slot = spare.lock();
            if matches!(&*slot, Slot::Waiting(ready) if ready.id() == id) {
                *slot = Slot::Empty;
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
