//! What a rule writes for its tenant to read, from the `log` interface and from WASI's two streams.

use std::sync::{Arc, Mutex, PoisonError};

use super::text::printable;
use super::{Level, Limits, LogLine};

/// The lines of one call. Clones write to the same journal.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    pages: Arc<Mutex<Pages>>,
    max_lines: usize,
    pub(super) max_line: usize,
}

/// Lines, and how many more there would have been.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pub(super) lines: Vec<LogLine>,
    pub(super) dropped: u64,
}

impl Journal {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            pages: Arc::default(),
            max_lines: limits.log_lines,
            max_line: limits.log_line_bytes,
        }
    }

    /// Writes one line, cut and made printable; past the limit it is only counted.
    pub(super) fn write(&self, level: Level, message: &str) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.lines.len() >= self.max_lines {
            pages.dropped = pages.dropped.saturating_add(1);
            return;
        }
        let message = printable(message, self.max_line);
        pages.lines.push(LogLine { level, message });
    }

    /// Takes out what was written.
    pub(super) fn close(&self) -> Pages {
        std::mem::take(&mut *self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
