//! A connection that ends when its client does nothing for too long.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::ServeLimits;
use super::activity::Activity;
use super::connections::Place;

/// The byte stream of a connection, with its deadlines.
pub(super) struct Io {
    stream: TcpStream,
    limits: Arc<ServeLimits>,
    reading: Timer,
    writing: Timer,
    /// Since when the client has read nothing.
    blocked_since: Option<Instant>,
    place: Place,
}

impl Io {
    pub(super) fn new(stream: TcpStream, limits: Arc<ServeLimits>, place: Place) -> Self {
        let (reading, writing) = (Timer::default(), Timer::default());
        Self {
            stream,
            limits,
            reading,
            writing,
            blocked_since: None,
            place,
        }
    }

    pub(super) fn activity(&self) -> &Arc<Activity> {
        self.place.activity()
    }

    /// Passes on the result of a write, unless it has waited for too long.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.blocked_since = None;
            return result;
        }
        let since = *self.blocked_since.get_or_insert_with(Instant::now);
        ready!(self.writing.poll(context, since + self.limits.taking));
        Poll::Ready(Err(timed_out("the client does not read its response")))
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        // Registered first, so that a change of the state after this line wakes this task.
        this.activity().register(context.waker());
        if this.activity().is_evicted() {
            return Poll::Ready(Err(timed_out("an idle connection was closed to make room")));
        }
        if let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            if let Some(bytes @ [_, ..]) = buffer.filled().get(before..) {
                this.activity().received(bytes);
            }
            return Poll::Ready(result);
        }
        let Some(deadline) = this.activity().deadline(&this.limits) else {
            return Poll::Pending;
        };
        ready!(this.reading.poll(context, deadline));
        Poll::Ready(Err(timed_out("no request came in time")))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(context, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// A movable deadline; its timer is created on first use.
#[derive(Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready when the deadline has passed.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context)
    }
}

fn timed_out(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

/// The address under which a connection is counted: an IPv4 address also if it is written as IPv6,
/// and for IPv6 the /64, which is what a provider assigns to one customer.
pub(super) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(it) if !it.is_loopback() => IpAddr::V6((it.to_bits() >> 64 << 64).into()),
        other => other,
    }
}
