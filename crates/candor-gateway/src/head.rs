//! The head of an upstream's answer, and how its content is framed (RFC 9112 sections 4 and 6.3). What can be read
//! in two ways is refused.

use std::borrow::Cow;

use bytes::Bytes;
use candor_semantics::field::connection::options;
use candor_semantics::field::content_length;
use candor_semantics::field::transfer_encoding::TransferEncoding;
use candor_semantics::fields::Fields;
use candor_semantics::gateway::cause::Cause;
use candor_semantics::gateway::forwarding;

/// Bytes that a head may have.
const HEAD_SIZE: usize = 64 * 1024;

/// Lines that it may have.
const LINES: usize = 128;

/// How the end of the content is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
    Close,
}

/// A head that was read.
#[derive(Debug)]
pub(crate) struct ReplyHead {
    pub(crate) status: u16,
    /// As `Via` names it.
    pub(crate) version: &'static str,
    /// Without those of the connection.
    pub(crate) fields: Fields,
    pub(crate) framing: Framing,
    /// The length it declares, whether content follows or not.
    pub(crate) declared: Option<u64>,
    /// The upstream lets the connection go on.
    pub(crate) persists: bool,
}

/// Reads a head, if it is whole, and tells how many bytes it took. `head_only` tells that HEAD was asked.
pub(crate) fn read(bytes: &[u8], head_only: bool) -> Result<Option<(ReplyHead, usize)>, Cause> {
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let mut response = httparse::Response::new(&mut lines);
    let used = match response.parse(bytes) {
        Ok(httparse::Status::Complete(used)) if used <= HEAD_SIZE => used,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_SIZE => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Cause::HeadTooLarge),
        Err(_) => return Err(Cause::NotHttp),
    };
    let status = response.code.filter(|code| (100..=599).contains(code)).ok_or(Cause::NotHttp)?;
    let version = match response.version {
        Some(0) => "1.0",
        _ => "1.1",
    };
    let held = Bytes::copy_from_slice(bytes.get(..used).unwrap_or_default());
    let mut fields = Fields::new();
    for line in response.headers.iter() {
        // A slice of what was copied, at the same place.
        let start = (line.value.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
        let end = start.saturating_add(line.value.len()).min(held.len());
        let value = held.slice(start.min(end)..end);
        fields.push(name(line.name), value);
    }
    let framing = framing(status, version, head_only, &fields)?;
    let persists = persists(version, &fields) && framing != Framing::Close;
    let declared = fields.get("content-length").and_then(|value| content_length::parse(value));
    forwarding::strip_answer(&mut fields);
    Ok(Some((ReplyHead { status, version, fields, framing, declared, persists }, used)))
}

fn framing(status: u16, version: &str, head_only: bool, fields: &Fields) -> Result<Framing, Cause> {
    let mut lengths = fields.all("content-length").map(|value| content_length::parse(value));
    let length = match lengths.next() {
        None => None,
        Some(first) => {
            let first = first.ok_or(Cause::BadFraming)?;
            // The same said twice is one reading; two are not.
            if lengths.any(|other| other != Some(first)) {
                return Err(Cause::BadFraming);
            }
            Some(first)
        }
    };
    let coding = fields.all("transfer-encoding").fold(Vec::new(), |mut joined, value| {
        if !joined.is_empty() {
            joined.extend_from_slice(b", ");
        }
        joined.extend_from_slice(value);
        joined
    });
    let coding = match fields.has("transfer-encoding") {
        true => TransferEncoding::parse(&coding),
        false => TransferEncoding::Absent,
    };
    if head_only || status < 200 || status == 204 || status == 304 {
        return Ok(Framing::None);
    }
    match (coding, length) {
        (TransferEncoding::Absent, Some(length)) => Ok(Framing::Length(length)),
        (TransferEncoding::Absent, None) => Ok(Framing::Close),
        (TransferEncoding::Chunked, None) if version == "1.1" => Ok(Framing::Chunked),
        (TransferEncoding::Unknown, None) => Err(Cause::TransferCoding),
        _ => Err(Cause::BadFraming),
    }
}

fn persists(version: &str, fields: &Fields) -> bool {
    let has = |wanted: &[u8]| {
        fields.all("connection").any(|line| options(line).any(|option| option.eq_ignore_ascii_case(wanted)))
    };
    !has(b"close") && (version == "1.1" || has(b"keep-alive"))
}

/// Names that most answers have, so that they need not be copied.
const USUAL: &[&str] = &[
    "Accept-Ranges",
    "Age",
    "Allow",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Security-Policy",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Keep-Alive",
    "Last-Modified",
    "Link",
    "Location",
    "Retry-After",
    "Server",
    "Set-Cookie",
    "Strict-Transport-Security",
    "Transfer-Encoding",
    "Vary",
    "Via",
    "WWW-Authenticate",
    "X-Content-Type-Options",
];

fn name(written: &str) -> Cow<'static, str> {
    USUAL
        .iter()
        .find(|usual| usual.len() == written.len() && usual.eq_ignore_ascii_case(written))
        .map_or_else(|| Cow::Owned(written.to_owned()), |usual| Cow::Borrowed(*usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(head: &str) -> Result<(u16, Framing, bool), Cause> {
        match read(format!("{head}\r\n\r\n").as_bytes(), false) {
            Ok(Some((head, _))) => Ok((head.status, head.framing, head.persists)),
            Ok(None) => panic!("not whole: {head}"),
            Err(cause) => Err(cause),
        }
    }

    #[test]
    fn heads_that_are_read() {
        for (head, wanted) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5", (200, Framing::Length(5), true)),
            ("HTTP/1.1 200\r\nContent-Length: 5\r\nContent-Length: 5", (200, Framing::Length(5), true)),
            ("HTTP/1.1 299 X\r\nTransfer-Encoding: chunked", (299, Framing::Chunked, true)),
            ("HTTP/1.1 200 OK", (200, Framing::Close, false)),
            ("HTTP/1.1 304 X\r\nContent-Length: 5", (304, Framing::None, true)),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5", (200, Framing::Length(5), false)),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive",
                (200, Framing::Length(5), true),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, CLOSE",
                (200, Framing::Length(5), false),
            ),
            ("HTTP/1.1 103 Early Hints\r\nLink: </x>", (103, Framing::None, true)),
        ] {
            assert_eq!(of(head), Ok(wanted), "{head}");
        }
    }

    #[test]
    fn heads_that_are_refused() {
        for (head, cause) in [
            ("garbage", Cause::NotHttp),
            ("HTTP/0.9 200 OK", Cause::NotHttp),
            ("HTTP/2.0 200 OK", Cause::NotHttp),
            ("HTTP/1.1 99 OK", Cause::NotHttp),
            ("HTTP/1.1 742 OK", Cause::NotHttp),
            ("HTTP/1.1 200 OK\r\nA : b", Cause::NotHttp),
            ("HTTP/1.1 200 OK\r\nA: b\r\n c", Cause::NotHttp),
            ("HTTP/1.1 200 OK\r\nContent-Length: x", Cause::BadFraming),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6", Cause::BadFraming),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", Cause::BadFraming),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked", Cause::BadFraming),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: foo, chunked", Cause::TransferCoding),
        ] {
            assert_eq!(of(head), Err(cause), "{head}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(100 * 1024));
        assert_eq!(read(long.as_bytes(), false).err(), Some(Cause::HeadTooLarge));
        assert_eq!(read(&long.as_bytes()[..HEAD_SIZE], false).err(), Some(Cause::HeadTooLarge));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(LINES + 1));
        assert_eq!(read(many.as_bytes(), false).err(), Some(Cause::HeadTooLarge));
        assert!(read(b"HTTP/1.1 200 OK\r\nA: b\r\n", false).unwrap().is_none());
    }
}
