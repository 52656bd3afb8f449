//! A server with a few telling routes, and a client that sends whatever bytes it is given.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use claimsmith::http::accept::{ConnectionLimits, PeerAddr, serve};
use claimsmith::http::body::{BodyError, read_body};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// Far beyond what any test should take: what is awaited longer counts as never.
pub(super) const FOR_EVER: Duration = Duration::from_secs(20);

pub(super) struct Server {
    address: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
    /// Told when a request to `/gate` has begun.
    gate_entered: Arc<Notify>,
    /// Lets one request to `/gate` finish.
    gate_open: Arc<Notify>,
}

/// Limits under which nothing ends by itself during a test, save lingering.
pub(super) fn patient() -> ConnectionLimits {
    ConnectionLimits {
        head_timeout: 2 * FOR_EVER,
        body_timeout: 2 * FOR_EVER,
        idle_timeout: 2 * FOR_EVER,
        handler_timeout: 2 * FOR_EVER,
        write_timeout: 2 * FOR_EVER,
        drain_timeout: 2 * FOR_EVER,
        linger_timeout: Duration::from_millis(200),
        ..ConnectionLimits::default()
    }
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::with(patient()).await
    }

    pub(super) async fn with(limits: ConnectionLimits) -> Self {
        let gate_entered = Arc::new(Notify::new());
        let gate_open = Arc::new(Notify::new());
        let router = router(Arc::clone(&gate_entered), Arc::clone(&gate_open));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, router, limits, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop: Some(stop),
            task,
            gate_entered,
            gate_open,
        }
    }

    pub(super) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Everything the server says to these bytes, up to the moment it closes the connection.
    pub(super) async fn answer(&self, request: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.send(request).await;
        client.rest().await
    }

    /// Waits for a request to `/gate` and lets it finish.
    pub(super) async fn pass_gate(&self) {
        self.gate_is_entered().await;
        self.open_gate();
    }

    pub(super) async fn gate_is_entered(&self) {
        within(self.gate_entered.notified()).await;
    }

    pub(super) fn open_gate(&self) {
        self.gate_open.notify_one();
    }

    pub(super) fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Whether the server came to its end by itself.
    pub(super) async fn stopped(self) {
        within(self.task).await.unwrap().unwrap();
    }

    pub(super) async fn refuses_connections(&self) {
        within(async { while TcpStream::connect(self.address).await.is_ok() {} }).await;
    }
}

pub(super) struct Client<S = TcpStream>(S);

impl Client {
    /// Two halves, to read while sending.
    pub(super) fn split(self) -> (Client<OwnedReadHalf>, Client<OwnedWriteHalf>) {
        let (reader, writer) = self.0.into_split();
        (Client(reader), Client(writer))
    }
}

impl<S: AsyncWrite + Unpin> Client<S> {
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Says that nothing more will be sent, and goes on listening.
    pub(super) async fn close_sending(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// Sends unless the server has gone.
    pub(super) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }
}

impl<S: AsyncRead + Unpin> Client<S> {
    /// What the server says up to the end of `marker`.
    pub(super) async fn until(&mut self, marker: &str) -> String {
        let mut said = Vec::new();
        within(async {
            while !said.ends_with(marker.as_bytes()) {
                let byte = self.0.read_u8().await.unwrap_or_else(|error| {
                    panic!(
                        "no `{marker}` in {}: {error}",
                        String::from_utf8_lossy(&said)
                    )
                });
                said.push(byte);
            }
        })
        .await;
        String::from_utf8(said).unwrap()
    }

    /// What the server says until it closes the connection, which it must do properly, not by a reset.
    pub(super) async fn rest(&mut self) -> String {
        let mut said = String::new();
        within(self.0.read_to_string(&mut said)).await.unwrap();
        said
    }
}

pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(FOR_EVER, future)
        .await
        .expect("still not done")
}

fn router(gate_entered: Arc<Notify>, gate_open: Arc<Notify>) -> Router {
    let gate = move || async move {
        gate_entered.notify_one();
        gate_open.notified().await;
        "gate passed"
    };
    Router::new()
        .route("/", any(|| async { "root" }))
        .route("/echo", post(echo))
        .route("/unread", post(|| async { "not read" }))
        .route("/peer", get(peer))
        .route("/gate", get(gate))
        .route("/large", any(|| async { "x".repeat(8 << 20) }))
        .route("/hang", get(std::future::pending::<()>))
        .route("/panic", get(panics))
}

async fn echo(body: Body) -> Result<Bytes, (StatusCode, String)> {
    read_body(body).await.map_err(|error| {
        let status = match error {
            BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken => StatusCode::BAD_REQUEST,
        };
        (status, error.to_string())
    })
}

async fn peer(Extension(PeerAddr(peer)): Extension<PeerAddr>) -> String {
    peer.ip().to_string()
}

async fn panics() -> &'static str {
    panic!("a handler that panics on purpose")
}
