//! The bytes of an HTTP/1.x request that decide where it goes and where it ends: start line, target form and
//! message length (RFC 9112 sections 3, 6 and 9.3).

use std::ops::Range;

use crate::field::connection::Connection;
use crate::field::content_length;
use crate::field::expect::Expect;
use crate::field::grammar::is_tchar;
use crate::field::host::Host;
use crate::field::transfer_encoding::TransferEncoding;
use crate::head::{Head, Scheme, Version};
use crate::refusal::Refusal;

/// The longest method token that is looked at, in bytes; a longer one names nothing that is implemented
/// (RFC 9112 section 3).
pub const METHOD_SIZE: usize = 64;

/// `HTTP/1.1`.
const VERSION_SIZE: usize = 8;

/// Reads a start line while its bytes arrive, each byte once, so that a method or target that is too long is
/// known before the line ends.
///
/// ```
/// use candor_semantics::framing::StartLine;
/// use candor_semantics::head::Version;
/// let mut line = StartLine::new();
/// assert_eq!(line.feed(b"GET /a", 8192), Ok(()));
/// assert_eq!(line.finish(b"GET /a HTTP/1.1", 8192), Ok(Version::Http11));
/// assert_eq!((line.method(), line.target()), (0..3, 4..6));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartLine {
    /// Bytes looked at.
    at: u32,
    /// Where the method ended.
    method_end: u32,
    /// Where the target ended; not before the method's end and its blank.
    target_end: u32,
}

impl StartLine {
    /// Nothing read yet.
    pub const fn new() -> StartLine {
        StartLine { at: 0, method_end: 0, target_end: 0 }
    }

    /// Looks at what is new in `line`: all bytes of the line so far, without its end.
    ///
    /// # Errors
    /// [`Refusal::MethodTooLong`], [`Refusal::TargetTooLong`] beyond `target_size` bytes, or
    /// [`Refusal::StartLine`] as soon as a byte stands where it cannot.
    pub fn feed(&mut self, line: &[u8], target_size: usize) -> Result<(), Refusal> {
        if self.method_end == 0 {
            let end = self.at + count(line, self.at, METHOD_SIZE + 1, is_tchar);
            self.at = end;
            match line.get(end as usize) {
                _ if end as usize > METHOD_SIZE => return Err(Refusal::MethodTooLong),
                None => return Ok(()),
                Some(b' ') if end > 0 => self.method_end = end,
                Some(_) => return Err(Refusal::StartLine),
            }
            self.at += 1;
        }
        if self.target_end == 0 {
            let start = self.method_end + 1;
            let end = self.at + count(line, self.at, usize::MAX, is_target);
            self.at = end;
            match line.get(end as usize) {
                _ if (end - start) as usize > target_size => return Err(Refusal::TargetTooLong),
                None => return Ok(()),
                Some(b' ') if end > start => self.target_end = end,
                Some(_) => return Err(Refusal::StartLine),
            }
            self.at += 1;
        }
        let version = line.len().saturating_sub(self.target_end as usize + 1);
        if version > VERSION_SIZE { Err(Refusal::StartLine) } else { Ok(()) }
    }

    /// The version of a line that is whole.
    ///
    /// # Errors
    /// As [`StartLine::feed`]; [`Refusal::StartLine`] where a part is missing, [`Refusal::Version`] for a major
    /// version other than 1.
    pub fn finish(&mut self, line: &[u8], target_size: usize) -> Result<Version, Refusal> {
        self.feed(line, target_size)?;
        if self.target_end == 0 {
            return Err(Refusal::StartLine);
        }
        version(line.get(self.target_end as usize + 1..).unwrap_or_default())
    }

    /// The place of the method in the line; empty where it is not known yet.
    pub const fn method(&self) -> Range<usize> {
        0..self.method_end as usize
    }

    /// The place of the target in the line; empty where it is not known yet.
    pub const fn target(&self) -> Range<usize> {
        if self.target_end == 0 { 0..0 } else { self.method_end as usize + 1..self.target_end as usize }
    }
}

/// How many bytes from `from` on satisfy `wanted`, at most `most`.
fn count(line: &[u8], from: u32, most: usize, wanted: impl Fn(u8) -> bool) -> u32 {
    let rest = line.get(from as usize..).unwrap_or_default();
    let rest = rest.get(..most).unwrap_or(rest);
    let counted = rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len());
    u32::try_from(counted).unwrap_or(u32::MAX - from)
}

/// Bytes that a target may hold: those of a URI (RFC 3986 section 2) but for the fragment's mark. A backslash
/// is let through, because browsers of old sent it; it names nothing.
const fn is_target(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~')
        && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// `HTTP/` DIGIT `.` DIGIT, in capitals (RFC 9112 section 2.3). A minor version above 1 is read as 1.1
/// (section 2.5).
fn version(name: &[u8]) -> Result<Version, Refusal> {
    match name {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            if *major == b'1' {
                Ok(Version::Http11)
            } else {
                Err(Refusal::Version)
            }
        }
        _ => Err(Refusal::StartLine),
    }
}

/// The four forms of a request target (RFC 9112 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A path with an optional query.
    Origin(&'a [u8]),
    /// A whole `http` or `https` URI.
    Absolute {
        /// The scheme it names.
        scheme: Scheme,
        /// Host and port; they win over the `Host` field.
        authority: &'a [u8],
        /// Path and query as sent; may be empty.
        path: &'a [u8],
    },
    /// Host and port alone; only for CONNECT.
    Authority(&'a [u8]),
    /// `*`: the server as a whole; only for OPTIONS.
    Asterisk,
}

impl<'a> Target<'a> {
    /// Reads the target of a request with this method token.
    ///
    /// # Errors
    /// [`Refusal::TargetForm`] for a form the method cannot have, for a scheme other than `http` and `https`, and
    /// for an authority that is missing, malformed or has user information (section 4.2.4).
    pub fn parse(method: &[u8], target: &'a [u8]) -> Result<Target<'a>, Refusal> {
        if method == b"CONNECT" {
            let legal = target.contains(&b':') && names_host(target);
            return if legal { Ok(Target::Authority(target)) } else { Err(Refusal::TargetForm) };
        }
        match target {
            [b'/', ..] => Ok(Target::Origin(target)),
            b"*" if method == b"OPTIONS" => Ok(Target::Asterisk),
            _ => absolute(target).ok_or(Refusal::TargetForm),
        }
    }
}

fn absolute(target: &[u8]) -> Option<Target<'_>> {
    let colon = memchr::memchr(b':', target)?;
    let (name, rest) = target.split_at_checked(colon)?;
    let scheme = match name {
        _ if name.eq_ignore_ascii_case(b"http") => Scheme::Http,
        _ if name.eq_ignore_ascii_case(b"https") => Scheme::Https,
        _ => return None,
    };
    let rest = rest.strip_prefix(b"://")?;
    let end = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    names_host(authority).then_some(Target::Absolute { scheme, authority, path })
}

fn names_host(authority: &[u8]) -> bool {
    Host::parse(authority).is_some_and(|host| !host.name.is_empty())
}

/// How a request's content is delimited (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No content.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks up to the last one.
    Chunked,
}

/// What the head of an HTTP/1.x request says about its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// How the content is delimited; [`Framing::None`] where there is a fault.
    pub framing: Framing,
    /// Whether the client wants the connection to go on (RFC 9112 section 9.3).
    pub persists: bool,
    /// Whether it waits for an interim 100 before it sends content (section 10.1.1).
    pub expects_continue: bool,
    /// The first fault, in the order of the questions.
    pub fault: Option<Refusal>,
}

impl Message {
    /// A message whose head is not whole or not legal: nobody can tell where it ends.
    pub const fn lost(fault: Refusal) -> Message {
        Message { framing: Framing::None, persists: false, expects_continue: false, fault: Some(fault) }
    }

    /// Reads target form, length, host and connection options. What is wrong with any of them means that client
    /// and server do not understand each other: the connection does not go on after it.
    pub fn of(head: &Head) -> Message {
        let framing = match framing(head) {
            Err(Refusal::Framing) => return Message::lost(Refusal::Framing),
            framing => framing,
        };
        let named = host(head).and_then(|()| Target::parse(head.method_token(), head.target()));
        match named.and(framing) {
            Err(fault) => Message::lost(fault),
            Ok(framing) => Message {
                framing,
                persists: Connection::from_head(head).persists(head.version()),
                expects_continue: Expect::from_head(head) == Expect::Continue,
                fault: None,
            },
        }
    }
}

/// One reading of the length or none: both framings at once, a repeated or malformed length, a transfer coding
/// that does not end in chunked, and a transfer coding from HTTP/1.0 are refused (RFC 9112 sections 6.1, 6.3).
fn framing(head: &Head) -> Result<Framing, Refusal> {
    let length = content_length::from_head(head).map_err(|_| Refusal::Framing)?;
    match (TransferEncoding::from_head(head), length) {
        (TransferEncoding::Absent, None) => Ok(Framing::None),
        (TransferEncoding::Absent, Some(length)) => Ok(Framing::Length(length)),
        (TransferEncoding::Malformed, _) | (_, Some(_)) => Err(Refusal::Framing),
        (TransferEncoding::Unknown, None) => Err(Refusal::TransferCoding),
        (TransferEncoding::Chunked, None) => Ok(Framing::Chunked),
    }
}

/// Exactly one valid host in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 section 3.2). An empty one belongs to
/// targets without an authority, of which `http` has none (section 4.2.1).
fn host(head: &Head) -> Result<(), Refusal> {
    match Host::from_head(head) {
        Ok(Some(host)) if !host.name.is_empty() => Ok(()),
        Ok(None) if head.version() == Version::Http10 => Ok(()),
        _ => Err(Refusal::Host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a whole line gives; the same must come out when it arrives byte by byte.
    fn read(line: &[u8], target_size: usize) -> Result<(Vec<u8>, Vec<u8>, Version), Refusal> {
        let mut whole = StartLine::new();
        let finished = whole.finish(line, target_size);
        let mut slow = StartLine::new();
        let fed = (0..=line.len()).try_for_each(|end| slow.feed(&line[..end], target_size));
        let slowly = fed.and_then(|()| slow.finish(line, target_size));
        assert_eq!(slowly, finished, "{}", line.escape_ascii());
        finished.map(|version| (line[whole.method()].to_vec(), line[whole.target()].to_vec(), version))
    }

    #[test]
    fn start_lines_that_are_read() {
        let of = |m: &str, t: &str, v| Ok((m.as_bytes().to_vec(), t.as_bytes().to_vec(), v));
        assert_eq!(read(b"GET / HTTP/1.1", 9), of("GET", "/", Version::Http11));
        assert_eq!(read(b"get /?a=%zz&b\\ HTTP/1.0", 99), of("get", "/?a=%zz&b\\", Version::Http10));
        assert_eq!(read(b"M-SEARCH!#$ * HTTP/1.9", 9), of("M-SEARCH!#$", "*", Version::Http11));
        let longest = format!("{} /12345678 HTTP/1.1", "M".repeat(METHOD_SIZE));
        assert!(read(longest.as_bytes(), 9).is_ok());
    }

    #[test]
    fn start_lines_that_are_refused() {
        let lines: &[&[u8]] = &[
            b"",
            b"GET",
            b"GET ",
            b"GET /",
            b"GET / ",
            b" GET / HTTP/1.1",
            b"GET  / HTTP/1.1",
            b"GET /  HTTP/1.1",
            b"GET / HTTP/1.1 ",
            b"GET /a b HTTP/1.1",
            b"GET\t/ HTTP/1.1",
            b"GET / HTTP/1.10",
            b"GET / HTTP/01.1",
            b"GET / HTTP/1",
            b"GET / HTTP/1.",
            b"GET / HTTP/1,1",
            b"GET / http/1.1",
            b"GET / HTP/1.1",
            b"G@T / HTTP/1.1",
            b"G\xc3T / HTTP/1.1",
            b"GET /\x00 HTTP/1.1",
            b"GET /\x7f HTTP/1.1",
            b"GET /\xff HTTP/1.1",
            b"GET /#a HTTP/1.1",
            b"GET /\r HTTP/1.1",
            b"GET / HTTP/1.1\r",
            b"\r",
            b"\x16\x03\x01\x02",
        ];
        for line in lines {
            assert_eq!(read(line, 99), Err(Refusal::StartLine), "{}", line.escape_ascii());
        }
        for byte in b"\"<>^`{|}" {
            let line = [b"GET /", &[*byte][..], b" HTTP/1.1"].concat();
            assert_eq!(read(&line, 99), Err(Refusal::StartLine), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn too_long_is_known_before_the_line_ends() {
        let mut line = StartLine::new();
        assert_eq!(line.feed(&[b'A'; METHOD_SIZE + 1], 9), Err(Refusal::MethodTooLong));
        let mut line = StartLine::new();
        assert_eq!(line.feed(b"GET /12345678", 9), Ok(()));
        assert_eq!(line.feed(b"GET /123456789", 9), Err(Refusal::TargetTooLong));
        assert_eq!(line.method(), 0..3);
        assert_eq!(read(b"GET /123456789 HTTP/1.1", 9), Err(Refusal::TargetTooLong));
        assert_eq!(read(&[b'A'; 10_000], 9), Err(Refusal::MethodTooLong));
    }

    #[test]
    fn other_major_versions() {
        for version in ["HTTP/2.0", "HTTP/3.7", "HTTP/9.9", "HTTP/0.9"] {
            let line = format!("GET / {version}");
            assert_eq!(read(line.as_bytes(), 99), Err(Refusal::Version), "{line}");
        }
    }

    #[test]
    fn target_forms() {
        let parse = |method: &str, target: &'static str| Target::parse(method.as_bytes(), target.as_bytes());
        assert_eq!(parse("GET", "//x?y"), Ok(Target::Origin(b"//x?y")));
        assert_eq!(parse("OPTIONS", "*"), Ok(Target::Asterisk));
        let absolute = |scheme, authority, path| Ok(Target::Absolute { scheme, authority, path });
        assert_eq!(parse("GET", "HTTP://a:1/b?c"), absolute(Scheme::Http, b"a:1", b"/b?c"));
        assert_eq!(parse("GET", "https://[::1]"), absolute(Scheme::Https, b"[::1]", b""));
        assert_eq!(parse("GET", "http://a?q"), absolute(Scheme::Http, b"a", b"?q"));
        assert_eq!(parse("CONNECT", "a:443"), Ok(Target::Authority(b"a:443")));
        let refused = [
            ("GET", "*"),
            ("GET", "hello.txt"),
            ("GET", "localhost:80"),
            ("GET", "http:///x"),
            ("GET", "http://u:p@a/x"),
            ("GET", "ftp://a/x"),
            ("GET", "http:/a"),
            ("GET", "https"),
            ("OPTIONS", "*x"),
            ("CONNECT", "/"),
            ("CONNECT", "a"),
            ("CONNECT", "http://a:1/"),
        ];
        for (method, target) in refused {
            assert_eq!(parse(method, target), Err(Refusal::TargetForm), "{method} {target}");
        }
    }

    fn message(version: Version, fields: &[(&str, &str)]) -> Message {
        let fields = std::iter::once(&("Host", "x")).chain(fields).copied();
        Message::of(&Head::from_parts(b"POST", b"/", version, Scheme::Http, fields))
    }

    #[test]
    fn one_reading_of_the_length() {
        let framing = |fields: &[(&str, &str)]| message(Version::Http11, fields).framing;
        assert_eq!(framing(&[]), Framing::None);
        assert_eq!(framing(&[("Content-Length", "12")]), Framing::Length(12));
        assert_eq!(framing(&[("transfer-encoding", "Chunked")]), Framing::Chunked);
        let faults: &[(&[(&str, &str)], Refusal)] = &[
            (&[("Content-Length", "5"), ("Transfer-Encoding", "chunked")], Refusal::Framing),
            (&[("Content-Length", "5"), ("Transfer-Encoding", "gzip, chunked")], Refusal::Framing),
            (&[("Content-Length", "5, 6")], Refusal::Framing),
            (&[("Content-Length", "5"), ("Content-Length", "5")], Refusal::Framing),
            (&[("Content-Length", "+5")], Refusal::Framing),
            (&[("Content-Length", "")], Refusal::Framing),
            (&[("Content-Length", "99999999999999999999")], Refusal::Framing),
            (&[("Transfer-Encoding", "chunked, foo")], Refusal::Framing),
            (&[("Transfer-Encoding", "foo")], Refusal::Framing),
            (&[("Transfer-Encoding", "foo, chunked")], Refusal::TransferCoding),
        ];
        for (fields, fault) in faults {
            let message = message(Version::Http11, fields);
            assert_eq!(message.fault, Some(*fault), "{fields:?}");
            assert_eq!((message.framing, message.persists), (Framing::None, false), "{fields:?}");
        }
        let old = message(Version::Http10, &[("Transfer-Encoding", "chunked")]);
        assert_eq!(old.fault, Some(Refusal::Framing));
    }

    #[test]
    fn hosts() {
        let of = |version, lines: &[&str]| {
            let fields = lines.iter().map(|value| ("Host", *value)).chain([("Content-Length", "3")]);
            Message::of(&Head::from_parts(b"GET", b"/", version, Scheme::Http, fields))
        };
        assert_eq!(of(Version::Http11, &["a.b:8"]).fault, None);
        assert_eq!(of(Version::Http10, &[]).fault, None);
        for lines in [&[][..], &["a", "a"], &["u@h"], &[""], &["a:8x"]] {
            assert_eq!(of(Version::Http11, lines), Message::lost(Refusal::Host), "{lines:?}");
        }
        assert_eq!(of(Version::Http10, &["a", "b"]).fault, Some(Refusal::Host));
    }

    #[test]
    fn the_first_question_that_fails_is_told() {
        let of = |target: &[u8], fields: &[(&str, &str)]| {
            let fields = fields.iter().copied();
            Message::of(&Head::from_parts(b"GET", target, Version::Http11, Scheme::Http, fields)).fault
        };
        let (coding, host) = (("Transfer-Encoding", "foo, chunked"), ("Host", "x"));
        assert_eq!(of(b"*", &[("Content-Length", "x")]), Some(Refusal::Framing));
        assert_eq!(of(b"*", &[coding]), Some(Refusal::Host));
        assert_eq!(of(b"*", &[coding, host]), Some(Refusal::TargetForm));
        assert_eq!(of(b"/", &[coding, host]), Some(Refusal::TransferCoding));
    }
}
