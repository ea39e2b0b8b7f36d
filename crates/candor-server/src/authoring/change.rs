//! Carrying changes out: files and ledger together, so that a crash at any point leaves a whole change or none.
//!
//! The order is always the same: what will be replaced is kept, what comes is kept and on the disk, the intent is
//! written, the file takes its place, the act is recorded, and only then is anybody told.

use std::io::{self, Seek};
use std::sync::Arc;

use candor_origin::{Folder, Spot};
use candor_store::{
    Change, Digest, Expected, Kind, Leaves, NewVersion, Record, RecordError, Standing, StoreError,
};

use super::Authoring;
use super::recover::{digest, kind};
use super::upload::Upload;

/// Documents and collections that one move or copy touches at most.
pub(crate) const MOST_BELOW: usize = 1_000_000;

/// A site's folder and ledger, as one caller changes them. Everything here waits for the disk.
#[derive(Clone)]
pub(crate) struct Author {
    /// Ledger and contents.
    pub(crate) authoring: Arc<Authoring>,
    /// The files.
    pub(crate) folder: Folder,
    /// Who it is; `None`: somebody without a name.
    pub(crate) name: Option<String>,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Something is where nothing was.
    Created,
    /// What was there was replaced, removed or moved.
    Changed,
    /// Everything was already so.
    Unchanged,
}

/// Why a change was not made.
#[derive(Debug)]
pub(crate) enum Fault {
    /// No room.
    Full,
    /// Not now.
    Temporary,
    /// Something is in the way by now.
    InTheWay,
    /// Anything else; what the system said is for the log.
    Failed(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        use io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Fault::Full,
            ErrorKind::ReadOnlyFilesystem | ErrorKind::ResourceBusy => Fault::Temporary,
            ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty | ErrorKind::IsADirectory => {
                Fault::InTheWay
            }
            _ => Fault::Failed(error.to_string()),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        match error {
            StoreError::Full => Fault::Full,
            StoreError::Temporary(_) => Fault::Temporary,
            StoreError::Newer(..) | StoreError::Damaged(_) | StoreError::Failed(_) => {
                Fault::Failed(error.to_string())
            }
        }
    }
}

impl From<RecordError> for Fault {
    fn from(error: RecordError) -> Fault {
        match error {
            RecordError::Store(error) => error.into(),
            RecordError::Clash(_) => Fault::InTheWay,
            RecordError::IntoItself | RecordError::NoPath | RecordError::Nothing => {
                Fault::Failed(error.to_string())
            }
        }
    }
}

impl Author {
    /// Puts content at a path. With `create`, only where nothing is.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(crate) fn put(
        &self,
        path: &[u8],
        upload: &mut Upload,
        media_type: Option<String>,
        create: bool,
    ) -> Result<Done, Fault> {
        let current = match self.folder.spot(path)? {
            Spot::File if create => return Err(Fault::InTheWay),
            Spot::File => Some(self.current(path)?),
            Spot::Free => None,
            _ => return Err(Fault::InTheWay),
        };
        if current.as_ref().is_some_and(|current| current.version.digest == upload.digest) {
            return Ok(Done::Unchanged);
        }
        let version = NewVersion { digest: upload.digest, length: upload.length, media_type };
        let mut record = self.record(path, Change::Put(version), current.as_ref())?;
        self.authoring.contents.keep(&upload.digest, &mut upload.read()?, upload.length)?;
        let finished = upload.finished(&self.authoring)?;
        self.carry_out(&mut record, || self.folder.place(finished, path, current.is_some()))?;
        Ok(if current.is_some() { Done::Changed } else { Done::Created })
    }

    /// Removes a document, or an empty collection where the path ends in a slash.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(crate) fn delete(&self, path: &[u8], leaves: Leaves) -> Result<Done, Fault> {
        if path.ends_with(b"/") {
            let mut record = self.record(path, Change::Delete(leaves), None)?;
            self.carry_out(&mut record, || self.folder.remove_folder(path))?;
            return Ok(Done::Changed);
        }
        let current = self.current(path)?;
        let mut record = self.record(path, Change::Delete(leaves), Some(&current))?;
        self.carry_out(&mut record, || self.folder.remove_file(path))?;
        Ok(Done::Changed)
    }

    /// Makes a collection.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(crate) fn make_collection(&self, path: &[u8]) -> Result<Done, Fault> {
        let mut record = self.record(path, Change::MakeCollection, None)?;
        self.carry_out(&mut record, || self.folder.make_folder(path))?;
        Ok(Done::Created)
    }

    /// Moves a document, or a collection where both paths end in a slash.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(crate) fn move_to(&self, path: &[u8], to: &[u8], leaves: Leaves) -> Result<Done, Fault> {
        let is_collection = path.ends_with(b"/");
        let replaced = self.folder.spot(to.strip_suffix(b"/").unwrap_or(to))? == Spot::File;
        if replaced && is_collection {
            return Err(Fault::InTheWay);
        }
        let (current, below) = match is_collection {
            true => (None, to_below(self.folder.below(path, MOST_BELOW)?)),
            false => (Some(self.current(path)?), Vec::new()),
        };
        if replaced {
            // What is replaced stays among the versions.
            let lost = self.current(to)?;
            self.keep(to, &lost)?;
        }
        let change = Change::Move { to: to.to_vec(), leaves, below };
        let mut record = self.record(path, change, current.as_ref())?;
        self.carry_out(&mut record, || self.folder.rename(path, to, replaced))?;
        Ok(if replaced { Done::Changed } else { Done::Created })
    }

    /// Copies a document, or a collection with everything in it where both paths end in a slash.
    ///
    /// # Errors
    /// What was copied so far stays.
    pub(crate) fn copy_to(&self, path: &[u8], to: &[u8], whole: bool) -> Result<Done, Fault> {
        if !path.ends_with(b"/") {
            return self.copy_document(path, to);
        }
        // Told before anything is made: the copy may be inside.
        let below = if whole { self.folder.below(path, MOST_BELOW)? } else { Vec::new() };
        self.make_collection(to)?;
        for (relative, is_folder) in below {
            let (source, target) = ([path, &relative].concat(), [to, &relative].concat());
            match is_folder {
                true => self.make_collection(&[&target[..], b"/"].concat())?,
                false => self.copy_document(&source, &target)?,
            };
        }
        Ok(Done::Created)
    }

    fn copy_document(&self, path: &[u8], to: &[u8]) -> Result<Done, Fault> {
        let mut file = self.folder.file(path)?;
        let finished = self.authoring.unfinished().ok_or(Fault::Temporary)?;
        let mut upload = Upload::copy(&mut file, finished)?;
        let media_type = match self.authoring.ledger.standing(path)? {
            Standing::Present(version) => version.media_type,
            _ => None,
        };
        self.put(to, &mut upload, media_type, false)
    }

    // ---- parts ---------------------------------------------------------------------------------------------------

    /// What a change records, with what was there kept and told.
    fn record(&self, path: &[u8], change: Change, current: Option<&Current>) -> Result<Record, Fault> {
        let known = self.authoring.ledger.standing(path)?;
        let mut record = Record { author: self.name.clone(), ..Record::new(path, change) };
        if let Some(current) = current {
            self.keep(path, current)?;
            record.expected = match &known {
                Standing::Present(version) => Expected::Content(version.digest),
                _ => Expected::Any,
            };
            let is_known = matches!(&known, Standing::Present(v) if v.digest == current.version.digest);
            record.found = (!is_known).then(|| current.version.clone());
        }
        Ok(record)
    }

    /// Keeps the content of a file that is about to go.
    fn keep(&self, path: &[u8], current: &Current) -> Result<(), Fault> {
        if self.authoring.contents.has(&current.version.digest)? {
            return Ok(());
        }
        let mut file = self.folder.file(path)?;
        Ok(self.authoring.contents.keep(&current.version.digest, &mut file, current.version.length)?)
    }

    fn current(&self, path: &[u8]) -> io::Result<Current> {
        let mut file = self.folder.file(path)?;
        let digest = digest(&mut file)?;
        let length = file.stream_position()?;
        Ok(Current { version: NewVersion { digest, length, media_type: None } })
    }

    /// Intent, files, act.
    fn carry_out(&self, record: &mut Record, files: impl FnOnce() -> io::Result<()>) -> Result<(), Fault> {
        let intent = self.authoring.ledger.intend(record)?;
        if let Err(error) = files() {
            self.authoring.ledger.abandon(intent)?;
            return Err(error.into());
        }
        record.fulfils = Some(intent);
        self.authoring.ledger.record(record)?;
        Ok(())
    }
}

/// What is in the folder now.
struct Current {
    version: NewVersion,
}

/// What is below a folder, as the ledger wants it.
pub(crate) fn to_below(found: Vec<(Vec<u8>, bool)>) -> Vec<(Vec<u8>, Kind)> {
    found.into_iter().map(|(path, is_folder)| (path, kind(is_folder))).collect()
}

/// The digest of a file of the folder. Waits for the disk.
///
/// # Errors
/// It cannot be read.
pub(crate) fn digest_of(folder: &Folder, path: &[u8]) -> io::Result<Digest> {
    digest(&mut folder.file(path)?)
}
