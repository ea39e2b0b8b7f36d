//! Listings: what is in a folder, for people and programs.

use std::sync::Arc;

use bytes::Bytes;
use candor_semantics::field::entity_tag::EntityTag;
use candor_semantics::field::http_date::HttpDate;
use candor_semantics::representation::{Coding, Metadata, Vary};
use rustix::fs::{AtFlags, FileType, OFlags, Stat};

use crate::content::half_hex;
use crate::names::{self, Directory};
use crate::root::{Beneath, Missing, Reach};
use crate::stamp::{self, Stamp};

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// File name; need not be text.
    pub name: Bytes,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Bytes of a file; 0 for a folder.
    pub size: u64,
    /// Last change, seconds since 1970.
    pub modified: i64,
}

/// What is in a folder: hidden names and what is not served are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Sorted by name.
    pub entries: Vec<Entry>,
    /// Whether these are all; very large folders are cut.
    pub complete: bool,
}

impl Listing {
    /// Reads a folder, with the sizes and times of what is in it.
    pub(crate) fn read(beneath: &Beneath, directory: &Directory) -> Result<(Listing, Stamp), Missing> {
        let fault = |errno| Missing::from_errno(errno, Reach::Disk);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let folder = beneath.open(&directory.path, flags, Reach::Disk).map_err(fault)?;
        let stamp = Stamp::of(&rustix::fs::fstat(&folder).map_err(fault)?);
        let (names, complete) = names::read_names(&folder).map_err(fault)?;
        let mut entries = Vec::new();
        for (name, _) in names.iter() {
            let path = directory.path_of(name);
            if names::is_hidden(&path) {
                continue;
            }
            let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => {
                    beneath.stat(&path, Reach::Disk)
                }
                other => other,
            };
            entries.extend(stat.ok().and_then(|stat| entry(name, &stat)));
        }
        Ok((Listing { entries, complete }, stamp))
    }

    /// Fields of a listing. The type is the renderer's to set, and its form belongs into the tag.
    pub(crate) fn metadata(&self, stamp: &Stamp, cache_control: Option<Bytes>) -> Arc<Metadata> {
        Arc::new(Metadata {
            content_type: Bytes::from_static(b"text/html; charset=utf-8"),
            content_language: None,
            coding: Coding::Identity,
            length: None,
            etag: self.tag(),
            last_modified: last_modified(stamp),
            content_location: None,
            vary: Vary { accept: true, language: false, encoding: false },
            cache_control,
            ranges: false,
            sandboxed: false,
        })
    }

    fn tag(&self) -> Option<EntityTag> {
        let mut hasher = blake3::Hasher::new();
        for entry in &self.entries {
            hasher.update(&entry.name);
            hasher.update(&[0, u8::from(entry.is_folder)]);
            hasher.update(&entry.size.to_le_bytes());
            hasher.update(&entry.modified.to_le_bytes());
        }
        EntityTag::strong(half_hex(&hasher.finalize()))
    }
}

/// The time of a stamp as `Last-Modified`. A time that has not come yet is replaced by now (section 8.8.2.1).
pub(crate) fn last_modified(stamp: &Stamp) -> Option<HttpDate> {
    let now = stamp::now().div_euclid(1_000_000_000);
    u64::try_from(stamp.modified().min(now)).ok().map(HttpDate::from_unix)
}

fn entry(name: &[u8], stat: &Stat) -> Option<Entry> {
    let is_folder = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => false,
        FileType::Directory => true,
        _ => return None,
    };
    let stamp = Stamp::of(stat);
    let size = if is_folder { 0 } else { stamp.size() };
    Some(Entry { name: Bytes::copy_from_slice(name), is_folder, size, modified: stamp.modified() })
}
