//! Addresses that moved for good, remembered within a run and between runs (section 15.4.2), as long as caching
//! allows (RFC 9111).

use std::collections::BTreeMap;
use std::path::PathBuf;

use candor_semantics::field::cache_control::CacheControl;
use candor_semantics::field::http_date::HttpDate;
use candor_semantics::reaction::{Answer, Hop};
use candor_semantics::url::Url;
use serde::{Deserialize, Serialize};

use crate::storage;

/// The longest time a move is remembered where the answer says nothing, in seconds: a week.
const USUAL: u64 = 7 * 86_400;

/// Remembered moves.
#[derive(Debug, Default)]
pub struct Moves {
    file: Option<PathBuf>,
    known: BTreeMap<String, Move>,
    is_changed: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Move {
    code: u16,
    to: String,
    until: u64,
}

impl Moves {
    /// The moves kept in a file, if there is one.
    pub fn open(file: Option<PathBuf>) -> Moves {
        let known = file.as_deref().and_then(storage::read_json).unwrap_or_default();
        Moves { file, known, is_changed: false }
    }

    /// The redirect that is remembered for an address.
    pub fn of(&self, url: &Url, now: HttpDate) -> Option<Hop> {
        let from = url.clone().without_fragment();
        let found = self.known.get(&from.to_string()).filter(|found| found.until > now.unix())?;
        let to = Url::parse(&found.to).ok()?;
        Some(Hop { from, code: found.code, to, is_second_hand: false })
    }

    /// Takes note of a permanent redirect, or forgets it where the answer says that it is not to be stored.
    pub fn note(&mut self, hop: &Hop, answer: &Answer<'_>, now: HttpDate) {
        let from = hop.from.clone().without_fragment().to_string();
        self.is_changed = true;
        match lifetime(answer, now) {
            0 => {
                self.known.remove(&from);
            }
            seconds => {
                let until = now.plus(seconds).unix();
                self.known.insert(from, Move { code: hop.code, to: hop.to.to_string(), until });
            }
        }
    }

    /// Forgets what is remembered of an address.
    pub fn forget(&mut self, url: &Url) {
        self.is_changed |= self.known.remove(&url.clone().without_fragment().to_string()).is_some();
    }

    /// Writes what changed. What cannot be written is only lost to the next run.
    pub fn save(&mut self, now: HttpDate) {
        let Some(file) = self.file.as_deref().filter(|_| self.is_changed) else { return };
        self.known.retain(|_, known| known.until > now.unix());
        self.is_changed = storage::write_json(file, &self.known).is_err();
    }
}

/// Seconds for which a permanent redirect may be used without asking again.
fn lifetime(answer: &Answer<'_>, now: HttpDate) -> u64 {
    let value = answer.list("Cache-Control").unwrap_or_default();
    let said = CacheControl::parse(&value);
    let expires = answer.fields.get("Expires").map(|value| HttpDate::parse(value, now).unwrap_or_default());
    let varies = answer.fields.has("Vary");
    match (said.max_age, expires) {
        _ if said.no_store || said.no_cache || varies => 0,
        (Some(seconds), _) => seconds.saturating_sub(answer.age().unwrap_or(0)),
        (None, Some(date)) => date.since(now),
        (None, None) => USUAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_semantics::fields::Fields;

    #[test]
    fn moves_are_remembered_as_caching_allows() {
        let now = HttpDate::from_unix(1_700_000_000);
        let url = Url::parse("http://a/old#f").unwrap();
        let hop = Hop {
            from: url.clone(),
            code: 301,
            to: Url::parse("http://a/new").unwrap(),
            is_second_hand: false,
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("moves.json");
        for (cache_control, later, kept) in [
            ("", 86_400, true),
            ("", 8 * 86_400, false),
            ("max-age=60", 59, true),
            ("max-age=60", 61, false),
            ("no-store", 0, false),
            ("no-cache", 0, false),
        ] {
            let mut fields = Fields::new();
            if !cache_control.is_empty() {
                fields.push("Cache-Control", cache_control);
            }
            let mut moves = Moves::open(Some(file.clone()));
            moves.note(&hop, &Answer { code: 301, fields: &fields }, now);
            moves.save(now);
            let again = Moves::open(Some(file.clone()));
            assert_eq!(again.of(&url, now.plus(later)).is_some(), kept, "{cache_control} {later}");
        }
    }
}
