//! HTTP/1.0 and 1.1 (RFC 9112): one connection is one state machine.
//!
//! | state | what happens | next |
//! | --- | --- | --- |
//! | Idle | the first byte of a request | Head |
//! | | end, `idle_timeout` (`head_timeout` on a new connection), drain | Closed, silently |
//! | Head | its end is there | Working |
//! | | a fault, or more bytes than the limits allow | Refused |
//! | | `head_timeout` | Refused (408) |
//! | | end of the stream | Closed, silently |
//! | | HTTP/2's preface, first on a plain connection | handed over |
//! | Working | the service asks for content: interim 100 if it was expected, content as it comes | Working |
//! | | content silent for `body_timeout`, malformed, or cut off: the service is told | Working |
//! | | the service answers | Answering |
//! | Refused | the service renders the refusal | Answering |
//! | Answering | all is handed to the system, everything of the request is read | Idle, or Closed |
//! | | a small rest of content is still unread | Rest |
//! | | more than that is unread, or the answer is a refusal that closes | Lingering |
//! | | the answer cannot be finished, or nothing is taken for `write_timeout` | Broken |
//! | Rest | its last byte is read and thrown away | Idle |
//! | | silence for `body_timeout`, end of the stream | Closed |
//! | Lingering | our direction is ended; what comes is thrown away, within bounds of time and size | Closed |
//! | Broken | reset | Closed |
//!
//! In Idle a connection holds no buffer. The rare states live in boxes, so that the state machine itself is small.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use candor_semantics::framing::Message;
use candor_semantics::head::Head;
use candor_semantics::method::Method;
use candor_semantics::refusal::Refusal;

use crate::drain::Drain;
use crate::encode::{self, Asked, Framing};
use crate::input::Input;
use crate::io::Io;
use crate::limits::Limits;
use crate::outgoing::{self, Outgoing, Stream};
use crate::peer::Peer;
use crate::pump::{Pump, Remainder};
use crate::scan::{Found, Scan};
use crate::service::{Answer, Content, Delivery, FilePart, Request, Service};
use crate::timer::Timer;

/// The longest time that a closing connection listens on.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// The most that it listens to, in bytes.
const LINGER_SIZE: usize = 4 * 1024 * 1024;

/// Content up to this size is copied behind the head, so that one plain write takes both.
const COPIED: usize = 8 * 1024;

/// File parts up to this size share their first segment with the head. Measured on the loopback, that sends 64 KiB
/// with an eighth less of CPU, but 1 MiB with several times as much.
const JOINED: u64 = 128 * 1024;

/// What a connection leaves behind when it is not HTTP/1.
pub(crate) struct Handover {
    /// The socket.
    pub(crate) io: Io,
    /// What was already read of it.
    pub(crate) read: Bytes,
}

/// Serves one connection to its end, or until it turns out to speak HTTP/2.
pub(crate) async fn serve<S: Service>(
    io: Io,
    service: &S,
    peer: &Arc<Peer>,
    limits: Arc<Limits>,
    drain: Drain,
) -> Option<Handover> {
    let mut wire = Wire {
        io,
        input: Input::default(),
        timer: Timer::default(),
        limits,
        drain,
        pump: None,
        since: Instant::now(),
        fresh: true,
    };
    loop {
        let work = match wire.open(peer).await {
            Opening::Closed => return None,
            Opening::Preface => {
                let read = Bytes::copy_from_slice(wire.input.filled());
                return Some(Handover { io: wire.io, read });
            }
            Opening::Head { head, message } => wire.begin(service, peer, head, message),
        };
        let after = match wire.work(service, peer, work).await {
            Ended::Sent(after) => after,
            Ended::Sending(sending) => wire.send(sending).await,
        };
        match after {
            After::GoOn => {}
            After::Rest if poll_fn(|cx| wire.poll_rest(cx)).await => {}
            After::Rest | After::Break => return None,
            After::Close => {
                if !wire.io.is_plain() {
                    // TLS says that it ends; whether that can still be sent makes no difference.
                    poll_fn(|cx| Poll::Ready(wire.io.poll_shutdown(cx).is_ready())).await;
                }
                return None;
            }
            After::Linger => {
                wire.linger().await;
                return None;
            }
        }
        wire.pump = None;
    }
}

/// Whether a file part is small, and in memory, so that it follows its head without a pause.
fn follows_at_once(part: &FilePart) -> bool {
    (1..=JOINED).contains(&part.length) && outgoing::in_memory(part)
}

/// A connection and what it needs in every state.
struct Wire {
    io: Io,
    input: Input,
    timer: Timer,
    limits: Arc<Limits>,
    drain: Drain,
    /// The content of the request at hand, if it has any.
    pump: Option<Box<Pump>>,
    /// When the state began that has a deadline: idleness, or a head with its first byte.
    since: Instant,
    /// No request was read yet.
    fresh: bool,
}

/// How Idle and Head end.
enum Opening {
    Closed,
    Preface,
    Head { head: Head, message: Message },
}

/// What makes the answer, and what of the request it depends on.
struct Work<F> {
    maker: Maker<F>,
    asked: Asked,
    /// The message cannot be read in step any more.
    lost: bool,
}

enum Maker<F> {
    Service(Pin<Box<F>>),
    Refusal(Option<Box<(Head, Refusal)>>),
}

/// How Working ends.
enum Ended<'s, S: Service> {
    /// With an answer that the system took at once.
    Sent(After),
    /// With one that takes more than one turn.
    Sending(Box<Sending<'s, S>>),
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    GoOn,
    Rest,
    Close,
    Linger,
    Break,
}

/// An answer under way. However it ends, also by being dropped, the service hears of it.
struct Sending<'s, S: Service> {
    service: &'s S,
    record: Option<S::Record>,
    outgoing: Outgoing,
    complete: bool,
    after: After,
}

impl<S: Service> Drop for Sending<'_, S> {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            let delivery = Delivery { content: self.outgoing.content(), complete: self.complete };
            self.service.delivered(record, delivery);
        }
    }
}

/// More bytes of a head.
enum More {
    Came,
    Ended,
    Late,
}

thread_local! {
    /// Where heads are put together before they are written.
    static HEAD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Wire {
    /// Idle and Head.
    async fn open(&mut self, peer: &Peer) -> Opening {
        let mut scan = Scan::default();
        if !self.input.is_empty() {
            self.since = Instant::now();
        }
        loop {
            if self.input.is_empty() {
                if !poll_fn(|cx| self.poll_first_bytes(cx)).await {
                    return Opening::Closed;
                }
                self.since = Instant::now();
            }
            match scan.advance(self.input.filled(), &self.limits) {
                Err(refusal) => return self.refused(&scan, peer, refusal),
                Ok(Found::Blank(bytes)) => self.input.consume(bytes),
                Ok(Found::Preface) if self.fresh && self.io.is_plain() => return Opening::Preface,
                Ok(Found::Preface) => return self.refused(&scan, peer, Refusal::Version),
                Ok(Found::Whole(bytes)) => return self.opened(&scan, peer, bytes),
                Ok(Found::More) => match poll_fn(|cx| self.poll_head_bytes(cx)).await {
                    More::Came => {}
                    More::Ended => return Opening::Closed,
                    More::Late => return self.refused(&scan, peer, Refusal::HeadTimeout),
                },
            }
        }
    }

    /// A head of so many bytes is there.
    fn opened(&mut self, scan: &Scan, peer: &Peer, bytes: usize) -> Opening {
        match scan.whole(self.input.filled().get(..bytes).unwrap_or_default(), peer.scheme) {
            Err(refusal) => self.refused(scan, peer, refusal),
            Ok(head) => {
                self.input.consume(bytes);
                self.fresh = false;
                let message = Message::of(&head);
                Opening::Head { head, message }
            }
        }
    }

    /// What was read cannot become a request.
    fn refused(&self, scan: &Scan, peer: &Peer, refusal: Refusal) -> Opening {
        let mut head = scan.start(self.input.filled(), peer.scheme);
        if refusal == Refusal::FieldsTooLarge {
            scan.name_last_field(&mut head, self.input.filled());
        }
        Opening::Head { head, message: Message::lost(refusal) }
    }

    /// The first bytes of a request; `false` where the connection ends without any.
    fn poll_first_bytes(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match self.io.poll_read(cx, &mut self.input) {
            Poll::Ready(read) => Poll::Ready(read.is_ok_and(|read| read > 0)),
            Poll::Pending if self.drain.poll(cx).is_ready() => Poll::Ready(false),
            Poll::Pending => {
                let patience = if self.fresh { self.limits.head_timeout } else { self.limits.idle_timeout };
                self.timer.poll(cx, self.since + patience).map(|()| false)
            }
        }
    }

    fn poll_head_bytes(&mut self, cx: &mut Context<'_>) -> Poll<More> {
        match self.io.poll_read(cx, &mut self.input) {
            Poll::Ready(Ok(read)) if read > 0 => Poll::Ready(More::Came),
            Poll::Ready(_) => Poll::Ready(More::Ended),
            Poll::Pending => {
                self.input.shrink();
                self.timer.poll(cx, self.since + self.limits.head_timeout).map(|()| More::Late)
            }
        }
    }

    /// Working begins: the request is handed up, or its fault is to be rendered.
    fn begin<'s, S: Service>(
        &mut self,
        service: &'s S,
        peer: &Arc<Peer>,
        head: Head,
        message: Message,
    ) -> Work<impl Future<Output = Answer<S::Record>> + Send + use<'s, S>> {
        let asked =
            Asked { version: head.version(), head_only: head.is(Method::Head), persists: message.persists };
        let (pump, incoming) = Pump::new(message.framing, message.expects_continue);
        self.pump = pump;
        let maker = match message.fault {
            Some(refusal) => Maker::Refusal(Some(Box::new((head, refusal)))),
            None => {
                let request = Request { head, incoming, peer: Arc::clone(peer), received: self.since };
                Maker::Service(Box::pin(service.respond(request)))
            }
        };
        Work { maker, asked, lost: message.fault.is_some_and(Refusal::closes) }
    }

    /// Working, and as much of Answering as the system takes at once.
    async fn work<'s, S: Service, F: Future<Output = Answer<S::Record>>>(
        &mut self,
        service: &'s S,
        peer: &Arc<Peer>,
        mut work: Work<F>,
    ) -> Ended<'s, S> {
        let mut waited = false;
        poll_fn(|cx| {
            let answer = match &mut work.maker {
                Maker::Service(future) => loop {
                    match future.as_mut().poll(cx) {
                        Poll::Ready(answer) => break answer,
                        Poll::Pending => {
                            waited = true;
                            ready!(self.poll_content(cx));
                        }
                    }
                },
                Maker::Refusal(refused) => match refused.take() {
                    Some(refused) => service.refuse(peer, refused.0, refused.1, self.since),
                    None => return Poll::Pending,
                },
            };
            // The service is done: it reads no more content, unless the answer does.
            work.maker = Maker::Refusal(None);
            if waited {
                self.since = Instant::now();
            }
            Poll::Ready(self.answer(cx, service, answer, work.asked, work.lost))
        })
        .await
    }

    /// Moves content that is asked for. Ready if something moved.
    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.pump {
            Some(pump) => {
                pump.poll(cx, &mut self.io, &mut self.input, &mut self.timer, self.limits.body_timeout)
            }
            None => Poll::Pending,
        }
    }

    /// Answering begins: head and small content in one write, and the rest as far as it goes.
    fn answer<'s, S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        service: &'s S,
        answer: Answer<S::Record>,
        asked: Asked,
        lost: bool,
    ) -> Ended<'s, S> {
        let Answer { status, fields, content, close, record } = answer;
        let (framing, has_content) = Framing::of(status, &content, asked);
        let live = matches!(content, Content::Stream { .. });
        let closes = close || lost || !asked.persists || framing == Framing::Close || self.drain.begun();
        let after = self.after(closes, lost, live);
        let persists = matches!(after, After::GoOn | After::Rest);

        let mut out = HEAD.take();
        out.clear();
        out.extend_from_slice(self.pump.as_mut().map_or(b"", |pump| pump.answer_begins()));
        encode::head(&mut out, status, &fields, framing, asked.version, persists, self.since);
        let head_size = out.len();
        let (bytes, rest) = match content {
            _ if !has_content => (Bytes::new(), None),
            Content::Bytes(bytes) if bytes.len() <= COPIED => {
                out.extend_from_slice(&bytes);
                (Bytes::new(), None)
            }
            Content::Bytes(bytes) => (bytes, None),
            content => (Bytes::new(), Some(content)),
        };
        let follows = matches!(&rest, Some(Content::File(part)) if follows_at_once(part));
        let written =
            if follows { self.write_before_file(cx, &out) } else { self.write_now(cx, &out, &bytes) };
        let mut sending =
            Sending { service, record: Some(record), outgoing: Outgoing::new(), complete: false, after };
        if let Ok(written) = written {
            let head_left = out.get(written.min(head_size)..head_size).unwrap_or_default();
            let copied_left = out.get(written.max(head_size)..).unwrap_or_default();
            let bytes_left = bytes.slice(written.saturating_sub(out.len())..);
            sending.outgoing.count(written.saturating_sub(head_size) as u64);
            sending.outgoing.push(Bytes::copy_from_slice(head_left), false);
            sending.outgoing.push(Bytes::copy_from_slice(copied_left), true);
            sending.outgoing.push(bytes_left, true);
            match rest {
                Some(Content::File(part)) => sending.outgoing.set_part(part),
                Some(Content::Pieces(pieces)) => sending.outgoing.set_pieces(pieces),
                Some(Content::Stream { source, length }) => {
                    let chunked = framing == Framing::Chunked;
                    sending.outgoing.set_stream(Stream { source, left: length, chunked });
                }
                _ => {}
            }
        }
        HEAD.set(out);
        if written.is_err() {
            self.io.break_off();
            return Ended::Sent(After::Break);
        }
        match self.poll_sending(cx, &mut sending) {
            Poll::Ready(after) => Ended::Sent(after),
            Poll::Pending => Ended::Sending(Box::new(sending)),
        }
    }

    /// One write of head and bytes; how much of them the system took.
    fn write_now(&mut self, cx: &mut Context<'_>, head: &[u8], bytes: &[u8]) -> io::Result<usize> {
        let written = if bytes.is_empty() {
            self.io.poll_write(cx, &[IoSlice::new(head)])
        } else {
            self.io.poll_write(cx, &[IoSlice::new(head), IoSlice::new(bytes)])
        };
        match written {
            Poll::Ready(written) => written,
            Poll::Pending => Ok(0),
        }
    }

    /// One write of a head that a file follows.
    fn write_before_file(&mut self, cx: &mut Context<'_>, head: &[u8]) -> io::Result<usize> {
        match self.io.poll_write_more(cx, head) {
            Poll::Ready(written) => written,
            Poll::Pending => Ok(0),
        }
    }

    /// What follows an answer, as far as it is known when it begins.
    fn after(&mut self, closes: bool, lost: bool, live: bool) -> After {
        let remainder = match &mut self.pump {
            None => Remainder::Nothing,
            // The answer is made from the content while that still comes.
            Some(pump) if live && pump.has_reader() => Remainder::Nothing,
            Some(pump) => pump.remainder(&mut self.input),
        };
        match remainder {
            _ if lost => After::Linger,
            Remainder::Much => After::Linger,
            Remainder::Nothing if closes && self.input.is_empty() => After::Close,
            _ if closes => After::Linger,
            Remainder::Small => After::Rest,
            Remainder::Nothing => After::GoOn,
        }
    }

    /// The rest of Answering.
    async fn send<S: Service>(&mut self, mut sending: Box<Sending<'_, S>>) -> After {
        let after = poll_fn(|cx| self.poll_sending(cx, &mut sending)).await;
        self.since = Instant::now();
        after
    }

    fn poll_sending<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        sending: &mut Sending<'_, S>,
    ) -> Poll<After> {
        loop {
            let patience = self.limits.write_timeout;
            match sending.outgoing.poll(cx, &mut self.io, &mut self.timer, patience) {
                Poll::Pending if sending.outgoing.waits_for_source() && self.poll_reset(cx) => {
                    return Poll::Ready(After::Break);
                }
                Poll::Pending => ready!(self.poll_content(cx)),
                Poll::Ready(Err(_)) => {
                    self.io.break_off();
                    return Poll::Ready(After::Break);
                }
                Poll::Ready(Ok(())) => {
                    sending.complete = true;
                    return Poll::Ready(self.settle(sending.after));
                }
            }
        }
    }

    /// Whether the client reset the connection while nothing is sent: an answer that waits for more to say would
    /// not hear of it else. Further requests that arrive meanwhile are kept, as far as one read takes them.
    fn poll_reset(&mut self, cx: &mut Context<'_>) -> bool {
        self.pump.is_none()
            && self.input.is_empty()
            && matches!(self.io.poll_read(cx, &mut self.input), Poll::Ready(Err(_)))
    }

    /// What follows once the answer is sent: content that was read meanwhile is no longer in the way, and content
    /// that its reader left is.
    fn settle(&mut self, after: After) -> After {
        match (&mut self.pump, after) {
            (Some(pump), After::GoOn) => match pump.remainder(&mut self.input) {
                Remainder::Nothing => After::GoOn,
                Remainder::Small => After::Rest,
                Remainder::Much => After::Linger,
            },
            _ => after,
        }
    }

    /// Rest: `true` once the last byte of the content is gone.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            if self.pump.as_mut().is_none_or(|pump| pump.discard(&mut self.input)) {
                return Poll::Ready(true);
            }
            match self.io.poll_read(cx, &mut self.input) {
                Poll::Ready(Ok(read)) if read > 0 => self.since = Instant::now(),
                Poll::Ready(_) => return Poll::Ready(false),
                Poll::Pending => {
                    return self.timer.poll(cx, self.since + self.limits.body_timeout).map(|()| false);
                }
            }
        }
    }

    /// Lingering: the client can read the answer before the connection is gone (RFC 9112 section 9.6).
    async fn linger(&mut self) {
        let until = Instant::now() + LINGER_TIME;
        let mut size = 0;
        let mut ended = false;
        poll_fn(|cx| {
            loop {
                if !ended {
                    match self.io.poll_shutdown(cx) {
                        Poll::Ready(Ok(())) => ended = true,
                        Poll::Ready(Err(_)) => return Poll::Ready(()),
                        Poll::Pending => {}
                    }
                }
                self.input.consume(usize::MAX);
                match self.io.poll_read(cx, &mut self.input) {
                    Poll::Ready(Ok(read)) if read > 0 && size < LINGER_SIZE => size += read,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return self.timer.poll(cx, until),
                }
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drain::Draining;

    /// A service whose own future is large, as that of a real one.
    struct Large;

    impl Service for Large {
        type Record = [u64; 16];

        async fn respond(&self, request: Request) -> Answer<[u64; 16]> {
            let room = [0_u8; 4096];
            tokio::task::yield_now().await;
            let content = Content::Bytes(Bytes::copy_from_slice(&room));
            drop(request);
            Answer { status: 200, fields: Default::default(), content, close: false, record: [0; 16] }
        }

        fn refuse(&self, _: &Arc<Peer>, _: Head, _: Refusal, _: Instant) -> Answer<[u64; 16]> {
            let content = Content::Nothing;
            Answer { status: 400, fields: Default::default(), content, close: true, record: [0; 16] }
        }

        fn delivered(&self, _: [u64; 16], _: Delivery) {}
    }

    #[tokio::test]
    async fn the_state_machine_is_small() {
        let (ours, _theirs) = tokio::net::UnixStream::pair().unwrap();
        let (_draining, drain) = Draining::new();
        let peer = Arc::new(Peer {
            address: None,
            local: None,
            scheme: candor_semantics::head::Scheme::Http,
            server_name: None,
        });
        let machine = serve(Io::Unix(ours), &Large, &peer, Arc::new(Limits::default()), drain);
        let size = size_of_val(&machine);
        assert!(size <= 640, "{size} bytes");
    }
}
