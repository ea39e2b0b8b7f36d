//! HTML that is safe by construction: only literals of the program get in as they stand, and only references that
//! were made here can become links. This is the one place that escapes.

use std::fmt::{self, Write};

/// HTML in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup {
    html: String,
}

impl Markup {
    /// Empty, with room for this many bytes.
    pub fn with_capacity(bytes: usize) -> Markup {
        Markup { html: String::with_capacity(bytes) }
    }

    /// Adds markup of the program's own.
    pub fn literal(&mut self, html: &'static str) -> &mut Markup {
        self.html.push_str(html);
        self
    }

    /// Adds text, escaped so that it is only ever text, between tags and between double quotes alike.
    pub fn text(&mut self, text: impl fmt::Display) -> &mut Markup {
        // A String takes everything, so there is no error to report.
        let _ = write!(Escape(&mut self.html), "{text}");
        self
    }

    /// Adds a link.
    pub fn link(&mut self, href: &Href, text: impl fmt::Display) -> &mut Markup {
        self.literal("<a href=\"").text(href).literal("\">").text(text).literal("</a>")
    }

    /// Adds a link where the reference is fit to be one, else the text alone.
    pub fn link_if_safe(&mut self, reference: &str, text: impl fmt::Display) -> &mut Markup {
        match Href::reference(reference.as_bytes()) {
            Some(href) => self.link(&href, text),
            None => self.text(text),
        }
    }

    /// Adds other markup.
    pub fn append(&mut self, other: &Markup) -> &mut Markup {
        self.html.push_str(&other.html);
        self
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.html.len()
    }

    /// Whether there is nothing yet.
    pub fn is_empty(&self) -> bool {
        self.html.is_empty()
    }

    /// The HTML.
    pub fn into_string(self) -> String {
        self.html
    }
}

/// Writes text as HTML that shows this text.
struct Escape<'a>(&'a mut String);

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(needs_escape) {
            let (plain, from) = rest.split_at(at);
            self.0.push_str(plain);
            let mut characters = from.chars();
            match characters.next() {
                Some('&') => self.0.push_str("&amp;"),
                Some('<') => self.0.push_str("&lt;"),
                Some('>') => self.0.push_str("&gt;"),
                Some('"') => self.0.push_str("&quot;"),
                Some('\'') => self.0.push_str("&#39;"),
                _ => self.0.push(char::REPLACEMENT_CHARACTER),
            }
            rest = characters.as_str();
        }
        self.0.push_str(rest);
        Ok(())
    }
}

/// Markup's own characters, and control characters, which HTML does not allow.
fn needs_escape(character: char) -> bool {
    matches!(character, '&' | '<' | '>' | '"' | '\'')
        || (character.is_control() && character != '\n' && character != '\t')
}

/// A reference that is fit to be a link: a path of this server, or http and https elsewhere. No other scheme can
/// be held, so `javascript:` and its like cannot either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Href(String);

impl Href {
    /// Takes over a reference that came from outside, already percent-encoded. `None` where following it could do
    /// anything but read a page over HTTP, and where a browser would read it otherwise than it is written:
    /// browsers drop tabs and line ends and take `\` for `/`.
    pub fn reference(sent: &[u8]) -> Option<Href> {
        if sent.iter().any(|&byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
            return None;
        }
        let here = sent.starts_with(b"/") && !sent.starts_with(b"//");
        let elsewhere = has_scheme(sent, b"http://") || has_scheme(sent, b"https://");
        (here || elsewhere).then(|| Href(encode("", sent, |byte| byte.is_ascii())))
    }

    /// The reference as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Href {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn has_scheme(reference: &[u8], scheme: &[u8]) -> bool {
    reference.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// The reference of a decoded path of this server. A path with an empty first segment is written so that it is
/// not taken for the name of another host (RFC 3986 section 4.2).
pub fn href(path: &[u8]) -> Href {
    let start = match path {
        [b'/', b'/', ..] => "/.",
        [b'/', ..] => "",
        _ => "/",
    };
    Href(encode(start, path, |byte| byte == b'/' || stays_in_segment(byte)))
}

/// The reference of a member of the folder that is being shown, relative to the folder's own address, so that it
/// also holds where a proxy shows the folder elsewhere.
pub fn member(name: &[u8], is_folder: bool) -> Href {
    let mut reference = encode("./", name, stays_in_segment);
    if is_folder {
        reference.push('/');
    }
    Href(reference)
}

/// The reference of the folder that is this many levels above the one shown.
pub fn above(levels: usize) -> Href {
    Href(if levels == 0 { "./".to_owned() } else { "../".repeat(levels) })
}

/// Bytes of a path segment that need no percent-encoding (RFC 3986 section 3.3, without the ampersand and the
/// quote, which are safe but ugly in HTML).
fn stays_in_segment(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$()*+,;=:@".contains(&byte)
}

fn encode(start: &str, bytes: &[u8], stays: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(start.len() + bytes.len() + 1);
    encoded.push_str(start);
    for &byte in bytes {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A name for the eye. Bytes that are not UTF-8 show as replacement characters, control characters as their
/// pictures, and marks that would turn the direction of the text, and so disguise a name's ending, not at all
/// like themselves.
pub fn visible(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().map(visible_character).collect()
}

fn visible_character(character: char) -> char {
    match character {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' => '\u{fffd}',
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut markup = Markup::default();
        markup.text(text);
        markup.into_string()
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("<script>alert(1)</script>"), "&lt;script&gt;alert(1)&lt;/script&gt;");
        assert_eq!(escaped("\"' onclick='x&amp;"), "&quot;&#39; onclick=&#39;x&amp;amp;");
        assert_eq!(escaped("a\u{0}b\u{85}c\nd"), "a\u{fffd}b\u{fffd}c\nd");
        assert_eq!(escaped("größe"), "größe");
        assert_eq!(escaped(""), "");
    }

    #[test]
    fn paths_become_references() {
        let cases: &[(&[u8], &str)] = &[
            (b"/a.txt", "/a.txt"),
            (b"/a b?c#d%", "/a%20b%3Fc%23d%25"),
            (b"//evil.example/x", "/.//evil.example/x"),
            (b"/\\evil.example", "/%5Cevil.example"),
            (b"javascript:alert(1)", "/javascript:alert(1)"),
            (b"", "/"),
            (b"/\xff\"<>&'", "/%FF%22%3C%3E%26%27"),
            ("/größe".as_bytes(), "/gr%C3%B6%C3%9Fe"),
        ];
        for &(path, expected) in cases {
            assert_eq!(href(path).as_str(), expected);
        }
    }

    #[test]
    fn members_are_relative_and_never_a_scheme() {
        assert_eq!(member(b"javascript:x", false).as_str(), "./javascript:x");
        assert_eq!(member(b"a/b", true).as_str(), "./a%2Fb/");
        assert_eq!(member(b"\n\xfe", false).as_str(), "./%0A%FE");
        assert_eq!(above(0).as_str(), "./");
        assert_eq!(above(2).as_str(), "../../");
    }

    #[test]
    fn only_harmless_references_become_links() {
        for fit in ["/new.txt?q=1", "https://example.org/", "HTTP://example.org/"] {
            assert_eq!(Href::reference(fit.as_bytes()).map(|href| href.0), Some(fit.to_owned()));
        }
        let unfit = [
            "javascript:alert(1)",
            "java\nscript:x",
            "//host/",
            "/\t/host/",
            "/\\host",
            "data:,x",
            "",
            "a b",
        ];
        for reference in unfit {
            assert_eq!(Href::reference(reference.as_bytes()), None, "{reference}");
        }
        let mut markup = Markup::default();
        markup.link_if_safe("javascript:x", "click");
        assert_eq!(markup.into_string(), "click");
    }

    #[test]
    fn names_show_what_they_are() {
        assert_eq!(visible(b"a\nb\x7f\xff"), "a\u{240a}b\u{2421}\u{fffd}");
        assert_eq!(visible("exe\u{202e}txt".as_bytes()), "exe\u{fffd}txt");
    }
}
