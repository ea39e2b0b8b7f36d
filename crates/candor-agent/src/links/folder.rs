//! The documents of a folder, and which of its addresses are there without asking anybody.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use candor_links::{Document, Kind};
use candor_semantics::url::Url;

/// The largest document that is read, in bytes: 64 MiB.
const LARGEST: u64 = 64 << 20;

/// One document of a folder.
pub(super) struct Page {
    pub(super) file: PathBuf,
    /// The path beneath the folder, with slashes.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) document: Document,
}

/// The names of a folder.
pub(super) struct Folder {
    root: PathBuf,
    /// Whether it is one file only.
    only: Option<String>,
    /// Fragments by name of the page.
    pub(super) anchors: HashMap<String, HashSet<String>>,
    /// Whether a path is there, looked up once.
    seen: std::sync::Mutex<HashMap<String, Option<String>>>,
}

/// Reads all documents beneath a path, in the order of their names.
pub(super) fn read(path: &Path) -> io::Result<(Folder, Vec<Page>)> {
    let is_file = std::fs::metadata(path)?.is_file();
    let (root, files) = if is_file {
        let root = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        (root.to_owned(), vec![path.to_owned()])
    } else {
        let mut files = Vec::new();
        walk(path, 0, &mut files)?;
        files.sort();
        (path.to_owned(), files)
    };
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get()).min(16);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut pages: Vec<(usize, Page)> = Vec::with_capacity(files.len());
    std::thread::scope(|scope| {
        let work = || {
            let mut own = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(file) = files.get(at) else { return own };
                if let Some(page) = page(&root, file, is_file) {
                    own.push((at, page));
                }
            }
        };
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in running {
            if let Ok(own) = worker.join() {
                pages.extend(own);
            }
        }
    });
    pages.sort_by_key(|(at, _)| *at);
    let mut pages: Vec<Page> = pages.into_iter().map(|(_, page)| page).collect();
    let anchors = pages
        .iter_mut()
        .map(|page| (page.name.clone(), std::mem::take(&mut page.document.anchors)))
        .collect();
    let only = is_file.then(|| pages.first().map(|page| page.name.clone())).flatten();
    Ok((Folder { root, only, anchors, seen: std::sync::Mutex::default() }, pages))
}

/// Names that begin with a dot are no documents; links to other folders are not followed.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if depth > 64 {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() && Kind::of_name(&name).is_some() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn page(root: &Path, file: &Path, is_only: bool) -> Option<Page> {
    let name = file.strip_prefix(root).unwrap_or(file);
    let name = name.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    let kind = Kind::of_name(&name).or(is_only.then_some(Kind::List))?;
    if std::fs::metadata(file).ok()?.len() > LARGEST {
        return None;
    }
    let bytes = std::fs::read(file).ok()?;
    let document = candor_links::read(kind, &bytes)?;
    Some(Page { file: file.to_owned(), name, bytes, document })
}

impl Folder {
    /// The name of the file that answers for a path of the folder's site; none where nothing does.
    pub(super) fn file_of(&self, path: &str) -> Option<String> {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = seen.get(path) {
            return known.clone();
        }
        let found = self.look(path);
        seen.insert(path.to_owned(), found.clone());
        found
    }

    fn look(&self, path: &str) -> Option<String> {
        let decoded = candor_semantics::field::grammar::percent_decode(path.as_bytes())?;
        let decoded = String::from_utf8(decoded).ok()?;
        let name = decoded.trim_start_matches('/');
        if name.split('/').any(|part| part == ".." || part.contains('\0')) {
            return None;
        }
        let there = |name: &str| std::fs::metadata(self.root.join(name)).ok();
        let trimmed = name.trim_end_matches('/');
        match there(trimmed) {
            _ if trimmed.is_empty() => {}
            Some(found) if found.is_file() && trimmed == name => return Some(name.to_owned()),
            _ => {}
        }
        if there(trimmed).is_some_and(|found| found.is_dir()) || trimmed.is_empty() {
            let lead = if trimmed.is_empty() { String::new() } else { format!("{trimmed}/") };
            let index = ["index.html", "index.htm", "index.md", "README.md"]
                .iter()
                .map(|index| format!("{lead}{index}"))
                .find(|index| there(index).is_some_and(|found| found.is_file()));
            // A folder without an index is listed.
            return index
                .or(Some(format!("{lead}.")))
                .filter(|_| self.only.is_none() || there(trimmed).is_some());
        }
        ["html", "htm", "md"]
            .iter()
            .map(|ending| format!("{name}.{ending}"))
            .find(|name| there(name).is_some())
    }
}

/// The address of a page in the folder's site.
pub(super) fn address(base: &Url, name: &str) -> Option<Url> {
    let encoded = candor_semantics::address::encode_path(name.as_bytes());
    base.join(&format!("./{}", encoded.trim_start_matches('/'))).ok()
}
