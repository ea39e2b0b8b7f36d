//! `Link` (RFC 8288 section 3): links of a representation to others.
//!
//! Grammar: `#( "<" URI-Reference ">" *( OWS ";" OWS token BWS [ "=" BWS ( token / quoted-string ) ] ) )`. Example:
//! `</doc.de.html>; rel="alternate"; hreflang="de"; anchor="/doc"`. Names of parameters compare without case.

use std::fmt;

use super::grammar::{Cursor, is_unreserved, is_uri_char, percent_decode, percent_encode, write_quoted};

/// One link: a target and parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    target: String,
    parameters: Vec<(String, String)>,
}

impl Link {
    /// A link to a reference. What cannot stand in one (blanks, angle brackets, controls, bytes above ASCII) is
    /// percent-encoded.
    ///
    /// ```
    /// use candor_semantics::field::link::Link;
    /// let link = Link::new("/doc.de.html").rel("alternate").hreflang("de").title("Größe");
    /// assert_eq!(
    ///     link.to_string(),
    ///     r#"</doc.de.html>; rel="alternate"; hreflang="de"; title*=UTF-8''Gr%C3%B6%C3%9Fe"#,
    /// );
    /// ```
    pub fn new(target: impl AsRef<[u8]>) -> Link {
        Link { target: reference(target.as_ref()), parameters: Vec::new() }
    }

    /// The relation type (section 3.3), or several between blanks.
    #[must_use]
    pub fn rel(self, relation: impl AsRef<[u8]>) -> Link {
        self.with("rel", relation)
    }

    /// The target's media type, a hint (section 3.4.1).
    #[must_use]
    pub fn media_type(self, media_type: impl AsRef<[u8]>) -> Link {
        self.with("type", media_type)
    }

    /// A language of the target, a hint (section 3.4.1).
    #[must_use]
    pub fn hreflang(self, tag: impl AsRef<[u8]>) -> Link {
        self.with("hreflang", tag)
    }

    /// What the link is from, if not the representation it comes with (section 3.2).
    #[must_use]
    pub fn anchor(self, reference_: impl AsRef<[u8]>) -> Link {
        self.with("anchor", reference(reference_.as_ref()))
    }

    /// A name for people (section 3.4.1); written as `title*` (RFC 8187) where it is not ASCII.
    #[must_use]
    pub fn title(self, title: impl AsRef<[u8]>) -> Link {
        self.with("title", title)
    }

    /// Any other parameter; its name must be a token, or it is not written.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Link {
        self.parameters.push((name.to_owned(), text(value.as_ref())));
        self
    }

    /// The reference as sent, not resolved.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The first parameter of this name. For `title`, the value of `title*` where it can be read (section 3.4.1).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All parameters in order, names in lower case, `title*` decoded.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the link has this relation, compared without case; only the first `rel` counts (section 3.3).
    pub fn is(&self, relation: &str) -> bool {
        self.parameter("rel").is_some_and(|all| all.split(' ').any(|one| one.eq_ignore_ascii_case(relation)))
    }
}

/// The member of the field value.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.target)?;
        for (name, value) in &self.parameters {
            if !super::grammar::is_token(name.as_bytes()) || name.ends_with('*') {
                continue;
            }
            let mut written = Vec::with_capacity(value.len() + 8);
            let star = if value.is_ascii() {
                write_quoted(&mut written, value.as_bytes());
                ""
            } else {
                written.extend_from_slice(b"UTF-8''");
                percent_encode(&mut written, value.as_bytes(), is_unreserved);
                "*"
            };
            write!(f, "; {name}{star}={}", String::from_utf8_lossy(&written))?;
        }
        Ok(())
    }
}

/// The links in a combined value. What follows something malformed is lost, as in section B.2; the links before
/// it are given.
///
/// ```
/// use candor_semantics::field::link::links;
/// let found = links(br#"<a,b>; rel="alternate next"; type=text/html, </c>;title="x""#);
/// assert_eq!(found[0].target(), "a,b");
/// assert!(found[0].is("next"));
/// assert_eq!(found[1].parameter("title"), Some("x"));
/// ```
pub fn links(value: &[u8]) -> Vec<Link> {
    let mut cursor = Cursor::new(value);
    let mut found = Vec::new();
    while let Some(link) = link(&mut cursor) {
        found.push(link);
    }
    found
}

fn link(cursor: &mut Cursor<'_>) -> Option<Link> {
    cursor.take_while(|b| matches!(b, b' ' | b'\t' | b','));
    if !cursor.eat(b'<') {
        return None;
    }
    let target = text(cursor.take_while(|b| b != b'>'));
    if !cursor.eat(b'>') {
        return None;
    }
    let mut parameters = Vec::new();
    loop {
        cursor.skip_ows();
        match cursor.peek() {
            None | Some(b',') => break,
            Some(b';') => cursor.bump(),
            Some(_) => return None,
        };
        cursor.skip_ows();
        if let Some((name, value)) = parameter(cursor)? {
            parameters.push((name, value));
        }
    }
    Some(Link { target, parameters: prefer_extended(parameters) })
}

/// The outer `None` is malformed, the inner one an empty parameter.
fn parameter(cursor: &mut Cursor<'_>) -> Option<Option<(String, String)>> {
    if matches!(cursor.peek(), None | Some(b';' | b',')) {
        return Some(None);
    }
    let name = text(cursor.token()?).to_ascii_lowercase();
    cursor.skip_ows();
    if !cursor.eat(b'=') {
        return Some(Some((name, String::new())));
    }
    cursor.skip_ows();
    let value = match cursor.peek() {
        Some(b'"') => text(&cursor.quoted()?),
        // Unquoted media types and references are seen in the wild, though they are no tokens.
        _ => text(cursor.take_while(|b| !matches!(b, b' ' | b'\t' | b';' | b',' | b'"'))),
    };
    Some(Some((name, value)))
}

/// Takes `name*` for `name` where it can be read (RFC 8187), and drops it where not.
fn prefer_extended(parameters: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut plain: Vec<(String, String)> = Vec::with_capacity(parameters.len());
    for (name, value) in parameters {
        match name.strip_suffix('*') {
            None => plain.push((name, value)),
            Some(short) => {
                let Some(value) = extended(&value) else { continue };
                match plain.iter_mut().find(|(n, _)| n == short) {
                    Some(place) => place.1 = value,
                    None => plain.push((short.to_owned(), value)),
                }
            }
        }
    }
    plain
}

/// `UTF-8'language'percent-encoded`.
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    String::from_utf8(percent_decode(encoded.as_bytes())?).ok()
}

fn reference(target: &[u8]) -> String {
    let mut encoded = Vec::with_capacity(target.len());
    percent_encode(&mut encoded, target, is_uri_char);
    text(&encoded)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writing_cannot_leave_its_place() {
        let link = Link::new("/a b>\r\nX: y\u{e4}").rel("x\"y\r\n").with("bad name", "v").with("x*", "v");
        assert_eq!(link.to_string(), "</a%20b%3E%0D%0AX:%20y%C3%A4>; rel=\"x\\\"y\"");
    }

    #[test]
    fn reading() {
        let check = |value: &str, expected: &[(&str, &[(&str, &str)])]| {
            let links = links(value.as_bytes());
            let found: Vec<(&str, Vec<_>)> =
                links.iter().map(|l| (l.target(), l.parameters().collect())).collect();
            let expected: Vec<(&str, Vec<_>)> = expected.iter().map(|&(t, p)| (t, p.to_vec())).collect();
            assert_eq!(found, expected, "{value}");
        };
        check("", &[]);
        check("<>", &[("", &[])]);
        check("</a>;REL=next", &[("/a", &[("rel", "next")])]);
        check(
            "</a> ; rel = \"next\" ;; title=\"a,b;\\\"c\" ,, <b>",
            &[("/a", &[("rel", "next"), ("title", "a,b;\"c")]), ("b", &[])],
        );
        check("</a>;crossorigin;rel=x", &[("/a", &[("crossorigin", ""), ("rel", "x")])]);
        check("</a>;type=text/html", &[("/a", &[("type", "text/html")])]);
        check("</a>;title=old;title*=UTF-8'de'%e2%82%ac", &[("/a", &[("title", "\u{20ac}")])]);
        check("</a>;title*=utf-8''x;title=old", &[("/a", &[("title", "x"), ("title", "old")])]);
        check("</a>;title=old;title*=latin1''x", &[("/a", &[("title", "old")])]);
        check("</a>;title=old;title*=UTF-8''%ff", &[("/a", &[("title", "old")])]);
        check("</a>, garbage, </b>", &[("/a", &[])]);
        check("</a", &[]);
        check("</a> x, </b>", &[]);
        check("</a>;rel=\"x", &[]);
    }

    #[test]
    fn relations_are_the_first_rel() {
        let link = &links(b"</a>; rel=\"Next alternate\"; rel=self")[0];
        assert!(link.is("next") && link.is("ALTERNATE") && !link.is("self") && !link.is("alter"));
    }

    proptest! {
        #[test]
        fn writing_round_trips(
            target in "[A-Za-z0-9/?#,;=.%~:@-]{0,20}",
            title in "[^\\x00-\\x1f\\x7f]{0,20}",
            hreflang in "[a-z]{2}",
        ) {
            let link = Link::new(&target).rel("alternate").hreflang(&hreflang).title(&title).anchor(&target);
            let twice = format!("{link}, {link}");
            prop_assert_eq!(links(twice.as_bytes()), vec![link.clone(), link]);
        }

        #[test]
        fn written_links_are_visible_ascii(target: Vec<u8>, title: String) {
            let text = Link::new(&target).title(&title).to_string();
            prop_assert!(text.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')), "{}", text);
        }
    }
}
