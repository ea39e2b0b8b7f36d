//! `If-Range` (section 13.1.5): send the range if nothing changed, else everything.
//!
//! Grammar: `entity-tag / HTTP-date`. Examples: `If-Range: "xyzzy"`, `If-Range: Sat, 29 Oct 1994 19:43:31 GMT`. A
//! list, a weak tag, two lines or anything malformed make the condition false, and the `Range` is then ignored.

use super::entity_tag::{EntityTag, TagRef};
use super::grammar::only_line;
use super::http_date::HttpDate;
use crate::head::Head;

/// The condition of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfRange<'a> {
    /// The tag of the copy the client has part of.
    Tag(TagRef<'a>),
    /// The modification date of that copy.
    Date(HttpDate),
    /// Neither: never true.
    Malformed,
}

impl<'a> IfRange<'a> {
    /// The condition, if there is one.
    pub fn from_head(head: &'a Head, now: HttpDate) -> Option<IfRange<'a>> {
        match only_line(head, "if-range") {
            Ok(value) => value.map(|value| IfRange::parse(value, now)),
            Err(_) => Some(IfRange::Malformed),
        }
    }

    /// Reads a field value.
    pub fn parse(value: &'a [u8], now: HttpDate) -> IfRange<'a> {
        if let Some(tag) = TagRef::parse(value) {
            return IfRange::Tag(tag);
        }
        HttpDate::parse(value, now).map_or(IfRange::Malformed, IfRange::Date)
    }

    /// Whether the condition is true. A tag must be strongly equal. A date must be exactly the modification date,
    /// and that must be a strong validator: at least a second before `now`, the `Date` of the answer
    /// (section 8.8.2.2), since within one second content can change twice.
    pub fn holds(&self, current: Option<&EntityTag>, last_modified: Option<HttpDate>, now: HttpDate) -> bool {
        match self {
            IfRange::Tag(tag) => current.is_some_and(|current| current.strong_eq(*tag)),
            IfRange::Date(date) => last_modified == Some(*date) && now.since(*date) >= 1,
            IfRange::Malformed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn exact_and_strong_only() {
        let strong = EntityTag::strong("a").unwrap();
        let weak = EntityTag::weak("a").unwrap();
        let modified = HttpDate::from_unix(784_111_777);
        let (later, date) = (modified.plus(1), "Sun, 06 Nov 1994 08:49:37 GMT");
        for (lines, current, now, expected) in [
            (&[r#""a""#][..], Some(&strong), later, true),
            (&[r#""b""#], Some(&strong), later, false),
            (&[r#"W/"a""#], Some(&strong), later, false),
            (&[r#"W/"a""#], Some(&weak), later, false),
            (&[r#""a""#], Some(&weak), later, false),
            (&[r#""a""#], None, later, false),
            (&[r#""a", "b""#], Some(&strong), later, false),
            (&[r#""a""#, r#""a""#], Some(&strong), later, false),
            (&["*"], Some(&strong), later, false),
            (&["a"], Some(&strong), later, false),
            (&[""], Some(&strong), later, false),
            (&[date], Some(&strong), later, true),
            (&["Sunday, 06-Nov-94 08:49:37 GMT"], None, later, true),
            (&[date], Some(&strong), modified, false),
            (&["Sun, 06 Nov 1994 08:49:38 GMT"], Some(&strong), later.plus(9), false),
            (&["Sun, 06 Nov 1994 08:49:36 GMT"], Some(&strong), later, false),
        ] {
            let head = head("If-Range", lines);
            let condition = IfRange::from_head(&head, now).unwrap();
            assert_eq!(condition.holds(current, Some(modified), now), expected, "{lines:?}");
        }
        assert!(!IfRange::Date(modified).holds(Some(&strong), None, later));
        assert_eq!(IfRange::from_head(&head("x", &[]), later), None);
    }
}
