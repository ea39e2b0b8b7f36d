//! The entity tags of what was read and written, so that the next write says what it is based on. A tag belongs to an
//! address and the file that the content went to or came from: two files are two edits.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use candor_semantics::url::Url;
use serde::{Deserialize, Serialize};

use crate::agent::now;
use crate::storage;

/// Remembered tags by address, and where the content they belong to is kept.
#[derive(Debug, Default)]
pub struct Tags {
    folder: Option<PathBuf>,
    known: BTreeMap<String, Known>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    tag: String,
    /// When it was seen, in seconds since 1970.
    seen: u64,
    /// Whether the content was second-hand (203): no tag to write against.
    #[serde(default)]
    is_second_hand: bool,
}

/// The largest content whose bytes are kept as the base of a later merge, in bytes: 1 MiB.
pub const LARGEST_BASE: usize = 1 << 20;

impl Tags {
    /// The tags kept in a folder.
    pub fn open(folder: Option<PathBuf>) -> Tags {
        let known =
            folder.as_deref().and_then(|f| storage::read_json(&f.join("tags.json"))).unwrap_or_default();
        Tags { folder, known }
    }

    /// The tag remembered for an address and a file.
    pub fn of(&self, url: &Url, file: &Path) -> Option<&str> {
        self.known.get(&key(url, file)).filter(|known| !known.is_second_hand).map(|known| known.tag.as_str())
    }

    /// Whether the file came from a second-hand copy.
    pub fn is_second_hand(&self, url: &Url, file: &Path) -> bool {
        self.known.get(&key(url, file)).is_some_and(|known| known.is_second_hand)
    }

    /// Remembers that the file came from a second-hand copy.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn note_second_hand(&mut self, url: &Url, file: &Path) -> io::Result<()> {
        let known = Known { tag: String::new(), seen: now().unix(), is_second_hand: true };
        self.known.insert(key(url, file), known);
        self.write()
    }

    /// The tag seen last for an address, whatever the file.
    pub fn newest(&self, url: &Url) -> Option<&str> {
        let start = address(url);
        let own =
            self.known.iter().filter(|(key, _)| key.strip_prefix(&start).is_some_and(|k| k.starts_with(' ')));
        own.max_by_key(|(_, known)| known.seen).map(|(_, known)| known.tag.as_str())
    }

    /// The content that the remembered tag belongs to, where it was kept.
    pub fn base(&self, url: &Url, file: &Path) -> Option<Vec<u8>> {
        let tag = self.of(url, file)?;
        std::fs::read(self.folder.as_ref()?.join(base_name(&key(url, file), tag))).ok()
    }

    /// Remembers a strong tag and the content it belongs to; a weak one, or none, forgets.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn note(
        &mut self,
        url: &Url,
        file: &Path,
        tag: Option<&str>,
        content: Option<&[u8]>,
    ) -> io::Result<()> {
        let key = key(url, file);
        if let (Some(folder), Some(old)) = (&self.folder, self.known.get(&key)) {
            let _ = std::fs::remove_file(folder.join(base_name(&key, &old.tag)));
        }
        let strong = tag.filter(|tag| tag.starts_with('"'));
        match strong {
            Some(tag) => self.known.insert(
                key.clone(),
                Known { tag: tag.to_owned(), seen: now().unix(), is_second_hand: false },
            ),
            None => self.known.remove(&key),
        };
        self.write()?;
        let Some(folder) = &self.folder else { return Ok(()) };
        match (strong, content) {
            (Some(tag), Some(content)) if content.len() <= LARGEST_BASE => {
                storage::replace(&folder.join(base_name(&key, tag)), content)
            }
            _ => Ok(()),
        }
    }

    /// Forgets all tags of an address: it was removed.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn forget(&mut self, url: &Url) -> io::Result<()> {
        let start = format!("{} ", address(url));
        self.known.retain(|key, _| !key.starts_with(&start));
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        match &self.folder {
            Some(folder) => storage::write_json(&folder.join("tags.json"), &self.known),
            None => Ok(()),
        }
    }
}

fn address(url: &Url) -> String {
    url.clone().without_fragment().to_string()
}

fn key(url: &Url, file: &Path) -> String {
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    format!("{} {}", address(url), file.display())
}

fn base_name(key: &str, tag: &str) -> String {
    format!("{}.base", storage::name_of(&format!("{key} {tag}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_are_two_edits() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let url = Url::parse("http://a/x").unwrap();
        let mut tags = Tags::open(Some(folder.path().into()));
        tags.note(&url, &one, Some("\"v1\""), Some(b"text")).unwrap();
        tags.note(&url, &two, Some("\"v2\""), None).unwrap();
        tags.note(&url, &folder.path().join("weak"), Some("W/\"v3\""), None).unwrap();
        let mut tags = Tags::open(Some(folder.path().into()));
        assert_eq!((tags.of(&url, &one), tags.of(&url, &two)), (Some("\"v1\""), Some("\"v2\"")));
        assert_eq!(tags.base(&url, &one).as_deref(), Some(&b"text"[..]));
        assert!(tags.newest(&url).is_some());
        tags.forget(&url).unwrap();
        assert_eq!(tags.newest(&url), None);
    }
}
