//! The ledger: what is recorded of addresses, and how it is changed.
//!
//! An address is a decoded path that begins with a slash; one that ends in a slash is a collection's. Times are
//! the ledger's own clock ([`Moment`]). A change is one call: what is expected of the address is checked and the
//! change recorded together, or not at all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::contents::Digest;
use crate::fault::{RecordError, StoreError};

/// A time of the ledger's clock: microseconds since 1970 as far as the wall clock goes forward, and always later
/// than the act before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// Later than every act: the end of what still holds.
    pub const OPEN: Moment = Moment(i64::MAX as u64);

    /// The wall clock's time.
    pub fn now() -> Moment {
        Moment::at(SystemTime::now())
    }

    /// A time of the wall clock.
    pub fn at(time: SystemTime) -> Moment {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(u64::try_from(since.as_micros()).unwrap_or(0).min(Moment::OPEN.0 - 1))
    }

    /// As a time of the wall clock.
    pub fn time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.0)
    }
}

/// What an identity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A document.
    Document,
    /// A collection of documents and collections.
    Collection,
}

/// One content of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its content.
    pub digest: Digest,
    /// Bytes of it.
    pub length: u64,
    /// The media type its writer declared.
    pub media_type: Option<String>,
    /// Who wrote it; `None`: somebody without a name.
    pub author: Option<String>,
    /// Whether it was written over HTTP, and not found in the folder.
    pub written: bool,
    /// Since when.
    pub at: Moment,
}

/// A version before the ledger has put a time to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVersion {
    /// Its content.
    pub digest: Digest,
    /// Bytes of it.
    pub length: u64,
    /// The media type its writer declared.
    pub media_type: Option<String>,
}

/// What the ledger says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Never heard of it.
    Unknown,
    /// A document is there.
    Present(Version),
    /// A collection is there.
    Collection,
    /// What was there is somewhere else now.
    Moved {
        /// The address where it is now; never itself one that moved.
        to: Vec<u8>,
        /// Since when.
        since: Moment,
    },
    /// What was there was deleted.
    Gone {
        /// Since when.
        since: Moment,
        /// Words about it.
        note: Option<String>,
    },
}

/// A mark that an owner set: it holds, also against writers, until it is lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The address; one that ends in a slash is marked with everything below.
    pub path: Vec<u8>,
    /// What is true of it.
    pub what: MarkKind,
    /// Since when.
    pub since: Moment,
}

/// What a mark says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// Moved for good, to a reference; several are choices.
    Moved(Vec<String>),
    /// Moved for now, to a reference, until a time.
    MovedForNow(String, Option<Moment>),
    /// Gone.
    Gone {
        /// The owner's words.
        note: Option<String>,
        /// Not before.
        from: Option<Moment>,
        /// Not after.
        until: Option<Moment>,
    },
}

/// What is expected of an address when a change is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing in particular.
    Any,
    /// No document is there.
    Nothing,
    /// A document with this content is there.
    Content(Digest),
}

/// What a change leaves behind at the address it takes something from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// That it is gone, or where it went.
    Mark,
    /// Nothing.
    Nothing,
}

/// A change of standings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A document gets this content.
    Put(NewVersion),
    /// A collection is made.
    MakeCollection,
    /// What is there is deleted.
    Delete(Leaves),
    /// What is there moves, with everything below it.
    Move {
        /// The new address.
        to: Vec<u8>,
        /// What stays behind.
        leaves: Leaves,
        /// Everything below that may not be known yet: paths relative to the address, no slash in front.
        below: Vec<(Vec<u8>, Kind)>,
    },
    /// An owner marks the address.
    Mark(MarkKind),
    /// An owner lifts the mark, or forgets what a deletion or move left.
    Lift,
}

/// A change with everything that is recorded about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The address.
    pub path: Vec<u8>,
    /// What happens there.
    pub change: Change,
    /// What must be there before.
    pub expected: Expected,
    /// What was found there and the ledger did not know.
    pub found: Option<NewVersion>,
    /// Who does it; `None`: somebody without a name.
    pub author: Option<String>,
    /// Words about it.
    pub note: Option<String>,
    /// The intent that this fulfils.
    pub fulfils: Option<IntentId>,
}

impl Record {
    /// A change about which nothing else is known.
    pub fn new(path: impl Into<Vec<u8>>, change: Change) -> Record {
        Record {
            path: path.into(),
            change,
            expected: Expected::Any,
            found: None,
            author: None,
            note: None,
            fulfils: None,
        }
    }
}

/// The kind of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActKind {
    /// A document got its content over HTTP.
    Put,
    /// A content was found in the folder.
    Found,
    /// A collection was made.
    MakeCollection,
    /// Deleted.
    Delete,
    /// Moved.
    Move,
    /// Marked as moved for good by an owner.
    MarkMoved,
    /// Marked as moved for now by an owner.
    MarkMovedForNow,
    /// Marked as gone by an owner.
    Retire,
    /// Restored by an owner.
    Restore,
}

impl ActKind {
    /// Every kind.
    pub const ALL: [ActKind; 9] = [
        ActKind::Put,
        ActKind::Found,
        ActKind::MakeCollection,
        ActKind::Delete,
        ActKind::Move,
        ActKind::MarkMoved,
        ActKind::MarkMovedForNow,
        ActKind::Retire,
        ActKind::Restore,
    ];

    /// One word for it.
    pub const fn word(self) -> &'static str {
        match self {
            ActKind::Put => "put",
            ActKind::Found => "found",
            ActKind::MakeCollection => "mkcol",
            ActKind::Delete => "delete",
            ActKind::Move => "move",
            ActKind::MarkMoved => "mark-moved",
            ActKind::MarkMovedForNow => "mark-moved-for-now",
            ActKind::Retire => "retire",
            ActKind::Restore => "restore",
        }
    }
}

/// One recorded change. Acts are never changed and never removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its number; later acts have larger ones.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// What.
    pub kind: ActKind,
    /// The address.
    pub path: Vec<u8>,
    /// Where something went.
    pub target: Option<Vec<u8>>,
    /// The content.
    pub digest: Option<Digest>,
    /// Who.
    pub author: Option<String>,
    /// Words about it.
    pub note: Option<String>,
}

/// Names an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntentId(pub u64);

/// A change of files that is about to be made, told before so that a crash half way can be sorted out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its name.
    pub id: IntentId,
    /// What will be recorded once the files are changed.
    pub record: Record,
}

/// What an intent says when it is written.
pub type Intended = Record;

/// A ledger. Every call is whole: it happened durably, or not at all.
pub trait Ledger: Send + Sync {
    /// What the ledger says of an address.
    ///
    /// # Errors
    /// The ledger cannot be read: then nothing is known, not even that nothing is.
    fn standing(&self, path: &[u8]) -> Result<Standing, StoreError>;

    /// The mark of an owner that holds at an address: its own, or that of the nearest collection around it.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn mark(&self, path: &[u8]) -> Result<Option<Mark>, StoreError>;

    /// Every content that was at an address, oldest first, and what its document held at earlier addresses.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn versions(&self, path: &[u8]) -> Result<Vec<Version>, StoreError>;

    /// Acts with a number below `before`, newest first, at most so many; of one address and what is below it, or
    /// of all.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn acts(&self, path: Option<&[u8]>, before: Option<u64>, most: usize) -> Result<Vec<Act>, StoreError>;

    /// Checks what is expected and records a change, as one.
    ///
    /// # Errors
    /// Why nothing was recorded.
    fn record(&self, record: &Record) -> Result<Act, RecordError>;

    /// Writes down what is about to be done to files, checking what is expected.
    ///
    /// # Errors
    /// Why nothing was written.
    fn intend(&self, intended: &Intended) -> Result<IntentId, RecordError>;

    /// Forgets an intent: the files are as they were.
    ///
    /// # Errors
    /// The ledger cannot be written.
    fn abandon(&self, intent: IntentId) -> Result<(), StoreError>;

    /// Intents that are neither fulfilled nor abandoned: what a crash left.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn intents(&self) -> Result<Vec<Intent>, StoreError>;
}
