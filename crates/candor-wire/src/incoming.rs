//! The content of a request, pulled by whoever wants it.

use bytes::Bytes;

/// The content of a request. Nothing is read from the connection until it is asked for.
#[derive(Debug)]
pub struct Incoming {
    length: Option<u64>,
    done: bool,
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

impl Incoming {
    /// No content.
    pub fn empty() -> Incoming {
        Incoming { length: Some(0), done: true }
    }

    /// The declared length; `None` for chunked content.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether there is nothing (more) to read.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// A [`ContentFault`] ends the content; asking again gives the same fault.
    pub async fn next(&mut self) -> Option<Result<Bytes, ContentFault>> {
        self.done = true;
        None
    }
}
