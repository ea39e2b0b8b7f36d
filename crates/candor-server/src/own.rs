//! Candor's own content: the choice between a page for people and its twin for programs, and its metadata.

use bytes::Bytes;
use candor_semantics::field::accept::Accept;
use candor_semantics::field::entity_tag::EntityTag;
use candor_semantics::field::media_type::MediaType;
use candor_semantics::head::Head;
use candor_semantics::representation::{Coding, Metadata, Vary};

/// The type of pages.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// The type of lists for programs.
pub(crate) const JSON: &str = "application/json";

/// Whether a client prefers a program's form over a page. One that leaves it open, or takes both alike, is shown
/// the page.
pub(crate) fn wants_program_form(head: &Head, program_types: &[&str]) -> bool {
    let accept = Accept::from_head(head);
    if accept.is_open() {
        return false;
    }
    let quality =
        |text: &&str| MediaType::parse(text.as_bytes()).map(|media_type| accept.quality(&media_type));
    let page = quality(&"text/html");
    program_types.iter().filter_map(quality).any(|found| found.0 > 0 && Some(found) > page)
}

/// Metadata of content that was just made, tagged by its bytes.
pub(crate) fn metadata(
    content_type: &'static str,
    content: &Bytes,
    cache_control: &'static str,
    vary: Vary,
) -> Metadata {
    let digest = blake3::hash(content).to_hex();
    Metadata {
        content_type: Bytes::from_static(content_type.as_bytes()),
        content_language: None,
        coding: Coding::Identity,
        length: Some(content.len() as u64),
        etag: digest.get(..32).and_then(|tag| EntityTag::strong(tag.to_owned())),
        last_modified: None,
        content_location: None,
        vary,
        cache_control: Some(Bytes::from_static(cache_control.as_bytes())),
        ranges: false,
        sandboxed: false,
    }
}
