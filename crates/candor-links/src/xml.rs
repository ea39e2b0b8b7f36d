//! Atom, RSS and sitemaps.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::{Document, Link, Writing};

/// Reads a document as far as it is well formed.
pub fn read(source: &str) -> Document {
    let mut document = Document::default();
    let mut reader = Reader::from_str(source);
    // The element whose text is read: its place, and where the text begins.
    let mut open: Option<(&'static str, usize)> = None;
    loop {
        let start = usize::try_from(reader.buffer_position()).unwrap_or(source.len());
        let Ok(event) = reader.read_event() else { return document };
        let end = usize::try_from(reader.buffer_position()).unwrap_or(source.len());
        match event {
            Event::Start(tag) => {
                attributes(source, &tag, start..end, &mut document);
                open = place(tag.local_name().as_ref()).map(|place| (place, end));
            }
            Event::Empty(tag) => {
                attributes(source, &tag, start..end, &mut document);
                open = None;
            }
            Event::End(_) => {
                if let Some((place, from)) = open.take() {
                    push(source, from..start, place, &mut document);
                }
            }
            Event::CData(_) | Event::Comment(_) | Event::PI(_) => open = None,
            Event::Eof => return document,
            _ => {}
        }
    }
}

/// Elements whose text is a reference.
fn place(name: &str) -> Option<&'static str> {
    Some(match name {
        "loc" => "loc",
        "link" => "link",
        "comments" => "comments",
        "url" => "url",
        _ => return None,
    })
}

fn attributes(source: &str, tag: &BytesStart<'_>, range: std::ops::Range<usize>, document: &mut Document) {
    let wanted: &[(&str, &'static str)] = match tag.local_name().as_ref() {
        "link" => &[("href", "link href")],
        "enclosure" => &[("url", "enclosure url")],
        "content" => &[("src", "content src"), ("url", "content url")],
        "thumbnail" => &[("url", "thumbnail url")],
        _ => return,
    };
    for attribute in tag.attributes().flatten() {
        let Some((_, place)) = wanted.iter().find(|(known, _)| *known == attribute.key.local_name().as_ref())
        else {
            continue;
        };
        // The value is a part of the source: its place there is where it begins.
        let value: &str = &attribute.value;
        let Some(start) = (value.as_ptr() as usize).checked_sub(source.as_ptr() as usize) else { continue };
        let own = start..start.saturating_add(value.len());
        if range.start <= own.start && own.end <= range.end && source.get(own.clone()) == Some(value) {
            push(source, own, place, document);
        }
    }
}

fn push(source: &str, range: std::ops::Range<usize>, place: &'static str, document: &mut Document) {
    let Some(raw) = source.get(range.clone()) else { return };
    let lead = raw.len() - raw.trim_start().len();
    let raw = raw.trim();
    if raw.is_empty() {
        return;
    }
    let start = range.start + lead;
    let known = raw.replace("&amp;", "&").replace("&apos;", "'");
    let writing = (!known.contains('&')
        || raw.matches('&').count() == raw.matches("&amp;").count() + raw.matches("&apos;").count())
    .then_some(Writing::Xml);
    document.links.push(Link {
        reference: known,
        range: start..start + raw.len(),
        place,
        writing,
        around: None,
        is_hint: false,
    });
}

#[cfg(test)]
mod tests {
    use crate::{Kind, apply, read};

    #[test]
    fn feeds_and_sitemaps() {
        for (source, expected) in [
            (
                "<urlset><url><loc> http://x/a?b&amp;c </loc></url></urlset>",
                "<urlset><url><loc> /new </loc></url></urlset>",
            ),
            ("<feed><link rel='/old' href='/old'/></feed>", "<feed><link rel='/old' href='/new'/></feed>"),
            (
                "<rss><channel><link>/old</link><item><enclosure url=\"/o\"/></item></channel></rss>",
                "<rss><channel><link>/new</link><item><enclosure url=\"/new\"/></item></channel></rss>",
            ),
        ] {
            let document = read(Kind::Xml, source.as_bytes()).unwrap();
            let edits: Vec<_> = document.links.iter().filter_map(|link| link.rewritten("/new")).collect();
            assert_eq!(String::from_utf8(apply(source.as_bytes(), &edits).unwrap()).unwrap(), expected);
        }
    }
}
