//! Large contents: one file each, named by its digest.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::failed;
use crate::contents::{Digest, Kept};
use crate::fault::StoreError;

/// A folder of contents.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    count: AtomicU64,
}

impl Files {
    /// Opens the folder below a state folder. What a crash left half written is removed.
    pub(super) fn open(state: &Path) -> Result<Files, StoreError> {
        let folder = state.join("contents");
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
        let unfinished = |name: &str| name.starts_with("unfinished-");
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, &error))?.flatten() {
            // Files of a process that is still writing are younger than this one.
            let old = entry
                .metadata()
                .and_then(|m| m.modified())
                .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age.as_secs() > 3600));
            if old && entry.file_name().to_str().is_some_and(unfinished) {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(Files { folder, count: AtomicU64::new(0) })
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        let name = digest.hex();
        let (shelf, rest) = name.split_at(2);
        self.folder.join(shelf).join(rest)
    }

    /// Writes content to a name of its own, checks it, and gives it its name.
    pub(super) fn keep(
        &self,
        digest: &Digest,
        content: &mut dyn Read,
        length: u64,
    ) -> Result<(), StoreError> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.folder.join(format!("unfinished-{}-{number}", std::process::id()));
        let result = self.write(&unfinished, digest, content, length);
        if result.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        result
    }

    fn write(
        &self,
        unfinished: &Path,
        digest: &Digest,
        content: &mut dyn Read,
        length: u64,
    ) -> Result<(), StoreError> {
        let fault = |error: io::Error| failed(unfinished, &error);
        let mut file = File::create(unfinished).map_err(fault)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 128 * 1024];
        let mut content = content.take(length.saturating_add(1));
        loop {
            let read = content.read(&mut buffer).map_err(fault)?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            hasher.update(part);
            file.write_all(part).map_err(fault)?;
        }
        if hasher.finalize().as_bytes() != &digest.0 {
            return Err(StoreError::Temporary("the content changed while it was kept".to_owned()));
        }
        file.sync_data().map_err(fault)?;
        let place = self.place(digest);
        let shelf = place.parent().unwrap_or(&self.folder);
        let made = !shelf.is_dir();
        fs::create_dir_all(shelf).map_err(fault)?;
        fs::rename(unfinished, &place).map_err(fault)?;
        File::open(shelf).and_then(|shelf| shelf.sync_all()).map_err(fault)?;
        if made {
            File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(fault)?;
        }
        Ok(())
    }

    /// Content by its digest.
    pub(super) fn find(&self, digest: &Digest) -> Result<Option<Kept>, StoreError> {
        let place = self.place(digest);
        match File::open(&place) {
            Ok(file) => {
                let length = file.metadata().map_err(|error| failed(&place, &error))?.len();
                Ok(Some(Kept::File(file, length)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&place, &error)),
        }
    }
}
