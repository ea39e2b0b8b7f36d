//! Finds the end of a head while its bytes arrive, looking at each byte once, and makes a [`Head`] of it.

use std::ops::Range;

use bytes::Bytes;
use candor_semantics::framing::StartLine;
use candor_semantics::head::{Head, Scheme, Version};
use candor_semantics::refusal::Refusal;

use crate::limits::Limits;

/// Field lines of a head; past them the fields are too large, whatever their bytes.
const LINES: usize = 512;

/// A field name longer than this is not told.
const NAME: usize = 256;

/// Empty lines before a start line that are passed over (RFC 9112 section 2.2).
const EMPTY_LINES: u8 = 4;

/// The first line of HTTP/2's preface (RFC 9113 section 3.4), which is no request of HTTP/1.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// What the bytes so far amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Empty lines, so many bytes, which do not begin a request.
    Blank(usize),
    /// Not the end yet.
    More,
    /// HTTP/2's preface begins here.
    Preface,
    /// A head of so many bytes.
    Whole(usize),
}

/// How far a head was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scan {
    line: StartLine,
    version: Option<Version>,
    /// Where the line that is being looked at begins.
    line_start: usize,
    /// Bytes that hold no line end after `line_start`.
    searched: usize,
    fields_start: usize,
    lines: usize,
    blanks: u8,
}

impl Scan {
    /// Looks at what is new in `bytes`, which begin where the head begins.
    pub(crate) fn advance(&mut self, bytes: &[u8], limits: &Limits) -> Result<Found, Refusal> {
        if self.version.is_none() && bytes.starts_with(b"\r\n") {
            return self.blanks(bytes);
        }
        while let Some(found) = memchr::memchr(b'\n', bytes.get(self.searched..).unwrap_or_default()) {
            let end = self.searched + found;
            let line = bytes.get(self.line_start..end).unwrap_or_default();
            let whole = line.strip_suffix(b"\r");
            self.line_start = end + 1;
            self.searched = end + 1;
            if self.version.is_some() {
                let line = whole.ok_or(Refusal::FieldLine)?;
                self.field_line(limits)?;
                if line.is_empty() {
                    return Ok(Found::Whole(end + 1));
                }
            } else {
                let line = whole.ok_or_else(|| self.bare_end(line, limits))?;
                if line == PREFACE {
                    return Ok(Found::Preface);
                }
                self.version = Some(self.line.finish(line, limits.target_size)?);
                self.fields_start = end + 1;
            }
        }
        self.searched = bytes.len();
        if self.version.is_some() {
            self.within_size(bytes.len(), limits)?;
        } else {
            self.line.feed(bytes.strip_suffix(b"\r").unwrap_or(bytes), limits.target_size)?;
        }
        Ok(Found::More)
    }

    fn blanks(&mut self, bytes: &[u8]) -> Result<Found, Refusal> {
        let lines = bytes.chunks(2).take_while(|line| line == b"\r\n").count();
        self.blanks = self.blanks.saturating_add(u8::try_from(lines).unwrap_or(u8::MAX));
        if self.blanks > EMPTY_LINES { Err(Refusal::StartLine) } else { Ok(Found::Blank(lines * 2)) }
    }

    /// A start line ended by LF alone: what is wrong with it besides comes first.
    fn bare_end(&mut self, line: &[u8], limits: &Limits) -> Refusal {
        self.line.feed(line, limits.target_size).err().unwrap_or(Refusal::StartLine)
    }

    fn field_line(&mut self, limits: &Limits) -> Result<(), Refusal> {
        self.lines += 1;
        self.within_size(self.line_start, limits)
    }

    fn within_size(&self, end: usize, limits: &Limits) -> Result<(), Refusal> {
        let size = end.saturating_sub(self.fields_start);
        if size > limits.head_size || self.lines > LINES { Err(Refusal::FieldsTooLarge) } else { Ok(()) }
    }

    /// Adds the name of the line that was too much, without its value, so that a refusal can tell which it was.
    pub(crate) fn name_last_field(&self, head: &mut Head, bytes: &[u8]) {
        let Some(line) = bytes.get(self.line_start..) else { return };
        let Some(colon) = memchr::memchr(b':', line.get(..line.len().min(NAME)).unwrap_or_default()) else {
            return;
        };
        if line.get(..colon).is_some_and(candor_semantics::field::grammar::is_token) {
            head.push(self.line_start..self.line_start + colon, 0..0);
        }
    }

    /// The head that `bytes` are, all fields read.
    pub(crate) fn whole(&self, bytes: &[u8], scheme: Scheme) -> Result<Head, Refusal> {
        let mut head = self.start(bytes, scheme);
        let section = bytes.get(self.fields_start..).unwrap_or_default();
        // Most heads have few lines; room for many is only made where they are.
        if self.lines <= 16 {
            read_fields(&mut head, bytes, section, &mut [httparse::EMPTY_HEADER; 16])?;
        } else {
            read_fields(&mut head, bytes, section, &mut vec![httparse::EMPTY_HEADER; self.lines])?;
        }
        Ok(head)
    }

    /// What was understood of a head that is not whole: its method and target if they are known.
    pub(crate) fn start(&self, bytes: &[u8], scheme: Scheme) -> Head {
        let version = self.version.unwrap_or(Version::Http11);
        Head::new(Bytes::copy_from_slice(bytes), self.line.method(), self.line.target(), version, scheme)
    }
}

/// The field grammar is `httparse`'s. Its only leniency that is left by then is undone: line ends were checked
/// while the head was scanned.
fn read_fields<'b>(
    head: &mut Head,
    bytes: &'b [u8],
    section: &'b [u8],
    lines: &mut [httparse::Header<'b>],
) -> Result<(), Refusal> {
    match httparse::parse_headers(section, lines) {
        Ok(httparse::Status::Complete((used, lines))) if used == section.len() => {
            for line in lines {
                head.push(place(bytes, line.name.as_bytes()), place(bytes, line.value));
            }
            Ok(())
        }
        _ => Err(Refusal::FieldLine),
    }
}

/// Where `part`, which lies in `whole`, lies in it.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { target_size: 20, head_size: 60, ..Limits::default() }
    }

    /// What is found when the bytes come at once, and what when they come in two parts split at `split`.
    fn find(bytes: &[u8], split: usize) -> Result<Found, Refusal> {
        let mut scan = Scan::default();
        match scan.advance(&bytes[..split], &limits()) {
            Ok(Found::More) => scan.advance(bytes, &limits()),
            Ok(Found::Blank(used)) if used < split => scan.advance(&bytes[used..], &limits()),
            found => found,
        }
    }

    #[test]
    fn every_split_finds_the_same() {
        let whole = |bytes: &[u8]| Ok(Found::Whole(bytes.len()));
        let get = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n".as_slice();
        let many = [b"GET / HTTP/1.1\r\n".as_slice(), &b"a:\r\n".repeat(16), b"\r\n"].concat();
        let table: Vec<(&[u8], Result<Found, Refusal>)> = vec![
            (get, whole(get)),
            (b"GET /a HTTP/1.1\r\n\r\n", whole(b"GET /a HTTP/1.1\r\n\r\n")),
            (b"GET /a HTTP/1.1\r\nHost: x\r\n", Ok(Found::More)),
            (b"GET /a HTTP/1.1\r\nHost: x\n\r\n", Err(Refusal::FieldLine)),
            (b"GET /a HTTP/1.1\n\r\n", Err(Refusal::StartLine)),
            (b"GET /aaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\n", Err(Refusal::TargetTooLong)),
            (b"GET /a HTTP/2.0\r\n", Err(Refusal::Version)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Ok(Found::Preface)),
            (&many, Err(Refusal::FieldsTooLarge)),
        ];
        for (bytes, found) in table {
            for split in 0..=bytes.len() {
                assert_eq!(find(bytes, split), found, "{} at {split}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn fields_are_found_where_they_stand() {
        let bytes = b"PUT /a HTTP/1.0\r\nHost:x\r\nX-A: \t caf\xe9 \t\r\nX-B:\r\n\r\n";
        let mut scan = Scan::default();
        assert_eq!(scan.advance(bytes, &limits()), Ok(Found::Whole(bytes.len())));
        let head = scan.whole(bytes, Scheme::Http).unwrap();
        assert_eq!(
            (head.method_token(), head.target(), head.version()),
            (&b"PUT"[..], &b"/a"[..], Version::Http10)
        );
        let fields: Vec<_> = head.fields().collect();
        assert_eq!(fields, [(&b"Host"[..], &b"x"[..]), (b"X-A", b"caf\xe9"), (b"X-B", b"")]);
    }

    #[test]
    fn many_lines_are_read_too() {
        let bytes = [b"GET / HTTP/1.1\r\n".as_slice(), &b"a: b\r\n".repeat(100), b"\r\n"].concat();
        let mut scan = Scan::default();
        assert_eq!(scan.advance(&bytes, &Limits::default()), Ok(Found::Whole(bytes.len())));
        assert_eq!(scan.whole(&bytes, Scheme::Http).unwrap().all("a").count(), 100);
    }
}
