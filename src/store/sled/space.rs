//! Refuses writes while there is still room on the disk: a write that the file system refuses ends
//! sled's service until the server is started again, and sled does not start on a full disk.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How old the last look at the disk may be.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often to repeat that space is short.
const WARN_EVERY: Duration = Duration::from_secs(600);

/// Watches the file system that a directory is on.
pub(super) struct Space {
    dir: PathBuf,
    reserve_bytes: u64,
    looked: Option<Instant>,
    warned: Option<Instant>,
    full: Option<String>,
}

impl Space {
    pub(super) fn new(dir: &Path, reserve_bytes: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            reserve_bytes,
            looked: None,
            warned: None,
            full: None,
        }
    }

    /// Why nothing may be written now, if so.
    pub(super) fn full(&mut self, at: Instant) -> Option<&String> {
        if is_older(self.looked, at, LOOK_EVERY) {
            self.looked = Some(at);
            match fs2::statvfs(&self.dir) {
                Ok(found) => self.judge(found.available_space(), found.total_space(), at),
                Err(error) => self.judge_unknown(&error),
            }
        }
        self.full.as_ref()
    }

    fn judge(&mut self, available: u64, total: u64, at: Instant) {
        let full = (available < self.reserve_bytes).then(|| {
            format!(
                "{available} bytes are free and {} are kept in reserve; free some space in `{}`",
                self.reserve_bytes,
                self.dir.display()
            )
        });
        match (&self.full, &full) {
            (None, Some(reason)) => tracing::error!(reason, "the store refuses writes"),
            (Some(_), None) => tracing::info!(available, "the store accepts writes again"),
            _ => {}
        }
        if full.is_none() && available < total / 20 && is_older(self.warned, at, WARN_EVERY) {
            self.warned = Some(at);
            tracing::warn!(available, total, "less than 5 % of the disk is free");
        }
        self.full = full;
    }

    /// Not knowing is no reason to stop: if the disk is full, sled's own error says so.
    fn judge_unknown(&mut self, error: &io::Error) {
        tracing::warn!(%error, "the free space of the store's disk cannot be read");
        self.full = None;
    }
}

fn is_older(then: Option<Instant>, at: Instant, limit: Duration) -> bool {
    then.is_none_or(|then| at.saturating_duration_since(then) >= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_stop_below_the_reserve_and_go_on_when_space_returns() {
        let mut space = Space::new(Path::new("/"), 100);
        let now = Instant::now();
        space.judge(100, 1000, now);
        assert_eq!(space.full, None);
        space.judge(99, 1000, now);
        assert!(space.full.as_ref().unwrap().contains("99 bytes are free"));
        space.judge(100, 1000, now);
        assert_eq!(space.full, None);
    }
}
