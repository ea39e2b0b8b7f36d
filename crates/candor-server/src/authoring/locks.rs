//! One writer for each address at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

type Lock = tokio::sync::Mutex<()>;

/// Locks by address; those that nobody holds or waits for are not there.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashMap<Box<[u8]>, Weak<Lock>>>);

impl Locks {
    /// Waits until nobody else writes at this address.
    pub(crate) async fn lock(&self, path: &[u8]) -> OwnedMutexGuard<()> {
        self.of(path).lock_owned().await
    }

    fn of(&self, path: &[u8]) -> Arc<Lock> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(path).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() > 1024 {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::default();
        locks.insert(path.into(), Arc::downgrade(&lock));
        lock
    }
}
