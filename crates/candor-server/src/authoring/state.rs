//! Where a site's ledger is kept, and who may use it.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use candor_origin::Folder;
use candor_store::{MemoryStore, SqliteStore, StoreError};
use rustix::fs::FlockOperation;

use super::{Authoring, recover};
use crate::configuration::{RouteKind, Site};
use crate::report;

/// The folder in the state folder where content arrives.
pub(crate) const INCOMING: &str = "incoming";

/// States that are open in this process, so that a reload finds the one that is at work.
static OPEN: Mutex<Option<HashMap<PathBuf, Weak<Authoring>>>> = Mutex::new(None);

/// Opens what a site needs for writing and for the marks of its ledger; `None` where it needs nothing.
///
/// # Errors
/// The ledger is there and cannot be used: another process has it, it is damaged, or of a later version.
pub(crate) fn open(site: &Site, state: Option<&Path>, folder: &Folder) -> io::Result<Option<Arc<Authoring>>> {
    let places = places(&site.root, state);
    let offered = offers_writing(site);
    if !offered && !places.iter().any(|place| SqliteStore::is_there(place)) {
        return Ok(None);
    }
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let open = open.get_or_insert_default();
    let mut refused = Vec::new();
    for (rank, place) in places.iter().enumerate() {
        if let Some(authoring) = open.get(place).and_then(Weak::upgrade) {
            return Ok(Some(authoring));
        }
        if !offered && !SqliteStore::is_there(place) {
            continue;
        }
        match open_in(place) {
            Ok(authoring) => {
                if rank > 0 {
                    report::note(&format!("the ledger is kept in {}", place.display()));
                }
                let authoring = Arc::new(authoring);
                recover::recover(&authoring, folder).map_err(|error| named(place, &error))?;
                open.insert(place.clone(), Arc::downgrade(&authoring));
                return Ok(Some(authoring));
            }
            Err(Refused::Elsewhere(why)) => refused.push(why),
            Err(Refused::Fatal(error)) => return Err(error),
        }
    }
    report::warn(&format!(
        "the ledger is kept in memory only and writing is not offered: {}",
        refused.join("; ")
    ));
    Ok(Some(Arc::new(in_memory())))
}

fn offers_writing(site: &Site) -> bool {
    site.routes.iter().any(|route| match route.what {
        RouteKind::Documents(_) => route.access.write.is_some(),
        RouteKind::Form(_) => true,
        _ => false,
    })
}

/// Where the state of a served folder can be, the usual place first.
pub fn places(root: &Path, state: Option<&Path>) -> Vec<PathBuf> {
    let name = root.file_name().map_or(&b"root"[..], OsStrExt::as_bytes);
    let name = String::from_utf8_lossy(name).into_owned();
    let digest = blake3::hash(root.as_os_str().as_bytes()).to_hex();
    let own = format!("{name}-{}", digest.get(..8).unwrap_or_default());
    if let Some(state) = state {
        return vec![state.join(own)];
    }
    let beside = root.parent().map(|parent| parent.join(format!(".{name}.candor")));
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = variable("HOME").map(|home| home.join(".local/state"));
    let user = variable("XDG_STATE_HOME").or(home).map(|state| state.join("candor"));
    let places = [beside, variable("STATE_DIRECTORY").map(|d| d.join(&own)), user.map(|d| d.join(&own))];
    places.into_iter().flatten().collect()
}

/// Why a place is not used.
enum Refused {
    /// Another place may do.
    Elsewhere(String),
    /// No other place may be used in its stead.
    Fatal(io::Error),
}

fn open_in(place: &Path) -> Result<Authoring, Refused> {
    let elsewhere = |error: io::Error| Refused::Elsewhere(format!("{}: {error}", place.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(place).map_err(elsewhere)?;
    let lock = File::create(place.join("lock")).map_err(elsewhere)?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::AGAIN) => {
            let text = format!("{}: another candor serves this folder and keeps its ledger", place.display());
            return Err(Refused::Fatal(io::Error::new(io::ErrorKind::ResourceBusy, text)));
        }
        // A file system without locks.
        Err(_) => {}
    }
    let incoming = place.join(INCOMING);
    // Nobody but us writes there: what is left is of a crash.
    match fs::remove_dir_all(&incoming) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(elsewhere(error)),
        _ => {}
    }
    fs::create_dir(&incoming).map_err(elsewhere)?;
    let store = match SqliteStore::open(place) {
        Ok(store) => Arc::new(store),
        Err(error @ (StoreError::Temporary(_) | StoreError::Full)) => {
            return Err(Refused::Elsewhere(format!("{}: {error}", place.display())));
        }
        Err(error) => return Err(Refused::Fatal(named(place, &error))),
    };
    Ok(Authoring {
        ledger: store.clone(),
        contents: store,
        folder: Some(place.to_owned()),
        locks: Default::default(),
        tree: Arc::default(),
        number: Default::default(),
        _lock: Some(lock),
    })
}

fn in_memory() -> Authoring {
    let store = Arc::new(MemoryStore::new());
    Authoring {
        ledger: store.clone(),
        contents: store,
        folder: None,
        locks: Default::default(),
        tree: Arc::default(),
        number: Default::default(),
        _lock: None,
    }
}

fn named(place: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_beside_the_folder_unless_told() {
        let beside = places(Path::new("/srv/public"), None);
        assert_eq!(beside.first().map(PathBuf::as_path), Some(Path::new("/srv/.public.candor")));
        let told = places(Path::new("/srv/public"), Some(Path::new("/var/lib/candor")));
        assert_eq!(told.len(), 1);
        assert!(
            told.iter()
                .all(|place| place.starts_with("/var/lib/candor")
                    && place.to_string_lossy().contains("public-"))
        );
        assert_ne!(told, places(Path::new("/other/public"), Some(Path::new("/var/lib/candor"))));
    }

    #[test]
    fn two_do_not_share_a_state_folder() {
        let place = std::env::temp_dir().join(format!("candor-state-{}", std::process::id()));
        let Ok(first) = open_in(&place) else { panic!("the first is let in") };
        assert!(
            matches!(open_in(&place), Err(Refused::Fatal(error)) if error.to_string().contains("another candor"))
        );
        drop(first);
        assert!(open_in(&place).is_ok());
        let _ = fs::remove_dir_all(place);
    }
}
