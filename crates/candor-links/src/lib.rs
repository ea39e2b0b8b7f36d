//! Links in documents: where they are, byte by byte, and how they are edited without touching anything else.
//!
//! Pure: no I/O, no clock. Documents are bytes in an encoding that keeps ASCII (UTF-8, Latin-1 and their like); what
//! is not text has no links. A link whose bytes cannot be found again exactly as they were read is reported, but
//! never edited.

pub mod css;
pub mod edit;
pub mod html;
mod kind;
pub mod list;
pub mod markdown;
pub mod xml;

use std::collections::HashSet;
use std::ops::Range;

pub use edit::{Edit, Overlap, apply};
pub use kind::Kind;

/// One reference in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The reference, decoded: what a reader's program would resolve.
    pub reference: String,
    /// Its bytes in the document.
    pub range: Range<usize>,
    /// Where it stands, such as `a href`.
    pub place: &'static str,
    /// How a new reference is written there; none where it cannot be edited.
    pub writing: Option<Writing>,
    /// The bytes around the link's text, which go when the link is removed and its text stays.
    pub around: Option<(Range<usize>, Range<usize>)>,
    /// Whether the link only names an address for later, such as `preconnect`, and nothing is fetched there.
    pub is_hint: bool,
}

/// How a reference is written at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// An attribute of HTML; the quote around it, if any, and whether its ampersands are escaped.
    Attribute {
        /// The quotation mark.
        quote: Option<u8>,
        /// Whether `&` is written `&amp;`.
        escapes: bool,
    },
    /// A destination of Markdown, in angle brackets or not.
    Destination {
        /// Whether it stands in angle brackets.
        brackets: bool,
    },
    /// In a URL of CSS; the quote around it, if any.
    Css(Option<u8>),
    /// Text or an attribute of XML.
    Xml,
    /// As it is.
    Plain,
}

/// What a document says about links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The references, in the order of their bytes.
    pub links: Vec<Link>,
    /// What fragments can point to, decoded.
    pub anchors: HashSet<String>,
    /// What references are relative to, if not the document's own address.
    pub base: Option<String>,
}

/// Reads a document of a kind. None where it is not text.
pub fn read(kind: Kind, source: &[u8]) -> Option<Document> {
    if !is_text(source) {
        return None;
    }
    let mut document = match kind {
        Kind::Html => html::read(source),
        Kind::Markdown => markdown::read(std::str::from_utf8(source).ok()?),
        Kind::Css => css::read(source),
        Kind::Xml => xml::read(std::str::from_utf8(source).ok()?),
        Kind::List => list::read(std::str::from_utf8(source).ok()?),
    };
    document.links.sort_by_key(|link| link.range.start);
    Some(document)
}

/// Text in an encoding that keeps ASCII has no NUL; UTF-16 has.
fn is_text(source: &[u8]) -> bool {
    memchr::memchr(0, source).is_none()
}

/// The line of a position, from 1.
pub fn line_of(source: &[u8], position: usize) -> usize {
    let before = source.get(..position).unwrap_or(source);
    memchr::memchr_iter(b'\n', before).count() + 1
}

impl Link {
    /// The edit that writes another reference; none where this link is not edited, or where the reference cannot
    /// be written at its place.
    pub fn rewritten(&self, reference: &str) -> Option<Edit> {
        let text = edit::written(self.writing?, reference)?;
        Some(Edit { range: self.range.clone(), text })
    }

    /// The edits that take the link away and leave its text; none where it has no text of its own.
    pub fn removed(&self) -> Option<[Edit; 2]> {
        let (before, after) = self.around.clone()?;
        let cut = |range| Edit { range, text: String::new() };
        Some([cut(before), cut(after)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the bytes: no panic, ranges within the source, and an edit touches nothing but its range.
        #[test]
        fn any_bytes_in_any_kind(source in proptest::collection::vec(any::<u8>(), 0..200), text in "[<>a-c/='\"()\\[\\]&;!@:url \\n-]{0,80}") {
            for kind in [Kind::Html, Kind::Markdown, Kind::Css, Kind::Xml, Kind::List] {
                for source in [source.as_slice(), text.as_bytes()] {
                    let Some(document) = read(kind, source) else { continue };
                    for edit in document.links.iter().filter_map(|link| link.rewritten("/new")) {
                        let out = apply(source, std::slice::from_ref(&edit)).unwrap();
                        prop_assert_eq!(&out[..edit.range.start], &source[..edit.range.start]);
                        prop_assert!(out.ends_with(&source[edit.range.end..]));
                    }
                    for edits in document.links.iter().filter_map(Link::removed) {
                        let _ = apply(source, &edits);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_text_has_no_links() {
        assert_eq!(read(Kind::Html, b"<a href=x>\0"), None);
        assert_eq!(read(Kind::Markdown, b"\xff[x](y)"), None);
        let latin = read(Kind::Html, b"<p>\xe4<a href=x>\xe4</a>").unwrap();
        assert_eq!(latin.links.len(), 1);
    }

    #[test]
    fn a_million_links_and_deep_nesting_end() {
        let many = "<a href=x>x</a>".repeat(100_000);
        assert_eq!(read(Kind::Html, many.as_bytes()).unwrap().links.len(), 100_000);
        let deep = format!("{}[x](y){}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(read(Kind::Markdown, deep.as_bytes()).is_some());
        let quotes = format!("{}[x](y)", "> ".repeat(5_000));
        assert!(read(Kind::Markdown, quotes.as_bytes()).is_some());
    }
}
