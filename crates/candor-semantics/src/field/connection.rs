//! `Connection` (section 7.6.1): options that hold for this connection only.
//!
//! Grammar: `#token`. Examples: `Connection: close`, `Connection: keep-alive, Upgrade`. Options compare without
//! case; what is no token is passed over, because the field's other options still hold.

use super::grammar::{is_token, list};
use crate::head::{Head, Version};

/// The options candor acts on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The connection ends after this exchange (RFC 9112 section 9.6).
    pub close: bool,
    /// An HTTP/1.0 client asks to go on (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// The `Upgrade` field is meant (section 7.8).
    pub upgrade: bool,
}

impl Connection {
    /// The options of all field lines together.
    pub fn from_head(head: &Head) -> Connection {
        let mut connection = Connection::default();
        for line in head.all("connection") {
            for option in options(line) {
                connection.close |= option.eq_ignore_ascii_case(b"close");
                connection.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                connection.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
            }
        }
        connection
    }

    /// Whether the connection goes on after the answer, as far as the client is concerned (RFC 9112
    /// section 9.3). `close` wins over everything.
    pub fn persists(self, version: Version) -> bool {
        !self.close && (version != Version::Http10 || self.keep_alive)
    }
}

/// The options in one field value: names of fields that must not be forwarded, among others.
///
/// ```
/// use candor_semantics::field::connection::options;
/// let found: Vec<&[u8]> = options(b"close, , X-Foo, a b").collect();
/// assert_eq!(found, [&b"close"[..], b"X-Foo"]);
/// ```
pub fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    list(value).filter(|option| is_token(option))
}

/// Whether any line of the field names the option; for fields that are to be dropped before forwarding.
pub fn names(head: &Head, option: &[u8]) -> bool {
    head.all("connection").any(|line| options(line).any(|o| o.eq_ignore_ascii_case(option)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn options_combine_over_lines() {
        let found = Connection::from_head(&head("Connection", &["Keep-Alive", ", upgrade , x-foo"]));
        assert_eq!(found, Connection { close: false, keep_alive: true, upgrade: true });
        assert_eq!(Connection::from_head(&head("x", &[])), Connection::default());
        assert!(!Connection::from_head(&head("Connection", &["closed, xclose, close x"])).close);
        assert!(names(&head("Connection", &["a", "b, X-Foo"]), b"x-foo"));
        assert!(!names(&head("Connection", &["a"]), b"x-foo"));
    }

    #[test]
    fn persistence_by_version() {
        for (value, http10, http11) in [
            ("", false, true),
            ("keep-alive", true, true),
            ("close", false, false),
            ("close, keep-alive", false, false),
        ] {
            let connection = Connection::from_head(&head("Connection", &[value]));
            assert_eq!(connection.persists(Version::Http10), http10, "{value}");
            assert_eq!(connection.persists(Version::Http11), http11, "{value}");
        }
    }
}
