//! `Derived-From` (RFC 2068 section 19.6.2.3): which version an edit began with.
//!
//! Grammar: `quoted-string`. Example: `Derived-From: "2.1.1"`. It declares a base without making it a precondition:
//! the server may merge. The field left the standard with RFC 2616 and nobody else uses the name.

use std::borrow::Cow;

use super::grammar::{Cursor, Malformed, only_line};
use crate::head::Head;

/// The version that a request names as its base; `None` where it names none.
///
/// # Errors
/// Two lines, or anything but one quoted string with something in it.
pub fn from_head(head: &Head) -> Result<Option<Cow<'_, [u8]>>, Malformed> {
    only_line(head, "derived-from")?.map(|value| parse(value).ok_or(Malformed)).transpose()
}

/// The version that a field value names.
///
/// ```
/// use candor_semantics::field::derived_from::parse;
/// assert_eq!(parse(br#""2.1.1""#).as_deref(), Some(&b"2.1.1"[..]));
/// assert_eq!(parse(b"2.1.1"), None);
/// ```
pub fn parse(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut cursor = Cursor::new(value);
    let version = cursor.quoted()?;
    (cursor.is_end() && !version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn one_quoted_string() {
        for (lines, expected) in [
            (&[][..], Ok(None)),
            (&[r#""a""#], Ok(Some("a"))),
            (&[r#""a\"b""#], Ok(Some("a\"b"))),
            (&[r#""""#], Err(Malformed)),
            (&["a"], Err(Malformed)),
            (&[r#"W/"a""#], Err(Malformed)),
            (&[r#""a", "b""#], Err(Malformed)),
            (&[r#""a"#], Err(Malformed)),
            (&[""], Err(Malformed)),
            (&[r#""a""#, r#""a""#], Err(Malformed)),
        ] {
            let head = head("Derived-From", lines);
            let expected = expected.map(|e: Option<&str>| e.map(|e| Cow::Borrowed(e.as_bytes())));
            assert_eq!(from_head(&head), expected, "{lines:?}");
        }
    }
}
