//! What crosses a gateway and what ends at it (section 7.6).

use crate::field::connection::options;
use crate::fields::Fields;
use crate::head::{Head, Version};
use crate::method::Method;

/// Fields that belong to one connection, whether `Connection` names them or not, and those that RFC 9110 section
/// 7.6.1 and 11.7 let end at a gateway.
const OF_ONE_CONNECTION: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-authentication-info",
];

/// Whether a field of a request goes on. Framing, host, expectations and hop counts are written anew and so end
/// here, too, as do the fields that are for candor itself.
pub fn request_field_crosses(head: &Head, name: &[u8]) -> bool {
    let written_anew: &[&str] =
        &["host", "content-length", "expect", "max-forwards", "via", "forwarded", "candor-why", "candor-key"];
    let own = name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"candor-"));
    !own && !is_any(name, written_anew)
        && !is_any(name, &["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"])
        && !is_any(name, OF_ONE_CONNECTION)
        && !crate::field::connection::names(head, name)
}

/// Takes out of an answer what belongs to the connection it came by, framing included.
pub fn strip_answer(fields: &mut Fields) {
    let mut listed: Vec<Vec<u8>> = Vec::new();
    for line in fields.all("connection") {
        listed.extend(options(line).map(<[u8]>::to_ascii_lowercase));
    }
    fields.retain(|name, _| {
        !is_any(name.as_bytes(), OF_ONE_CONNECTION)
            && !name.eq_ignore_ascii_case("content-length")
            && !listed.iter().any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
    });
}

fn is_any(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|known| known.len() == name.len() && known.as_bytes().eq_ignore_ascii_case(name))
}

/// Whether a `Via` list names this gateway (section 7.6.3): the second word of a member, without its comment.
pub fn has_been_here(head: &Head, pseudonym: &str) -> bool {
    head.all("via").any(|line| {
        line.split(|&byte| byte == b',').any(|member| {
            let mut words = member.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
            words.nth(1).is_some_and(|name| name.eq_ignore_ascii_case(pseudonym.as_bytes()))
        })
    })
}

/// The version in `Via`, without the protocol's name.
pub const fn via_version(version: Version) -> &'static str {
    match version {
        Version::Http10 => "1.0",
        Version::Http11 => "1.1",
        Version::Http2 => "2.0",
    }
}

/// How far a request may go (section 7.6.2); only for OPTIONS and TRACE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// As far as it likes; the field, if there is one, goes along as it is.
    Unbounded,
    /// To us.
    Here,
    /// So many hops more, after us.
    Hops(u64),
}

impl Further {
    /// Reads `Max-Forwards`. What is no number does not bound.
    pub fn of(head: &Head) -> Further {
        if !matches!(head.method(), Some(Method::Options | Method::Trace)) {
            return Further::Unbounded;
        }
        match head.get("max-forwards").and_then(crate::field::grammar::saturating_number) {
            None => Further::Unbounded,
            Some(0) => Further::Here,
            Some(hops) => Further::Hops(hops - 1),
        }
    }
}

/// Whether a target could be read in two ways by what is behind a gateway: an encoded slash, a backslash in any
/// form, or a dot segment in any form.
pub fn is_ambiguous(target: &[u8]) -> bool {
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    // Scheme and authority of an absolute form hold neither escapes of slashes nor dot segments.
    if path.contains(&b'\\') || escapes(path).any(|escaped| matches!(escaped, b'/' | b'\\')) {
        return true;
    }
    path.split(|&byte| byte == b'/').any(is_dot_segment)
}

/// The bytes that are written as escapes.
fn escapes(path: &[u8]) -> impl Iterator<Item = u8> {
    path.windows(3).filter(|window| window.first() == Some(&b'%')).filter_map(|window| {
        let text = std::str::from_utf8(window.get(1..)?).ok()?;
        u8::from_str_radix(text, 16).ok()
    })
}

fn is_dot_segment(segment: &[u8]) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return false,
        };
        dots += 1;
    }
    matches!(dots, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::Scheme;

    fn head(method: &str, fields: &[(&str, &str)]) -> Head {
        Head::from_parts(method.as_bytes(), b"/", Version::Http11, Scheme::Http, fields.iter().copied())
    }

    #[test]
    fn what_crosses() {
        let head = head("GET", &[("Connection", "x-foo, close"), ("X-Foo", "1")]);
        for name in ["Accept", "Cookie", "Authorization", "X-Bar", "Trailer", "Upgrade-Insecure-Requests"] {
            assert!(request_field_crosses(&head, name.as_bytes()), "{name}");
        }
        for name in
            ["Connection", "X-Foo", "TE", "Keep-Alive", "Proxy-Connection", "transfer-encoding", "UPGRADE"]
        {
            assert!(!request_field_crosses(&head, name.as_bytes()), "{name}");
        }
        for name in ["Candor-Why", "Candor-Key", "Via", "Host", "Content-Length", "Max-Forwards"] {
            assert!(!request_field_crosses(&head, name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_comes_back() {
        let mut fields = Fields::new();
        for name in
            ["Connection", "X-Foo", "Server", "Content-Length", "Transfer-Encoding", "ETag", "Trailer"]
        {
            fields.push(name, "x-foo, close");
        }
        strip_answer(&mut fields);
        let left: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(left, ["Server", "ETag", "Trailer"]);
    }

    #[test]
    fn loops_are_seen() {
        for (via, seen) in [
            ("1.1 candor-1", true),
            ("1.0 fred, 1.1 CANDOR-1 (x)", true),
            ("HTTP/1.1 candor-1", true),
            ("1.1 candor-12", false),
            ("1.1 fred (candor-1)", false),
            ("candor-1", false),
            ("", false),
        ] {
            assert_eq!(has_been_here(&head("GET", &[("Via", via)]), "candor-1"), seen, "{via}");
        }
    }

    #[test]
    fn hops_are_counted_for_two_methods() {
        let of = |method: &str, value: &str| Further::of(&head(method, &[("Max-Forwards", value)]));
        assert_eq!(of("OPTIONS", "0"), Further::Here);
        assert_eq!(of("TRACE", "3"), Further::Hops(2));
        assert_eq!(of("GET", "0"), Further::Unbounded);
        assert_eq!(of("OPTIONS", "x"), Further::Unbounded);
        assert_eq!(Further::of(&head("OPTIONS", &[])), Further::Unbounded);
    }

    #[test]
    fn targets_with_two_readings() {
        for target in [
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/./x",
            "/a/..",
            "/%2e%2E/x",
            "/a/.%2e/b",
            "/%2e",
            "http://h/../x",
        ] {
            assert!(is_ambiguous(target.as_bytes()), "{target}");
        }
        for target in ["/", "/a/b?x=/../%2f\\", "/...", "/.x", "/a..b", "/a%20b", "*", "http://h.x/y", "/%zz"]
        {
            assert!(!is_ambiguous(target.as_bytes()), "{target}");
        }
    }
}
