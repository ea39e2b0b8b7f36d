//! `Vary` (section 12.5.5): which request fields the answer depends on.
//!
//! Grammar: `#( "*" / field-name )`. Examples: `Vary: accept-encoding, accept-language`, `Vary: *`.

use std::borrow::Cow;

use super::grammar::{is_token, list};

/// What an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vary<'a> {
    /// `*`, alone or among others, or a member that is no field name: on something nobody can compare.
    Any,
    /// The named fields; possibly none.
    Fields(Cow<'a, [u8]>),
}

impl<'a> Vary<'a> {
    /// Reads a combined field value.
    ///
    /// ```
    /// use candor_semantics::field::vary::Vary;
    /// let vary = Vary::parse(&b"Accept, accept-encoding"[..]);
    /// assert!(vary.names().eq([&b"Accept"[..], b"accept-encoding"]));
    /// ```
    pub fn parse(value: impl Into<Cow<'a, [u8]>>) -> Vary<'a> {
        let value = value.into();
        let plain = list(&value).all(|name| name != b"*" && is_token(name));
        if plain { Vary::Fields(value) } else { Vary::Any }
    }

    /// The names of the fields, as sent.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        list(match self {
            Vary::Any => b"",
            Vary::Fields(value) => value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (value, expected) in [
            ("", Some(0)),
            ("accept", Some(1)),
            ("accept, , Cookie", Some(2)),
            ("*", None),
            ("accept, *", None),
            ("a b", None),
        ] {
            let vary = Vary::parse(value.as_bytes());
            let found = if vary == Vary::Any { None } else { Some(vary.names().count()) };
            assert_eq!(found, expected, "{value}");
        }
    }
}
