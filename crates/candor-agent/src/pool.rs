//! Kept connections, by where they lead.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::connect::Connection;

/// The most idle connections kept for one place.
const MOST: usize = 16;

/// Idle connections.
#[derive(Default)]
pub(crate) struct Pool(Mutex<HashMap<String, Vec<Connection>>>);

impl Pool {
    /// A kept connection that is open and silent.
    pub(crate) async fn take(&self, place: &str) -> Option<Connection> {
        loop {
            let mut connection = self.lock().get_mut(place)?.pop()?;
            if connection.is_silent().await {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request.
    pub(crate) fn put(&self, place: &str, mut connection: Connection) {
        connection.is_reused = true;
        let mut kept = self.lock();
        let idle = kept.entry(place.to_owned()).or_default();
        if idle.len() < MOST {
            idle.push(connection);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Connection>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
