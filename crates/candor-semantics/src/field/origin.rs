//! `Origin` (RFC 6454 section 7; the Fetch standard): where the page is from that made the request.
//!
//! Grammar: `"null" / scheme "://" host [ ":" port ]`. Examples: `https://example.org`, `http://[::1]:8080`, `null`.
//! Anything else, lists of origins among it, is treated as an origin that is not ours.

use super::grammar::only_line;
use super::host::Host;
use crate::head::{Head, Scheme};

/// The origin that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// Of the schemes http and https.
    Web(Scheme, Host<'a>),
    /// `null`, another scheme, or something that cannot be read: nobody's, so foreign to all.
    Opaque,
}

impl<'a> Origin<'a> {
    /// The origin of a request; `None` where it names none.
    pub fn from_head(head: &'a Head) -> Option<Origin<'a>> {
        match only_line(head, "origin") {
            Ok(value) => value.map(Origin::parse),
            Err(_) => Some(Origin::Opaque),
        }
    }

    /// Reads a field value.
    ///
    /// ```
    /// use candor_semantics::field::{host::Host, origin::Origin};
    /// use candor_semantics::head::Scheme;
    /// let origin = Origin::parse(b"https://Example.org");
    /// assert!(origin.is(Scheme::Https, &Host::parse(b"example.org:443").unwrap()));
    /// assert!(!Origin::parse(b"null").is(Scheme::Https, &Host::parse(b"null").unwrap()));
    /// ```
    pub fn parse(value: &'a [u8]) -> Origin<'a> {
        [Scheme::Http, Scheme::Https]
            .into_iter()
            .find_map(|scheme| {
                let (start, rest) = value.split_at_checked(scheme.name().len())?;
                let host = Host::parse(rest.strip_prefix(b"://")?)?;
                let named = start.eq_ignore_ascii_case(scheme.name().as_bytes()) && !host.name.is_empty();
                named.then_some(Origin::Web(scheme, host))
            })
            .unwrap_or(Origin::Opaque)
    }

    /// Whether this is the origin of a server with this scheme and host: scheme, host and port are the same
    /// (RFC 6454 section 5).
    pub fn is(&self, scheme: Scheme, host: &Host<'_>) -> bool {
        match self {
            Origin::Opaque => false,
            Origin::Web(own_scheme, own) => {
                *own_scheme == scheme
                    && own.name.eq_ignore_ascii_case(host.name)
                    && own.port_or_default(scheme) == host.port_or_default(scheme)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn same_scheme_host_and_port() {
        for (value, scheme, host, expected) in [
            ("http://a", Scheme::Http, "a", true),
            ("http://a:80", Scheme::Http, "A", true),
            ("http://a", Scheme::Http, "a:8080", false),
            ("http://a:8080", Scheme::Http, "a:8080", true),
            ("http://a", Scheme::Https, "a", false),
            ("https://a:80", Scheme::Https, "a:80", true),
            ("http://b", Scheme::Http, "a", false),
            ("http://a.b", Scheme::Http, "b", false),
            ("http://[::1]", Scheme::Http, "[::1]", true),
        ] {
            let host = Host::parse(host.as_bytes()).unwrap();
            assert_eq!(Origin::parse(value.as_bytes()).is(scheme, &host), expected, "{value}");
        }
    }

    #[test]
    fn everything_else_is_foreign() {
        for value in [
            "null",
            "",
            "http://",
            "http://a/",
            "http://a http://b",
            "http://x@a",
            "ftp://a",
            "a",
            "http:a",
            "http://:80",
        ] {
            assert_eq!(Origin::parse(value.as_bytes()), Origin::Opaque, "{value}");
        }
        assert_eq!(Origin::from_head(&head("Origin", &["http://a", "http://a"])), Some(Origin::Opaque));
        assert_eq!(Origin::from_head(&head("x", &[])), None);
    }
}
