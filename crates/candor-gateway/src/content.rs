//! The content of an upstream's answer, passed on as it comes: nothing is read that the client cannot take.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use candor_semantics::fields::Fields;
use candor_semantics::gateway::cause::Cause;
use candor_wire::chunked::{Decoder, Step};
use candor_wire::service::Source;
use tokio::sync::OwnedSemaphorePermit;

use crate::call::{Alarm, Call};
use crate::head::Framing;
use crate::settings::Breaker;
use crate::store::Filling;
use crate::upstream::Busy;

/// What is left of the content.
enum Rest {
    Length(u64),
    Chunked(Box<Decoder>),
    Close,
    Ended,
}

/// The content of an answer.
pub(crate) struct Flow {
    call: Option<Call>,
    rest: Rest,
    persists: bool,
    filling: Option<Filling>,
    collected: BytesMut,
    trailers: Option<Fields>,
    alarm: Alarm,
    progress: Instant,
    /// The upstream is waited for, not the client.
    waits: bool,
    silence: Duration,
    breaker: Option<Breaker>,
    busy: Busy,
    _permit: Option<Arc<OwnedSemaphorePermit>>,
}

/// What belongs to an exchange until its content is gone.
pub(crate) struct Held {
    pub(crate) busy: Busy,
    pub(crate) permit: Option<Arc<OwnedSemaphorePermit>>,
    pub(crate) silence: Duration,
    pub(crate) breaker: Option<Breaker>,
}

impl Flow {
    pub(crate) fn new(
        call: Call,
        framing: Framing,
        persists: bool,
        filling: Option<Filling>,
        held: Held,
    ) -> Flow {
        let rest = match framing {
            Framing::None | Framing::Length(0) => Rest::Ended,
            Framing::Length(length) => Rest::Length(length),
            Framing::Chunked => Rest::Chunked(Box::new(Decoder::new())),
            Framing::Close => Rest::Close,
        };
        Flow {
            call: Some(call),
            rest,
            persists,
            filling,
            collected: BytesMut::new(),
            trailers: None,
            alarm: Alarm::default(),
            progress: Instant::now(),
            waits: false,
            silence: held.silence,
            breaker: held.breaker,
            busy: held.busy,
            _permit: held.permit,
        }
    }

    /// All of the content, if it is here already: most small answers come in one piece.
    pub(crate) fn at_once(&mut self) -> Option<Bytes> {
        let call = self.call.as_mut()?;
        let length = match self.rest {
            Rest::Ended => 0,
            Rest::Length(length) => usize::try_from(length).ok()?,
            Rest::Chunked(_) | Rest::Close => return None,
        };
        if call.link.filled().len() < length || !call.all_sent() {
            return None;
        }
        let bytes = call.link.take(0, length);
        self.rest = Rest::Ended;
        if let Some(filling) = self.filling.take() {
            filling.store(bytes.clone());
        }
        self.finish();
        Some(bytes)
    }

    fn collect(&mut self, bytes: &Bytes) {
        let Some(filling) = &mut self.filling else { return };
        if self.collected.len().saturating_add(bytes.len()) > filling.most() || !filling.reserve(bytes.len())
        {
            self.filling = None;
            self.collected = BytesMut::new();
        } else {
            self.collected.extend_from_slice(bytes);
        }
    }

    /// The end: what was collected is stored, and the connection kept if it is in step.
    fn finish(&mut self) {
        self.busy.0.did_well();
        if let Some(filling) = self.filling.take() {
            filling.store(std::mem::take(&mut self.collected).freeze());
        }
        if let Some(call) = self.call.take()
            && self.persists
            && call.all_sent()
        {
            self.busy.0.keep(call.link);
        }
    }

    fn broken(&mut self, cause: Cause) -> io::Error {
        self.busy.0.counts.failed(cause);
        self.busy.0.did_badly(self.breaker);
        self.filling = None;
        self.call = None;
        io::Error::other(cause.sentence())
    }

    /// The next piece out of what was read.
    fn take(&mut self) -> Result<Option<Bytes>, Cause> {
        let Some(call) = &mut self.call else { return Ok(None) };
        loop {
            if call.link.filled().is_empty() {
                return Ok(None);
            }
            match &mut self.rest {
                Rest::Ended => return Ok(None),
                Rest::Close => {
                    let length = call.link.filled().len();
                    return Ok(Some(call.link.take(0, length)));
                }
                Rest::Length(left) => {
                    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(call.link.filled().len());
                    *left -= length as u64;
                    if *left == 0 {
                        self.rest = Rest::Ended;
                    }
                    return Ok(Some(call.link.take(0, length)));
                }
                Rest::Chunked(decoder) => {
                    match decoder.step(call.link.filled()).map_err(|_| Cause::ContentMalformed)? {
                        Step::More { used } => call.link.consume(used),
                        Step::Content { skip, length } => return Ok(Some(call.link.take(skip, length))),
                        Step::End { used } => {
                            call.link.consume(used);
                            self.trailers = decoder.trailers();
                            self.rest = Rest::Ended;
                        }
                    }
                }
            }
        }
    }
}

impl Source for Flow {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        // While the client took nothing, nothing was read: that is not the upstream's silence.
        if !std::mem::replace(&mut self.waits, false) {
            self.progress = Instant::now();
        }
        loop {
            // The rest of the request goes on while its answer comes.
            if let Some(call) = &mut self.call
                && let Poll::Ready(Err(_)) = call.poll_send(cx)
            {
                self.filling = None;
                self.call = None;
                return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())));
            }
            match self.take() {
                Err(cause) => return Poll::Ready(Some(Err(self.broken(cause)))),
                Ok(Some(bytes)) => {
                    self.progress = Instant::now();
                    self.collect(&bytes);
                    if matches!(self.rest, Rest::Ended) {
                        self.finish();
                    }
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Ok(None) => {}
            }
            if matches!(self.rest, Rest::Ended) {
                self.finish();
                return Poll::Ready(None);
            }
            let Some(call) = &mut self.call else {
                return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
            };
            match call.link.poll_read(cx) {
                Poll::Ready(Ok(read)) if read > 0 => self.progress = Instant::now(),
                Poll::Ready(Ok(_)) if matches!(self.rest, Rest::Close) => self.rest = Rest::Ended,
                Poll::Ready(_) => return Poll::Ready(Some(Err(self.broken(Cause::ContentCut)))),
                Poll::Pending => {
                    if self.alarm.rings(cx, self.progress + self.silence) {
                        return Poll::Ready(Some(Err(self.broken(Cause::ContentTimeout))));
                    }
                    self.waits = true;
                    return Poll::Pending;
                }
            }
        }
    }

    fn trailers(&mut self) -> Option<Fields> {
        self.trailers.take()
    }
}
