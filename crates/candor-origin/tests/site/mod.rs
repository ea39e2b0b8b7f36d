//! A folder in a temporary place, and questions to it.
#![allow(dead_code, reason = "each test uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use candor_origin::{Body, Folder, FolderOptions, Opened, Rules, Standing};
use candor_semantics::address::Address;
use candor_semantics::facts::Live;
use candor_semantics::representation::{Chosen, Coding, CodingSet, OpenFault, Variant};

/// A served temporary folder.
pub(crate) struct Site {
    pub(crate) folder: Folder,
    pub(crate) rules: Arc<Rules>,
    pub(crate) root: PathBuf,
    pub(crate) place: tempfile::TempDir,
}

impl Site {
    /// A site with these files, each holding its own name; a name that ends in a slash is a folder.
    pub(crate) fn with(names: &[&str]) -> Site {
        let site = Site::empty();
        for name in names {
            match name.strip_suffix('/') {
                Some(folder) => fs::create_dir_all(site.path(folder)).unwrap(),
                None => site.write(name, name),
            }
        }
        site.settle();
        site
    }

    pub(crate) fn empty() -> Site {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("site");
        fs::create_dir(&root).unwrap();
        let folder = Folder::open(&root, FolderOptions::default()).unwrap();
        let rules = Arc::new(Rules { listing: true, ..Rules::default() });
        Site { folder, rules, root, place }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Waits until stamps are trusted.
    pub(crate) fn settle(&self) {
        std::thread::sleep(Duration::from_millis(30));
    }

    pub(crate) async fn look(&self, target: &str) -> Standing {
        self.folder.look(&Address::parse(target.as_bytes()).unwrap(), &self.rules).await
    }

    /// What is at an address, in words: `document a.html b.html`, `listing`, `slash /a/`, `nothing`, `away`.
    pub(crate) async fn words(&self, target: &str) -> String {
        let standing = self.look(target).await;
        match (&standing.live, &standing.slash_form) {
            (Some(Live::Document { variants }), None) => {
                let names: Vec<String> = variants.iter().map(describe).collect();
                names.join(" ")
            }
            (Some(Live::Listing), None) => "listing".to_owned(),
            (Some(Live::Folder), None) => "folder".to_owned(),
            (None, Some(to)) => format!("slash {}", String::from_utf8_lossy(&to.0)),
            (None, None) if standing.away => "away".to_owned(),
            (None, None) => "nothing".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn open(&self, target: &str) -> Result<Opened, OpenFault> {
        self.open_coded(target, Coding::Identity).await
    }

    /// Opens the first variant.
    pub(crate) async fn open_coded(&self, target: &str, coding: Coding) -> Result<Opened, OpenFault> {
        self.open_wanting(target, coding, CodingSet::EMPTY).await
    }

    pub(crate) async fn open_wanting(
        &self,
        target: &str,
        coding: Coding,
        wanted: CodingSet,
    ) -> Result<Opened, OpenFault> {
        let standing = self.look(target).await;
        self.folder.open_form(&standing, Some(Chosen { variant: 0, coding }), wanted).await
    }

    /// The bytes at an address; `None` where nothing is.
    pub(crate) async fn bytes(&self, target: &str) -> Option<Bytes> {
        self.open(target).await.ok().map(|opened| bytes_of(&opened))
    }
}

/// All bytes of an opened form.
pub(crate) fn bytes_of(opened: &Opened) -> Bytes {
    match &opened.body {
        Body::Bytes(bytes) => bytes.clone(),
        Body::File { file, length, .. } => {
            let mut bytes = vec![0; usize::try_from(*length).unwrap()];
            std::os::unix::fs::FileExt::read_exact_at(&**file, &mut bytes, 0).unwrap();
            bytes.into()
        }
        Body::Listing(_) => panic!("a listing"),
    }
}

fn describe(variant: &Variant) -> String {
    let name = variant.href.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
    let name = String::from_utf8_lossy(&variant.href[name..]).into_owned();
    match &variant.language {
        Some(language) => format!("{name}[{}]", String::from_utf8_lossy(language)),
        None => name,
    }
}

pub(crate) fn set_modified(path: &Path, time: SystemTime) {
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}
