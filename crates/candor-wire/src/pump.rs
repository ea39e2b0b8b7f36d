//! Brings a request's content from its HTTP/1.x connection to whoever asks for it, piece by piece: nothing is read
//! that nobody wants, and at most one piece waits.

use std::io::IoSlice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::framing::Framing;

use crate::chunked::{Decoder, Step};
use crate::incoming::{ContentFault, Incoming, Pull};
use crate::input::Input;
use crate::io::Io;
use crate::timer::Timer;

/// An interim answer: go on and send the content (RFC 9110 section 15.2.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The longest rest of content that is read and thrown away so that the connection can go on, in bytes.
pub(crate) const SMALL_REST: u64 = 64 * 1024;

/// What a reader gets next: content, a fault, or the end.
type Next = Option<Result<Bytes, ContentFault>>;

/// Between the connection and the reader, who may sit in different tasks.
#[derive(Default)]
struct Pipe(Mutex<Slot>);

#[derive(Default)]
struct Slot {
    wanted: bool,
    left: bool,
    next: Option<Next>,
    trailers: Option<Fields>,
    reader: Option<Waker>,
    wire: Option<Waker>,
}

impl Pipe {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader's end.
struct Reader(Arc<Pipe>);

impl Pull for Reader {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut slot = self.0.slot();
        if let Some(next) = slot.next.take() {
            return Poll::Ready(next);
        }
        slot.wanted = true;
        keep(&mut slot.reader, cx);
        // In the connection's own task no waking is needed: it looks after every poll of the service.
        let wire = slot.wire.take_if(|wire| !wire.will_wake(cx.waker()));
        drop(slot);
        if let Some(wire) = wire {
            wire.wake();
        }
        Poll::Pending
    }

    fn trailers(&mut self) -> Option<Fields> {
        self.0.slot().trailers.take()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.slot().left = true;
    }
}

fn keep(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

/// What is left of the content.
enum Rest {
    Length(u64),
    Chunked(Box<Decoder>),
    Ended,
    Broken,
}

/// The connection's end.
pub(crate) struct Pump {
    pipe: Arc<Pipe>,
    rest: Rest,
    /// What is left to send of the interim answer.
    interim: &'static [u8],
    /// Since when the content is silent while somebody waits for it.
    silent: Option<Instant>,
}

/// What can be done with content that the service left unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remainder {
    /// All was read.
    Nothing,
    /// A small rest: read it and go on.
    Small,
    /// Too much, or the end cannot be told: close, with patience.
    Much,
}

impl Pump {
    /// Content framed as the head says, and the reader's end of it. `expects` asks for an interim 100 before the
    /// first byte.
    pub(crate) fn new(framing: Framing, expects: bool) -> (Option<Box<Pump>>, Incoming) {
        let (rest, length) = match framing {
            Framing::None | Framing::Length(0) => return (None, Incoming::empty()),
            Framing::Length(length) => (Rest::Length(length), Some(length)),
            Framing::Chunked => (Rest::Chunked(Box::default()), None),
        };
        let pipe = Arc::new(Pipe::default());
        let incoming = Incoming::new(length, Box::new(Reader(Arc::clone(&pipe))));
        let interim = if expects { CONTINUE } else { b"" };
        (Some(Box::new(Pump { pipe, rest, interim, silent: None })), incoming)
    }

    /// Moves one piece if one is wanted. Ready if the reader got something.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
        input: &mut Input,
        timer: &mut Timer,
        silence: Duration,
    ) -> Poll<()> {
        if !self.is_wanted(cx) {
            return Poll::Pending;
        }
        let next = match self.poll_piece(cx, io, input) {
            Poll::Ready(next) => next,
            Poll::Pending => {
                let since = *self.silent.get_or_insert_with(Instant::now);
                match timer.poll(cx, since + silence) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.broken(ContentFault::Stalled),
                }
            }
        };
        self.silent = None;
        self.give(next);
        Poll::Ready(())
    }

    /// The final answer begins: no interim answer may come after it. What is given back is the rest of one that was
    /// partly sent, and goes before the answer.
    pub(crate) fn answer_begins(&mut self) -> &'static [u8] {
        let rest = std::mem::take(&mut self.interim);
        if rest.len() < CONTINUE.len() { rest } else { b"" }
    }

    /// Whether somebody may still read the content.
    pub(crate) fn has_reader(&self) -> bool {
        !self.pipe.slot().left
    }

    /// What is left unread. Chunks that already came are thrown away, to see whether the end is among them.
    pub(crate) fn remainder(&mut self, input: &mut Input) -> Remainder {
        let waits_for_interim = !self.interim.is_empty() && input.is_empty();
        match &self.rest {
            Rest::Ended | Rest::Length(0) => Remainder::Nothing,
            Rest::Length(rest) if *rest <= SMALL_REST && !waits_for_interim => Remainder::Small,
            Rest::Length(_) | Rest::Broken => Remainder::Much,
            Rest::Chunked(_) => {
                self.discard(input);
                if matches!(self.rest, Rest::Ended) { Remainder::Nothing } else { Remainder::Much }
            }
        }
    }

    /// Throws away content that came. Whether its end was reached.
    pub(crate) fn discard(&mut self, input: &mut Input) -> bool {
        while matches!(self.take(input), Some(Some(Ok(_)))) {}
        matches!(self.rest, Rest::Ended)
    }

    fn is_wanted(&self, cx: &Context<'_>) -> bool {
        let mut slot = self.pipe.slot();
        keep(&mut slot.wire, cx);
        slot.wanted && !slot.left
    }

    fn give(&self, next: Next) {
        let mut slot = self.pipe.slot();
        slot.wanted = false;
        slot.next = Some(next);
        let reader = slot.reader.take();
        drop(slot);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>, io: &mut Io, input: &mut Input) -> Poll<Next> {
        while !self.interim.is_empty() && input.is_empty() {
            match io.poll_write(cx, &[IoSlice::new(self.interim)]) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(sent)) if sent > 0 => {
                    self.interim = self.interim.get(sent..).unwrap_or_default()
                }
                Poll::Ready(_) => return Poll::Ready(self.broken(ContentFault::Gone)),
            }
            if self.interim.is_empty() {
                // TLS may hold it back; if it cannot go now it goes with the next flush.
                let _ = io.poll_flush(cx);
            }
        }
        self.interim = b"";
        loop {
            if let Some(next) = self.take(input) {
                return Poll::Ready(next);
            }
            match io.poll_read(cx, input) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(read)) if read > 0 => self.silent = None,
                Poll::Ready(_) => return Poll::Ready(self.broken(ContentFault::Gone)),
            }
        }
    }

    /// The next piece out of what was read, if it is enough for one.
    fn take(&mut self, input: &mut Input) -> Option<Next> {
        loop {
            match &mut self.rest {
                Rest::Ended | Rest::Length(0) => {
                    self.rest = Rest::Ended;
                    return Some(None);
                }
                Rest::Broken => return Some(Some(Err(ContentFault::Malformed))),
                _ if input.is_empty() => return None,
                Rest::Length(rest) => {
                    let length = usize::try_from(*rest).unwrap_or(usize::MAX).min(input.len());
                    *rest -= length as u64;
                    return Some(Some(Ok(cut(input, 0, length))));
                }
                Rest::Chunked(decoder) => match decoder.step(input.filled()) {
                    Ok(Step::More { used }) => input.consume(used),
                    Ok(Step::Content { skip, length }) => return Some(Some(Ok(cut(input, skip, length)))),
                    Ok(Step::End { used }) => {
                        input.consume(used);
                        self.pipe.slot().trailers = decoder.trailers();
                        self.rest = Rest::Ended;
                    }
                    Err(_) => return Some(self.broken(ContentFault::Malformed)),
                },
            }
        }
    }

    fn broken(&mut self, fault: ContentFault) -> Next {
        self.rest = Rest::Broken;
        Some(Err(fault))
    }
}

fn cut(input: &mut Input, skip: usize, length: usize) -> Bytes {
    let piece = Bytes::copy_from_slice(input.filled().get(skip..skip + length).unwrap_or_default());
    input.consume(skip + length);
    piece
}
