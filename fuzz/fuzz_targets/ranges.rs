//! `Range` against a length, and `Content-Range`.
#![no_main]

use candor_semantics::field::{
    content_range::ContentRange,
    range::{ByteRanges, MOST_RANGES, Resolved},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &[u8])| {
    let (length, value) = input;
    if let Some(range) = ContentRange::parse(value) {
        assert_eq!(ContentRange::parse(range.to_string().as_bytes()), Some(range));
    }
    let Some(wanted) = ByteRanges::parse(value, MOST_RANGES) else { return };
    for length in [length, 0, 1, 26] {
        let Resolved::Ranges(ranges) = wanted.resolve(length) else { continue };
        assert!(!ranges.is_empty() && ranges.len() <= MOST_RANGES);
        let mut total = 0_u128;
        for (position, &(first, last)) in ranges.iter().enumerate() {
            assert!(first <= last && last < length);
            total += u128::from(last - first) + 1;
            // Neither overlapping nor touching another one.
            for &(other_first, other_last) in ranges.iter().skip(position + 1) {
                assert!(last + 1 < other_first || other_last + 1 < first);
            }
        }
        assert!(total <= u128::from(length));
    }
});
