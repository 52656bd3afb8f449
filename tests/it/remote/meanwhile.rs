//! A relay before a server, which holds back one request until the test has done something, or has no time
//! for it, as relays before servers do.

use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

#[derive(Default)]
struct State {
    path: Mutex<Option<String>>,
    /// Requests that begin so are refused, so many more times.
    busy: Mutex<(String, usize)>,
    reached: Notify,
    go_on: Notify,
}

pub(super) struct Meanwhile {
    /// Where the relay listens; `Host` is passed on as it comes.
    pub(super) url: String,
    state: Arc<State>,
}

impl Meanwhile {
    /// Relays to the server at `server`, one request for each connection.
    pub(super) async fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let upstream = url::Url::parse(server).unwrap().port().unwrap();
        let state = Arc::new(State::default());
        let relay = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(one(client, upstream, Arc::clone(&relay)));
            }
        });
        Self {
            url: format!("http://acme.localhost:{port}/"),
            state,
        }
    }

    /// Holds back the next request that begins so.
    pub(super) fn hold(&self, request: &str) {
        *self.state.path.lock().unwrap() = Some(request.to_owned());
    }

    /// Has no time for the next `times` requests that begin so.
    pub(super) fn refuse(&self, request: &str, times: usize) {
        *self.state.busy.lock().unwrap() = (request.to_owned(), times);
    }

    /// How many of those are still to come.
    pub(super) fn to_refuse(&self) -> usize {
        self.state.busy.lock().unwrap().1
    }

    /// Until the request has come.
    pub(super) async fn reached(&self) {
        self.state.reached.notified().await;
    }

    pub(super) fn go_on(&self) {
        self.state.go_on.notify_one();
    }
}

async fn one(mut client: TcpStream, upstream: u16, state: Arc<State>) {
    let mut head = vec![0; 16 << 10];
    let mut length = 0;
    // The head comes in one piece or in several; its first line suffices.
    while !head[..length].contains(&b'\n') {
        length += client.read(&mut head[length..]).await.unwrap();
    }
    let line = String::from_utf8_lossy(&head[..length])
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let refused = {
        let mut busy = state.busy.lock().unwrap();
        let refused = busy.1 > 0 && line.starts_with(&busy.0);
        busy.1 -= usize::from(refused);
        refused
    };
    if refused {
        return client.write_all(BUSY).await.unwrap();
    }
    let held = {
        let mut path = state.path.lock().unwrap();
        let held = path
            .as_ref()
            .is_some_and(|path| line.starts_with(path.as_str()));
        if held {
            *path = None;
        }
        held
    };
    if held {
        state.reached.notify_one();
        state.go_on.notified().await;
    }
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).await.unwrap();
    server.write_all(&head[..length]).await.unwrap();
    // Either side may end first.
    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
}

const BUSY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\n\
content-type: application/json\r\ncontent-length: 28\r\n\r\n{\"message\":\"no time at all\"}";
