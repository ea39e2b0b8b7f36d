//! Lists, parameters, tags and the fields that frame or authorize a message.
#![no_main]

use candor_semantics::field::{
    allow, authorization::Authorization, cache_control::CacheControl, challenge, connection,
    content_encoding, content_length, derived_from, destination::Destination, digest,
    entity_tag::EntityTagList, expect::Expect, forwarded, grammar, host::Host, media_type::MediaType,
    origin::Origin, prefer::Prefer, slug, transfer_encoding::TransferEncoding, vary::Vary,
};
use candor_semantics::head::{Head, Scheme, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    lists(value);
    tags(value);
    written_reads_back(value);
    others(value);
});

/// No element is empty or has blanks around it, and together they are not longer than the value.
fn lists(value: &[u8]) {
    let mut total = 0;
    for element in grammar::list(value) {
        assert!(!element.is_empty());
        assert_eq!(grammar::trim_ows(element), element);
        total += element.len();
    }
    assert!(total <= value.len());
    let parameters: Vec<_> = grammar::Parameters::new(value).collect();
    assert!(parameters.iter().rev().skip(1).all(Result::is_ok), "nothing follows an error");
}

/// A list written from its tags is the same list.
fn tags(value: &[u8]) {
    let Some(list) = EntityTagList::parse(value) else { return };
    let tags: Vec<_> = list.tags().collect();
    if tags.is_empty() {
        assert_eq!(list, EntityTagList::Any);
        return;
    }
    let written = tags.iter().map(|tag| tag.to_bytes()).collect::<Vec<_>>().join(&b", "[..]);
    let again = EntityTagList::parse(written).expect("what was written is a list");
    assert!(again.tags().eq(tags));
}

fn written_reads_back(value: &[u8]) {
    if let Some(media_type) = MediaType::parse(value) {
        let again = MediaType::parse(&media_type.to_bytes()).expect("what was written is a media type");
        assert_eq!(again, media_type);
    }
    let control = CacheControl::parse(value);
    assert_eq!(CacheControl::parse(control.to_string().as_bytes()), control);
    let prefer = Prefer::parse(value);
    if let Some(applied) = prefer.applied() {
        assert_eq!(Prefer::parse(&applied), prefer);
    }
    if let Some(stated @ digest::Stated::Sha256(bytes)) = digest::parse(value) {
        assert_eq!(digest::parse(&digest::write(&bytes)), Some(stated));
    }
}

fn others(value: &[u8]) {
    let head = |name: &str| Head::from_parts(b"GET", b"/", Version::Http11, Scheme::Http, [(name, value)]);
    forwarded::hops(&head("Forwarded"));
    forwarded::hops(&head("X-Forwarded-For"));
    let _ = allow::methods(value);
    let _ = Authorization::parse(value);
    let _ = challenge::challenges(value);
    let _ = connection::options(value).count();
    let _ = content_encoding::parse(value);
    let _ = content_length::parse(value);
    let _ = derived_from::parse(value);
    let _ = Destination::parse(value);
    let _ = Expect::parse(value);
    let _ = Host::parse(value);
    let _ = Origin::parse(value);
    let _ = slug::parse(value);
    let _ = TransferEncoding::parse(value);
    let _ = Vary::parse(value);
}
