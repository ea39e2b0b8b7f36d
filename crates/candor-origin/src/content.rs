//! Content: the bytes of one state of a file, and the validators that follow from them.
//!
//! Content is only ever tied to a stamp that was the same before and after reading, so that no answer mixes two
//! states of a file and no tag names bytes it was not made from.

use std::fs::File;
use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use candor_semantics::field::entity_tag::EntityTag;
use rustix::io::{Errno, ReadWriteFlags};

use crate::media::Characters;
use crate::root::{Beneath, Missing, Reach};
use crate::stamp::{self, Stamp};

/// Files up to this many bytes are kept in memory.
pub(crate) const SMALL: u64 = 64 * 1024;
/// Files up to this many bytes are digested before their first answer; larger ones are not held back.
pub(crate) const DIGESTED: u64 = 1024 * 1024;
/// Bytes of a large file that are examined for its characters.
const EXAMINED: usize = 64 * 1024;
/// How often a file that changes while it is read is read again.
const TRIES: usize = 3;

/// One state of a file.
#[derive(Debug)]
pub(crate) struct Content {
    /// What the file system said before and after reading.
    pub(crate) stamp: Stamp,
    /// Whether the stamp can be trusted to stand for these bytes from now on.
    pub(crate) settled: bool,
    /// Strong, unless the file was changing.
    pub(crate) etag: Option<EntityTag>,
    /// What the bytes show about their characters.
    pub(crate) characters: Characters,
    /// The bytes, or where they are.
    pub(crate) held: Held,
}

/// What is known of bytes that are not held any more.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    etag: Option<EntityTag>,
    characters: Characters,
}

/// Where bytes are.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// In memory.
    Bytes(Bytes),
    /// In an open file.
    File(Arc<File>),
}

impl Content {
    /// Reads the file at an address path. `held` gives content that was read under a stamp earlier, and `known`
    /// what was found out about it.
    pub(crate) fn read(
        beneath: &Beneath,
        path: &[u8],
        reach: Reach,
        held: impl Fn(&Stamp) -> Option<Arc<Content>>,
        known: impl Fn(&Stamp) -> Option<Arc<Known>>,
    ) -> Result<Arc<Content>, Missing> {
        let fault = |errno| Missing::from_errno(errno, reach);
        let file = beneath.open_file(path, reach).map_err(fault)?;
        let mut last = None;
        for _ in 0..TRIES {
            let at = stamp::now();
            let stamp = stamp_of(&file)?;
            if let Some(content) = held(&stamp) {
                return Ok(content);
            }
            if let Some(known) = known(&stamp).filter(|_| stamp.size() > SMALL) {
                let Known { etag, characters } = Known::clone(&known);
                let held = Held::File(Arc::new(File::from(file)));
                return Ok(Arc::new(Content { stamp, settled: true, etag, characters, held }));
            }
            let bytes = read_for(&file, stamp.size(), reach)?;
            if stamp_of(&file)? == stamp {
                let whole = u64::try_from(bytes.len()) == Ok(stamp.size());
                if whole || stamp.size() > DIGESTED {
                    return Ok(Arc::new(Content::of(file, stamp, stamp.is_settled(at), bytes, whole)));
                }
            }
            last = Some((stamp, bytes));
        }
        // It changes faster than it can be read: sent as it comes, with a tag that promises nothing.
        let (stamp, bytes) = last.ok_or(Missing::Failed)?;
        Ok(Arc::new(Content {
            stamp,
            settled: false,
            etag: stamp_tag(&stamp, false),
            characters: Characters::of(&bytes, false),
            held: Held::File(Arc::new(File::from(file))),
        }))
    }

    fn of(file: OwnedFd, stamp: Stamp, settled: bool, bytes: Vec<u8>, whole: bool) -> Content {
        let characters = Characters::of(&bytes, whole);
        let etag = match whole {
            true => digest_tag(&bytes),
            false => stamp_tag(&stamp, settled),
        };
        let held = match whole && stamp.size() <= SMALL {
            true => Held::Bytes(bytes.into()),
            false => Held::File(Arc::new(File::from(file))),
        };
        Content { stamp, settled, etag, characters, held }
    }

    /// Bytes of memory, roughly, and whether a descriptor is held.
    pub(crate) fn weight(&self) -> (usize, bool) {
        match &self.held {
            Held::Bytes(bytes) => (400 + bytes.len(), false),
            Held::File(_) => (400, true),
        }
    }

    /// What is worth remembering when the bytes are let go.
    pub(crate) fn known(&self) -> Known {
        Known { etag: self.etag.clone(), characters: self.characters }
    }

    /// Whether the file is still somewhere: one that was removed must not keep its disk space.
    pub(crate) fn is_linked(&self) -> bool {
        match &self.held {
            Held::Bytes(_) => true,
            Held::File(file) => rustix::fs::fstat(file).is_ok_and(|stat| stat.st_nlink > 0),
        }
    }

    /// All bytes, unless the file has changed since. Waits for the disk.
    pub(crate) fn bytes(&self) -> Result<Bytes, Missing> {
        match &self.held {
            Held::Bytes(bytes) => Ok(bytes.clone()),
            Held::File(file) => {
                let bytes = read_up_to(file, usize_of(self.stamp.size())?, Reach::Disk)?;
                let unchanged =
                    Stamp::of(&rustix::fs::fstat(file).map_err(|_| Missing::Failed)?) == self.stamp;
                match unchanged && u64::try_from(bytes.len()) == Ok(self.stamp.size()) {
                    true => Ok(bytes.into()),
                    false => Err(Missing::Absent),
                }
            }
        }
    }
}

/// What is read of a file before its first answer: all of it up to [`DIGESTED`], else its beginning.
fn read_for(file: &OwnedFd, size: u64, reach: Reach) -> Result<Vec<u8>, Missing> {
    if size <= DIGESTED {
        // Digesting a megabyte takes as long as a disk: not where others wait.
        if reach == Reach::Cached && size > SMALL {
            return Err(Missing::WouldBlock);
        }
        return read_up_to(file, usize_of(size)?, reach);
    }
    read_up_to(file, EXAMINED, reach)
}

/// Reads from the start: `length` bytes, or fewer at the end of the file.
fn read_up_to(file: impl std::os::fd::AsFd, length: usize, reach: Reach) -> Result<Vec<u8>, Missing> {
    let flags = match reach {
        Reach::Cached => ReadWriteFlags::NOWAIT,
        Reach::Disk => ReadWriteFlags::empty(),
    };
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match rustix::io::preadv2(&file, &mut [IoSliceMut::new(room)], filled as u64, flags) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            // Some file systems cannot promise not to wait.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS) if reach == Reach::Cached => {
                return Err(Missing::WouldBlock);
            }
            Err(errno) => return Err(Missing::from_errno(errno, reach)),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The stamp of an open file; only regular files have content.
fn stamp_of(file: &OwnedFd) -> Result<Stamp, Missing> {
    let stat = rustix::fs::fstat(file).map_err(|_| Missing::Failed)?;
    match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
        rustix::fs::FileType::RegularFile => Ok(Stamp::of(&stat)),
        _ => Err(Missing::Absent),
    }
}

fn usize_of(size: u64) -> Result<usize, Missing> {
    usize::try_from(size).map_err(|_| Missing::Failed)
}

/// A strong tag from the bytes: the first half of their digest.
fn digest_tag(bytes: &[u8]) -> Option<EntityTag> {
    EntityTag::strong(half_hex(&blake3::hash(bytes)))
}

/// A tag from the stamp. It stays the same as long as the bytes do; strong once no other bytes can have it.
fn stamp_tag(stamp: &Stamp, settled: bool) -> Option<EntityTag> {
    let opaque = format!("f{}", half_hex(&blake3::hash(&stamp.to_bytes())));
    if settled { EntityTag::strong(opaque) } else { EntityTag::weak(opaque) }
}

/// 128 bits: enough that two contents never share it by chance.
pub(crate) fn half_hex(hash: &blake3::Hash) -> String {
    hash.to_hex().chars().take(32).collect()
}
