//! `If-Match` (section 13.1.1): do it only if the current representation is one the client knows.
//!
//! Grammar: `"*" / #entity-tag`. Examples: `If-Match: "xyzzy"`, `If-Match: *`. Tags compare strongly. A malformed
//! list never matches: a client that meant to protect somebody's work is refused rather than misread.

use super::entity_tag::{EntityTag, EntityTagList};
use crate::head::Head;

/// The condition of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch<'a>(Option<EntityTagList<'a>>);

impl<'a> IfMatch<'a> {
    /// The condition, if there is one.
    pub fn from_head(head: &'a Head) -> Option<IfMatch<'a>> {
        head.list("if-match").map(|value| IfMatch(EntityTagList::parse(value)))
    }

    /// Whether the value was malformed.
    pub fn is_malformed(&self) -> bool {
        self.0.is_none()
    }

    /// The list, unless it is malformed.
    pub fn list(&self) -> Option<&EntityTagList<'a>> {
        self.0.as_ref()
    }

    /// Whether the condition is true: for `*`, something exists; for tags, one of them is strongly equal to the
    /// `current` one.
    pub fn matches_strong(&self, current: Option<&EntityTag>, exists: bool) -> bool {
        self.0.as_ref().is_some_and(|list| list.holds(current, exists, |a, b| a.strong_eq(b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn strong_and_only_what_exists() {
        let strong = EntityTag::strong("a").unwrap();
        let weak = EntityTag::weak("a").unwrap();
        for (lines, current, exists, expected) in [
            (&[r#""a""#][..], Some(&strong), true, true),
            (&[r#""b", "a""#], Some(&strong), true, true),
            (&[r#""b""#, r#""a""#], Some(&strong), true, true),
            (&[r#"W/"a""#], Some(&strong), true, false),
            (&[r#""a""#], Some(&weak), true, false),
            (&[r#"W/"a""#], Some(&weak), true, false),
            (&[r#""b""#], Some(&strong), true, false),
            (&[r#""a""#], Some(&strong), false, false),
            (&[r#""a""#], None, true, false),
            (&["*"], Some(&strong), true, true),
            (&["*"], None, true, true),
            (&["*"], None, false, false),
            (&["a"], Some(&strong), true, false),
            (&[r#""a", b"#], Some(&strong), true, false),
            (&[r#"*, "a""#], Some(&strong), true, false),
            (&["*", "*"], Some(&strong), true, false),
            (&[""], Some(&strong), true, false),
        ] {
            let head = head("If-Match", lines);
            let condition = IfMatch::from_head(&head).unwrap();
            assert_eq!(condition.matches_strong(current, exists), expected, "{lines:?} {current:?} {exists}");
        }
        assert_eq!(IfMatch::from_head(&head("x", &[])), None);
    }
}
