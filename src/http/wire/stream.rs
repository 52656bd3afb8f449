//! [`StrictStream`]: hands hyper whole, unambiguous requests and nothing else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Violation;
use super::chunked::ChunkScanner;
use super::head::{Framing, HeadScanner};
use super::timer::Timer;

/// How long a [`StrictStream`] waits, and for how large a body.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// From a request's first byte to the end of its head; for the first request, from the start of the connection.
    pub head_timeout: Duration,
    /// From the moment hyper waits for a request's body to the body's end.
    pub body_timeout: Duration,
    /// Between two requests.
    pub idle_timeout: Duration,
    /// From the moment the peer stops taking a response to the response's end.
    pub write_timeout: Duration,
    /// The largest `Content-Length`, in bytes, that is worth reading on.
    pub declared_body_bytes: u64,
}

/// A connection as hyper may see it.
///
/// Reading yields a request head only once it is complete and has passed [`HeadScanner`], then exactly its body, then
/// nothing until the next head. What breaks the rules looks like the end of the connection to hyper, so that answers to
/// earlier requests still leave; [`StrictStream::refusal`] then says how to answer the one refused. A fault inside a
/// body is a read error instead, since a handler is waiting for that body and will answer.
#[derive(Debug)]
pub struct StrictStream<S> {
    socket: S,
    limits: StreamLimits,
    /// Received and not yet passed on; its first `cleared` bytes may be.
    received: BytesMut,
    cleared: usize,
    phase: Phase,
    read_timer: Timer<Awaited>,
    write_timer: Timer<()>,
    any_request: bool,
    /// hyper has written since it last flushed: an answer may still be on its way out.
    unflushed: bool,
    waiting_for_flush: Option<Waker>,
    closing: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Phase {
    Head(HeadScanner),
    Body {
        left: u64,
    },
    Chunks(ChunkScanner),
    /// A head broke a rule, or came too late.
    Refused(Violation),
    /// A body broke a rule, or came too late.
    Broken(Violation),
    /// The peer has sent its last byte.
    PeerDone,
    /// No request came in time.
    Idle,
}

/// What the peer is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    NextRequest,
    Head,
    Body,
}

impl<S> StrictStream<S> {
    /// Takes over a connection on which nothing has been read.
    pub fn new(socket: S, limits: StreamLimits) -> Self {
        Self {
            socket,
            limits,
            received: BytesMut::new(),
            cleared: 0,
            phase: Phase::Head(HeadScanner::default()),
            read_timer: Timer::default(),
            write_timer: Timer::default(),
            any_request: false,
            unflushed: false,
            waiting_for_flush: None,
            closing: Arc::default(),
        }
    }

    /// Becomes true when no further request can follow on this connection, so that a response can say so.
    pub fn closing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.closing)
    }

    /// The reason why a request was refused that nobody has answered yet.
    pub fn refusal(&self) -> Option<Violation> {
        match self.phase {
            Phase::Refused(violation) => Some(violation),
            _ => None,
        }
    }

    /// Whether the peer may still be sending, so that closing at once could destroy an answer on its way to it.
    pub fn peer_may_send(&self) -> bool {
        !matches!(self.phase, Phase::PeerDone | Phase::Idle)
    }

    /// The bare connection.
    pub fn into_inner(self) -> S {
        self.socket
    }

    /// Decides how much of what was received hyper may have.
    fn clear(&mut self) {
        let next = match &mut self.phase {
            Phase::Head(scanner) => match scanner.scan(&self.received) {
                Ok(None) => None,
                Ok(Some(head)) => {
                    self.cleared = head.bytes;
                    self.any_request = true;
                    Some(match head.body {
                        Framing::Chunked => Phase::Chunks(ChunkScanner::default()),
                        Framing::Length(0) => Phase::Head(HeadScanner::default()),
                        Framing::Length(left) if left <= self.limits.declared_body_bytes => {
                            Phase::Body { left }
                        }
                        Framing::Length(_) => {
                            self.cleared = 0;
                            Phase::Refused(Violation::BodyTooLarge)
                        }
                    })
                }
                Err(violation) => Some(Phase::Refused(violation)),
            },
            Phase::Body { left } => {
                let wanted = usize::try_from(*left).unwrap_or(usize::MAX);
                self.cleared = self.received.len().min(wanted);
                *left = left.saturating_sub(self.cleared as u64);
                (*left == 0).then(|| Phase::Head(HeadScanner::default()))
            }
            Phase::Chunks(scanner) => match scanner.scan(&self.received) {
                Ok(taken) => {
                    self.cleared = taken;
                    scanner
                        .is_done()
                        .then(|| Phase::Head(HeadScanner::default()))
                }
                Err(violation) => Some(Phase::Broken(violation)),
            },
            Phase::Refused(_) | Phase::Broken(_) | Phase::PeerDone | Phase::Idle => None,
        };
        if let Some(phase) = next {
            self.enter(phase);
        }
    }

    fn enter(&mut self, phase: Phase) {
        // Each phase has its own time, the head of a pipelined request too.
        self.read_timer.stop();
        let last = !matches!(
            phase,
            Phase::Head(_) | Phase::Body { .. } | Phase::Chunks(_)
        );
        self.closing.store(last, Ordering::Relaxed);
        self.phase = phase;
    }

    /// The socket has no byte to give: for what, and since when, has it been asked?
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (awaited, timeout) = match self.phase {
            Phase::Head(_) if self.any_request && self.received.is_empty() => {
                (Awaited::NextRequest, self.limits.idle_timeout)
            }
            Phase::Head(_) => (Awaited::Head, self.limits.head_timeout),
            _ => (Awaited::Body, self.limits.body_timeout),
        };
        ready!(self.read_timer.poll(cx, awaited, timeout));
        self.enter(match awaited {
            Awaited::Body => Phase::Broken(Violation::Timeout),
            Awaited::Head if !self.received.is_empty() => Phase::Refused(Violation::Timeout),
            // Nobody asked for anything, so there is nothing to answer.
            Awaited::Head | Awaited::NextRequest => Phase::Idle,
        });
        Poll::Ready(())
    }

    /// The peer closed its side.
    fn end_of_input(&mut self) {
        let cut_short = matches!(self.phase, Phase::Head(_)) && !self.received.is_empty();
        self.enter(if cut_short {
            Phase::Refused(Violation::HeadIncomplete)
        } else {
            Phase::PeerDone
        });
    }

    fn wrote<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.unflushed = true;
        if result.is_ready() {
            return result;
        }
        ready!(self.write_timer.poll(cx, (), self.limits.write_timeout));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StrictStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.cleared == 0 {
                this.clear();
            }
            if this.cleared > 0 {
                let handed = this.received.split_to(this.cleared.min(out.remaining()));
                this.cleared -= handed.len();
                out.put_slice(&handed);
                return Poll::Ready(Ok(()));
            }
            match this.phase {
                Phase::Head(_) | Phase::Body { .. } | Phase::Chunks(_) => {}
                // hyper drops what it has not sent yet when it sees the end, and our own answer must not cut into it.
                _ if this.unflushed => {
                    this.waiting_for_flush = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                Phase::Broken(Violation::Timeout) => {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Phase::Broken(violation) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, violation)));
                }
                Phase::Refused(_) | Phase::PeerDone | Phase::Idle => return Poll::Ready(Ok(())),
            }
            let mut scratch = [0; 4096];
            let mut read = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.socket).poll_read(cx, &mut read)? {
                Poll::Ready(()) if read.filled().is_empty() => this.end_of_input(),
                Poll::Ready(()) => this.received.extend_from_slice(read.filled()),
                Poll::Pending => ready!(this.poll_deadline(cx)),
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StrictStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.wrote(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.wrote(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.unflushed = false;
        self.write_timer.stop();
        if let Some(waker) = self.waiting_for_flush.take() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
