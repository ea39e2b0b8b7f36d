//! Where the user agent keeps things between runs, and how a file is replaced all at once.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The folder for things that can be fetched again.
pub fn cache_folder(read: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    folder(&read, "XDG_CACHE_HOME", ".cache")
}

/// The folder for things that cannot: journals, remembered tags, monitors.
pub fn state_folder(read: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    folder(&read, "XDG_STATE_HOME", ".local/state")
}

fn folder(read: &impl Fn(&str) -> Option<String>, variable: &str, below_home: &str) -> Option<PathBuf> {
    let given = read(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || {
        read("HOME").map(PathBuf::from).filter(|path| path.is_absolute()).map(|home| home.join(below_home))
    };
    given.or_else(home).map(|base| base.join("candor"))
}

/// Makes a folder that only its owner can look into.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(bytes)?;
    fresh.as_file().sync_data()?;
    fresh.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// Reads a JSON file; none where it is absent or malformed.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Writes a JSON file into a private folder.
pub(crate) fn write_json<T: serde::Serialize>(file: &Path, value: &T) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        make_private(folder)?;
    }
    replace(file, &serde_json::to_vec_pretty(value)?)
}

/// A file name for an address: a digest, so that any address has one.
pub(crate) fn name_of(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex().chars().take(40).collect()
}
