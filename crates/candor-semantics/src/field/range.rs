//! `Range` (section 14.2) in bytes (section 14.1.2): send only these parts.
//!
//! Grammar: `"bytes=" 1#( first "-" [ last ] / "-" suffix-length )`. Examples: `bytes=0-499`, `bytes=9500-`,
//! `bytes=-500`, `bytes=0-0,-1`. The unit compares without case. Anything malformed, another unit, too many ranges
//! and a field on two lines mean that the field is ignored (section 14.2). Positions too large to count are as
//! large as can be.

use super::grammar::{Cursor, list, only_line};
use crate::head::Head;

/// More ranges than this are nobody's honest wish: such a field is ignored.
pub const MOST_RANGES: usize = 200;

/// The ranges a request asks for, in its order, not yet compared with any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteRanges {
    first: Spec,
    // Stays empty, and so without allocation, for nearly every request.
    more: Vec<Spec>,
}

/// One `range-spec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// From a position to another, or to the end.
    From { first: u64, last: u64 },
    /// So many bytes at the end.
    Suffix(u64),
}

/// Ranges against a length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// No range overlaps the representation (416).
    Unsatisfiable,
    /// The ranges can be satisfied but not said: a suffix of nothing, which is the whole of nothing (200).
    Whole,
    /// First and last position of each range, both inclusive and below the length. Never empty. Ranges that
    /// overlapped or touched are one, so together they are never longer than the representation; those that did
    /// not are in the order in which they were asked for.
    Ranges(Vec<(u64, u64)>),
}

impl ByteRanges {
    /// The ranges of a request, unless there are none that count. At most `limit` ranges.
    pub fn from_head(head: &Head, limit: usize) -> Option<ByteRanges> {
        ByteRanges::parse(only_line(head, "range").ok()??, limit)
    }

    /// Reads a field value with at most `limit` ranges; see [`MOST_RANGES`].
    ///
    /// ```
    /// use candor_semantics::field::range::{ByteRanges, MOST_RANGES, Resolved};
    /// let ranges = ByteRanges::parse(b"bytes=0-4,-2", MOST_RANGES).unwrap();
    /// assert_eq!(ranges.resolve(12), Resolved::Ranges(vec![(0, 4), (10, 11)]));
    /// assert_eq!(ByteRanges::parse(b"bytes=5-2", MOST_RANGES), None);
    /// ```
    pub fn parse(value: &[u8], limit: usize) -> Option<ByteRanges> {
        let unit = value.iter().position(|&b| b == b'=')?;
        let (unit, set) = value.split_at_checked(unit)?;
        if !unit.eq_ignore_ascii_case(b"bytes") {
            return None;
        }
        let mut specs = list(set.get(1..)?);
        let first = spec(specs.next()?)?;
        let mut more = Vec::new();
        for element in specs {
            if more.len() + 1 >= limit {
                return None;
            }
            more.push(spec(element)?);
        }
        (limit > 0).then_some(ByteRanges { first, more })
    }

    /// The ranges that a representation of `length` bytes has.
    pub fn resolve(&self, length: u64) -> Resolved {
        let mut found: Vec<(u64, u64)> = self.specs().filter_map(|spec| spec.within(length)).collect();
        if found.is_empty() {
            let suffix = self.specs().any(|spec| matches!(spec, Spec::Suffix(1..)));
            return if suffix { Resolved::Whole } else { Resolved::Unsatisfiable };
        }
        if found.len() > 1 {
            found = coalesce(found);
        }
        Resolved::Ranges(found)
    }

    fn specs(&self) -> impl Iterator<Item = Spec> {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }
}

impl Spec {
    /// First and last position inside a representation of this length.
    fn within(self, length: u64) -> Option<(u64, u64)> {
        let end = length.checked_sub(1)?;
        match self {
            Spec::From { first, last } => (first <= end).then(|| (first, last.min(end))),
            Spec::Suffix(0) => None,
            Spec::Suffix(count) => Some((length.saturating_sub(count), end)),
        }
    }
}

/// Joins ranges that overlap or touch; a joined range stands where the first of its parts stood.
fn coalesce(ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut sorted: Vec<_> = ranges.into_iter().enumerate().collect();
    sorted.sort_unstable_by_key(|&(_, range)| range);
    let mut joined: Vec<(usize, (u64, u64))> = Vec::with_capacity(sorted.len());
    for (place, (first, last)) in sorted {
        match joined.last_mut() {
            Some((earliest, (_, end))) if first <= end.saturating_add(1) => {
                *end = last.max(*end);
                *earliest = place.min(*earliest);
            }
            _ => joined.push((place, (first, last))),
        }
    }
    joined.sort_unstable_by_key(|&(place, _)| place);
    joined.into_iter().map(|(_, range)| range).collect()
}

fn spec(element: &[u8]) -> Option<Spec> {
    let mut cursor = Cursor::new(element);
    if cursor.eat(b'-') {
        let count = cursor.number()?;
        return cursor.is_end().then_some(Spec::Suffix(count));
    }
    let first = cursor.number()?;
    if !cursor.eat(b'-') {
        return None;
    }
    let last = if cursor.is_end() { u64::MAX } else { cursor.number()? };
    (cursor.is_end() && first <= last).then_some(Spec::From { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;
    use proptest::prelude::*;

    #[test]
    fn malformed_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=0-1,5-2",
            "bytes=0-1,x",
            "bytes=1 - 2",
            "bytes =0-1",
            " bytes=0-1",
            "bytes=+1-2",
            "bytes=1--2",
            "bytes=--1",
            "bytes=0-1;0-2",
            "bytes=0-0x5",
            "bytes=1-2-3",
            "lines=0-1",
            "bytes:0-1",
            "bytes=\"0-1\"",
        ] {
            assert_eq!(ByteRanges::parse(value.as_bytes(), MOST_RANGES), None, "{value}");
        }
        assert_eq!(ByteRanges::from_head(&head("Range", &["bytes=0-1", "bytes=0-1"]), MOST_RANGES), None);
        assert_eq!(ByteRanges::from_head(&head("x", &[]), MOST_RANGES), None);
        assert!(ByteRanges::from_head(&head("Range", &["bytes=0-1"]), MOST_RANGES).is_some());
    }

    #[test]
    fn the_count_is_limited_before_anything_is_joined() {
        let many = |count: usize| format!("bytes={}", vec!["0-"; count].join(","));
        assert!(ByteRanges::parse(many(200).as_bytes(), MOST_RANGES).is_some());
        assert!(ByteRanges::parse(many(201).as_bytes(), MOST_RANGES).is_none());
        assert!(ByteRanges::parse(b"bytes=0-", 0).is_none());
        assert!(ByteRanges::parse(b"bytes=0-", 1).is_some());
        assert!(ByteRanges::parse(b"bytes=0-,5-", 1).is_none());
    }

    #[test]
    fn against_a_length() {
        use Resolved::*;
        for (value, length, expected) in [
            ("bytes=0-4", 12, Ranges(vec![(0, 4)])),
            ("BYTES=0-4", 12, Ranges(vec![(0, 4)])),
            ("bytes=0-0,100-200", 26, Ranges(vec![(0, 0)])),
            ("bytes=0-0,-1", 12, Ranges(vec![(0, 0), (11, 11)])),
            ("bytes=-1,0-0", 12, Ranges(vec![(11, 11), (0, 0)])),
            ("bytes= , 0-1 ,,\t5-6 ,", 12, Ranges(vec![(0, 1), (5, 6)])),
            ("bytes=5-", 12, Ranges(vec![(5, 11)])),
            ("bytes=0-99999999999999999999999999", 12, Ranges(vec![(0, 11)])),
            ("bytes=99999999999999999999999999-", 12, Unsatisfiable),
            ("bytes=-99999999999999999999999999", 12, Ranges(vec![(0, 11)])),
            ("bytes=-5", 3, Ranges(vec![(0, 2)])),
            ("bytes=-0", 12, Unsatisfiable),
            ("bytes=-0,1-1", 12, Ranges(vec![(1, 1)])),
            ("bytes=12-", 12, Unsatisfiable),
            ("bytes=11-", 12, Ranges(vec![(11, 11)])),
            ("bytes=20-30,40-", 12, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=-1", 0, Whole),
            ("bytes=-0", 0, Unsatisfiable),
            ("bytes=0-1,0-1,0-1", 12, Ranges(vec![(0, 1)])),
            ("bytes=0-1,2-3", 12, Ranges(vec![(0, 3)])),
            ("bytes=2-3,0-1", 12, Ranges(vec![(0, 3)])),
            ("bytes=0-1,3-4", 12, Ranges(vec![(0, 1), (3, 4)])),
            ("bytes=8-9,0-1,3-4", 12, Ranges(vec![(8, 9), (0, 1), (3, 4)])),
            ("bytes=8-9,0-1,9-10,1-2", 12, Ranges(vec![(8, 10), (0, 2)])),
            ("bytes=0-,5-6", 12, Ranges(vec![(0, 11)])),
            ("bytes=0-18446744073709551615,5-6", u64::MAX, Ranges(vec![(0, u64::MAX - 1)])),
        ] {
            let ranges = ByteRanges::parse(value.as_bytes(), MOST_RANGES).unwrap();
            assert_eq!(ranges.resolve(length), expected, "{value} of {length}");
        }
    }

    proptest! {
        #[test]
        fn every_wanted_byte_is_there_once(specs in proptest::collection::vec((0_u64..60, 0_u64..60), 1..20), length in 0_u64..50) {
            let specs: Vec<_> = specs.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
            let text: Vec<_> = specs.iter().map(|(a, b)| format!("{a}-{b}")).collect();
            let ranges = ByteRanges::parse(format!("bytes={}", text.join(", ")).as_bytes(), MOST_RANGES).unwrap();
            let found = match ranges.resolve(length) { Resolved::Ranges(found) => found, _ => vec![] };
            let wanted = |byte: u64| byte < length && specs.iter().any(|&(a, b)| (a..=b).contains(&byte));
            for byte in 0..70 {
                let times = found.iter().filter(|&&(a, b)| (a..=b).contains(&byte)).count();
                prop_assert_eq!(times, usize::from(wanted(byte)));
            }
            prop_assert!(found.iter().map(|(a, b)| b - a + 1).sum::<u64>() <= length);
        }
    }
}
