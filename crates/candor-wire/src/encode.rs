//! An answer's head as bytes, and how its content is framed (RFC 9112 sections 4 and 6).

use std::time::Instant;

use candor_semantics::code::Code;
use candor_semantics::fields::Fields;
use candor_semantics::head::Version;

use crate::date::date;
use crate::service::Content;

/// What the framing depends on besides the answer: the request, and whether the connection goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The request's version.
    pub(crate) version: Version,
    /// Whether the request was HEAD: no content, whatever the answer holds (RFC 9110 section 9.3.2).
    pub(crate) head_only: bool,
    /// Whether the client lets the connection go on.
    pub(crate) persists: bool,
}

/// How the end of the content is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No framing field and no content.
    None,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of the connection, for HTTP/1.0.
    Close,
}

impl Framing {
    /// The framing of an answer, and whether its content is sent.
    pub(crate) fn of(status: u16, content: &Content, asked: Asked) -> (Framing, bool) {
        match content {
            // RFC 9110 sections 15.3.5 and 15.4.5, RFC 9112 section 6.3: these end with their head.
            _ if status == 204 || status == 304 => (Framing::None, false),
            // RFC 9110 section 15.3.6: no content, and that is said.
            _ if status == 205 => (Framing::Length(0), false),
            Content::Nothing if asked.head_only => (Framing::None, false),
            Content::Nothing => (Framing::Length(0), false),
            Content::Omitted(Some(length)) => (Framing::Length(*length), false),
            Content::Omitted(None) => (Framing::None, false),
            content => match length(content) {
                Some(length) => (Framing::Length(length), !asked.head_only),
                None if asked.head_only => (Framing::None, false),
                None if asked.version == Version::Http10 => (Framing::Close, true),
                None => (Framing::Chunked, true),
            },
        }
    }
}

/// The content's length in bytes, if it is known.
fn length(content: &Content) -> Option<u64> {
    match content {
        Content::Nothing => Some(0),
        Content::Omitted(length) | Content::Stream { length, .. } => *length,
        Content::Bytes(bytes) => Some(bytes.len() as u64),
        Content::File(part) => Some(part.length),
        Content::Pieces(pieces) => Some(pieces.iter().map(|piece| piece.length()).sum()),
    }
}

/// Appends status line and fields.
pub(crate) fn head(
    out: &mut Vec<u8>,
    status: u16,
    fields: &Fields,
    framing: Framing,
    version: Version,
    persists: bool,
    now: Instant,
) {
    status_line(out, status);
    for (name, value) in fields.iter() {
        line(out, name.as_bytes(), value);
    }
    if !fields.has("date") {
        line(out, b"Date", &date(now));
    }
    match framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::Close => {}
    }
    if !persists {
        out.extend_from_slice(b"Connection: close\r\n");
    } else if version == Version::Http10 {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut Vec<u8>, status: u16) {
    match status {
        200 => out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
        304 => out.extend_from_slice(b"HTTP/1.1 304 Not Modified\r\n"),
        _ => {
            let ours = Code::from_number(status).map(Code::name);
            let phrase = ours.or_else(|| http::StatusCode::from_u16(status).ok()?.canonical_reason());
            out.extend_from_slice(b"HTTP/1.1 ");
            decimal(out, u64::from(status));
            // The blank stays where there is no phrase (RFC 9112 section 4).
            out.push(b' ');
            out.extend_from_slice(phrase.unwrap_or_default().as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// One field line. A byte that would end the line early becomes a blank: nothing above can add a line by a value.
pub(crate) fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    let start = out.len();
    out.extend_from_slice(value);
    if memchr::memchr3(b'\r', b'\n', 0, value).is_some() {
        for byte in out.iter_mut().skip(start).filter(|b| matches!(**b, b'\r' | b'\n' | 0)) {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Digits without leading zeros.
pub(crate) fn decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        used += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// A chunk's size line (RFC 9112 section 7.1).
pub(crate) fn chunk_size(size: usize) -> Vec<u8> {
    format!("{size:x}\r\n").into_bytes()
}

/// The last chunk and the trailer section.
pub(crate) fn last_chunk(trailers: Option<&Fields>) -> Vec<u8> {
    let mut out = b"0\r\n".to_vec();
    for (name, value) in trailers.into_iter().flat_map(Fields::iter) {
        line(&mut out, name.as_bytes(), value);
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{FilePart, Piece};
    use bytes::Bytes;
    use std::fs::File;
    use std::sync::Arc;

    const GET: Asked = Asked { version: Version::Http11, head_only: false, persists: true };
    const HEAD: Asked = Asked { head_only: true, ..GET };
    const OLD: Asked = Asked { version: Version::Http10, ..GET };

    struct Never;

    impl crate::service::Source for Never {
        fn poll_next(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<std::io::Result<Bytes>>> {
            std::task::Poll::Ready(None)
        }
    }

    #[test]
    fn framing_follows_from_status_method_and_content() {
        let stream = |length| Content::Stream { source: Box::new(Never), length };
        let bytes = || Content::Bytes(Bytes::from_static(b"abc"));
        let part =
            FilePart { file: Arc::new(File::open("/dev/null").unwrap()), offset: 0, length: 7, state: None };
        let pieces =
            Content::Pieces(vec![Piece::Bytes(Bytes::from_static(b"ab")), Piece::File(part.clone())]);
        let table = [
            (200, bytes(), GET, (Framing::Length(3), true)),
            (200, bytes(), HEAD, (Framing::Length(3), false)),
            (200, Content::Bytes(Bytes::new()), GET, (Framing::Length(0), true)),
            (200, Content::File(part), OLD, (Framing::Length(7), true)),
            (206, pieces, GET, (Framing::Length(9), true)),
            (200, Content::Omitted(Some(9)), HEAD, (Framing::Length(9), false)),
            (200, Content::Omitted(None), HEAD, (Framing::None, false)),
            (200, Content::Nothing, GET, (Framing::Length(0), false)),
            (200, Content::Nothing, HEAD, (Framing::None, false)),
            (204, bytes(), GET, (Framing::None, false)),
            (304, Content::Omitted(Some(9)), GET, (Framing::None, false)),
            (205, Content::Nothing, GET, (Framing::Length(0), false)),
            (205, bytes(), GET, (Framing::Length(0), false)),
            (200, stream(None), GET, (Framing::Chunked, true)),
            (200, stream(None), HEAD, (Framing::None, false)),
            (200, stream(None), OLD, (Framing::Close, true)),
            (200, stream(Some(5)), OLD, (Framing::Length(5), true)),
        ];
        for (status, content, asked, expected) in table {
            assert_eq!(Framing::of(status, &content, asked), expected, "{status} {content:?} {asked:?}");
        }
    }

    #[test]
    fn heads_byte_for_byte() {
        let mut fields = Fields::new();
        fields.push_static("Date", "today");
        fields.push("X-A", "a\r\nb\0c");
        let mut out = Vec::new();
        let now = Instant::now();
        head(&mut out, 404, &fields, Framing::Length(1234567890), Version::Http11, false, now);
        head(&mut out, 599, &Fields::new(), Framing::Chunked, Version::Http10, true, now);
        let out = String::from_utf8(out).unwrap();
        let (first, second) = out.split_at(out.find("HTTP/1.1 599").unwrap());
        assert_eq!(
            first,
            "HTTP/1.1 404 Not Found\r\nDate: today\r\nX-A: a  b c\r\nContent-Length: 1234567890\r\n\
             Connection: close\r\n\r\n"
        );
        assert!(second.starts_with("HTTP/1.1 599 \r\nDate: "));
        assert!(second.ends_with(" GMT\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn numbers() {
        for number in [0, 7, 10, 99, 65536, u64::MAX] {
            let mut out = Vec::new();
            decimal(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }
}
