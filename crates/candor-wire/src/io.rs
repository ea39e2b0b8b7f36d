//! The sockets HTTP/1.x runs over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fd::AsFd;
use rustix::net::SendFlags;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::input::Input;
use crate::transport::Prefixed;

/// A connected stream.
#[derive(Debug)]
pub(crate) enum Io {
    /// Plain TCP.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<Prefixed<TcpStream>>>),
}

/// Calls the same method on whatever the stream is.
macro_rules! on_stream {
    ($io:expr, $stream:ident => $call:expr) => {
        match $io {
            Io::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Io::Unix(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Io::Tls(stream) => {
                let $stream = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl Io {
    /// Reads once into `input`; 0 bytes are the end. A block is held only if something was read.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut Input) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(input.room());
        let read = on_stream!(self, s => s.poll_read(cx, &mut room));
        let filled = room.filled().len();
        input.fill(filled);
        if filled == 0 {
            input.release();
        }
        read.map_ok(|()| filled)
    }

    /// Writes from several places at once.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match parts {
            [only] => on_stream!(self, s => s.poll_write(cx, only)),
            _ => on_stream!(self, s => s.poll_write_vectored(cx, parts)),
        }
    }

    /// Writes bytes that more will follow at once, so that TCP can send both in one segment. Nothing is held back
    /// longer than until the next call.
    pub(crate) fn poll_write_more(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Io::Tcp(stream) = self else { return self.poll_write(cx, &[IoSlice::new(bytes)]) };
        loop {
            ready!(stream.poll_write_ready(cx))?;
            let sent = stream.try_io(Interest::WRITABLE, || {
                Ok(rustix::net::send(stream.as_fd(), bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?)
            });
            match sent {
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Hands everything that TLS still holds to the system.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Tcp(_) | Io::Unix(_) => Poll::Ready(Ok(())),
            Io::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    /// Ends the direction to the client; reading goes on.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, s => s.poll_shutdown(cx))
    }

    /// Whether bytes go to the socket as they are, so that files can go without a copy.
    pub(crate) fn is_plain(&self) -> bool {
        !matches!(self, Io::Tls(_))
    }

    /// Sends up to `most` bytes of a file from `offset` on, which is moved; 0 means the file ends there.
    pub(crate) fn poll_sendfile(
        &mut self,
        cx: &mut Context<'_>,
        file: &std::fs::File,
        offset: &mut u64,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            let sent = match self {
                Io::Tcp(stream) => {
                    ready!(stream.poll_write_ready(cx))?;
                    stream.try_io(Interest::WRITABLE, || send(stream.as_fd(), file, offset, most))
                }
                Io::Unix(stream) => {
                    ready!(stream.poll_write_ready(cx))?;
                    stream.try_io(Interest::WRITABLE, || send(stream.as_fd(), file, offset, most))
                }
                Io::Tls(_) => Err(io::ErrorKind::Unsupported.into()),
            };
            match sent {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Makes the end of the connection look like a break: TCP resets it when it is dropped.
    pub(crate) fn break_off(&self) {
        let stream = match self {
            Io::Tcp(stream) => stream,
            Io::Tls(stream) => stream.get_ref().0.inner(),
            Io::Unix(_) => return,
        };
        // Nothing is left to do if the socket refuses: it is dropped, and closes short of what was promised.
        let _ = stream.set_zero_linger();
    }
}

fn send(
    socket: rustix::fd::BorrowedFd<'_>,
    file: &std::fs::File,
    offset: &mut u64,
    most: usize,
) -> io::Result<usize> {
    loop {
        match rustix::fs::sendfile(socket, file, Some(offset), most) {
            Err(rustix::io::Errno::INTR) => {}
            sent => return sent.map_err(io::Error::from),
        }
    }
}
