//! The content of a request on its way to an upstream. A little of it is kept, so that it can be sent again.

use std::task::{Context, Poll};

use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::outcome::Outcome;
use candor_wire::incoming::{ContentFault, Incoming};

/// Bytes kept to be sent again.
const KEPT: usize = 64 * 1024;

/// The content.
pub(crate) struct Outbound {
    incoming: Incoming,
    /// What was sent, while all of it is kept.
    kept: Option<Vec<Bytes>>,
    size: usize,
    /// The next piece of `kept` to send again.
    again: usize,
    taken: u64,
    limit: Option<u64>,
}

impl Outbound {
    pub(crate) fn new(incoming: Incoming, limit: Option<u64>) -> Outbound {
        Outbound { incoming, kept: Some(Vec::new()), size: 0, again: 0, taken: 0, limit }
    }

    /// The declared length; `None` where it is only known at the end.
    pub(crate) fn length(&self) -> Option<u64> {
        self.incoming.length()
    }

    /// Goes back to the beginning, if everything sent so far is kept.
    pub(crate) fn rewind(&mut self) {
        self.again = 0;
    }

    pub(crate) fn is_replayable(&self) -> bool {
        self.kept.is_some()
    }

    /// An answer began: nothing is sent again.
    pub(crate) fn forget(&mut self) {
        if self.kept.as_ref().is_some_and(|kept| self.again >= kept.len()) {
            self.kept = None;
        }
    }

    /// The next bytes; `None` at the end. A fault of the client's is the outcome of its request.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Outcome>>> {
        if let Some(bytes) = self.kept.as_ref().and_then(|kept| kept.get(self.again)) {
            self.again += 1;
            return Poll::Ready(Some(Ok(bytes.clone())));
        }
        let next = match self.incoming.poll_next(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(next) => next,
        };
        Poll::Ready(match next {
            None => None,
            Some(Err(ContentFault::Stalled)) => Some(Err(Outcome::ContentStalled)),
            Some(Err(ContentFault::Malformed)) => Some(Err(Outcome::ContentMalformed)),
            Some(Err(ContentFault::Gone)) => Some(Err(Outcome::PeerGone)),
            Some(Ok(bytes)) => {
                self.taken = self.taken.saturating_add(bytes.len() as u64);
                match self.limit {
                    Some(limit) if self.taken > limit => Some(Err(Outcome::ContentTooLarge { limit })),
                    _ => {
                        self.note(&bytes);
                        Some(Ok(bytes))
                    }
                }
            }
        })
    }

    fn note(&mut self, bytes: &Bytes) {
        self.size = self.size.saturating_add(bytes.len());
        match &mut self.kept {
            Some(kept) if self.size <= KEPT => {
                kept.push(bytes.clone());
                self.again = kept.len();
            }
            _ => self.kept = None,
        }
    }

    /// The trailer section, at the end.
    pub(crate) fn trailers(&self) -> Option<&Fields> {
        self.incoming.trailers()
    }
}
