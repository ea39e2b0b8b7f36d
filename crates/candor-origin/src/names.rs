//! The names in one folder, sorted, so that all forms of a document lie side by side.

use std::ffi::CString;
use std::ops::Range;
use std::time::Instant;

use rustix::fs::{AtFlags, CWD, Dir, FileType, OFlags};
use rustix::io::Errno;

use crate::root::{Beneath, Missing, Reach, Root};
use crate::stamp::{self, Stamp};

/// A folder with more names than this is not read: single names are asked for instead, so that neither memory
/// nor the time of an answer grows with it.
const MOST_NAMES: usize = 50_000;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, or something the file system did not say: it has to be asked.
    Unsure,
    /// A device, a FIFO, a socket: nothing that is served.
    Other,
}

impl Kind {
    fn of(file_type: FileType) -> Kind {
        match file_type {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink | FileType::Unknown => Kind::Unsure,
            _ => Kind::Other,
        }
    }
}

/// All names of a folder that are not hidden.
#[derive(Debug, Default)]
pub(crate) struct Names {
    text: Vec<u8>,
    spans: Vec<(u32, u16, Kind)>,
}

impl Names {
    /// The kind of a name, if it is there.
    pub(crate) fn kind(&self, name: &[u8]) -> Option<Kind> {
        let at = self.spans.binary_search_by(|span| self.text_of(span).cmp(name)).ok()?;
        self.spans.get(at).map(|span| span.2)
    }

    /// Names that begin with `start`, in order.
    pub(crate) fn starting_with<'a>(&'a self, start: &'a [u8]) -> impl Iterator<Item = (&'a [u8], Kind)> {
        let from = self.spans.partition_point(|span| self.text_of(span) < start);
        let rest = self.spans.get(from..).unwrap_or_default();
        rest.iter()
            .map(|span| (self.text_of(span), span.2))
            .take_while(move |(name, _)| name.starts_with(start))
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], Kind)> {
        self.spans.iter().map(|span| (self.text_of(span), span.2))
    }

    /// Bytes of memory, roughly.
    fn weight(&self) -> usize {
        self.text.len() + self.spans.len() * size_of::<(u32, u16, Kind)>()
    }

    fn push(&mut self, name: &[u8], kind: Kind) {
        if let (Ok(start), Ok(length)) = (u32::try_from(self.text.len()), u16::try_from(name.len())) {
            self.text.extend_from_slice(name);
            self.spans.push((start, length, kind));
        }
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.spans.sort_unstable_by(|a, b| slice(text, a).cmp(slice(text, b)));
    }

    fn text_of(&self, span: &(u32, u16, Kind)) -> &[u8] {
        slice(&self.text, span)
    }
}

fn slice<'a>(text: &'a [u8], &(start, length, _): &(u32, u16, Kind)) -> &'a [u8] {
    let start = start as usize;
    text.get(Range { start, end: start + usize::from(length) }).unwrap_or_default()
}

/// A folder as it was read once.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Its address path, with a slash at both ends.
    pub(crate) path: Box<[u8]>,
    /// Its names; `None` where they are too many or may not be read: then each is asked for.
    pub(crate) names: Option<Names>,
    /// The stamp they were read under.
    pub(crate) stamp: Stamp,
    absolute: CString,
    settled: bool,
    /// When reading began.
    began: Instant,
}

impl Directory {
    /// Reads the folder at an address path that ends in a slash.
    pub(crate) fn read(root: &Root, beneath: &Beneath, path: &[u8]) -> Result<Directory, Missing> {
        let fault = |errno| Missing::from_errno(errno, Reach::Disk);
        let absolute = root.path_of(path).ok_or(Missing::Absent)?;
        let began = Instant::now();
        let open = beneath.open(path, OFlags::RDONLY | OFlags::DIRECTORY, Reach::Disk);
        let (stamp, settled, names) = match open {
            Ok(folder) => read_settled(&folder).map_err(fault)?,
            Err(Errno::ACCESS) => {
                // It may be entered but not listed.
                let folder =
                    beneath.open(path, OFlags::PATH | OFlags::DIRECTORY, Reach::Disk).map_err(fault)?;
                (Stamp::of(&rustix::fs::fstat(&folder).map_err(fault)?), true, None)
            }
            Err(errno) => return Err(fault(errno)),
        };
        Ok(Directory { path: path.into(), names, stamp, absolute, settled, began })
    }

    /// Whether the path still leads to the same folder with the same names. One system call.
    pub(crate) fn holds(&self) -> bool {
        self.settled
            && rustix::fs::statat(CWD, &self.absolute, AtFlags::empty())
                .is_ok_and(|stat| Stamp::of(&stat) == self.stamp)
    }

    /// Whether it was read after this moment: then it is true of it, trusted stamp or not.
    pub(crate) fn is_newer_than(&self, moment: Instant) -> bool {
        self.began > moment
    }

    /// Whether a name that was not read is not there. A folder that changed while it was read may have hidden a
    /// name that was there all the time, as when another file is renamed over it.
    pub(crate) fn is_whole(&self) -> bool {
        self.settled && self.names.is_some()
    }

    /// What a name here stands for, as far as reading the folder told.
    pub(crate) fn kind(&self, name: &[u8]) -> Option<Kind> {
        let read = self.names.as_ref().and_then(|names| names.kind(name));
        read.or_else(|| (!self.is_whole()).then_some(Kind::Unsure))
    }

    /// The address path of a name in this folder.
    pub(crate) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        [&self.path, name].concat()
    }

    /// Bytes of memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        300 + self.path.len() * 2
            + self.absolute.as_bytes().len()
            + self.names.as_ref().map_or(0, Names::weight)
    }
}

/// Reads all names under one stamp. A folder that changes all the while is read as it is and not trusted after.
fn read_settled(folder: &std::os::fd::OwnedFd) -> Result<(Stamp, bool, Option<Names>), Errno> {
    let mut last = None;
    for _ in 0..3 {
        let at = stamp::now();
        let before = Stamp::of(&rustix::fs::fstat(folder)?);
        let (names, all) = read_names(folder)?;
        let names = all.then_some(names);
        if Stamp::of(&rustix::fs::fstat(folder)?) == before {
            return Ok((before, before.is_settled(at), names));
        }
        last = Some((before, false, names));
    }
    last.ok_or(Errno::AGAIN)
}

/// The names of an open folder, and whether they are all there are.
pub(crate) fn read_names(folder: &std::os::fd::OwnedFd) -> Result<(Names, bool), Errno> {
    let mut names = Names::default();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name.starts_with(b".") && name != b".well-known" {
            continue;
        }
        if names.spans.len() == MOST_NAMES {
            names.sort();
            return Ok((names, false));
        }
        names.push(name, Kind::of(entry.file_type()));
    }
    names.sort();
    Ok((names, true))
}

/// Whether a path has a hidden segment: one that begins with a dot, but for `/.well-known/` (RFC 8615).
pub(crate) fn is_hidden(path: &[u8]) -> bool {
    let shown = path.strip_prefix(b"/.well-known").filter(|rest| rest.is_empty() || rest.starts_with(b"/"));
    memchr::memmem::find(shown.unwrap_or(path), b"/.").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Names {
        let mut names = Names::default();
        for name in of {
            names.push(name.as_bytes(), Kind::File);
        }
        names.sort();
        names
    }

    #[test]
    fn names_are_found_alone_and_by_their_start() {
        let names = names(&["b.txt", "a", "b.html", "b", "c.txt", "bb"]);
        assert_eq!(names.kind(b"b"), Some(Kind::File));
        assert_eq!(names.kind(b"b."), None);
        let found: Vec<&[u8]> = names.starting_with(b"b.").map(|(name, _)| name).collect();
        assert_eq!(found, [&b"b.html"[..], b"b.txt"]);
        assert_eq!(names.starting_with(b"d").count(), 0);
    }

    #[test]
    fn hidden_paths() {
        for (path, hidden) in [
            ("/a/b", false),
            ("/.git/config", true),
            ("/a/.b", true),
            ("/.well-known/security.txt", false),
            ("/.well-known", false),
            ("/.well-known/.x", true),
            ("/.well-knownx", true),
            ("/a/.well-known/x", true),
            ("/a.b/", false),
        ] {
            assert_eq!(is_hidden(path.as_bytes()), hidden, "{path}");
        }
    }
}
