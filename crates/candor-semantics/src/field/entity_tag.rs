//! Entity tags (section 8.8.3) and the lists of them that preconditions carry (sections 13.1.1 and 13.1.2).
//!
//! Grammar: `[ "W/" ] DQUOTE *etagc DQUOTE`; a list is `"*"` or `#entity-tag`. Examples: `"xyzzy"`,
//! `W/"xyzzy"`, `""`. `W` is case-sensitive and nothing is escaped: a backslash is a character like any other,
//! and so is a comma, so lists are read tag by tag and never split.
//!
//! | this | that | strong | weak |
//! | --- | --- | --- | --- |
//! | `W/"1"` | `W/"1"` | no | yes |
//! | `W/"1"` | `W/"2"` | no | no |
//! | `W/"1"` | `"1"` | no | yes |
//! | `"1"` | `"1"` | yes | yes |

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::grammar::{Cursor, trim_ows};

/// A validator of one representation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityTag {
    weak: bool,
    opaque: Bytes,
    /// The field value, of which `opaque` is a part: it is sent far more often than it is made.
    text: Bytes,
}

impl EntityTag {
    /// A strong tag over these characters; `None` if one of them cannot stand in a tag.
    pub fn strong(opaque: impl Into<Bytes>) -> Option<EntityTag> {
        EntityTag::checked(false, opaque.into())
    }

    /// A weak tag over these characters; `None` if one of them cannot stand in a tag.
    pub fn weak(opaque: impl Into<Bytes>) -> Option<EntityTag> {
        EntityTag::checked(true, opaque.into())
    }

    fn checked(weak: bool, opaque: Bytes) -> Option<EntityTag> {
        opaque.iter().all(|&b| is_etagc(b)).then(|| TagRef { weak, opaque: &opaque }.to_owned())
    }

    /// Reads a field value that is one tag, as of `ETag`.
    ///
    /// ```
    /// use candor_semantics::field::entity_tag::EntityTag;
    /// let tag = EntityTag::parse(b"W/\"a,b\"").unwrap();
    /// assert!(tag.is_weak());
    /// assert_eq!(tag.to_string(), "W/\"a,b\"");
    /// ```
    pub fn parse(value: &[u8]) -> Option<EntityTag> {
        TagRef::parse(value).map(TagRef::to_owned)
    }

    /// The tag, borrowed.
    pub fn as_ref(&self) -> TagRef<'_> {
        TagRef { weak: self.weak, opaque: &self.opaque }
    }

    /// Whether the tag is weak.
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// The characters between the quotes.
    pub fn opaque(&self) -> &Bytes {
        &self.opaque
    }

    /// Strong comparison (section 8.8.3.2): both strong, and the same characters.
    pub fn strong_eq(&self, other: TagRef<'_>) -> bool {
        self.as_ref().strong_eq(other)
    }

    /// Weak comparison (section 8.8.3.2): the same characters.
    pub fn weak_eq(&self, other: TagRef<'_>) -> bool {
        self.as_ref().weak_eq(other)
    }

    /// The field value.
    pub fn to_bytes(&self) -> Bytes {
        self.text.clone()
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// A tag that stands in a field value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TagRef<'a> {
    /// Whether the tag is weak.
    pub weak: bool,
    /// The characters between the quotes.
    pub opaque: &'a [u8],
}

impl<'a> TagRef<'a> {
    /// Reads a value that is one tag and nothing else.
    pub fn parse(value: &'a [u8]) -> Option<TagRef<'a>> {
        let mut cursor = Cursor::new(value);
        let tag = TagRef::read(&mut cursor)?;
        cursor.is_end().then_some(tag)
    }

    /// Reads a tag where the cursor stands.
    pub fn read(cursor: &mut Cursor<'a>) -> Option<TagRef<'a>> {
        TagRef::read_of(cursor, is_etagc)
    }

    /// Reads a member of a list. Blanks cannot stand in a tag, so one that has some is nobody's; the members
    /// beside it still count.
    fn read_member(cursor: &mut Cursor<'a>) -> Option<TagRef<'a>> {
        TagRef::read_of(cursor, |byte| is_etagc(byte) || matches!(byte, b' ' | b'\t'))
    }

    fn read_of(cursor: &mut Cursor<'a>, allowed: impl Fn(u8) -> bool) -> Option<TagRef<'a>> {
        let weak = cursor.eat(b'W');
        if weak && !cursor.eat(b'/') || !cursor.eat(b'"') {
            return None;
        }
        let opaque = cursor.take_while(allowed);
        cursor.eat(b'"').then_some(TagRef { weak, opaque })
    }

    /// Strong comparison (section 8.8.3.2).
    pub fn strong_eq(self, other: TagRef<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison (section 8.8.3.2).
    pub fn weak_eq(self, other: TagRef<'_>) -> bool {
        self.opaque == other.opaque
    }

    /// The same tag with bytes of its own.
    pub fn to_owned(self) -> EntityTag {
        let text = self.to_bytes();
        let start = if self.weak { 3 } else { 1 };
        let opaque = text.slice(start..start + self.opaque.len());
        EntityTag { weak: self.weak, opaque, text }
    }

    /// The field value.
    pub fn to_bytes(self) -> Bytes {
        let mark: &[u8] = if self.weak { b"W/\"" } else { b"\"" };
        [mark, self.opaque, b"\""].concat().into()
    }
}

impl fmt::Display for TagRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, String::from_utf8_lossy(self.opaque))
    }
}

/// What `If-Match` and `If-None-Match` list. The value is checked when it is parsed and read again when it is
/// compared, so nothing is allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTagList<'a> {
    /// `*`: any current representation.
    Any,
    /// One tag or more, as sent.
    Tags(Tags<'a>),
}

impl<'a> EntityTagList<'a> {
    /// Reads a combined field value; `None` if it is malformed: without a tag, with an unquoted one, or with `*`
    /// among others.
    pub fn parse(value: impl Into<Cow<'a, [u8]>>) -> Option<EntityTagList<'a>> {
        let value = value.into();
        if trim_ows(&value) == b"*" {
            return Some(EntityTagList::Any);
        }
        let mut reader = TagReader { cursor: Cursor::new(&value), first: true };
        let tags = reader.by_ref().count();
        let whole = reader.cursor.is_end() && tags > 0;
        whole.then_some(EntityTagList::Tags(Tags(value)))
    }

    /// The tags in order; none for `*`.
    pub fn tags(&self) -> impl Iterator<Item = TagRef<'_>> {
        let value: &[u8] = match self {
            EntityTagList::Any => b"",
            EntityTagList::Tags(tags) => &tags.0,
        };
        TagReader { cursor: Cursor::new(value), first: true }
    }

    /// Whether the list holds for a representation that exists or not, with this tag, where single tags compare
    /// by `same`. `*` holds for anything that exists, with a tag or without (section 13.1.1).
    pub(super) fn holds(
        &self,
        current: Option<&EntityTag>,
        exists: bool,
        same: impl Fn(TagRef<'_>, TagRef<'_>) -> bool,
    ) -> bool {
        match (self, current) {
            (EntityTagList::Any, _) => exists,
            (EntityTagList::Tags(_), Some(current)) => {
                exists && self.tags().any(|tag| same(tag, current.as_ref()))
            }
            (EntityTagList::Tags(_), None) => false,
        }
    }
}

/// A list that was checked: only [`EntityTagList::parse`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags<'a>(Cow<'a, [u8]>);

/// Reads tags between commas; stops where something else stands, with that unread.
struct TagReader<'a> {
    cursor: Cursor<'a>,
    first: bool,
}

impl<'a> Iterator for TagReader<'a> {
    type Item = TagRef<'a>;

    fn next(&mut self) -> Option<TagRef<'a>> {
        let mut after = self.cursor;
        let blank = after.take_while(|b| matches!(b, b' ' | b'\t' | b','));
        if after.is_end() {
            self.cursor = after;
            return None;
        }
        if !self.first && !blank.contains(&b',') {
            return None;
        }
        let tag = TagRef::read_member(&mut after)?;
        self.cursor = after;
        self.first = false;
        Some(tag)
    }
}

/// A character of opaque tags: visible ASCII but the quote, and obs-text.
const fn is_etagc(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'~' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags() {
        for (value, expected) in [
            (r#""xyzzy""#, Some((false, "xyzzy"))),
            (r#"W/"xyzzy""#, Some((true, "xyzzy"))),
            (r#""""#, Some((false, ""))),
            (r#""a,b;c\""#, Some((false, r"a,b;c\"))),
            (r#"w/"x""#, None),
            (r#"W"x""#, None),
            (r#"W/x"#, None),
            (r#"W/ "x""#, None),
            ("xyzzy", None),
            (r#""x"#, None),
            (r#""x" "#, None),
            (r#""a b""#, None),
            (r#""a"b""#, None),
            (r#""x""y""#, None),
            ("", None),
            ("*", None),
        ] {
            let tag = EntityTag::parse(value.as_bytes());
            let found = tag.as_ref().map(|t| (t.is_weak(), std::str::from_utf8(t.opaque()).unwrap()));
            assert_eq!(found, expected, "{value}");
        }
        assert!(EntityTag::strong("a\"b").is_none() && EntityTag::weak("a b").is_none());
    }

    #[test]
    fn comparison_is_the_table_of_the_standard() {
        let tag = |text: &str| EntityTag::parse(text.as_bytes()).unwrap();
        for (this, that, strong, weak) in [
            (r#"W/"1""#, r#"W/"1""#, false, true),
            (r#"W/"1""#, r#"W/"2""#, false, false),
            (r#"W/"1""#, r#""1""#, false, true),
            (r#""1""#, r#""1""#, true, true),
            (r#""1""#, r#""2""#, false, false),
            (r#""a""#, r#""A""#, false, false),
        ] {
            let (this, that) = (tag(this), tag(that));
            assert_eq!((this.strong_eq(that.as_ref()), that.strong_eq(this.as_ref())), (strong, strong));
            assert_eq!((this.weak_eq(that.as_ref()), that.weak_eq(this.as_ref())), (weak, weak));
        }
    }

    #[test]
    fn lists() {
        let check = |value: &str, expected: Option<&[&str]>| {
            let list = EntityTagList::parse(value.as_bytes());
            let found = list.as_ref().map(|l| l.tags().map(|t| t.to_string()).collect::<Vec<_>>());
            assert_eq!(
                found.as_deref(),
                expected.map(|e| e.iter().map(|s| s.to_string()).collect::<Vec<_>>()).as_deref(),
                "{value}"
            );
        };
        check(r#""a""#, Some(&[r#""a""#]));
        check(r#""a", W/"b" ,"c""#, Some(&[r#""a""#, r#"W/"b""#, r#""c""#]));
        check(r#" ,, "a" , ,"#, Some(&[r#""a""#]));
        check(r#""a,b", "c""#, Some(&[r#""a,b""#, r#""c""#]));
        check(r#""a\", "b""#, Some(&[r#""a\""#, r#""b""#]));
        check("*", Some(&[]));
        check(" * ", Some(&[]));
        check("", None);
        check(" , ", None);
        check("a", None);
        check(r#""a" "b""#, None);
        check(r#""a", b"#, None);
        check(r#"*, "a""#, None);
        check(r#""a", *"#, None);
        check(r#""a", "b"#, None);
        assert_eq!(EntityTagList::parse(&b"*"[..]), Some(EntityTagList::Any));
    }

    proptest! {
        #[test]
        fn writing_round_trips(weak: bool, opaque in proptest::collection::vec(prop_oneof![Just(b'!'), b'#'..=b'~', 0x80_u8..], 0..30)) {
            let tag = if weak { EntityTag::weak(opaque) } else { EntityTag::strong(opaque) }.unwrap();
            prop_assert_eq!(EntityTag::parse(&tag.to_bytes()), Some(tag.clone()));
            let twice = [&tag.to_bytes()[..], b",", &tag.to_bytes()].concat();
            let list = EntityTagList::parse(twice).unwrap();
            prop_assert!(list.tags().eq([tag.as_ref(), tag.as_ref()]));
        }
    }
}
