//! What is true of a request: the closed set of outcomes. Each carries exactly what must be said, so that a
//! redirect without a location or a 401 without a challenge cannot be expressed.

use std::sync::Arc;

use bytes::Bytes;

use crate::field::challenge::Challenge;
use crate::field::entity_tag::EntityTag;
use crate::field::http_date::HttpDate;
use crate::fields::Fields;
use crate::gateway::cause::GatewayFault;
use crate::gateway::relay::Relay;
use crate::method::MethodSet;
use crate::refusal::Refusal;
use crate::representation::{Metadata, Vary};

/// At least one challenge (section 11.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenges(pub Arc<(Challenge, Vec<Challenge>)>);

impl Challenges {
    /// One challenge.
    pub fn one(challenge: Challenge) -> Challenges {
        Challenges(Arc::new((challenge, Vec::new())))
    }

    /// All of them, at least one.
    pub fn iter(&self) -> impl Iterator<Item = &Challenge> {
        std::iter::once(&self.0.0).chain(&self.0.1)
    }
}

/// The target of a redirect: a reference, percent-encoded, query and all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(pub Bytes);

/// Seconds until a retry makes sense, where they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(pub u32);

/// One entry of a list of variants: 300, and 406's links (section 15.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Reference of the variant.
    pub href: Bytes,
    /// Media type; empty where it is not known.
    pub media_type: Bytes,
    /// Language tag.
    pub language: Option<Bytes>,
    /// Length in bytes, where it is known.
    pub length: Option<u64>,
    /// The server's quality in thousandths.
    pub quality: u16,
}

/// Which part of a representation is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it: 200.
    Whole,
    /// One or more spans, first and last byte inclusive: 206 (section 15.3.7).
    Ranges(Vec<(u64, u64)>),
}

/// Why a change conflicts with the state of its target (section 15.5.10). Each can be resolved by the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictCause {
    /// The declared base is not current and does not merge cleanly.
    BaseDiffers,
    /// Another change was committed since this one began.
    Overtaken,
    /// The parent collection is not there.
    ParentMissing,
    /// A parent on the path is a file.
    ParentIsFile,
    /// The name is a folder's.
    FolderThere,
    /// Only variants answer here: they are written by their own names.
    VariantsOnly(Vec<Choice>),
    /// The folder is not empty.
    NotEmpty,
    /// Other work at the address is in progress.
    InProgress,
    /// Documents link here and the site protects their links.
    LinkedFrom(Vec<Bytes>),
}

/// A conflict, with what the user needs to resolve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What stands in the way.
    pub cause: ConflictCause,
    /// The tag to resubmit against.
    pub current: Option<EntityTag>,
    /// Where the current state can be had: at least one way out.
    pub resolve: Location,
}

/// Why the server is closed for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closed {
    /// Announced by the operator.
    Maintenance,
    /// More work than can be taken.
    Overload,
    /// The folder cannot be read, so nothing true can be said of what is missing.
    FolderAway,
    /// The store refuses for now.
    Store,
}

/// What is true of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The wire could not read it: 400, 408, 414, 431, 501, 505.
    Refused(Refusal),
    /// Closed for now: 503.
    Unavailable {
        /// Why.
        closed: Closed,
        /// Only where it is known.
        retry_after: Option<Delay>,
    },
    /// Not our authority or scheme: 421.
    Misdirected,
    /// No resource here has such a method: 501.
    NotImplemented,
    /// An expectation other than 100-continue: 417.
    ExpectationFailed,
    /// The caller asked more than its share: 429.
    TooManyRequests {
        /// Only where it is known.
        retry_after: Option<Delay>,
    },
    /// OPTIONS answered: 204 with Allow.
    Options {
        /// What is allowed, here or anywhere on the server.
        allow: MethodSet,
    },
    /// Who are you: 401.
    Unauthorized(Challenges),
    /// No: 403. Challenges only where other credentials may help.
    Forbidden(Option<Challenges>),
    /// Blocked by law: 451.
    LegallyBlocked,
    /// It moved for good: 301 (308 by strict redirects).
    MovedForGood {
        /// Where it is now.
        to: Location,
        /// Seconds it may be remembered; `None` leaves it to the cache, for ever.
        lifetime: Option<u32>,
    },
    /// For now it is there: 302 (307 by strict redirects).
    MovedForNow {
        /// Where it is for now.
        to: Location,
    },
    /// Withdrawn: 410.
    Gone {
        /// The owner's words.
        note: Option<Bytes>,
        /// Since when.
        since: Option<HttpDate>,
    },
    /// Nothing here, or nothing we tell: 404.
    NotFound,
    /// Not this method here: 405.
    MethodNotAllowed {
        /// What is allowed.
        allow: MethodSet,
    },
    /// PUT of a part (section 14.5): 400.
    PartialPut,
    /// The change clashes with the state of the target: 409.
    Conflict(Box<Conflict>),
    /// More content than is taken: 413.
    ContentTooLarge {
        /// Bytes taken at most.
        limit: u64,
    },
    /// A content coding that is not taken: 415 with Accept-Encoding.
    CodingNotTaken {
        /// Codings taken.
        accept_encoding: Bytes,
    },
    /// A media type that is not taken: 415 with Accept.
    TypeNotTaken {
        /// Types taken.
        accept: Bytes,
    },
    /// No room to store: 507.
    StorageFull,
    /// The tree wants a declared base: 428.
    PreconditionRequired,
    /// No variant is acceptable: 406.
    NoneAcceptable {
        /// Type of the default variant.
        content_type: Bytes,
        /// Language of the default variant.
        content_language: Option<Bytes>,
        /// Every variant.
        choices: Vec<Choice>,
        /// The target as a reference: the links' context.
        anchor: Bytes,
        /// Of the newest variant.
        last_modified: Option<HttpDate>,
        /// As for 200; empty for a single file.
        vary: Vary,
    },
    /// Several variants are equally good: 300.
    MultipleChoices {
        /// Every variant that may be chosen.
        choices: Vec<Choice>,
        /// The target as a reference: the links' context.
        anchor: Bytes,
        /// As for 200.
        vary: Vary,
    },
    /// A stated precondition is false: 412.
    PreconditionFailed {
        /// The tag to state next time.
        current: Option<EntityTag>,
    },
    /// The client's copy is good: 304.
    NotModified(Arc<Metadata>),
    /// No range can be had: 416.
    RangeNotSatisfiable {
        /// Length of the representation in bytes.
        length: u64,
    },
    /// Here it is: 200 or 206.
    Representation {
        /// What is said about it.
        metadata: Arc<Metadata>,
        /// All or parts.
        extent: Extent,
    },
    /// The listing of a folder: 200.
    Listing {
        /// What is said about it.
        metadata: Arc<Metadata>,
    },
    /// The content stalled: 408.
    ContentStalled,
    /// The content's framing or digest is broken: 400.
    ContentMalformed,
    /// The content cannot be used: 400.
    ContentUnusable {
        /// Why, naming the place.
        reason: Bytes,
    },
    /// The client went away inside its request: no answer, nothing kept.
    PeerGone,
    /// Taken, not done: 202.
    Accepted {
        /// Where to ask how it is going.
        monitor: Location,
        /// Polling advice in seconds.
        retry_after: Delay,
    },
    /// Made: 201.
    Created {
        /// The new resource.
        location: Location,
        /// Further resources made.
        items: Vec<Location>,
        /// Its tag, where the bytes were stored unchanged.
        etag: Option<EntityTag>,
    },
    /// Done; reset the form: 205.
    Reset,
    /// Done: 204.
    Done {
        /// The tag of what was stored unchanged.
        etag: Option<EntityTag>,
    },
    /// Done, and here is the result: 200.
    Result {
        /// What is said about it.
        metadata: Arc<Metadata>,
    },
    /// What an upstream said, or what is stored of it: any code, or 203 in place of 200.
    Relayed(Box<Relay>),
    /// What a program said: any code from 200 to 599.
    Produced {
        /// Its status.
        status: u16,
        /// Its fields.
        fields: Fields,
    },
    /// No answer from an upstream: 502, 503 or 504 by cause, 500 where the gateway itself is at fault.
    Gateway(Box<GatewayFault>),
    /// We failed: 500.
    InternalError,
}
