//! HTTP/2 (RFC 9113) over the `h2` crate.
//!
//! One task runs the connection. A request is first worked on inside that task, and most answers are done there;
//! what has to wait moves to a task of its own. Nothing is written to the socket until all that can be done in one
//! turn is done, so that a turn of small answers costs one call of the system.
//!
//! Written exceptions, decided by the `h2` crate before anybody here sees the request: a header list over the
//! limit is answered by its own 431; a malformed request (missing or repeated pseudo-fields, fields of the
//! connection, upper-case names, a path or an authority that is no part of a URI) is a reset with PROTOCOL_ERROR
//! (RFC 9113 section 8.1.1), and so is content of another length than declared.

mod answer;
mod quiet;
mod request;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use ::h2::RecvStream;
use ::h2::server::{Builder, Connection, SendResponse};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use self::quiet::Quiet;
use crate::drain::Drain;
use crate::limits::Limits;
use crate::peer::Peer;
use crate::service::{Delivery, Service};
use crate::transport::{Gate, Gather, Prefixed};

/// What a client may send before anybody has asked for content: of one request, and of all on a connection.
const UNASKED: (u32, u32) = (64 * 1024, 128 * 1024);
/// The same once content was wanted on this connection, so that it need not wait for each round trip.
const WANTED: (u32, u32) = (512 * 1024, 1024 * 1024);
/// What one answer may have waiting for the socket.
const SEND_BUFFER: usize = 128 * 1024;
/// Requests taken back before they were looked at that may lie about at once; more is an attack by "rapid reset"
/// (RFC 9113 section 10.5).
const RESETS: usize = 64;

/// Serves one connection to its end. `already_read` are bytes of it that were read to find out its version.
///
/// It ends when the client closes, after `limits.idle_timeout` without a request, when the word to drain was given
/// and the requests in progress are answered, or when the client breaks the protocol.
pub async fn serve<S, IO>(
    io: IO,
    already_read: Bytes,
    service: Arc<S>,
    peer: Arc<Peer>,
    limits: Arc<Limits>,
    drain: Drain,
) where
    S: Service,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let began = Instant::now();
    let (io, gate) = Gather::new(Prefixed::new(already_read, io));
    let Ok(Ok(connection)) = timeout(limits.head_timeout, builder(&limits).handshake(io)).await else {
        return;
    };
    let shared = Arc::new(Shared {
        service,
        peer,
        limits,
        outbox: Mutex::default(),
        waiting: AtomicUsize::new(0),
        content: Arc::default(),
    });
    Turns { connection, gate, shared: Arc::clone(&shared), quiet: Quiet::new(began), batch: 0 }
        .run(drain)
        .await;
    shared.close();
}

fn builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(UNASKED.0)
        .initial_connection_window_size(UNASKED.1)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_size).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS);
    builder
}

/// The connection's task.
struct Turns<S: Service, IO> {
    connection: Connection<Gather<Prefixed<IO>>, Bytes>,
    gate: Gate,
    shared: Arc<Shared<S>>,
    quiet: Quiet,
    /// Requests in the latest turn that had any.
    batch: usize,
}

/// A request and the way to answer it, as the `h2` crate gives them.
type Accepted = (http::Request<RecvStream>, SendResponse<Bytes>);

impl<S, IO> Turns<S, IO>
where
    S: Service,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// Runs turns until the connection ends or its time is over.
    async fn run(mut self, mut drain: Drain) {
        let mut drained = pin!(drain.wait());
        let shared = Arc::clone(&self.shared);
        let mut start = Start::new(move |accepted, now| answer::exchange(Arc::clone(&shared), accepted, now));
        poll_fn(|cx| {
            if !self.quiet.is_leaving() && drained.as_mut().poll(cx).is_ready() {
                self.leave();
            }
            loop {
                if self.turn(&mut start, cx).is_ready() {
                    return Poll::Ready(());
                }
                match self.poll_quiet(cx) {
                    Poll::Ready(quiet::Verdict::Leave) => self.leave(),
                    Poll::Ready(quiet::Verdict::End) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }

    /// Takes no more requests; those in progress are finished (RFC 9113 section 6.8).
    fn leave(&mut self) {
        self.quiet.leave(Instant::now());
        self.connection.graceful_shutdown();
    }

    /// One turn: takes all requests there are, answers what can be answered, then writes. Ready when the
    /// connection is over.
    ///
    /// A client that asks one thing after the other is served without holding back, which would only cost.
    fn turn<F, M>(&mut self, start: &mut Start<F, M>, cx: &mut Context<'_>) -> Poll<()>
    where
        F: Future<Output = ()> + Send + 'static,
        M: FnMut(Accepted, Instant) -> F,
    {
        let now = Instant::now();
        let mut batch = 0;
        self.widen();
        self.gate.begin_turn();
        if self.batch > 1 {
            self.gate.hold();
        }
        loop {
            let is_held = self.gate.is_held();
            match if is_held { self.next(cx) } else { self.next_flushed(cx) } {
                Poll::Ready(Some(accepted)) => {
                    batch += 1;
                    self.begin(start, accepted, now, cx);
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending if is_held => self.gate.release(),
                Poll::Pending => break,
            }
        }
        self.batch = if batch > 0 { batch } else { self.batch };
        Poll::Pending
    }

    /// Lets more content in at once when somebody wants any. It cannot be done while the client has not
    /// acknowledged earlier settings; then it is tried in the next turn.
    fn widen(&mut self) {
        let content = &self.shared.content;
        if content.load(Ordering::Relaxed) == CONTENT_WANTED
            && self.connection.set_initial_window_size(WANTED.0).is_ok()
        {
            self.connection.set_target_window_size(WANTED.1);
            content.store(CONTENT_WIDENED, Ordering::Relaxed);
        }
    }

    /// Looks for a request after writing what there is, and tells the service of answers that are out, or keeps
    /// them until they are.
    fn next_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Accepted>> {
        let sent = self.shared.take_sent(cx);
        self.gate.release();
        let next = self.next(cx);
        if !self.gate.is_clean() {
            self.shared.put_back(sent);
            return next;
        }
        for (record, delivery) in sent {
            self.shared.service.delivered(record, delivery);
        }
        next
    }

    /// Looks for a request; none comes any more when the connection is over. A client that has too much in
    /// progress is not given a hearing, but its streams go on.
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Accepted>> {
        if self.shared.is_full() {
            return self.connection.poll_closed(cx).map(|_| None);
        }
        self.connection.poll_accept(cx).map(|accepted| accepted.and_then(Result::ok))
    }

    /// Works on a request as far as it goes without waiting.
    fn begin<F, M>(&mut self, start: &mut Start<F, M>, accepted: Accepted, now: Instant, cx: &mut Context<'_>)
    where
        F: Future<Output = ()> + Send + 'static,
        M: FnMut(Accepted, Instant) -> F,
    {
        self.quiet.request(now);
        if let Some(unfinished) = start.begin(accepted, now, cx) {
            let waiting = Waiting::new(&self.shared);
            tokio::spawn(async move {
                let _waiting = waiting;
                unfinished.await;
            });
        }
    }

    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<quiet::Verdict> {
        let busy = self.shared.waiting.load(Ordering::Relaxed) > 0 || self.connection.has_streams();
        let stuck_at = (!self.gate.is_clean()).then(|| self.gate.handed_down());
        self.quiet.poll(busy, stuck_at, &self.shared.limits, cx)
    }
}

/// Begins exchanges, and uses the memory of one that ended at once for the next.
struct Start<F, M> {
    make: M,
    spare: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = ()>, M: FnMut(Accepted, Instant) -> F> Start<F, M> {
    fn new(make: M) -> Start<F, M> {
        Start { make, spare: None }
    }

    /// The exchange, if it has to wait for something.
    fn begin(&mut self, accepted: Accepted, now: Instant, cx: &mut Context<'_>) -> Option<Pin<Box<F>>> {
        let exchange = (self.make)(accepted, now);
        let mut place = match self.spare.take() {
            Some(mut place) => {
                place.set(exchange);
                place
            }
            None => Box::pin(exchange),
        };
        if place.as_mut().poll(cx).is_pending() {
            return Some(place);
        }
        self.spare = Some(place);
        None
    }
}

/// What the requests of a connection have in common.
struct Shared<S: Service> {
    service: Arc<S>,
    peer: Arc<Peer>,
    limits: Arc<Limits>,
    outbox: Mutex<Outbox<S::Record>>,
    /// Requests in tasks of their own.
    waiting: AtomicUsize,
    /// Whether content was asked for on this connection.
    content: Arc<AtomicU8>,
}

/// Somebody has asked for content.
const CONTENT_WANTED: u8 = 1;
/// The client knows that it may send more at once.
const CONTENT_WIDENED: u8 = 2;

/// Answers whose last byte is with the `h2` crate, but perhaps not yet with the system.
struct Outbox<R> {
    closed: bool,
    sent: Vec<(R, Delivery)>,
    /// Wakes the connection's task.
    waker: Option<Waker>,
}

impl<R> Default for Outbox<R> {
    fn default() -> Outbox<R> {
        Outbox { closed: false, sent: Vec::new(), waker: None }
    }
}

impl<S: Service> Shared<S> {
    /// Whether the client has as much in progress as it may have. Requests it has reset count until their work
    /// ends, unlike in the protocol.
    fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= self.limits.streams as usize
    }

    /// An answer has ended here; a whole one counts as delivered only once the connection was flushed.
    fn finish(&self, record: S::Record, mut delivery: Delivery) {
        if delivery.complete {
            let mut outbox = self.outbox();
            if !outbox.closed {
                outbox.sent.push((record, delivery));
                return;
            }
            delivery.complete = false;
        }
        self.service.delivered(record, delivery);
    }

    /// What has ended since the last call; the caller is the connection's task.
    fn take_sent(&self, cx: &Context<'_>) -> Vec<(S::Record, Delivery)> {
        let mut outbox = self.outbox();
        match &mut outbox.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        std::mem::take(&mut outbox.sent)
    }

    /// Puts back what could not be flushed.
    fn put_back(&self, mut sent: Vec<(S::Record, Delivery)>) {
        if !sent.is_empty() {
            let mut outbox = self.outbox();
            sent.append(&mut outbox.sent);
            outbox.sent = sent;
        }
    }

    /// The connection is over; what was not flushed was not delivered.
    fn close(&self) {
        let sent = {
            let mut outbox = self.outbox();
            outbox.closed = true;
            std::mem::take(&mut outbox.sent)
        };
        for (record, delivery) in sent {
            self.service.delivered(record, Delivery { complete: false, ..delivery });
        }
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox<S::Record>> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request that moved to a task of its own, until it ends in any way.
struct Waiting<S: Service>(Arc<Shared<S>>);

impl<S: Service> Waiting<S> {
    fn new(shared: &Arc<Shared<S>>) -> Waiting<S> {
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(shared))
    }
}

impl<S: Service> Drop for Waiting<S> {
    /// The connection's task may wait for this: to report the answer, or to listen again.
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(waker) = &self.0.outbox().waker {
            waker.wake_by_ref();
        }
    }
}
