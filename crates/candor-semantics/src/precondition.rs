//! Preconditions and ranges (sections 13 and 14), each as one small question: not asked, true, or false.

use crate::field::content_length;
use crate::field::digest::Digests;
use crate::field::entity_tag::EntityTag;
use crate::field::expect::Expect;
use crate::field::http_date::HttpDate;
use crate::field::if_match::IfMatch;
use crate::field::if_modified_since::IfModifiedSince;
use crate::field::if_none_match::IfNoneMatch;
use crate::field::if_range::IfRange;
use crate::field::if_unmodified_since::IfUnmodifiedSince;
use crate::field::media_type::MediaType;
use crate::field::range::{ByteRanges, MOST_RANGES, Resolved};
use crate::head::Head;
use crate::representation::Metadata;

/// Whether `If-Match` is true; `None` where it is not there (section 13.1.1).
pub fn if_match(head: &Head, current: Option<&EntityTag>, exists: bool) -> Option<bool> {
    IfMatch::from_head(head).map(|condition| condition.matches_strong(current, exists))
}

/// Whether `If-Unmodified-Since` is true; `None` where it is not there, is no date, or no modification date is
/// known (section 13.1.4).
pub fn if_unmodified_since(head: &Head, modified: Option<HttpDate>, now: HttpDate) -> Option<bool> {
    Some(IfUnmodifiedSince::from_head(head, now)?.is_unmodified(modified?))
}

/// Whether `If-None-Match` is true, that is, nothing matches; `None` where it is not there (section 13.1.2).
pub fn if_none_match(head: &Head, current: Option<&EntityTag>, exists: bool) -> Option<bool> {
    IfNoneMatch::from_head(head).map(|condition| !condition.matches_weak(current, exists))
}

/// Whether `If-Modified-Since` is true; `None` where it is not there, is no date, or no modification date is
/// known (section 13.1.3). Only asked where `If-None-Match` is not there.
pub fn if_modified_since(head: &Head, modified: Option<HttpDate>, now: HttpDate) -> Option<bool> {
    Some(IfModifiedSince::from_head(head, now)?.is_modified(modified?))
}

/// What a `Range` field asks of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeAnswer {
    /// No range is asked for.
    Absent,
    /// To be ignored: another unit, malformed, too many, not served, or `If-Range` is false.
    Ignored,
    /// None of the ranges is inside; the length in bytes.
    Unsatisfiable(u64),
    /// First and last byte of each span.
    Ranges(Vec<(u64, u64)>),
}

/// Evaluates `Range` with `If-Range` (sections 14.2 and 13.1.5).
pub fn ranges(head: &Head, metadata: &Metadata, now: HttpDate) -> RangeAnswer {
    if !head.has("range") {
        return RangeAnswer::Absent;
    }
    let (true, Some(length)) = (metadata.ranges, metadata.length) else { return RangeAnswer::Ignored };
    let Some(ranges) = ByteRanges::from_head(head, MOST_RANGES) else { return RangeAnswer::Ignored };
    let same = IfRange::from_head(head, now)
        .is_none_or(|condition| condition.holds(metadata.etag.as_ref(), metadata.last_modified, now));
    if !same {
        return RangeAnswer::Ignored;
    }
    match ranges.resolve(length) {
        Resolved::Unsatisfiable => RangeAnswer::Unsatisfiable(length),
        Resolved::Whole => RangeAnswer::Ignored,
        Resolved::Ranges(spans) => RangeAnswer::Ranges(spans),
    }
}

/// Whether the request says what it is based on (428, RFC 6585 section 3).
pub fn declares_base(head: &Head) -> bool {
    ["if-match", "if-none-match", "if-unmodified-since", "derived-from", "if"]
        .into_iter()
        .any(|name| head.has(name))
}

/// Whether content that is still to come can equal the current content: a digest is given, or length and type
/// agree; never where the client waits for a word before it sends (question 33).
pub fn may_be_same(head: &Head, current: &Metadata) -> bool {
    if Expect::from_head(head) != Expect::Nothing {
        return false;
    }
    if Digests::from_head(head).is_some() {
        return true;
    }
    let declared = content_length::from_head(head).ok().flatten();
    let same_type = match head.get("content-type").and_then(MediaType::parse) {
        Some(stated) => {
            MediaType::parse(&current.content_type).is_some_and(|held| stated.essence() == held.essence())
        }
        None => true,
    };
    declared.is_some() && declared == current.length && same_type
}

/// Whether the content's type is among the types taken (415); a request without a type is taken.
pub fn type_taken(head: &Head, types: &[u8]) -> bool {
    let Some(value) = head.get("content-type") else { return true };
    let Some(stated) = MediaType::parse(value) else { return false };
    types
        .split(|&b| b == b',')
        .filter_map(|taken| MediaType::parse(taken.trim_ascii()))
        .any(|taken| taken.essence() == stated.essence())
}
