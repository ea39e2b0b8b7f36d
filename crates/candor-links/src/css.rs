//! CSS: `url()` and `@import`.

use crate::{Document, Link, Writing};

/// Reads a style sheet.
pub fn read(source: &[u8]) -> Document {
    let mut document = Document::default();
    let mut at = 0;
    while let Some(&byte) = source.get(at) {
        let rest = source.get(at..).unwrap_or_default();
        if rest.starts_with(b"/*") {
            at += memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2);
        } else if byte == b'"' || byte == b'\'' {
            at += quoted(rest);
        } else if begins(rest, b"url(") && !continues_name(source, at) {
            at += 4 + url(source, at + 4, &mut document);
        } else if begins(rest, b"@import") {
            at += 7;
            at += source.iter().skip(at).take_while(|b| b.is_ascii_whitespace()).count();
            if let Some(&mark @ (b'"' | b'\'')) = source.get(at) {
                let length = quoted(source.get(at..).unwrap_or_default());
                push(
                    source,
                    at + 1..(at + length).saturating_sub(1).max(at + 1),
                    Some(mark),
                    "@import",
                    &mut document,
                );
                at += length;
            }
        } else {
            at += 1;
        }
    }
    document
}

fn begins(rest: &[u8], name: &[u8]) -> bool {
    rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

fn continues_name(source: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| source.get(before))
        .is_some_and(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
}

/// The length of a string with its marks.
fn quoted(rest: &[u8]) -> usize {
    let Some(mark) = rest.first() else { return 0 };
    let mut escaped = false;
    for (position, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'\n' => return position,
            byte if byte == mark => return position + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Reads what stands in the parentheses; gives its length.
fn url(source: &[u8], start: usize, document: &mut Document) -> usize {
    let blanks = source.iter().skip(start).take_while(|b| b.is_ascii_whitespace()).count();
    let at = start + blanks;
    if let Some(&mark @ (b'"' | b'\'')) = source.get(at) {
        let length = quoted(source.get(at..).unwrap_or_default());
        push(source, at + 1..(at + length).saturating_sub(1).max(at + 1), Some(mark), "url()", document);
        return blanks + length;
    }
    let length = source
        .iter()
        .skip(at)
        .take_while(|b| !matches!(b, b')' | b'\n' | b'\\' | b'"' | b'\'' | b'('))
        .count();
    let end = at + source.get(at..at + length).unwrap_or_default().trim_ascii_end().len();
    push(source, at..end, None, "url()", document);
    blanks + length
}

fn push(
    source: &[u8],
    range: std::ops::Range<usize>,
    quote: Option<u8>,
    place: &'static str,
    document: &mut Document,
) {
    let raw = source.get(range.clone()).unwrap_or_default();
    if raw.is_empty() {
        return;
    }
    // Escapes are rare in references; such a link is reported as it stands and not edited.
    let writing = (!raw.contains(&b'\\')).then_some(Writing::Css(quote));
    let reference = String::from_utf8_lossy(raw).into_owned();
    document.links.push(Link { reference, range, place, writing, around: None, is_hint: false });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places() {
        let source = b"@import 'a.css'; @import url(b.css);\n/* url(no) */ p { content: \"url(no)\"; \
                       background: URL( \"c.png\" ), url(data:image/png;base64,AA==) } my-url(no)";
        let found: Vec<_> = read(source).links.into_iter().map(|link| link.reference).collect();
        assert_eq!(found, ["a.css", "b.css", "c.png", "data:image/png;base64,AA=="]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(source in "[a-c@import url()'\"/*\\\\\\n]{0,60}") {
            for link in read(source.as_bytes()).links {
                prop_assert!(source.as_bytes().get(link.range).is_some());
            }
        }
    }
}
