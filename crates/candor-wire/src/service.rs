//! What the wire asks of the server above it, and what passes between them.

use std::fs::File;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::head::Head;
use candor_semantics::refusal::Refusal;

use crate::incoming::Incoming;
use crate::peer::Peer;

/// The server above the wire. One value serves all connections.
pub trait Service: Send + Sync + 'static {
    /// What the server keeps about an exchange until its last byte is gone, for the access log.
    type Record: Send + 'static;

    /// Answers a request whose head is whole and legal. The head decides alone whether content is read:
    /// an interim 100 goes out when [`Incoming::next`] is first asked.
    fn respond(&self, request: Request) -> impl Future<Output = Answer<Self::Record>> + Send;

    /// Renders what the wire found wrong. `head` is what could be read of the request: at least an empty
    /// head, so that method and target can be logged where they were understood.
    fn refuse(
        &self,
        peer: &Arc<Peer>,
        head: Head,
        refusal: Refusal,
        received: Instant,
    ) -> Answer<Self::Record>;

    /// Called once for each answer, when its last byte was handed to the system, or when it broke off.
    fn delivered(&self, record: Self::Record, delivery: Delivery);
}

/// A request as the wire hands it up.
#[derive(Debug)]
pub struct Request {
    /// Start line and fields.
    pub head: Head,
    /// The content, unread.
    pub incoming: Incoming,
    /// The connection it came by.
    pub peer: Arc<Peer>,
    /// When the first byte of the head was seen.
    pub received: Instant,
}

/// A final answer. The wire adds `Date` where the fields have none, `Connection` on HTTP/1.x and the framing
/// fields that follow from `content`; it never changes the status.
#[derive(Debug)]
pub struct Answer<R> {
    /// The status code, 200 to 599.
    pub status: u16,
    /// All fields but `Date`, `Connection`, `Content-Length`, `Transfer-Encoding`, `Keep-Alive`.
    pub fields: Fields,
    /// What follows the head.
    pub content: Content,
    /// Whether the connection must close after this answer (HTTP/1.x).
    pub close: bool,
    /// Kept until delivery.
    pub record: R,
}

/// The content of an answer: a closed set, so that each kind can go the cheapest way.
#[derive(Debug)]
pub enum Content {
    /// No content and no framing field: 204 and 304 (RFC 9110 sections 15.3.5 and 15.4.5).
    Nothing,
    /// The answer to HEAD: the length GET would announce, if it is known; no content.
    Omitted(Option<u64>),
    /// Bytes in memory; empty bytes are `Content-Length: 0`.
    Bytes(Bytes),
    /// Part of an open file. If the file turns out shorter than promised, the answer is broken off visibly.
    File(FilePart),
    /// Several pieces in order, their lengths summed: `multipart/byteranges`.
    Pieces(Vec<Piece>),
    /// Content whose bytes are made while it is sent; chunked on HTTP/1.1 where the length is not known, ended
    /// by close on HTTP/1.0.
    Stream {
        /// Where the bytes come from.
        source: Box<dyn Source>,
        /// The exact length, if known; a source that gives more or less breaks the answer off.
        length: Option<u64>,
    },
}

/// A span of an open file.
#[derive(Clone, Debug)]
pub struct FilePart {
    /// The file; read by position only, so it can be shared.
    pub file: Arc<File>,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
    /// Tells whether the file is still what was promised; one that is not breaks the answer off. `None` for files
    /// that nobody changes.
    pub state: Option<FileState>,
}

impl FilePart {
    /// Whether the file is still what was promised.
    pub fn holds(&self) -> bool {
        self.state.as_ref().is_none_or(|state| (state.0)(&self.file))
    }
}

/// A look at an open file: `true` while it is in the state that was promised. Asked before every piece that is sent.
#[derive(Clone)]
pub struct FileState(pub Arc<dyn Fn(&File) -> bool + Send + Sync>);

impl std::fmt::Debug for FileState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileState")
    }
}

/// One piece of [`Content::Pieces`].
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Part of an open file.
    File(FilePart),
}

impl Piece {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::File(part) => part.length,
        }
    }
}

/// A stream of content.
pub trait Source: Send {
    /// The next bytes; `None` at the end. An error breaks the answer off visibly.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>>;

    /// Trailer fields, asked for once after the end.
    fn trailers(&mut self) -> Option<Fields> {
        None
    }
}

impl std::fmt::Debug for dyn Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Content bytes handed to the system.
    pub content: u64,
    /// Whether everything was sent.
    pub complete: bool,
}
