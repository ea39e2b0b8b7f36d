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
pub mod range;
pub mod retry_after;
pub mod sec_fetch;
pub mod slug;
pub mod transfer_encoding;
pub mod vary;

#[cfg(test)]
mod tests {
    use crate::head::{Head, Scheme, Version};

    /// A GET with these lines of one field.
    pub(super) fn head(name: &str, lines: &[&str]) -> Head {
        head_of_version(Version::Http11, name, lines)
    }

    /// The same in a version of the protocol.
    pub(super) fn head_of_version(version: Version, name: &str, lines: &[&str]) -> Head {
        Head::from_parts(b"GET", b"/", version, Scheme::Http, lines.iter().map(|line| (name, line)))
    }
}
