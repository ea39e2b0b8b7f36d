//! Facts: what is known about a request, given by whoever can know it. Typed, optional, borrowed.

use std::sync::Arc;

use bytes::Bytes;

use crate::address::Address;
use crate::field::entity_tag::EntityTag;
use crate::field::http_date::HttpDate;
use crate::head::Head;
use crate::method::MethodSet;
use crate::outcome::{Challenges, Choice, Closed, Conflict, Delay, Location};
use crate::refusal::Refusal;
use crate::representation::{CodingSet, Metadata, OpenFault, Variant};

/// All facts known so far. What is `None` has not been asked for yet.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The request's head.
    pub head: &'a Head,
    /// The target as an address; `None` where it could not be read.
    pub address: Option<&'a Address>,
    /// Time of the decision.
    pub now: HttpDate,
    /// What connection and configuration say at once.
    pub reception: &'a Reception,
    /// Answers [`Need::Access`](crate::decision::Need::Access).
    pub access: Option<&'a Access>,
    /// Answers [`Need::Target`](crate::decision::Need::Target).
    pub target: Option<&'a Target>,
    /// Answers [`Need::Representation`](crate::decision::Need::Representation).
    pub representation: Option<&'a Result<Arc<Metadata>, OpenFault>>,
    /// Answers [`Need::Content`](crate::decision::Need::Content).
    pub content: Option<&'a ContentFact>,
    /// Answers [`Need::Work`](crate::decision::Need::Work).
    pub work: Option<&'a WorkFact>,
    /// Answers [`Need::Open`](crate::decision::Need::Open) and [`Need::Commit`](crate::decision::Need::Commit).
    pub commit: Option<&'a CommitFact>,
}

impl<'a> Facts<'a> {
    /// The facts a request begins with.
    pub fn new(
        head: &'a Head,
        address: Option<&'a Address>,
        reception: &'a Reception,
        now: HttpDate,
    ) -> Facts<'a> {
        Facts {
            head,
            address,
            now,
            reception,
            access: None,
            target: None,
            representation: None,
            content: None,
            work: None,
            commit: None,
        }
    }
}

/// What connection and configuration know before the address is looked at: questions 1 to 14.
#[derive(Clone, Debug)]
pub struct Reception {
    /// What the wire, or the address, found wrong.
    pub refusal: Option<Refusal>,
    /// The server as a whole is closed.
    pub closed: Option<(Closed, Option<Delay>)>,
    /// Authority and scheme are served here.
    pub authority_ours: bool,
    /// The same address under the scheme the site is kept to.
    pub elsewhere: Option<Location>,
    /// Methods implemented anywhere on this server.
    pub implemented: MethodSet,
    /// The address belongs to a gateway: unknown methods are forwarded.
    pub forwards: bool,
    /// The caller is over its share.
    pub over_share: Option<Option<Delay>>,
}

impl Default for Reception {
    fn default() -> Reception {
        Reception {
            refusal: None,
            closed: None,
            authority_ours: true,
            elsewhere: None,
            implemented: MethodSet::READ,
            forwards: false,
            over_share: None,
        }
    }
}

/// Questions 15 to 17, decided on the address prefix alone.
#[derive(Clone, Debug)]
pub struct Access {
    /// Challenges, where the space wants credentials and none that are valid were given.
    pub unauthenticated: Option<Challenges>,
    /// Whether the caller may do this here.
    pub permission: Permission,
    /// This part of the site is closed.
    pub closed: Option<(Closed, Option<Delay>)>,
}

impl Access {
    /// Open to everybody.
    pub const OPEN: Access = Access { unauthenticated: None, permission: Permission::Granted, closed: None };
}

/// The answer to question 16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Allowed.
    Granted,
    /// Denied, and no credentials will help.
    Denied,
    /// Denied to this caller; others may.
    DeniedOthersMay(Challenges),
    /// Denied as if nothing were there.
    Concealed,
    /// Blocked by law with a public reason.
    Legal,
}

/// Where a mark's target ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetEnd {
    /// At an address this caller may see.
    Open,
    /// At an address that is gone.
    Gone,
    /// At an address this caller may not read.
    Hidden,
}

/// What the ledger or the configuration says of an address that is not simply live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Moved for good.
    Moved {
        /// The last address of the chain.
        to: Location,
        /// What is true there.
        end: TargetEnd,
        /// Seconds it may be remembered; `None` for ever.
        lifetime: Option<u32>,
    },
    /// Moved for now.
    MovedForNow {
        /// The target.
        to: Location,
        /// What is true there.
        end: TargetEnd,
    },
    /// Gone.
    Gone {
        /// The owner's words.
        note: Option<Bytes>,
        /// Since when.
        since: Option<HttpDate>,
        /// Not before this time.
        from: Option<HttpDate>,
        /// Not after this time: then nothing is known any more.
        until: Option<HttpDate>,
    },
}

impl Mark {
    /// Whether the mark is in force: only those of what is gone have a time.
    pub fn holds(&self, now: HttpDate) -> bool {
        match self {
            Mark::Moved { .. } | Mark::MovedForNow { .. } => true,
            Mark::Gone { from, until, .. } => {
                from.is_none_or(|from| from <= now) && until.is_none_or(|until| now < until)
            }
        }
    }
}

/// What is live at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// A document: one or more variants.
    Document {
        /// At least one; shared with what remembers them.
        variants: Arc<[Variant]>,
    },
    /// A folder that is listed.
    Listing,
    /// A folder without index that is not listed.
    Folder,
    /// A form, program or gateway.
    Route,
    /// A monitor of accepted work.
    Monitor,
    /// Declared choices.
    Choices(Vec<Choice>),
}

/// What is at the address: questions 18 to 32 and the validators that follow.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// A mark that holds, whatever is live.
    pub holding: Option<Mark>,
    /// What is live.
    pub live: Option<Live>,
    /// A mark that yields to a new document.
    pub yielding: Option<Mark>,
    /// The slash form of the address, where it is a folder asked for without its slash.
    pub slash_form: Option<Location>,
    /// A monitor was here and its retention is over.
    pub expired_monitor: bool,
    /// Reads of what is missing cannot be answered: the folder is away.
    pub folder_away: Option<Option<Delay>>,
    /// Methods allowed at the address now, for this caller.
    pub allow: MethodSet,
    /// What a write has to know; `None` where writing is not offered.
    pub writing: Option<Writing>,
    /// Whether 406 is never given here.
    pub lenient: bool,
}

/// What must be known of a place before anything is written there: questions 26 to 30.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writing {
    /// What is wrong with the place, if anything.
    pub place: Place,
    /// The way out of a conflict: where the current state can be had.
    pub resolve: Option<Location>,
    /// Bytes of content taken at most; `None` for no limit.
    pub limit: Option<u64>,
    /// Media types taken; `None` for all.
    pub types: Option<Bytes>,
    /// Codings of content taken.
    pub codings: CodingSet,
    /// Bytes free, where known.
    pub room: Option<u64>,
    /// A base must be declared.
    pub require_base: bool,
}

/// Whether a document can be written at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// It can.
    #[default]
    Fits,
    /// The parent collection is not there.
    ParentMissing,
    /// A parent on the path is a file.
    ParentIsFile,
    /// The name is a folder's.
    FolderThere,
    /// Only variants answer here.
    VariantsOnly(Vec<Choice>),
}

/// What came of taking the content: questions 33, 41 and 42.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentFact {
    /// It arrived whole.
    Whole {
        /// Whether it equals the current content (question 33).
        same_as_current: bool,
        /// Why it cannot be used, naming the place.
        unusable: Option<Bytes>,
    },
    /// Silence inside it.
    Stalled,
    /// Broken framing, or a digest that does not match.
    Malformed,
    /// More than the limit, in bytes.
    TooLarge(u64),
    /// The client went away.
    PeerGone,
}

/// What came of the work: question 43.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkFact {
    /// Done inside the deadline, or nothing to do but commit.
    InTime,
    /// Late, and queued durably.
    Queued {
        /// Its monitor.
        monitor: Location,
        /// Polling advice.
        retry_after: Delay,
    },
    /// It failed.
    Failed,
}

/// What came of the commit: questions 44 to 49. Before it is carried out, access, standing and preconditions
/// are asked again on fresh facts.
#[derive(Clone, Debug)]
pub enum CommitFact {
    /// The transaction is open; `Facts` now hold what is true inside it.
    Open {
        /// A conflict the store sees: base, overtaking, state.
        conflict: Option<Box<Conflict>>,
        /// The declared base merged cleanly by three ways.
        merged: bool,
    },
    /// Carried out.
    Committed(Committed),
    /// No room.
    Full,
    /// A passing failure.
    Temporary(Option<Delay>),
    /// Anything else.
    Failed,
}

/// What a commit made.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The new resource, where the commit created one.
    pub created: Option<Location>,
    /// Further resources made.
    pub items: Vec<Location>,
    /// The tag of bytes stored unchanged.
    pub etag: Option<EntityTag>,
    /// The form is to be reset.
    pub resets: bool,
    /// Content to return.
    pub content: Option<Arc<Metadata>>,
}
