//! One request and the head of its answer over HTTP/1.1 (RFC 9112), exact about how an exchange ends.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use candor_semantics::fields::Fields;
use candor_semantics::reaction::Break;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::connect::Connection;
use crate::request::Content;

/// The largest head of an answer, and the most fields in it.
const LARGEST_HEAD: usize = 256 << 10;
const MOST_FIELDS: usize = 256;

/// The most informational answers before the final one.
const MOST_INFORMATIONAL: usize = 100;

/// How long the content of a request with `Expect: 100-continue` is held back.
const PATIENCE: Duration = Duration::from_secs(1);

/// The head of a final answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The number of the status line.
    pub code: u16,
    /// The reason phrase as sent, which may be empty.
    pub phrase: String,
    /// The fields.
    pub fields: Fields,
    /// Whether the answer is HTTP/1.1 or later.
    pub(crate) is_current: bool,
}

/// How the content of an answer is delimited (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Nothing,
    Length(u64),
    Chunked,
    UntilClose,
}

/// An exchange that ended without a whole answer.
#[derive(Clone, Debug)]
pub struct Broken {
    /// How.
    pub how: Break,
    /// What happened, lower case, without a full stop.
    pub what: String,
}

impl Broken {
    pub(crate) fn new(how: Break, what: impl Into<String>) -> Broken {
        Broken { how, what: what.into() }
    }
}

/// What is written in the start line and before the fields of the request.
pub(crate) struct Opening<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) host: &'a str,
    pub(crate) fields: &'a Fields,
    pub(crate) content: &'a Content,
    pub(crate) expects: bool,
}

/// Sends a request and reads the head of the final answer.
pub(crate) async fn exchange(
    connection: &mut Connection,
    opening: &Opening<'_>,
    patience: Duration,
) -> Result<(Head, bool), Broken> {
    let content = Source::open(opening.content)
        .map_err(|error| Broken::new(Break::NotSent, format!("the content cannot be read: {error}")))?;
    let head = written(opening, content.length());
    let sent = match timed(patience, connection.stream.write_all(&head)).await {
        Ok(()) => timed(patience, connection.stream.flush()).await,
        Err(error) => Err(error),
    };
    let mut withheld = false;
    let sent = match sent {
        Ok(()) if content.is_empty() => Ok(()),
        Ok(()) if opening.expects => match tokio::time::timeout(PATIENCE, head_of(connection, true)).await {
            Ok(Ok(head)) if head.code >= 200 => {
                withheld = true;
                return Ok((head, withheld));
            }
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => content.write(connection, patience).await,
        },
        Ok(()) => content.write(connection, patience).await,
        Err(error) => Err(error),
    };
    // A server may answer before it has read everything; what it says is worth more than our own error.
    match timed(patience, head_of(connection, false)).await {
        Ok(head) => Ok((head, withheld || sent.is_err())),
        Err(error) => Err(sort(connection, sent.err().unwrap_or(error))),
    }
}

async fn timed<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {} seconds", limit.as_secs()),
        )),
    }
}

/// What it means that no head came.
fn sort(connection: &Connection, error: io::Error) -> Broken {
    let how = match error.kind() {
        io::ErrorKind::InvalidData => Break::Head,
        _ if !connection.received.is_empty() => Break::Head,
        io::ErrorKind::TimedOut => Break::Nothing,
        _ if connection.is_reused => Break::ReusedClosed,
        _ => Break::Nothing,
    };
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof if how == Break::Head => {
            "the connection closed inside the head of the answer".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "the connection closed without an answer".to_owned(),
        _ => error.to_string(),
    };
    Broken::new(how, what)
}

fn written(opening: &Opening<'_>, length: Option<u64>) -> Vec<u8> {
    let given = |name: &str| opening.fields.has(name);
    let mut head = format!("{} {} HTTP/1.1\r\n", opening.method, opening.target).into_bytes();
    let mut line = |name: &str, value: &[u8]| {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    };
    if !given("Host") {
        line("Host", opening.host.as_bytes());
    }
    if !given("User-Agent") {
        line("User-Agent", concat!("candor/", env!("CARGO_PKG_VERSION")).as_bytes());
    }
    if !given("Accept") {
        line("Accept", b"*/*");
    }
    for (name, value) in opening.fields.iter() {
        line(name, value);
    }
    let has_meaning = matches!(opening.method, "PUT" | "POST" | "PATCH");
    if let Some(length) = length.or(has_meaning.then_some(0)) {
        line("Content-Length", length.to_string().as_bytes());
    }
    if opening.expects {
        line("Expect", b"100-continue");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Content, opened for one sending.
enum Source {
    Nothing,
    Bytes(Bytes),
    File(std::fs::File, u64),
}

impl Source {
    fn open(content: &Content) -> io::Result<Source> {
        Ok(match content {
            Content::Nothing => Source::Nothing,
            Content::Bytes(bytes) => Source::Bytes(bytes.clone()),
            Content::File(path) => {
                let file = std::fs::File::open(path)?;
                let length = file.metadata()?.len();
                Source::File(file, length)
            }
        })
    }

    fn length(&self) -> Option<u64> {
        match self {
            Source::Nothing => None,
            Source::Bytes(bytes) => Some(bytes.len() as u64),
            Source::File(_, length) => Some(*length),
        }
    }

    fn is_empty(&self) -> bool {
        self.length().unwrap_or(0) == 0
    }

    async fn write(self, connection: &mut Connection, patience: Duration) -> io::Result<()> {
        match self {
            Source::Nothing => {}
            Source::Bytes(bytes) => timed(patience, connection.stream.write_all(&bytes)).await?,
            Source::File(file, mut left) => {
                let mut buffer = vec![0; 64 << 10];
                let mut file = io::Read::take(file, left);
                while left > 0 {
                    let count = io::Read::read(&mut file, &mut buffer)?;
                    if count == 0 {
                        return Err(io::Error::other("the file became shorter while it was sent"));
                    }
                    let part = buffer.get(..count).unwrap_or_default();
                    timed(patience, connection.stream.write_all(part)).await?;
                    left = left.saturating_sub(count as u64);
                }
            }
        }
        timed(patience, connection.stream.flush()).await
    }
}

/// Reads heads until a final one; with `also_continue`, a 100 ends it, too.
async fn head_of(connection: &mut Connection, also_continue: bool) -> io::Result<Head> {
    for _ in 0..MOST_INFORMATIONAL {
        let head = one_head(connection).await?;
        if head.code >= 200 || head.code < 100 || head.code == 101 || (also_continue && head.code == 100) {
            return Ok(head);
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "informational answers without end"))
}

async fn one_head(connection: &mut Connection) -> io::Result<Head> {
    loop {
        if let Some(head) = parsed(&mut connection.received)? {
            return Ok(head);
        }
        if connection.received.len() > LARGEST_HEAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the head of the answer is larger than 256 KiB",
            ));
        }
        if connection.stream.read_buf(&mut connection.received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn parsed(received: &mut BytesMut) -> io::Result<Option<Head>> {
    let mut lines = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut lines);
    let malformed = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let length = match response.parse(received) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(malformed(format!("the head of the answer is malformed: {error}"))),
    };
    let mut fields = Fields::new();
    for line in response.headers.iter() {
        fields.push(line.name.to_owned(), Bytes::copy_from_slice(line.value));
    }
    let head = Head {
        code: response.code.unwrap_or(0),
        phrase: response.reason.unwrap_or_default().to_owned(),
        fields,
        is_current: response.version == Some(1),
    };
    let _ = received.split_to(length.min(received.len()));
    Ok(Some(head))
}

impl Head {
    /// How the content is delimited; an error where it cannot be told.
    pub(crate) fn framing(&self, method: &str) -> Result<Framing, Broken> {
        if method == "HEAD" || matches!(self.code, 100..=199 | 204 | 304) {
            return Ok(Framing::Nothing);
        }
        let values = |name: &'static str| {
            self.fields
                .iter()
                .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        if self.fields.has("Transfer-Encoding") {
            let last = values("Transfer-Encoding")
                .flat_map(|value| value.split(|&b| b == b','))
                .last()
                .map(|token| token.trim_ascii().eq_ignore_ascii_case(b"chunked"));
            return Ok(if last == Some(true) { Framing::Chunked } else { Framing::UntilClose });
        }
        let mut lengths = values("Content-Length")
            .flat_map(|value| value.split(|&b| b == b','))
            .map(|part| candor_semantics::field::content_length::parse(part.trim_ascii()));
        let Some(first) = lengths.next() else { return Ok(Framing::UntilClose) };
        match first {
            Some(length) if lengths.all(|other| other == Some(length)) => Ok(Framing::Length(length)),
            _ => Err(Broken::new(Break::Head, "the answer has an impossible Content-Length")),
        }
    }

    /// Whether the connection stays open after this answer.
    pub(crate) fn keeps_open(&self) -> bool {
        let named = |wanted: &[u8]| {
            self.fields
                .iter()
                .filter(|(known, _)| known.eq_ignore_ascii_case("Connection"))
                .flat_map(|(_, value)| value.split(|&b| b == b','))
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(wanted))
        };
        let both = self.fields.has("Transfer-Encoding") && self.fields.has("Content-Length");
        !both && !named(b"close") && (self.is_current || named(b"keep-alive"))
    }
}
