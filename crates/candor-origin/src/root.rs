//! The folder's root: where it is, and how anything beneath it is reached.
//!
//! The path is the truth: it may be a link that is turned to another release, or be renamed and replaced. The
//! descriptor held here is only good as long as the path still names the same folder.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Whether the disk may be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only what the kernel has in memory; everything else is `WouldBlock`.
    Cached,
    /// Whatever it takes.
    Disk,
}

/// A resolution that raced with a rename is tried again this often.
const RACES: usize = 64;

/// As many absolute links are followed for one path; the kernel's own limit is 40 of any kind.
const MOST_LINKS: usize = 8;

/// The root of a folder.
#[derive(Debug)]
pub(crate) struct Root {
    path: CString,
    /// The root seen from inside: to name it takes permission to enter it.
    inside: CString,
    open: Mutex<Arc<Held>>,
}

/// The root's descriptor, and whose it is.
#[derive(Debug)]
struct Held {
    folder: OwnedFd,
    identity: (u64, u64),
    /// The ways to write its path: as it was given, and without links.
    written: [Vec<u8>; 2],
}

impl Root {
    /// Opens the root. A relative path is read against the working directory now, not later; links are kept.
    ///
    /// # Errors
    /// The system's error, with the path in its text.
    pub(crate) fn open(path: &Path) -> io::Result<Root> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let path = absolute(path).map_err(named)?;
        let inside = CString::new([path.as_bytes(), b"/."].concat()).map_err(|error| named(error.into()))?;
        let held = Held::open(&path).map_err(|errno| named(errno.into()))?;
        identity(&inside).map_err(|errno| named(errno.into()))?;
        Ok(Root { path, inside, open: Mutex::new(Arc::new(held)) })
    }

    /// The absolute path of something beneath: `beneath` starts with a slash.
    pub(crate) fn path_of(&self, beneath: &[u8]) -> Option<CString> {
        let root = match self.path.as_bytes() {
            b"/" => b"",
            path => path,
        };
        CString::new([root, beneath].concat()).ok()
    }

    /// The folder that the path names now.
    ///
    /// # Errors
    /// Whatever keeps the root from being read: then the folder is away.
    pub(crate) fn now(&self) -> Result<Beneath, Errno> {
        let found = identity(&self.inside)?;
        let mut held = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if held.identity != found {
            *held = Arc::new(Held::open(&self.path)?);
        }
        Ok(Beneath(held.clone()))
    }
}

impl Held {
    fn open(path: &CStr) -> Result<Held, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&folder)?;
        let given = path.to_bytes();
        let plain = std::fs::canonicalize(std::ffi::OsStr::from_bytes(given));
        let plain =
            plain.map_or_else(|_| given.to_vec(), |plain| plain.into_os_string().into_encoded_bytes());
        Ok(Held { folder, identity: (stat.st_dev, stat.st_ino), written: [given.to_vec(), plain] })
    }
}

fn identity(path: &CStr) -> Result<(u64, u64), Errno> {
    let stat = rustix::fs::statat(CWD, path, AtFlags::empty())?;
    Ok((stat.st_dev, stat.st_ino))
}

fn absolute(path: &Path) -> io::Result<CString> {
    let absolute: PathBuf = std::path::absolute(path)?;
    let mut bytes = absolute.as_os_str().as_bytes();
    while let Some((b'/', rest)) = bytes.split_last().map(|(last, rest)| (*last, rest)) {
        if rest.is_empty() {
            break;
        }
        bytes = rest;
    }
    Ok(CString::new(bytes)?)
}

/// One state of the root, kept for the length of a look-up.
#[derive(Clone, Debug)]
pub(crate) struct Beneath(Arc<Held>);

impl Beneath {
    /// Opens what an address path names, following links as long as they stay beneath the root.
    ///
    /// # Errors
    /// `EXDEV` where a link leads out; `EAGAIN` with [`Reach::Cached`] where the disk would be asked.
    pub(crate) fn open(&self, path: &[u8], flags: OFlags, reach: Reach) -> Result<OwnedFd, Errno> {
        let relative = match path.strip_prefix(b"/").unwrap_or(path) {
            b"" => b".".as_slice(),
            relative => relative,
        };
        let relative = CString::new(relative).map_err(|_| Errno::INVAL)?;
        let flags = flags | OFlags::CLOEXEC;
        match self.resolve(&relative, flags, reach) {
            // Kernels before 5.12 have no such promise; they may be asked when waiting is fine.
            Err(Errno::INVAL) if reach == Reach::Cached => Err(Errno::AGAIN),
            // Kernels before 5.6, and sandboxes that do not know the call.
            Err(Errno::NOSYS) => self.walk(&relative, flags, reach),
            // Out of the root, or by an absolute link, which to the kernel is the same.
            Err(Errno::XDEV) => self.by_absolute_links(relative, flags, reach),
            result => result,
        }
    }

    /// Follows absolute links that stay beneath the root. The path is rewritten and resolved beneath the root
    /// again, so a wrong guess here can only miss something, never let it out.
    fn by_absolute_links(
        &self,
        mut relative: CString,
        flags: OFlags,
        reach: Reach,
    ) -> Result<OwnedFd, Errno> {
        if reach == Reach::Cached {
            return Err(Errno::AGAIN);
        }
        for _ in 0..MOST_LINKS {
            relative = self.rewritten(relative.to_bytes()).ok_or(Errno::XDEV)?;
            match self.resolve(&relative, flags, reach) {
                Err(Errno::XDEV) => {}
                result => return result,
            }
        }
        Err(Errno::LOOP)
    }

    /// A path with its first link that the kernel does not follow replaced by where it leads.
    fn rewritten(&self, path: &[u8]) -> Option<CString> {
        let ends = memchr::memchr_iter(b'/', path).chain([path.len()]);
        for end in ends.filter(|&end| end > 0) {
            let (prefix, rest) = path.split_at_checked(end)?;
            let link = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let there = self.resolve(&CString::new(prefix).ok()?, link, Reach::Disk).ok()?;
            let Ok(target) = rustix::fs::readlinkat(&there, c"", Vec::new()) else { continue };
            let around = memchr::memrchr(b'/', prefix).and_then(|at| prefix.get(..=at)).unwrap_or_default();
            let inward = match target.to_bytes() {
                absolute if absolute.starts_with(b"/") => self.beneath_root(absolute)?.to_vec(),
                _ if self
                    .resolve(&CString::new(prefix).ok()?, OFlags::PATH | OFlags::CLOEXEC, Reach::Disk)
                    .is_ok() =>
                {
                    continue;
                }
                sideways => [around, sideways].concat(),
            };
            return CString::new([&inward, rest].concat()).ok();
        }
        None
    }

    /// The part of an absolute path below the root, relative to it.
    fn beneath_root<'a>(&self, absolute: &'a [u8]) -> Option<&'a [u8]> {
        self.0.written.iter().find_map(|root| match absolute.strip_prefix(&root[..])? {
            b"" | b"/" => Some(&b"."[..]),
            rest => rest.strip_prefix(b"/"),
        })
    }

    fn resolve(&self, relative: &CStr, flags: OFlags, reach: Reach) -> Result<OwnedFd, Errno> {
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        if reach == Reach::Cached {
            resolve |= ResolveFlags::CACHED;
        }
        let mut result = Err(Errno::AGAIN);
        for _ in 0..RACES {
            result = rustix::fs::openat2(&self.0.folder, relative, flags, Mode::empty(), resolve);
            match result {
                Err(Errno::INTR) => {}
                // A rename somewhere crossed the resolution; with the cache alone it may as well be the disk.
                Err(Errno::AGAIN) if reach == Reach::Disk => {}
                _ => break,
            }
        }
        result
    }

    /// Opens segment by segment and follows no link at all: safe, if less than the kernel could do.
    fn walk(&self, relative: &CStr, flags: OFlags, reach: Reach) -> Result<OwnedFd, Errno> {
        if reach == Reach::Cached {
            return Err(Errno::AGAIN);
        }
        let enter = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder: Option<OwnedFd> = None;
        let mut segments =
            relative.to_bytes().split(|&b| b == b'/').filter(|segment| !segment.is_empty()).peekable();
        while let Some(segment) = segments.next() {
            if segment == b".." {
                return Err(Errno::XDEV);
            }
            let from = folder.as_ref().unwrap_or(&self.0.folder);
            if segments.peek().is_none() {
                return open_last(from, segment, flags);
            }
            folder = Some(rustix::fs::openat(from, segment, enter, Mode::empty())?);
        }
        Err(Errno::NOENT)
    }

    /// Opens a file for reading. Neither a FIFO nor a terminal can hold the caller up or become his.
    pub(crate) fn open_file(&self, path: &[u8], reach: Reach) -> Result<OwnedFd, Errno> {
        self.open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY, reach)
    }

    /// What a path names, without opening it: works without permission to read it.
    pub(crate) fn stat(&self, path: &[u8], reach: Reach) -> Result<rustix::fs::Stat, Errno> {
        let there = self.open(path, OFlags::PATH, reach)?;
        rustix::fs::fstat(there)
    }
}

/// Opens one name, unless it is a link. Asked for as a mere path, the kernel would give the link itself.
fn open_last(folder: &OwnedFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let there = rustix::fs::openat(folder, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
    match rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&there)?.st_mode) {
        rustix::fs::FileType::Symlink => Err(Errno::LOOP),
        _ => Ok(there),
    }
}

/// Why something beneath the root is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It is not there, or a link leads out of the root: the same to anybody who asks.
    Absent,
    /// The root itself cannot be read, so nobody can say.
    Away,
    /// It is there and may not be read.
    Forbidden,
    /// The system failed.
    Failed,
    /// The disk would have to be waited for.
    WouldBlock,
}

impl Missing {
    /// Whose fault an error of the system is.
    pub(crate) fn from_errno(errno: Errno, reach: Reach) -> Missing {
        match errno {
            Errno::AGAIN if reach == Reach::Cached => Missing::WouldBlock,
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::LOOP
            | Errno::XDEV
            | Errno::NAMETOOLONG
            | Errno::INVAL
            | Errno::ILSEQ
            | Errno::NXIO
            | Errno::NODEV => Missing::Absent,
            Errno::ACCESS | Errno::PERM => Missing::Forbidden,
            _ => Missing::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn walking_reaches_what_is_beneath_and_follows_no_link() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("root/a/b")).unwrap();
        std::fs::write(place.path().join("root/a/b/c.txt"), "").unwrap();
        std::fs::write(place.path().join("out.txt"), "").unwrap();
        symlink("../out.txt", place.path().join("root/out.txt")).unwrap();
        symlink("a", place.path().join("root/alias")).unwrap();
        let root = Root::open(&place.path().join("root")).unwrap();
        let beneath = root.now().unwrap();
        for (path, flags, expected) in [
            (c"a/b/c.txt", OFlags::RDONLY, None),
            (c"a/b/c.txt", OFlags::PATH, None),
            (c"a/b/", OFlags::RDONLY | OFlags::DIRECTORY, None),
            (c".", OFlags::RDONLY | OFlags::DIRECTORY, None),
            (c"out.txt", OFlags::RDONLY, Some(Errno::LOOP)),
            (c"out.txt", OFlags::PATH, Some(Errno::LOOP)),
            (c"alias/b/c.txt", OFlags::RDONLY, Some(Errno::NOTDIR)),
            (c"../out.txt", OFlags::RDONLY, Some(Errno::XDEV)),
            (c"none", OFlags::RDONLY, Some(Errno::NOENT)),
        ] {
            assert_eq!(beneath.walk(path, flags, Reach::Disk).err(), expected, "{path:?}");
        }
    }

    #[test]
    fn paths_lose_their_trailing_slashes() {
        for (given, expected) in [("/a/b//", "/a/b"), ("/", "/"), ("/a", "/a")] {
            assert_eq!(absolute(Path::new(given)).unwrap().to_bytes(), expected.as_bytes());
        }
    }
}
