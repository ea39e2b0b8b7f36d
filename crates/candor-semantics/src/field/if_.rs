//! `If` (RFC 4918 section 10.4): do it only if these states hold; and the lock tokens that come with it.
//!
//! Grammar: `1*( "(" 1*( [ "Not" ] ( "<" absolute-URI ">" / "[" entity-tag "]" ) ) ")" )`, or the same with a
//! `"<" Simple-ref ">"` before each group of lists. Examples: `(<urn:uuid:181d4fae> ["I am an ETag"]) (["other"])`,
//! `</specs/> (Not <DAV:no-lock>)`. Blanks may stand between all parts. The whole is true if one list is, and a list
//! if all of its conditions are.

use super::entity_tag::TagRef;
use super::grammar::{Cursor, Malformed, is_uri_char, only_line};
use crate::head::Head;

/// The conditions of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct If<'a> {
    lists: Vec<List<'a>>,
}

/// Conditions that must hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<'a> {
    /// The resource they are about, as sent; `None` for the target of the request.
    pub resource: Option<&'a [u8]>,
    /// At least one condition.
    pub conditions: Vec<Condition<'a>>,
}

/// One condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    /// Whether it must *not* hold.
    pub not: bool,
    /// What it is about.
    pub state: State<'a>,
}

/// What can be true of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// It is locked with this token, or otherwise in this state. `DAV:no-lock` is never true.
    Token(&'a [u8]),
    /// Its entity tag is strongly equal to this one.
    Tag(TagRef<'a>),
}

impl<'a> If<'a> {
    /// The conditions of a request; `None` where it has none.
    ///
    /// # Errors
    /// Two lines, or a malformed value.
    pub fn from_head(head: &'a Head) -> Result<Option<If<'a>>, Malformed> {
        only_line(head, "if")?.map(|value| If::parse(value).ok_or(Malformed)).transpose()
    }

    /// Reads a field value.
    ///
    /// ```
    /// use candor_semantics::field::if_::{If, State};
    /// let condition = If::parse(b"(<urn:a> [\"x\"]) (Not <urn:b>)").unwrap();
    /// assert!(condition.holds(|_, _| false));
    /// assert!(!condition.holds(|_, state| state == State::Token(b"urn:b")));
    /// ```
    pub fn parse(value: &'a [u8]) -> Option<If<'a>> {
        let mut cursor = Cursor::new(value);
        let mut lists = Vec::new();
        cursor.skip_ows();
        let tagged = cursor.peek() == Some(b'<');
        while !cursor.is_end() {
            let resource = if tagged { Some(coded(&mut cursor)?) } else { None };
            cursor.skip_ows();
            let before = lists.len();
            while cursor.eat(b'(') {
                lists.push(List { resource, conditions: conditions(&mut cursor)? });
                cursor.skip_ows();
            }
            if lists.len() == before {
                return None;
            }
        }
        (!lists.is_empty()).then_some(If { lists })
    }

    /// Whether the whole is true, given what is true of each resource.
    pub fn holds(&self, mut is: impl FnMut(Option<&'a [u8]>, State<'a>) -> bool) -> bool {
        self.lists.iter().any(|list| {
            list.conditions.iter().all(|condition| is(list.resource, condition.state) != condition.not)
        })
    }

    /// The lists in order.
    pub fn lists(&self) -> &[List<'a>] {
        &self.lists
    }

    /// The tokens that the client shows it knows (section 10.4.1), each with the resource it is about. A token after
    /// `Not` is shown too.
    pub fn tokens(&self) -> impl Iterator<Item = (Option<&'a [u8]>, &'a [u8])> {
        self.lists.iter().flat_map(|list| {
            list.conditions.iter().filter_map(move |condition| match condition.state {
                State::Token(token) => Some((list.resource, token)),
                State::Tag(_) => None,
            })
        })
    }
}

/// Conditions up to the closing parenthesis.
fn conditions<'a>(cursor: &mut Cursor<'a>) -> Option<Vec<Condition<'a>>> {
    let mut conditions = Vec::new();
    loop {
        cursor.skip_ows();
        if cursor.eat(b')') {
            return (!conditions.is_empty()).then_some(conditions);
        }
        conditions.push(condition(cursor)?);
    }
}

fn condition<'a>(cursor: &mut Cursor<'a>) -> Option<Condition<'a>> {
    let not = match cursor.peek()? {
        b'<' | b'[' => false,
        _ => {
            let word = cursor.take_while(|b| b.is_ascii_alphabetic());
            cursor.skip_ows();
            word.eq_ignore_ascii_case(b"not").then_some(true)?
        }
    };
    let state = if cursor.eat(b'[') {
        let tag = TagRef::read(cursor)?;
        cursor.eat(b']').then_some(State::Tag(tag))?
    } else {
        State::Token(coded(cursor)?)
    };
    Some(Condition { not, state })
}

/// A reference between angle brackets.
fn coded<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    if !cursor.eat(b'<') {
        return None;
    }
    let reference = cursor.take_while(is_uri_char);
    (cursor.eat(b'>') && !reference.is_empty()).then_some(reference)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    /// Truth where these are the true states, written as they stand in the field.
    fn holds(value: &str, states: &[(&str, &str)]) -> Option<bool> {
        let condition = If::parse(value.as_bytes())?;
        Some(condition.holds(|resource, state| {
            let resource = String::from_utf8(resource.unwrap_or_default().to_vec()).unwrap();
            let state = match state {
                State::Token(token) => String::from_utf8(token.to_vec()).unwrap(),
                State::Tag(tag) => tag.to_string(),
            };
            states.contains(&(&*resource, &*state))
        }))
    }

    #[test]
    fn truth() {
        let tag = ("", "\"a\"");
        let lock = ("", "urn:l");
        for (value, states, expected) in [
            ("(<urn:l>)", &[lock][..], Some(true)),
            ("(<urn:l>)", &[], Some(false)),
            ("(<urn:l> [\"a\"])", &[lock], Some(false)),
            ("(<urn:l> [\"a\"])", &[lock, tag], Some(true)),
            ("(<urn:l>) ([\"a\"])", &[tag], Some(true)),
            ("(<urn:x>)([\"a\"])", &[tag], Some(true)),
            ("(Not <urn:l>)", &[lock], Some(false)),
            ("(not<urn:l>)", &[], Some(true)),
            ("(<urn:l>) (Not <DAV:no-lock>)", &[], Some(true)),
            ("( Not [W/\"a\"] <urn:l> )", &[lock], Some(true)),
            ("</r> (<urn:l>)", &[("/r", "urn:l")], Some(true)),
            ("</r> (<urn:l>)", &[lock], Some(false)),
            ("</r> (<urn:x>) (<urn:l>)", &[("/r", "urn:l")], Some(true)),
            ("</r> (<urn:x>) <http://a/s> (<urn:l>)", &[("http://a/s", "urn:l")], Some(true)),
            ("  (  [\"a\"]  )  ", &[tag], Some(true)),
        ] {
            assert_eq!(holds(value, states), expected, "{value} {states:?}");
        }
    }

    #[test]
    fn malformed() {
        for value in [
            "",
            " ",
            "()",
            "( )",
            "(",
            "(<urn:l>",
            "<urn:l>",
            "</r>",
            "</r> ()",
            "(<>)",
            "(<urn:l)",
            "([a])",
            "([\"a\")",
            "(Not)",
            "(Not Not <urn:l>)",
            "(Maybe <urn:l>)",
            "(<urn:l>) x",
            "(<urn:l>) </r> (<urn:l>)",
            "</r> (<urn:l>) x",
            "(<urn l>)",
            "(<urn:l>),(<urn:l>)",
            "\"a\"",
            "(\"a\")",
        ] {
            assert_eq!(If::parse(value.as_bytes()), None, "{value}");
        }
        assert_eq!(If::from_head(&head("If", &["(<urn:l>)", "(<urn:l>)"])), Err(Malformed));
        assert_eq!(If::from_head(&head("x", &[])), Ok(None));
    }

    #[test]
    fn tokens_are_shown() {
        let condition = If::parse(b"</r> (<urn:a> [\"x\"]) (Not <urn:b>)").unwrap();
        let r = Some(&b"/r"[..]);
        assert!(condition.tokens().eq([(r, &b"urn:a"[..]), (r, b"urn:b")]));
        assert_eq!(condition.lists().len(), 2);
    }
}
