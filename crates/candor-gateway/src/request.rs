//! A request written anew for an upstream: from its parsed head and the one address that access was decided on,
//! never from received bytes.

use std::net::IpAddr;

use candor_semantics::address::{Address, encode_path};
use candor_semantics::field::forwarded;
use candor_semantics::field::grammar::list;
use candor_semantics::fields::Fields;
use candor_semantics::gateway::forwarding::{self, Further};
use candor_semantics::head::Head;
use candor_semantics::method::Method;

use crate::settings::Settings;
use crate::upstream::Upstream;

/// How the content is told to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// What a request is written from.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    pub(crate) head: &'a Head,
    pub(crate) address: &'a Address,
    /// Whom we speak to.
    pub(crate) peer: Option<IpAddr>,
    /// What it says about whom it asks for is believed.
    pub(crate) trusted: bool,
    pub(crate) pseudonym: &'a str,
    pub(crate) framing: Framing,
    pub(crate) expects: bool,
    /// Conditions of our own, in place of the client's.
    pub(crate) conditions: Option<Conditions<'a>>,
}

/// What is stored, so that the upstream can say that it is still good.
#[derive(Clone, Copy)]
pub(crate) struct Conditions<'a> {
    /// Its entity tag.
    pub(crate) tag: Option<&'a [u8]>,
    /// When it was last changed.
    pub(crate) modified: Option<&'a [u8]>,
}

/// The head as bytes.
pub(crate) fn head(written: &Written<'_>, upstream: &Upstream, settings: &Settings) -> Vec<u8> {
    let head = written.head;
    let mut out = Vec::with_capacity(head.size() + 256);
    out.extend_from_slice(head.method_token());
    out.push(b' ');
    target(&mut out, written, upstream, settings);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    line(&mut out, b"Host", head.get("host").unwrap_or(upstream.authority.as_bytes()));
    for (name, value) in head.fields() {
        if forwarding::request_field_crosses(head, name)
            && !(written.conditions.is_some() && is_condition(name))
        {
            line(&mut out, name, value);
        }
    }
    if let Some(Conditions { tag, modified }) = written.conditions {
        tag.into_iter().for_each(|tag| line(&mut out, b"If-None-Match", tag));
        modified.into_iter().for_each(|date| line(&mut out, b"If-Modified-Since", date));
    }
    if let Further::Hops(hops) = Further::of(head) {
        line(&mut out, b"Max-Forwards", hops.to_string().as_bytes());
    }
    hops(&mut out, written);
    if head.all("te").flat_map(list).any(|coding| coding.eq_ignore_ascii_case(b"trailers")) {
        out.extend_from_slice(b"TE: trailers\r\nConnection: TE\r\n");
    }
    if written.expects {
        out.extend_from_slice(b"Expect: 100-continue\r\n");
    }
    match written.framing {
        Framing::Length(length) => line(&mut out, b"Content-Length", length.to_string().as_bytes()),
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        // Methods that usually have content say that there is none (section 8.6).
        Framing::None if matches!(head.method(), Some(Method::Post | Method::Put | Method::Patch)) => {
            out.extend_from_slice(b"Content-Length: 0\r\n");
        }
        Framing::None => {}
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn is_condition(name: &[u8]) -> bool {
    ["if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range"]
        .iter()
        .any(|condition| name.eq_ignore_ascii_case(condition.as_bytes()))
}

/// The target in origin form, the route's prefix replaced where the upstream has a path of its own.
fn target(out: &mut Vec<u8>, written: &Written<'_>, upstream: &Upstream, settings: &Settings) {
    let path = written.address.path();
    if path == b"*" {
        out.push(b'*');
        return;
    }
    let rest = match upstream.base.is_empty() {
        true => None,
        false => path.strip_prefix(settings.prefix.trim_end_matches('/').as_bytes()),
    };
    match rest {
        None => {
            let encoded = encode_path(path);
            // A request target is no reference: two slashes at its beginning are a path.
            match encoded.strip_prefix("/%2F") {
                Some(rest) => out.extend_from_slice(format!("//{rest}").as_bytes()),
                None => out.extend_from_slice(encoded.as_bytes()),
            }
        }
        Some(rest) => {
            let base = upstream.base.trim_end_matches('/');
            out.extend_from_slice(base.as_bytes());
            let rest = encode_path(rest);
            if !rest.starts_with('/') {
                out.push(b'/');
            }
            out.extend_from_slice(rest.as_bytes());
        }
    }
    if let Some(query) = written.address.query() {
        out.push(b'?');
        out.extend_from_slice(query);
    }
}

/// `Via`, `Forwarded` and the `X-Forwarded` fields. What a client that is not trusted says about its way ends here.
fn hops(out: &mut Vec<u8>, written: &Written<'_>) {
    let head = written.head;
    for value in head.all("via") {
        line(out, b"Via", value);
    }
    let version = forwarding::via_version(head.version());
    line(out, b"Via", format!("{version} {}", written.pseudonym).as_bytes());
    let host = head.get("host");
    let trusted = |name: &'static str| head.list(name).filter(|_| written.trusted);
    joined(out, b"Forwarded", trusted("forwarded"), &forwarded::write(written.peer, head.scheme(), host));
    if let Some(peer) = written.peer {
        joined(out, b"X-Forwarded-For", trusted("x-forwarded-for"), peer.to_string().as_bytes());
    }
    line(out, b"X-Forwarded-Proto", head.scheme().name().as_bytes());
    match (trusted("x-forwarded-host"), host) {
        (Some(told), _) => line(out, b"X-Forwarded-Host", &told),
        (None, Some(host)) => line(out, b"X-Forwarded-Host", host),
        (None, None) => {}
    }
}

fn joined(out: &mut Vec<u8>, name: &[u8], before: Option<std::borrow::Cow<'_, [u8]>>, own: &[u8]) {
    match before {
        Some(before) if !before.is_empty() => line(out, name, &[&before, own].join(&b", "[..])),
        _ => line(out, name, own),
    }
}

/// One field line. A byte that would end the line early becomes a blank.
pub(crate) fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    let start = out.len();
    out.extend_from_slice(value);
    for byte in out.get_mut(start..).unwrap_or_default() {
        if matches!(*byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The last chunk with the trailer section.
pub(crate) fn last_chunk(out: &mut Vec<u8>, trailers: Option<&Fields>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flat_map(Fields::iter) {
        line(out, name.as_bytes(), value);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_semantics::head::{Scheme, Version};
    use std::time::Duration;

    fn settings(prefix: &str) -> Settings {
        Settings {
            to: Vec::new(),
            prefix: prefix.to_owned(),
            connect_timeout: Duration::ZERO,
            response_timeout: Duration::ZERO,
            cache: false,
            stale: false,
            provisional: true,
            mirror: false,
            annotate: Vec::new(),
            breaker: None,
            by_hash: false,
            health: None,
            in_flight: 1,
            content_limit: None,
        }
    }

    fn written(target: &str, fields: &[(&str, &str)], url: &str, trusted: bool) -> String {
        let head = Head::from_parts(
            b"GET",
            target.as_bytes(),
            Version::Http10,
            Scheme::Http,
            fields.iter().copied(),
        );
        let address = Address::parse(target.as_bytes()).unwrap();
        let written = Written {
            head: &head,
            address: &address,
            peer: "192.0.2.7".parse().ok(),
            trusted,
            pseudonym: "me",
            framing: Framing::None,
            expects: false,
            conditions: None,
        };
        let upstream = Upstream::new(0, url).unwrap();
        String::from_utf8(super::head(&written, &upstream, &settings("/up/"))).unwrap()
    }

    #[test]
    fn targets_and_prefixes() {
        for (target, url, wanted) in [
            ("/up/a?b=%2F", "http://u", "/up/a?b=%2F"),
            ("/up/a%20b", "http://u", "/up/a%20b"),
            ("/up/a", "http://u/", "/a"),
            ("/up/a/", "http://u/base/", "/base/a/"),
            ("/up/", "http://u/base", "/base/"),
            ("/up", "http://u/base", "/base/"),
            ("http://h/up/a", "http://u", "/up/a"),
            ("//a", "http://u", "//a"),
        ] {
            let line = written(target, &[], url, false);
            assert!(line.starts_with(&format!("GET {wanted} HTTP/1.1\r\n")), "{target} to {url}: {line}");
        }
    }

    #[test]
    fn the_way_is_told_and_only_the_trusted_are_believed() {
        let fields = [("Host", "h"), ("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1")];
        let told = written("/up/", &fields, "http://u", true);
        assert!(told.contains("X-Forwarded-For: 192.0.2.1, 192.0.2.7\r\n"), "{told}");
        assert!(told.contains("Forwarded: for=192.0.2.1, for=192.0.2.7;proto=http;host=\"h\"\r\n"), "{told}");
        assert!(told.contains("Via: 1.0 me\r\n"), "{told}");
        let told = written("/up/", &fields, "http://u", false);
        assert!(told.contains("X-Forwarded-For: 192.0.2.7\r\n") && !told.contains("192.0.2.1"), "{told}");
        assert!(written("/up/", &[], "http://u:81", false).contains("Host: u:81\r\n"));
    }

    #[test]
    fn a_value_stays_one_line() {
        let mut out = Vec::new();
        line(&mut out, b"A", b"b\r\nC: d\n");
        assert_eq!(out, b"A: b  C: d \r\n");
    }
}
