//! `Content-Length` (section 8.6): how many bytes of content follow.
//!
//! Grammar: `1*DIGIT`. Example: `Content-Length: 3495`.
//!
//! Section 8.6 lets a recipient take a list of equal values (`5, 5`, or two lines of `5`) for one. It may also
//! refuse it, and candor does: a message whose length was written twice has passed through something that does
//! not understand framing.

use super::grammar::{Malformed, exact_number, only_line};
use crate::head::Head;

/// The declared length in bytes; `None` where there is no such field.
///
/// # Errors
/// Anything but one line of digits that fit 64 bits; lists and repetitions too, even of equal values.
pub fn from_head(head: &Head) -> Result<Option<u64>, Malformed> {
    only_line(head, "content-length")?.map(|value| parse(value).ok_or(Malformed)).transpose()
}

/// The length in bytes that a single field value names.
///
/// ```
/// use candor_semantics::field::content_length::parse;
/// assert_eq!(parse(b"3495"), Some(3495));
/// assert_eq!(parse(b"5, 5"), None);
/// ```
pub fn parse(value: &[u8]) -> Option<u64> {
    exact_number(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn only_digits_once() {
        for (lines, expected) in [
            (&["0"][..], Ok(Some(0))),
            (&["007"], Ok(Some(7))),
            (&["18446744073709551615"], Ok(Some(u64::MAX))),
            (&["18446744073709551616"], Err(Malformed)),
            (&[""], Err(Malformed)),
            (&["+5"], Err(Malformed)),
            (&["-5"], Err(Malformed)),
            (&["5 "], Err(Malformed)),
            (&["0x5"], Err(Malformed)),
            (&["5, 6"], Err(Malformed)),
            (&["5, 5"], Err(Malformed)),
            (&["5", "5"], Err(Malformed)),
            (&["5", "6"], Err(Malformed)),
            (&[], Ok(None)),
        ] {
            assert_eq!(from_head(&head("Content-Length", lines)), expected, "{lines:?}");
        }
    }
}
