//! Sites: folders answered for under host names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::routes::Routes;

/// One `[[site]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The hosts it answers for; empty: every host that no other site has.
    pub hosts: Vec<Host>,
    /// The folder, absolute. It may be a symbolic link that changes.
    pub root: PathBuf,
    /// Whether folders without an index are listed.
    pub listing: bool,
    /// The site's order of languages where the client has none (RFC 4647 tags, lower case).
    pub languages: Vec<String>,
    /// The file below the root that answers navigations to addresses that are not there.
    pub fallback: Option<String>,
    /// Own pages for errors: code, file below the root.
    pub error_pages: BTreeMap<u16, String>,
    /// Whether plain listeners only redirect to https.
    pub redirect_to_https: bool,
    /// The lifetime told in `Strict-Transport-Security` (RFC 6797).
    pub hsts: Option<Duration>,
    /// The certificate.
    pub tls: Option<TlsFiles>,
    /// Whether passwords may be asked for on cleartext listeners off the loopback.
    pub insecure_basic: bool,
    /// Whether other methods than GET and HEAD are redirected by 308 and 307.
    pub strict_redirects: bool,
    /// Whether a 406 lists the variants in its content, too (`variant_list = "body"`).
    pub variant_list_in_content: bool,
    /// Whether a variant is sent even if none is acceptable (never 406).
    pub lenient_accept: bool,
    /// What becomes of files that vanish from the folder.
    pub vanished: Vanished,
    /// `Cache-Control` of successful answers.
    pub cache_control: Option<String>,
    /// Header fields of every answer.
    pub fields: Vec<FieldRule>,
    /// Cross-origin access.
    pub cors: Option<Cors>,
    /// What is said about single addresses and subtrees.
    pub routes: Routes,
}

/// A host name without its port, lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// This name.
    Name(String),
    /// Names below this one, one label deeper (`*.example.org`).
    Below(String),
}

impl Host {
    /// Whether a lower-case host name without port is meant.
    pub fn covers(&self, host: &str) -> bool {
        match self {
            Host::Name(name) => name == host,
            Host::Below(parent) => {
                host.split_once('.').is_some_and(|(label, above)| !label.is_empty() && above == parent)
            }
        }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// Reads a host of `hosts`.
pub(super) fn host(text: &str) -> Result<Host, String> {
    if !text.is_ascii() {
        return Err(format!("{text:?} is not ASCII; write international names in their xn-- form"));
    }
    let lower = text.to_ascii_lowercase();
    if lower.parse::<std::net::Ipv4Addr>().is_ok() {
        return Ok(Host::Name(lower));
    }
    if let Some(inner) = lower.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match inner.parse::<std::net::Ipv6Addr>() {
            Ok(address) => Ok(Host::Name(format!("[{address}]"))),
            Err(_) => Err(format!("{text:?} is not an IPv6 address")),
        };
    }
    if text.contains(':') {
        return Err(format!("{text:?} is not a host name; hosts are written without scheme and port"));
    }
    let (below, name) = match lower.strip_prefix("*.") {
        Some(parent) => (true, parent),
        None => (false, lower.as_str()),
    };
    let legal = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(legal) {
        return Err(format!("{text:?} is not a host name"));
    }
    Ok(if below { Host::Below(name.to_owned()) } else { Host::Name(name.to_owned()) })
}

/// A certificate chain and its key, PEM files, absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the site's own certificate first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What becomes of addresses whose file vanished without a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vanished {
    /// 404.
    #[default]
    Missing,
    /// 410, once the grace time has passed.
    Gone {
        /// How long they are missing first.
        grace: Duration,
    },
}

/// A header field of answers, set by configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// The name as written.
    pub name: String,
    /// The values, one a line; empty: a field that candor adds by itself is left out.
    pub values: Vec<String>,
}

/// Cross-origin access (the CORS protocol of the Fetch standard).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The origins that may read.
    pub origins: Origins,
    /// Methods beyond the simple ones; empty: those the address allows.
    pub methods: Vec<String>,
    /// Request fields that scripts may send; empty: any.
    pub fields: Vec<String>,
    /// Answer fields that scripts may read.
    pub expose: Vec<String>,
    /// Whether credentials are sent along; never together with any origin.
    pub credentials: bool,
    /// How long a browser may remember this.
    pub max_age: Option<Duration>,
}

/// Origins that may read an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// All.
    Any,
    /// These, serialised as in `Origin`.
    Only(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (text, meant) in [
            ("Example.ORG", "example.org"),
            ("*.example.org", "*.example.org"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("[0:0::1]", "[::1]"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(host(text).map(|h| h.to_string()), Ok(meant.to_owned()), "{text}");
        }
        for text in [
            "",
            "bücher.example",
            "example.org:80",
            "http://example.org",
            "a..b",
            "*",
            "*.",
            "a b",
            "[::x]",
            "a/b",
        ] {
            assert!(host(text).is_err(), "{text}");
        }
        let below = host("*.example.org").unwrap();
        assert!(below.covers("www.example.org"));
        assert!(
            !below.covers("example.org") && !below.covers("a.b.example.org") && !below.covers(".example.org")
        );
    }
}
