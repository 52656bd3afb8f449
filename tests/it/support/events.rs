//! Server-sent events, read as a client does.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use super::manager::Manager;

/// Far beyond what any test should take.
const FOR_EVER: Duration = Duration::from_secs(30);

pub(crate) struct Events {
    response: Response,
    received: String,
}

/// One block: an event, or a comment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
    pub(crate) comment: String,
}

impl Events {
    /// What comes next, comments included; none at the end.
    pub(crate) async fn next_block(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.received.split_once("\n\n") {
                let event = parse(block);
                self.received = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(FOR_EVER, self.response.chunk());
            let chunk = chunk.await.expect("something comes").ok()??;
            self.received.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.next_block().await?;
            if !block.event.is_empty() {
                return Some(block);
            }
        }
    }

    /// The next event of the log.
    pub(crate) async fn log(&mut self) -> Event {
        let event = self.next().await.expect("an event");
        assert_eq!(event.event, "log", "{event:?}");
        assert_eq!(event.data["log_id"], event.id.as_str());
        event
    }

    /// The reason for which there is no more.
    pub(crate) async fn end(&mut self) -> String {
        let event = self.next().await.expect("an end that says why");
        assert_eq!((event.event.as_str(), event.id.as_str()), ("end", ""));
        assert!(self.next_block().await.is_none());
        event.data["reason"].as_str().unwrap().to_owned()
    }
}

fn parse(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        let (field, value) = line.split_once(": ").unwrap();
        match field {
            "id" => value.clone_into(&mut event.id),
            "event" => value.clone_into(&mut event.event),
            "data" => event.data = serde_json::from_str(value).unwrap(),
            "" => value.clone_into(&mut event.comment),
            "retry" => assert!(value.parse::<u32>().unwrap() > 0),
            other => panic!("{other}"),
        }
    }
    event
}

impl Manager<'_> {
    /// Follows the log; the greeting has arrived, so what happens from now on is news.
    pub(crate) async fn follow(&self, query: &str, last: Option<&str>) -> Events {
        let response = self.try_follow(query, last).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut events = Events {
            response,
            received: String::new(),
        };
        assert_eq!(events.next_block().await.unwrap().comment, "here");
        events
    }

    pub(crate) async fn try_follow(&self, query: &str, last: Option<&str>) -> Response {
        let url = self.app.url(&format!("/api/v2/log-events{query}"));
        let mut request = self.app.http().get(url).header("host", "acme.localhost");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.bearer_auth(&self.token).send().await.unwrap()
    }
}
