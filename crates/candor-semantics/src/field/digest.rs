//! `Content-Digest` and `Repr-Digest` (RFC 9530 sections 2 and 3): what the content must hash to.
//!
//! Grammar: a structured-field dictionary (RFC 9651 section 3.2) of byte sequences. Example:
//! `Content-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:`. candor checks `sha-256`; other algorithms
//! and members are passed over. A dictionary that cannot be read is ignored as a whole (RFC 9651 section 4.2), and a
//! `sha-256` that is no digest of 32 bytes is a digest that nothing has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::grammar::{Cursor, list};
use crate::head::Head;

/// A SHA-256 digest.
pub type Sha256 = [u8; 32];

/// What a request says its content hashes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// Of the content as sent.
    pub content: Option<Stated>,
    /// Of the representation; for a PUT without `Content-Encoding` the same bytes.
    pub representation: Option<Stated>,
}

/// One stated digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stated {
    /// The digest.
    Sha256(Sha256),
    /// Stated in a form that no content can have.
    Impossible,
}

impl Stated {
    /// Whether content with this digest is what was stated.
    pub fn is(self, digest: &Sha256) -> bool {
        self == Stated::Sha256(*digest)
    }
}

impl Digests {
    /// The digests of a request; `None` where it states none that candor checks.
    pub fn from_head(head: &Head) -> Option<Digests> {
        let read = |name: &str| head.list(name).and_then(|value| parse(&value));
        let digests = Digests { content: read("content-digest"), representation: read("repr-digest") };
        (digests != Digests::default()).then_some(digests)
    }
}

/// The SHA-256 digest in a combined field value. Named twice, the last counts (RFC 9651 section 4.2.2).
///
/// ```
/// use candor_semantics::field::digest::{Stated, parse, write};
/// let digest = [7; 32];
/// assert_eq!(parse(&write(&digest)), Some(Stated::Sha256(digest)));
/// assert_eq!(parse(b"md5=:AAAA:"), None);
/// ```
pub fn parse(value: &[u8]) -> Option<Stated> {
    let mut found = None;
    for member in list(value) {
        let mut cursor = Cursor::new(member);
        let first = cursor.peek()?;
        let key = cursor.take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.*".contains(&b));
        if !(first.is_ascii_lowercase() || first == b'*') {
            return None;
        }
        if !matches!(cursor.peek(), None | Some(b'=' | b';')) {
            return None;
        }
        if key == b"sha-256" {
            found = Some(sequence(cursor).map_or(Stated::Impossible, Stated::Sha256));
        }
    }
    found
}

/// The field value that states a SHA-256 digest.
pub fn write(digest: &Sha256) -> Bytes {
    format!("sha-256=:{}:", STANDARD.encode(digest)).into()
}

/// `=:base64:`, then perhaps parameters.
fn sequence(mut cursor: Cursor<'_>) -> Option<Sha256> {
    let colon = cursor.eat(b'=') && cursor.eat(b':');
    let encoded = cursor.take_while(|b| b != b':');
    if !colon || !cursor.eat(b':') || !matches!(cursor.peek(), None | Some(b';')) {
        return None;
    }
    STANDARD.decode(encoded).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;
    use proptest::prelude::*;

    const HELLO: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";

    #[test]
    fn values() {
        let good = parse(HELLO.as_bytes());
        assert!(matches!(good, Some(Stated::Sha256([0x44, 0xaf, ..]))));
        for (value, expected) in [
            (format!("md5=:AAAA:, {HELLO}"), good),
            (format!("{HELLO}, unixsum=5;a=\"b,c\""), good),
            (format!("sha-256=:AAAA:, {HELLO}"), good),
            (format!("{HELLO};a=1"), good),
            (format!("{HELLO}x"), Some(Stated::Impossible)),
            ("sha-256".to_owned(), Some(Stated::Impossible)),
            ("sha-256=AAAA".to_owned(), Some(Stated::Impossible)),
            ("sha-256=:AAAA:".to_owned(), Some(Stated::Impossible)),
            ("sha-256=:A*:".to_owned(), Some(Stated::Impossible)),
            (format!("SHA-256=:AAAA:, {HELLO}"), None),
            (format!("{HELLO}, ?"), None),
            (format!("{HELLO}, a b"), None),
            ("sha-512=:AAAA:".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(parse(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn both_fields() {
        let stated = Digests::from_head(&head("Repr-Digest", &[HELLO])).unwrap();
        assert!(stated.content.is_none() && stated.representation.is_some_and(|s| !s.is(&[0; 32])));
        assert!(Digests::from_head(&head("Content-Digest", &[HELLO])).unwrap().content.is_some());
        assert_eq!(Digests::from_head(&head("Content-Digest", &["md5=:AAAA:"])), None);
    }

    proptest! {
        #[test]
        fn writing_round_trips(digest: [u8; 32]) {
            prop_assert!(parse(&write(&digest)).unwrap().is(&digest));
        }
    }
}
