//! `Slug` (RFC 5023 section 9.7): what a new member of a collection would like to be called.
//!
//! Grammar: visible ASCII and blanks, everything else of the UTF-8 text percent-encoded, the percent sign too.
//! Example: `Slug: The Beach at S%C3%A8te`. It is a wish: what cannot be read is no wish, and what can be is not a
//! file name yet.

use super::grammar::{is_ows, only_line, percent_decode};
use crate::head::Head;

/// The text that a request wishes for; `None` where there is none or it cannot be read.
pub fn from_head(head: &Head) -> Option<String> {
    only_line(head, "slug").ok()?.and_then(parse)
}

/// The text in a field value, blanks at its ends taken off and those inside made one each (section 9.7.1).
/// Controls make it unreadable, encoded or not.
///
/// ```
/// use candor_semantics::field::slug::parse;
/// assert_eq!(parse(b"The  Beach at S%C3%A8te").as_deref(), Some("The Beach at S\u{e8}te"));
/// assert_eq!(parse(b"100%"), None);
/// ```
pub fn parse(value: &[u8]) -> Option<String> {
    let plain = String::from_utf8(percent_decode(value)?).ok()?;
    let words: Vec<&str> =
        plain.split(|c: char| u8::try_from(c).is_ok_and(is_ows)).filter(|word| !word.is_empty()).collect();
    let text = words.join(" ");
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn wishes() {
        for (value, expected) in [
            ("report", Some("report")),
            ("a%2Fb%25", Some("a/b%")),
            ("%20a%20 b ", Some("a b")),
            ("", None),
            ("  ", None),
            ("%ff", None),
            ("%4", None),
            ("a%00b", None),
            ("a%0ab", None),
            ("a\x7fb", None),
        ] {
            assert_eq!(parse(value.as_bytes()).as_deref(), expected, "{value}");
        }
        assert_eq!(from_head(&head("Slug", &["a", "b"])), None);
        assert_eq!(from_head(&head("Slug", &["a"])).as_deref(), Some("a"));
    }
}
