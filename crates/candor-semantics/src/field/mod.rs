//! Header fields: one file each, with its section, its grammar and the type it parses into.
//!
//! Three shapes recur. A field whose faults the standard ignores has `from_head(..) -> Option<T>`. A field whose
//! faults change the answer has `from_head(..) -> Result<Option<T>, Malformed>`. And `parse` reads one combined
//! value, for answers and for tests. Everything borrows from the head where it can, and nothing here has a clock.

pub mod accept;
pub mod accept_datetime;
pub mod accept_encoding;
pub mod accept_language;
pub mod allow;
pub mod authorization;
pub mod cache_control;
pub mod cache_status;
pub mod challenge;
pub mod connection;
pub mod content_encoding;
pub mod content_length;
pub mod content_range;
pub mod depth;
pub mod derived_from;
pub mod destination;
pub mod digest;
pub mod entity_tag;
pub mod expect;
pub mod forwarded;
pub mod grammar;
pub mod host;
pub mod http_date;
pub mod if_;
pub mod if_match;
pub mod if_modified_since;
pub mod if_none_match;
pub mod if_range;
pub mod if_unmodified_since;
pub mod link;
pub mod media_type;
pub mod origin;
pub mod overwrite;
pub mod prefer;
pub mod proxy_status;
pub mod range;
pub mod retry_after;
pub mod sec_fetch;
pub mod slug;
mod structured;
pub mod transfer_encoding;
pub mod vary;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{Head, Scheme, Version};
    use http_date::HttpDate;
    use media_type::MediaType;
    use proptest::prelude::*;

    /// A GET with these lines of one field.
    pub(super) fn head(name: &str, lines: &[&str]) -> Head {
        head_of_version(Version::Http11, name, lines)
    }

    /// The same in a version of the protocol.
    pub(super) fn head_of_version(version: Version, name: &str, lines: &[&str]) -> Head {
        Head::from_parts(b"GET", b"/", version, Scheme::Http, lines.iter().map(|line| (name, line)))
    }

    /// Any bytes, and texts of the characters that grammars are made of, which get further into the parsers.
    fn values() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop::sample::select(vec![
            ",",
            ";",
            "=",
            "\"",
            "\\",
            "*",
            "/",
            "-",
            "+",
            ".",
            ":",
            "<",
            ">",
            "(",
            ")",
            "[",
            "]",
            " ",
            "\t",
            "%",
            "W/",
            "q=",
            "0",
            "1",
            "999999999999999999999",
            "a",
            "bytes",
            "bytes=",
            "gzip",
            "text",
            "html",
            "Not",
            "for",
            "Basic",
            "Sun",
            "Sunday",
            "Nov",
            "GMT",
            "06",
            "94",
            "1994",
            "08:49:37",
            "max-age",
            "sha-256=:",
            "http://",
            "\u{e4}",
            "'",
            "UTF-8''",
        ]);
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            proptest::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat().into_bytes()),
        ]
    }

    /// One property for each parser: it returns, whatever it is given.
    macro_rules! returns {
        ($($name:ident: |$value:ident| $read:expr;)*) => {
            mod returns_for_any_bytes {
                use super::*;
                proptest! {
                    #![proptest_config(ProptestConfig::with_cases(512))]
                    $(#[test] fn $name($value in values()) { let _ = $read; })*
                }
            }
        };
    }

    const NOW: HttpDate = HttpDate::from_unix(1_790_000_000);

    returns! {
        accept: |v| {
            let accept = accept::Accept::parse(&v);
            (accept.quality(&MediaType::parse(b"text/html;a=b").unwrap()), accept.names("text/html"))
        };
        accept_datetime: |v| accept_datetime::parse(&v);
        accept_encoding: |v| accept_encoding::AcceptEncoding::parse(&v);
        accept_language: |v| accept_language::AcceptLanguage::parse(&v).quality("de-AT");
        allow: |v| allow::methods(&v);
        authorization: |v| authorization::Authorization::parse(&v);
        cache_control: |v| cache_control::CacheControl::parse(&v);
        challenge: |v| challenge::challenges(&v);
        connection: |v| connection::options(&v).count();
        content_encoding: |v| content_encoding::parse(&v);
        content_length: |v| content_length::parse(&v);
        content_range: |v| content_range::ContentRange::parse(&v);
        depth: |v| depth::Depth::parse(&v);
        derived_from: |v| derived_from::parse(&v);
        destination: |v| destination::Destination::parse(&v);
        digest: |v| digest::parse(&v);
        entity_tag: |v| entity_tag::EntityTag::parse(&v);
        entity_tags: |v| entity_tag::EntityTagList::parse(v).map(|list| list.tags().count());
        expect: |v| expect::Expect::parse(&v);
        forwarded: |v| {
            let fields = [("Forwarded", &v)];
            forwarded::hops(&Head::from_parts(b"GET", b"/", Version::Http11, Scheme::Http, fields))
        };
        forwarded_for: |v| {
            let fields = [("X-Forwarded-For", &v)];
            forwarded::hops(&Head::from_parts(b"GET", b"/", Version::Http11, Scheme::Http, fields))
        };
        host: |v| host::Host::parse(&v);
        http_date: |v| HttpDate::parse(&v, NOW).map(|date| date.to_fixdate());
        if_: |v| if_::If::parse(&v).map(|condition| condition.holds(|_, _| false));
        if_range: |v| if_range::IfRange::parse(&v, NOW);
        link: |v| link::links(&v);
        media_type: |v| MediaType::parse(&v).map(|media_type| media_type == media_type.clone());
        origin: |v| origin::Origin::parse(&v);
        overwrite: |v| overwrite::parse(&v);
        prefer: |v| prefer::Prefer::parse(&v);
        range: |v| range::ByteRanges::parse(&v, range::MOST_RANGES).map(|ranges| ranges.resolve(10));
        retry_after: |v| retry_after::RetryAfter::parse(&v, NOW).map(|when| when.delay(NOW));
        slug: |v| slug::parse(&v);
        transfer_encoding: |v| transfer_encoding::TransferEncoding::parse(&v);
        vary: |v| vary::Vary::parse(v).names().count();
    }
}
