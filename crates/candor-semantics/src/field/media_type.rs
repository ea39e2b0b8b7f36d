//! Media types (section 8.3.1): `Content-Type`, and what `Accept` asks for.
//!
//! Grammar: `type "/" subtype *( OWS ";" OWS name "=" ( token / quoted-string ) )`. Examples:
//! `text/html; charset=utf-8`, `application/ld+json`. Types, subtypes and names of parameters compare without
//! case, so does the value of `charset`; other values compare exactly.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::grammar::{Cursor, Parameter, Parameters, write_word};

/// A media type, kept as the field value it is written as: type and names in lower case.
#[derive(Clone)]
pub struct MediaType {
    text: Bytes,
    slash: usize,
    end: usize,
}

impl MediaType {
    /// Reads a field value; `None` if it is malformed.
    ///
    /// ```
    /// use candor_semantics::field::media_type::MediaType;
    /// let html = MediaType::parse(b"Text/HTML;Charset=\"utf-8\"").unwrap();
    /// assert_eq!(html.essence(), "text/html");
    /// assert_eq!(html.to_string(), "text/html; charset=utf-8");
    /// assert_eq!(html.parameter("charset").as_deref(), Some(&b"utf-8"[..]));
    /// ```
    pub fn parse(value: &[u8]) -> Option<MediaType> {
        let mut cursor = Cursor::new(value);
        let type_ = cursor.token()?;
        let subtype = cursor.eat(b'/').then(|| cursor.token())??;
        let mut text = Vec::with_capacity(value.len() + 8);
        text.extend(type_.iter().map(u8::to_ascii_lowercase));
        text.push(b'/');
        text.extend(subtype.iter().map(u8::to_ascii_lowercase));
        let (slash, end) = (type_.len(), text.len());
        for parameter in Parameters::new(cursor.rest()) {
            let parameter = parameter.ok()?;
            text.extend_from_slice(b"; ");
            text.extend(parameter.name.iter().map(u8::to_ascii_lowercase));
            text.push(b'=');
            write_word(&mut text, &parameter.value);
        }
        Some(MediaType { text: text.into(), slash, end })
    }

    /// Type and subtype, in lower case, without parameters: `text/html`.
    pub fn essence(&self) -> &str {
        self.str(0, self.end)
    }

    /// Whether type and subtype are the same, whatever the parameters.
    pub fn same_essence(&self, other: &MediaType) -> bool {
        self.essence() == other.essence()
    }

    /// What stands before the slash.
    pub fn type_(&self) -> &str {
        self.str(0, self.slash)
    }

    /// What stands after the slash, its suffix included.
    pub fn subtype(&self) -> &str {
        self.str(self.slash + 1, self.end)
    }

    /// The structured syntax suffix (RFC 6838 section 4.2.8): `json` of `application/ld+json`.
    pub fn suffix(&self) -> Option<&str> {
        self.subtype().rsplit_once('+').map(|(_, suffix)| suffix)
    }

    /// The parameters in order.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'_>> {
        Parameters::new(self.text.get(self.end..).unwrap_or_default()).filter_map(Result::ok)
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.parameters().find(|p| p.is(name)).map(|p| p.value)
    }

    /// The field value; shares its bytes with this type.
    pub fn to_bytes(&self) -> Bytes {
        self.text.clone()
    }

    /// Whether a parameter is among this type's, as ranges of `Accept` ask.
    pub(super) fn has(&self, wanted: &Parameter<'_>) -> bool {
        self.parameters().any(|own| same_parameter(&own, wanted))
    }

    /// Type and subtype are tokens and so ASCII: the default is never used.
    fn str(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).and_then(|s| std::str::from_utf8(s).ok()).unwrap_or_default()
    }
}

fn same_parameter(one: &Parameter<'_>, other: &Parameter<'_>) -> bool {
    one.name.eq_ignore_ascii_case(other.name)
        && (one.value == other.value || one.is("charset") && one.value.eq_ignore_ascii_case(&other.value))
}

/// Equal essence and the same parameters in any order.
impl PartialEq for MediaType {
    fn eq(&self, other: &MediaType) -> bool {
        self.essence() == other.essence()
            && self.parameters().count() == other.parameters().count()
            && self.parameters().all(|p| other.has(&p))
            && other.parameters().all(|p| self.has(&p))
    }
}

impl Eq for MediaType {}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaType({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values() {
        for (value, expected) in [
            ("text/html", Some("text/html")),
            ("TEXT/Html ; Charset=UTF-8", Some("text/html; charset=UTF-8")),
            ("text/html;", Some("text/html")),
            ("text/html;;a=b;", Some("text/html; a=b")),
            ("text/html;a=\"b c\"", Some("text/html; a=\"b c\"")),
            ("text/html;a=\"b\"", Some("text/html; a=b")),
            ("text/html;a=\"\"", Some("text/html; a=\"\"")),
            ("application/vnd.x+json", Some("application/vnd.x+json")),
            ("text", None),
            ("text/", None),
            ("/html", None),
            ("text /html", None),
            ("text/html a", None),
            ("text/html;a", None),
            ("text/html;a = b", None),
            ("text/html, text/plain", None),
            ("te xt/html", None),
            ("", None),
        ] {
            let found = MediaType::parse(value.as_bytes()).map(|m| m.to_string());
            assert_eq!(found.as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn parts() {
        let media_type = MediaType::parse(b"application/ld+json; profile=\"a;b\"; charset=x").unwrap();
        assert_eq!(
            (media_type.type_(), media_type.subtype(), media_type.suffix()),
            ("application", "ld+json", Some("json"))
        );
        assert_eq!(media_type.parameter("PROFILE").as_deref(), Some(&b"a;b"[..]));
        assert_eq!(media_type.parameter("x"), None);
        assert_eq!(MediaType::parse(b"text/html").unwrap().suffix(), None);
    }

    #[test]
    fn equality() {
        let same = |a: &str, b: &str| {
            MediaType::parse(a.as_bytes()).unwrap() == MediaType::parse(b.as_bytes()).unwrap()
        };
        assert!(same("text/html;a=b;c=d", "Text/Html; C=d; A=b"));
        assert!(same("text/html;charset=utf-8", "text/html;charset=\"UTF-8\""));
        assert!(!same("text/html;a=b", "text/html;a=B"));
        assert!(!same("text/html;a=b", "text/html"));
        assert!(!same("text/html;a=b;a=b", "text/html;a=b;c=d"));
        assert!(!same("text/html", "text/plain"));
    }

    proptest! {
        #[test]
        fn writing_round_trips(type_ in "[a-z]{1,8}", subtype in "[a-z+.]{1,8}", name in "[a-z]{1,4}", value in "[ -~]{0,10}") {
            let mut text = format!("{type_}/{subtype};{name}=").into_bytes();
            write_word(&mut text, value.as_bytes());
            let media_type = MediaType::parse(&text).unwrap();
            let parameter = media_type.parameter(&name);
            prop_assert_eq!(parameter.as_deref(), Some(value.as_bytes()));
            prop_assert_eq!(MediaType::parse(&media_type.to_bytes()), Some(media_type.clone()));
        }
    }
}
