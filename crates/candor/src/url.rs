//! URLs as people type them, as far as a request needs them.

/// An http or https URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// Whether it is https.
    pub(crate) tls: bool,
    /// Host without port; an IPv6 address without its brackets.
    pub(crate) host: String,
    /// The port, the scheme's own where none was written.
    pub(crate) port: u16,
    /// Path and query, encoded; begins with a slash.
    pub(crate) target: String,
    /// `user:password`, if written.
    pub(crate) credentials: Option<String>,
}

impl Url {
    /// Reads a URL; one without a scheme is http. Fragments never reach a server and are left out.
    pub(crate) fn parse(text: &str) -> Result<Url, String> {
        let wrong = |why: &str| format!("{text:?} is not a URL such as http://127.0.0.1:8080/x: {why}");
        let lower = text.to_ascii_lowercase();
        let (tls, rest) = match text.split_once("://") {
            Some((_, rest)) if lower.starts_with("http://") => (false, rest),
            Some((_, rest)) if lower.starts_with("https://") => (true, rest),
            Some(_) => return Err(wrong("its scheme is neither http nor https")),
            None => (false, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(decoded(credentials)), address),
            None => (None, authority),
        };
        let (host, port) = host_and_port(address).ok_or_else(|| wrong("its host or port is not legal"))?;
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        let target = target.split('#').next().unwrap_or_default();
        let target = if target.starts_with('/') { encoded(target) } else { format!("/{}", encoded(target)) };
        Ok(Url { tls, host, port, target, credentials })
    }

    /// The value of `Host` (RFC 9110 section 7.2).
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let own = if self.tls { 443 } else { 80 };
        if self.port == own { host } else { format!("{host}:{}", self.port) }
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority(), self.target)
    }
}

fn host_and_port(address: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (inner, after) = rest.split_once(']')?;
            inner.parse::<std::net::Ipv6Addr>().ok()?;
            (inner, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
    if host.is_empty() || !host.chars().all(legal) {
        return None;
    }
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(port.parse().ok()?),
    };
    Some((host.to_owned(), port))
}

/// Percent-encodes what cannot stand in a start line; everything else goes out as typed, mistakes included.
fn encoded(text: &str) -> String {
    let mut target = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' => target.push(char::from(byte)),
            _ => target.push_str(&format!("%{byte:02X}")),
        }
    }
    target
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let pair = after.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, meant, host, port) in [
            ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x", "127.0.0.1", 8080),
            ("localhost:8080", "http://localhost:8080/", "localhost", 8080),
            ("HTTPS://example.org", "https://example.org/", "example.org", 443),
            ("https://example.org:443/a?b#c", "https://example.org/a?b", "example.org", 443),
            ("http://[::1]:80?q", "http://[::1]/?q", "::1", 80),
            ("http://example.org/ä b", "http://example.org/%C3%A4%20b", "example.org", 80),
            ("http://example.org/%", "http://example.org/%", "example.org", 80),
            ("http://example.org/?u=http://x", "http://example.org/?u=http://x", "example.org", 80),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.to_string().as_str(), url.host.as_str(), url.port),
                (meant, host, port),
                "{text}"
            );
        }
        let url = Url::parse("http://amy:se%40cret@x/").unwrap();
        assert_eq!(url.credentials.as_deref(), Some("amy:se@cret"));
        for text in [
            "",
            "http://",
            "ftp://x/",
            "http://x:y/",
            "http://[x]/",
            "http://a b/",
            "http://x:99999/",
            "http://x\r\ny/",
        ] {
            assert!(Url::parse(text).is_err(), "{text:?}");
        }
    }
}
