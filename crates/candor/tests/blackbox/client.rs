//! A client that sends exactly the bytes it is given and reads answers without forgiving anything.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a test waits for an answer unless it says otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// One answer as it stood on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) content: Vec<u8>,
    /// Field lines that came after chunked content.
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) framing: Framing,
    /// From the call that waited for it to the end of the head.
    pub(crate) took: Duration,
}

/// How the end of the content was told (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// The status or the method leaves no room for content.
    None,
    Length,
    Chunked,
    /// The end of the connection.
    Close,
}

/// Why there is no (whole) answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing, or not all of it, came in time.
    Silence(String),
    /// The connection ended before the first byte of an answer.
    Closed,
    /// The connection ended inside an answer: what a visibly broken answer looks like.
    Cut(String),
    /// The bytes are no HTTP/1.1 answer.
    Malformed(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Silence(what) => write!(f, "no answer in time ({what})"),
            Trouble::Closed => f.write_str("the connection was closed without an answer"),
            Trouble::Cut(what) => write!(f, "the answer broke off ({what})"),
            Trouble::Malformed(what) => write!(f, "not an HTTP/1.1 answer: {what}"),
        }
    }
}

/// What the server's side of a connection looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    Closed,
    /// Bytes nobody asked for.
    Data(Vec<u8>),
}

impl Answer {
    /// The lines of a field, joined as section 5.3 joins them.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let lines: Vec<&str> = self
            .fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
            .collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    /// Whether a list field has this element, without regard to case.
    pub(crate) fn lists(&self, name: &str, element: &str) -> bool {
        self.field(name)
            .is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(element)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }

    /// Status and fields, for failure messages.
    pub(crate) fn head(&self) -> String {
        let mut head = self.status.to_string();
        for (name, value) in &self.fields {
            head.push_str(&format!("\n      {name}: {value}"));
        }
        head
    }

    /// All that two answers must share to be called the same: everything but the time of day.
    pub(crate) fn without_date(&self) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let fields = self.fields.iter().filter(|(n, _)| !n.eq_ignore_ascii_case("date")).cloned().collect();
        (self.status, fields, self.content.clone())
    }
}

/// A connection to a server under test.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    pending: Vec<u8>,
    ended: bool,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Connection {
        // The queue of a busy listener can be full for a moment.
        let mut tries = 0;
        let stream = loop {
            match TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
                Ok(stream) => break stream,
                Err(error) if tries == 3 => panic!("cannot connect to {address}: {error}"),
                Err(_) => tries += 1,
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Connection { stream, pending: Vec::new(), ended: false }
    }

    /// Sends bytes; an error means that the server has closed already, which the next read will show.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<Answer, Trouble> {
        self.send(request);
        self.answer(&method_of(request), PATIENCE)
    }

    /// The next answer, to a request with this method.
    pub(crate) fn answer(&mut self, method: &str, patience: Duration) -> Result<Answer, Trouble> {
        let start = Instant::now();
        let deadline = start + patience;
        let head = loop {
            if let Some(end) = find(&self.pending, b"\r\n\r\n") {
                let head: Vec<u8> = self.pending.drain(..end + 4).collect();
                break head;
            }
            if !self.more(deadline)? {
                return Err(match self.pending.is_empty() {
                    true => Trouble::Closed,
                    false => Trouble::Cut(format!("in the head: {}", shown(&self.pending))),
                });
            }
        };
        let took = start.elapsed();
        let (status, fields) = parse_head(&head)?;
        let mut answer = Answer {
            status,
            fields,
            content: Vec::new(),
            trailers: Vec::new(),
            framing: Framing::None,
            took,
        };
        answer.framing = framing(&answer, method)?;
        self.read_content(&mut answer, deadline)?;
        Ok(answer)
    }

    fn read_content(&mut self, answer: &mut Answer, deadline: Instant) -> Result<(), Trouble> {
        match answer.framing {
            Framing::None => {}
            Framing::Length => {
                let length = answer.field("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
                while self.pending.len() < length {
                    if !self.more(deadline)? {
                        return Err(Trouble::Cut(format!("{} of {length} bytes", self.pending.len())));
                    }
                }
                answer.content = self.pending.drain(..length).collect();
            }
            Framing::Chunked => loop {
                let line = self.line(deadline)?;
                let size = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16)
                    .map_err(|_| Trouble::Malformed(format!("chunk size {line:?}")))?;
                if size == 0 {
                    answer.trailers = self.trailers(deadline)?;
                    return Ok(());
                }
                while self.pending.len() < size + 2 {
                    if !self.more(deadline)? {
                        return Err(Trouble::Cut("inside a chunk".into()));
                    }
                }
                answer.content.extend(self.pending.drain(..size));
                if self.pending.drain(..2).ne(*b"\r\n") {
                    return Err(Trouble::Malformed("chunk without its final CRLF".into()));
                }
            },
            Framing::Close => {
                while self.more(deadline)? {}
                answer.content = std::mem::take(&mut self.pending);
            }
        }
        Ok(())
    }

    fn trailers(&mut self, deadline: Instant) -> Result<Vec<(String, String)>, Trouble> {
        let mut trailers = Vec::new();
        loop {
            let line = self.line(deadline)?;
            if line.is_empty() {
                return Ok(trailers);
            }
            trailers.push(field_line(&line)?);
        }
    }

    fn line(&mut self, deadline: Instant) -> Result<String, Trouble> {
        loop {
            if let Some(end) = find(&self.pending, b"\r\n") {
                let line: Vec<u8> = self.pending.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if !self.more(deadline)? {
                return Err(Trouble::Cut("inside chunked content".into()));
            }
        }
    }

    /// Reads once; `false` at the end of the stream (a reset counts as one).
    fn more(&mut self, deadline: Instant) -> Result<bool, Trouble> {
        if self.ended {
            return Ok(false);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::Silence(match self.pending.is_empty() {
                true => "nothing came".into(),
                false => format!("so far {}", shown(&self.pending)),
            }));
        }
        self.stream.set_read_timeout(Some(left)).unwrap();
        let mut buffer = [0; 65536];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(n) => self.pending.extend_from_slice(&buffer[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.ended = true,
        }
        Ok(!self.ended)
    }

    /// Takes at most this many bytes off the connection, for readers that are slow on purpose.
    pub(crate) fn sip(&mut self, most: usize) -> usize {
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = vec![0; most];
        match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => {
                self.ended = true;
                0
            }
            Ok(n) => {
                self.pending.extend_from_slice(&buffer[..n]);
                n
            }
        }
    }

    /// Whether the server closes within this time, without another byte.
    pub(crate) fn end(&mut self, patience: Duration) -> End {
        let deadline = Instant::now() + patience;
        loop {
            if !self.pending.is_empty() {
                return End::Data(std::mem::take(&mut self.pending));
            }
            match self.more(deadline) {
                Ok(true) => {}
                Ok(false) if self.pending.is_empty() => return End::Closed,
                Ok(false) => return End::Data(std::mem::take(&mut self.pending)),
                Err(_) => return End::Open,
            }
        }
    }
}

/// The method a request's bytes begin with.
pub(crate) fn method_of(request: &[u8]) -> String {
    let end = request.iter().position(|&b| b == b' ').unwrap_or(0);
    String::from_utf8_lossy(&request[..end]).into_owned()
}

fn parse_head(head: &[u8]) -> Result<(u16, Vec<(String, String)>), Trouble> {
    let text: String = head.iter().map(|&b| b as char).collect();
    let mut lines = text.split("\r\n");
    let start = lines.next().unwrap_or_default();
    let malformed = |what: &str| Trouble::Malformed(format!("{what}: {start:?}"));
    let rest = start.strip_prefix("HTTP/1.1 ").ok_or_else(|| malformed("status line"))?;
    let (code, _reason) = rest.split_once(' ').ok_or_else(|| malformed("no blank after the status code"))?;
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed("status code"));
    }
    let fields = lines.take_while(|line| !line.is_empty()).map(field_line).collect::<Result<_, _>>()?;
    Ok((code.parse().unwrap_or(0), fields))
}

fn field_line(line: &str) -> Result<(String, String), Trouble> {
    let malformed = || Trouble::Malformed(format!("field line {line:?}"));
    let (name, value) = line.split_once(':').ok_or_else(malformed)?;
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) || value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(malformed());
    }
    Ok((name.into(), value.trim_matches([' ', '\t']).into()))
}

/// RFC 9112 section 6.3, from the client's side.
fn framing(answer: &Answer, method: &str) -> Result<Framing, Trouble> {
    if method == "HEAD" || answer.status < 200 || matches!(answer.status, 204 | 304) {
        return Ok(Framing::None);
    }
    match (answer.field("transfer-encoding"), answer.field("content-length")) {
        (Some(_), Some(_)) => Err(Trouble::Malformed("both Transfer-Encoding and Content-Length".into())),
        (Some(coding), None) if coding == "chunked" => Ok(Framing::Chunked),
        (Some(coding), None) => Err(Trouble::Malformed(format!("Transfer-Encoding: {coding}"))),
        (None, Some(length)) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(Framing::Length)
        }
        (None, Some(length)) => Err(Trouble::Malformed(format!("Content-Length: {length}"))),
        (None, None) => Ok(Framing::Close),
    }
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The first bytes of something, escaped, for messages.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(200)];
    format!("\"{}\"{}", start.escape_ascii(), if bytes.len() > 200 { "..." } else { "" })
}
