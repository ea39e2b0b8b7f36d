//! The content of a request, pulled by whoever wants it.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use candor_semantics::fields::Fields;

/// The content of a request. Nothing is read from the connection until it is asked for.
pub struct Incoming {
    length: Option<u64>,
    state: State,
    trailers: Option<Fields>,
}

/// Where the content stands.
enum State {
    /// More may come from here.
    Open(Box<dyn Pull>),
    /// Everything was read.
    Done,
    /// It broke off; the fault stays.
    Broken(ContentFault),
}

/// Why content cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentFault {
    /// Silence longer than `body_timeout` inside the content (408).
    Stalled,
    /// Broken chunk framing (400).
    Malformed,
    /// The peer went away or reset the stream: nobody is left to answer.
    Gone,
}

/// One version's way of reading content from its connection.
pub(crate) trait Pull: Send {
    /// The next bytes; `None` at the end. Not asked again after the end or a fault.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ContentFault>>>;

    /// The trailer section, asked for once after the end.
    fn trailers(&mut self) -> Option<Fields> {
        None
    }
}

impl Incoming {
    /// No content.
    pub fn empty() -> Incoming {
        Incoming { length: Some(0), state: State::Done, trailers: None }
    }

    /// Content read from a connection; `length` is what the head declares.
    pub(crate) fn new(length: Option<u64>, pull: Box<dyn Pull>) -> Incoming {
        Incoming { length, state: State::Open(pull), trailers: None }
    }

    /// The declared length; `None` for chunked content.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether there is nothing (more) to read.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// A [`ContentFault`] ends the content; asking again gives the same fault.
    pub async fn next(&mut self) -> Option<Result<Bytes, ContentFault>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Incoming::next`], for callers that poll.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ContentFault>>> {
        let pull = match &mut self.state {
            State::Open(pull) => pull,
            State::Done => return Poll::Ready(None),
            State::Broken(fault) => return Poll::Ready(Some(Err(*fault))),
        };
        let next = match pull.poll_next(cx) {
            Poll::Ready(next) => next,
            Poll::Pending => return Poll::Pending,
        };
        match next {
            None => {
                self.trailers = pull.trailers();
                self.state = State::Done;
            }
            Some(Err(fault)) => self.state = State::Broken(fault),
            Some(Ok(_)) => {}
        }
        Poll::Ready(next)
    }

    /// The trailer fields (RFC 9110 section 6.5), once the content was read to its end.
    pub fn trailers(&self) -> Option<&Fields> {
        self.trailers.as_ref()
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("length", &self.length).field("done", &self.is_done()).finish()
    }
}
