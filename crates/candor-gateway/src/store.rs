//! Stored answers, in memory, bounded in bytes. What was not used for the longest time goes first.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use candor_semantics::field::vary::Vary;
use candor_semantics::fields::Fields;
use candor_semantics::gateway::freshness::Terms;
use candor_semantics::head::Head;

use crate::flight::{Flights, Lead};

const SHARDS: usize = 8;

/// Forms of one address that are kept.
const FORMS: usize = 16;

/// What an entry costs besides its bytes, in bytes.
const OVERHEAD: usize = 512;

/// A stored answer.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) status: u16,
    pub(crate) version: &'static str,
    pub(crate) fields: Fields,
    pub(crate) content: Bytes,
    pub(crate) terms: Terms,
    /// The request fields it was chosen by, as they were.
    chosen_by: Vec<(String, Option<Vec<u8>>)>,
}

/// What was found for a request.
pub(crate) enum Found {
    Entry(Arc<Entry>),
    /// Only for other request fields.
    Other,
    Nothing,
}

/// All stored answers of a gateway.
pub struct Store {
    shards: Vec<Mutex<Shard>>,
    /// Bytes of one shard.
    budget: usize,
    /// Bytes of answers on their way into the store.
    collecting: AtomicUsize,
    pub(crate) flights: Arc<Flights>,
}

#[derive(Default)]
struct Shard {
    addresses: HashMap<Arc<[u8]>, Forms>,
    by_use: BTreeMap<u64, Arc<[u8]>>,
    clock: u64,
    size: usize,
}

struct Forms {
    entries: Vec<Arc<Entry>>,
    used: u64,
    size: usize,
}

impl Store {
    /// A store for so many bytes.
    pub fn new(bytes: usize) -> Store {
        Store {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            budget: bytes / SHARDS,
            collecting: AtomicUsize::new(0),
            flights: Arc::new(Flights::new()),
        }
    }

    fn shard(&self, key: &[u8]) -> Option<MutexGuard<'_, Shard>> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let number = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or(0);
        Some(self.shards.get(number)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest entry that was chosen by the same request fields.
    pub(crate) fn find(&self, key: &[u8], head: &Head) -> Found {
        let Some(mut shard) = self.shard(key) else { return Found::Nothing };
        let shard = &mut *shard;
        shard.clock += 1;
        let clock = shard.clock;
        let Some((kept_key, _)) = shard.addresses.get_key_value(key) else { return Found::Nothing };
        let kept_key = kept_key.clone();
        let Some(forms) = shard.addresses.get_mut(key) else { return Found::Nothing };
        shard.by_use.remove(&forms.used);
        forms.used = clock;
        shard.by_use.insert(clock, kept_key);
        match forms.entries.iter().rev().find(|entry| entry.answers(head)) {
            Some(entry) => Found::Entry(entry.clone()),
            None => Found::Other,
        }
    }

    /// Stores an entry in place of those that answer the same requests.
    fn insert(&self, key: &Arc<[u8]>, head: &Head, entry: Entry) {
        let size = entry.size();
        if size > self.most() {
            return;
        }
        let Some(mut shard) = self.shard(key) else { return };
        let shard = &mut *shard;
        shard.clock += 1;
        let clock = shard.clock;
        let forms =
            shard.addresses.entry(key.clone()).or_insert(Forms { entries: Vec::new(), used: 0, size: 0 });
        let before = forms.size;
        forms.entries.retain(|kept| !kept.answers(head));
        if forms.entries.len() >= FORMS {
            forms.entries.remove(0);
        }
        forms.entries.push(Arc::new(entry));
        forms.size = forms.entries.iter().map(|entry| entry.size()).sum::<usize>() + key.len();
        shard.by_use.remove(&forms.used);
        forms.used = clock;
        let after = forms.size;
        shard.by_use.insert(clock, key.clone());
        shard.size = (shard.size + after).saturating_sub(before);
        while shard.size > self.budget {
            let Some((_, oldest)) = shard.by_use.pop_first() else { break };
            if let Some(forms) = shard.addresses.remove(&oldest) {
                shard.size = shard.size.saturating_sub(forms.size);
            }
        }
    }

    /// Forgets every form of an address (RFC 9111 section 4.4).
    pub(crate) fn invalidate(&self, key: &[u8]) {
        let Some(mut shard) = self.shard(key) else { return };
        if let Some(forms) = shard.addresses.remove(key) {
            shard.by_use.remove(&forms.used);
            shard.size = shard.size.saturating_sub(forms.size);
        }
    }

    /// Bytes that one entry may have.
    fn most(&self) -> usize {
        self.budget / 2
    }
}

impl Entry {
    fn size(&self) -> usize {
        let fields: usize = self.fields.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
        let chosen: usize =
            self.chosen_by.iter().map(|(n, v)| n.len() + v.as_ref().map_or(0, Vec::len) + 48).sum();
        self.content.len() + fields + chosen + OVERHEAD
    }

    /// Whether a request has the fields that it was chosen by (RFC 9111 section 4.1).
    fn answers(&self, head: &Head) -> bool {
        self.chosen_by.iter().all(|(name, value)| request_value(head, name) == *value)
    }

    /// This entry after the upstream confirmed it with these fields (RFC 9111 section 3.2).
    pub(crate) fn freshened(&self, fields: &Fields, terms: impl FnOnce(&Fields) -> Terms) -> Entry {
        let mut merged = self.fields.clone();
        let updates = |name: &str| {
            !["content-length", "content-encoding", "content-range", "content-md5", "etag"]
                .iter()
                .any(|kept| name.eq_ignore_ascii_case(kept))
        };
        merged.retain(|name, _| {
            let replaced = updates(name) && fields.has(name);
            !replaced && !name.eq_ignore_ascii_case("age")
        });
        for (name, value) in fields.iter().filter(|(name, _)| updates(name)) {
            merged.push(name.to_owned(), value.clone());
        }
        Entry {
            status: self.status,
            version: self.version,
            terms: terms(&merged),
            fields: merged,
            content: self.content.clone(),
            chosen_by: self.chosen_by.clone(),
        }
    }
}

/// A field of a request as entries are chosen by it: lines joined, blanks around members of no account.
fn request_value(head: &Head, name: &str) -> Option<Vec<u8>> {
    let value = head.list(name)?;
    let members: Vec<&[u8]> = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).collect();
    Some(members.join(&b", "[..]))
}

/// The request fields that an answer says it was chosen by.
fn chosen_by(fields: &Fields, head: &Head) -> Vec<(String, Option<Vec<u8>>)> {
    let mut chosen = Vec::new();
    for line in fields.all("vary") {
        let vary = Vary::parse(&line[..]);
        for name in vary.names() {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            let value = request_value(head, &name);
            chosen.push((name, value));
        }
    }
    chosen
}

/// An answer on its way into the store.
pub(crate) struct Filling {
    store: Arc<Store>,
    key: Arc<[u8]>,
    head: Head,
    status: u16,
    version: &'static str,
    fields: Fields,
    terms: Terms,
    length: Option<u64>,
    room: Room,
    _lead: Option<Lead>,
}

/// Memory taken while an answer is collected.
struct Room {
    store: Arc<Store>,
    taken: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.store.collecting.fetch_sub(self.taken, Relaxed);
    }
}

impl Filling {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn new(
        store: Arc<Store>,
        key: Arc<[u8]>,
        head: Head,
        status: u16,
        version: &'static str,
        fields: Fields,
        terms: Terms,
        length: Option<u64>,
        lead: Option<Lead>,
    ) -> Option<Filling> {
        let most = store.most() as u64;
        let fits = length.is_none_or(|length| length <= most);
        let room = Room { store: store.clone(), taken: 0 };
        fits.then_some(Filling {
            room,
            store,
            key,
            head,
            status,
            version,
            fields,
            terms,
            length,
            _lead: lead,
        })
    }

    /// Bytes of content taken at most.
    pub(crate) fn most(&self) -> usize {
        self.store.most()
    }

    /// Takes memory for so many bytes more; `false` where too much is being collected already.
    pub(crate) fn reserve(&mut self, bytes: usize) -> bool {
        let most = self.store.budget.saturating_mul(SHARDS) / 2;
        let before = self.store.collecting.fetch_add(bytes, Relaxed);
        self.room.taken = self.room.taken.saturating_add(bytes);
        before.saturating_add(bytes) <= most
    }

    /// The content is whole.
    pub(crate) fn store(self, content: Bytes) {
        if self.length.is_some_and(|length| length != content.len() as u64) {
            return;
        }
        let mut fields = self.fields;
        fields.remove("Age");
        let entry = Entry {
            status: self.status,
            version: self.version,
            chosen_by: chosen_by(&fields, &self.head),
            fields,
            content,
            terms: self.terms,
        };
        self.store.insert(&self.key, &self.head, entry);
    }
}

/// Puts a freshened entry in place of the one it was.
pub(crate) fn replace(store: &Store, key: &Arc<[u8]>, head: &Head, entry: Entry) -> Arc<Entry> {
    let copy = Entry {
        status: entry.status,
        version: entry.version,
        fields: entry.fields.clone(),
        content: entry.content.clone(),
        terms: entry.terms,
        chosen_by: entry.chosen_by.clone(),
    };
    store.insert(key, head, entry);
    Arc::new(copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_semantics::field::http_date::HttpDate;
    use candor_semantics::head::{Scheme, Version};

    fn head(fields: &[(&str, &str)]) -> Head {
        Head::from_parts(b"GET", b"/", Version::Http11, Scheme::Http, fields.iter().copied())
    }

    fn put(store: &Arc<Store>, key: &str, head: &Head, lines: &[(&'static str, &str)], content: &[u8]) {
        let mut fields = Fields::new();
        lines.iter().for_each(|(name, value)| fields.push(*name, value.to_string()));
        let now = HttpDate::from_unix(1_700_000_000);
        let terms = Terms::of(200, &fields, now, now);
        let key = Arc::from(key.as_bytes());
        Filling::new(store.clone(), key, head.clone(), 200, "1.1", fields, terms, None, None)
            .unwrap_or_else(|| panic!("fits"))
            .store(Bytes::copy_from_slice(content));
    }

    fn content(store: &Store, key: &str, head: &Head) -> Option<Bytes> {
        match store.find(key.as_bytes(), head) {
            Found::Entry(entry) => Some(entry.content.clone()),
            _ => None,
        }
    }

    #[test]
    fn forms_are_told_apart_by_the_fields_named() {
        let store = Arc::new(Store::new(1 << 20));
        let (de, en) = (head(&[("Accept-Language", "de,  en")]), head(&[("Accept-Language", "en")]));
        put(&store, "/a", &de, &[("Vary", "accept-language")], b"de");
        put(&store, "/a", &en, &[("Vary", "Accept-Language")], b"en");
        assert_eq!(
            content(&store, "/a", &head(&[("accept-language", "de, en")])).as_deref(),
            Some(&b"de"[..])
        );
        assert_eq!(content(&store, "/a", &en).as_deref(), Some(&b"en"[..]));
        assert!(matches!(store.find(b"/a", &head(&[])), Found::Other));
        assert!(matches!(store.find(b"/b", &en), Found::Nothing));
        store.invalidate(b"/a");
        assert!(matches!(store.find(b"/a", &en), Found::Nothing));
    }

    #[test]
    fn it_is_bounded_and_forgets_what_was_used_least() {
        let store = Arc::new(Store::new(SHARDS * 40_000));
        let any = head(&[]);
        put(&store, "/used", &any, &[], &[1; 1000]);
        for number in 0..1000 {
            put(&store, &format!("/{number}"), &any, &[], &[0; 3000]);
            assert!(content(&store, "/used", &any).is_some(), "{number}");
        }
        for shard in &store.shards {
            let shard = shard.lock().unwrap();
            assert!(shard.size <= store.budget);
            assert_eq!(shard.size, shard.addresses.values().map(|forms| forms.size).sum::<usize>());
            assert_eq!(shard.by_use.len(), shard.addresses.len());
        }
        assert!(content(&store, "/0", &any).is_none());
        put(&store, "/big", &any, &[], &[0; 30_000]);
        assert!(content(&store, "/big", &any).is_none());
    }
}
