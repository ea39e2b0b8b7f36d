//! What is left to send of an answer, in the cheapest way for each kind of content: bytes from where they lie,
//! files by the kernel, streams as they come.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::encode::{chunk_size, last_chunk};
use crate::io::Io;
use crate::read;
use crate::service::{FilePart, Piece, Source};
use crate::timer::Timer;

/// The most that one call sends of a file, in bytes.
const SENDFILE: usize = 512 * 1024;

/// What one connection may send before others have their turn, in bytes.
const TURN: usize = 2 * 1024 * 1024;

/// Bytes written by one call.
const SLICES: usize = 16;

/// A read on the blocking pool.
type Reading = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

/// An answer on its way out.
pub(crate) struct Outgoing {
    /// Bytes to write next, and whether they are content.
    queue: VecDeque<(Bytes, bool)>,
    /// The file part that comes after them.
    part: Option<FilePart>,
    /// How many bytes at its end are copied.
    copied_end: u64,
    reading: Option<Reading>,
    pieces: std::vec::IntoIter<Piece>,
    stream: Option<Stream>,
    /// Content bytes handed to the system.
    content: u64,
    /// Since when the system takes nothing, while it is waited for.
    progress: Option<Instant>,
}

/// Content that is made while it is sent.
pub(crate) struct Stream {
    /// Where it comes from.
    pub(crate) source: Box<dyn Source>,
    /// What is left of the promised length, if one was promised.
    pub(crate) left: Option<u64>,
    /// Whether it goes out in chunks.
    pub(crate) chunked: bool,
}

impl Outgoing {
    /// Nothing to send.
    pub(crate) fn new() -> Outgoing {
        Outgoing {
            queue: VecDeque::new(),
            part: None,
            copied_end: 0,
            reading: None,
            pieces: Vec::new().into_iter(),
            stream: None,
            content: 0,
            progress: None,
        }
    }

    /// Bytes to send next.
    pub(crate) fn push(&mut self, bytes: Bytes, is_content: bool) {
        if !bytes.is_empty() {
            self.queue.push_back((bytes, is_content));
        }
    }

    /// Content already handed to the system by someone else.
    pub(crate) fn count(&mut self, content: u64) {
        self.content += content;
    }

    /// A part of a file, after the bytes pushed so far.
    pub(crate) fn set_part(&mut self, part: FilePart) {
        self.copied_end = copied_end(&part);
        self.part = Some(part);
    }

    /// Pieces, after everything else.
    pub(crate) fn set_pieces(&mut self, pieces: Vec<Piece>) {
        self.pieces = pieces.into_iter();
    }

    /// A stream, after everything else.
    pub(crate) fn set_stream(&mut self, stream: Stream) {
        self.stream = Some(stream);
    }

    /// Content bytes handed to the system so far.
    pub(crate) fn content(&self) -> u64 {
        self.content
    }

    /// Sends until all is handed to the system.
    ///
    /// # Errors
    /// The answer cannot be finished: the peer is gone or takes nothing for `patience`, a file is shorter than
    /// promised or cannot be read, a stream failed or has another length than promised.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
        timer: &mut Timer,
        patience: Duration,
    ) -> Poll<io::Result<()>> {
        let mut turn = TURN;
        loop {
            let before = turn;
            match self.poll_send(cx, io, &mut turn) {
                Poll::Ready(Ok(true)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(false)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if self.waits_for_source() => {
                    self.progress = None;
                    // What was made so far goes out while the rest is made.
                    ready!(io.poll_flush(cx))?;
                    return Poll::Pending;
                }
                Poll::Pending => {
                    let since = *self.progress.get_or_insert_with(Instant::now);
                    ready!(timer.poll(cx, since + patience));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
            if turn != before {
                self.progress = None;
            }
            if turn == 0 {
                // The task comes again after the sockets of others were looked at.
                let _ = pin!(tokio::task::yield_now()).poll(cx);
                return Poll::Pending;
            }
        }
    }

    /// Whether nothing can be sent before more is made or read.
    pub(crate) fn waits_for_source(&self) -> bool {
        self.queue.is_empty() && (self.reading.is_some() || (self.part.is_none() && self.stream.is_some()))
    }

    /// One step: `true` at the end. What was sent is taken from `turn`.
    fn poll_send(&mut self, cx: &mut Context<'_>, io: &mut Io, turn: &mut usize) -> Poll<io::Result<bool>> {
        if !self.queue.is_empty() {
            let sent = ready!(self.poll_queue(cx, io))?;
            *turn = turn.saturating_sub(sent);
        } else if let Some(part) = &mut self.part {
            if part.length == 0 {
                self.part = None;
            } else if self.reading.is_none()
                && io.is_plain()
                && part.length > self.copied_end
                && in_memory(part)
            {
                if !part.holds() {
                    return Poll::Ready(Err(changed()));
                }
                let left = part.length.saturating_sub(self.copied_end);
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(SENDFILE).min((*turn).max(1));
                let sent = ready!(io.poll_sendfile(cx, &part.file, &mut part.offset, most))?;
                if sent == 0 {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                part.length = part.length.saturating_sub(sent as u64);
                self.content += sent as u64;
                *turn = turn.saturating_sub(sent);
            } else {
                let read = ready!(self.poll_file(cx))?;
                self.push(read, true);
            }
        } else if let Some(piece) = self.pieces.next() {
            match piece {
                Piece::Bytes(bytes) => self.push(bytes, true),
                Piece::File(part) => self.set_part(part),
            }
        } else if let Some(stream) = &mut self.stream {
            let next = ready!(stream.source.poll_next(cx)).transpose()?;
            self.take_from_stream(next)?;
        } else {
            ready!(io.poll_flush(cx))?;
            return Poll::Ready(Ok(true));
        }
        Poll::Ready(Ok(false))
    }

    fn poll_queue(&mut self, cx: &mut Context<'_>, io: &mut Io) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(b""); SLICES];
        let filled = self.queue.len().min(SLICES);
        for (slice, (bytes, _)) in slices.iter_mut().zip(&self.queue) {
            *slice = IoSlice::new(bytes);
        }
        let sent = ready!(io.poll_write(cx, slices.get(..filled).unwrap_or_default()))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        let mut rest = sent;
        while let Some((bytes, is_content)) = self.queue.front_mut() {
            let here = rest.min(bytes.len());
            rest -= here;
            if *is_content {
                self.content += here as u64;
            }
            if here < bytes.len() {
                bytes::Buf::advance(bytes, here);
                break;
            }
            self.queue.pop_front();
        }
        Poll::Ready(Ok(sent))
    }

    /// The next bytes of the file part, read for a socket that wants them copied.
    fn poll_file(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let Some(part) = &mut self.part else { return Poll::Ready(Ok(Bytes::new())) };
        let reading = self.reading.get_or_insert_with(|| {
            let FilePart { file, offset, length, .. } = part.clone();
            let most = usize::try_from(length).unwrap_or(usize::MAX);
            Box::pin(async move { read::read(&file, offset, most).await })
        });
        let read = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        let read = read?;
        if read.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        // Looked at after reading: what was copied is what was promised.
        if !part.holds() {
            return Poll::Ready(Err(changed()));
        }
        part.offset += read.len() as u64;
        part.length = part.length.saturating_sub(read.len() as u64);
        Poll::Ready(Ok(read))
    }

    fn take_from_stream(&mut self, next: Option<Bytes>) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let length = next.as_ref().map_or(0, |bytes| bytes.len() as u64);
        if let Some(left) = &mut stream.left {
            *left = left.checked_sub(length).ok_or(io::ErrorKind::InvalidData)?;
        }
        let chunked = stream.chunked;
        match next {
            None => {
                if stream.left.is_some_and(|left| left > 0) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let last = chunked.then(|| last_chunk(stream.source.trailers().as_ref()));
                self.stream = None;
                self.push(last.unwrap_or_default().into(), false);
            }
            // An empty chunk would end the content.
            Some(bytes) if bytes.is_empty() => {}
            Some(bytes) if chunked => {
                self.push(chunk_size(bytes.len()).into(), false);
                self.push(bytes, true);
                self.push(Bytes::from_static(b"\r\n"), false);
            }
            Some(bytes) => self.push(bytes, true),
        }
        Ok(())
    }
}

/// How many bytes at the end of a part are copied instead of left to the kernel. The end of a large file that may
/// change follows a last look: until then the client cannot take the answer for whole.
fn copied_end(part: &FilePart) -> u64 {
    const LARGE: u64 = 256 * 1024;
    const END: u64 = 16 * 1024;
    if part.state.is_some() && part.length > LARGE { END } else { 0 }
}

fn changed() -> io::Error {
    io::Error::other("the file changed while it was sent")
}

/// Whether the next bytes of a file part can go to a socket without waiting for the disk, which would hold up the
/// whole thread. Files are read forwards, so the last of those bytes tells for the others.
pub(crate) fn in_memory(part: &FilePart) -> bool {
    let last = part.length.min(SENDFILE as u64).saturating_sub(1);
    read::in_memory(&part.file, part.offset.saturating_add(last))
}
