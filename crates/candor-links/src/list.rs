//! Plain lists of URLs (RFC 2483 section 5): one a line, `#` before remarks.

use crate::{Document, Link, Writing};

/// Reads a list.
pub fn read(source: &str) -> Document {
    let mut document = Document::default();
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        let reference = line.trim();
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        if reference.is_empty() || reference.starts_with('#') {
            continue;
        }
        document.links.push(Link {
            reference: reference.to_owned(),
            range: start..start + reference.len(),
            place: "line",
            writing: Some(Writing::Plain),
            around: None,
            is_hint: false,
        });
    }
    document
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines() {
        let links = super::read("# x\nhttp://a/\r\n\n http://b/").links;
        let found: Vec<_> = links.iter().map(|link| (link.reference.as_str(), link.range.clone())).collect();
        assert_eq!(found, [("http://a/", 4..13), ("http://b/", 17..26)]);
    }
}
