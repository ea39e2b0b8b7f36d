//! What can go wrong in a store, by whose fault it is and whether to try again.

use std::fmt;

use crate::ledger::Standing;

/// A store that did not do what was asked. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// No room is left.
    Full,
    /// It cannot be done now; later it may.
    Temporary(String),
    /// The store was written by a later version of candor: its number, and the one that is understood here.
    Newer(u32, u32),
    /// What is stored contradicts itself.
    Damaged(String),
    /// Anything else.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Full => f.write_str("no room is left in the state folder"),
            StoreError::Temporary(why) => write!(f, "the ledger cannot be written now: {why}"),
            StoreError::Newer(found, known) => write!(
                f,
                "the ledger was written by a newer candor (form {found}, this one knows {known}); use that version"
            ),
            StoreError::Damaged(why) => write!(f, "the ledger is damaged: {why}"),
            StoreError::Failed(why) => write!(f, "the ledger failed: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// Why a change was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// What was expected at the address is not there: this is.
    Clash(Box<Standing>),
    /// A collection would become part of itself.
    IntoItself,
    /// The address cannot be recorded: it is no path.
    NoPath,
    /// There is nothing to be moved or deleted.
    Nothing,
    /// The store.
    Store(StoreError),
}

impl From<StoreError> for RecordError {
    fn from(error: StoreError) -> RecordError {
        RecordError::Store(error)
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::Clash(_) => f.write_str("something else is at the address by now"),
            RecordError::IntoItself => f.write_str("a collection cannot be moved into itself"),
            RecordError::NoPath => f.write_str("the address is not a path"),
            RecordError::Nothing => f.write_str("there is nothing at the address"),
            RecordError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecordError {}
