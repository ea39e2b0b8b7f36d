//! The ledger of addresses and the contents of versions: traits in plain types, backends, and the suite that all
//! backends pass.
//!
//! The ledger knows what was at an address, where it went and who changed it. A document or collection has an
//! identity; an edge of its collection names it for a span of time. So moving a collection touches a few rows
//! whatever its size, every redirect is one hop, and a loop cannot be written.
//!
//! Neither a path of a file system nor anything of a query language crosses these traits: what stands behind
//! them may be one file, or a database for many servers.

pub mod conformance;
mod contents;
mod fault;
mod ledger;
mod memory;
mod plan;
mod resolve;
mod rows;
mod sqlite;

pub use contents::{Contents, Digest, Kept};
pub use fault::{RecordError, StoreError};
pub use ledger::{
    Act, ActKind, Change, Expected, Intended, Intent, IntentId, Kind, Leaves, Ledger, Mark, MarkKind, Moment,
    NewVersion, Record, Standing, Version,
};
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;
