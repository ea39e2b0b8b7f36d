//! Absolute http and https URLs, and references resolved against them (RFC 3986): what the user agent follows,
//! compares and writes.
//!
//! A [`Url`] is kept normalised (RFC 3986 section 6.2.2, RFC 9110 section 4.2.3), so that equal text means the
//! same address: lower case for scheme and host, no default port, no dot segments, no needless escapes, upper case
//! in those that stay, and a slash for an empty path.

use std::fmt;
use std::net::IpAddr;

use crate::head::Scheme;

/// An absolute http or https URL, normalised, perhaps with a fragment. Compares with its fragment; see
/// [`Url::same_resource`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Url {
    tls: bool,
    host: String,
    port: u16,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

/// Why a text is not a URL that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotUrl {
    /// Another scheme, such as `mailto:` or `javascript:`.
    Scheme,
    /// No legal host or port.
    Authority,
    /// A relative reference, where an absolute URL is needed.
    Relative,
}

impl fmt::Display for NotUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotUrl::Scheme => "its scheme is neither http nor https",
            NotUrl::Authority => "its host or port is not legal",
            NotUrl::Relative => "it is not absolute",
        })
    }
}

impl std::error::Error for NotUrl {}

impl Url {
    /// Reads an absolute URL. Credentials written into it are dropped; [`credentials`] reads them.
    ///
    /// ```
    /// use candor_semantics::url::Url;
    /// let url = Url::parse("HTTP://Example.ORG:80/a/../%7eb?q#f").unwrap();
    /// assert_eq!(url.to_string(), "http://example.org/~b?q#f");
    /// ```
    ///
    /// # Errors
    /// [`NotUrl`], with the reason.
    pub fn parse(text: &str) -> Result<Url, NotUrl> {
        let parts = Parts::of(text.trim_matches(BLANKS));
        let tls = match parts.scheme {
            None => return Err(NotUrl::Relative),
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => false,
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => true,
            Some(_) => return Err(NotUrl::Scheme),
        };
        let authority = parts.authority.ok_or(NotUrl::Authority)?;
        Url::assemble(tls, authority, parts.path, parts.query, parts.fragment)
    }

    /// Resolves a reference against this URL (RFC 3986 section 5.2). An empty reference is this URL without its
    /// fragment.
    ///
    /// ```
    /// use candor_semantics::url::Url;
    /// let base = Url::parse("http://x/a/b?q").unwrap();
    /// assert_eq!(base.join("../c#f").unwrap().to_string(), "http://x/c#f");
    /// assert_eq!(base.join("").unwrap(), base);
    /// assert!(base.join("mailto:a@b").is_err());
    /// ```
    ///
    /// # Errors
    /// [`NotUrl`] where it leads to something other than http or https.
    pub fn join(&self, reference: &str) -> Result<Url, NotUrl> {
        let parts = Parts::of(reference.trim_matches(BLANKS));
        if let Some(scheme) = parts.scheme {
            // `http:path` without an authority is read as browsers read it: relative, if the scheme is ours.
            let own = if self.tls { "https" } else { "http" };
            if parts.authority.is_some() || !scheme.eq_ignore_ascii_case(own) {
                return Url::parse(reference);
            }
        }
        if let Some(authority) = parts.authority {
            return Url::assemble(self.tls, authority, parts.path, parts.query, parts.fragment);
        }
        let mut url = self.clone();
        url.fragment = parts.fragment.map(normal_query);
        if parts.path.is_empty() {
            if let Some(query) = parts.query {
                url.query = Some(normal_query(query));
            }
            return Ok(url);
        }
        url.query = parts.query.map(normal_query);
        url.path = if parts.path.starts_with('/') {
            normal_path(parts.path)
        } else {
            normal_path(&format!("{}{}", folder_of(&self.path), parts.path))
        };
        Ok(url)
    }

    fn assemble(
        tls: bool,
        authority: &str,
        path: &str,
        query: Option<&str>,
        fragment: Option<&str>,
    ) -> Result<Url, NotUrl> {
        let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
        let (host, port) = host_and_port(address).ok_or(NotUrl::Authority)?;
        Ok(Url {
            tls,
            host,
            port: port.unwrap_or(if tls { 443 } else { 80 }),
            path: normal_path(path),
            query: query.map(normal_query),
            fragment: fragment.map(normal_query),
        })
    }

    /// Whether it is https.
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        if self.tls { Scheme::Https } else { Scheme::Http }
    }

    /// The host in lower case; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none was written.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path, encoded; begins with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, encoded, without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The fragment, encoded, without its number sign.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// Path and query: the request target in origin form (RFC 9112 section 3.2.1).
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The value of `Host` (section 7.2).
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let own = if self.tls { 443 } else { 80 };
        if self.port == own { host } else { format!("{host}:{}", self.port) }
    }

    /// Scheme and authority (section 4.3.1), such as `https://example.org`.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }

    /// Whether both have the same scheme, host and port (section 4.3.1).
    pub fn same_origin(&self, other: &Url) -> bool {
        self.tls == other.tls && self.host == other.host && self.port == other.port
    }

    /// Whether both name the same resource: the fragment is no part of its name (section 4.2.5).
    pub fn same_resource(&self, other: &Url) -> bool {
        self.same_origin(other) && self.path == other.path && self.query == other.query
    }

    /// This URL without its fragment: what a server is asked for.
    #[must_use]
    pub fn without_fragment(mut self) -> Url {
        self.fragment = None;
        self
    }

    /// This URL with the fragment of another, unless it has one of its own (section 10.2.2).
    #[must_use]
    pub fn inheriting_fragment(mut self, from: &Url) -> Url {
        if self.fragment.is_none() {
            self.fragment.clone_from(&from.fragment);
        }
        self
    }

    /// Whether the host is this machine: a loopback address, or `localhost` (RFC 6761 section 6.3).
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host == "localhost" || self.host.ends_with(".localhost"),
        }
    }

    /// Whether an answer from here can be trusted to come from who is named: over TLS, or from this machine.
    pub fn is_secured(&self) -> bool {
        self.tls || self.is_loopback()
    }

    /// This URL as a reference relative to another of the same origin, such as `../b.html#x`; absolute
    /// otherwise. Resolving it against `base` gives this URL again.
    pub fn relative_to(&self, base: &Url) -> String {
        if !self.same_origin(base) {
            return self.to_string();
        }
        let own: Vec<&str> = folder_of(&self.path).split('/').collect();
        let from: Vec<&str> = folder_of(&base.path).split('/').collect();
        let shared = own.iter().zip(&from).take_while(|(a, b)| a == b).count();
        // Both lists end with an empty last part, which is not a folder.
        let shared = shared.min(own.len().saturating_sub(1)).min(from.len().saturating_sub(1));
        let mut text = "../".repeat(from.len().saturating_sub(1).saturating_sub(shared));
        for folder in own.iter().take(own.len().saturating_sub(1)).skip(shared) {
            text.push_str(folder);
            text.push('/');
        }
        let name = self.path.get(folder_of(&self.path).len()..).unwrap_or_default();
        text.push_str(name);
        // A name with a colon in front would be read as a scheme, a double slash as an authority.
        if text.is_empty() || text.starts_with('/') || text.split('/').next().is_some_and(|s| s.contains(':'))
        {
            text.insert_str(0, "./");
        }
        self.push_tail(&mut text);
        match base.join(&text) {
            Ok(url) if url == *self => text,
            _ => self.to_string(),
        }
    }

    /// Path, query and fragment, as a reference that stays on its origin.
    pub fn absolute_path(&self) -> String {
        // Two slashes in front would be read as an authority.
        let mut text =
            if self.path.starts_with("//") { format!("/.{}", self.path) } else { self.path.clone() };
        self.push_tail(&mut text);
        text
    }

    fn push_tail(&self, text: &mut String) {
        for (mark, part) in [('?', &self.query), ('#', &self.fragment)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tail = String::new();
        self.push_tail(&mut tail);
        write!(f, "{}{}{tail}", self.origin(), self.path)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `user:password` written into a URL, decoded; deprecated (section 4.2.4), but typed.
pub fn credentials(text: &str) -> Option<String> {
    let (credentials, _) = Parts::of(text.trim_matches(BLANKS)).authority?.rsplit_once('@')?;
    let bytes = crate::field::grammar::percent_decode(credentials.as_bytes())?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// White space that people and documents leave around references.
const BLANKS: [char; 5] = [' ', '\t', '\n', '\r', '\u{c}'];

/// The five parts of a reference (RFC 3986 appendix B).
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Parts<'a> {
        let (text, fragment) = cut(text, '#');
        let (text, query) = cut(text, '?');
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Parts { scheme, authority, path, query, fragment }
    }
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn host_and_port(address: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (inner, after) = rest.split_once(']')?;
            let literal: std::net::Ipv6Addr = inner.parse().ok()?;
            (literal.to_string(), if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => {
            let (host, port) = cut(address, ':');
            (host.to_ascii_lowercase(), port)
        }
    };
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
    if host.is_empty() || !host.chars().all(legal) {
        return None;
    }
    let port = match port {
        None | Some("") => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
    };
    Some((host, port))
}

/// A path up to and including its last slash.
fn folder_of(path: &str) -> &str {
    path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/")
}

/// Escapes what cannot stand in a path, and takes dot segments out (RFC 3986 section 5.2.4).
fn normal_path(path: &str) -> String {
    let path = normal(path, |byte| byte == b'/');
    let mut kept: Vec<&str> = Vec::new();
    let mut folder_form = false;
    for segment in path.strip_prefix('/').unwrap_or(&path).split('/') {
        folder_form = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    let mut text = String::with_capacity(path.len() + 1);
    for segment in &kept {
        text.push('/');
        text.push_str(segment);
    }
    if folder_form || text.is_empty() {
        text.push('/');
    }
    text
}

fn normal_query(text: &str) -> String {
    normal(text, |byte| matches!(byte, b'/' | b'?'))
}

/// Decodes escapes of unreserved bytes, writes the others in upper case, and escapes what cannot be written. A
/// percent sign that begins no escape is escaped itself.
fn normal(text: &str, also: impl Fn(u8) -> bool) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    let escape = |out: &mut String, byte: u8| {
        out.push('%');
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(HEX.get(usize::from(digit)).copied().unwrap_or(b'0')));
        }
    };
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte == b'%' {
            match after {
                [high, low, beyond @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    let value = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or(0);
                    let value = u8::try_from(value(high) * 16 + value(low)).unwrap_or(0);
                    if crate::field::grammar::is_unreserved(value) {
                        out.push(char::from(value));
                    } else {
                        escape(&mut out, value);
                    }
                    rest = beyond;
                }
                _ => out.push_str("%25"),
            }
        } else if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(byte) || also(*byte) {
            out.push(char::from(*byte));
        } else {
            escape(&mut out, *byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn joined(reference: &str) -> String {
        let base = Url::parse("http://a/b/c/d;p?q").unwrap();
        base.join(reference).map_or_else(|e| format!("{e:?}"), |url| url.to_string())
    }

    #[test]
    fn references_resolve_as_in_section_5_4_of_rfc_3986() {
        for (reference, expected) in [
            ("g:h", "Scheme"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("g;x?y#s", "http://a/b/c/g;x?y#s"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("g..", "http://a/b/c/g.."),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("http:g", "http://a/b/c/g"),
            ("javascript:alert(1)", "Scheme"),
        ] {
            assert_eq!(joined(reference), expected, "{reference}");
        }
    }

    #[test]
    fn equal_addresses_have_equal_text() {
        for (text, expected) in [
            ("HTTP://EXAMPLE.org:80", "http://example.org/"),
            ("https://example.org:443/%7Ea/%c3%a4?x=%2f", "https://example.org/~a/%C3%A4?x=%2F"),
            ("http://x/ä b%", "http://x/%C3%A4%20b%25"),
            ("http://[::0001]:8080/", "http://[::1]:8080/"),
            ("http://amy:pw@x/", "http://x/"),
            (" http://x/a\n", "http://x/a"),
        ] {
            assert_eq!(Url::parse(text).unwrap().to_string(), expected, "{text}");
        }
        assert_eq!(credentials("http://amy:p%40w@x/").as_deref(), Some("amy:p@w"));
        for text in ["http://", "http:///x", "http://a b/", "http://x:99999/", "http://x:+1/", "/a", ""] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn relative_references_are_short() {
        let base = Url::parse("http://x/a/b/c.html").unwrap();
        for (to, expected) in [
            ("http://x/a/b/d.html", "d.html"),
            ("http://x/a/d.html#f", "../d.html#f"),
            ("http://x/a/b/", "./"),
            ("http://x/", "../../"),
            ("http://x/a/b/c/d", "c/d"),
            ("http://x/a/b/x:y", "./x:y"),
            ("http://y/a", "http://y/a"),
        ] {
            assert_eq!(Url::parse(to).unwrap().relative_to(&base), expected);
        }
    }

    #[test]
    fn this_machine() {
        for (text, own) in [
            ("http://127.0.0.1/", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://127.0.0.1.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(Url::parse(text).unwrap().is_loopback(), own, "{text}");
        }
    }

    proptest! {
        #[test]
        fn normal_text_stays(path in "[ -~ä]{0,20}", query in proptest::option::of("[ -~]{0,8}")) {
            let text = format!("http://x/{path}{}", query.map(|q| format!("?{q}")).unwrap_or_default());
            let url = Url::parse(&text).unwrap();
            prop_assert_eq!(Url::parse(&url.to_string()).unwrap(), url);
        }

        #[test]
        fn a_relative_reference_leads_back(one in "[a-c/.:]{0,10}", other in "[a-c/.:]{0,10}") {
            let one = Url::parse(&format!("http://x/{one}")).unwrap();
            let other = Url::parse(&format!("http://x/{other}")).unwrap();
            prop_assert_eq!(other.join(&one.relative_to(&other)).unwrap(), one.clone());
            prop_assert_eq!(other.join(&one.absolute_path()).unwrap(), one);
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,60}") {
            let base = Url::parse("http://x/a/b").unwrap();
            let _ = Url::parse(&text);
            let _ = base.join(&text);
        }
    }
}
