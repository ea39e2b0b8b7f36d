//! One upstream: where it is, how it has been doing, and the connections kept to it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::counts::Counts;
use crate::link::Link;
use crate::settings::Breaker;

/// How long resolved addresses are used.
const RESOLVED: Duration = Duration::from_secs(5);

/// How long a kept connection may be idle.
const KEPT: Duration = Duration::from_secs(30);

/// Connections kept by one thread.
const MOST_KEPT: usize = 256;

/// Failures in a row after which others are preferred, and for how long.
const AILING: (u32, Duration) = (2, Duration::from_secs(1));

/// One trial at a time is let through an open breaker whose time is over.
const TRIAL: Duration = Duration::from_secs(1);

/// An upstream.
pub(crate) struct Upstream {
    /// What clients may know of it.
    pub(crate) name: Arc<str>,
    /// For `Host`, where the client sent none.
    pub(crate) authority: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    /// Replaces the route's prefix; empty to leave it.
    pub(crate) base: String,
    /// Requests at work.
    pub(crate) at_work: AtomicUsize,
    pub(crate) counts: Counts,
    /// What active checks say.
    pub(crate) unwell: AtomicBool,
    failures: AtomicU32,
    /// Milliseconds since `origin` until which it is left alone, or others are preferred.
    shut_until: AtomicU64,
    avoided_until: AtomicU64,
    origin: Instant,
    resolved: Mutex<Option<(Instant, Arc<[SocketAddr]>)>>,
    kept: Vec<Mutex<Vec<Link>>>,
}

impl Upstream {
    /// Reads an http or https URL.
    pub(crate) fn new(number: usize, url: &str) -> Result<Upstream, String> {
        let wrong = || format!("{url:?} is not an upstream; write http://HOST:PORT");
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(wrong()),
        };
        if rest.contains(['?', '#', '@']) {
            return Err(format!("{url:?}: an upstream has neither query, fragment nor user"));
        }
        let (authority, base) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.contains(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (authority, if tls { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || port == 0 {
            return Err(wrong());
        }
        let shards = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 64);
        Ok(Upstream {
            name: format!("upstream-{}", number + 1).into(),
            authority: authority.to_owned(),
            host,
            port,
            tls,
            base: base.to_owned(),
            at_work: AtomicUsize::new(0),
            counts: Counts::default(),
            unwell: AtomicBool::new(false),
            failures: AtomicU32::new(0),
            shut_until: AtomicU64::new(0),
            avoided_until: AtomicU64::new(0),
            origin: Instant::now(),
            resolved: Mutex::default(),
            kept: (0..shards).map(|_| Mutex::default()).collect(),
        })
    }

    pub(crate) fn addresses(&self) -> Option<Arc<[SocketAddr]>> {
        let held = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|(since, _)| since.elapsed() < RESOLVED).map(|(_, addresses)| addresses.clone())
    }

    pub(crate) fn remember(&self, addresses: Arc<[SocketAddr]>) -> Arc<[SocketAddr]> {
        let mut held = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some((Instant::now(), addresses.clone()));
        addresses
    }

    /// A kept connection that still stands. `sure` asks the system.
    pub(crate) fn kept(&self, sure: bool) -> Option<Link> {
        let shelf = self.kept.get(shelf_number() % self.kept.len().max(1))?;
        loop {
            let link = shelf.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if link.since.elapsed() < KEPT && link.is_idle(sure) {
                return Some(link);
            }
        }
    }

    /// Keeps a connection for the next exchange.
    pub(crate) fn keep(&self, mut link: Link) {
        if !link.filled().is_empty() {
            return;
        }
        link.rest();
        let Some(shelf) = self.kept.get(shelf_number() % self.kept.len().max(1)) else { return };
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() >= MOST_KEPT || shelf.first().is_some_and(|oldest| oldest.since.elapsed() > KEPT) {
            shelf.remove(0);
        }
        shelf.push(link);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// An exchange went well.
    pub(crate) fn did_well(&self) {
        if self.failures.load(Relaxed) > 0 {
            self.failures.store(0, Relaxed);
            self.shut_until.store(0, Relaxed);
            self.avoided_until.store(0, Relaxed);
        }
    }

    /// An exchange failed by its fault.
    pub(crate) fn did_badly(&self, breaker: Option<Breaker>) {
        let failures = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        if failures >= AILING.0 {
            self.avoided_until.store(self.now() + millis(AILING.1), Relaxed);
        }
        if let Some(breaker) = breaker.filter(|breaker| failures >= breaker.failures) {
            self.shut_until.store(self.now() + millis(breaker.open), Relaxed);
        }
    }

    /// It asked to be left alone for a while, which the breaker heeds.
    pub(crate) fn asked_for_rest(&self, rest: Duration) {
        self.failures.fetch_max(1, Relaxed);
        self.shut_until.store(self.now() + millis(rest), Relaxed);
    }

    /// Whole seconds for which the breaker keeps it alone, rounded up; `None` where requests may go to it. A trial
    /// is let through once the time is over.
    pub(crate) fn shut_for(&self) -> Option<u32> {
        let until = self.shut_until.load(Relaxed);
        if until == 0 {
            return None;
        }
        let now = self.now();
        if now >= until {
            let trial = now + millis(TRIAL);
            let won = self.shut_until.compare_exchange(until, trial, Relaxed, Relaxed).is_ok();
            return if won { None } else { Some(1) };
        }
        Some(u32::try_from((until - now).div_ceil(1000)).unwrap_or(u32::MAX))
    }

    /// Whether another one is preferred for now.
    pub(crate) fn is_avoided(&self) -> bool {
        let until = self.avoided_until.load(Relaxed);
        until > 0 && self.now() < until
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

/// A number for each thread: connections stay with the thread whose runtime looks after them.
fn shelf_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Relaxed);
    }
    NUMBER.with(|number| *number)
}

/// A request at work with an upstream.
pub(crate) struct Busy(pub(crate) Arc<Upstream>);

impl Busy {
    pub(crate) fn new(upstream: Arc<Upstream>) -> Busy {
        upstream.at_work.fetch_add(1, Relaxed);
        Busy(upstream)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let of = |url: &str| Upstream::new(0, url).map(|u| (u.host, u.port, u.tls, u.base));
        assert_eq!(of("http://127.0.0.1:9000"), Ok(("127.0.0.1".into(), 9000, false, "".into())));
        assert_eq!(of("https://a.example/base/"), Ok(("a.example".into(), 443, true, "/base/".into())));
        assert_eq!(of("http://[::1]:80/"), Ok(("::1".into(), 80, false, "/".into())));
        assert_eq!(of("http://[::1]"), Ok(("::1".into(), 80, false, "".into())));
        for url in ["ftp://a", "http://", "http://a:0", "http://a:x", "http://u@a", "http://a/?q", "a"] {
            assert!(of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_breaker_opens_and_lets_a_trial_through() {
        let upstream = Upstream::new(0, "http://a").unwrap_or_else(|e| panic!("{e}"));
        let breaker = Some(Breaker { failures: 2, open: Duration::from_millis(50) });
        upstream.did_badly(breaker);
        assert_eq!(upstream.shut_for(), None);
        upstream.did_badly(breaker);
        assert_eq!(upstream.shut_for(), Some(1));
        assert!(upstream.is_avoided());
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(upstream.shut_for(), None, "the trial");
        assert_eq!(upstream.shut_for(), Some(1), "one at a time");
        upstream.did_well();
        assert_eq!((upstream.shut_for(), upstream.is_avoided()), (None, false));
    }
}
