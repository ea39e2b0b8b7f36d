//! Markdown (CommonMark): inline links, reference definitions, autolinks, and the HTML in it.

use std::collections::HashMap;
use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use crate::{Document, Link, Writing, html};

/// Reads a document.
pub fn read(source: &str) -> Document {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let parser = Parser::new_ext(source, options);
    let mut reader = Reader { source, ..Reader::default() };
    for (_, definition) in parser.reference_definitions().iter() {
        reader.definition(&definition.dest, definition.span.clone());
    }
    for (event, range) in parser.into_offset_iter() {
        reader.event(event, range);
    }
    reader.flush_html();
    reader.document
}

#[derive(Default)]
struct Reader<'a> {
    source: &'a str,
    document: Document,
    /// Open links: their bytes, destination, and where their text ends so far.
    open: Vec<Open>,
    /// Bytes of HTML that follow each other.
    html: Option<Range<usize>>,
    /// The text of the heading that is being read, and its own anchor.
    heading: Option<(String, Option<String>)>,
    anchors: HashMap<String, usize>,
}

struct Open {
    kind: LinkType,
    destination: String,
    range: Range<usize>,
    text_end: usize,
    is_image: bool,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        if let Some(open) = self.open.last_mut()
            && range.end < open.range.end
        {
            open.text_end = open.text_end.max(range.end);
        }
        match event {
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                self.begin(link_type, &dest_url, range, false)
            }
            Event::Start(Tag::Image { link_type, dest_url, .. }) => {
                self.begin(link_type, &dest_url, range, true)
            }
            Event::End(TagEnd::Link | TagEnd::Image) => self.end(),
            Event::Start(Tag::Heading { id, .. }) => {
                self.heading = Some((String::new(), id.map(|id| id.to_string())));
            }
            Event::End(TagEnd::Heading(_)) => self.end_heading(),
            Event::Text(text) | Event::Code(text) => {
                if let Some((heading, _)) = &mut self.heading {
                    heading.push_str(&text);
                }
            }
            Event::Html(_) | Event::InlineHtml(_) => self.html(range),
            _ => {}
        }
    }

    fn begin(&mut self, kind: LinkType, destination: &str, range: Range<usize>, is_image: bool) {
        let text_end = range.start + if is_image { 2 } else { 1 };
        self.open.push(Open { kind, destination: destination.to_owned(), range, text_end, is_image });
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if let Some(outer) = self.open.last_mut() {
            outer.text_end = outer.text_end.max(open.range.end);
        }
        let place = if open.is_image { "image" } else { "link" };
        match open.kind {
            LinkType::Inline => {
                let located = self.inline(&open);
                let around = located
                    .as_ref()
                    .filter(|_| !open.is_image)
                    .map(|_| (open.range.start..open.range.start + 1, open.text_end..open.range.end));
                self.push(open.destination, located, place, around);
            }
            LinkType::Autolink => {
                let inner = open.range.start + 1..open.range.end.saturating_sub(1).max(open.range.start + 1);
                let same = self.source.get(inner.clone()) == Some(&open.destination);
                self.push(open.destination, same.then_some((inner, true)), "autolink", None);
            }
            // References have their address in the definition; e-mail is no address of ours.
            _ => {}
        }
    }

    /// The bytes of the destination in `[text](destination "title")`.
    fn inline(&self, open: &Open) -> Option<(Range<usize>, bool)> {
        let tail = self.source.get(open.text_end..open.range.end)?;
        let after = open.text_end + tail.strip_prefix("](").map(|_| 2)?;
        self.destination(after, open.range.end, &open.destination)
    }

    fn destination(&self, start: usize, end: usize, expected: &str) -> Option<(Range<usize>, bool)> {
        let rest = self.source.get(start..end)?;
        let lead = rest.len() - rest.trim_start().len();
        let at = start + lead;
        let rest = self.source.get(at..end)?;
        let (range, brackets) = match rest.strip_prefix('<') {
            Some(inner) => (at + 1..at + 1 + inner.find('>')?, true),
            None => (at..at + expected.len(), false),
        };
        // Escapes and entities would make the bytes differ: such a link is not edited.
        (self.source.get(range.clone()) == Some(expected)).then_some((range, brackets))
    }

    fn definition(&mut self, destination: &str, span: Range<usize>) {
        let located = self
            .source
            .get(span.clone())
            .and_then(|text| text.find("]:"))
            .and_then(|at| self.destination(span.start + at + 2, span.end, destination));
        self.push(destination.to_owned(), located, "definition", None);
    }

    fn push(
        &mut self,
        reference: String,
        located: Option<(Range<usize>, bool)>,
        place: &'static str,
        around: Option<(Range<usize>, Range<usize>)>,
    ) {
        let (range, writing) = match located {
            Some((range, brackets)) if !range.is_empty() => (range, Some(Writing::Destination { brackets })),
            _ => (0..0, None),
        };
        self.document.links.push(Link { reference, range, place, writing, around, is_hint: false });
    }

    fn html(&mut self, range: Range<usize>) {
        match &mut self.html {
            Some(known) if known.end == range.start => known.end = range.end,
            _ => {
                self.flush_html();
                self.html = Some(range);
            }
        }
    }

    fn flush_html(&mut self) {
        let Some(range) = self.html.take() else { return };
        let inner = html::read(self.source.get(range.clone()).unwrap_or_default().as_bytes());
        let moved = |one: &Range<usize>| range.start + one.start..range.start + one.end;
        for mut link in inner.links {
            if link.writing.is_some() {
                link.range = moved(&link.range);
            }
            link.around = link.around.map(|(before, after)| (moved(&before), moved(&after)));
            self.document.links.push(link);
        }
        self.document.anchors.extend(inner.anchors);
    }

    /// Anchors as they are made of headings: lower case, hyphens for blanks, no punctuation, numbered.
    fn end_heading(&mut self) {
        let Some((text, own)) = self.heading.take() else { return };
        if let Some(own) = own {
            self.document.anchors.insert(own);
            return;
        }
        let slug: String = text
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = self.anchors.entry(slug.clone()).or_insert(0);
        let name = if *count == 0 { slug } else { format!("{slug}-{count}") };
        *count += 1;
        self.document.anchors.insert(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, apply};
    use proptest::prelude::*;

    fn rewritten(source: &str) -> (Vec<String>, String) {
        let document = crate::read(Kind::Markdown, source.as_bytes()).unwrap();
        let edits: Vec<_> = document.links.iter().filter_map(|link| link.rewritten("/new")).collect();
        let found = document.links.into_iter().map(|link| link.reference).collect();
        (found, String::from_utf8(apply(source.as_bytes(), &edits).unwrap()).unwrap())
    }

    #[test]
    fn edits_change_the_destination_only() {
        for (source, references, expected) in [
            ("a [t](/old) b", vec!["/old"], "a [t](/new) b"),
            ("[t](</o ld> \"title\")", vec!["/o ld"], "[t](</new> \"title\")"),
            ("[**t** `c`]( /old 'x')", vec!["/old"], "[**t** `c`]( /new 'x')"),
            ("![i](/i.png)", vec!["/i.png"], "![i](/new)"),
            ("[![i](/i.png)](/page)", vec!["/page", "/i.png"], "[![i](/new)](/new)"),
            ("[t][r]\n\n[r]: /old \"x\"\n", vec!["/old"], "[t][r]\n\n[r]: /new \"x\"\n"),
            ("<http://x/old>", vec!["http://x/old"], "</new>"),
            ("`[t](/no)`\r\n\r\n    [t](/no)\r\n", vec![], "`[t](/no)`\r\n\r\n    [t](/no)\r\n"),
            (
                "x <a href=\"/old\">t</a>\n\n<div>\n<img src=/i>\n</div>\n",
                vec!["/old", "/i"],
                "x <a href=\"/new\">t</a>\n\n<div>\n<img src=/new>\n</div>\n",
            ),
            ("ä\r\n[ü](/old)\r\n", vec!["/old"], "ä\r\n[ü](/new)\r\n"),
            ("[t](/a\\_b)", vec!["/a_b"], "[t](/a\\_b)"),
            ("| a |\n|---|\n| [t](/old) |\n", vec!["/old"], "| a |\n|---|\n| [t](/new) |\n"),
        ] {
            let (mut found, out) = rewritten(source);
            let mut references: Vec<String> = references.into_iter().map(str::to_owned).collect();
            found.sort();
            references.sort();
            assert_eq!((found, out.as_str()), (references, expected), "{source}");
        }
    }

    #[test]
    fn a_removed_link_leaves_its_text() {
        let source = b"see [the **page**](/gone \"t\").";
        let document = crate::read(Kind::Markdown, source).unwrap();
        let edits = document.links[0].removed().unwrap();
        assert_eq!(apply(source, &edits).unwrap(), b"see the **page**.");
    }

    #[test]
    fn anchors() {
        let anchors = read("# Hello, *World*!\n\n## Hello World\n\n## x {#own}\n").anchors;
        for name in ["hello-world", "hello-world-1", "own"] {
            assert!(anchors.contains(name), "{name} in {anchors:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_edited(source in "[\\[\\]()<>!`a-bä/ \\n\"\\\\*#:-]{0,60}") {
            let document = crate::read(Kind::Markdown, source.as_bytes()).unwrap();
            for link in &document.links {
                if let Some(edit) = link.rewritten("/new") {
                    prop_assert!(apply(source.as_bytes(), &[edit]).is_ok());
                    prop_assert!(source.is_char_boundary(link.range.start) && source.is_char_boundary(link.range.end));
                }
            }
        }
    }
}
