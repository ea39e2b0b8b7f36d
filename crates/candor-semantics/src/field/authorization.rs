//! `Authorization` (section 11.6.2): who the client says it is.
//!
//! Grammar: `auth-scheme [ 1*SP ( token68 / #auth-param ) ]`. Examples: `Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==`
//! (RFC 7617), `Bearer mF_9.B5f-4.1JqM` (RFC 6750). Schemes compare without case. Base64 must be padded and
//! canonical. `Debug` never shows a password or a token.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::grammar::{Cursor, only_line};
use crate::head::Head;

/// The credentials of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Authorization<'a> {
    /// A name and a password (RFC 7617), without control characters; the name has no colon.
    Basic {
        /// The name; UTF-8 by our challenge, but nothing makes sure of it.
        user: Vec<u8>,
        /// The password.
        password: Vec<u8>,
    },
    /// A token (RFC 6750 section 2.1).
    Bearer(&'a [u8]),
    /// Another scheme, by its name.
    Other(&'a [u8]),
    /// Two lines, no scheme, or credentials that its scheme does not allow.
    Malformed,
}

impl<'a> Authorization<'a> {
    /// The credentials of a request; `None` where it has none.
    pub fn from_head(head: &'a Head) -> Option<Authorization<'a>> {
        match only_line(head, "authorization") {
            Ok(value) => value.map(Authorization::parse),
            Err(_) => Some(Authorization::Malformed),
        }
    }

    /// Reads a field value.
    ///
    /// ```
    /// use candor_semantics::field::authorization::Authorization;
    /// let Authorization::Basic { user, password } = Authorization::parse(b"Basic YW15OmE6Yg==") else { panic!() };
    /// assert_eq!((&user[..], &password[..]), (&b"amy"[..], &b"a:b"[..]));
    /// ```
    pub fn parse(value: &'a [u8]) -> Authorization<'a> {
        Authorization::read(value).unwrap_or(Authorization::Malformed)
    }

    fn read(value: &'a [u8]) -> Option<Authorization<'a>> {
        let mut cursor = Cursor::new(value);
        let scheme = cursor.token()?;
        let blanks = cursor.take_while(|b| b == b' ');
        if blanks.is_empty() && !cursor.is_end() {
            return None;
        }
        let rest = cursor.rest();
        if scheme.eq_ignore_ascii_case(b"basic") {
            basic(rest)
        } else if scheme.eq_ignore_ascii_case(b"bearer") {
            is_token68(rest).then_some(Authorization::Bearer(rest))
        } else {
            Some(Authorization::Other(scheme))
        }
    }
}

fn basic(encoded: &[u8]) -> Option<Authorization<'static>> {
    let plain = STANDARD.decode(encoded).ok()?;
    let colon = plain.iter().position(|&b| b == b':')?;
    if plain.iter().any(u8::is_ascii_control) {
        return None;
    }
    let (user, password) = plain.split_at_checked(colon)?;
    Some(Authorization::Basic { user: user.to_vec(), password: password.get(1..)?.to_vec() })
}

/// Section 11.2.
fn is_token68(value: &[u8]) -> bool {
    let mut cursor = Cursor::new(value);
    let characters = cursor
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'));
    cursor.take_while(|b| b == b'=');
    !characters.is_empty() && cursor.is_end()
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Authorization::Basic { user, .. } => write!(f, "Basic({:?})", String::from_utf8_lossy(user)),
            Authorization::Bearer(_) => f.write_str("Bearer"),
            Authorization::Other(scheme) => write!(f, "Other({:?})", String::from_utf8_lossy(scheme)),
            Authorization::Malformed => f.write_str("Malformed"),
        }
    }
}

/// The field value for a name and a password, for our own requests. `None` where the name has a colon or either a
/// control character (RFC 7617 section 2).
pub fn write_basic(user: &str, password: &str) -> Option<String> {
    let plain = format!("{user}:{password}");
    let legal = !user.contains(':') && !plain.bytes().any(|b| b.is_ascii_control());
    legal.then(|| format!("Basic {}", STANDARD.encode(plain)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;
    use proptest::prelude::*;

    fn basic(user: &str, password: &str) -> Authorization<'static> {
        Authorization::Basic { user: user.into(), password: password.into() }
    }

    #[test]
    fn values() {
        for (value, expected) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", basic("Aladdin", "open sesame")),
            ("bAsIc   YW15OmE6Yg==", basic("amy", "a:b")),
            ("Basic Og==", basic("", "")),
            ("Basic dGVzdDoxMjPCow==", basic("test", "123\u{a3}")),
            ("Basic", Authorization::Malformed),
            ("Basic ", Authorization::Malformed),
            ("Basic YW15", Authorization::Malformed),
            ("Basic YW15OmE6Yg", Authorization::Malformed),
            ("Basic YW15OmE6Yh==", Authorization::Malformed),
            ("Basic YW15OmE6Yg== x", Authorization::Malformed),
            ("Basic YW15OmEK", Authorization::Malformed),
            ("Basic YQA6Yg==", Authorization::Malformed),
            ("Basic\tYW15OmE6Yg==", Authorization::Malformed),
            ("Bearer mF_9.B5f-4.1JqM", Authorization::Bearer(b"mF_9.B5f-4.1JqM")),
            ("bearer a==", Authorization::Bearer(b"a==")),
            ("Bearer a=b", Authorization::Malformed),
            ("Bearer a b", Authorization::Malformed),
            ("Bearer", Authorization::Malformed),
            ("Digest username=\"x\"", Authorization::Other(b"Digest")),
            ("Negotiate", Authorization::Other(b"Negotiate")),
            ("", Authorization::Malformed),
            ("=", Authorization::Malformed),
        ] {
            assert_eq!(Authorization::parse(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn one_line_only() {
        assert_eq!(Authorization::from_head(&head("x", &[])), None);
        let twice = head("Authorization", &["Bearer a", "Bearer a"]);
        assert_eq!(Authorization::from_head(&twice), Some(Authorization::Malformed));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(
            format!("{:?} {:?}", basic("amy", "secret"), Authorization::Bearer(b"secret")),
            "Basic(\"amy\") Bearer"
        );
        assert_eq!(write_basic("a:b", "c"), None);
        assert_eq!(write_basic("a", "c\n"), None);
    }

    proptest! {
        #[test]
        fn writing_round_trips(user in "[^:\\x00-\\x1f\\x7f]{0,12}", password in "[^\\x00-\\x1f\\x7f]{0,12}") {
            let value = write_basic(&user, &password).unwrap();
            prop_assert_eq!(Authorization::parse(value.as_bytes()), basic(&user, &password));
        }
    }
}
