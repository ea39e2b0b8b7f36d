//! A connection to an upstream, and what was read of it and not used yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Bytes read at once.
const BLOCK: usize = 16 * 1024;

/// The socket, with or without TLS.
pub(crate) enum Io {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection.
pub(crate) struct Link {
    io: Io,
    block: Vec<u8>,
    start: usize,
    end: usize,
    /// It served an exchange before.
    pub(crate) reused: bool,
    /// When it was put aside.
    pub(crate) since: Instant,
}

impl Link {
    pub(crate) fn new(io: Io) -> Link {
        Link { io, block: Vec::new(), start: 0, end: 0, reused: false, since: Instant::now() }
    }

    /// What was read and not used yet.
    pub(crate) fn filled(&self) -> &[u8] {
        self.block.get(self.start..self.end).unwrap_or_default()
    }

    /// Marks bytes as used.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = self.end.min(self.start.saturating_add(bytes));
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Takes bytes out.
    pub(crate) fn take(&mut self, skip: usize, length: usize) -> Bytes {
        let bytes = self.filled().get(skip..skip.saturating_add(length)).unwrap_or_default();
        let bytes = Bytes::copy_from_slice(bytes);
        self.consume(skip.saturating_add(length));
        bytes
    }

    /// Reads what is there; 0 at the end of the stream.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room();
        let room = self.block.get_mut(self.end..).unwrap_or_default();
        let mut buffer = ReadBuf::new(room);
        match &mut self.io {
            Io::Tcp(stream) => ready!(Pin::new(stream).poll_read(cx, &mut buffer))?,
            Io::Tls(stream) => ready!(Pin::new(stream.as_mut()).poll_read(cx, &mut buffer))?,
        }
        let read = buffer.filled().len();
        self.end += read;
        Poll::Ready(Ok(read))
    }

    fn make_room(&mut self) {
        if self.block.len() < BLOCK {
            self.block.resize(BLOCK, 0);
        }
        if self.end == self.block.len() {
            if self.start > 0 {
                self.block.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.block.resize(self.block.len() * 2, 0);
            }
        }
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Tcp(_) => Poll::Ready(Ok(())),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    /// Whether it can take another exchange: nothing unasked came, and the upstream did not close it. `sure` asks the
    /// system, for requests that cannot be repeated.
    pub(crate) fn is_idle(&self, sure: bool) -> bool {
        if !self.filled().is_empty() {
            return false;
        }
        let stream = match &self.io {
            Io::Tcp(stream) => stream,
            Io::Tls(stream) => stream.get_ref().0,
        };
        if sure {
            let mut byte = [0_u8; 1];
            let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
            let seen = rustix::net::recv(stream, &mut byte[..], flags);
            return matches!(seen, Err(rustix::io::Errno::AGAIN));
        }
        let mut byte = [0_u8; 1];
        matches!(stream.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Gives its buffer back while it is idle.
    pub(crate) fn rest(&mut self) {
        self.block = Vec::new();
        (self.start, self.end) = (0, 0);
        self.reused = true;
        self.since = Instant::now();
    }
}
