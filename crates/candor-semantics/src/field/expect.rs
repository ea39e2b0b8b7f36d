//! `Expect` (section 10.1.1): what the client wants to be sure of before it sends content.
//!
//! Grammar: `#( token [ "=" ( token / quoted-string ) parameters ] )`. Example: `Expect: 100-continue`.

use super::grammar::list;
use crate::head::{Head, Version};

/// What a request expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expect {
    /// Nothing; also an empty field.
    Nothing,
    /// An interim 100 before the content is sent.
    Continue,
    /// Something that is not `100-continue` (417), alone or beside it.
    Unknown,
}

impl Expect {
    /// What the field lines say. HTTP/1.0 knows no expectations, so a request of that version has none
    /// (section 10.1.1).
    pub fn from_head(head: &Head) -> Expect {
        if head.version() == Version::Http10 {
            return Expect::Nothing;
        }
        head.all("expect").map(Expect::parse).fold(Expect::Nothing, Expect::and)
    }

    /// What one field value says.
    ///
    /// ```
    /// use candor_semantics::field::expect::Expect;
    /// assert_eq!(Expect::parse(b"100-Continue"), Expect::Continue);
    /// assert_eq!(Expect::parse(b"100-continue, foo"), Expect::Unknown);
    /// ```
    pub fn parse(value: &[u8]) -> Expect {
        list(value)
            .map(|e| if e.eq_ignore_ascii_case(b"100-continue") { Expect::Continue } else { Expect::Unknown })
            .fold(Expect::Nothing, Expect::and)
    }

    fn and(self, other: Expect) -> Expect {
        match (self, other) {
            (Expect::Unknown, _) | (_, Expect::Unknown) => Expect::Unknown,
            (Expect::Continue, _) | (_, Expect::Continue) => Expect::Continue,
            (Expect::Nothing, Expect::Nothing) => Expect::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::{head, head_of_version};

    #[test]
    fn expectations() {
        for (lines, expected) in [
            (&[][..], Expect::Nothing),
            (&[""], Expect::Nothing),
            (&["100-continue"], Expect::Continue),
            (&["100-continue, 100-CONTINUE"], Expect::Continue),
            (&["", "100-continue"], Expect::Continue),
            (&["foo"], Expect::Unknown),
            (&["100-continue", "foo"], Expect::Unknown),
            (&["100-continue;a=b"], Expect::Unknown),
            (&["100-continue=x"], Expect::Unknown),
        ] {
            assert_eq!(Expect::from_head(&head("Expect", lines)), expected, "{lines:?}");
        }
        assert_eq!(Expect::from_head(&head_of_version(Version::Http10, "Expect", &["foo"])), Expect::Nothing);
        assert_eq!(Expect::from_head(&head_of_version(Version::Http2, "Expect", &["foo"])), Expect::Unknown);
    }
}
