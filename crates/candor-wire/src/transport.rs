//! What lies between a socket and a protocol: bytes read too early, and writes gathered into few calls.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose first bytes were read before it was known what they are.
#[derive(Debug)]
pub struct Prefixed<IO> {
    prefix: Bytes,
    inner: IO,
}

impl<IO> Prefixed<IO> {
    /// `prefix` is read before anything of `inner`.
    pub fn new(prefix: Bytes, inner: IO) -> Prefixed<IO> {
        Prefixed { prefix, inner }
    }

    /// The stream below.
    pub fn inner(&self) -> &IO {
        &self.inner
    }

    /// The stream below, without what is left of the prefix.
    pub fn into_inner(self) -> IO {
        self.inner
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Prefixed<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let length = self.prefix.len().min(buf.remaining());
        buf.put_slice(&self.prefix.split_to(length));
        if self.prefix.is_empty() {
            self.prefix = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Prefixed<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Bytes gathered before they are written although nobody asked for it: two full TLS records (RFC 8446
/// section 5.1).
const GATHERED: usize = 32 * 1024;

/// Holding back: flushes are remembered, not done.
const HOLD: u8 = 0;
/// Letting go: the next flush is done.
const RELEASE: u8 = 1;
/// Let go, and everything was handed down.
const CLEAN: u8 = 2;

/// A stream that gathers the many small writes and flushes of one turn, so that they cost one call of the system
/// and few TLS records. The other end of it is a [`Gate`].
#[derive(Debug)]
pub(crate) struct Gather<IO> {
    inner: IO,
    waiting: Vec<u8>,
    written: usize,
    /// The turn in which a read had to wait. The task is woken when there is something, so that asking again in
    /// the same turn is of no use.
    dry: u32,
    gate: Gate,
}

/// Tells a [`Gather`] when a turn ends, and hears from it how far it got. Both are used by one task, which is why
/// no order between threads is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Progress>);

#[derive(Debug, Default)]
struct Progress {
    turn: AtomicU32,
    state: AtomicU8,
    handed_down: AtomicU64,
}

impl Gate {
    /// A new turn begins: there may be something to read. Before the first one, every read is tried.
    pub(crate) fn begin_turn(&self) {
        self.0.turn.store(self.turn().wrapping_add(1), Ordering::Relaxed);
    }

    fn turn(&self) -> u32 {
        self.0.turn.load(Ordering::Relaxed)
    }

    /// From now on flushes wait.
    pub(crate) fn hold(&self) {
        self.0.state.store(HOLD, Ordering::Relaxed);
    }

    /// Whether flushes wait.
    pub(crate) fn is_held(&self) -> bool {
        self.0.state.load(Ordering::Relaxed) == HOLD
    }

    /// From now on flushes are done.
    pub(crate) fn release(&self) {
        self.0.state.store(RELEASE, Ordering::Relaxed);
    }

    /// Whether everything written before the last [`Gate::release`] has been handed down.
    pub(crate) fn is_clean(&self) -> bool {
        self.0.state.load(Ordering::Relaxed) == CLEAN
    }

    /// Bytes handed down so far.
    pub(crate) fn handed_down(&self) -> u64 {
        self.0.handed_down.load(Ordering::Relaxed)
    }
}

impl<IO> Gather<IO> {
    /// A gathering stream, letting go at first.
    pub(crate) fn new(inner: IO) -> (Gather<IO>, Gate) {
        let gate = Gate::default();
        gate.release();
        (Gather { inner, waiting: Vec::new(), written: 0, dry: 0, gate: gate.clone() }, gate)
    }
}

impl<IO: AsyncWrite + Unpin> Gather<IO> {
    /// Hands down everything gathered. The memory is kept only while there is more to do.
    fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.waiting.get(self.written..).filter(|rest| !rest.is_empty()) {
            let length = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += length;
            self.gate.0.handed_down.fetch_add(length as u64, Ordering::Relaxed);
        }
        self.waiting.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Room for more, after handing down what was gathered if it is much.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.waiting.len() >= GATHERED {
            ready!(self.poll_empty(cx))?;
        }
        if self.waiting.capacity() == 0 {
            self.waiting.reserve_exact(GATHERED);
        }
        Poll::Ready(Ok(GATHERED - self.waiting.len()))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Gather<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let turn = self.gate.turn();
        if turn > 0 && self.dry == turn {
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if read.is_pending() {
            self.dry = turn;
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Gather<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.as_mut().poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut room = ready!(self.poll_room(cx))?;
        let mut taken = 0;
        while let Some((first, rest)) = bufs.split_first() {
            let part = first.get(..first.len().min(room)).unwrap_or_default();
            self.waiting.extend_from_slice(part);
            taken += part.len();
            room -= part.len();
            if part.len() < first.len() {
                break;
            }
            bufs = rest;
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gate.0.state.load(Ordering::Relaxed) == HOLD {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_empty(cx))?;
        self.waiting = Vec::new();
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.gate.0.state.store(CLEAN, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_empty(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
