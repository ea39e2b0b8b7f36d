//! Links in documents of every kind: found within the bytes, and edited without touching any other byte.
#![no_main]

use candor_links::{Kind, apply, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &[u8]| {
    for kind in [Kind::Html, Kind::Markdown, Kind::Css, Kind::Xml, Kind::List] {
        let Some(document) = read(kind, source) else { continue };
        for edit in document.links.iter().filter_map(|link| link.rewritten("/new?a&b#c")) {
            let out = apply(source, std::slice::from_ref(&edit)).expect("one edit within the document");
            assert_eq!(&out[..edit.range.start], &source[..edit.range.start]);
            assert!(out.ends_with(&source[edit.range.end..]));
        }
        for link in &document.links {
            if let Some(edits) = link.removed() {
                let _ = apply(source, &edits);
            }
        }
    }
});
