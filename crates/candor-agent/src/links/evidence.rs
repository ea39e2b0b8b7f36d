//! Evidence over time: a move that was seen twice, at least a day apart, is no passing fault.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candor_semantics::field::http_date::HttpDate;
use candor_semantics::url::Url;
use serde::{Deserialize, Serialize};

use crate::storage;

/// Seconds between two sightings that count: a day.
const APART: u64 = 86_400;

/// Seconds after which a sighting is forgotten: a year.
const OLD: u64 = 366 * 86_400;

/// Moves that were seen.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    file: Option<PathBuf>,
    seen: BTreeMap<String, Sighting>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sighting {
    to: String,
    first: u64,
    last: u64,
}

impl Evidence {
    pub(super) fn open(file: Option<PathBuf>) -> Evidence {
        let seen = file.as_deref().and_then(storage::read_json).unwrap_or_default();
        Evidence { file, seen }
    }

    /// Takes note of a move, and tells whether it was seen long enough ago, too. On this machine once is enough.
    pub(super) fn note(&mut self, from: &Url, to: &Url, now: HttpDate) -> bool {
        let (from_key, to_key) = (key(from), key(to));
        let now = now.unix();
        let fresh = Sighting { to: to_key.clone(), first: now, last: now };
        let sighting = self.seen.entry(from_key).or_insert_with(|| fresh.clone());
        if sighting.to != to_key || sighting.first > now {
            *sighting = fresh;
        }
        sighting.last = now;
        from.is_loopback() || now.saturating_sub(sighting.first) >= APART
    }

    pub(super) fn save(&mut self, now: HttpDate) -> std::io::Result<()> {
        self.seen.retain(|_, sighting| now.unix().saturating_sub(sighting.last) < OLD);
        match &self.file {
            Some(file) => storage::write_json(file, &self.seen),
            None => Ok(()),
        }
    }
}

fn key(url: &Url) -> String {
    url.clone().without_fragment().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sightings_a_day_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("evidence.json");
        let url = |text: &str| Url::parse(text).unwrap();
        let note = |from: &str, to: &str, at: u64| {
            let mut evidence = Evidence::open(Some(file.clone()));
            let enough = evidence.note(&url(from), &url(to), HttpDate::from_unix(at));
            evidence.save(HttpDate::from_unix(at)).unwrap();
            enough
        };
        let begun = 1_700_000_000;
        assert!(!note("https://a/x", "https://a/y", begun));
        assert!(!note("https://a/x", "https://a/y", begun + 86_399));
        assert!(note("https://a/x", "https://a/y", begun + 86_400));
        assert!(!note("https://a/x", "https://a/z", begun + 90_000), "another target starts anew");
        assert!(note("http://127.0.0.1/x", "http://127.0.0.1/y", begun));
    }
}
