//! `Forwarded` (RFC 7239) and `X-Forwarded-For`: through whom a request came.
//!
//! Grammar: `#( [ pair ] *( ";" [ pair ] ) )` with `pair = token "=" ( token / quoted-string )`. Examples:
//! `for=192.0.2.60;proto=https;host=example.org`, `for="[2001:db8::17]:4711", for=unknown`;
//! `X-Forwarded-For: 192.0.2.60, 2001:db8::17`.
//!
//! Each proxy adds to the right, so what is near the end is told by whoever is near us. A list is read from the
//! right, and only as far as everybody to the right is trusted; what a client wrote itself is to the left of that.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::grammar::{Cursor, Separated, list, unquote, write_quoted};
use crate::head::{Head, Scheme};

/// One step of a request's way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// Who sent the request to the proxy that wrote this; `None` if it does not say or says `unknown`, a made-up
    /// name or something that is no address.
    pub from: Option<IpAddr>,
    /// By which scheme the request came to that proxy.
    pub scheme: Option<Scheme>,
    /// The `Host` it came with.
    pub host: Option<Vec<u8>>,
}

/// The hops of a request, the nearest first: those of `Forwarded` if it has one, else the addresses of
/// `X-Forwarded-For`. Two fields that may disagree are not mixed. What cannot be read ends the list, since nothing
/// is known of what is behind it.
pub fn hops(head: &Head) -> Vec<Hop> {
    if let Some(value) = head.list("forwarded") {
        return nearest_first(&value, forwarded);
    }
    head.list("x-forwarded-for").map(|value| nearest_first(&value, legacy)).unwrap_or_default()
}

/// The client's address: the nearest hop that is not trusted, as the last trusted one tells it. `peer` is who we
/// speak to.
///
/// ```
/// use candor_semantics::field::forwarded::{Hop, client};
/// let [proxy, near, far] = ["10.0.0.1", "192.0.2.1", "192.0.2.9"].map(|a| a.parse().unwrap());
/// let hops = [near, far].map(|from| Hop { from: Some(from), ..Hop::default() });
/// assert_eq!(client(proxy, &hops, |address| address == proxy), near);
/// assert_eq!(client(near, &hops, |address| address == proxy), near);
/// ```
pub fn client(peer: IpAddr, hops: &[Hop], trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = peer;
    for hop in hops {
        match hop.from {
            Some(address) if trusted(client) => client = address,
            _ => break,
        }
    }
    client
}

/// The element for `Forwarded` that says whom a request came from, by which scheme and with which `Host`.
pub fn write(from: Option<IpAddr>, scheme: Scheme, host: Option<&[u8]>) -> Vec<u8> {
    let mut element = match from {
        Some(IpAddr::V4(address)) => format!("for={address}"),
        Some(IpAddr::V6(address)) => format!("for=\"[{address}]\""),
        None => "for=unknown".to_owned(),
    }
    .into_bytes();
    element.extend_from_slice(b";proto=");
    element.extend_from_slice(scheme.name().as_bytes());
    if let Some(host) = host {
        element.extend_from_slice(b";host=");
        write_quoted(&mut element, host);
    }
    element
}

/// Elements from the right up to the first one that cannot be read.
fn nearest_first(value: &[u8], read: impl Fn(&[u8]) -> Option<Hop>) -> Vec<Hop> {
    let elements: Vec<&[u8]> = list(value).collect();
    elements.into_iter().rev().map_while(read).collect()
}

fn forwarded(element: &[u8]) -> Option<Hop> {
    let mut hop = Hop::default();
    for pair in Separated::new(element, b';') {
        let mut cursor = Cursor::new(pair);
        let name = cursor.token()?;
        if !cursor.eat(b'=') {
            return None;
        }
        // Ports and IPv6 addresses must be quoted, but are seen without.
        let value = if cursor.peek() == Some(b'"') {
            let raw = cursor.quoted_raw()?;
            cursor.is_end().then(|| unquote(raw))?
        } else {
            cursor.rest().into()
        };
        if name.eq_ignore_ascii_case(b"for") {
            hop.from = node(&value);
        } else if name.eq_ignore_ascii_case(b"proto") {
            hop.scheme = scheme(&value);
        } else if name.eq_ignore_ascii_case(b"host") {
            hop.host = Some(value.into_owned());
        }
    }
    Some(hop)
}

fn legacy(element: &[u8]) -> Option<Hop> {
    let from = node(&unquote(element));
    (from.is_some() || element.eq_ignore_ascii_case(b"unknown")).then(|| Hop { from, ..Hop::default() })
}

fn scheme(value: &[u8]) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https].into_iter().find(|s| value.eq_ignore_ascii_case(s.name().as_bytes()))
}

/// An address, with or without port; IPv6 in brackets, or bare where no port follows.
fn node(value: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(value).ok()?;
    let address = if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else if let Ok(socket) = text.parse::<SocketAddr>() {
        socket.ip()
    } else {
        let (inner, port) = text.strip_prefix('[')?.split_once(']')?;
        let obfuscated = port.is_empty() || port.starts_with(":_");
        IpAddr::V6(inner.parse::<Ipv6Addr>().ok().filter(|_| obfuscated)?)
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;
    use proptest::prelude::*;

    fn froms(name: &str, lines: &[&str]) -> Vec<String> {
        let head = head(name, lines);
        hops(&head).iter().map(|h| h.from.map_or("-".to_owned(), |a| a.to_string())).collect()
    }

    #[test]
    fn forwarded_from_the_right() {
        for (lines, expected) in [
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"][..], &["192.0.2.60"][..]),
            (&["For=\"[2001:db8:cafe::17]:4711\""], &["2001:db8:cafe::17"]),
            (&["for=\"[2001:db8::1]\", for=192.0.2.1"], &["192.0.2.1", "2001:db8::1"]),
            (&["for=192.0.2.1", "for=192.0.2.2"], &["192.0.2.2", "192.0.2.1"]),
            (&["for=192.0.2.43, for=unknown, for=_hidden"], &["-", "-", "192.0.2.43"]),
            (&["for=\"192.0.2.1:80\""], &["192.0.2.1"]),
            (&["for=192.0.2.1:80"], &["192.0.2.1"]),
            (&["for=\"[::ffff:192.0.2.1]\""], &["192.0.2.1"]),
            (&["for=\"[::1]:_port\""], &["::1"]),
            (&["for=1.2.3"], &["-"]),
            (&["proto=https"], &["-"]),
            (&["for=192.0.2.1, broken, for=192.0.2.2"], &["192.0.2.2"]),
            (&["for=192.0.2.1, for=\"192.0.2.2"], &[]),
            (&["host=\"a,b\";for=192.0.2.1"], &["192.0.2.1"]),
            (&[""], &[]),
        ] {
            assert_eq!(froms("Forwarded", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn legacy_from_the_right() {
        for (lines, expected) in [
            (&["192.0.2.1, 192.0.2.2"][..], &["192.0.2.2", "192.0.2.1"][..]),
            (&["192.0.2.1", "2001:db8::1"], &["2001:db8::1", "192.0.2.1"]),
            (&["192.0.2.1:8080, [2001:db8::1]:80, \"[::1]\""], &["::1", "2001:db8::1", "192.0.2.1"]),
            (&["192.0.2.1, unknown, 192.0.2.2"], &["192.0.2.2", "-", "192.0.2.1"]),
            (&["192.0.2.1, <script>, 192.0.2.2"], &["192.0.2.2"]),
        ] {
            assert_eq!(froms("X-Forwarded-For", lines), expected, "{lines:?}");
        }
        assert_eq!(hops(&head("x", &[])), vec![]);
    }

    #[test]
    fn only_the_trusted_are_believed() {
        let [proxy, inner, real, forged] =
            ["10.0.0.1", "10.0.0.2", "192.0.2.1", "192.0.2.66"].map(|a| a.parse::<IpAddr>().unwrap());
        let head = head("X-Forwarded-For", &["192.0.2.66, 192.0.2.1, 10.0.0.2"]);
        let trusted = |address: IpAddr| address.to_string().starts_with("10.");
        assert_eq!(client(proxy, &hops(&head), trusted), real);
        assert_eq!(client(forged, &hops(&head), trusted), forged);
        assert_eq!(client(proxy, &[], trusted), proxy);
        let all = |_: IpAddr| true;
        assert_eq!(client(proxy, &hops(&head), all), forged);
        let unknown = [Hop { from: Some(inner), ..Hop::default() }, Hop::default()];
        assert_eq!(client(proxy, &unknown, all), inner);
    }

    proptest! {
        #[test]
        fn writing_round_trips(from: Option<IpAddr>, https: bool, host in proptest::option::of("[a-z.:\"\\\\]{1,12}")) {
            let scheme = if https { Scheme::Https } else { Scheme::Http };
            let written = write(from, scheme, host.as_deref().map(str::as_bytes));
            let expected = Hop { from: from.map(|a| a.to_canonical()), scheme: Some(scheme), host: host.map(Into::into) };
            prop_assert_eq!(nearest_first(&written, forwarded), vec![expected]);
        }
    }
}
