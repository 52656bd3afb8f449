//! Server-sent events (HTML, section 9.2) as they arrive.

use std::time::Duration;

use bytes::BytesMut;
use http_body_util::BodyExt as _;
use tokio::task::JoinSet;

/// A server says that it is still there every 15 seconds; one that is silent for so long is not.
const SILENCE: Duration = Duration::from_secs(60);

/// The longest event that is read. The server's have up to some hundred KiB.
const MAX_EVENT_BYTES: usize = 4 << 20;

/// An answer, event by event.
pub struct Events {
    body: hyper::body::Incoming,
    /// Received, and no whole event yet.
    received: BytesMut,
    /// Up to where there is no end of an event.
    searched: usize,
    _driver: JoinSet<hyper::Result<()>>,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What to name as the last one seen; empty if it has none.
    pub id: String,
    /// Its type; `message` if the server said none.
    pub event: String,
    /// What it says.
    pub data: String,
}

impl Events {
    pub(super) fn new(body: hyper::body::Incoming, driver: JoinSet<hyper::Result<()>>) -> Self {
        Self {
            body,
            received: BytesMut::new(),
            searched: 0,
            _driver: driver,
        }
    }

    /// The next event; none when the server ended the answer.
    ///
    /// # Errors
    /// A sentence: the connection broke, or the server has been silent for a minute.
    pub async fn next(&mut self) -> Result<Option<Event>, String> {
        loop {
            while let Some(block) = self.block() {
                let text = String::from_utf8_lossy(&block);
                if let Some(event) = Event::parse(&text) {
                    return Ok(Some(event));
                }
            }
            if self.received.len() > MAX_EVENT_BYTES {
                return Err("the server sent an event that is too large".to_owned());
            }
            let frame = tokio::time::timeout(SILENCE, self.body.frame()).await;
            let frame = frame.map_err(|_| "the server has been silent for a minute".to_owned())?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(error.to_string()),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.received.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    /// What stands before the next empty line.
    fn block(&mut self) -> Option<BytesMut> {
        let rest = self.received.get(self.searched..)?;
        match rest.windows(2).position(|pair| pair == b"\n\n") {
            Some(at) => {
                let block = self.received.split_to(self.searched + at + 2);
                self.searched = 0;
                Some(block)
            }
            None => {
                self.searched = self.received.len().saturating_sub(1);
                None
            }
        }
    }
}

impl Event {
    /// None if there is no data: a comment, or a time to come again.
    fn parse(block: &str) -> Option<Self> {
        let mut event = Self {
            event: "message".to_owned(),
            ..Self::default()
        };
        let mut lines = Vec::new();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => value.clone_into(&mut event.id),
                "event" => value.clone_into(&mut event.event),
                "data" => lines.push(value),
                _ => {}
            }
        }
        event.data = lines.join("\n");
        (!lines.is_empty()).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_fields_and_a_comment_is_none() {
        let event = Event::parse("id: 7\nevent: log\ndata: {\"a\":\ndata:1}\n\n").unwrap();
        assert_eq!(
            (&*event.id, &*event.event, &*event.data),
            ("7", "log", "{\"a\":\n1}")
        );
        assert_eq!(Event::parse("data: x\n\n").unwrap().event, "message");
        assert_eq!(Event::parse(": still here\n\n"), None);
        assert_eq!(Event::parse("retry: 3000\n\n"), None);
    }
}
