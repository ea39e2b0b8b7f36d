//! HTML: attributes that hold references, `srcset`, `meta refresh`, and the CSS in styles.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use std::convert::Infallible;
use std::ops::Range;

use crate::{Document, Link, Writing, css};

/// Reads a document.
pub fn read(source: &[u8]) -> Document {
    let mut reader = Reader { source, ..Reader::default() };
    let mut emitter =
        CallbackEmitter::<_, Infallible, usize>::new(|event: CallbackEvent<'_>, span: Span<usize>| {
            reader.event(event, span.start..span.end);
            None
        });
    emitter.naively_switch_states(true);
    // Everything is told by events; there are no tokens.
    Tokenizer::new_with_emitter(source, emitter).for_each(drop);
    reader.document
}

#[derive(Default)]
struct Reader<'a> {
    source: &'a [u8],
    document: Document,
    element: Vec<u8>,
    attribute: Vec<u8>,
    /// Where the start tag begins.
    tag: usize,
    /// Attributes of the start tag that is being read: name, value, bytes.
    attributes: Vec<(Vec<u8>, Vec<u8>, Range<usize>)>,
    /// Open `a` elements: the bytes of the start tag, and the link that it is.
    open: Vec<(Range<usize>, Option<usize>)>,
    in_style: bool,
}

impl Reader<'_> {
    fn event(&mut self, event: CallbackEvent<'_>, span: Range<usize>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.element = name.to_vec();
                self.attributes.clear();
                self.attribute.clear();
                self.tag = span.start;
            }
            CallbackEvent::AttributeName { name } => self.attribute = name.to_vec(),
            CallbackEvent::AttributeValue { value } => {
                let name = std::mem::take(&mut self.attribute);
                self.attributes.push((name, value.to_vec(), span));
            }
            CallbackEvent::CloseStartTag { .. } => self.start_tag(span.end),
            CallbackEvent::EndTag { name: b"a" } => self.end_of_a(span),
            CallbackEvent::EndTag { .. } => self.in_style = false,
            CallbackEvent::String { value } if self.in_style => self.style(value, &span),
            CallbackEvent::String { .. }
            | CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
    }

    fn start_tag(&mut self, end: usize) {
        let attributes = std::mem::take(&mut self.attributes);
        let element = std::mem::take(&mut self.element);
        let value = |wanted: &[u8]| {
            attributes.iter().find(|(name, _, _)| name == wanted).map(|(_, value, _)| value.as_slice())
        };
        self.in_style = element == b"style";
        let before = self.document.links.len();
        let relation =
            value(b"rel").map(|rel| String::from_utf8_lossy(rel).to_ascii_lowercase()).unwrap_or_default();
        let is_hint =
            relation.split_ascii_whitespace().any(|one| matches!(one, "preconnect" | "dns-prefetch"));
        let refreshes = value(b"http-equiv").is_some_and(|value| value.eq_ignore_ascii_case(b"refresh"));
        for (name, value, range) in &attributes {
            match (element.as_slice(), name.as_slice()) {
                (_, b"id") | (b"a", b"name") => {
                    self.document.anchors.insert(String::from_utf8_lossy(value).into_owned());
                }
                (b"base", b"href") => {
                    let base = String::from_utf8_lossy(value).into_owned();
                    self.document.base.get_or_insert(base);
                }
                (b"meta", b"content") if refreshes => self.refresh(value, range),
                (_, b"srcset" | b"imagesrcset") => self.srcset(value, range),
                (_, b"style") => self.inline_style(value, range),
                (element, name) => {
                    if let Some(place) = place(element, name) {
                        self.push(value, range.clone(), place, is_hint);
                    }
                }
            }
        }
        if element == b"a" {
            let link = (self.document.links.len() > before).then_some(before);
            self.open.push((self.tag..end, link));
        }
    }

    fn end_of_a(&mut self, span: Range<usize>) {
        let Some((start, Some(link))) = self.open.pop() else { return };
        let begins =
            self.source.get(start.clone()).is_some_and(|tag| tag.starts_with(b"<") && tag.ends_with(b">"));
        let ends =
            self.source.get(span.clone()).is_some_and(|tag| tag.starts_with(b"</") && tag.ends_with(b">"));
        if let Some(link) = self.document.links.get_mut(link).filter(|_| begins && ends) {
            link.around = Some((start, span));
        }
    }

    /// A reference that is the whole value of an attribute.
    fn push(&mut self, value: &[u8], range: Range<usize>, place: &'static str, is_hint: bool) {
        let trimmed = value.trim_ascii();
        let Some((range, quote)) = self.located(value, range) else {
            let reference = String::from_utf8_lossy(trimmed).into_owned();
            self.document.links.push(Link {
                reference,
                range: 0..0,
                place,
                writing: None,
                around: None,
                is_hint,
            });
            return;
        };
        let raw = self.source.get(range.clone()).unwrap_or_default();
        let lead = raw.len() - raw.trim_ascii_start().len();
        let inner = range.start + lead..range.start + lead + raw.trim_ascii().len();
        let raw = raw.trim_ascii();
        // New ampersands are written as the old ones were.
        let escapes = !raw.contains(&b'&') || memchr::memmem::find(raw, b"&amp;").is_some();
        let reads_back = decoded(raw).as_deref() == Some(trimmed);
        let writing = reads_back.then_some(Writing::Attribute { quote, escapes });
        let reference = String::from_utf8_lossy(trimmed).into_owned();
        self.document.links.push(Link { reference, range: inner, place, writing, around: None, is_hint });
    }

    /// The bytes of a value without its quotation marks, checked against the source.
    fn located(&self, value: &[u8], range: Range<usize>) -> Option<(Range<usize>, Option<u8>)> {
        let mut range = range;
        if let Some(raw) = self.source.get(range.clone())
            && let Some(&mark @ (b'"' | b'\'')) = raw.first()
            && raw.len() >= 2
            && raw.last() == Some(&mark)
            && raw.len() > value.len()
        {
            range = range.start + 1..range.end - 1;
        }
        let raw = self.source.get(range.clone())?;
        let before = range.start.checked_sub(1).and_then(|at| self.source.get(at)).copied();
        let quote = before.filter(|mark| matches!(mark, b'"' | b'\''));
        let plausible = raw.len() >= value.len() || raw == value;
        let closed = quote.is_none() || self.source.get(range.end).copied() == quote;
        (plausible && closed).then_some((range, quote))
    }

    /// A part of an attribute's value: editable where the value has no escapes.
    fn part(&mut self, value: &[u8], range: &Range<usize>, part: Range<usize>, place: &'static str) {
        let text = value.get(part.clone()).unwrap_or_default();
        let reference = String::from_utf8_lossy(text).into_owned();
        let located = self
            .located(value, range.clone())
            .filter(|(whole, _)| self.source.get(whole.clone()) == Some(value))
            .map(|(whole, quote)| (whole.start + part.start..whole.start + part.end, quote));
        let (range, writing) = match located {
            Some((range, quote)) => (range, Some(Writing::Attribute { quote, escapes: true })),
            None => (0..0, None),
        };
        self.document.links.push(Link { reference, range, place, writing, around: None, is_hint: false });
    }

    /// `url descriptor, url descriptor`.
    fn srcset(&mut self, value: &[u8], range: &Range<usize>) {
        let mut at = 0;
        while at < value.len() {
            let skipped =
                value.iter().skip(at).take_while(|b| b.is_ascii_whitespace() || **b == b',').count();
            let start = at + skipped;
            let length = value.iter().skip(start).take_while(|b| !b.is_ascii_whitespace()).count();
            let commas =
                value.iter().take(start + length).skip(start).rev().take_while(|b| **b == b',').count();
            if length > commas {
                self.part(value, range, start..start + length - commas, "srcset");
            }
            at = start + length;
            if commas == 0 {
                at += value.iter().skip(at).take_while(|b| **b != b',').count();
            }
            if length == 0 && skipped == 0 {
                break;
            }
        }
    }

    /// `5; url=address`.
    fn refresh(&mut self, value: &[u8], range: &Range<usize>) {
        let lower = value.to_ascii_lowercase();
        let Some(at) = memchr::memmem::find(&lower, b"url=") else { return };
        let rest = value.get(at + 4..).unwrap_or_default();
        let lead = rest.iter().take_while(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'')).count();
        let text = rest.get(lead..).unwrap_or_default();
        let length = text.iter().take_while(|b| !matches!(b, b'"' | b'\'')).count();
        let length = text.get(..length).unwrap_or_default().trim_ascii_end().len();
        if length > 0 {
            self.part(value, range, at + 4 + lead..at + 4 + lead + length, "meta refresh");
        }
    }

    fn inline_style(&mut self, value: &[u8], range: &Range<usize>) {
        for link in css::read(value).links {
            self.part(value, range, link.range, "style");
        }
    }

    fn style(&mut self, value: &[u8], span: &Range<usize>) {
        let same = self.source.get(span.clone()) == Some(value);
        for mut link in css::read(value).links {
            if same {
                link.range = span.start + link.range.start..span.start + link.range.end;
            } else {
                (link.range, link.writing) = (0..0, None);
            }
            self.document.links.push(link);
        }
    }
}

/// Decodes the escape that references have; none where there are others.
fn decoded(raw: &[u8]) -> Option<Vec<u8>> {
    if !raw.contains(&b'&') {
        return Some(raw.to_vec());
    }
    let text = std::str::from_utf8(raw).ok()?;
    Some(text.replace("&amp;", "&").replace("&#38;", "&").replace("&#39;", "'").into_bytes())
}

/// The name of a place that holds a reference.
fn place(element: &[u8], attribute: &[u8]) -> Option<&'static str> {
    Some(match (element, attribute) {
        (b"a", b"href") => "a href",
        (b"area", b"href") => "area href",
        (b"link", b"href") => "link href",
        (b"img", b"src") => "img src",
        (b"script", b"src") => "script src",
        (b"iframe", b"src") => "iframe src",
        (b"frame", b"src") => "frame src",
        (b"embed", b"src") => "embed src",
        (b"source", b"src") => "source src",
        (b"track", b"src") => "track src",
        (b"audio", b"src") => "audio src",
        (b"video", b"src") => "video src",
        (b"video", b"poster") => "video poster",
        (b"input", b"src") => "input src",
        (b"object", b"data") => "object data",
        (b"blockquote" | b"q" | b"ins" | b"del", b"cite") => "cite",
        (b"image" | b"use", b"href" | b"xlink:href") => "svg href",
        (b"body" | b"table" | b"td", b"background") => "background",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, apply};
    use proptest::prelude::*;

    fn found(source: &str) -> Vec<(String, &'static str)> {
        let document = crate::read(Kind::Html, source.as_bytes()).unwrap();
        document.links.into_iter().map(|link| (link.reference, link.place)).collect()
    }

    #[test]
    fn places() {
        for (source, expected) in [
            ("<a href=\"/x?a=1&amp;b=2\">t</a>", vec![("/x?a=1&b=2", "a href")]),
            ("<a href=/x>t</a><A HREF='y'>", vec![("/x", "a href"), ("y", "a href")]),
            (
                "<img src=a.png srcset='b.png 1x, c.png 2x'>",
                vec![("a.png", "img src"), ("b.png", "srcset"), ("c.png", "srcset")],
            ),
            ("<meta http-equiv=refresh content='5; URL=/next'>", vec![("/next", "meta refresh")]),
            ("<style>b { background: url(x.png) }</style>", vec![("x.png", "url()")]),
            ("<p style=\"background: url('x.png')\">", vec![("x.png", "style")]),
            ("<script>'<a href=/no>'</script><!-- <a href=/no> -->", vec![]),
            ("<textarea><a href=/no></textarea><a href=/yes>", vec![("/yes", "a href")]),
            (
                "<video poster=p src=v></video><object data=o></object>",
                vec![("p", "video poster"), ("v", "video src"), ("o", "object data")],
            ),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(r, p)| (r.to_owned(), p)).collect();
            assert_eq!(found(source), expected, "{source}");
        }
    }

    /// Rewrites every link to one reference.
    fn rewritten(source: &str, reference: &str) -> String {
        let document = crate::read(Kind::Html, source.as_bytes()).unwrap();
        let edits: Vec<_> = document.links.iter().filter_map(|link| link.rewritten(reference)).collect();
        assert_eq!(edits.len(), document.links.len(), "every link of {source} can be edited");
        String::from_utf8(apply(source.as_bytes(), &edits).unwrap()).unwrap()
    }

    #[test]
    fn edits_change_the_reference_only() {
        for (source, expected) in [
            ("<a\r\n href = \"/old\" class=x>t\r\n</a>", "<a\r\n href = \"/new?a&amp;b\" class=x>t\r\n</a>"),
            ("<a href='/old#f'>", "<a href='/new?a&amp;b'>"),
            ("<a href=/old>é", "<a href=/new?a&amp;b>é"),
            ("é<a href=' /o?x&amp;y '>", "é<a href=' /new?a&amp;b '>"),
            ("<a href=\"/o?x&y\">", "<a href=\"/new?a&b\">"),
            ("<img srcset=\"a 1x, b 2x\">", "<img srcset=\"/new?a&amp;b 1x, /new?a&amp;b 2x\">"),
            ("<style>\n@import 'old.css';</style>", "<style>\n@import '/new?a&b';</style>"),
        ] {
            assert_eq!(rewritten(source, "/new?a&b"), expected, "{source}");
        }
    }

    #[test]
    fn a_removed_link_leaves_its_text() {
        let source = b"<p>see <a class=x href=\"/gone\">the <b>page</b></a>.</p>";
        let document = crate::read(Kind::Html, source).unwrap();
        let edits = document.links[0].removed().unwrap();
        assert_eq!(apply(source, &edits).unwrap(), b"<p>see the <b>page</b>.</p>");
    }

    #[test]
    fn anchors_and_base() {
        let document = read(b"<base href=/b/><h1 id=top>x</h1><a name=old></a>");
        assert_eq!(document.base.as_deref(), Some("/b/"));
        assert!(document.anchors.contains("top") && document.anchors.contains("old"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_edited_without_panic(source in "[<>a-c/='\" &;!\\-\\r\\n]{0,80}") {
            let source = format!("<a href='x'>{source}<a href=\"y\">");
            let document = crate::read(Kind::Html, source.as_bytes()).unwrap();
            for link in &document.links {
                if link.writing.is_some() {
                    prop_assert!(source.get(link.range.clone()).is_some());
                    let edit = link.rewritten("/new").unwrap();
                    let out = apply(source.as_bytes(), &[edit]).unwrap();
                    prop_assert!(out.len() + link.range.len() == source.len() + 4);
                }
            }
        }
    }
}
