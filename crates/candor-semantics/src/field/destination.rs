//! `Destination` (RFC 4918 section 10.3): where COPY and MOVE go.
//!
//! Grammar: `Simple-ref`, that is `absolute-URI / ( path-absolute [ "?" query ] )`. Examples:
//! `http://example.org/b.txt`, `/b.txt`. A fragment, user information, a scheme other than http and https and a path
//! that does not begin with a slash are malformed.

use super::grammar::{Malformed, is_uri_char, only_line, percent_valid};
use super::host::Host;
use crate::head::{Head, Scheme};

/// A reference to a resource, split but not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    /// Scheme and authority; `None` means this server.
    pub authority: Option<(Scheme, Host<'a>)>,
    /// The path as sent; `/` where a URI has none.
    pub path: &'a [u8],
    /// What follows the question mark.
    pub query: Option<&'a [u8]>,
}

impl<'a> Destination<'a> {
    /// The destination of a request; `None` where it has none.
    ///
    /// # Errors
    /// Two lines, or no such reference.
    pub fn from_head(head: &'a Head) -> Result<Option<Destination<'a>>, Malformed> {
        only_line(head, "destination")?.map(|value| Destination::parse(value).ok_or(Malformed)).transpose()
    }

    /// Reads a reference.
    ///
    /// ```
    /// use candor_semantics::field::destination::Destination;
    /// let there = Destination::parse(b"http://example.org:80/b%20c?d").unwrap();
    /// assert!(there.authority.is_some_and(|(_, host)| host.is("example.org")));
    /// assert_eq!((there.path, there.query), (&b"/b%20c"[..], Some(&b"d"[..])));
    /// ```
    pub fn parse(value: &'a [u8]) -> Option<Destination<'a>> {
        if !percent_valid(value, |b| is_uri_char(b) && b != b'#') {
            return None;
        }
        let (authority, rest) = match scheme(value) {
            Some((scheme, rest)) => {
                let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
                let (authority, rest) = rest.split_at_checked(end)?;
                let host = Host::parse(authority).filter(|host| !host.name.is_empty())?;
                (Some((scheme, host)), rest)
            }
            None => (None, value),
        };
        let (path, query) = match rest.iter().position(|&b| b == b'?') {
            Some(mark) => (rest.get(..mark)?, rest.get(mark + 1..)),
            None => (rest, None),
        };
        // Two slashes in front would begin an authority.
        let absolute = path.starts_with(b"/") && (authority.is_some() || !path.starts_with(b"//"));
        let path: &[u8] = if path.is_empty() && authority.is_some() { b"/" } else { path };
        (absolute || path == b"/").then_some(Destination { authority, path, query })
    }
}

/// The scheme and what follows its two slashes.
fn scheme(value: &[u8]) -> Option<(Scheme, &[u8])> {
    [Scheme::Http, Scheme::Https].into_iter().find_map(|scheme| {
        let name = scheme.name().len();
        let (start, rest) = value.split_at_checked(name)?;
        let rest = rest.strip_prefix(b"://")?;
        start.eq_ignore_ascii_case(scheme.name().as_bytes()).then_some((scheme, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn references() {
        let check = |value: &str, expected: Option<(&str, &str, Option<&str>)>| {
            let found = Destination::parse(value.as_bytes()).map(|d| {
                let text = |b: &[u8]| String::from_utf8(b.to_vec()).unwrap();
                let authority = d
                    .authority
                    .map(|(s, h)| format!("{}:{}:{}", s.name(), text(h.name), h.port_or_default(s)));
                (authority.unwrap_or_default(), text(d.path), d.query.map(text))
            });
            let expected = expected.map(|(a, p, q)| (a.to_owned(), p.to_owned(), q.map(str::to_owned)));
            assert_eq!(found, expected, "{value}");
        };
        check("/b.txt", Some(("", "/b.txt", None)));
        check("/b?c?d", Some(("", "/b", Some("c?d"))));
        check("/", Some(("", "/", None)));
        check("http://a/b", Some(("http:a:80", "/b", None)));
        check("HTTPS://a:8443", Some(("https:a:8443", "/", None)));
        check("http://a?b", Some(("http:a:80", "/", Some("b"))));
        check("http://[::1]/b", Some(("http:[::1]:80", "/b", None)));
        check("http://a//b", Some(("http:a:80", "//b", None)));
        check("//a/b", None);
        check("b.txt", None);
        check("../b", None);
        check("?b", None);
        check("", None);
        check("/b#c", None);
        check("/b c", None);
        check("/%zz", None);
        check("/\u{e4}", None);
        check("http:///b", None);
        check("http://amy@a/b", None);
        check("ftp://a/b", None);
        check("http:/b", None);
        check("http://a:99999/b", None);
    }

    #[test]
    fn one_line_only() {
        assert_eq!(Destination::from_head(&head("Destination", &["/a", "/a"])), Err(Malformed));
        assert_eq!(Destination::from_head(&head("x", &[])), Ok(None));
    }
}
