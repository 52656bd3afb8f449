//! WASI's standard streams: output becomes log lines, input is at its end.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, OutputStream, StreamError, StreamResult};

use crate::rule_host::Level;
use crate::rule_host::journal::Journal;

/// What a guest may write before it asks again; WASI's own buffer is of this size.
const PERMIT: usize = 4096;

/// An output stream whose lines go to the journal. Clones share one line.
#[derive(Clone)]
pub(super) struct LineStream {
    journal: Journal,
    level: Level,
    line: Arc<Mutex<Vec<u8>>>,
}

impl LineStream {
    pub(super) fn new(journal: Journal, level: Level) -> Self {
        Self {
            journal,
            level,
            line: Arc::default(),
        }
    }

    /// Writes out a line that was begun.
    pub(super) fn end_line(&self) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if !line.is_empty() {
            self.write_out(&mut line);
        }
    }

    /// Keeps one byte more than a line may have: by it the journal sees that it was cut.
    fn append(&self, line: &mut Vec<u8>, bytes: &[u8]) {
        let room = self.journal.max_line.saturating_add(1) - line.len();
        line.extend(bytes.iter().take(room));
    }

    fn write_out(&self, line: &mut Vec<u8>) {
        self.journal
            .write(self.level, &String::from_utf8_lossy(line));
        line.clear();
    }
}

#[async_trait::async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let shared = Arc::clone(&self.line);
        let mut line = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = bytes.as_ref();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(end);
            self.append(&mut line, head);
            self.write_out(&mut line);
            rest = tail.strip_prefix(b"\n").unwrap_or(tail);
        }
        self.append(&mut line, rest);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

/// An input stream at its end.
pub(super) struct Ended;

#[async_trait::async_trait]
impl Pollable for Ended {
    async fn ready(&mut self) {}
}

impl InputStream for Ended {
    fn read(&mut self, _: usize) -> StreamResult<Bytes> {
        Err(StreamError::Closed)
    }
}
