//! When bytes were first known at an address. A rollback, or a build that sets all times alike, brings other bytes
//! under an older time; told by that time alone, a client would be left with what it has (section 8.8.2.1).

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use candor_semantics::field::entity_tag::EntityTag;

/// Addresses remembered at most. Past this all are forgotten, and times of files count again.
const MOST: usize = 200_000;

/// The bytes last seen at each address, and since when.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    hasher: RandomState,
    seen: Mutex<HashMap<u64, Arrival>>,
}

/// Digests of paths and tags stand for them: two that collide cost a date that is too late, never one too early.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    tag: u64,
    since: i64,
}

impl Arrivals {
    /// Seconds since 1970 at which the bytes of this tag were first known at this path. What is there when the path
    /// is first looked at has been there since its file's time.
    pub(crate) fn first_known(&self, path: &[u8], tag: &EntityTag, modified: i64, now: i64) -> i64 {
        let (path, tag) = (self.hasher.hash_one(path), self.hasher.hash_one(tag.opaque()));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.clear();
        }
        let arrival = seen.entry(path).or_insert(Arrival { tag, since: modified });
        if arrival.tag != tag {
            *arrival = Arrival { tag, since: now };
        }
        arrival.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_arrive_when_they_are_seen() {
        let arrivals = Arrivals::default();
        let [old, new] = ["old", "new"].map(|tag| EntityTag::strong(tag).unwrap());
        assert_eq!(arrivals.first_known(b"/a", &old, 100, 1000), 100);
        assert_eq!(arrivals.first_known(b"/a", &old, 900, 1100), 100);
        assert_eq!(arrivals.first_known(b"/a", &new, 1150, 1200), 1200);
        assert_eq!(arrivals.first_known(b"/a", &old, 100, 1300), 1300);
        assert_eq!(arrivals.first_known(b"/b", &old, 50, 1400), 50);
    }
}
