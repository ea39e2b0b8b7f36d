//! The content of an answer, part by part, and whether all of it came.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use candor_semantics::reaction::Break;
use tokio::io::AsyncReadExt;

use crate::connect::Connection;
use crate::copies::Writing;
use crate::exchange::{Broken, Framing};
use crate::pool::Pool;

/// The longest line of a chunk's size with its extensions, and of trailers in all.
const LONGEST_LINE: usize = 16 << 10;

/// Content to be read with [`Incoming::next`].
pub struct Incoming {
    source: Source,
    writing: Option<Writing>,
    patience: Duration,
}

enum Source {
    Ended,
    File(std::fs::File),
    Wire(Box<Wire>),
}

struct Wire {
    connection: Connection,
    framing: Framing,
    /// Bytes left of the content, or of the chunk.
    left: u64,
    /// Whether a chunk was read before, whose line break is still to come.
    in_chunks: bool,
    keep: Option<(Arc<Pool>, String)>,
}

impl Incoming {
    pub(crate) fn nothing() -> Incoming {
        Incoming { source: Source::Ended, writing: None, patience: Duration::from_secs(30) }
    }

    pub(crate) fn from_file(file: std::fs::File) -> Incoming {
        Incoming { source: Source::File(file), ..Incoming::nothing() }
    }

    /// `keep`: where the connection goes once all came.
    pub(crate) fn from_wire(
        connection: Connection,
        framing: Framing,
        keep: Option<(Arc<Pool>, String)>,
        patience: Duration,
    ) -> Incoming {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        let mut wire = Wire { connection, framing, left, in_chunks: false, keep };
        let ended = framing == Framing::Nothing || framing == Framing::Length(0);
        let source = if ended {
            wire.done();
            Source::Ended
        } else {
            Source::Wire(Box::new(wire))
        };
        Incoming { source, writing: None, patience }
    }

    /// Keeps what is read as a copy, too.
    pub(crate) fn keeping(mut self, writing: Option<Writing>) -> Incoming {
        self.writing = writing;
        if matches!(self.source, Source::Ended)
            && let Some(writing) = self.writing.take()
        {
            writing.commit();
        }
        self
    }

    /// The next part; none once all came.
    ///
    /// # Errors
    /// Where the content was cut, malformed, or did not come in time.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        let part = match &mut self.source {
            Source::Ended => None,
            Source::File(file) => from_file(file)?,
            Source::Wire(wire) => match tokio::time::timeout(self.patience, wire.next()).await {
                Ok(part) => part?,
                Err(_) => {
                    let seconds = self.patience.as_secs();
                    return Err(cut(format!("nothing came for {seconds} seconds")));
                }
            },
        };
        match &part {
            Some(bytes) => {
                if let Some(writing) = &mut self.writing {
                    writing.write(bytes);
                }
            }
            None => {
                if let Source::Wire(wire) = std::mem::replace(&mut self.source, Source::Ended) {
                    let mut wire = wire;
                    wire.done();
                }
                if let Some(writing) = self.writing.take() {
                    writing.commit();
                }
            }
        }
        Ok(part)
    }

    /// Reads all, up to a number of bytes; none where there is more.
    ///
    /// # Errors
    /// As [`Incoming::next`].
    pub async fn all(&mut self, most: usize) -> Result<Option<Vec<u8>>, Broken> {
        let mut all = Vec::new();
        while let Some(part) = self.next().await? {
            if all.len().saturating_add(part.len()) > most {
                return Ok(None);
            }
            all.extend_from_slice(&part);
        }
        Ok(Some(all))
    }
}

fn cut(what: impl Into<String>) -> Broken {
    Broken::new(Break::Cut { resumable: false }, what)
}

fn from_file(file: &mut std::fs::File) -> Result<Option<Bytes>, Broken> {
    let mut buffer = vec![0; 64 << 10];
    let count = file.read(&mut buffer).map_err(|error| cut(format!("the copy cannot be read: {error}")))?;
    buffer.truncate(count);
    Ok((count > 0).then(|| buffer.into()))
}

impl Wire {
    /// Gives the connection back, if nothing but the answer came on it.
    fn done(&mut self) {
        if self.framing == Framing::UntilClose {
            return;
        }
        if let Some((pool, place)) = self.keep.take() {
            let empty = Connection {
                stream: Box::new(tokio::io::empty()),
                received: BytesMut::new(),
                is_reused: false,
            };
            pool.put(&place, std::mem::replace(&mut self.connection, empty));
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        match self.framing {
            Framing::Nothing => Ok(None),
            Framing::UntilClose => {
                if self.connection.received.is_empty() && self.fill().await? == 0 {
                    return Ok(None);
                }
                Ok(Some(self.connection.received.split().freeze()))
            }
            Framing::Length(_) if self.left == 0 => Ok(None),
            Framing::Length(_) => self.part().await.map(Some),
            Framing::Chunked => self.chunked().await,
        }
    }

    async fn chunked(&mut self) -> Result<Option<Bytes>, Broken> {
        if self.left == 0 {
            if self.in_chunks && !self.line().await?.is_empty() {
                return Err(cut("a chunk is longer than it says"));
            }
            let line = self.line().await?;
            self.left = chunk_size(&line).ok_or_else(|| cut("the size of a chunk is malformed"))?;
            self.in_chunks = true;
            if self.left == 0 {
                let mut size = 0;
                loop {
                    let trailer = self.line().await?;
                    size += trailer.len();
                    match trailer.is_empty() {
                        true => return Ok(None),
                        false if size > LONGEST_LINE => return Err(cut("trailers without end")),
                        false => {}
                    }
                }
            }
        }
        self.part().await.map(Some)
    }

    /// Some of the bytes that are left.
    async fn part(&mut self) -> Result<Bytes, Broken> {
        if self.connection.received.is_empty() && self.fill().await? == 0 {
            return Err(cut("the connection closed before all of the content came"));
        }
        let there = self.connection.received.len();
        let count = usize::try_from(self.left).map_or(there, |left| left.min(there));
        self.left = self.left.saturating_sub(count as u64);
        Ok(self.connection.received.split_to(count).freeze())
    }

    async fn line(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            if let Some(end) = self.connection.received.iter().position(|&b| b == b'\n') {
                let line = self.connection.received.split_to(end);
                self.connection.received.advance(1);
                return Ok(line.strip_suffix(b"\r").unwrap_or(&line).to_vec());
            }
            if self.connection.received.len() > LONGEST_LINE {
                return Err(cut("a line between chunks is without end"));
            }
            if self.fill().await? == 0 {
                return Err(cut("the connection closed between two chunks"));
            }
        }
    }

    async fn fill(&mut self) -> Result<usize, Broken> {
        self.connection.received.reserve(64 << 10);
        let read = self.connection.stream.read_buf(&mut self.connection.received).await;
        read.map_err(|error| cut(format!("the connection broke inside the content: {error}")))
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&b| b == b';').next()?.trim_ascii();
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
