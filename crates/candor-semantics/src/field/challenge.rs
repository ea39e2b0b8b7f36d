//! `WWW-Authenticate` (section 11.6.1): what credentials a space wants.
//!
//! Grammar: `#( auth-scheme [ 1*SP ( token68 / #auth-param ) ] )`. Examples:
//! `Basic realm="priv", charset="UTF-8"` (RFC 7617 section 2), `Bearer realm="admin"` (RFC 6750 section 3). The
//! realm is always quoted (section 11.5).

use std::fmt;

use super::grammar::{Cursor, write_quoted};

/// One challenge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Challenge {
    /// The scheme; compares without case.
    pub scheme: String,
    /// Parameters in order, the realm among them; or one with an empty name, which is a token68.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Wants a name and a password, in UTF-8.
    ///
    /// ```
    /// use candor_semantics::field::challenge::Challenge;
    /// assert_eq!(Challenge::basic("priv").to_string(), "Basic realm=\"priv\", charset=\"UTF-8\"");
    /// ```
    pub fn basic(realm: impl AsRef<str>) -> Challenge {
        Challenge::new("Basic", [("realm", realm.as_ref()), ("charset", "UTF-8")])
    }

    /// Wants a token.
    pub fn bearer(realm: impl AsRef<str>) -> Challenge {
        Challenge::new("Bearer", [("realm", realm.as_ref())])
    }

    fn new<const N: usize>(scheme: &str, parameters: [(&str, &str); N]) -> Challenge {
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Challenge { scheme: scheme.to_owned(), parameters }
    }

    /// The protection space (section 11.5).
    pub fn realm(&self) -> Option<&str> {
        self.parameter("realm")
    }

    /// A parameter's value; names compare without case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The field value. A realm in other than ASCII is written as UTF-8, which recipients see as obs-text.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        for (position, (name, value)) in self.parameters.iter().enumerate() {
            f.write_str(if position == 0 { " " } else { ", " })?;
            if name.is_empty() {
                f.write_str(value)?;
                continue;
            }
            let mut quoted = Vec::with_capacity(value.len() + 2);
            write_quoted(&mut quoted, value.as_bytes());
            write!(f, "{name}={}", String::from_utf8_lossy(&quoted))?;
        }
        Ok(())
    }
}

/// The challenges in a combined value, as a client reads them; what follows something malformed is lost.
///
/// ```
/// use candor_semantics::field::challenge::challenges;
/// let found = challenges(b"Newauth realm=\"apps\", type=1, Basic realm=\"simple\"");
/// assert_eq!(found.len(), 2);
/// assert_eq!(found[1].realm(), Some("simple"));
/// ```
pub fn challenges(value: &[u8]) -> Vec<Challenge> {
    let mut cursor = Cursor::new(value);
    let mut found: Vec<Challenge> = Vec::new();
    while read(&mut cursor, &mut found).is_some() {}
    found
}

/// Reads one element of the list: a scheme, perhaps with its first parameter, or one more parameter.
fn read(cursor: &mut Cursor<'_>, found: &mut Vec<Challenge>) -> Option<()> {
    cursor.take_while(|b| matches!(b, b' ' | b'\t' | b','));
    if let Some(parameter) = parameter(cursor) {
        found.last_mut()?.parameters.push(parameter);
        return ends(cursor);
    }
    let scheme = text(cursor.token()?);
    let blanks = cursor.take_while(|b| b == b' ');
    let mut parameters = Vec::new();
    if !blanks.is_empty() && !cursor.is_end() && cursor.peek() != Some(b',') {
        parameters.push(parameter(cursor).or_else(|| token68(cursor))?);
    }
    ends(cursor)?;
    found.push(Challenge { scheme, parameters });
    Some(())
}

/// A parameter, or nothing read.
fn parameter(cursor: &mut Cursor<'_>) -> Option<(String, String)> {
    let mut ahead = *cursor;
    let name = text(ahead.token()?);
    ahead.skip_ows();
    if !ahead.eat(b'=') {
        return None;
    }
    ahead.skip_ows();
    let value = text(&ahead.word()?);
    let mut after = ahead;
    ends(&mut after)?;
    *cursor = ahead;
    Some((name, value))
}

fn token68(cursor: &mut Cursor<'_>) -> Option<(String, String)> {
    let value = cursor.take_while(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    (!value.is_empty()).then(|| (String::new(), text(value)))
}

/// Whether a list element ends here.
fn ends(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.skip_ows();
    (cursor.is_end() || cursor.peek() == Some(b',')).then_some(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_of_challenges() {
        let check = |value: &str, expected: &[&str]| {
            let found: Vec<_> = challenges(value.as_bytes()).iter().map(Challenge::to_string).collect();
            assert_eq!(found, expected, "{value}");
        };
        check("", &[]);
        check("Negotiate", &["Negotiate"]);
        check("Negotiate, Basic realm=x", &["Negotiate", "Basic realm=\"x\""]);
        check("Negotiate YWJj==", &["Negotiate YWJj=="]);
        check("Negotiate YWJj, Basic realm=x", &["Negotiate YWJj", "Basic realm=\"x\""]);
        check("Basic realm = \"a,b\" , charset=UTF-8", &["Basic realm=\"a,b\", charset=\"UTF-8\""]);
        check(", A a=b,, c=d, B, C e=f,", &["A a=\"b\", c=\"d\"", "B", "C e=\"f\""]);
        check("realm=x, Basic realm=x", &[]);
        check("Basic realm=\"x", &[]);
        check("Basic realm=\"x\" y, Other", &[]);
    }

    #[test]
    fn realms_cannot_end_their_line() {
        assert_eq!(
            Challenge::basic("a\"b\r\nX: y").to_string(),
            "Basic realm=\"a\\\"bX: y\", charset=\"UTF-8\""
        );
        assert_eq!(Challenge::bearer("x").realm(), Some("x"));
    }

    proptest! {
        #[test]
        fn writing_round_trips(realm in "[^\\x00-\\x1f\\x7f]{0,20}") {
            let challenge = Challenge::basic(&realm);
            prop_assert_eq!(challenges(challenge.to_string().as_bytes()), vec![challenge]);
        }
    }
}
