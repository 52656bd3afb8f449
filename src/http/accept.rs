//! [`serve`]: the accept loop, with every bound that `axum::serve` lacks.
//!
//! axum's own loop has no timer and no cap: half-sent requests stay open for ever. Here each connection counts against
//! two caps (`admission`), reads and writes against deadlines ([`super::wire`]), and each request against a time
//! limit (`connection`).

mod admission;
mod connection;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::admission::Admission;
use super::body::{MAX_FORM_BYTES, max_upload_bytes};
use super::tls::Tls;
use super::wire::StreamLimits;
use crate::metrics::Metrics;
use crate::rule_host::Limits;

/// The address a request came from, as an extension of every request. Behind a proxy, it is the proxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Says when the server is about to stop, as an extension of every request: for answers that do not end by
/// themselves.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Returns when it is time to come to an end.
    pub async fn begun(&mut self) {
        // A front door that is gone has stopped, too.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }

    /// Whether it is.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }
}

/// How many connections are held, and how long each may take over what.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at a time. The default, 768, fits under the usual limit of 1,024 open files beside the store's, and
    /// is far more than the password hashing behind it can serve.
    pub connections: usize,
    /// Connections at a time from one address, where an IPv6 address counts by its /64 (one subscriber has a whole
    /// one). The default, 256, leaves two thirds to others. Behind a proxy, all clients share one address: set this to
    /// [`Self::connections`] there.
    pub connections_per_address: usize,
    /// The largest `Content-Length`, in bytes, that is not refused at the sight of the head: that of the upload of
    /// the largest component. Each endpoint has a bound of its own, mostly [`super::body::MAX_BODY_BYTES`].
    pub declared_body_bytes: u64,
    /// For the TLS handshake, where there is one. Default 10 s.
    pub handshake_timeout: Duration,
    /// For a request head to arrive, from its first byte; on a new connection, from the start. Default 10 s: a phone on
    /// a bad network needs 3.
    pub head_timeout: Duration,
    /// For a request body to arrive. Default 10 s.
    pub body_timeout: Duration,
    /// Between two requests on one connection. Default 60 s, as most proxies keep theirs.
    pub idle_timeout: Duration,
    /// For a handler to answer, body included; then the client reads 503. Default 30 s, which covers a full hashing
    /// queue and a chain of slow rules.
    pub handler_timeout: Duration,
    /// For the peer to take a response once it has stopped doing so. Default 10 s.
    pub write_timeout: Duration,
    /// For the peer to read a last answer and close, before the server does. Default 1 s.
    pub linger_timeout: Duration,
    /// For requests in flight when the server is told to stop. Default 25 s, within the 30 s that orchestrators
    /// commonly wait before they kill.
    pub drain_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 768,
            connections_per_address: 256,
            declared_body_bytes: Self::for_components(Limits::default().component_bytes),
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            handler_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            linger_timeout: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(25),
        }
    }
}

impl ConnectionLimits {
    /// [`Self::declared_body_bytes`] where components have at most so many bytes.
    pub const fn for_components(bytes: usize) -> u64 {
        let (component, users) = (max_upload_bytes(bytes) as u64, MAX_FORM_BYTES);
        if component > users { component } else { users }
    }

    fn stream(&self) -> StreamLimits {
        StreamLimits {
            head_timeout: self.head_timeout,
            body_timeout: self.body_timeout,
            idle_timeout: self.idle_timeout,
            write_timeout: self.write_timeout,
            declared_body_bytes: self.declared_body_bytes,
        }
    }
}

/// Serves `router` on `listener` until `shutdown` completes, then lets requests in flight finish, for at most
/// [`ConnectionLimits::drain_timeout`].
///
/// Every request carries [`PeerAddr`] as an extension. A client that hangs up does not cancel its handler: what the
/// handler began (a rotation, say) it ends, or the time limit ends it.
///
/// # Errors
///
/// None as yet: a failing `accept` is logged and tried again, since it says that descriptors are short or that one
/// client went away, and neither is a reason to stop.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let door = Door {
        listener,
        tls: None,
        metrics: None,
    };
    serve_with(door, router, limits, shutdown).await
}

/// What is listened on, and how.
pub struct Door {
    /// Where connections come from.
    pub listener: TcpListener,
    /// Speaks TLS if it is given: then every request also carries what the client showed of a certificate, if the
    /// listener asks for one.
    pub tls: Option<Tls>,
    /// Where connections are counted.
    pub metrics: Option<Arc<Metrics>>,
}

/// The same, with more to choose.
///
/// # Errors
///
/// Likewise.
pub async fn serve_with(
    door: Door,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let Door {
        listener,
        tls,
        metrics,
    } = door;
    let metrics = metrics.unwrap_or_default();
    let admission = Admission::new(
        limits.connections,
        limits.connections_per_address,
        Arc::clone(&metrics),
    );
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                let (tls, router, stopping) = (tls.clone(), router.clone(), stopping.clone());
                let in_clear = tls.is_none();
                let drive =
                    |socket, peer| connection::drive(socket, tls, peer, router, limits, stopping);
                admit(&mut tasks, &admission, socket, peer, in_clear, drive);
            }
            Err(error) => {
                if let Some(pause) = pause_after(&error) {
                    tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections");
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    // New connections are refused by the kernel from here on, so that a load balancer goes elsewhere at once.
    drop(listener);
    stop.send_replace(true);
    drain(tasks, limits.drain_timeout).await;
    Ok(())
}

/// Gives the connection a task of its own if the caps allow it, else the short way out.
fn admit<F>(
    tasks: &mut JoinSet<()>,
    admission: &Admission,
    socket: TcpStream,
    peer: SocketAddr,
    in_clear: bool,
    drive: impl FnOnce(TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    if let Some(slot) = admission.admit(peer.ip()) {
        let connection = drive(socket, peer);
        tasks.spawn(async move {
            connection.await;
            drop(slot);
        });
    } else if let Some(slot) = admission.admit_to_refusal() {
        tracing::debug!(%peer, "connection turned away: too many are open");
        // Who expects a handshake cannot read it, and one costs more than a refusal may.
        if in_clear {
            tasks.spawn(async move {
                connection::turn_away(socket).await;
                drop(slot);
            });
        }
    }
}

/// How long to wait after a failed `accept`: not at all if it was that one connection's fault, else long enough not to
/// spin while there are no descriptors (`EMFILE` leaves the connection in the queue, so `accept` fails again at once).
fn pause_after(error: &io::Error) -> Option<Duration> {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    match error.kind() {
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted => None,
        _ => Some(Duration::from_millis(100)),
    }
}

async fn drain(mut tasks: JoinSet<()>, within: Duration) {
    let all_done = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(within, all_done).await.is_err() {
        tracing::warn!(
            connections = tasks.len(),
            "stopped before all requests were answered"
        );
        tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_descriptors_pauses_the_accept_loop_and_a_lost_client_does_not() {
        let emfile = io::Error::from_raw_os_error(24);
        assert_eq!(pause_after(&emfile), Some(Duration::from_millis(100)));
        assert_eq!(pause_after(&io::ErrorKind::ConnectionAborted.into()), None);
    }
}
