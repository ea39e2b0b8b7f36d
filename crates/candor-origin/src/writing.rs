//! Changes of the folder: what a writer finds at a path, and how files come, go and move.
//!
//! Everything here may wait for the disk, is durable when it returns, and reaches nothing outside the root. What
//! others do to the folder meanwhile is never overwritten unseen: a new name is only given where none is.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::folder::Folder;
use crate::names;
use crate::root::Reach;

/// The longest file name there can be.
const NAME_MAX: usize = 255;

/// What a writer finds at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// The folder around it is not there.
    ParentMissing,
    /// A file is where a folder would have to be.
    ParentIsFile,
    /// Nothing: there is room for a new name.
    Free,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// Something else: a device, a link that leads nowhere.
    Other,
}

/// Whether a file could be written under a path: every segment is a name, and none is hidden.
pub fn is_writable_path(path: &[u8]) -> bool {
    let inner = path.strip_prefix(b"/").map(|rest| rest.strip_suffix(b"/").unwrap_or(rest));
    !names::is_hidden(path)
        && inner.is_some_and(|inner| {
            inner.split(|&byte| byte == b'/').all(|name| !name.is_empty() && name.len() <= NAME_MAX)
        })
}

/// The media type that a file's name tells.
pub fn media_type_of(name: &[u8]) -> Option<&'static str> {
    crate::media::of_name(name)
}

impl Folder {
    /// What is at a path.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn spot(&self, path: &[u8]) -> io::Result<Spot> {
        let (parent, name) = split(path);
        let folder = match self.folder_at(parent) {
            Ok(folder) => folder,
            Err(Errno::NOTDIR) => return Ok(Spot::ParentIsFile),
            Err(Errno::NOENT | Errno::LOOP | Errno::XDEV) => return Ok(Spot::ParentMissing),
            Err(errno) => return Err(errno.into()),
        };
        if name.is_empty() {
            return Ok(Spot::Folder);
        }
        match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(Spot::Free),
            Err(errno) => Err(errno.into()),
            Ok(stat) => Ok(match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Spot::File,
                FileType::Directory => Spot::Folder,
                FileType::Symlink => self.behind_link(path),
                _ => Spot::Other,
            }),
        }
    }

    fn behind_link(&self, path: &[u8]) -> Spot {
        match self.beneath().and_then(|beneath| beneath.stat(path, Reach::Disk)) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Spot::File,
                FileType::Directory => Spot::Folder,
                _ => Spot::Other,
            },
            Err(_) => Spot::Other,
        }
    }

    /// The file at a path, for reading.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn file(&self, path: &[u8]) -> io::Result<File> {
        let file = File::from(self.beneath()?.open_file(path, Reach::Disk)?);
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(file)
    }

    /// Puts a finished file at a path. `finished` is its own name until then, anywhere; its bytes must be on the
    /// disk. With `replace`, it takes the place of the file that is there.
    ///
    /// # Errors
    /// `AlreadyExists` where something is in the way; else what the system says. `finished` is still there then.
    pub fn place(&self, finished: &Path, path: &[u8], replace: bool) -> io::Result<()> {
        let (parent, name) = split(path);
        let folder = self.folder_at(parent)?;
        if replace {
            let held = self.file(path)?.metadata()?;
            // The file keeps the rights that its owner gave it.
            std::fs::set_permissions(finished, Permissions::from_mode(held.mode() & 0o777))?;
        }
        match rename(CWD, finished, &folder, name, replace) {
            Err(Errno::XDEV) => copy_beside(finished, &folder, name, replace)?,
            result => result?,
        }
        rustix::fs::fsync(&folder)?;
        Ok(())
    }

    /// Removes the file at a path.
    ///
    /// # Errors
    /// It is not there or cannot be removed.
    pub fn remove_file(&self, path: &[u8]) -> io::Result<()> {
        self.remove(path, AtFlags::empty())
    }

    /// Removes the folder at a path, if nothing is in it.
    ///
    /// # Errors
    /// `DirectoryNotEmpty`, or what the system says.
    pub fn remove_folder(&self, path: &[u8]) -> io::Result<()> {
        self.remove(path.strip_suffix(b"/").unwrap_or(path), AtFlags::REMOVEDIR)
    }

    fn remove(&self, path: &[u8], flags: AtFlags) -> io::Result<()> {
        let (parent, name) = split(path);
        let folder = self.folder_at(parent)?;
        rustix::fs::unlinkat(&folder, name, flags)?;
        rustix::fs::fsync(&folder)?;
        Ok(())
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// `AlreadyExists`, or what the system says.
    pub fn make_folder(&self, path: &[u8]) -> io::Result<()> {
        let (parent, name) = split(path.strip_suffix(b"/").unwrap_or(path));
        let folder = self.folder_at(parent)?;
        rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o777))?;
        rustix::fs::fsync(&folder)?;
        Ok(())
    }

    /// Gives a file or folder another path. With `replace`, a file takes the place of the file that is there.
    ///
    /// # Errors
    /// `AlreadyExists` where something is in the way; else what the system says.
    pub fn rename(&self, from: &[u8], to: &[u8], replace: bool) -> io::Result<()> {
        let (from_parent, from_name) = split(from.strip_suffix(b"/").unwrap_or(from));
        let (to_parent, to_name) = split(to.strip_suffix(b"/").unwrap_or(to));
        let (source, target) = (self.folder_at(from_parent)?, self.folder_at(to_parent)?);
        rename(&source, from_name, &target, to_name, replace)?;
        rustix::fs::fsync(&target)?;
        rustix::fs::fsync(&source)?;
        Ok(())
    }

    /// Whether nothing at all is in a folder, hidden names included.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_empty_folder(&self, path: &[u8]) -> io::Result<bool> {
        let folder = self.folder_at(path)?;
        for entry in rustix::fs::Dir::read_from(&folder)? {
            if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Everything in and below a folder that is served: paths relative to it, and whether each is a folder.
    /// Folders come before what is in them.
    ///
    /// # Errors
    /// A folder cannot be read, or there is more than `most`.
    pub fn below(&self, path: &[u8], most: usize) -> io::Result<Vec<(Vec<u8>, bool)>> {
        let mut found: Vec<(Vec<u8>, bool)> = Vec::new();
        let mut next = 0;
        let mut inside: Vec<u8> = Vec::new();
        loop {
            let folder = self.folder_at(&[path, &inside].concat())?;
            for entry in rustix::fs::Dir::read_from(&folder)? {
                let entry = entry?;
                let name = entry.file_name().to_bytes();
                if name.starts_with(b".") && name != b".well-known" {
                    continue;
                }
                let stat = rustix::fs::statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
                let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
                found.push(([&inside, name].concat(), is_folder));
                if found.len() > most {
                    return Err(io::ErrorKind::QuotaExceeded.into());
                }
            }
            match found.iter().enumerate().skip(next).find(|(_, (_, is_folder))| *is_folder) {
                Some((position, (path, _))) => {
                    next = position + 1;
                    inside = [path.as_slice(), b"/"].concat();
                }
                None => return Ok(found),
            }
        }
    }

    /// Bytes free for files of the folder.
    pub fn room(&self) -> Option<u64> {
        let folder = self.folder_at(b"/").ok()?;
        let told = rustix::fs::fstatvfs(&folder).ok()?;
        Some(told.f_bavail.saturating_mul(told.f_frsize))
    }

    fn folder_at(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.beneath()?.open(path, OFlags::RDONLY | OFlags::DIRECTORY, Reach::Disk)
    }
}

/// The folder around a path, and the name in it.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memrchr(b'/', path).map_or(0, |at| at + 1);
    path.split_at(end)
}

fn rename(
    source: impl std::os::fd::AsFd,
    from: impl rustix::path::Arg + Copy,
    target: &OwnedFd,
    to: &[u8],
    replace: bool,
) -> Result<(), Errno> {
    if replace {
        return rustix::fs::renameat(source, from, target, to);
    }
    match rustix::fs::renameat_with(&source, from, target, to, RenameFlags::NOREPLACE) {
        // A file system without the promise: the look before has to do.
        Err(Errno::INVAL | Errno::NOSYS) => match rustix::fs::statat(target, to, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(Errno::EXIST),
            Err(_) => rustix::fs::renameat(source, from, target, to),
        },
        result => result,
    }
}

/// Where the finished file is on another file system: a copy with a hidden name, which then takes the place.
fn copy_beside(finished: &Path, folder: &OwnedFd, name: &[u8], replace: bool) -> io::Result<()> {
    let tail = finished.file_name().map(std::os::unix::ffi::OsStrExt::as_bytes).unwrap_or_default();
    let hidden = [b".candor-", tail].concat();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut source = File::open(finished)?;
    let mode = Mode::from_raw_mode(source.metadata()?.mode() & 0o777);
    let mut copy = File::from(rustix::fs::openat(folder, hidden.as_slice(), flags, mode)?);
    let copied = io::copy(&mut source, &mut copy)
        .and_then(|_| copy.sync_data())
        .and_then(|()| Ok(rename(folder, hidden.as_slice(), folder, name, replace)?));
    if copied.is_err() {
        let _ = rustix::fs::unlinkat(folder, hidden.as_slice(), AtFlags::empty());
    }
    copied?;
    std::fs::remove_file(finished)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::FolderOptions;

    fn folder() -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("root/a/b")).unwrap();
        std::fs::write(place.path().join("root/a/x.txt"), "x").unwrap();
        std::os::unix::fs::symlink("/", place.path().join("root/out")).unwrap();
        let folder = Folder::open(&place.path().join("root"), FolderOptions::default()).unwrap();
        (place, folder)
    }

    #[test]
    fn spots() {
        let (_place, folder) = folder();
        for (path, expected) in [
            ("/a/x.txt", Spot::File),
            ("/a/y", Spot::Free),
            ("/a/b", Spot::Folder),
            ("/a/b/", Spot::Folder),
            ("/a/x.txt/y", Spot::ParentIsFile),
            ("/none/y", Spot::ParentMissing),
            ("/out/etc", Spot::ParentMissing),
            ("/out", Spot::Other),
            ("/", Spot::Folder),
        ] {
            assert_eq!(folder.spot(path.as_bytes()).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn writable_paths() {
        for (path, writable) in [
            ("/a", true),
            ("/a/", true),
            ("/.a", false),
            ("/a/.b/c", false),
            ("//a", false),
            ("/", false),
            ("/.well-known/x", true),
        ] {
            assert_eq!(is_writable_path(path.as_bytes()), writable, "{path}");
        }
        assert!(!is_writable_path(&[&b"/"[..], &[b'a'; 256]].concat()));
    }

    #[test]
    fn files_take_places_and_keep_rights() {
        let (place, folder) = folder();
        let finished = place.path().join("finished");
        std::fs::write(&finished, "new").unwrap();
        assert_eq!(
            folder.place(&finished, b"/a/x.txt", false).map_err(|e| e.kind()),
            Err(io::ErrorKind::AlreadyExists)
        );
        let there = place.path().join("root/a/x.txt");
        std::fs::set_permissions(&there, Permissions::from_mode(0o640)).unwrap();
        folder.place(&finished, b"/a/x.txt", true).unwrap();
        assert_eq!(std::fs::read(&there).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&there).unwrap().mode() & 0o777, 0o640);
        assert!(!finished.exists());
        std::fs::write(&finished, "y").unwrap();
        folder.place(&finished, b"/a/y", false).unwrap();
        assert!(folder.place(&finished, b"/out/y", false).is_err());
        folder.rename(b"/a/y", b"/a/b/z", false).unwrap();
        assert_eq!(folder.remove_folder(b"/a/").map_err(|e| e.kind()), Err(io::ErrorKind::DirectoryNotEmpty));
        let mut below = folder.below(b"/a/", 10).unwrap();
        below.sort();
        assert_eq!(below, [(b"b".to_vec(), true), (b"b/z".to_vec(), false), (b"x.txt".to_vec(), false)]);
        assert!(folder.below(b"/a/", 2).is_err());
        folder.remove_file(b"/a/b/z").unwrap();
        assert!(folder.is_empty_folder(b"/a/b/").unwrap());
        folder.remove_folder(b"/a/b/").unwrap();
        folder.make_folder(b"/a/c/").unwrap();
        assert!(folder.make_folder(b"/a/c").is_err());
    }
}
