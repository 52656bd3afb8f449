//! [`Timer`]: a deadline for whatever is being waited for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that starts when something is first waited for, and starts afresh when something else is.
#[derive(Debug)]
pub(super) struct Timer<T> {
    running: Option<T>,
    /// Kept between uses: moving a deadline is cheaper than allocating one for each request.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<T> Default for Timer<T> {
    fn default() -> Self {
        Self {
            running: None,
            sleep: None,
        }
    }
}

impl<T: PartialEq> Timer<T> {
    /// Ready once `awaited` has been waited for without a change for `timeout`.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, awaited: T, timeout: Duration) -> Poll<()> {
        let fresh = self.running.as_ref() != Some(&awaited);
        self.running = Some(awaited);
        let deadline = || Instant::now() + timeout;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline())));
        if fresh {
            sleep.as_mut().reset(deadline());
        }
        sleep.as_mut().poll(cx)
    }
}

impl<T> Timer<T> {
    /// Forgets what was waited for; the next wait starts afresh.
    pub(super) fn stop(&mut self) {
        self.running = None;
    }
}
