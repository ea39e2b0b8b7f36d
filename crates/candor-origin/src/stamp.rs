//! Stamps: what the file system says about one state of a file or folder.
//!
//! A stamp stands for the bytes it was read with, but only once it is older than the clock that made it is fine:
//! two changes within one tick leave the same stamp. Such a stamp is called unsettled, and whatever was read
//! under it is read again the next time.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::Stat;

/// How long after a change another one could leave the same stamp, in nanoseconds. File systems stamp with the
/// kernel's coarse clock: 10 ms at worst.
const GRAIN: i64 = 20_000_000;
/// The same where times come in whole seconds: FAT keeps two of them.
const COARSE_GRAIN: i64 = 2_000_000_000;

/// Identity, length and times of one state of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: i64,
    changed: i64,
}

impl Stamp {
    /// The stamp in an answer of the file system.
    pub(crate) fn of(stat: &Stat) -> Stamp {
        Stamp {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Whether a file can still hold the bytes it held in this state: a file that is replaced or removed while it is
    /// sent keeps them, and only its time of change moves.
    pub(crate) fn has_same_bytes(&self, other: &Stamp) -> bool {
        (self.device, self.inode, self.size, self.modified)
            == (other.device, other.inode, other.size, other.modified)
    }

    /// Number of bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Last change of the bytes, whole seconds since 1970.
    pub(crate) fn modified(&self) -> i64 {
        self.modified.div_euclid(1_000_000_000)
    }

    /// Whether nothing that happened after `read_at` (nanoseconds since 1970) can have left this same stamp.
    /// The change time is set by the kernel on every change, so it alone is asked.
    pub(crate) fn is_settled(&self, read_at: i64) -> bool {
        let grain = if self.changed % 1_000_000_000 == 0 { COARSE_GRAIN } else { GRAIN };
        self.changed.saturating_add(grain) < read_at
    }

    /// All of it as bytes, to make a tag from.
    pub(crate) fn to_bytes(self) -> [u8; 40] {
        let mut out = [0; 40];
        let parts = [
            self.device.to_le_bytes(),
            self.inode.to_le_bytes(),
            self.size.to_le_bytes(),
            self.modified.to_le_bytes(),
            self.changed.to_le_bytes(),
        ];
        for (place, part) in out.as_chunks_mut::<8>().0.iter_mut().zip(parts) {
            *place = part;
        }
        out
    }
}

/// The clock, in nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The field types differ between architectures, so they are taken as whatever converts.
fn nanoseconds(seconds: impl TryInto<i64>, nanoseconds: impl TryInto<i64>) -> i64 {
    let seconds = seconds.try_into().unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds.try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_settled_once_it_is_older_than_the_grain() {
        let changed = 1_000_000_001;
        let stamp = Stamp { device: 1, inode: 2, size: 3, modified: 0, changed };
        assert!(!stamp.is_settled(changed));
        assert!(!stamp.is_settled(changed + GRAIN));
        assert!(stamp.is_settled(changed + GRAIN + 1));
        let whole_seconds = Stamp { changed: 1_000_000_000, ..stamp };
        assert!(!whole_seconds.is_settled(changed + GRAIN));
        assert!(whole_seconds.is_settled(changed + COARSE_GRAIN));
    }

    #[test]
    fn every_part_is_in_the_bytes() {
        let stamp = Stamp { device: 1, inode: 2, size: 3, modified: 4, changed: 5 };
        let starts: Vec<u8> = stamp.to_bytes().chunks(8).map(|part| part[0]).collect();
        assert_eq!(starts, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn times_before_1970_round_down() {
        let stamp = Stamp { device: 1, inode: 2, size: 3, modified: -1, changed: 0 };
        assert_eq!(stamp.modified(), -1);
    }
}
