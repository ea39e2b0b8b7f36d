//! `Content-Range` (section 14.4): which part of what this is.
//!
//! Grammar: `"bytes" SP ( first "-" last "/" ( complete / "*" ) / "*/" complete )`. Examples:
//! `bytes 0-499/1234`, `bytes 42-1233/*`, `bytes */1234`. On a PUT it is refused (section 14.5), malformed or not:
//! ask [`crate::head::Head::has`].

use std::fmt;

use super::grammar::{Cursor, exact_number};

/// A part in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// Positions of the first and last byte enclosed, and the complete length where it is known.
    Part {
        /// First position.
        first: u64,
        /// Last position, inclusive.
        last: u64,
        /// Length of the whole.
        complete: Option<u64>,
    },
    /// Nothing enclosed: the length that the ranges asked for did not meet (416).
    Unsatisfied {
        /// Length of the whole.
        complete: u64,
    },
}

impl ContentRange {
    /// Reads a field value. `None` where it is malformed, in another unit, or says something impossible: a last
    /// position before the first, or at or after the complete length.
    ///
    /// ```
    /// use candor_semantics::field::content_range::ContentRange;
    /// let part = ContentRange::Part { first: 0, last: 4, complete: Some(12) };
    /// assert_eq!(ContentRange::parse(b"bytes 0-4/12"), Some(part));
    /// assert_eq!(part.to_string(), "bytes 0-4/12");
    /// ```
    pub fn parse(value: &[u8]) -> Option<ContentRange> {
        let (unit, range) = value.split_at_checked(6)?;
        if !unit.eq_ignore_ascii_case(b"bytes ") {
            return None;
        }
        if let Some(complete) = range.strip_prefix(b"*/") {
            return exact_number(complete).map(|complete| ContentRange::Unsatisfied { complete });
        }
        let mut cursor = Cursor::new(range);
        let first = number(&mut cursor)?;
        let last = cursor.eat(b'-').then(|| number(&mut cursor))??;
        if !cursor.eat(b'/') {
            return None;
        }
        let complete = match cursor.rest() {
            b"*" => None,
            digits => Some(exact_number(digits)?),
        };
        let possible = first <= last && complete.is_none_or(|complete| last < complete);
        possible.then_some(ContentRange::Part { first, last, complete })
    }
}

fn number(cursor: &mut Cursor<'_>) -> Option<u64> {
    exact_number(cursor.take_while(|b| b.is_ascii_digit()))
}

/// The field value.
impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentRange::Part { first, last, complete: Some(complete) } => {
                write!(f, "bytes {first}-{last}/{complete}")
            }
            ContentRange::Part { first, last, complete: None } => write!(f, "bytes {first}-{last}/*"),
            ContentRange::Unsatisfied { complete } => write!(f, "bytes */{complete}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values() {
        use ContentRange::*;
        for (value, expected) in [
            ("bytes 0-4/12", Some(Part { first: 0, last: 4, complete: Some(12) })),
            ("Bytes 0-4/*", Some(Part { first: 0, last: 4, complete: None })),
            ("bytes */12", Some(Unsatisfied { complete: 12 })),
            ("bytes 0-11/12", Some(Part { first: 0, last: 11, complete: Some(12) })),
            ("bytes 0-12/12", None),
            ("bytes 4-0/12", None),
            ("bytes */*", None),
            ("bytes 0-4", None),
            ("bytes=0-4/12", None),
            ("bytes  0-4/12", None),
            ("bytes 0-4/12 ", None),
            ("bytes 0-/12", None),
            ("bytes -4/12", None),
            ("bytes 0-99999999999999999999/*", None),
            ("lines 0-4/12", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(value.as_bytes()), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn writing_round_trips(a: u64, b: u64, known: bool) {
            let (first, last) = (a.min(b), a.max(b));
            let complete = last.checked_add(1).filter(|_| known);
            for range in [ContentRange::Part { first, last, complete }, ContentRange::Unsatisfied { complete: a }] {
                prop_assert_eq!(ContentRange::parse(range.to_string().as_bytes()), Some(range));
            }
        }
    }
}
