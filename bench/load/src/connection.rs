//! One connection of the client.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::answer::{self, Progress};
use crate::ask::Ask;

/// What a reading of the socket led to.
pub enum Event {
    /// Nothing that matters yet.
    Waiting,
    /// An answer is whole.
    Answer {
        /// Its status code.
        status: u16,
        /// The server closes after it.
        closes: bool,
    },
    /// The connection is over without a whole answer.
    Broken(&'static str),
}

/// A socket and the answer that is being read from it.
pub struct Connection {
    socket: OwnedFd,
    /// The index of the request in flight and the time it was due, since the
    /// start of the run.
    pub in_flight: Option<(usize, Duration)>,
    /// When it was sent.
    pub sent: Duration,
    /// Requests that were answered here.
    pub answered: u64,
    connected: bool,
    /// Octets of the request already written.
    written: usize,
    progress: Progress,
    status: u16,
    closes: bool,
    head: Vec<u8>,
}

impl Connection {
    /// Starts to connect, without waiting.
    pub fn open(server: SocketAddr) -> Result<Connection, Errno> {
        let family = match server {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        rustix::net::sockopt::set_tcp_nodelay(&socket, true)?;
        let connected = match rustix::net::connect(&socket, &server) {
            Ok(()) => true,
            Err(Errno::INPROGRESS) => false,
            Err(problem) => return Err(problem),
        };
        Ok(Connection {
            socket,
            in_flight: None,
            sent: Duration::ZERO,
            answered: 0,
            connected,
            written: 0,
            progress: Progress::Whole,
            status: 0,
            closes: false,
            head: Vec::new(),
        })
    }

    /// The socket, for epoll.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Makes the close a reset, so that no port waits for a minute.
    pub fn close_hard(self) {
        let _ = rustix::net::sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO));
    }

    /// Begins a request.
    pub fn ask(&mut self, which: usize, asks: &[Ask], due: Duration, now: Duration) -> Event {
        self.in_flight = Some((which, due));
        self.sent = now;
        self.written = 0;
        self.progress = Progress::Head;
        self.head.clear();
        self.write(asks)
    }

    /// The socket may be written.
    pub fn writable(&mut self, asks: &[Ask]) -> Event {
        if !self.connected {
            match rustix::net::sockopt::socket_error(&self.socket) {
                Ok(Ok(())) => self.connected = true,
                Ok(Err(Errno::CONNREFUSED)) => return Event::Broken("refused"),
                Ok(Err(_)) | Err(_) => return Event::Broken("connect"),
            }
        }
        self.write(asks)
    }

    fn write(&mut self, asks: &[Ask]) -> Event {
        let Some(ask) = self.in_flight.and_then(|(which, _)| asks.get(which)) else {
            return Event::Waiting;
        };
        if !self.connected {
            return Event::Waiting;
        }
        while let Some(rest) = ask.bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            match rustix::net::send(&self.socket, rest, SendFlags::NOSIGNAL) {
                Ok(count) => self.written += count,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => return Event::Broken("write"),
            }
        }
        Event::Waiting
    }

    /// The socket may be read. `ended` says that the server sent its last,
    /// `room` is where octets go that are needed, and `octets` counts them all.
    pub fn readable(&mut self, asks: &[Ask], ended: bool, room: &mut [u8], octets: &mut u64) -> Event {
        loop {
            let Some((which, _)) = self.in_flight else {
                // Nothing was asked: the server closes an idle connection.
                return match rustix::net::recv(&self.socket, &mut *room, RecvFlags::empty()) {
                    Err(Errno::AGAIN | Errno::INTR) => Event::Waiting,
                    _ => Event::Broken("idle close"),
                };
            };
            let (flags, most) = match self.progress {
                Progress::Content(missing) => {
                    (RecvFlags::TRUNC, room.len().min(usize::try_from(missing).unwrap_or(usize::MAX)))
                }
                Progress::UntilClose => (RecvFlags::TRUNC, room.len()),
                _ => (RecvFlags::empty(), room.len().min(64 * 1024)),
            };
            let (_, count) = match rustix::net::recv(&self.socket, &mut room[..most], flags) {
                Ok(read) => read,
                Err(Errno::AGAIN) => return Event::Waiting,
                Err(Errno::INTR) => continue,
                Err(_) => return Event::Broken("reset"),
            };
            *octets += count as u64;
            if count == 0 {
                return match self.progress {
                    Progress::UntilClose => Event::Answer { status: self.status, closes: true },
                    Progress::Head if self.head.is_empty() => Event::Broken("closed unanswered"),
                    _ => Event::Broken("cut short"),
                };
            }
            let head_only = asks.get(which).is_some_and(|ask| ask.head_only);
            match self.take(&room[..count.min(most)], count, head_only) {
                Ok(true) => {
                    return Event::Answer { status: self.status, closes: self.closes };
                }
                // A full room means that more is waiting; else the next call
                // would only say so, unless the end is what waits.
                Ok(false) if count < most && !ended => return Event::Waiting,
                Ok(false) => {}
                Err(answer::NotHttp) => return Event::Broken("not HTTP"),
            }
        }
    }

    /// Goes on over what was read; true when the answer is whole.
    fn take(&mut self, octets: &[u8], count: usize, head_only: bool) -> Result<bool, answer::NotHttp> {
        match self.progress {
            Progress::Head => self.take_head(octets, head_only)?,
            Progress::Content(missing) => {
                let missing = missing.checked_sub(count as u64).ok_or(answer::NotHttp)?;
                self.progress = if missing == 0 { Progress::Whole } else { Progress::Content(missing) };
            }
            other => self.progress = other.over(octets)?,
        }
        Ok(self.progress == Progress::Whole)
    }

    fn take_head(&mut self, octets: &[u8], head_only: bool) -> Result<(), answer::NotHttp> {
        // Most heads come whole and need no copy.
        let kept;
        let mut seen = if self.head.is_empty() {
            octets
        } else {
            self.head.extend_from_slice(octets);
            kept = std::mem::take(&mut self.head);
            kept.as_slice()
        };
        while let Some(head) = answer::head(seen, head_only)? {
            seen = &seen[head.length..];
            if head.status >= 200 {
                self.status = head.status;
                self.closes = head.closes;
                self.progress = head.then.over(seen)?;
                return Ok(());
            }
        }
        self.head = seen.to_vec();
        Ok(())
    }
}
