//! Measures how long a guest computes: not while it waits for the network, and not while others
//! have their turn on its thread.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Stands for "it does not run" among the times since the start.
const STOPPED: u64 = u64::MAX;

/// One call's stopwatch. It runs while the call's future is polled.
pub(super) struct Stopwatch {
    start: Instant,
    /// Nanoseconds of the polls that are over.
    counted: AtomicU64,
    /// When the poll under way began, in nanoseconds since the start.
    since: AtomicU64,
}

impl Stopwatch {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            counted: AtomicU64::new(0),
            since: AtomicU64::new(STOPPED),
        }
    }

    /// Drives `future`, counting the time that its polls take.
    pub(super) async fn time<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.since.store(self.now(), Ordering::Relaxed);
            let poll = future.as_mut().poll(context);
            let counted = self.read().as_nanos();
            self.counted
                .store(u64::try_from(counted).unwrap_or(STOPPED), Ordering::Relaxed);
            self.since.store(STOPPED, Ordering::Relaxed);
            poll
        })
        .await
    }

    /// What was counted so far, the poll under way included.
    pub(super) fn read(&self) -> Duration {
        let counted = self.counted.load(Ordering::Relaxed);
        let since = self.since.load(Ordering::Relaxed);
        let running = self.now().saturating_sub(since);
        Duration::from_nanos(counted.saturating_add(running))
    }

    /// Wall time since it was made.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(STOPPED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spins for a millisecond in each of two polls, and waits ten between them.
    #[tokio::test]
    async fn waiting_does_not_count_and_computing_does() {
        let watch = Stopwatch::new();
        let spin = |ms| {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(ms) {}
        };
        watch
            .time(async {
                spin(1);
                let seen = watch.read();
                assert!(seen >= Duration::from_millis(1), "{seen:?} in the middle");
                tokio::time::sleep(Duration::from_millis(10)).await;
                spin(1);
            })
            .await;
        let (computed, wall) = (watch.read(), watch.elapsed());
        assert!(computed >= Duration::from_millis(2), "{computed:?}");
        assert!(
            wall >= computed + Duration::from_millis(9),
            "{computed:?} of {wall:?}"
        );
    }
}
