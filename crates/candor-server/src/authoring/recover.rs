//! After a crash: what was about to be done is either done, and then recorded, or was not begun.

use std::io::{self, Read};

use candor_origin::{Folder, Spot};
use candor_store::{Change, Digest, Intent, Kind, Record, RecordError, StoreError};

use super::Authoring;
use super::change::to_below;
use crate::report;

/// Sorts out the intents that a crash left. None of them was acknowledged, so a ledger that cannot be written now
/// keeps them for the next start.
///
/// # Errors
/// The ledger cannot be read, or contradicts itself.
pub(crate) fn recover(authoring: &Authoring, folder: &Folder) -> Result<(), StoreError> {
    match sort_out(authoring, folder) {
        Err(error @ (StoreError::Full | StoreError::Temporary(_))) => {
            report::warn(&format!("what a crash cut off is sorted out at the next start: {error}"));
            Ok(())
        }
        result => result,
    }
}

fn sort_out(authoring: &Authoring, folder: &Folder) -> Result<(), StoreError> {
    for Intent { id, mut record } in authoring.ledger.intents()? {
        let path = String::from_utf8_lossy(&record.path).into_owned();
        if happened(folder, &record).unwrap_or(false) {
            if let Change::Move { to, below, .. } = &mut record.change
                && to.ends_with(b"/")
            {
                *below = to_below(folder.below(to, usize::MAX).unwrap_or_default());
            }
            record.fulfils = Some(id);
            match authoring.ledger.record(&record) {
                Ok(_) => report::note(&format!("{path}: a change that a crash had cut off was finished")),
                Err(RecordError::Store(error)) => return Err(error),
                Err(_) => authoring.ledger.abandon(id)?,
            }
        } else {
            authoring.ledger.abandon(id)?;
            report::note(&format!("{path}: a change that a crash had cut off was not made"));
        }
    }
    Ok(())
}

/// Whether the files are as they were to become.
fn happened(folder: &Folder, record: &Record) -> io::Result<bool> {
    let spot = |path: &[u8]| folder.spot(path.strip_suffix(b"/").unwrap_or(path));
    let is_away = |spot: Spot| matches!(spot, Spot::Free | Spot::ParentMissing);
    Ok(match &record.change {
        Change::Put(version) => {
            folder.spot(&record.path)? == Spot::File
                && digest(&mut folder.file(&record.path)?)? == version.digest
        }
        Change::MakeCollection => spot(&record.path)? == Spot::Folder,
        Change::Delete(_) => is_away(spot(&record.path)?),
        Change::Move { to, .. } => is_away(spot(&record.path)?) && !is_away(spot(to)?),
        Change::Mark(_) | Change::Lift => false,
    })
}

/// The digest of all that can be read.
pub(crate) fn digest(content: &mut impl Read) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(Digest(*hasher.finalize().as_bytes())),
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        };
    }
}

/// The kind of an entry of the folder.
pub(crate) fn kind(is_folder: bool) -> Kind {
    if is_folder { Kind::Collection } else { Kind::Document }
}
