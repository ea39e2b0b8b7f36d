//! Writing: what a site needs so that its documents can be changed over HTTP, and marks of its ledger be told.
//!
//! A site has this only if some route offers writing or a ledger is already there; reading elsewhere never comes
//! here.

pub(crate) mod change;
pub(crate) mod differences;
pub(crate) mod draft;
pub(crate) mod foreign;
pub(crate) mod forms;
pub(crate) mod locks;
pub(crate) mod marks;
pub(crate) mod offer;
pub(crate) mod recover;
pub(crate) mod state;
pub(crate) mod upload;
pub(crate) mod versions;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use candor_store::{Contents, Ledger};
use tokio::sync::RwLock;

use locks::Locks;

/// The ledger and contents of a site, and the locks of those who change its folder.
pub(crate) struct Authoring {
    /// What is known of addresses.
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Contents of versions.
    pub(crate) contents: Arc<dyn Contents>,
    /// Where the state is kept; `None`: in memory, so nothing may be written.
    pub(crate) folder: Option<PathBuf>,
    /// One writer for each address at a time.
    pub(crate) locks: Locks,
    /// Held shared by those who change one document, and alone by those who change a tree.
    pub(crate) tree: Arc<RwLock<()>>,
    number: AtomicU64,
    /// Keeps other processes away.
    _lock: Option<std::fs::File>,
}

impl Authoring {
    /// Whether what is written would be kept.
    pub(crate) fn can_write(&self) -> bool {
        self.folder.is_some()
    }

    /// A name of its own for a file that is being written.
    pub(crate) fn unfinished(&self) -> Option<PathBuf> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        Some(self.folder.as_ref()?.join(state::INCOMING).join(number.to_string()))
    }
}

impl std::fmt::Debug for Authoring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authoring").field("folder", &self.folder).finish_non_exhaustive()
    }
}
