//! One attempt: a request sent to an upstream while its answer is listened for.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use candor_semantics::gateway::cause::Cause;
use candor_semantics::gateway::retry::Happened;
use candor_semantics::outcome::Outcome;
use tokio::time::Sleep;

use crate::head::{self, ReplyHead};
use crate::link::Link;
use crate::outbound::Outbound;
use crate::request::last_chunk;

/// How long the upstream may leave the question open whether content is wanted (section 10.1.1).
const CONTINUE: Duration = Duration::from_secs(1);

/// Interim answers taken before the final one.
const MOST_INTERIM: u32 = 64;

/// A request under way.
pub(crate) struct Call {
    pub(crate) link: Link,
    out: Vec<u8>,
    written: usize,
    sending: Sending,
    chunked: bool,
    /// A byte of the request went out.
    wrote: bool,
    /// The upstream takes no more; it may have answered all the same.
    send_broken: bool,
    outbound: Option<Box<Outbound>>,
    progress: Instant,
    waits_for_client: bool,
    /// Bytes of the answer were seen.
    pub(crate) heard: bool,
    interim: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    /// The upstream was asked whether it wants the content.
    Waiting,
    Content,
    Done,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// By the upstream.
    Upstream(Cause),
    /// By the client: this is the outcome of its request.
    Client(Box<Outcome>),
}

/// An alarm for silences, made only when something is waited for.
#[derive(Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether the time is over; else the task is woken then.
    pub(crate) fn rings(&mut self, cx: &mut Context<'_>, at: Instant) -> bool {
        let at = tokio::time::Instant::from_std(at);
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if tokio::time::Instant::now() >= at {
                return true;
            }
            sleep.as_mut().reset(at);
        }
        false
    }
}

impl Call {
    /// A request whose head is `out`; `expects` tells that the upstream was asked whether it wants the content.
    pub(crate) fn new(
        link: Link,
        out: Vec<u8>,
        outbound: Option<Box<Outbound>>,
        chunked: bool,
        expects: bool,
    ) -> Call {
        let sending = match (&outbound, expects) {
            (None, _) => Sending::Done,
            (Some(_), true) => Sending::Waiting,
            (Some(_), false) => Sending::Content,
        };
        Call {
            link,
            out,
            written: 0,
            sending,
            chunked,
            wrote: false,
            send_broken: false,
            outbound,
            progress: Instant::now(),
            waits_for_client: false,
            heard: false,
            interim: 0,
        }
    }

    /// Whether the whole request is gone, so that the connection can go on.
    pub(crate) fn all_sent(&self) -> bool {
        self.sending == Sending::Done && self.written >= self.out.len() && !self.send_broken
    }

    /// The content, for another attempt.
    pub(crate) fn into_outbound(self) -> Option<Box<Outbound>> {
        self.outbound
    }

    /// How it stands, for the retry table.
    pub(crate) fn happened(&self) -> Happened {
        match () {
            () if self.heard => Happened::AnswerBegun,
            () if !self.wrote => Happened::NotWritten,
            () if self.link.reused => Happened::ReusedClosed,
            () => Happened::FreshFailed,
        }
    }

    /// The head of the final answer.
    pub(crate) async fn answer(&mut self, head_only: bool, silence: Duration) -> Result<ReplyHead, Failure> {
        let mut alarm = Alarm::default();
        let asked = Instant::now();
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(Err(outcome)) = self.poll_send(cx) {
                    return Poll::Ready(Err(Failure::Client(outcome)));
                }
                match self.poll_head(cx, head_only) {
                    Poll::Ready(Err(cause)) => return Poll::Ready(Err(Failure::Upstream(cause))),
                    Poll::Ready(Ok(head)) if head.status < 200 => match self.interim(&head) {
                        Ok(()) => continue,
                        Err(cause) => return Poll::Ready(Err(Failure::Upstream(cause))),
                    },
                    Poll::Ready(Ok(head)) => return Poll::Ready(Ok(head)),
                    Poll::Pending => {}
                }
                if self.sending == Sending::Waiting && self.written >= self.out.len() {
                    if !alarm.rings(cx, asked + CONTINUE) {
                        return Poll::Pending;
                    }
                    self.sending = Sending::Content;
                    continue;
                }
                // A client that is slow is not the upstream's silence.
                if !self.waits_for_client && alarm.rings(cx, self.progress + silence) {
                    return Poll::Ready(Err(Failure::Upstream(self.silence())));
                }
                return Poll::Pending;
            }
        })
        .await
    }

    fn silence(&self) -> Cause {
        match () {
            () if self.heard => Cause::HeadTimeout,
            () if !self.all_sent() && !self.send_broken => Cause::SendTimeout,
            () => Cause::ResponseTimeout,
        }
    }

    fn interim(&mut self, head: &ReplyHead) -> Result<(), Cause> {
        self.interim += 1;
        // What came so far is no part of the final answer.
        self.heard = !self.link.filled().is_empty();
        if head.status == 101 {
            return Err(Cause::UpgradeUnasked);
        }
        if head.status == 100 && self.sending == Sending::Waiting {
            self.sending = Sending::Content;
        }
        if self.interim > MOST_INTERIM { Err(Cause::TooManyInterim) } else { Ok(()) }
    }

    /// Sends on. An error is a fault of the client's; where the upstream takes no more, that is noted.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Box<Outcome>>> {
        self.waits_for_client = false;
        loop {
            while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
                if self.send_broken {
                    self.written = self.out.len();
                    break;
                }
                match self.link.poll_write(cx, rest) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(sent)) if sent > 0 => {
                        self.written += sent;
                        self.wrote = true;
                        self.progress = Instant::now();
                    }
                    Poll::Ready(_) => self.send_broken = true,
                }
            }
            if self.send_broken {
                return Poll::Pending;
            }
            self.out.clear();
            self.written = 0;
            match self.sending {
                Sending::Waiting => {
                    let _ = self.link.poll_flush(cx);
                    return Poll::Pending;
                }
                Sending::Done => return self.link.poll_flush(cx).map(|_| Ok(())),
                Sending::Content => {}
            }
            let Some(outbound) = &mut self.outbound else {
                self.sending = Sending::Done;
                continue;
            };
            match outbound.poll_next(cx) {
                Poll::Pending => {
                    self.waits_for_client = true;
                    let _ = self.link.poll_flush(cx);
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(outcome))) => return Poll::Ready(Err(Box::new(outcome))),
                Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => {}
                Poll::Ready(Some(Ok(bytes))) => {
                    self.progress = Instant::now();
                    if self.chunked {
                        self.out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
                    }
                    self.out.extend_from_slice(&bytes);
                    if self.chunked {
                        self.out.extend_from_slice(b"\r\n");
                    }
                }
                Poll::Ready(None) => {
                    self.progress = Instant::now();
                    if self.chunked {
                        last_chunk(&mut self.out, outbound.trailers());
                    }
                    self.sending = Sending::Done;
                }
            }
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, head_only: bool) -> Poll<Result<ReplyHead, Cause>> {
        loop {
            if !self.link.filled().is_empty() {
                self.heard = true;
                match head::read(self.link.filled(), head_only) {
                    Err(cause) => return Poll::Ready(Err(cause)),
                    Ok(Some((head, used))) => {
                        self.link.consume(used);
                        // After these two the request may have to be sent once more.
                        if head.status >= 200
                            && !matches!(head.status, 408 | 421)
                            && let Some(outbound) = &mut self.outbound
                        {
                            outbound.forget();
                        }
                        return Poll::Ready(Ok(head));
                    }
                    Ok(None) => {}
                }
            }
            match self.link.poll_read(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(read)) if read > 0 => self.progress = Instant::now(),
                Poll::Ready(_) => return Poll::Ready(Err(self.closed())),
            }
        }
    }

    fn closed(&self) -> Cause {
        match () {
            () if self.heard => Cause::ClosedWithinHead,
            () if self.send_broken => Cause::SendBroken,
            () => Cause::ClosedBeforeHead,
        }
    }
}
