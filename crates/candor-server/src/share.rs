//! Each client address's share of requests: a rate with a burst, kept by the generic cell rate algorithm.
//!
//! One number stands for an address: the moment at which its debt is paid off. Nothing has to be refilled, and
//! an address that owes nothing is the same as one never seen, so that it can be forgotten without a trace.
//! Memory is bounded: the table has a fixed number of places, eight to a row, and where a row is full of
//! debtors the one that owes least is forgotten. That can only ever let a request through.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use candor_semantics::field::retry_after::RetryAfter;

use crate::configuration::Rate;

/// Places in a row.
const PLACES: usize = 8;

/// Parts of the table, each under its own lock.
const PARTS: usize = 64;

/// Rows in a part: 64 parts of 128 rows of 8 places are 65,536 addresses in at most 1 MiB.
const ROWS: usize = 128;

/// Eight keys, then their eight moments; a zeroed row is a row of addresses that owe nothing. Plain numbers, so
/// that a new table is zeroed pages of the system and costs only what is touched.
type Row = [u64; 2 * PLACES];

/// The rows of one part of the table.
struct Part {
    /// The latest moment seen. Requests do not come here quite in the order of their clocks; a request must not
    /// be refused for being looked at after a later one.
    latest: u64,
    rows: Vec<Row>,
}

/// The shares of all client addresses under one rate.
pub struct Share {
    parts: Vec<Mutex<Part>>,
    hasher: RandomState,
    /// Moments are counted from here, in nanoseconds.
    start: Instant,
    /// What one request costs, in nanoseconds.
    cost: u64,
    /// The most an address may owe, in nanoseconds: the cost of a burst.
    most: u64,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share").field("cost", &self.cost).field("most", &self.most).finish_non_exhaustive()
    }
}

impl Share {
    /// Nobody has asked for anything yet. `rate.count` requests may come at once; after that they may come
    /// as often as the rate says.
    pub fn new(rate: &Rate) -> Share {
        Share::with_rows(rate, ROWS)
    }

    fn with_rows(rate: &Rate, rows: usize) -> Share {
        let count = u64::from(rate.count.max(1));
        let per = u64::try_from(rate.per.as_nanos()).unwrap_or(u64::MAX);
        let cost = (per / count).max(1);
        Share {
            parts: (0..PARTS)
                .map(|_| Mutex::new(Part { latest: 0, rows: vec![[0; 2 * PLACES]; rows] }))
                .collect(),
            hasher: RandomState::new(),
            start: Instant::now(),
            cost,
            most: cost.saturating_mul(count),
        }
    }

    /// Takes one request out of the share of `ip`.
    ///
    /// # Errors
    /// The share is used up; a request that comes after the time named is admitted, if no other comes before
    /// it. Whole seconds, rounded up, at least one (RFC 6585 section 4).
    pub fn take(&self, ip: IpAddr, now: Instant) -> Result<(), RetryAfter> {
        let key = key(ip);
        let hash = self.hasher.hash_one(key);
        let Some(part) = self.parts.get(hash as usize % PARTS) else { return Ok(()) };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let now = nanoseconds(self.start, now).max(part.latest);
        part.latest = now;
        let index = (hash >> 32) as usize % part.rows.len().max(1);
        let Some(row) = part.rows.get_mut(index) else { return Ok(()) };
        let (keys, moments) = row.split_at_mut(PLACES);
        let place = place(keys, moments, key);
        let (Some(holder), Some(moment)) = (keys.get_mut(place), moments.get_mut(place)) else {
            return Ok(());
        };
        let owed_until = if *holder == key { *moment } else { 0 };
        let then = owed_until.max(now).saturating_add(self.cost);
        match then.saturating_sub(now).checked_sub(self.most) {
            Some(excess) if excess > 0 => Err(RetryAfter::Seconds(excess.div_ceil(1_000_000_000))),
            _ => {
                (*holder, *moment) = (key, then);
                Ok(())
            }
        }
    }
}

/// The place of `key` in a row; else the place of whoever owes least, which is a free one if there is one.
fn place(keys: &[u64], moments: &[u64], key: u64) -> usize {
    if let Some(place) = keys.iter().position(|&holder| holder == key) {
        return place;
    }
    moments.iter().enumerate().min_by_key(|&(_, &moment)| moment).map_or(0, |(place, _)| place)
}

/// Who counts as one client: an IPv4 address, however it is written, or the /64 network of an IPv6 address,
/// because a single subscriber has at least that many to choose from (RFC 6177). IPv4 addresses stand where
/// IPv6 has the unassigned networks under `0:1::/32`.
fn key(ip: IpAddr) -> u64 {
    match ip.to_canonical() {
        IpAddr::V4(address) => 1 << 32 | u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

fn nanoseconds(start: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    fn share(count: u32, seconds: u64) -> Share {
        Share::new(&Rate { count, per: Duration::from_secs(seconds) })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn admitted(share: &Share, from: IpAddr, at: Instant, tries: u32) -> u32 {
        (0..tries).filter(|_| share.take(from, at).is_ok()).count() as u32
    }

    #[test]
    fn a_burst_is_the_count_and_the_rest_follows_the_rate() {
        for (count, seconds) in [(1, 1), (10, 1), (100, 1), (3, 60), (7, 3600), (4_000_000, 1)] {
            let (share, start) = (share(count, seconds), Instant::now());
            let client = ip("192.0.2.1");
            assert_eq!(admitted(&share, client, start, count + 10), count, "{count} in {seconds} s");
            let one = Duration::from_secs(seconds) / count;
            assert_eq!(admitted(&share, client, start + one + Duration::from_nanos(1), 10.min(count)), 1);
            let all = start + Duration::from_secs(seconds) * 3;
            assert_eq!(admitted(&share, client, all, count + 10), count, "refilled, and not more than that");
        }
    }

    #[test]
    fn retry_after_is_exact() {
        for (count, seconds, waited, expected) in [
            (1u32, 1u64, 0u64, 1u64),
            (100, 1, 0, 1),
            (1, 60, 0, 60),
            (1, 60, 59, 1),
            (1, 60, 30, 30),
            (2, 60, 0, 30),
            (1, 3600, 0, 3600),
        ] {
            let (share, start) = (share(count, seconds), Instant::now());
            let client = ip("192.0.2.1");
            assert_eq!(admitted(&share, client, start, count), count);
            let at = start + Duration::from_secs(waited);
            assert_eq!(share.take(client, at), Err(RetryAfter::Seconds(expected)), "{count}/{seconds} s");
            let early = at + Duration::from_secs(expected) - Duration::from_secs(1);
            if early > at {
                assert!(share.take(client, early).is_err(), "a second less is too early");
            }
            assert_eq!(share.take(client, at + Duration::from_secs(expected)), Ok(()));
        }
    }

    #[test]
    fn a_refused_request_costs_nothing() {
        let (share, start, client) = (share(1, 10), Instant::now(), ip("192.0.2.1"));
        assert_eq!(share.take(client, start), Ok(()));
        assert_eq!(admitted(&share, client, start + Duration::from_secs(5), 1000), 0);
        assert_eq!(share.take(client, start + Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn who_counts_as_one() {
        for (first, second, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("0.0.0.0", "::1", false),
            ("0.0.0.1", "::1", false),
        ] {
            let (share, now) = (share(1, 60), Instant::now());
            assert_eq!(share.take(ip(first), now), Ok(()));
            assert_eq!(share.take(ip(second), now).is_err(), same, "{first} and {second}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_deepest_debtor_is_remembered() {
        let share = Share::with_rows(&Rate { count: 100, per: Duration::from_secs(3600) }, 1);
        let (now, greedy) = (Instant::now(), ip("198.51.100.7"));
        assert_eq!(admitted(&share, greedy, now, 101), 100);
        for number in 0..100_000u32 {
            assert_eq!(share.take(IpAddr::V4((0x0a00_0000 + number).into()), now), Ok(()));
        }
        assert!(share.take(greedy, now).is_err());
        let rows: usize = share.parts.iter().map(|part| part.lock().unwrap().rows.len()).sum();
        assert_eq!(rows, PARTS);
    }

    #[test]
    fn a_clock_that_lags_behind_is_no_harm() {
        let (share, client) = (share(2, 1), ip("::1"));
        let now = Instant::now() + Duration::from_secs(5);
        assert_eq!(share.take(client, now), Ok(()));
        assert_eq!(share.take(client, now - Duration::from_millis(1)), Ok(()));
        assert!(share.take(client, now - Duration::from_millis(2)).is_err());
    }

    #[test]
    fn threads_together_get_no_more_than_the_share() {
        let share = Arc::new(share(1000, 3600));
        let (now, total) = (Instant::now(), Arc::new(AtomicU32::new(0)));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let (share, total) = (share.clone(), total.clone());
                scope.spawn(move || {
                    total.fetch_add(admitted(&share, ip("203.0.113.1"), now, 500), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(total.load(Ordering::Relaxed), 1000);
    }
}
