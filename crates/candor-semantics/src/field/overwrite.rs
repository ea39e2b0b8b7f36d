//! `Overwrite` (RFC 4918 section 10.6): whether COPY and MOVE may replace what is at their destination.
//!
//! Grammar: `"T" / "F"`. Example: `Overwrite: F`. Absent means `T`.

use super::grammar::{Malformed, only_line};
use crate::head::Head;

/// Whether the request may replace what is there.
///
/// # Errors
/// Two lines, or anything else.
pub fn from_head(head: &Head) -> Result<bool, Malformed> {
    only_line(head, "overwrite")?.map_or(Ok(true), |value| parse(value).ok_or(Malformed))
}

/// Reads a field value; case does not count.
///
/// ```
/// use candor_semantics::field::overwrite::parse;
/// assert_eq!((parse(b"F"), parse(b"no")), (Some(false), None));
/// ```
pub fn parse(value: &[u8]) -> Option<bool> {
    match value {
        b"T" | b"t" => Some(true),
        b"F" | b"f" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn two_values() {
        for (lines, expected) in [
            (&[][..], Ok(true)),
            (&["T"], Ok(true)),
            (&["f"], Ok(false)),
            (&["true"], Err(Malformed)),
            (&[""], Err(Malformed)),
            (&["F", "F"], Err(Malformed)),
        ] {
            assert_eq!(from_head(&head("Overwrite", lines)), expected, "{lines:?}");
        }
    }
}
