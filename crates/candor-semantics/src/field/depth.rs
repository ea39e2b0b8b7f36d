//! `Depth` (RFC 4918 section 10.2): how far below a collection a method reaches.
//!
//! Grammar: `"0" / "1" / "infinity"`. Example: `Depth: 1`. What an absent field means is each method's business.

use super::grammar::{Malformed, only_line};
use crate::head::Head;

/// How far a method reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// The resource itself.
    Zero,
    /// The resource and its members.
    One,
    /// Everything below.
    Infinity,
}

impl Depth {
    /// The depth of a request; `None` where it names none.
    ///
    /// # Errors
    /// Two lines, or anything else.
    pub fn from_head(head: &Head) -> Result<Option<Depth>, Malformed> {
        only_line(head, "depth")?.map(|value| Depth::parse(value).ok_or(Malformed)).transpose()
    }

    /// Reads a field value.
    ///
    /// ```
    /// use candor_semantics::field::depth::Depth;
    /// assert_eq!(Depth::parse(b"Infinity"), Some(Depth::Infinity));
    /// assert_eq!(Depth::parse(b"2"), None);
    /// ```
    pub fn parse(value: &[u8]) -> Option<Depth> {
        match value {
            b"0" => Some(Depth::Zero),
            b"1" => Some(Depth::One),
            other => other.eq_ignore_ascii_case(b"infinity").then_some(Depth::Infinity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn three_values() {
        for (lines, expected) in [
            (&[][..], Ok(None)),
            (&["0"], Ok(Some(Depth::Zero))),
            (&["1"], Ok(Some(Depth::One))),
            (&["infinity"], Ok(Some(Depth::Infinity))),
            (&["00"], Err(Malformed)),
            (&["2"], Err(Malformed)),
            (&[""], Err(Malformed)),
            (&["1, noroot"], Err(Malformed)),
            (&["1", "1"], Err(Malformed)),
        ] {
            assert_eq!(Depth::from_head(&head("Depth", lines)), expected, "{lines:?}");
        }
    }
}
