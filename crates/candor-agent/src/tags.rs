//! The entity tags of what was read and written, so that the next write says what it is based on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candor_semantics::url::Url;
use serde::{Deserialize, Serialize};

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

    /// The tag remembered for an address.
    pub fn of(&self, url: &Url) -> Option<&str> {
        self.known.get(&key(url)).map(|known| known.tag.as_str())
    }

    /// The content that the remembered tag belongs to, where it was kept.
    pub fn base(&self, url: &Url) -> Option<Vec<u8>> {
        let tag = self.of(url)?;
        std::fs::read(self.folder.as_ref()?.join(base_name(url, tag))).ok()
    }

    /// Remembers a strong tag and the content it belongs to; a weak one, or none, forgets.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn note(&mut self, url: &Url, tag: Option<&str>, content: Option<&[u8]>) -> std::io::Result<()> {
        if let (Some(folder), Some(old)) = (&self.folder, self.known.get(&key(url))) {
            let _ = std::fs::remove_file(folder.join(base_name(url, &old.tag)));
        }
        match tag.filter(|tag| tag.starts_with('"')) {
            Some(tag) => self.known.insert(key(url), Known { tag: tag.to_owned() }),
            None => self.known.remove(&key(url)),
        };
        let Some(folder) = &self.folder else { return Ok(()) };
        storage::write_json(&folder.join("tags.json"), &self.known)?;
        match (tag, content) {
            (Some(tag), Some(content)) if content.len() <= LARGEST_BASE => {
                storage::replace(&folder.join(base_name(url, tag)), content)
            }
            _ => Ok(()),
        }
    }
}

fn key(url: &Url) -> String {
    url.clone().without_fragment().to_string()
}

fn base_name(url: &Url, tag: &str) -> String {
    format!("{}.base", storage::name_of(&format!("{} {tag}", key(url))))
}
