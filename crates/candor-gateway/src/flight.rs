//! One request to the upstream for many that wait for the same answer.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Places to remember addresses whose answers are not stored; for them nobody waits.
const PLACES: usize = 4096;

/// Requests under way, by what they ask for.
pub(crate) struct Flights {
    under_way: Mutex<HashMap<Arc<[u8]>, watch::Receiver<()>>>,
    unstorable: Vec<AtomicU64>,
}

/// Who asks first leads; the others wait until the lead ends.
pub(crate) enum Join {
    Lead(Lead),
    Wait(watch::Receiver<()>),
    /// Nobody waits for this.
    Alone,
}

/// The leading request; when it is dropped the others go on.
pub(crate) struct Lead {
    flights: Arc<Flights>,
    key: Arc<[u8]>,
    _sender: watch::Sender<()>,
}

impl Flights {
    pub(crate) fn new() -> Flights {
        Flights { under_way: Mutex::default(), unstorable: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(crate) fn join(flights: &Arc<Flights>, key: &Arc<[u8]>) -> Join {
        let (place, mark) = flights.place(key);
        if place.is_some_and(|place| place.load(Relaxed) == mark) {
            return Join::Alone;
        }
        let mut under_way = flights.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(receiver) = under_way.get(key) {
            return Join::Wait(receiver.clone());
        }
        let (sender, receiver) = watch::channel(());
        under_way.insert(key.clone(), receiver);
        Join::Lead(Lead { flights: flights.clone(), key: key.clone(), _sender: sender })
    }

    /// Notes whether answers for an address are stored.
    pub(crate) fn note(&self, key: &[u8], stored: bool) {
        let (place, mark) = self.place(key);
        let Some(place) = place else { return };
        match stored {
            false => place.store(mark, Relaxed),
            true => {
                let _ = place.compare_exchange(mark, 0, Relaxed, Relaxed);
            }
        }
    }

    fn place(&self, key: &[u8]) -> (Option<&AtomicU64>, u64) {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let mark = hasher.finish().max(1);
        (self.unstorable.get(usize::try_from(mark).unwrap_or(0) % PLACES), mark)
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.key);
    }
}
