//! The backends, held to the suite, and what is SQLite's alone.

#![allow(clippy::unwrap_used)]

use candor_store::{
    Change, Digest, Ledger, MarkKind, MemoryStore, NewVersion, Record, SqliteStore, Standing, StoreError,
    conformance,
};

#[test]
fn memory() {
    conformance::all(MemoryStore::new);
}

/// A store with the folder it lives in.
fn in_folder() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    (folder, store)
}

#[test]
fn sqlite() {
    let folders = std::sync::Mutex::new(Vec::new());
    conformance::all(|| {
        let (folder, store) = in_folder();
        folders.lock().unwrap().push(folder);
        store
    });
}

fn put(text: &str) -> Change {
    Change::Put(NewVersion { digest: Digest::of(text.as_bytes()), length: 1, media_type: None })
}

#[test]
fn what_was_recorded_is_there_after_a_restart() {
    let (folder, store) = in_folder();
    store.record(&Record::new("/a", put("1"))).unwrap();
    store.intend(&Record::new("/a", put("2"))).unwrap();
    drop(store);
    let store = SqliteStore::open(folder.path()).unwrap();
    assert!(matches!(store.standing(b"/a"), Ok(Standing::Present(v)) if v.digest == Digest::of(b"1")));
    assert_eq!(store.intents().unwrap().len(), 1);
}

#[test]
fn marks_of_another_process_are_seen() {
    let (folder, store) = in_folder();
    let other = SqliteStore::open(folder.path()).unwrap();
    let gone = MarkKind::Gone { note: None, from: None, until: None };
    other.record(&Record::new("/a", Change::Mark(gone))).unwrap();
    let seen = (0..50).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        store.mark(b"/a").unwrap().is_some()
    });
    assert!(seen);
}

#[test]
fn a_ledger_from_a_later_version_is_refused() {
    let (folder, store) = in_folder();
    drop(store);
    let connection = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert_eq!(SqliteStore::open(folder.path()).err(), Some(StoreError::Newer(99, 1)));
    std::fs::write(folder.path().join("ledger.sqlite"), [b'x'; 5000]).unwrap();
    assert!(matches!(SqliteStore::open(folder.path()), Err(StoreError::Damaged(_))));
}
