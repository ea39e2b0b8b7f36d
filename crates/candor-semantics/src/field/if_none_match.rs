//! `If-None-Match` (section 13.1.2): answer in full only if the client has none of these.
//!
//! Grammar: `"*" / #entity-tag`. Examples: `If-None-Match: W/"xyzzy"`, `If-None-Match: *`. Tags compare weakly. A
//! malformed list never matches, so the condition is true: a reader gets the whole answer, and a writer is
//! treated as if the list named nothing that is here.

use super::entity_tag::{EntityTag, EntityTagList};
use crate::head::Head;

/// The condition of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfNoneMatch<'a>(Option<EntityTagList<'a>>);

impl<'a> IfNoneMatch<'a> {
    /// The condition, if there is one.
    pub fn from_head(head: &'a Head) -> Option<IfNoneMatch<'a>> {
        head.list("if-none-match").map(|value| IfNoneMatch(EntityTagList::parse(value)))
    }

    /// Whether the value was malformed.
    pub fn is_malformed(&self) -> bool {
        self.0.is_none()
    }

    /// The list, unless it is malformed.
    pub fn list(&self) -> Option<&EntityTagList<'a>> {
        self.0.as_ref()
    }

    /// Whether something listed is here, which makes the condition *false*: for `*`, something exists; for tags,
    /// one of them is weakly equal to the `current` one.
    pub fn matches_weak(&self, current: Option<&EntityTag>, exists: bool) -> bool {
        self.0.as_ref().is_some_and(|list| list.holds(current, exists, |a, b| a.weak_eq(b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn weak_and_over_all_lines() {
        let strong = EntityTag::strong("a,b").unwrap();
        let weak = EntityTag::weak("a,b").unwrap();
        for (lines, current, exists, expected) in [
            (&[r#""a,b""#][..], Some(&strong), true, true),
            (&[r#"W/"a,b""#], Some(&strong), true, true),
            (&[r#""a,b""#], Some(&weak), true, true),
            (&[r#""x""#, r#""a,b""#], Some(&strong), true, true),
            (&[r#""a","b""#], Some(&strong), true, false),
            (&[r#""a,b""#], None, true, false),
            (&[r#""a,b""#], Some(&strong), false, false),
            (&["*"], None, true, true),
            (&["*"], None, false, false),
            (&["a,b"], Some(&strong), true, false),
            (&[r#""a,b", x"#], Some(&strong), true, false),
            (&[""], Some(&strong), true, false),
        ] {
            let head = head("If-None-Match", lines);
            let condition = IfNoneMatch::from_head(&head).unwrap();
            assert_eq!(condition.matches_weak(current, exists), expected, "{lines:?} {current:?} {exists}");
        }
        assert_eq!(IfNoneMatch::from_head(&head("x", &[])), None);
    }
}
