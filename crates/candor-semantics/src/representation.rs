//! Representations: the forms a document can be had in, and what is said about the selected one.

use bytes::Bytes;

pub use crate::field::content_encoding::Coding;
use crate::field::entity_tag::EntityTag;
use crate::field::http_date::HttpDate;

/// A set of codings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodingSet(u8);

impl CodingSet {
    /// No coding.
    pub const EMPTY: CodingSet = CodingSet(0);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, coding: Coding) -> CodingSet {
        CodingSet(self.0 | 1 << coding as u8)
    }

    /// Whether the coding is in the set.
    pub const fn contains(self, coding: Coding) -> bool {
        self.0 & (1 << coding as u8) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The codings of the set.
    pub fn iter(self) -> impl Iterator<Item = Coding> {
        Coding::ALL.into_iter().filter(move |&coding| self.contains(coding))
    }
}

/// One form of a document, as negotiation sees it (section 12.1). Codings are forms of one variant, so they
/// alone never tie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Where this variant is, as a reference: `/doc.en.html`.
    pub href: Bytes,
    /// The value of `Content-Type`.
    pub content_type: Bytes,
    /// Whether the type follows from a known name ending. A guessed type satisfies every `Accept`.
    pub type_known: bool,
    /// Language tag, if the name tells one.
    pub language: Option<Bytes>,
    /// Length of the identity form in bytes.
    pub length: u64,
    /// Codings that are there or can be made; holds identity unless only a coded file is there.
    pub codings: CodingSet,
    /// Codings kept ready; they are preferred to those that would have to be made.
    pub ready: CodingSet,
    /// Whether this is the configured default of its address.
    pub default: bool,
    /// Number of suffixes after the document's own name: fewer is preferred.
    pub suffixes: u8,
    /// Rank of the language in the site's order; lower is preferred, `u8::MAX` where it is not listed.
    pub language_rank: u8,
    /// Time of the last change, for `Last-Modified` of 406.
    pub modified: Option<HttpDate>,
}

/// What negotiation settled on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Index into the variants.
    pub variant: usize,
    /// The coding to send it in.
    pub coding: Coding,
}

/// The request fields a selection depended on, or could have (section 12.5.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vary {
    /// `Accept`.
    pub accept: bool,
    /// `Accept-Language`.
    pub language: bool,
    /// `Accept-Encoding`.
    pub encoding: bool,
}

impl Vary {
    /// The field value; `None` where nothing varies.
    pub const fn value(self) -> Option<&'static str> {
        match (self.accept, self.language, self.encoding) {
            (false, false, false) => None,
            (true, false, false) => Some("Accept"),
            (false, true, false) => Some("Accept-Language"),
            (false, false, true) => Some("Accept-Encoding"),
            (true, true, false) => Some("Accept, Accept-Language"),
            (true, false, true) => Some("Accept, Accept-Encoding"),
            (false, true, true) => Some("Accept-Language, Accept-Encoding"),
            (true, true, true) => Some("Accept, Accept-Language, Accept-Encoding"),
        }
    }
}

/// What is said about the selected representation: the fields of its 200, and the validators that
/// preconditions are measured against. Values are ready to send, so that a hot answer copies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// `Content-Type`.
    pub content_type: Bytes,
    /// `Content-Language`.
    pub content_language: Option<Bytes>,
    /// The coding of the bytes.
    pub coding: Coding,
    /// Number of bytes in this coding; `None` where they are made while being sent.
    pub length: Option<u64>,
    /// The entity tag, strong wherever bytes are the same for the same tag.
    pub etag: Option<EntityTag>,
    /// `Last-Modified`.
    pub last_modified: Option<HttpDate>,
    /// `Content-Location` of a negotiated answer.
    pub content_location: Option<Bytes>,
    /// What the selection depended on.
    pub vary: Vary,
    /// `Cache-Control`, where configured or owed.
    pub cache_control: Option<Bytes>,
    /// Whether ranges are served.
    pub ranges: bool,
    /// Whether the content is kept from running in a browser: served as an attachment, sandboxed.
    pub sandboxed: bool,
}

/// Why the selected representation could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenFault {
    /// It was there when the address was looked up, and is not any more.
    Vanished,
    /// It is there and this server may not read it.
    Forbidden,
    /// Reading failed.
    Failed,
}
