//! Copies of documents on disk: a private cache (RFC 9111) with validators.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use candor_semantics::field::cache_control::CacheControl;
use candor_semantics::field::http_date::HttpDate;
use candor_semantics::fields::Fields;
use candor_semantics::reaction::Answer;
use candor_semantics::url::Url;
use serde::{Deserialize, Serialize};

use crate::exchange::Head;
use crate::storage;

/// The largest content that is kept, in bytes: 64 MiB.
const LARGEST: u64 = 64 << 20;

/// The copies of one user.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    folder: Option<PathBuf>,
}

/// One copy.
#[derive(Clone, Debug)]
pub struct Copy {
    note: Note,
    base: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    url: String,
    fields: Vec<(String, String)>,
    /// The request's values of the fields that `Vary` names.
    vary: Vec<(String, String)>,
    /// When the answer was received or validated, in seconds since 1970.
    received: u64,
    length: u64,
}

impl Copies {
    /// Copies in a folder; without one, none are kept.
    pub fn open(folder: Option<PathBuf>) -> Copies {
        Copies { folder: folder.map(|folder| folder.join("copies")) }
    }

    /// The copy of an address that answers a request with these fields.
    pub fn of(&self, url: &Url, request: &Fields) -> Option<Copy> {
        let base = self.base(url)?;
        let note: Note = storage::read_json(&base.with_extension("json"))?;
        let same =
            note.url == key(url) && note.vary.iter().all(|(name, value)| said(request, name) == *value);
        let whole = fs::metadata(base.with_extension("bytes")).is_ok_and(|there| there.len() == note.length);
        (same && whole).then_some(Copy { note, base })
    }

    /// Starts a copy of an answer, if it may be kept and has a validator or a lifetime.
    pub(crate) fn start(&self, url: &Url, request: &Fields, head: &Head, now: HttpDate) -> Option<Writing> {
        let answer = Answer { code: head.code, fields: &head.fields };
        let control = CacheControl::parse(&answer.list("Cache-Control").unwrap_or_default());
        let asked = CacheControl::parse(request.get("Cache-Control").map(|v| v.as_ref()).unwrap_or_default());
        let vary =
            answer.list("Vary").map(|value| String::from_utf8_lossy(&value).into_owned()).unwrap_or_default();
        let validator =
            head.fields.has("ETag") || head.fields.has("Last-Modified") || lifetime(&answer, now) > 0;
        if head.code != 200 || control.no_store || asked.no_store || vary.contains('*') || !validator {
            return None;
        }
        let base = self.base(url)?;
        storage::make_private(base.parent()?).ok()?;
        let vary = vary.split(',').map(str::trim).filter(|name| !name.is_empty());
        let note = Note {
            url: key(url),
            fields: lines(&head.fields),
            vary: vary.map(|name| (name.to_owned(), said(request, name))).collect(),
            received: now.unix(),
            length: 0,
        };
        let file = tempfile::NamedTempFile::new_in(base.parent()?).ok()?;
        Some(Writing { note, base, file: Some(file) })
    }

    /// Forgets the copy of an address: it was written to (RFC 9111 section 4.4).
    pub fn forget(&self, url: &Url) {
        if let Some(base) = self.base(url) {
            let _ = fs::remove_file(base.with_extension("json"));
        }
    }

    fn base(&self, url: &Url) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(storage::name_of(&key(url))))
    }
}

impl Copy {
    /// Whether it may be shown without asking (RFC 9111 section 4.2).
    pub fn is_fresh(&self, now: HttpDate) -> bool {
        let fields = self.fields();
        let answer = Answer { code: 200, fields: &fields };
        let control = CacheControl::parse(&answer.list("Cache-Control").unwrap_or_default());
        let age = answer.age().unwrap_or(0).saturating_add(now.unix().saturating_sub(self.note.received));
        !control.no_cache && lifetime(&answer, now) > age
    }

    /// The fields of its answer.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in &self.note.fields {
            fields.push(name.clone(), value.clone());
        }
        fields
    }

    /// The conditions that ask whether it is current.
    pub(crate) fn conditions(&self) -> Vec<(&'static str, String)> {
        let own = |name: &str| {
            self.note
                .fields
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        let tag = own("ETag").map(|tag| ("If-None-Match", tag));
        let date = own("Last-Modified").map(|date| ("If-Modified-Since", date));
        tag.into_iter().chain(date).collect()
    }

    /// Takes over the fields of a 304 (RFC 9111 section 3.2) and keeps the content.
    pub(crate) fn freshen(&mut self, head: &Head, now: HttpDate) {
        let fresh = lines(&head.fields);
        let kept = [
            "content-length",
            "content-encoding",
            "content-type",
            "content-range",
            "transfer-encoding",
            "connection",
        ];
        let fresh: Vec<_> = fresh
            .into_iter()
            .filter(|(name, _)| !kept.contains(&name.to_ascii_lowercase().as_str()))
            .collect();
        let known = |name: &str| fresh.iter().any(|(fresh, _)| fresh.eq_ignore_ascii_case(name));
        self.note.fields.retain(|(name, _)| !known(name) && !name.eq_ignore_ascii_case("Age"));
        self.note.fields.extend(fresh);
        self.note.received = now.unix();
        let _ = storage::write_json(&self.base.with_extension("json"), &self.note);
    }

    /// Its content.
    pub(crate) fn open(&self) -> std::io::Result<fs::File> {
        fs::File::open(self.base.with_extension("bytes"))
    }
}

/// A copy that is being made; it counts once it is complete.
pub(crate) struct Writing {
    note: Note,
    base: PathBuf,
    file: Option<tempfile::NamedTempFile>,
}

impl Writing {
    /// Takes a part. What cannot be written, or is too large, is not kept.
    pub(crate) fn write(&mut self, part: &[u8]) {
        self.note.length = self.note.length.saturating_add(part.len() as u64);
        let too_large = self.note.length > LARGEST;
        if self.file.as_mut().is_some_and(|file| too_large || file.write_all(part).is_err()) {
            self.file = None;
        }
    }

    pub(crate) fn commit(self) {
        let Some(file) = self.file else { return };
        // The note goes first and comes back last: one never describes the other's bytes.
        let _ = fs::remove_file(self.base.with_extension("json"));
        if file.persist(self.base.with_extension("bytes")).is_ok() {
            let _ = storage::write_json(&self.base.with_extension("json"), &self.note);
        }
    }
}

fn key(url: &Url) -> String {
    url.clone().without_fragment().to_string()
}

fn said(request: &Fields, name: &str) -> String {
    request.get(name).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

fn lines(fields: &Fields) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
        .collect()
}

/// Seconds for which the answer says it may be used; never guessed.
fn lifetime(answer: &Answer<'_>, now: HttpDate) -> u64 {
    let control = CacheControl::parse(&answer.list("Cache-Control").unwrap_or_default());
    if let Some(seconds) = control.max_age {
        return seconds;
    }
    let date = |name: &str| answer.fields.get(name).and_then(|value| HttpDate::parse(value, now));
    date("Expires").map_or(0, |expires| expires.since(date("Date").unwrap_or(now)))
}
