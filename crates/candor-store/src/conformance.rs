//! What every store must do. A backend calls [`all`] with something that makes an empty store.

#![allow(clippy::panic, clippy::indexing_slicing)] // It is a test, only that others run it.

use std::sync::Arc;

use crate::{
    ActKind, Change, Contents, Digest, Expected, Kind, Leaves, Ledger, MarkKind, NewVersion, Record,
    RecordError, Standing,
};

/// A store as the suite sees it.
pub trait Store: Ledger + Contents + 'static {}

impl<T: Ledger + Contents + 'static> Store for T {}

/// Every demand, each on a store of its own.
///
/// # Panics
/// The store does not do what is demanded.
pub fn all<S: Store>(make: impl Fn() -> S) {
    documents_come_and_go(&make());
    what_is_expected_is_checked(&make());
    collections_move_as_one(&make());
    the_first_move_after_the_last_presence_counts(&make());
    moves_are_one_hop_and_never_loops(&make());
    names_are_used_again(&make());
    what_was_found_is_a_version(&make());
    marks_hold_until_they_are_lifted(&make());
    intents_outlive_nothing_but_a_crash(&make());
    contents_are_what_their_digest_says(&make());
    one_of_many_wins(Arc::new(make()));
}

fn put(text: &str) -> Change {
    Change::Put(NewVersion {
        digest: Digest::of(text.as_bytes()),
        length: text.len() as u64,
        media_type: None,
    })
}

fn done(store: &impl Ledger, path: &str, change: Change) {
    if let Err(error) = store.record(&Record::new(path, change.clone())) {
        panic!("{path} {change:?}: {error}");
    }
}

fn moved(to: &str, below: &[(&str, Kind)]) -> Change {
    let below = below.iter().map(|(path, kind)| (path.as_bytes().to_vec(), *kind)).collect();
    Change::Move { to: to.into(), leaves: Leaves::Mark, below }
}

/// The standing in one word, with the target of a move.
fn told(store: &impl Ledger, path: &str) -> String {
    match store.standing(path.as_bytes()) {
        Ok(Standing::Unknown) => "unknown".to_owned(),
        Ok(Standing::Present(_)) => "present".to_owned(),
        Ok(Standing::Collection) => "collection".to_owned(),
        Ok(Standing::Moved { to, .. }) => format!("moved {}", String::from_utf8_lossy(&to)),
        Ok(Standing::Gone { .. }) => "gone".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn check(store: &impl Ledger, expected: &[(&str, &str)]) {
    for (path, standing) in expected {
        assert_eq!(told(store, path), *standing, "{path}");
    }
}

fn contents(store: &impl Ledger, path: &str) -> Vec<Digest> {
    store.versions(path.as_bytes()).unwrap_or_default().iter().map(|version| version.digest).collect()
}

fn documents_come_and_go(store: &impl Ledger) {
    check(store, &[("/a/b", "unknown"), ("/", "collection")]);
    done(store, "/a/b", put("1"));
    check(store, &[("/a/b", "present"), ("/a", "collection"), ("/a/", "collection"), ("/a/b/", "unknown")]);
    done(store, "/a/b", put("2"));
    assert_eq!(contents(store, "/a/b"), [Digest::of(b"1"), Digest::of(b"2")]);
    done(store, "/a/b", Change::Delete(Leaves::Mark));
    check(store, &[("/a/b", "gone"), ("/a/c", "unknown")]);
    done(store, "/a/c", Change::Delete(Leaves::Nothing));
    check(store, &[("/a/c", "unknown")]);
    done(store, "/a/d", Change::Delete(Leaves::Mark));
    check(store, &[("/a/d", "gone")]);
    done(store, "/a/d", Change::Lift);
    check(store, &[("/a/d", "unknown")]);
    let acts = store.acts(Some(b"/a/b"), None, 10).unwrap_or_default();
    let kinds: Vec<ActKind> = acts.iter().map(|act| act.kind).collect();
    assert_eq!(kinds, [ActKind::Delete, ActKind::Put, ActKind::Put]);
    assert!(acts.windows(2).all(|two| two[0].at > two[1].at && two[0].number > two[1].number));
    assert_eq!(store.acts(Some(b"/a/"), Some(3), 10).map(|acts| acts.len()), Ok(2));
}

fn what_is_expected_is_checked(store: &impl Ledger) {
    let attempt =
        |text: &str, expected| store.record(&Record { expected, ..Record::new("/x", put(text)) }).map(|_| ());
    assert!(matches!(attempt("1", Expected::Content(Digest::of(b"0"))), Err(RecordError::Clash(_))));
    assert_eq!(attempt("1", Expected::Nothing), Ok(()));
    assert!(matches!(attempt("2", Expected::Nothing), Err(RecordError::Clash(_))));
    assert!(matches!(attempt("2", Expected::Content(Digest::of(b"0"))), Err(RecordError::Clash(_))));
    assert_eq!(attempt("2", Expected::Content(Digest::of(b"1"))), Ok(()));
    assert_eq!(contents(store, "/x"), [Digest::of(b"1"), Digest::of(b"2")]);
    assert_eq!(store.record(&Record::new("x", put(""))), Err(RecordError::NoPath));
    assert_eq!(store.record(&Record::new("/a//b", put(""))), Err(RecordError::NoPath));
}

fn collections_move_as_one(store: &impl Ledger) {
    for number in 0..50 {
        done(store, &format!("/a/b/{number}"), put("x"));
    }
    let before = store.acts(None, None, 1000).map(|acts| acts.len()).unwrap_or(0);
    done(store, "/a/b/", moved("/new/place/", &[("by/hand", Kind::Document)]));
    assert_eq!(store.acts(None, None, 1000).map(|acts| acts.len()), Ok(before + 1));
    check(
        store,
        &[
            ("/a/b/7", "moved /new/place/7"),
            ("/a/b/", "moved /new/place/"),
            ("/a/b", "moved /new/place/"),
            ("/a/b/by/hand", "moved /new/place/by/hand"),
            ("/a/b/none", "unknown"),
            ("/new/place/7", "present"),
            ("/a/", "collection"),
        ],
    );
    done(store, "/new/place/later", put("x"));
    check(store, &[("/a/b/later", "unknown"), ("/new/place/later", "present")]);
}

fn the_first_move_after_the_last_presence_counts(store: &impl Ledger) {
    done(store, "/a/b/doc", put("x"));
    done(store, "/a/other", put("x"));
    done(store, "/a/b/", moved("/x/", &[]));
    done(store, "/a/", moved("/z/", &[]));
    check(
        store,
        &[
            ("/a/b/doc", "moved /x/doc"),
            ("/a/other", "moved /z/other"),
            ("/x/doc", "present"),
            ("/z/b/doc", "unknown"),
            ("/z/b/", "unknown"),
        ],
    );
}

fn moves_are_one_hop_and_never_loops(store: &impl Ledger) {
    done(store, "/1", put("x"));
    for (from, to) in [("/1", "/2"), ("/2", "/3"), ("/3", "/d/4")] {
        done(store, from, moved(to, &[]));
    }
    check(store, &[("/1", "moved /d/4"), ("/2", "moved /d/4"), ("/3", "moved /d/4"), ("/d/4", "present")]);
    done(store, "/d/4", moved("/1", &[]));
    check(store, &[("/1", "present"), ("/2", "moved /1"), ("/d/4", "moved /1")]);
    assert_eq!(contents(store, "/2"), [Digest::of(b"x")]);
    done(store, "/1", Change::Delete(Leaves::Mark));
    check(store, &[("/1", "gone"), ("/2", "gone")]);
    done(store, "/c/x", put("x"));
    for inside in ["/c/", "/c/d/", "/c"] {
        let attempt = store.record(&Record::new("/c/", moved(inside, &[])));
        assert_eq!(attempt, Err(RecordError::IntoItself), "{inside}");
    }
}

fn names_are_used_again(store: &impl Ledger) {
    done(store, "/a", put("1"));
    done(store, "/a", moved("/b", &[]));
    done(store, "/a", put("2"));
    check(store, &[("/a", "present"), ("/b", "present")]);
    assert_eq!(contents(store, "/a"), [Digest::of(b"1"), Digest::of(b"2")]);
    done(store, "/a", Change::Delete(Leaves::Mark));
    check(store, &[("/a", "gone"), ("/b", "present")]);
    done(store, "/c", put("3"));
    done(store, "/c", moved("/b", &[]));
    check(store, &[("/c", "moved /b"), ("/b", "present")]);
    done(store, "/tmp", put("4"));
    let quiet = Change::Move { to: b"/b".to_vec(), leaves: Leaves::Nothing, below: Vec::new() };
    done(store, "/tmp", quiet);
    check(store, &[("/tmp", "unknown"), ("/b", "present")]);
    done(store, "/d", put("5"));
    done(store, "/d/e", put("6"));
    check(store, &[("/d", "collection"), ("/d/e", "present")]);
}

fn what_was_found_is_a_version(store: &impl Ledger) {
    let found = NewVersion { digest: Digest::of(b"hand"), length: 4, media_type: None };
    let record = Record { found: Some(found), author: Some("amy".to_owned()), ..Record::new("/a", put("1")) };
    assert!(store.record(&record).is_ok());
    let versions = store.versions(b"/a").unwrap_or_default();
    let told: Vec<_> = versions.iter().map(|v| (v.digest, v.written, v.author.as_deref())).collect();
    assert_eq!(told, [(Digest::of(b"hand"), false, None), (Digest::of(b"1"), true, Some("amy"))]);
}

fn marks_hold_until_they_are_lifted(store: &impl Ledger) {
    let gone = MarkKind::Gone { note: Some("over".to_owned()), from: None, until: None };
    done(store, "/a", Change::Mark(gone.clone()));
    done(store, "/old/", Change::Mark(MarkKind::Moved(vec!["/new/".to_owned(), "/b".to_owned()])));
    let what = |path: &str| store.mark(path.as_bytes()).unwrap_or_default().map(|mark| mark.what);
    assert_eq!(what("/a"), Some(gone));
    assert_eq!(what("/old/x/y"), Some(MarkKind::Moved(vec!["/new/".to_owned(), "/b".to_owned()])));
    assert_eq!(what("/b"), None);
    done(store, "/a", put("x"));
    assert!(what("/a").is_some());
    done(store, "/a", Change::Lift);
    assert_eq!(what("/a"), None);
    check(store, &[("/a", "present")]);
}

fn intents_outlive_nothing_but_a_crash(store: &impl Ledger) {
    let record = Record { author: Some("amy".to_owned()), ..Record::new("/a", put("1")) };
    let first = store.intend(&record);
    let second = store.intend(&Record::new("/b/", moved("/c/", &[])));
    let (Ok(first), Ok(second)) = (first, second) else { panic!("intents are not written") };
    let kept = store.intents().unwrap_or_default();
    assert_eq!(kept.len(), 2);
    assert_eq!(
        kept.first().map(|intent| (&intent.record.change, &intent.record.author)),
        Some((&record.change, &record.author))
    );
    check(store, &[("/a", "unknown")]);
    assert!(store.record(&Record { fulfils: Some(first), ..record.clone() }).is_ok());
    assert_eq!(store.abandon(second), Ok(()));
    assert_eq!(store.intents().map(|intents| intents.len()), Ok(0));
    let clash = Record { expected: Expected::Nothing, ..record };
    assert!(matches!(store.intend(&clash), Err(RecordError::Clash(_))));
}

fn contents_are_what_their_digest_says(store: &impl Contents) {
    let large: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    for bytes in [&b""[..], b"small", &large] {
        let digest = Digest::of(bytes);
        assert_eq!(store.has(&digest), Ok(false));
        for _ in 0..2 {
            assert_eq!(store.keep(&digest, &mut &bytes[..], bytes.len() as u64), Ok(()));
        }
        assert_eq!(store.has(&digest), Ok(true));
        let kept =
            store.open(&digest).unwrap_or_default().and_then(|kept| kept.bytes(1 << 20).unwrap_or_default());
        assert_eq!(kept.as_deref(), Some(bytes));
    }
    let other = Digest::of(b"other");
    assert!(store.keep(&other, &mut &b"bytes"[..], 5).is_err());
    assert!(store.keep(&other, &mut &large[..], large.len() as u64).is_err());
    assert_eq!(store.has(&other), Ok(false));
    assert!(matches!(store.open(&other), Ok(None)));
}

fn one_of_many_wins<S: Store>(store: Arc<S>) {
    let mut current = Digest::of(b"0");
    done(&*store, "/x", put("0"));
    for round in 0..5 {
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let (store, expected) = (store.clone(), Expected::Content(current));
                std::thread::spawn(move || {
                    let text = format!("{round} {writer}");
                    let won = store.record(&Record { expected, ..Record::new("/x", put(&text)) }).is_ok();
                    won.then(|| Digest::of(text.as_bytes()))
                })
            })
            .collect();
        let won: Vec<Digest> =
            writers.into_iter().filter_map(|writer| writer.join().ok().flatten()).collect();
        assert_eq!(won.len(), 1, "round {round}");
        current = won.first().copied().unwrap_or(current);
    }
    assert_eq!(contents(&*store, "/x").len(), 6);
}
