//! `Host` (section 7.2; RFC 3986 section 3.2.2): which authority the request is for.
//!
//! Grammar: `uri-host [ ":" port ]`, where `uri-host` is a name, an IPv4 address or a bracketed IP literal; no
//! user information. Examples: `example.org`, `example.org:8080`, `[2001:db8::1]:443`. An empty value is legal
//! (section 7.2): the target has no authority.

use std::net::Ipv6Addr;

use super::grammar::{Malformed, is_sub_delim, is_unreserved, only_line, percent_valid};
use crate::head::{Head, Scheme};

/// An authority without user information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host<'a> {
    /// The host as sent; brackets of an IP literal included. Empty where the authority is.
    pub name: &'a [u8],
    /// The port, if one is given; a colon without digits counts as none.
    pub port: Option<u16>,
}

impl<'a> Host<'a> {
    /// The request's `Host`; `None` where it is absent.
    ///
    /// # Errors
    /// More than one line (RFC 9112 section 3.2), or a value that is no authority.
    pub fn from_head(head: &'a Head) -> Result<Option<Host<'a>>, Malformed> {
        only_line(head, "host")?.map(|value| Host::parse(value).ok_or(Malformed)).transpose()
    }

    /// Reads an authority.
    ///
    /// ```
    /// use candor_semantics::field::host::Host;
    /// let host = Host::parse(b"Example.org:8080").unwrap();
    /// assert!(host.is("example.org"));
    /// assert_eq!(host.port, Some(8080));
    /// assert!(Host::parse(b"amy@example.org").is_none());
    /// ```
    pub fn parse(value: &'a [u8]) -> Option<Host<'a>> {
        let name_end = if value.first() == Some(&b'[') {
            value.iter().position(|&b| b == b']')? + 1
        } else {
            value.iter().position(|&b| b == b':').unwrap_or(value.len())
        };
        let (name, rest) = value.split_at_checked(name_end)?;
        let port = port(rest)?;
        // A port alone names nothing.
        let legal = if name.is_empty() { value.is_empty() } else { is_host(name) };
        legal.then_some(Host { name, port })
    }

    /// Whether the host is the one given, in lower case. Case does not count, nor does one dot at the end
    /// (RFC 1034 section 3.1 writes full names so).
    pub fn is(&self, name: &str) -> bool {
        let own = self.name.strip_suffix(b".").unwrap_or(self.name);
        own.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The host in lower case, without a dot at its end: the form to look sites up by.
    pub fn lower(&self) -> String {
        let own = self.name.strip_suffix(b".").unwrap_or(self.name);
        own.iter().map(|b| char::from(b.to_ascii_lowercase())).collect()
    }

    /// The port that is meant, with the scheme's where none is given (section 4.2).
    pub fn port_or_default(&self, scheme: Scheme) -> u16 {
        self.port.unwrap_or(match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        })
    }
}

/// What follows the host: nothing, or a colon and digits that fit a port. The outer `None` is malformed.
fn port(rest: &[u8]) -> Option<Option<u16>> {
    let Some((colon, digits)) = rest.split_first() else { return Some(None) };
    if *colon != b':' || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if digits.is_empty() {
        return Some(None);
    }
    std::str::from_utf8(digits).ok()?.parse().ok().map(Some)
}

fn is_host(name: &[u8]) -> bool {
    match name.strip_prefix(b"[").and_then(|n| n.strip_suffix(b"]")) {
        Some(literal) => is_ip_literal(literal),
        // RFC 3986 lets a comma stand in a name, but no name has one: it is two lines that somebody joined.
        None => percent_valid(name, |b| is_unreserved(b) || is_sub_delim(b) && b != b','),
    }
}

fn is_ip_literal(literal: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(literal) else { return false };
    text.parse::<Ipv6Addr>().is_ok() || is_ip_future(literal)
}

/// `"v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`.
fn is_ip_future(literal: &[u8]) -> bool {
    let Some((b'v' | b'V', rest)) = literal.split_first() else { return false };
    let Some(dot) = rest.iter().position(|&b| b == b'.') else { return false };
    let (version, address) = (rest.get(..dot).unwrap_or_default(), rest.get(dot + 1..).unwrap_or_default());
    !version.is_empty()
        && version.iter().all(u8::is_ascii_hexdigit)
        && !address.is_empty()
        && address.iter().all(|&b| is_unreserved(b) || is_sub_delim(b) || b == b':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn authorities() {
        for (value, expected) in [
            ("", Some(("", None))),
            ("example.org", Some(("example.org", None))),
            ("example.org:", Some(("example.org", None))),
            ("example.org:8080", Some(("example.org", Some(8080)))),
            ("example.org:0080", Some(("example.org", Some(80)))),
            ("127.0.0.1:1", Some(("127.0.0.1", Some(1)))),
            ("[::1]", Some(("[::1]", None))),
            ("[2001:db8::1]:443", Some(("[2001:db8::1]", Some(443)))),
            ("[::ffff:1.2.3.4]", Some(("[::ffff:1.2.3.4]", None))),
            ("[v1.a:b]", Some(("[v1.a:b]", None))),
            ("a_b~c!$&'()*+;=", Some(("a_b~c!$&'()*+;=", None))),
            ("a%C3%A4", Some(("a%C3%A4", None))),
            (":80", None),
            (":", None),
            ("example.org:65536", None),
            ("example.org:80a", None),
            ("example.org:+80", None),
            ("example.org:-1", None),
            ("example.org:80:80", None),
            ("example org", None),
            ("a, b", None),
            ("a,b", None),
            ("amy@example.org", None),
            ("example.org/", None),
            ("example.org?", None),
            ("example.org#", None),
            ("a%zz", None),
            ("a%4", None),
            ("\u{e4}", None),
            ("::1", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[]", None),
            ("[fe80::1%25eth0]", None),
            ("[127.0.0.1]", None),
            ("[v.a]", None),
            ("[v1.]", None),
            ("[v1]", None),
            ("a\0b", None),
            ("a\\b", None),
            ("http://a", None),
        ] {
            let found = Host::parse(value.as_bytes()).map(|h| (std::str::from_utf8(h.name).unwrap(), h.port));
            assert_eq!(found, expected, "{value:?}");
        }
    }

    #[test]
    fn one_line_only() {
        assert_eq!(Host::from_head(&head("x", &[])), Ok(None));
        assert_eq!(Host::from_head(&head("Host", &["a", "a"])), Err(Malformed));
        assert_eq!(Host::from_head(&head("Host", &["a b"])), Err(Malformed));
        assert!(Host::from_head(&head("Host", &["a"])).is_ok_and(|h| h.is_some()));
    }

    #[test]
    fn names_compare_without_case() {
        let host = Host::parse(b"EXAMPLE.org.").unwrap();
        assert!(host.is("example.org") && !host.is("example.com"));
        assert_eq!(host.lower(), "example.org");
        assert_eq!((host.port_or_default(Scheme::Http), host.port_or_default(Scheme::Https)), (80, 443));
    }
}
