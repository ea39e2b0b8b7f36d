//! `Link`, read and written.
#![no_main]

use candor_semantics::field::link::{Link, links};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    for link in links(value) {
        let _ = (link.is("alternate"), link.parameter("title"));
        let mut again = Link::new(link.target()).rel(link.parameter("rel").unwrap_or("x"));
        for (name, text) in link.parameters() {
            again = again.with(name, text);
        }
        check(&again);
    }
    check(&Link::new(value).rel(value).anchor(value).title(value));
});

/// A link is one member of visible ASCII, whatever it is made of.
fn check(link: &Link) {
    let text = link.to_string();
    assert!(text.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')), "{text:?}");
    let read = links(text.as_bytes());
    assert_eq!(read.len(), 1, "{text:?}");
    assert_eq!(read[0].target(), link.target());
}
