//! The head of a request: start line and fields, whole and owned, as the wire read it.
//!
//! One allocation holds all bytes; everything else is spans into it, so a head is cheap to make, to move
//! and to keep for the access log.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use crate::method::Method;

/// The protocol version of a request (RFC 9110 section 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0: no interim answers, connections close unless asked to stay.
    Http10,
    /// HTTP/1.1, and what calls itself 1.2 to 1.9 (section 2.5: same major version).
    Http11,
    /// HTTP/2 (RFC 9113).
    Http2,
}

impl Version {
    /// The version as the access log and `Via` name it.
    pub const fn name(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
            Version::Http2 => "HTTP/2.0",
        }
    }
}

/// The scheme a request came by: what the connection was, not what the client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub const fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// A span of the head's bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    end: u32,
}

impl From<Range<usize>> for Span {
    /// Heads are bounded by `limits.head_size`, far below 4 GiB; a longer span is cut to nothing.
    fn from(range: Range<usize>) -> Span {
        match (u32::try_from(range.start), u32::try_from(range.end)) {
            (Ok(start), Ok(end)) => Span { start, end },
            _ => Span::default(),
        }
    }
}

/// A request's head. HTTP/2's pseudo-fields appear as method, target and a `host` field.
#[derive(Clone, Debug)]
pub struct Head {
    bytes: Bytes,
    method: Span,
    target: Span,
    fields: Vec<(Span, Span)>,
    known: Option<Method>,
    version: Version,
    scheme: Scheme,
}

impl Head {
    /// A head over `bytes`, with the places of the method token and the target in it.
    pub fn new(
        bytes: Bytes,
        method: Range<usize>,
        target: Range<usize>,
        version: Version,
        scheme: Scheme,
    ) -> Head {
        let known = bytes.get(method.clone()).and_then(Method::from_token);
        Head {
            bytes,
            method: method.into(),
            target: target.into(),
            fields: Vec::with_capacity(16),
            known,
            version,
            scheme,
        }
    }

    /// Adds the field whose name and value stand at these places; values are without surrounding blanks.
    pub fn push(&mut self, name: Range<usize>, value: Range<usize>) {
        self.fields.push((name.into(), value.into()));
    }

    /// A head from its parts, for HTTP/2 and for tests.
    pub fn from_parts<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        method: &[u8],
        target: &[u8],
        version: Version,
        scheme: Scheme,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Head {
        let mut bytes = Vec::with_capacity(512);
        let mut put = |part: &[u8]| {
            let start = bytes.len();
            bytes.extend_from_slice(part);
            start..bytes.len()
        };
        let (method, target) = (put(method), put(target));
        let spans: Vec<_> = fields
            .into_iter()
            .map(|(name, value)| (put(name.as_ref()).into(), put(value.as_ref()).into()))
            .collect();
        let mut head = Head::new(bytes.into(), method, target, version, scheme);
        head.fields = spans;
        head
    }

    fn slice(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The method as sent.
    pub fn method_token(&self) -> &[u8] {
        self.slice(self.method)
    }

    /// The method, if candor knows it.
    pub fn method(&self) -> Option<Method> {
        self.known
    }

    /// Whether the method is the one given.
    pub fn is(&self, method: Method) -> bool {
        self.known == Some(method)
    }

    /// The request target as sent (RFC 9112 section 3.2).
    pub fn target(&self) -> &[u8] {
        self.slice(self.target)
    }

    /// The protocol version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The scheme of the connection.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The scheme told by a trusted proxy.
    pub fn set_scheme(&mut self, scheme: Scheme) {
        self.scheme = scheme;
    }

    /// Number of bytes of the head as kept, for the log.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// All fields in order, names as sent.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|&(name, value)| (self.slice(name), self.slice(value)))
    }

    /// Values of every line of a field, in order. Names compare without case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(n, _)| {
                (n.end - n.start) as usize == name.len()
                    && self.slice(*n).eq_ignore_ascii_case(name.as_bytes())
            })
            .map(|&(_, value)| self.slice(value))
    }

    /// The value of a field's first line. For fields that are not lists.
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The field's lines joined by commas (RFC 9110 section 5.3), borrowed where there is only one.
    pub fn list<'a>(&'a self, name: &'a str) -> Option<Cow<'a, [u8]>> {
        let mut lines = self.all(name);
        let first = lines.next()?;
        let Some(second) = lines.next() else { return Some(Cow::Borrowed(first)) };
        let mut joined = [first, b", ", second].concat();
        for line in lines {
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(line);
        }
        Some(Cow::Owned(joined))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_field_combine() {
        let head = Head::from_parts(
            b"GET",
            b"/",
            Version::Http11,
            Scheme::Http,
            [("Accept", "a/b"), ("Host", "x"), ("accept", "c/d")],
        );
        assert_eq!(head.list("ACCEPT").as_deref(), Some(&b"a/b, c/d"[..]));
        assert_eq!(head.get("host"), Some(&b"x"[..]));
        assert_eq!(head.method(), Some(Method::Get));
        assert!(!head.has("cookie"));
    }
}
