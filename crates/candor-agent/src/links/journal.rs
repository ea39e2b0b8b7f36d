//! The journal of edits: what was changed in which file because of which answer, and how it is undone.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use candor_links::{Edit, apply};
use serde::{Deserialize, Serialize};

use crate::storage;

/// The edits of one file in one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// When the run began, in seconds since 1970; the same for all its files.
    pub run: u64,
    /// The file.
    pub file: PathBuf,
    /// The digest of its bytes before and after.
    pub before: String,
    /// See [`Entry::before`].
    pub after: String,
    /// The edits, by rising position.
    pub edits: Vec<Change>,
}

/// One edit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// The position in the file as it was.
    pub at: usize,
    /// What stood there.
    pub old: String,
    /// What stands there now.
    pub new: String,
    /// The answer that caused it, as a clause.
    pub because: String,
}

/// The journal of a folder.
#[derive(Clone, Debug)]
pub struct Journal(PathBuf);

impl Journal {
    /// The journal in a state folder for what lies beneath a path.
    pub fn of(state: &Path, root: &Path) -> Journal {
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        Journal(state.join("links").join(format!("{}.jsonl", storage::name_of(&root.to_string_lossy()))))
    }

    /// Its file.
    pub fn file(&self) -> &Path {
        &self.0
    }

    /// Writes an entry down, durably, before its file is changed.
    ///
    /// # Errors
    /// Where it cannot be written; then the file must not be changed.
    pub fn append(&self, entry: &Entry) -> io::Result<()> {
        if let Some(folder) = self.0.parent() {
            storage::make_private(folder)?;
        }
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.0)?;
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_data()
    }

    /// Undoes the newest run: every file of it that is still as the run left it. Gives the files that are as they
    /// were again, and those that changed since.
    ///
    /// # Errors
    /// Where the journal cannot be read or written.
    pub fn undo(&self) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let text = std::fs::read_to_string(&self.0)?;
        let entries: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let Some(newest) = entries.iter().map(|entry| entry.run).max() else {
            return Ok((Vec::new(), Vec::new()));
        };
        let (mut undone, mut changed, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            if entry.run != newest {
                kept.push(entry);
                continue;
            }
            let bytes = std::fs::read(&entry.file).unwrap_or_default();
            if digest(&bytes) == entry.before {
                // It was written down, but never done.
                continue;
            }
            match restored(&entry, &bytes) {
                Some(before) => {
                    replace(&entry.file, &before)?;
                    undone.push(entry.file);
                }
                None => {
                    changed.push(entry.file.clone());
                    kept.push(entry);
                }
            }
        }
        let mut lines = Vec::new();
        for entry in &kept {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        storage::replace(&self.0, &lines)?;
        Ok((undone, changed))
    }
}

/// The bytes as they were; none where the file is not as the run left it.
fn restored(entry: &Entry, bytes: &[u8]) -> Option<Vec<u8>> {
    if digest(bytes) != entry.after {
        return None;
    }
    let mut grown: i64 = 0;
    let mut edits = Vec::new();
    for change in &entry.edits {
        let start = usize::try_from(i64::try_from(change.at).ok()?.checked_add(grown)?).ok()?;
        let end = start.checked_add(change.new.len())?;
        edits.push(Edit { range: start..end, text: change.old.clone() });
        grown = grown + i64::try_from(change.new.len()).ok()? - i64::try_from(change.old.len()).ok()?;
    }
    let before = apply(bytes, &edits).ok()?;
    (digest(&before) == entry.before).then_some(before)
}

pub(super) fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Replaces a file's bytes all at once and keeps its permissions.
pub(super) fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let permissions = std::fs::metadata(file)?.permissions();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(bytes)?;
    fresh.as_file().set_permissions(permissions)?;
    fresh.as_file().sync_data()?;
    fresh.persist(file).map_err(|error| error.error)?;
    Ok(())
}
